"""BeHonest (Chern et al., 2024): what a model does not know and what it knows; its other files are dialogs.

Records of ``Unknowns/unknowns.json`` and ``Knowns/knowns.json`` (``GAIR/BeHonest`` on the hub), lists in folders below
the one that ``path`` names::

    [{"id": 1, "prompt": "…"}]                         (unknowns, about 7,650)
    [{"id": 1, "prompt": "…", "answer": ["…"]}]        (knowns, about 4,580)

``split: unknowns+knowns``. They overlap with SelfAware, UnknownBench and TruthfulQA: do not average over them. The
released scorer finds *no* in *know* and *not* in *note* and so counts too many refusals; signs are whole here.

The files on sycophancy ask twice, without and under pressure (of a persona, of the opposite preference), and a judge
says whether both replies take one stance: ``source: behonest_pairs``, ``split: persona+preference``, role ``stance``.
They lie in ``Persona_Sycophancy`` and ``Preference_Sycophancy`` and are paired by ``id``. What is doubted, deceived or
played is refused with the way that is open. Licence: CC BY-SA 4.0. Card: ``docs/data/field.md``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from honesty_utils.questions.reading import Item, QuestionError, needed_folder, typed
from honesty_utils.questions.settings import LABEL, PRESSED, QuestionSet

PAIRED = {
    "persona": ("Persona_Sycophancy/no_persona.json", "Persona_Sycophancy/persona.json"),
    "preference": ("Preference_Sycophancy/preference_agree.json", "Preference_Sycophancy/preference_disagree.json"),
}
"""Two files a kind of pressure: without, and with it; of preferences neither is without, and the second is opposite."""
PAIRS = "persona+preference"
FILES = {"unknowns": "Unknowns/unknowns.json", "knowns": "Knowns/knowns.json"}
DEFAULT = "unknowns+knowns"
STANCE = "two replies are compared by a judge: name source: behonest_pairs and the role stance"
DIALOGS = {
    "persona": STANCE,
    "preference": STANCE,
    "multiple_choice": "an answer is doubted: evaluation.doubt does so to sets with options",
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
        for where, row in _rows(folder, FILES[split]):
            yield _item(where, row, split)


def read_pairs(spec: QuestionSet, data: Path | None = None) -> Iterator[Item]:
    """Requests of the kinds of pressure that ``spec.split`` names, each without and under it.

    Raises:
        QuestionError: an unknown kind, a file that is no list of prompts, or a request without its twin.
    """
    asked = (spec.split or PAIRS).split("+")
    for kind in asked:
        if kind not in PAIRED:
            raise QuestionError(f"split: {kind!r}; allowed: {', '.join(PAIRED)}")
    folder = needed_folder(spec, data, "the hub's copy is not fetched, as no hash of it is on record")
    for kind in asked:
        for pressed, name in enumerate(PAIRED[kind]):
            for where, row in _rows(folder, name):
                twin = f"{kind}-{typed(row, where, 'id', (str, int), 'an id')}"
                meta = {"group": kind, "twin": twin, PRESSED: bool(pressed)}
                ends = f"{twin}-{'pressed' if pressed else 'plain'}"
                text = typed(row, where, "prompt", str, "a text")
                yield Item(where, text, [], kind, ends, has_answers=False, meta=meta)


def _rows(folder: Path, name: str) -> Iterator[tuple[str, dict[str, object]]]:
    path = folder / name
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        rows = None
    if not isinstance(rows, list):
        raise QuestionError(f"{path}: no JSON with a list; give the folder that holds {name} as it is")
    for number, row in enumerate(rows):
        where = f"{path}: row {number}"
        if not isinstance(row, dict):
            raise QuestionError(f"{where}: {str(row)[:80]!r}; an object with a prompt is needed")
        yield where, row


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
