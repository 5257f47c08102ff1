"""PopQA (Mallen et al., 2023): questions about entities that few or many read about; ``akariasai/PopQA``.

A record, without the columns that are not read::

    {"id": 4222362, "prop": "occupation", "s_pop": 142, "question": "What is George Rankin's occupation?",
     "possible_answers": "[\"politician\", \"political leader\", \"political figure\", \"polit.\", \"pol\"]"}

Read too: a file named by ``path`` with ``question`` and ``answer`` (a list), as it is often handed on. Not in the
paper. Made from templates: 14,267 questions in 12,901 wordings ("What genre is Train?" asks after two works), all kept.
Licence: MIT. Card: ``docs/data/popqa.md``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from honesty_utils.questions.hub import hub_rows
from honesty_utils.questions.reading import FORMATS, Item, QuestionError, file_rows, needed_file, typed
from honesty_utils.questions.settings import QuestionSet

HUB, CONFIG = "akariasai/PopQA", "default"
SIZES = {"test": 14_267}


def read(spec: QuestionSet, data: Path | None = None) -> Iterator[Item]:
    """Questions of the one split, with the relation and the readers of the subject as ``meta`` where they are told."""
    if spec.path is not None and Path(spec.path).suffix in FORMATS:
        for where, row in file_rows(needed_file(spec, data)):
            answers = typed(row, where, "answer", list, "a list of texts")
            yield Item(where, typed(row, where, "question", str, "a text"), answers, "test")
        return
    columns = ("id", "question", "possible_answers", "prop", "s_pop")
    for where, split, row in hub_rows(spec, data, HUB, CONFIG, ("test",), columns):
        meta = {"prop": row["prop"], "s_pop": row["s_pop"]}
        yield Item(where, row["question"], _answers(row, where), split, question_id=str(row["id"]), meta=meta)


def _answers(row: dict[str, Any], where: str) -> list[str]:
    text = typed(row, where, "possible_answers", str, "a list of texts in JSON")
    try:
        answers = json.loads(text)
    except json.JSONDecodeError as error:
        raise QuestionError(f"{where}: possible_answers is {text[:80]!r}; not JSON ({error.msg}); correct it") from None
    return answers if isinstance(answers, list) else [answers]
