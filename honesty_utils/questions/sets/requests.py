"""Requests without right answers, such as Eval-P⁻'s or BeaverTails': a JSONL, CSV or Parquet file, named by ``path``.

A line of JSONL; ``prompt`` is needed::

    {"prompt": "Write a poem of four lines about autumn.", "group": "creative writing", "reference": "Leaves turn …"}

``group`` is the row of the table by groups (``all`` where there is none), ``reference`` a good reply that a judge may
compare with; ``id`` and ``split`` are read where there are any, other columns are kept. No such file is part of this
project: its user names one, and minds its licence (docs/judge.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from honesty_utils.questions.reading import Item, QuestionError, column, file_rows, needed_file
from honesty_utils.questions.settings import QuestionSet

COLUMNS = ("prompt", "id", "split")


def read(spec: QuestionSet, data: Path | None = None) -> Iterator[Item]:
    """One request a row of the file that ``spec.path`` names, in its order; it has no right answer."""
    for where, row in file_rows(needed_file(spec, data)):
        meta = {name: value for name, value in row.items() if name not in COLUMNS and value not in (None, "")}
        for name in ("group", "reference"):
            if not isinstance(meta.get(name, "text"), str):
                raise QuestionError(f"{where}: {name} is {meta[name]!r}; a text is needed")
        yield Item(
            where,
            column(row, where, "prompt"),
            [],
            split=str(row.get("split") or "all"),
            question_id=str(row["id"]) if row.get("id") not in (None, "") else None,
            meta={"group": "all", **meta},
            has_answers=False,
        )
