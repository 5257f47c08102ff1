"""Non-AmbigQA: the questions of AmbigQA (Min et al., 2020) with one reading; ``sewon/ambig_qa``, config ``light``.

A record that is kept, as its one annotation is a ``singleAnswer``::

    {"id": "-4469503464110108318", "question": "When did the simpsons first air on television?",
     "annotations": {"type": ["singleAnswer"], "answer": [["December 17, 1989", ...]], "qaPairs": [...]}}

The paper takes train and validation together: 5,325 questions.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from honesty_utils.config import QuestionSet
from honesty_utils.questions._hub import hub_rows
from honesty_utils.questions._reading import Item, drop_ungradable

HUB, CONFIG = "sewon/ambig_qa", "light"


def read(spec: QuestionSet, data: Path | None = None) -> Iterator[Item]:
    """Unambiguous questions of ``spec.split`` (none: train and validation)."""
    return drop_ungradable(spec.source, _items(spec, data))


def _items(spec: QuestionSet, data: Path | None) -> Iterator[Item]:
    for where, split, row in hub_rows(
        spec, data, HUB, CONFIG, splits=("train", "validation"), columns=("id", "question", "annotations")
    ):
        annotations = row["annotations"]
        if list(annotations["type"]) == ["singleAnswer"]:
            yield Item(where, row["question"], annotations["answer"][0], split, question_id=row["id"])
