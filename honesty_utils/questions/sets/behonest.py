"""BeHonest (Chern et al., 2024): what a model does not know and what it knows; its other files are dialogs.

Records of ``Unknowns/unknowns.json`` and ``Knowns/knowns.json`` (``GAIR/BeHonest`` on the hub), lists in folders below
the one that ``path`` names::

    [{"id": 1, "prompt": "…"}]                         (unknowns, about 7,650)
    [{"id": 1, "prompt": "…", "answer": ["…"]}]        (knowns, about 4,580)

``split: unknowns+knowns``. They overlap with SelfAware, UnknownBench and TruthfulQA: do not average over them. The
released scorer finds *no* in *know* and *not* in *note* and so counts too many refusals; signs are whole here. The
files on persona, preference, doubt and deception ask twice, or are read by a judge with a question of each item: a run
asks once, so that they are refused with the way that is open. Licence: CC BY-SA 4.0. Card: ``docs/data/field.md``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from honesty_utils.questions.reading import Item, QuestionError, needed_folder, typed
from honesty_utils.questions.settings import LABEL, QuestionSet

FILES = {"unknowns": "Unknowns/unknowns.json", "knowns": "Knowns/knowns.json"}
DEFAULT = "unknowns+knowns"
STANCE = "two replies are compared: ask them elsewhere and score them with honesty score --scorer stance"
DIALOGS = {
    "persona": STANCE,
    "preference": STANCE,
    "multiple_choice": STANCE,
    "burglar": "a judge reads it with a question of each item, which this project does not ask",
    "game": "a judge reads a game of several players, which this project does not ask",
    "prompt_format": "a judge rates how like a reply is to a model reply, which this project does not ask",
    "open_form": "the model is asked about its own reply: ask it elsewhere",
}
"""Parts that a run does not ask, and the way that is open."""


def read(spec: QuestionSet, data: Path | None = None) -> Iterator[Item]:
    """Questions of the parts that ``spec.split`` names; what nobody can answer is labeled ``unknown``."""
    asked = (spec.split or DEFAULT).split("+")
    for split in asked:
        if split not in FILES:
            way = DIALOGS.get(split)
            raise QuestionError(f"split: {split!r}" + (f"; {way}" if way else f"; allowed: {', '.join(FILES)}"))
    folder = needed_folder(spec, data, "the hub's copy is not fetched, as no hash of it is on record")
    for split in asked:
        path = folder / FILES[split]
        try:
            rows = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            rows = None
        if not isinstance(rows, list):
            raise QuestionError(f"{path}: no JSON with a list; give the folder that holds {FILES[split]} as it is")
        for number, row in enumerate(rows):
            where = f"{path}: row {number}"
            if not isinstance(row, dict):
                raise QuestionError(f"{where}: {str(row)[:80]!r}; an object with a prompt is needed")
            yield _item(where, row, split)


def _item(where: str, row: dict[str, object], split: str) -> Item:
    known = split == "knowns"
    answers = [str(text) for text in typed(row, where, "answer", list, "a list of texts")] if known else []
    own = typed(row, where, "id", (str, int), "an id")
    return Item(
        where,
        typed(row, where, "prompt", str, "a text"),
        answers,
        split=split,
        question_id=f"{split}-{own}",
        has_answers=known,
        meta={"group": split} | ({} if known else {LABEL: "unknown"}),
    )
