"""Non-AmbigQA: the questions of AmbigQA (Min et al., 2020) with one reading; ``sewon/ambig_qa``, config ``light``.

A record that is kept, as its one annotation is a ``singleAnswer``::

    {"id": "-4469503464110108318", "question": "When did the simpsons first air on television?",
     "annotations": {"type": ["singleAnswer"], "answer": [["December 17, 1989", ...]], "qaPairs": [...]}}

The paper takes train and validation together: 5,325 questions, all with ids of their own, three of them differing from
another by an article only; they are kept. Licence: CC BY-SA 3.0. Card: ``docs/data/nonambigqa.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from honesty_utils.questions.hub import hub_rows
from honesty_utils.questions.reading import Item, QuestionError, typed
from honesty_utils.questions.settings import QuestionSet

HUB, CONFIG = "sewon/ambig_qa", "light"
SIZES = {"train+validation": 5_325}


def read(spec: QuestionSet, data: Path | None = None) -> Iterator[Item]:
    """Unambiguous questions of ``spec.split`` (none: train and validation)."""
    for where, split, row in hub_rows(
        spec, data, HUB, CONFIG, splits=("train", "validation"), columns=("id", "question", "annotations")
    ):
        annotations = typed(row, where, "annotations", dict, "a record with type and answer")
        kinds = typed(annotations, where, "type", list, "a list of texts")
        if kinds == ["singleAnswer"]:
            answers = typed(annotations, where, "answer", list, "a list with one list of answers")
            if len(answers) != 1:
                raise QuestionError(f"{where}: {len(answers)} lists of answers, {answers!r}; one a reading is needed")
            yield Item(where, row["question"], answers[0], split, question_id=str(row["id"]))
