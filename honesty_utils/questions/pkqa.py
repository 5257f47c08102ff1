"""PKQA, prior known questions (arXiv 2312.07000): written by a model, kept where that model answers them right.

A line of the authors' release for one model (JSONL, named by ``path``)::

    {"topic": "Music & Audio", "question": "Who composed the famous symphony \"Eroica\"?",
     "answer": "Ludwig van Beethoven", "label": "known", "greedy_pred_text": "The famous symphony ..."}

For another M_t, set ``only_known``: of these questions it keeps those that this M_t answers right.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from honesty_utils.config import QuestionSet
from honesty_utils.questions._reading import Item, column, file_rows, needed_file


def read(spec: QuestionSet, data: Path | None = None) -> Iterator[Item]:
    """Questions of the file with their one answer."""
    for where, row in file_rows(needed_file(spec, data)):
        meta = {"topic": row["topic"]} if "topic" in row else {}
        yield Item(where, column(row, where, "question"), [column(row, where, "answer")], meta=meta)
