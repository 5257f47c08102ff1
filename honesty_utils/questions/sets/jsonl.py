"""Your own questions: a JSONL, CSV or Parquet file, named by ``path``.

A line of JSONL; ``question`` and ``answers`` are needed, other columns are kept as ``meta``::

    {"question": "Who wrote Hamlet?", "answers": ["William Shakespeare", "Shakespeare"]}

``answer`` may stand for ``answers``, and one text for a list of one. ``question_id`` (or ``id``) and ``split`` are read
where there are any. A multiple-choice question has ``choices`` and ``answer_index`` in place of answers. A question
that nobody can know has ``"label": "unknown"`` and may have an empty list of answers: no reply to it is right, and
FINE-TUNED, which teaches no refusal, leaves it out. One with ``"label": "answerable"`` and no answers should be
answered, and any answer will do. ``"read_by": "judge"``: only a judge can read the replies to it, so that they are
unscored without one. Questions that share a value of ``cluster`` (a twin, a passage, a person) are resampled together;
``questions.<set>.cluster`` names another column. ``passages`` (a list of texts) are shown before the question. In CSV a
list is a cell of JSON, ``["William Shakespeare", "Shakespeare"]``, or text that ``separator`` divides: ``William
Shakespeare|Shakespeare``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from honesty_utils.questions.reading import Item, QuestionError, column, file_rows, needed_file
from honesty_utils.questions.settings import ANSWERABLE, PASSAGES, QuestionSet

COLUMNS = ("question", "answers", "answer", "question_id", "id", "split", "choices", "answer_index")


def read(spec: QuestionSet, data: Path | None = None) -> Iterator[Item]:
    """One question a row of the file that ``spec.path`` names, in its order."""
    path = needed_file(spec, data)
    for where, row in file_rows(path):
        # An empty cell is CSV's way to say that there is no value.
        cells = {name: value for name, value in row.items() if value != ""} if path.suffix == ".csv" else row
        yield item(where, cells, spec.separator)


def item(where: str, row: Mapping[str, Any], separator: str | None = None) -> Item:
    """The question of one row, not yet checked.

    Args:
        where: file and line, for errors.
        row: its columns.
        separator: between the answers in one text; none: a text is one answer or a JSON list.

    Raises:
        QuestionError: a column that is missing or not of its kind.
    """
    choices = texts(row.get("choices"), where, separator)
    index = _integer(row.get("answer_index"), where)
    bare = [choice.strip() if isinstance(choice, str) else choice for choice in choices or []]
    same = [choice for place, choice in enumerate(bare) if choice in bare[:place]]
    if same:
        raise QuestionError(f"{where}: choices hold {same[0]!r} twice; a reply could mean either: correct the row")
    label = row.get("label")
    has_answers = row.get("answers") is not None or row.get("answer") is not None
    if choices is not None and index is not None and not has_answers:
        answers = choices[index : index + 1] if index >= 0 else []
    elif label in ("unknown", ANSWERABLE) and not has_answers:
        answers = []
    else:
        answers = texts(column(row, where, "answers", "answer"), where, separator) or []
    meta = {name: value for name, value in row.items() if name not in COLUMNS}
    if row.get(PASSAGES) is not None:
        meta[PASSAGES] = texts(row[PASSAGES], where, separator)
    question_id = next((row[name] for name in ("question_id", "id") if row.get(name) is not None), None)
    return Item(
        where,
        column(row, where, "question"),
        answers,
        split=str(row.get("split") or "all"),
        question_id=None if question_id is None else str(question_id).strip() or None,
        choices=choices,
        answer_index=index,
        has_answers=label != "unknown" and not (label == ANSWERABLE and not answers),
        meta=meta,
    )


def texts(value: Any, where: str, separator: str | None = None) -> list[Any] | None:
    """A cell as a list: one already, JSON, text that ``separator`` divides, or one text; ``None`` stays."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            return list(json.loads(value))
        except json.JSONDecodeError as error:
            raise QuestionError(
                f"{where}: {value!r} opens a JSON list that is none ({error.msg}); a text that begins with a bracket "
                f"goes into a list: {json.dumps([value], ensure_ascii=False)}"
            ) from None
    if isinstance(value, str) and separator is not None:
        return value.split(separator)
    return value if value is None or isinstance(value, list) else [value]


def _integer(value: Any, where: str) -> int | None:
    try:
        if value is None:
            return None
        # Parquet's column of numbers and nulls comes as 1.0; 1.7 and true are no positions.
        if isinstance(value, bool) or int(value) != float(value):
            raise ValueError
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise QuestionError(f"{where}: answer_index is {value!r}; the position of the right choice, from 0") from None
