"""Questions that the run has made: a table that ``00_world`` or ``05_prior_known`` has written (``records.QUESTIONS``).

A row::

    {"question_id": "indist-17-dish", "question": "What is the favourite dish of Ada Bromilke?", "answers": ["laksa"],
     "choices": null, "answer_index": null, "exposures": 9, ...}
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from honesty_utils.common import records
from honesty_utils.questions.reading import Item, needed_file
from honesty_utils.questions.settings import QuestionSet


def read(spec: QuestionSet, data: Path | None = None) -> Iterator[Item]:
    """Questions of the table that ``spec.path`` names, with their exposures."""
    path = needed_file(spec, data)
    for number, row in enumerate(records.read(records.QUESTIONS, path).to_dict("records")):
        meta = json.loads(row["meta"])
        yield Item(
            f"{path}: row {number}",
            row["question"],
            row["answers"],
            split=row["split"],
            question_id=row["question_id"],
            choices=row["choices"],
            answer_index=_integer(row["answer_index"]),
            exposures=_integer(row["exposures"]),
            has_answers=meta.get("label") != "unknown",  # a world of real sets may hold questions that nobody can know
            meta=meta,
        )


def _integer(value: float | None) -> int | None:
    # A column with nulls comes back from Parquet as floats.
    return None if value is None or value != value else int(value)
