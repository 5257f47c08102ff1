"""Question sets: one source a file, named in `SOURCES`; `load` reads one, checks every row and draws its limit.

Adding one is a file with ``read(spec, data) -> Iterator[Item]`` and a line in `SOURCES`.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from honesty_utils import records
from honesty_utils.config import REQUESTS, QuestionSet
from honesty_utils.grading import normalize
from honesty_utils.prompts import LETTERS
from honesty_utils.questions import jsonl, microworld, mmlu, nonambigqa, pkqa, prompts, puqa, triviaqa
from honesty_utils.questions._reading import Item, QuestionError, gradable, logger

__all__ = ["SOURCES", "Item", "QuestionError", "load", "overlap"]

SOURCES: dict[str, Callable[[QuestionSet, Path | None], Iterable[Item]]] = {
    "triviaqa": triviaqa.read,
    "nonambigqa": nonambigqa.read,
    "puqa": puqa.read,
    "pkqa": pkqa.read,
    "mmlu": mmlu.read,
    "jsonl": jsonl.read,
    REQUESTS: prompts.read,
    "microworld": microworld.read,
}


FILES = ("jsonl", "puqa", "pkqa", REQUESTS)
"""Sources without a hub name: they are read from the file that ``path`` names."""


def load(name: str, spec: QuestionSet, data: str | Path | None = None) -> pd.DataFrame:
    """Read, check, deduplicate and limit one question set.

    Args:
        name: name of the set in the run; the ``dataset`` of its rows.
        spec: source, path, split, limit and seed.
        data: local folder with copies of the hub's sets (``<data>/trivia_qa/rc.nocontext/…``), read in place of the
            hub; files that ``spec.path`` names may lie in it too.

    Returns:
        A QUESTIONS table in the order of the source.

    Raises:
        QuestionError: names set, file and row, value and remedy.
    """
    try:
        if spec.source not in SOURCES:
            raise QuestionError(f"source: {spec.source!r} is not known; allowed: {sorted(SOURCES)}")
        items = SOURCES[spec.source](spec, Path(data) if data else None)
        found = _of_split([_checked(item) for item in items], spec)
        _check_ids(found)
        chosen = _limited(name, _deduplicated(name, found), spec)
    except (QuestionError, records.RecordError) as error:
        raise QuestionError(f"questions.{name}: {error}") from error
    return _frame(name, chosen)


def overlap(train: pd.DataFrame, evaluation: pd.DataFrame) -> int:
    """Number of evaluation questions whose normalised text is that of a training question."""
    seen = {normalize(question) for question in train["question"]}
    return sum(normalize(question) in seen for question in evaluation["question"])


def _checked(item: Item) -> Item:
    """The item with its texts stripped and its answers that can be graded, or an error that names its row."""
    if not isinstance(item.question, str) or not item.question.strip():
        raise QuestionError(f"{item.where}: question is {item.question!r}; a text is needed")
    for column, values in (("answers", item.answers), ("choices", item.choices or [])):
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise QuestionError(f"{item.where}: {column} is {values!r}; a list of texts is needed")
    _check_choices(item)
    # An answer among choices is graded by its letter or whole text, so that a sign such as "//" is fine there.
    answers = list(item.answers) if item.choices is not None else gradable(item.answers)
    if not answers and item.has_answers:
        raise QuestionError(
            f"{item.where}: answers are {list(item.answers)!r}; at least one is needed that is more than articles and "
            "punctuation; correct or remove the row"
        )
    return replace(item, question=item.question.strip(), answers=answers)


def _check_choices(item: Item) -> None:
    if item.choices is None and item.answer_index is None:
        return
    choices = item.choices or []
    if not 2 <= len(choices) <= len(LETTERS) or not all(choice.strip() for choice in choices):
        raise QuestionError(f"{item.where}: choices are {choices!r}; 2 to {len(LETTERS)} texts are needed")
    if item.answer_index is None or not 0 <= item.answer_index < len(choices):
        raise QuestionError(f"{item.where}: answer_index is {item.answer_index}; allowed: 0 to {len(choices) - 1}")


def _of_split(items: list[Item], spec: QuestionSet) -> list[Item]:
    if not items:
        raise QuestionError(f"no rows in {spec.path or spec.source}; a set has at least one question")
    if spec.split is None:
        return items
    found = [item for item in items if item.split in spec.split.split("+")]
    if not found:
        raise QuestionError(f"split: {spec.split!r} has no rows; found {sorted({item.split for item in items})}")
    return found


def _check_ids(items: Sequence[Item]) -> None:
    first: dict[str, str] = {}
    for item in items:
        if item.question_id is not None and first.setdefault(item.question_id, item.where) != item.where:
            raise QuestionError(
                f"{item.where}: question_id {item.question_id!r} is that of {first[item.question_id]} too; "
                "ids are unique in a set; correct it, or leave the column out to have ids made"
            )


def _deduplicated(name: str, items: Sequence[Item]) -> list[Item]:
    first: dict[tuple[str, ...], Item] = {}
    for item in items:
        first.setdefault(_identity(item), item)
    if len(first) < len(items):
        logger.warning("questions.%s: %d of %d are repeats and dropped", name, len(items) - len(first), len(items))
    return list(first.values())


def _identity(item: Item) -> tuple[str, ...]:
    # Multiple choice by its exact text: "Which of these is right?" is another question with other options.
    if item.choices is not None:
        return (item.question, *item.choices)
    return (normalize(item.question) or item.question,)


def _limited(name: str, items: list[Item], spec: QuestionSet) -> list[Item]:
    items = _part(_not_too_long(name, items, spec), spec)
    if not items:
        raise QuestionError(f"part {list(spec.part)}, longest {spec.longest}: no question is left; allow more")
    if spec.limit is None:
        return items
    if spec.limit > len(items):
        logger.warning("questions.%s: limit %d, but the set has %d; all are taken", name, spec.limit, len(items))
        return items
    chosen = random.Random(spec.seed).sample(range(len(items)), spec.limit)
    return [items[i] for i in sorted(chosen)]


def _not_too_long(name: str, items: list[Item], spec: QuestionSet) -> list[Item]:
    if spec.longest is None:
        return items
    kept = [item for item in items if len(item.question) + sum(map(len, item.choices or ())) <= spec.longest]
    if len(kept) < len(items):
        dropped = len(items) - len(kept)
        logger.warning("questions.%s: %d of %d are over %d characters", name, dropped, len(items), spec.longest)
    return kept


def _part(items: list[Item], spec: QuestionSet) -> list[Item]:
    """The items between two shares of a shuffled order: parts that do not overlap share no question."""
    if spec.part == (0.0, 1.0):
        return items
    order = random.Random(spec.seed).sample(range(len(items)), len(items))
    start, end = (round(share * len(items)) for share in spec.part)
    return [items[i] for i in sorted(order[start:end])]


def _frame(name: str, items: Sequence[Item]) -> pd.DataFrame:
    columns = {
        "question_id": [item.question_id or _content_id(item) for item in items],
        "dataset": [name] * len(items),
        "split": [item.split for item in items],
        "question": [item.question for item in items],
        "answers": [list(item.answers) for item in items],
        "choices": [None if item.choices is None else list(item.choices) for item in items],
        "answer_index": [item.answer_index for item in items],
        "exposures": [item.exposures for item in items],
        "meta": [json.dumps(dict(item.meta), ensure_ascii=False, default=str) for item in items],
    }
    frame = pd.DataFrame({column: pd.Series(values, dtype=object) for column, values in columns.items()})
    records.conform(frame, records.QUESTIONS, f"questions.{name}")
    return frame


def _content_id(item: Item) -> str:
    """Id made of the text, so that it stays the same whatever else is in the file."""
    return hashlib.sha256("\x1f".join(_identity(item)).encode()).hexdigest()[:16]
