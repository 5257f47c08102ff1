"""MMLU (Hendrycks et al., 2021), ``cais/mmlu``, config ``all``: four options a question, 57 subjects.

A record::

    {"question": "Find the degree for the given field extension Q(sqrt(2), sqrt(3), sqrt(18)) over Q.",
     "subject": "abstract_algebra", "choices": ["0", "4", "2", "6"], "answer": 1}

``test`` is for evaluation: 14,042 questions, all kept as in the paper, though 105 repeat another with its options. The
paper adds 284 rows of ``dev`` to its training set in one variant: its 285 without one repeat (``repeats: drop``).
Licence: MIT. Card: ``docs/data/mmlu.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from honesty_utils.questions.hub import hub_rows
from honesty_utils.questions.reading import Item, QuestionError, typed
from honesty_utils.questions.settings import QuestionSet

HUB, CONFIG = "cais/mmlu", "all"
SIZES = {"test": 14_042, "validation": 1_531, "dev": 285, "auxiliary_train": 99_842}
OPTIONS = 4


def read(spec: QuestionSet, data: Path | None = None) -> Iterator[Item]:
    """Questions of ``spec.split`` (none: test); the answer is the text of the right option."""
    for where, split, row in hub_rows(
        spec, data, HUB, CONFIG, splits=("test",), columns=("question", "subject", "choices", "answer")
    ):
        choices = typed(row, where, "choices", list, "a list of texts")
        index = typed(row, where, "answer", int, "the position of the right option, from 0,")
        if len(choices) != OPTIONS:
            raise QuestionError(f"{where}: {len(choices)} choices, {choices!r}; {OPTIONS} are needed; correct the row")
        # An index out of range has no text; the check of all sources names the row.
        answers = choices[index : index + 1] if index >= 0 else []
        meta = {"subject": row["subject"]}
        yield Item(where, row["question"], answers, split, choices=choices, answer_index=index, meta=meta)
