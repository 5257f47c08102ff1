"""The verdicts on a whole table of responses, for millions of rows.

The same rules as for one response, arranged so that nothing is done twice: distinct texts are normalized together,
aliases once a question, and the responses to a question are first searched as one text, which most aliases are not in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from honesty_utils.common.settings import DEFAULT_REFUSAL
from honesty_utils.grading import columns
from honesty_utils.grading.columns import Gold
from honesty_utils.grading.families import PAPER_SIGNS
from honesty_utils.grading.matching import NUMBER, check_match, found_in
from honesty_utils.grading.normalizing import normalize_all, padded
from honesty_utils.grading.numbers import same_number
from honesty_utils.grading.options import choose
from honesty_utils.grading.refusals import Refusals, asked

_BETWEEN = "\0"  # between joined texts; a sign that holds it, which none does, would be looked for across them
_WRONG, _CORRECT, _IDK, _UNSCORED = range(4)
_OUTCOMES = np.array(["wrong", "correct", "idk", "unscored"], dtype=object)


def grade_table(
    table: pd.DataFrame,
    *,
    match: str = "contains",
    refusal: str = DEFAULT_REFUSAL,
    signs: Sequence[str] = PAPER_SIGNS,
) -> pd.DataFrame:
    """Grade a row a response, as `grade` does; each distinct text and alias is normalized once.

    A row with ``choices`` is graded by `choose_option` against ``answer_index``: no choice that can be told is
    ``unscored``, a refusal is ``idk`` as everywhere.

    Args:
        table: ``question``, ``answers`` (list of aliases), ``text``; optional ``choices`` and ``answer_index``.
        match: as for `grade`; also how option texts are found.
        refusal: the trained refusal sentence.
        signs: refusal signs beside it.

    Returns:
        ``table`` with ``outcome`` (``correct``, ``wrong``, ``idk``, ``unscored``) and ``matched`` (bool) added.

    Raises:
        ValueError: a missing column, or a row whose text, answers or option index is none; names the row.
    """
    rules = Refusals(refusal, signs)
    check_match(match)
    golds, gold = columns.golds(table)
    texts, text = columns.texts(table, "text")
    rows = _Rows(golds, gold, texts, padded(texts), text)
    matched, readable = _matched(rows, match)
    outcome = np.where(matched, _CORRECT, np.where(readable, _WRONG, _UNSCORED))
    outcome[_refused(rows, rules)] = _IDK
    return table.assign(outcome=pd.Series(_OUTCOMES[outcome], index=table.index, dtype="str"), matched=matched)


@dataclass(frozen=True)
class _Rows:
    """A table taken apart: its distinct questions and texts, and which of them each row has.

    ``spaced`` are the texts in the form of `normalizing.padded`.
    """

    golds: Sequence[Gold]
    gold: NDArray[np.int64]
    texts: Sequence[str]
    spaced: Sequence[str]
    text: NDArray[np.int64]


def _matched(rows: _Rows, match: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Of each row, whether it has the right answer, and whether it can be told what it answers."""
    aliases = [alias for gold in rows.golds for alias in (*gold.answers, *(gold.choices or ()))]
    normal = iter(normalize_all(aliases))
    order = np.argsort(rows.gold, kind="stable")
    text = rows.text[order].tolist()
    ends = np.searchsorted(rows.gold[order], np.arange(len(rows.golds)), side="right").tolist()
    found: list[bool] = []
    readable: list[bool] = []
    for gold, end in zip(rows.golds, ends, strict=True):
        own = text[len(found) : end]
        answers, options = list(islice(normal, len(gold.answers))), list(islice(normal, len(gold.choices or ())))
        if gold.choices is None and match == NUMBER:
            found += [same_number(rows.texts[place], gold.answers) for place in own]
            readable += [True] * len(own)
        elif gold.choices is None:
            found += found_in(answers, [rows.spaced[place] for place in own], match)
            readable += [True] * len(own)
        else:
            told = "contains" if match == NUMBER else match
            chosen = [
                choose(rows.texts[place], rows.spaced[place].strip(" "), gold.choices, options, told) for place in own
            ]
            found += [choice is not None and choice == gold.answer_index for choice in chosen]
            readable += [choice is not None for choice in chosen]
    back = np.argsort(order, kind="stable")
    return np.array(found, dtype=bool)[back], np.array(readable, dtype=bool)[back]


def _refused(rows: _Rows, rules: Refusals) -> NDArray[np.bool_]:
    """Of each row, whether it declines to answer."""
    (says_so,) = _holding([rules.refusal], rows.spaced)
    refused = says_so[rows.text]
    in_texts = _holding(rules.signs, [text.lower() for text in rows.texts])
    in_questions = _holding(rules.signs, [asked(gold.question, gold.choices).lower() for gold in rows.golds])
    for in_text, in_question in zip(in_texts, in_questions, strict=True):
        refused |= in_text[rows.text] & ~in_question[rows.gold]
    return refused


def _holding(parts: Sequence[str], texts: Sequence[str]) -> list[NDArray[np.bool_]]:
    """For each part, which of the texts hold it: found in the joined texts, so that what is rare costs little."""
    joined = _BETWEEN.join(texts)
    ends = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)) + 1)
    masks = []
    for part in parts:
        mask = np.zeros(len(texts), dtype=bool)
        mask[np.searchsorted(ends, _places(part, joined), side="right")] = True
        masks.append(mask)
    return masks


def _places(part: str, text: str) -> list[int]:
    places = []
    place = text.find(part)
    while place >= 0:
        places.append(place)
        place = text.find(part, place + 1)
    return places
