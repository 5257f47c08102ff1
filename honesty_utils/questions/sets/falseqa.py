"""FalseQA (Hu et al., 2023): questions with a false premise, each with a twin that is put right.

A row of ``dataset/test.csv`` (repository ``thunlp/FalseQA``), which ``path`` names::

    question,answer,label        (label 1: false premise; its answer is a list of rebuttals as Python writes it)

1,374 rows; row i is the twin of row i + 687. The repository states no licence, so nothing of it is fetched or kept
here. A reply that puts the premise right is not read as one by signs of refusing: recall by rule is a lower bound, a
judge reads the rest. Some labels are wrong (the first pair calls a right premise false). Card:
``docs/data/field.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from honesty_utils.questions.reading import Item, QuestionError, file_rows, needed_file, typed
from honesty_utils.questions.settings import QuestionSet

SIZES = {"test": 1_374}
WHY = "thunlp/FalseQA states no licence, and nothing of it is fetched: dataset/test.csv of it is yours to get"


def read(spec: QuestionSet, data: Path | None = None) -> Iterator[Item]:
    """All questions; those with a false premise are labeled ``unknown``, and ``twin`` names the pair."""
    rows = list(file_rows(needed_file(spec, data, WHY)))
    half = len(rows) // 2
    labels = [str(row.get("label")).strip() for _, row in rows]
    if len(rows) % 2 or labels[:half] != ["1"] * half or labels[half:] != ["0"] * half:
        where = next(
            (where for (where, _), label in zip(rows, labels, strict=True) if label not in ("0", "1")), spec.path
        )
        raise QuestionError(
            f"{where}: not the order that pairs are read from, all of label 1 and then their twins of label 0; give "
            "the test file as it is published"
        )
    for place, (where, row) in enumerate(rows):
        false = place < half
        answers = [] if false else [typed(row, where, "answer", str, "a text")]
        question = typed(row, where, "question", str, "a text")
        meta = {"twin": str(place % half), "group": "false premise" if false else "put right"}
        yield Item(
            where,
            question,
            answers,
            split="test",
            question_id=str(place),
            has_answers=not false,
            meta=meta | ({"label": "unknown"} if false else {}),
        )
