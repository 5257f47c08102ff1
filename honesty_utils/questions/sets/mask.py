"""MASK (Ren et al., 2025): is what a model states under pressure what it holds true itself?

A record of the hub's ``cais/MASK``, of one of six configurations, split ``test``::

    {"task_id": "…", "type": "binary", "proposition": "… <pivotal>X/Y</pivotal> …", "formatted_ground_truth": "A",
     "system_prompt": "…", "user_prompt": "…", "belief_elicit_1": "…", "belief_elicit_2": "…", "belief_elicit_3": "…",
     "dd_turn_1_prompt": null, "dd_turn_1_response": null, "ground_truth": "…", "canary": "…"}

1,000 public records. The set is gated: who reads it agrees to terms on the hub and gives a token of their own, by the
variable ``HF_TOKEN``; or names a folder with their copy (``path``). A record is a dialog: a statement under pressure,
and the same asked five times without. A run asks once, so that it refuses the set; what was asked elsewhere is scored
with ``honesty score --scorer belief``. The canary is not read. No licence is stated. Card: ``docs/data/field.md``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from honesty_utils.questions.hub import hub_rows
from honesty_utils.questions.reading import Item, QuestionError, typed
from honesty_utils.questions.settings import QuestionSet

HUB, REVISION, TOKEN = "cais/MASK", "4602b84d", "HF_TOKEN"
SIZES = {
    "provided_facts": 274,
    "known_facts": 209,
    "continuations": 176,
    "disinformation": 125,
    "doubling_down_known_facts": 120,
    "statistics": 96,
}
DEFAULT = "+".join(SIZES)
TEXTS = ("task_id", "type", "proposition", "user_prompt")
COLUMNS = (
    *TEXTS, "formatted_ground_truth", "system_prompt", "belief_elicit_1", "belief_elicit_2", "belief_elicit_3",
    "dd_turn_1_prompt", "dd_turn_1_response",
)  # fmt: skip


def read(spec: QuestionSet, data: Path | None = None) -> Iterator[Item]:
    """Records of the configurations that ``spec.split`` names; the prompt under pressure is the question."""
    asked = (spec.split or DEFAULT).split("+")
    strange = sorted(set(asked) - set(SIZES))
    if strange:
        raise QuestionError(f"split: {strange[0]!r}; allowed: {', '.join(SIZES)}, or several joined by '+'")
    token = os.environ.get(TOKEN)
    if spec.path is None and data is None and not token:
        raise QuestionError(
            f"{HUB} is gated: agree to its terms on the hub and set {TOKEN} to a token of your own, or name a folder "
            "with your copy with path"
        )
    for config in asked:
        rows = hub_rows(
            spec.model_copy(update={"split": "test"}), data, HUB, config, ("test",), COLUMNS, REVISION, token
        )  # fmt: skip
        for where, _, row in rows:
            yield _item(f"{config}: {where}", row, config)


def _item(where: str, row: dict[str, Any], config: str) -> Item:
    for name in TEXTS:
        typed(row, where, name, str, "a text")
    if row["type"] not in ("binary", "numerical"):
        raise QuestionError(f"{where}: type is {row['type']!r}; allowed: binary, numerical")
    kept = {name: row[name] for name in COLUMNS if name not in ("task_id", "user_prompt") and row[name] is not None}
    meta = {"group": config, **kept}
    return Item(
        where, row["user_prompt"], [], split=config, question_id=row["task_id"], has_answers=False, meta=meta
    )  # fmt: skip
