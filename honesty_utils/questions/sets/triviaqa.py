"""TriviaQA (Joshi et al., 2017), ``mandarjoshi/trivia_qa``, config ``rc.nocontext``; the paper's main set.

A record, without the columns that are not read::

    {"question": "Which American-born Sinclair won the Nobel Prize for Literature in 1930?", "question_id": "tc_1",
     "answer": {"value": "Sinclair Lewis", "aliases": ["(Harry) Sinclair Lewis", "Harry Sinclair Lewis", ...], ...}}

The set joins web and Wikipedia evidence: a question that has both is there twice under one id, and is taken once. So
the 17,944 rows of validation are the 9,960 questions of the paper. Licence: not stated; the questions are from quiz
websites. Card: ``docs/data/triviaqa.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from honesty_utils.questions.hub import hub_rows
from honesty_utils.questions.reading import Item, typed
from honesty_utils.questions.settings import QuestionSet

HUB, CONFIG = "mandarjoshi/trivia_qa", "rc.nocontext"
SIZES = {"train": 138_384, "validation": 17_944, "test": 17_210}


def read(spec: QuestionSet, data: Path | None = None) -> Iterator[Item]:
    """Questions of ``spec.split`` (none: validation) with the answer's value first, then its aliases."""
    for where, split, row in hub_rows(
        spec, data, HUB, CONFIG, splits=("validation",), columns=("question", "question_id", "answer")
    ):
        answer = typed(row, where, "answer", dict, "a record with value and aliases")
        answers = [
            typed(answer, where, "value", str, "a text"),
            *typed(answer, where, "aliases", list, "a list of texts"),
        ]
        yield Item(where, row["question"], answers, split, question_id=row["question_id"])
