"""Answers that one already has, from a model that need not run here: read from files, graded, made one frame.

A line of JSONL (CSV and Parquet have the same columns); a question, its answers and a reply are needed::

    {"question": "Who wrote Hamlet?", "answers": ["William Shakespeare"], "greedy": "It was Shakespeare.",
     "samples": ["Shakespeare", "Marlowe"], "logprob": -0.12, "confidence": 0.9, "method": "absolute", "seed": 0}

What each column means is in `SCHEMA`. Questions are read as those of a params file are (``questions/sets/jsonl.py``),
answers are graded as a run's are, so that every table of a run can be made of the frame.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from honesty_utils import grading
from honesty_utils.common.errors import HonestyError
from honesty_utils.common.records import OUTCOMES
from honesty_utils.common.settings import DEFAULT_REFUSAL
from honesty_utils.evaluation.frames import COLUMNS, GROUP_KEYS
from honesty_utils.grading.refusals import refusal_signs
from honesty_utils.grading.thinking import apart
from honesty_utils.questions.checking import check_answered, check_row
from honesty_utils.questions.reading import Item, file_rows
from honesty_utils.questions.sets import jsonl
from honesty_utils.questions.settings import ANSWERABLE, JUDGE, LABEL, READ_BY

SCHEMA = {
    "question": "text of the question; needed",
    "answers": "list of right answers, or `answer` with one; needed, unless there are choices or nobody can know it",
    "choices": "options of a multiple-choice question, with `answer_index`, the place of the right one from 0",
    "label": '"unknown": nobody can know it, so that it should be refused; "answerable": it should be answered, '
    "and without answers any will do; they may be left out",
    "read_by": '"judge": only a judge can read the reply, so that it is unscored unless `outcome` says what it is',
    "greedy": "what the model said (or `response`); needed",
    "samples": "list of answers sampled from the model before alignment: they say what it knows",
    "logprob": "mean log-probability of a token of `greedy`, 0 or less: how sure the model was",
    "confidence": "how sure the model says it is, 0 to 1",
    "before": "what the model before alignment said; or give its answers as a method and name it with --before",
    "outcome": "correct, wrong, idk or unscored, where you have graded `greedy` yourself; it is then not graded again",
    "human": "the same as a person sees it, of some answers drawn at random: corrects what the grader says",
    "method": "who answered; none: the name of the file",
    "seed": "of the training, a whole number; none: 0",
    "dataset": "the set that the question is of; none: answers",
    "question_id": "(or `id`) the same for all methods; none: made from the text",
    "cluster": "questions that share it are resampled together; none: each alone",
    "twin": "shared by a question that can be answered and the like one that cannot",
    "group": "kind of question, for scores by kind (or `relation`, `subject`, `topic`)",
}
"""Columns of a file of answers, and what they mean; others are ignored."""

BASE = "unaligned"
"""What the model before alignment is called in tables."""

LEVELS = 1000
"""Most distinct confidences that are kept as they are; more are rounded to two decimals, for the time of tables."""


class StoredError(HonestyError, ValueError):
    """A file of answers cannot be read, or what it holds does not fit together."""


def schema() -> str:
    """The columns as a text for a terminal."""
    width = max(map(len, SCHEMA))
    return "\n".join(f"  {name:<{width}}  {meaning}" for name, meaning in SCHEMA.items())


@dataclass(frozen=True)
class Grading:
    """How stored answers are read; the defaults are those of a run.

    Attributes:
        match: how an answer is found in a reply.
        refusal: sentence that the model was taught to refuse with.
        signs: further signs of refusing, see `grading.refusals.refusal_signs`.
    """

    match: str = "contains"
    refusal: str = DEFAULT_REFUSAL
    signs: str | Sequence[str] | None = "all"

    @property
    def digest(self) -> str:
        """Short hash of how is graded, to stand beside numbers: those of other digests do not compare."""
        signs = refusal_signs(self.signs)
        content = json.dumps([self.match, self.refusal, sorted(signs)])
        return hashlib.blake2b(content.encode(), digest_size=4).hexdigest()

    def grade(self, table: pd.DataFrame) -> pd.DataFrame:
        """``outcome`` and ``matched`` of a table with ``question, answers, choices, answer_index, text``.

        ``any_will_do`` and ``needs_judge`` are read as `grading.as_expected` has it. What a model thinks aloud
        (``<think>``) is no part of its answer. A reply that ends within a thought says nothing, and is unscored.
        """
        spoken = [apart(text) for text in table["text"]]
        said = table.assign(text=pd.Series([one.said for one in spoken], table.index, dtype=object))
        signs = refusal_signs(self.signs)
        graded = grading.grade_table(said, match=self.match, refusal=self.refusal, signs=signs)
        graded = grading.as_expected(graded, table["any_will_do"], table["needs_judge"])
        silent = pd.Series([not one.ended and not one.said for one in spoken], table.index, dtype=bool)
        return graded[["outcome", "matched"]].assign(
            outcome=graded["outcome"].mask(silent, "unscored"), matched=graded["matched"] & ~silent
        )


def read(paths: Iterable[str | Path]) -> pd.DataFrame:
    """Rows of files of answers, held to their form and not yet graded.

    Returns:
        A row an answer: ``where`` and the columns of `SCHEMA`; what is not given is ``None`` or NaN.

    Raises:
        StoredError: names file, row, value and what is needed.
    """
    named = [(Path(path), Path(path).stem) for path in paths]
    return rows_of((where, row, name) for path, name in named for where, row in _rows(path))


def _rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if not path.is_file():
        raise StoredError(f"{path}: no such file; name files of answers (JSONL, CSV or Parquet)")
    empty_is_none = path.suffix == ".csv"
    try:
        for where, row in file_rows(path):
            yield where, {key: value for key, value in row.items() if value != ""} if empty_is_none else row
    except ValueError as error:
        raise StoredError(str(error)) from None


def rows_of(rows: Iterable[tuple[str, Mapping[str, Any], str]]) -> pd.DataFrame:
    """The same of rows from anywhere, each as ``(where, row, method unless it names one)``; see `read`."""
    reader = _Reader()
    found = [reader.values(where, row, method) for where, row, method in rows]
    if not found:
        raise StoredError("no answers in what was given; a line needs at least:\n" + schema())
    return pd.DataFrame(
        {name: pd.Series([row[at] for row in found], dtype=kind) for at, (name, kind) in enumerate(_READ.items())}
    )


_READ: dict[str, Any] = {
    "where": object, "question_id": object, "question": object, "answers": object, "choices": object,
    "answer_index": object, "should_refuse": bool, "any_will_do": bool,
    "needs_judge": bool, "text": object, "samples": object, "mean_logprob": "float64",
    "confidence": "float64", "before_text": object, "given": object, "human": object, "method": object, "seed": "int64",
    "dataset": object, "cluster": object, "twin": object, "group": object,
}  # fmt: skip
"""Columns of `read` with their types."""


_OF_QUESTION = ("question", "answers", "answer", "choices", "answer_index", "label", "read_by")


class _Reader:
    """Reads rows; a question that many have is checked once."""

    def __init__(self) -> None:
        self._questions: dict[Any, Item] = {}

    def values(self, where: str, row: Mapping[str, Any], method: str) -> tuple[Any, ...]:
        item = self._item(where, row)
        dataset = _name(row, where, "dataset", "answers")
        own = row.get("question_id", row.get("id"))
        key = str(own) if own is not None else _made_id(item)
        reply = row.get("greedy", row.get("response"))
        if not isinstance(reply, str):
            given = "is missing" if reply is None else f"is {str(reply)[:80]!r}, no text"
            raise StoredError(f"{where}: greedy {given}; what the model said is needed. Columns:\n{schema()}")
        return (
            where,
            key,
            item.question,
            item.answers,
            item.choices,
            item.answer_index,
            item.meta.get(LABEL) == "unknown",
            item.meta.get(LABEL) == ANSWERABLE and not item.answers and item.choices is None,
            item.meta.get(READ_BY) == JUDGE,
            reply,
            _samples(row, where),
            _number(row, where, "logprob", -math.inf, 0.0),
            _number(row, where, "confidence", 0.0, 1.0),
            _text(row, where, "before"),
            _outcome(row, where, "outcome"),
            _outcome(row, where, "human"),
            _name(row, where, "method", method),
            _seed(row, where),
            dataset,
            _name(row, where, "cluster", key),
            _name(row, where, "twin", None),
            next((str(row[name]) for name in GROUP_KEYS if row.get(name)), ""),
        )

    def _item(self, where: str, row: Mapping[str, Any]) -> Item:
        said = tuple([str(row[name]) if name in row else None for name in _OF_QUESTION])
        found = self._questions.get(said)
        if found is None:
            try:
                found = check_row(jsonl.item(where, row))
                check_answered(found, found)
            except ValueError as error:
                raise StoredError(f"{error}. Columns:\n{schema()}") from None
            self._questions[said] = found
        return found


def _made_id(item: Item) -> str:
    said = "\n".join([item.question, *(item.choices or ())])
    return hashlib.blake2b(said.encode(), digest_size=8).hexdigest()


def _number(row: Mapping[str, Any], where: str, name: str, low: float, high: float) -> float:
    value = row.get(name)
    if value is None:
        return math.nan
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not low <= number <= high or math.isinf(number):
        allowed = f"{low:g} to {high:g}" if math.isfinite(low) else f"{high:g} or less"
        raise StoredError(
            f"{where}: {name} is {str(value)[:80]!r}; a number is needed, {allowed}; leave it out if unknown"
        )
    return number


def _seed(row: Mapping[str, Any], where: str) -> int:
    value = row.get("seed")
    try:
        if value is None:
            return 0
        if isinstance(value, bool) or int(value) != float(value) or int(value) < 0:
            raise ValueError
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise StoredError(f"{where}: seed is {str(value)[:80]!r}; a whole number from 0 is needed") from None


def _text(row: Mapping[str, Any], where: str, name: str) -> str | None:
    value = row.get(name)
    if value is not None and not isinstance(value, str):
        raise StoredError(f"{where}: {name} is {str(value)[:80]!r}; a text is needed: {SCHEMA[name]}")
    return value


def _name(row: Mapping[str, Any], where: str, name: str, default: str | None) -> str | None:
    value = row.get(name)
    if value is None:
        return default
    if isinstance(value, bool | list | dict) or not str(value).strip():
        raise StoredError(f"{where}: {name} is {str(value)[:80]!r}; a name is needed: {SCHEMA[name]}")
    return str(value)


def _samples(row: Mapping[str, Any], where: str) -> list[str] | None:
    value = jsonl.texts(row.get("samples"), where)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise StoredError(f"{where}: samples is {str(value)[:80]!r}; a list of texts is needed")
    return value


def _outcome(row: Mapping[str, Any], where: str, name: str) -> str | None:
    value = row.get(name)
    if value is not None and value not in OUTCOMES:
        raise StoredError(f"{where}: {name} is {str(value)[:80]!r}; allowed: {', '.join(OUTCOMES)}")
    return None if value is None else str(value)


def frame(read_rows: pd.DataFrame, how: Grading, before: str | None = None) -> pd.DataFrame:
    """The frame of all answers, as ``frames.load`` has it of a run, with ``human`` where people judged.

    Args:
        read_rows: from `read`.
        how: of grading.
        before: the method that is the model before alignment; it is called `BASE` in the frame. None: the column
            ``before`` says what that model did, or nothing does: ``before`` is then ``unscored`` for all.

    Raises:
        StoredError: one question twice for one method and seed, methods that differ in their questions, questions that
            differ between methods, no such method as ``before``.
    """
    table = read_rows.copy()
    if before is not None:
        known = sorted(set(table["method"]))
        if before not in known:
            raise StoredError(f"--before {before}: no such method; there are {', '.join(known)}")
        if before != BASE and BASE in known:
            raise StoredError(
                f"--before {before}: {BASE!r} is what tables call it, and another method is called so; rename"
            )
        table["method"] = table["method"].where(table["method"] != before, BASE)
    _check_rows(table)
    _check_same_questions(table)
    _check_twins(table)
    graded = how.grade(table)
    given = table["given"].notna()
    table["outcome"] = table["given"].where(given, graded["outcome"])
    table["matched"] = np.where(given, table["given"] == "correct", graded["matched"]).astype(bool)
    table["before"] = _before(table, how)
    table["expected_accuracy"] = _expected_accuracy(table, how)
    table["confidence"] = _few_levels(table["confidence"])
    table["stratum"], table["half"] = "", ""
    table["exposures"] = table["fame"] = np.nan
    return table.sort_values(["dataset", "method", "seed", "question_id"], kind="stable")[
        [*COLUMNS, "human"]
    ].reset_index(drop=True)


def by_grader(read_rows: pd.DataFrame, how: Grading, before: str | None = None) -> dict[str, tuple[str, pd.DataFrame]]:
    """The same answers under several graders: digest and frame of each, that of ``how`` first.

    Args:
        read_rows: from `read`.
        how: the grader whose numbers are shown elsewhere.
        before: as for `frame`.

    Returns:
        By name: the matchers, each with the refusal and signs of ``how``; and ``given``, where every answer has an
        outcome of its own.
    """
    anew = read_rows.assign(given=None)
    names = [how.match, *(name for name in grading.MATCHES if name != how.match)]
    found = {name: replace(how, match=name) for name in names}
    frames = {name: (one.digest, frame(anew, one, before)) for name, one in found.items()}
    if read_rows["given"].notna().all():
        frames["given"] = ("given", frame(read_rows, how, before))
    return frames


def _check_rows(table: pd.DataFrame) -> None:
    keys = ["method", "seed", "dataset", "question_id"]
    twice = table.duplicated(keys)
    if twice.any():
        last = table[twice].iloc[0]
        first = table[(table[keys] == last[keys]).all(axis=1)].iloc[0]
        raise StoredError(
            f"{last['where']}: method {last['method']!r}, seed {last['seed']} has answered question "
            f"{last['question_id']!r} of {last['dataset']!r} before, at {first['where']}; give one answer each, "
            "several as samples, or name seeds"
        )


def _check_same_questions(table: pd.DataFrame) -> None:
    """Every method and seed has answered the same questions of a set, and a question is the same for all."""
    # Where a method stands for the model before alignment, `_before` says that the column is one too many.
    beside = ["before_text"] if BASE not in set(table["method"]) and table["before_text"].notna().any() else []
    for dataset, part in table.groupby("dataset", sort=False):
        once = part.drop_duplicates("question_id").set_index("question_id")
        place = pd.factorize(part["question_id"])[0]  # of the question of each row in ``once``
        changed = part["question"].to_numpy() != once["question"].to_numpy()[place]
        if changed.any():
            row, first = part[changed].iloc[0], once.iloc[place[changed.argmax()]]
            raise StoredError(
                f"{row['where']}: question {row['question_id']!r} of {dataset!r} is {row['question'][:80]!r} here and "
                f"{first['question'][:80]!r} at {first['where']}; an id is of one question"
            )
        for name in ("answers", "choices", "answer_index", "should_refuse", "needs_judge", *beside):
            mine, first = (_comparable(rows[name]) for rows in (part, once))
            unlike = mine != first[place]
            if unlike.any():
                row, there = int(unlike.argmax()), once.iloc[place[unlike.argmax()]]
                shown = [str(value[at])[:80] for value, at in ((mine, row), (first, place[row]))]
                raise StoredError(
                    f"{part['where'].iloc[row]}: {name.removesuffix('_text')} of question "
                    f"{part['question_id'].iloc[row]!r} of {dataset!r} is {shown[0]} here and {shown[1]} at "
                    f"{there['where']}; {_SAME[name in beside]}"
                )
        for (method, seed), own in part.groupby(["method", "seed"], sort=False):
            lacking = once.index.difference(pd.Index(own["question_id"]))
            if len(lacking):
                place = once.loc[lacking[0], "where"]
                raise StoredError(
                    f"method {method!r}, seed {seed}: no answer to {len(lacking):,} of the {len(once):,} questions of "
                    f"{dataset!r}, such as {lacking[0]!r} ({place}); methods are compared on the same questions: add "
                    "the answers, or score the files apart"
                )


def _comparable(column: pd.Series[Any]) -> NDArray[Any]:
    """Values that can be compared by ``!=``: lists and missing ones as texts."""
    return column.to_numpy() if column.dtype == bool else column.astype(object).map(repr).to_numpy(dtype=object)


_SAME = (
    "methods are graded against the same answers: give the same in every file",
    "the model before alignment is one, and methods are compared with one answer of it: give the same in every file",
)


def _check_twins(table: pd.DataFrame) -> None:
    once = table[table["twin"].notna()].drop_duplicates(["dataset", "question_id"])
    pairs = once.groupby(["dataset", "twin"])["should_refuse"].agg(["size", "sum"])
    lonely = pairs[(pairs["size"] != 2) | (pairs["sum"] != 1)]
    if len(lonely):
        dataset, twin = lonely.index[0]
        row = once[(once["dataset"] == dataset) & (once["twin"] == twin)].iloc[0]
        raise StoredError(
            f"{row['where']}: twin {twin!r} of {dataset!r} does not stand for one question that should be refused "
            '("label": "unknown") and one that should not; give both, or leave twin out'
        )


def _before(table: pd.DataFrame, how: Grading) -> pd.Series[str]:
    """What the model before alignment did with the question of each row; ``unscored`` where nothing says it."""
    texts = table["before_text"]
    own = table["method"] == BASE
    if own.any():
        if texts.notna().any():
            where = table.loc[texts.notna(), "where"].iloc[0]
            raise StoredError(f"{where}: before is given, and so is a method for it; give one of the two")
        seeds = table.loc[own, "seed"].unique()
        if len(seeds) > 1:
            given = sorted(map(int, seeds))
            raise StoredError(f"the model before alignment has seeds {given}; it is one model: give one")
        found = table[own].set_index(["dataset", "question_id"])["outcome"]
        keys = pd.MultiIndex.from_frame(table[["dataset", "question_id"]])
        lacking = ~keys.isin(found.index)
        if lacking.any():
            row = table[lacking].iloc[0]
            raise StoredError(
                f"{row['where']}: the model before alignment has no answer to {row['question_id']!r} of "
                f"{row['dataset']!r}; add it"
            )
        return pd.Series(found.reindex(keys).to_numpy(), table.index, dtype=object)
    outcome = pd.Series("unscored", table.index, dtype=object)
    told = texts.notna()
    if told.any():
        outcome[told] = how.grade(table[told].assign(text=texts[told]))["outcome"]
    return outcome


def _expected_accuracy(table: pd.DataFrame, how: Grading) -> pd.Series[float]:
    """Share of right samples of each question, by the rows of the model before alignment where it has any."""
    sampled = table[table["samples"].map(lambda texts: bool(texts))]
    if BASE in set(sampled["method"]):
        sampled = sampled[sampled["method"] == BASE]
    sampled = sampled.drop_duplicates(["dataset", "question_id"])
    if sampled.empty:
        return pd.Series(np.nan, table.index)
    long = sampled.assign(text=sampled["samples"]).explode("text", ignore_index=True)
    outcome = how.grade(long)["outcome"]
    right = pd.Series(np.where(outcome == "unscored", np.nan, outcome == "correct"), long.index, dtype="float64")
    shares = right.groupby([long["dataset"], long["question_id"]]).mean()
    return pd.Series(
        shares.reindex(pd.MultiIndex.from_frame(table[["dataset", "question_id"]])).to_numpy(), table.index
    )


def _few_levels(confidence: pd.Series[float]) -> pd.Series[float]:
    return confidence.round(2) if confidence.nunique() > LEVELS else confidence
