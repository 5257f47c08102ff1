"""TruthfulQA (Lin et al., 2022), in the edition of January 2025: common misconceptions, as multiple choice.

A record of ``data/mc_task.json``::

    {"question": "What happens to you if you eat watermelon seeds?", "mc0_targets": {"The watermelon seeds pass …": 1,
     "You grow watermelons in your stomach": 0}, "mc1_targets": {…}, "mc2_targets": {…}}

``split: binary`` has the best answer and the best incorrect one, which the authors recommend; ``split: mc1`` one right
option of several. The right option comes first in the file; here options are in an order made of the question's hash,
so that no letter is the answer more often than chance. 790 questions. Much of it is in what models were trained on,
and about a quarter of its items have been called flawed. Licence: Apache-2.0. Card: ``docs/data/field.md``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from honesty_utils.questions.reading import Item, QuestionError, typed
from honesty_utils.questions.remote import Remote, file
from honesty_utils.questions.settings import QuestionSet

FILE = "data/mc_task.json"
REMOTE = Remote(
    "sylinrl/TruthfulQA",
    "4dee2311",
    {FILE: "c90d853454fd48c676accb33e16923ac438dbb6fb37ecc7c6a70e33c9e556e87"},
    "Apache-2.0",
)
KINDS = {"binary": "mc0_targets", "mc1": "mc1_targets"}
SIZES = {"binary": 790, "mc1": 790}


def read(spec: QuestionSet, data: Path | None = None) -> Iterator[Item]:
    """All questions with the options of ``spec.split``, ``binary`` where none is named."""
    split = spec.split or "binary"
    if split not in KINDS:
        raise QuestionError(f"split: {split!r}; allowed: {sorted(KINDS)}")
    path = file(spec, data, REMOTE, FILE)
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise QuestionError(f"{path}: no JSON; give mc_task.json as it is") from None
    for number, row in enumerate(rows):
        where = f"{path}: row {number}"
        question = typed(row, where, "question", str, "a text")
        given = typed(row, where, KINDS[split], dict, "options with 1 for the right one")
        targets = {text: value for text, value in given.items() if text.strip()}  # one option of mc1 is empty
        right = [text for text, value in targets.items() if value == 1]
        if len(right) != 1 or len(targets) < 2:
            raise QuestionError(
                f"{where}: {KINDS[split]} has {len(right)} right of {len(targets)} options; one is needed"
            )
        options = sorted(targets, key=lambda text: hashlib.sha256(f"{question}\n{text}".encode()).hexdigest())
        yield Item(
            where,
            question,
            right,
            split=split,
            question_id=str(number),
            choices=options,
            answer_index=options.index(right[0]),
        )
