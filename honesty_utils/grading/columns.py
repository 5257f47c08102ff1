"""The columns of a table that is graded: held to their form, and taken apart into what is distinct in them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from honesty_utils.grading.normalizing import normalize, normalize_all

LABELS = ("unknown", "answerable")
"""Labels of questions that may have no answers: nobody can know it, or any answer will do."""


def check_answers(table: pd.DataFrame, where: str, refusal: str | None = None) -> None:
    """Hold the gold answers of a question set to their form, and to the refusal sentence.

    Args:
        table: ``answers``, a list of aliases a row; optional ``choices``, ``meta`` (which may label a question
            ``unknown``: nobody can know it; or ``answerable``: any answer will do; it may then have no answers), and
            ``question_id`` for messages.
        where: the file or set that an error names.
        refusal: the trained refusal sentence, which no right answer may hold: who gives that answer would refuse.

    Raises:
        ValueError: a row that is not a list of texts; or one without choices (options are named by letter too) that has
            no alias with words in it, so that no response could be right; or an alias that is a refusal, of a question
            that somebody can know. Names the row, counted from 0.
    """
    refused = normalize(refusal or "")
    answers, choices = table["answers"].tolist(), _optional(table, "choices") or [None] * len(table)
    for row, aliases in enumerate(answers):
        if not _is_texts(aliases):
            raise ValueError(f"{where}: {_named(table, row)}: answers is {aliases!r}; a list of texts is needed")
    words = iter(normalize_all([alias for aliases in answers for alias in aliases]))
    for row, aliases in enumerate(answers):
        normal = [next(words) for _ in aliases]
        refusing = [alias for alias, text in zip(aliases, normal, strict=True) if refused and refused in text]
        if refusing and _label(table, row) != "unknown":
            raise ValueError(
                f"{where}: {_named(table, row)}: the answer {refusing[0]!r} holds the refusal sentence {refusal!r}, so "
                "that a right response would count as a refusal; write another sentence for prompts.refusal, or "
                "correct the answer"
            )
        if not any(normal) and choices[row] is None and not (len(aliases) == 0 and _label(table, row) in LABELS):
            raise ValueError(
                f"{where}: {_named(table, row)}: answers is {list(aliases)!r}, which normalizes to nothing, so that no "
                'response could be right; give an alias with words, label it "unknown" if nobody can know it or '
                '"answerable" if any answer will do, or drop the question'
            )


def _label(table: pd.DataFrame, row: int) -> str | None:
    """What the file of a question labels it, one of `LABELS` or none; loading keeps the label in ``meta``."""
    meta = json.loads(table["meta"].iloc[row]) if "meta" in table else {}
    label = meta.get("label") if isinstance(meta, dict) else None
    return label if label in LABELS else None


def _named(table: pd.DataFrame, row: int) -> str:
    return f"row {row} ({table['question_id'].iloc[row]})" if "question_id" in table else f"row {row}"


@dataclass(frozen=True)
class Gold:
    """A question and what its responses are held to."""

    question: str
    answers: Sequence[str]
    choices: Sequence[str] | None
    answer_index: int | None


def golds(table: pd.DataFrame) -> tuple[list[Gold], NDArray[np.int64]]:
    """Distinct questions with their answers, and which of them each row has.

    Raises:
        ValueError: a missing column, or a row that cannot be graded; names the row.
    """
    missing = {"question", "answers", "text"} - set(table.columns)
    if missing:
        raise ValueError(f"columns {sorted(missing)} are missing; grading needs question, answers and text")
    (questions, question), answers = texts(table, "question"), table["answers"].tolist()
    choices, index = _optional(table, "choices"), _optional(table, "answer_index")
    # By identity, which these lists keep alive: hashing some twenty aliases a row would cost more than grading.
    code = _pairs(question, np.fromiter(map(id, answers), np.int64, len(answers)))
    beside: list[Any] = [None] * len(answers)
    if choices is not None or index is not None:
        beside = list(zip(choices or beside, index or beside, strict=True))
        code = _pairs(code, _codes([(id(options), right) for options, right in beside]))
    rows, code = _merged(question, answers, beside, code)
    return [_gold(row, questions[question[row]], answers[row], *(beside[row] or (None, None))) for row in rows], code


def texts(table: pd.DataFrame, name: str) -> tuple[list[str], NDArray[np.int64]]:
    """Distinct texts of a column, and which of them each row has.

    Raises:
        ValueError: a row that has no text; names it.
    """
    try:
        code, distinct = pd.factorize(table[name])
    except TypeError:  # a value without a hash, such as a list
        code, distinct = np.array([-1]), pd.Index([])
    found = distinct.tolist()
    if code.min(initial=0) < 0 or not all(isinstance(text, str) for text in found):
        wrong = enumerate(table[name].tolist())
        row, value = next((row, value) for row, value in wrong if not isinstance(value, str))
        raise ValueError(f"row {row}, column {name!r}: {value!r}; a text is needed, the empty one included")
    return found, code


def _merged(
    question: NDArray[np.int64], answers: list[Any], beside: list[Any], code: NDArray[np.int64]
) -> tuple[list[int], NDArray[np.int64]]:
    """The first row of each distinct gold, and which of them each row has.

    Equal ones that came with lists of their own, as in a table read from a file, are one: ``code`` took them apart.
    """
    firsts = _first_rows(code)
    known: dict[int, list[int]] = {}
    same = np.arange(len(firsts))
    if len(firsts) == question.max(initial=-1) + 1:  # one gold a question
        return firsts, code
    lists = [value.tolist() if isinstance(value, np.ndarray) else value for value in (answers[row] for row in firsts)]
    for place, row in enumerate(firsts):
        for other in known.setdefault(question.item(row), []):
            if lists[other] == lists[place] and _equal(beside[firsts[other]], beside[row]):
                same[place] = other
                break
        else:
            known[question.item(row)].append(place)
    kept, first = np.unique(same, return_inverse=True)
    return [firsts[place] for place in kept.tolist()], first[code]


def _equal(one: Any, other: Any) -> bool:
    """Whether two pairs of choices and answer index, or two absent ones, are equal."""
    if one is None or other is None:
        return one is other
    options = [list(pair[0]) if isinstance(pair[0], np.ndarray) else pair[0] for pair in (one, other)]
    return bool(options[0] == options[1] and one[1] == other[1])


def _gold(row: int, question: str, answers: Any, choices: Any, index: Any) -> Gold:
    if not _is_texts(answers):
        raise ValueError(f"row {row}, column 'answers': {answers!r}; a list of texts is needed, such as ['Paris']")
    if choices is None:
        return Gold(question, answers, None, None)
    if not _is_texts(choices) or not len(choices):
        raise ValueError(f"row {row}, column 'choices': {choices!r}; a list of texts is needed, or none")
    if index is None and not len(answers):
        return Gold(question, answers, list(choices), None)  # none of the options can be known to be right
    if index not in range(len(choices)):
        raise ValueError(f"row {row}, column 'answer_index': {index!r}; allowed: 0 … {len(choices) - 1}")
    return Gold(question, answers, list(choices), int(index))


def _codes(values: Sequence[Any]) -> NDArray[np.int64]:
    """Values numbered in the order in which they first appear."""
    seen: dict[Any, int] = {}
    return np.array([seen.setdefault(value, len(seen)) for value in values], dtype=np.int64)


def _pairs(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pairs of numbers numbered in the order in which they first appear."""
    left, right = pd.factorize(first)[0], pd.factorize(second)[0]
    return np.asarray(pd.factorize(left * (right.max(initial=0) + 1) + right)[0], dtype=np.int64)


def _first_rows(code: NDArray[np.int64]) -> list[int]:
    first = np.full(code.max(initial=-1) + 1, len(code))
    np.minimum.at(first, code, np.arange(len(code)))
    return first.tolist()


def _is_texts(value: Any) -> bool:
    # Not any sequence: a lone string would be taken letter by letter.
    return isinstance(value, list | tuple | np.ndarray) and all(isinstance(text, str) for text in value)


def _optional(table: pd.DataFrame, name: str) -> list[Any] | None:
    if name not in table:
        return None
    values = table[name].astype(object)
    return values.where(values.notna(), None).tolist()
