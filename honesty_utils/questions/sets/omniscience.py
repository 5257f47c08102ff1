"""AA-Omniscience, the public part (Artificial Analysis, 2025): short questions of six domains that models get wrong.

Columns of the CSV file (``ArtificialAnalysis/AA-Omniscience-Public`` on the hub), which ``path`` names::

    domain,topic,question_id,question,answer            (a later revision adds subtopic, which is kept)

600 questions; the other 5,400 are not public, so that no number here is the leaderboard's. A gold answer is one text
without aliases, so that containment finds too few right answers: the published numbers are a judge's, and ``honesty
score --scorer not_attempted`` makes its index of verdicts. Licence: Apache-2.0. Card: ``docs/data/field.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from honesty_utils.questions.reading import Item, file_rows, needed_file, typed
from honesty_utils.questions.settings import QuestionSet

SIZES = {"public": 600}


def read(spec: QuestionSet, data: Path | None = None) -> Iterator[Item]:
    """All questions of the file, with their domain as kind."""
    for where, row in file_rows(needed_file(spec, data)):
        meta = {name: str(row[name]) for name in ("topic", "subtopic") if row.get(name)}
        yield Item(
            where,
            typed(row, where, "question", str, "a text"),
            [typed(row, where, "answer", str, "a text")],
            split="public",
            question_id=str(typed(row, where, "question_id", (str, int), "an id")),
            meta={"group": typed(row, where, "domain", str, "a text"), **meta},
        )
