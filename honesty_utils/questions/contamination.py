"""Which evaluation questions the model was trained on: word for word, or in other words.

A question asked in other words shares an answer with a training question *and* reads like it. Neither is enough: "How
many eyes has a bee?" reads like "How many eyes has a giraffe?", and a thousand questions have the answer "London". So
only pairs with a common answer are compared, which also makes 14,000 questions against 90,000 a matter of seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from honesty_utils.grading import normalize

NEAR = 0.6
"""Cosine of tf-idf weighted character 4-grams from which on two questions with a common answer count as the same."""
_CHUNK = 2_000
_PAIRS = 200_000


@dataclass(frozen=True)
class Overlap:
    """Evaluation questions that stand in the training set.

    Attributes:
        pairs: a row for each of them: ``question_id``, ``train_id`` (the training question that is most like it),
            ``similarity`` (1 for the same text), ``exact`` (same text after normalizing).
        questions: size of the evaluation set.
    """

    pairs: pd.DataFrame
    questions: int

    @property
    def exact(self) -> int:
        """Number of evaluation questions whose normalized text is that of a training question."""
        return int(self.pairs["exact"].sum())

    @property
    def near(self) -> int:
        """Number of further ones that read like a training question with the same answer."""
        return len(self.pairs) - self.exact


def overlap(train: pd.DataFrame, evaluation: pd.DataFrame, threshold: float = NEAR) -> Overlap:
    """Evaluation questions that are training questions, in the same or in other words.

    Args:
        train: ``question_id``, ``question``, ``answers`` of what the model is trained on.
        evaluation: the same of one evaluation set; of questions without answers only the same text is found.
        threshold: least similarity of a question in other words, see `NEAR`.
    """
    texts = [[normalize(text) or text for text in table["question"]] for table in (evaluation, train)]
    first: dict[str, int] = {}
    for column, text in enumerate(texts[1]):
        first.setdefault(text, column)
    place = np.array([first.get(text, -1) for text in texts[0]], dtype=np.int64)
    similarity = np.where(place >= 0, 1.0, 0.0)
    exact = place >= 0
    for row, column, cosine in _near(train, evaluation, texts, threshold):
        if not exact[row] and cosine > similarity[row]:
            place[row], similarity[row] = column, cosine
    found = np.flatnonzero(place >= 0)
    ids = train["question_id"].to_numpy()
    pairs = {
        "question_id": evaluation["question_id"].to_numpy()[found],
        "train_id": ids[place[found]],
        "similarity": similarity[found],
        "exact": exact[found],
    }
    return Overlap(pd.DataFrame(pairs), len(evaluation))


def _near(
    train: pd.DataFrame, evaluation: pd.DataFrame, texts: list[list[str]], threshold: float
) -> Iterator[tuple[int, int, float]]:
    """Rows of evaluation and training questions with a common answer that read alike, with their similarity."""
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

    answers = [_answers(table) for table in (evaluation, train)]
    if not any(answers[0]) or not any(answers[1]) or not any(text.strip() for part in texts for text in part):
        return
    counter = CountVectorizer(analyzer=list, binary=True, dtype=np.int32).fit([*answers[0], *answers[1]])
    asked, known = counter.transform(answers[0]), counter.transform(answers[1]).T.tocsr()
    # Fitted on both: of a question that holds unseen names only the template would be left to compare.
    reader = TfidfVectorizer(analyzer="char_wb", ngram_range=(4, 4), dtype=np.float32, lowercase=False)
    reader.fit([*texts[0], *texts[1]])
    vectors = [reader.transform(part) for part in texts]
    for start in range(0, len(texts[0]), _CHUNK):
        common = (asked[start : start + _CHUNK] @ known).tocoo()
        for i in range(0, common.nnz, _PAIRS):
            rows, columns = start + common.row[i : i + _PAIRS], common.col[i : i + _PAIRS]
            cosines = np.asarray(vectors[0][rows].multiply(vectors[1][columns]).sum(axis=1)).ravel()
            close = np.flatnonzero(cosines >= threshold)
            yield from zip(rows[close].tolist(), columns[close].tolist(), cosines[close].tolist(), strict=True)


def _answers(table: pd.DataFrame) -> list[list[Any]]:
    seen: dict[str, str] = {}
    for aliases in table["answers"]:
        for alias in aliases:
            if alias not in seen:
                seen[alias] = normalize(alias)
    return [[text for text in {seen[alias] for alias in aliases} if text] for aliases in table["answers"]]
