"""How far the words of a response and of a gold answer agree: token F1, a graded score beside the matchers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from honesty_utils.grading import columns
from honesty_utils.grading.matching import check_list
from honesty_utils.grading.normalizing import normalize, normalize_all


def token_f1(response: str, answers: Iterable[str]) -> float:
    """Largest F1, over the aliases, between the words of a response and those of an alias, repeated words counted.

    Words are those of the normalized texts, split at spaces: a script without spaces has one word a phrase. An alias
    without words gives 0, also against an empty response. Source: the F1 of SQuAD (arXiv 1606.05250), which TriviaQA
    took over.

    Raises:
        TypeError: ``answers`` is a single string.
    """
    check_list(answers)
    return _best(Counter(normalize(response).split()), [Counter(normalize(alias).split()) for alias in answers])


def token_f1_table(table: pd.DataFrame) -> NDArray[np.float64]:
    """`token_f1` of every row of a table with the columns that `grade_table` takes; NaN for multiple choice.

    Raises:
        ValueError: a missing column, or a row whose text or answers are none; names the row.
    """
    golds, gold = columns.golds(table)
    texts, text = columns.texts(table, "text")
    words = [Counter(normal.split()) for normal in normalize_all(texts)]
    aliases = [[Counter(normal.split()) for normal in normalize_all(one.answers)] for one in golds]
    pairs, row = np.unique(np.column_stack([gold, text]), axis=0, return_inverse=True)
    found = [
        _best(words[said], aliases[asked]) if golds[asked].choices is None else np.nan for asked, said in pairs.tolist()
    ]
    return np.array(found, dtype=np.float64)[row]


def _best(words: Counter[str], aliases: Sequence[Counter[str]]) -> float:
    return max((_f1(words, alias) for alias in aliases), default=0.0)


def _f1(first: Counter[str], second: Counter[str]) -> float:
    # 2 precision recall / (precision + recall), with the sizes of both put in.
    common = sum(min(count, first[word]) for word, count in second.items() if word in first)
    return 2 * common / (first.total() + second.total()) if common else 0.0
