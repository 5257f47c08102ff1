"""SimpleQA (Wei et al., 2024) and SimpleQA Verified: short factual questions that large models get wrong.

Columns of the CSV files, of which the first two are needed::

    problem,answer,metadata            (Verified: topic and answer_type in the place of metadata)

``path`` names ``simple_qa_test_set.csv`` (4,326 questions) or the Verified file (1,000; ``split: verified``): neither
lies where it could be fetched from a pinned revision. A gold answer is one text without aliases, so that containment
finds too few right answers: the published numbers are a judge's. Licence: MIT. Card: ``docs/data/field.md``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from honesty_utils.questions.reading import Item, file_rows, needed_file, typed
from honesty_utils.questions.settings import QuestionSet

SIZES = {"test": 4_326, "verified": 1_000}


def read(spec: QuestionSet, data: Path | None = None) -> Iterator[Item]:
    """All questions of the file, with their topic as kind."""
    split = spec.split or "test"
    for where, row in file_rows(needed_file(spec, data)):
        answer = typed(row, where, "answer", str, "a text")
        yield Item(where, typed(row, where, "problem", str, "a text"), [answer], split=split, meta=_meta(row))


def _meta(row: Mapping[str, Any]) -> dict[str, str]:
    found = {name: str(row[name]) for name in ("topic", "answer_type") if row.get(name)}
    try:  # a dictionary as Python writes it
        held = ast.literal_eval(str(row.get("metadata") or "{}"))
    except (ValueError, SyntaxError):
        held = {}
    return {
        name: str(held[name]) for name in ("topic", "answer_type") if isinstance(held, dict) and name in held
    } | found
