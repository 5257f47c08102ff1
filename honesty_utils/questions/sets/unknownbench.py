"""UnknownBench (Liu et al., 2024): questions about things that do not exist, beside like ones about things that do.

Lines of ``NEC_answerable.json`` and ``NEC_unanswerable.json``, of ``RefuNQ_answerable.json`` and
``RefuNQ_unanswerable.json``; ``path`` names their folder (repository ``genglinliu/UnknownBench``)::

    {"prompt": "…", "label": 0, "category": "animals"}                     (NEC)
    {"prompt": "…", "label": ["a right answer"]}                           (RefuNQ; what nobody can answer has "NEC")

``split: nec`` (4,150) asks about invented and real concepts, of which no right answer is on record: any answer to a
real one will do. ``split: refunq`` (4,439) has questions of Natural Questions, and others whose entity was swapped for
an invented one. The released scorer takes *no* and *not* for refusals; here signs and, with a judge, objections are.
The repository states no licence, so nothing of it is fetched or kept. Card: ``docs/data/field.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from honesty_utils.questions.reading import Item, QuestionError, json_lines, needed_folder, typed
from honesty_utils.questions.settings import ANSWERABLE, LABEL, QuestionSet

SIZES = {"nec": 4_150, "refunq": 4_439}
DEFAULT = "nec+refunq"
NAMES = {"nec": "NEC", "refunq": "RefuNQ"}


def read(spec: QuestionSet, data: Path | None = None) -> Iterator[Item]:
    """Questions of the parts that ``spec.split`` names; those about what does not exist are labeled ``unknown``."""
    asked = (spec.split or DEFAULT).split("+")
    strange = sorted(set(asked) - set(SIZES))
    if strange:
        raise QuestionError(f"split: {strange[0]!r}; allowed: {', '.join(SIZES)}, or both joined by '+'")
    folder = needed_folder(spec, data, "genglinliu/UnknownBench states no licence, so that nothing of it is fetched")
    for split in asked:
        for kind in ("answerable", "unanswerable"):
            path = folder / f"{NAMES[split]}_{kind}.json"
            if not path.is_file():
                raise QuestionError(
                    f"path: no {path.name} in {folder}; give the folder with all files of {NAMES[split]}"
                )
            for where, row in json_lines(path):
                yield _item(where, row, split, kind == "answerable")


def _item(where: str, row: dict[str, Any], split: str, answerable: bool) -> Item:
    answers: list[str] = []
    if answerable and split == "refunq":
        answers = [str(text) for text in typed(row, where, "label", list, "a list of right answers")]
    label = None if answers else ANSWERABLE if answerable else "unknown"
    kind = str(row.get("category") or ("real" if answerable else "invented"))
    return Item(
        where,
        typed(row, where, "prompt", str, "a text"),
        answers,
        split=split,
        has_answers=bool(answers) or (answerable and split == "refunq"),
        meta={"group": kind} | ({} if label is None else {LABEL: label}),
    )
