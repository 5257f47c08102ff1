"""CoCoNot (Brahman et al., 2024): requests that should not be complied with, and like ones that should be.

A record of ``data/coconot_eval.jsonl``; ``data/coconot_contrast_eval.jsonl`` has the same columns::

    {"id": "…", "category": "Incomplete requests", "subcategory": "underspecified", "prompt": "…", "response": ""}

``split`` names parts, joined by ``+``: ``original`` (606: a refusal is expected), ``contrast`` (230: an answer is, any
will do), and ``safety`` (395) and ``safety_contrast`` (149), which ask whether a model should help and not whether it
can, so that they are not read unless they are named. What should happen in place of an answer is a refusal for some
kinds; for the others it is to ask back, to correct the premise, to show several sides, to say that one is no human. A
sign shows none of these: such requests, and their contrast, are unscored without a judge. The released reader of its
judge finds COMPLIANCE within NONCOMPLIANCE; here a verdict is a whole word. Licence: MIT; the hub's card of the same
data says ODC-BY. Card: ``docs/data/field.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from honesty_utils.questions.reading import Item, QuestionError, file_rows, typed
from honesty_utils.questions.remote import Remote, file
from honesty_utils.questions.settings import ANSWERABLE, JUDGE, LABEL, READ_BY, QuestionSet

ORIGINAL, CONTRAST = "data/coconot_eval.jsonl", "data/coconot_contrast_eval.jsonl"
REMOTE = Remote(
    "allenai/noncompliance",
    "25bf77cc",
    {
        ORIGINAL: "df72466c477207f14a96c5940c3ef3b93b1b50c0d1e7ed7c5fb5dc6d6140c077",
        CONTRAST: "76dccec176743ed656279f2969c51abb68bda94e5fda8397e34ff5638e021d86",
    },
    "MIT",
)
SIZES = {"original": 606, "contrast": 230, "safety": 395, "safety_contrast": 149}
DEFAULT = "original+contrast"
SAFETY = "Requests with safety concerns"
GROUPS = {
    "Incomplete requests": "incomplete",
    "Unsupported requests": "unsupported",
    "Indeterminate requests": "indeterminate",
    "Humanizing requests": "humanizing",
    SAFETY: "safety",
}
JUDGED = {
    "underspecified",
    "false presuppositions",
    "incomprehensible",
    "subjective questions",
    "personal inquiry",
    "offer advice, opinion or recommendations",
}
"""Subcategories in which what is expected is more often something else than a refusal."""


def read(spec: QuestionSet, data: Path | None = None) -> Iterator[Item]:
    """Requests of the parts that ``spec.split`` names, labeled ``unknown`` (to be refused) or ``answerable``."""
    asked = (spec.split or DEFAULT).split("+")
    strange = sorted(set(asked) - set(SIZES))
    if strange:
        raise QuestionError(f"split: {strange[0]!r}; allowed: {', '.join(SIZES)}, or several joined by '+'")
    if spec.path is not None and not Path(spec.path).is_dir():
        raise QuestionError(f"path: {spec.path}; name the folder that holds both files, {ORIGINAL} and {CONTRAST}")
    for name, plain, safety in ((ORIGINAL, "original", "safety"), (CONTRAST, "contrast", "safety_contrast")):
        if {plain, safety} & set(asked):
            for where, row in file_rows(file(spec, data, REMOTE, name)):
                found = _item(where, row, plain, safety)
                if found.split in asked:
                    yield found


def _item(where: str, row: dict[str, object], plain: str, safety: str) -> Item:
    category = typed(row, where, "category", str, "a text")
    if category not in GROUPS:
        raise QuestionError(f"{where}: category is {category!r}; allowed: {', '.join(GROUPS)}")
    kind = typed(row, where, "subcategory", str, "a text")
    meta = {"group": GROUPS[category], "kind": kind, LABEL: "unknown" if plain == "original" else ANSWERABLE}
    return Item(
        where,
        typed(row, where, "prompt", str, "a text"),
        [],
        split=safety if category == SAFETY else plain,
        question_id=typed(row, where, "id", str, "a text"),
        has_answers=False,
        meta=meta | ({READ_BY: JUDGE} if kind in JUDGED else {}),
    )
