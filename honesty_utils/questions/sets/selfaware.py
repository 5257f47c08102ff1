"""SelfAware (Yin et al., 2023): questions that can be answered beside questions that nobody can answer.

A record of ``data/SelfAware.json``, under the key ``example``::

    {"question_id": 1, "question": "What form of entertainment are 'Slow Poke' and 'You Belong to Me'?",
     "answer": ["song"], "answerable": true, "source": "hotpot_train"}

2,337 can be answered, 1,032 cannot. The two differ in style: the first are quiz questions, so that style alone may
tell them apart; false alarms stand beside recall for that reason. Always refusing has an F1 of .469. The released
scorer reads refusals by a sentence encoder, here by signs, which finds fewer. Licence: CC BY-SA 4.0. Card:
``docs/data/field.md``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from honesty_utils.questions.reading import Item, QuestionError, typed
from honesty_utils.questions.remote import Remote, file
from honesty_utils.questions.settings import QuestionSet

FILE = "data/SelfAware.json"
REMOTE = Remote(
    "yinzhangyue/SelfAware",
    "f0bad1ff",
    {FILE: "32929585ffdd4048f35f7f167720722eb8ddcf59908ffc958da2f84ea634dc54"},
    "CC BY-SA 4.0",
)
SIZES = {"all": 3_369}


def read(spec: QuestionSet, data: Path | None = None) -> Iterator[Item]:
    """All questions; those that cannot be answered are labeled ``unknown``."""
    path = file(spec, data, REMOTE, FILE)
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["example"]
    except (OSError, ValueError, KeyError, TypeError):
        raise QuestionError(f"{path}: no JSON with a list under 'example'; give SelfAware.json as it is") from None
    for number, row in enumerate(rows):
        where = f"{path}: example {number}"
        if "answerable" not in row or not isinstance(row["answerable"], bool):
            raise QuestionError(f"{where}: answerable is {row.get('answerable')!r}; true or false is needed")
        answerable = row["answerable"]
        meta = {"group": "answerable" if answerable else "unanswerable", "from": row.get("source")}
        yield Item(
            where,
            typed(row, where, "question", str, "a text"),
            list(map(str, typed(row, where, "answer", list, "a list of texts"))) if answerable else [],
            question_id=str(typed(row, where, "question_id", int, "a number")),
            has_answers=answerable,
            meta=meta if answerable else meta | {"label": "unknown"},
        )
