"""UMWP (Sun et al., 2024): word problems, each with a twin that lacks what is needed to solve it.

A record of ``data/StandardDataset.jsonl``::

    {"id": 1, "question": "…How many magazines does he have in total?", "answer": [460.0], "answerable": true,
     "category": null, "relevant_ids": null, "source": "SVAMP"}

5,200 problems, 2,600 pairs; ``relevant_ids`` of the second names the first. Answers are numbers: the last one of a
reply counts (``match: number``). The released scorer reads "1,234" as two numbers and lost two signs of refusing to a
missing comma; neither is copied. Licence: CC BY-SA 4.0. Card: ``docs/data/field.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from honesty_utils.questions.reading import Item, QuestionError, file_rows, typed
from honesty_utils.questions.remote import Remote, file
from honesty_utils.questions.settings import QuestionSet

FILE = "data/StandardDataset.jsonl"
REMOTE = Remote(
    "Yuki-Asuuna/UMWP",
    "1b3ae0fa",
    {FILE: "e8840e8383357238a08e9c5028e4758ceceb369e1db31c64678b0f851c9c9e73"},
    "CC BY-SA 4.0",
)
SIZES = {"all": 5_200}
CATEGORIES = {
    1: "key information missing",
    2: "ambiguous",
    3: "unrealistic",
    4: "unrelated object",
    5: "no question",
}


def read(spec: QuestionSet, data: Path | None = None) -> Iterator[Item]:
    """All problems; those that cannot be solved are labeled ``unknown``, and ``twin`` names the pair."""
    for where, row in file_rows(file(spec, data, REMOTE, FILE)):
        own = typed(row, where, "id", int, "a number")
        answerable = row.get("answerable")
        if not isinstance(answerable, bool):
            raise QuestionError(f"{where}: answerable is {answerable!r}; true or false is needed")
        first = own
        if not answerable:
            (first,) = typed(row, where, "relevant_ids", list, "a list with the id of its twin")
        meta = {"twin": str(first), "from": row.get("source")}
        kind = "solvable" if answerable else CATEGORIES.get(row.get("category"), "unsolvable")  # type: ignore[arg-type]
        yield Item(
            where,
            typed(row, where, "question", str, "a text"),
            [_number(value) for value in typed(row, where, "answer", list, "a list of numbers")] if answerable else [],
            question_id=str(own),
            has_answers=answerable,
            meta=meta | {"group": kind} | ({} if answerable else {"label": "unknown"}),
        )


def _number(value: float) -> str:
    return f"{value:.10g}"
