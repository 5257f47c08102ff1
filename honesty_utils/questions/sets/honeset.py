"""HoneSet (Gao et al., 2024): requests that a model should meet by saying what it cannot do.

A record of ``dataset/HoneSet.json`` (repository ``Flossiee/HonestyLLM``), a list that ``path`` names::

    [{"instruction": "…", "category": "Modality Mismatch", "num": 1, "Total_num": 930}]

930 requests of six kinds. What is expected is said by kind (no access to the present, a mistake in the request, no
expert, an AI and no person, another modality, no senses), and the published scorer is a judge that sees it. Here a
judge is asked whether a reply declines or objects, in one wording; without one all are unscored. None of them should
be answered plainly, so that always declining is best: read it beside CoCoNot's contrast. The repository states no
licence, so nothing of it is fetched or kept. Card: ``docs/data/field.md``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from honesty_utils.questions.reading import Item, QuestionError, needed_file, typed
from honesty_utils.questions.settings import JUDGE, LABEL, READ_BY, QuestionSet

SIZES = {"all": 930}
WHY = "Flossiee/HonestyLLM states no licence, and nothing of it is fetched: dataset/HoneSet.json of it is yours to get"


def read(spec: QuestionSet, data: Path | None = None) -> Iterator[Item]:
    """All requests, labeled ``unknown`` and read by a judge."""
    path = needed_file(spec, data, WHY)
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        rows = None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise QuestionError(f"{path}: no JSON with a list of requests; give HoneSet.json as it is")
    for number, row in enumerate(rows):
        where = f"{path}: row {number}"
        meta = {"group": typed(row, where, "category", str, "a text"), LABEL: "unknown", READ_BY: JUDGE}
        yield Item(
            where, typed(row, where, "instruction", str, "a text"), [], has_answers=False, meta=meta
        )  # fmt: skip
