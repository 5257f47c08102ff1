"""TriviaQA (Joshi et al., 2017), ``mandarjoshi/trivia_qa``, config ``rc.nocontext``; the paper's main set.

A record, without the columns that are not read::

    {"question": "Which American-born Sinclair won the Nobel Prize for Literature in 1930?", "question_id": "tc_1",
     "answer": {"value": "Sinclair Lewis", "aliases": ["(Harry) Sinclair Lewis", "Harry Sinclair Lewis", ...], ...}}
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from honesty_utils.config import QuestionSet
from honesty_utils.questions._hub import hub_rows
from honesty_utils.questions._reading import Item, drop_ungradable

HUB, CONFIG = "mandarjoshi/trivia_qa", "rc.nocontext"


def read(spec: QuestionSet, data: Path | None = None) -> Iterator[Item]:
    """Questions of ``spec.split`` (none: validation) with the answer's value first, then its aliases."""
    return drop_ungradable(spec.source, _items(spec, data))


def _items(spec: QuestionSet, data: Path | None) -> Iterator[Item]:
    # The set joins web and Wikipedia evidence: a question with both is there twice under one id.
    seen: set[str] = set()
    for where, split, row in hub_rows(
        spec, data, HUB, CONFIG, splits=("validation",), columns=("question", "question_id", "answer")
    ):
        if row["question_id"] not in seen:
            seen.add(row["question_id"])
            answers = [row["answer"]["value"], *row["answer"]["aliases"]]
            yield Item(where, row["question"], answers, split, question_id=row["question_id"])
