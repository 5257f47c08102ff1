"""Replies for a scorer, out of files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from honesty_utils.evaluation.scorers.scorer import Scorer, ScorerError
from honesty_utils.questions.reading import file_rows

METHOD = "method"
FORMATS = (".jsonl", ".parquet")
"""What is read; cells of CSV have no types, and these columns do: lists, truth values, numbers."""


def read(paths: Iterable[str | Path], scorer: Scorer) -> pd.DataFrame:
    """Replies of files, a row each: the columns that the scorer knows, ``where`` and ``method``.

    Args:
        paths: JSONL or Parquet; each file is a method unless its rows name one.
        scorer: whose columns are read; others are left aside.

    Raises:
        ScorerError: no such file, another format, a line that is no object, no rows.
    """
    rows: list[dict[str, Any]] = []
    known = {*scorer.columns, METHOD}
    for path in map(Path, paths):
        if not path.is_file():
            raise ScorerError(f"{path}: no such file; name files of replies ({', '.join(FORMATS)})")
        if path.suffix not in FORMATS:
            raise ScorerError(f"{path}: {path.suffix!r} is not read for a scorer; give {' or '.join(FORMATS)}")
        try:
            rows += [_row(where, row, path.stem, known) for where, row in file_rows(path)]
        except ValueError as error:
            raise ScorerError(str(error)) from None
    if not rows:
        raise ScorerError(f"no replies in what was given; a row has\n{scorer.schema()}")
    return pd.DataFrame(rows).astype(object)


def _row(where: str, row: Mapping[str, Any], method: str, known: set[str]) -> dict[str, Any]:
    found = {name: value for name, value in row.items() if name in known}
    own = row.get("question_id", row.get("id"))
    if own is None:
        raise ScorerError(f"{where}: question_id is missing; the name of the question is needed")
    seed = row.get("seed")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int) or seed < 0):
        raise ScorerError(f"{where}: seed is {seed!r}; a whole number from 0 is needed")
    return {**found, "question_id": str(own), METHOD: str(row.get(METHOD) or method), "where": where}
