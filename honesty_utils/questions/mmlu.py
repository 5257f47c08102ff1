"""MMLU (Hendrycks et al., 2021), ``cais/mmlu``, config ``all``: four options a question.

A record::

    {"question": "Find the degree for the given field extension Q(sqrt(2), sqrt(3), sqrt(18)) over Q.",
     "subject": "abstract_algebra", "choices": ["0", "4", "2", "6"], "answer": 1}

``test`` is for evaluation; the paper adds the rows of ``dev`` to its training set in one variant.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from honesty_utils.config import QuestionSet
from honesty_utils.questions._hub import hub_rows
from honesty_utils.questions._reading import Item

HUB, CONFIG = "cais/mmlu", "all"


def read(spec: QuestionSet, data: Path | None = None) -> Iterator[Item]:
    """Questions of ``spec.split`` (none: test); the answer is the text of the right option."""
    for where, split, row in hub_rows(
        spec, data, HUB, CONFIG, splits=("test",), columns=("question", "subject", "choices", "answer")
    ):
        index, choices = row["answer"], row["choices"]
        # An index out of range has no text; the check of all sources names the row.
        answers = choices[index : index + 1] if index >= 0 else []
        meta = {"subject": row["subject"]}
        yield Item(where, row["question"], answers, split, choices=choices, answer_index=index, meta=meta)
