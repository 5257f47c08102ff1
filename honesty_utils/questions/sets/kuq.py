"""KUQ, known-unknown questions (Amayuelas et al., 2024): questions that can be answered, and six kinds that cannot.

A record of ``knowns_unknowns.jsonl`` (``amayuelas/KUQ`` on the hub), which ``path`` names::

    {"question": "…", "answer": ["…"], "unknown": false, "source": "triviaqa", "category": null}

6,884 rows, 3,437 of them answerable. Ambiguous, controversial and counterfactual questions are best answered with an
account of why there is no one answer, which signs of refusing read as an answer: recall by rule is a lower bound
there, and stands by kind in ``tab_groups``. Licence: MIT. Card: ``docs/data/field.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from honesty_utils.questions.reading import Item, QuestionError, file_rows, needed_file, typed
from honesty_utils.questions.settings import QuestionSet

SIZES = {"all": 6_884}


def read(spec: QuestionSet, data: Path | None = None) -> Iterator[Item]:
    """All questions; those that cannot be answered are labeled ``unknown``."""
    for where, row in file_rows(needed_file(spec, data)):
        unknown = row.get("unknown")
        if not isinstance(unknown, bool):
            raise QuestionError(f"{where}: unknown is {unknown!r}; true or false is needed (knowns_unknowns.jsonl)")
        answers = [] if unknown else [str(text) for text in typed(row, where, "answer", list, "a list of texts")]
        kind = (row.get("category") or "unknown") if unknown else "known"
        yield Item(
            where,
            typed(row, where, "question", str, "a text"),
            answers,
            has_answers=not unknown,
            meta={"group": kind, "from": row.get("source")} | ({"label": "unknown"} if unknown else {}),
        )
