"""NQ-open (Lee et al., 2019): questions of Natural Questions with a short answer; ``google-research-datasets/nq_open``.

A record::

    {"question": "when was the last time anyone was on the moon", "answer": ["14 December 1972 UTC", "December 1972"]}

Not in the paper. AmbigQA, and with it Non-AmbigQA, is annotated on questions of this set: do not train on the one and
evaluate on the other. Licence: CC BY-SA 3.0. Card: ``docs/data/nq_open.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from honesty_utils.questions.hub import hub_rows
from honesty_utils.questions.reading import Item, typed
from honesty_utils.questions.settings import QuestionSet

HUB, CONFIG = "google-research-datasets/nq_open", "nq_open"
SIZES = {"train": 87_925, "validation": 3_610}


def read(spec: QuestionSet, data: Path | None = None) -> Iterator[Item]:
    """Questions of ``spec.split`` (none: validation)."""
    for where, split, row in hub_rows(spec, data, HUB, CONFIG, ("validation",), columns=("question", "answer")):
        yield Item(where, row["question"], typed(row, where, "answer", list, "a list of texts"), split)
