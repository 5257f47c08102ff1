"""The labeled questions that a method's rows are made of: the balanced training subset, or what `rows` makes of it.

A smaller subset, another mix of known and unknown, fewer samples, further sets: what the paper holds fixed and sweeps
vary. Every method gets its questions here, so that none differs in more than its params say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from honesty_utils import knowledge
from honesty_utils.common import records
from honesty_utils.common.paths import Run
from honesty_utils.knowledge import labeling
from honesty_utils.knowledge.settings import Rows

BOOK = "book"
OPEN, CLOSED = BOOKS = ("open", "closed")
"""Column that says whether a question was asked with passages, and its values."""


def files(run: Run, rows: Rows, signals: Sequence[str] = (), again: Mapping[str, str] | None = None) -> list[Path]:
    """What `training_labels` reads; the inputs that a method's rows depend on."""
    first = rows.open_book or "train"
    opened = [path(first) for path in (run.labels, run.questions) if rows.open_book]
    added = [path(name) for name in rows.sets for path in (run.labels, run.questions)]
    measured = [run.signals(name) for name in (first, *rows.sets)] if signals else []
    asked = [run.knowledge(name, model) for model in (again or {}).values() for name in (first, *rows.sets)]
    return [run.train_questions, run.labels("train"), run.knowledge("train"), *opened, *added, *measured, *asked]


def training_labels(
    run: Run,
    rows: Rows,
    seed: int = 0,
    signals: Sequence[str] = (),
    again: Mapping[str, str] | None = None,
    closed_book: bool = False,
) -> pd.DataFrame:
    """Every response of M_t to the questions that a method learns from, with their text: what ``methods.build`` takes.

    Args:
        run: where the files are.
        rows: which questions and samples; by default the whole training subset.
        seed: of the draw of a smaller subset.
        signals: of M_t's greedy answers, a column each.
        again: trained models that were asked the same questions, by the column that their expected accuracy goes to.
        closed_book: with answers to the same questions without passages, too; ``book`` is "open" or "closed".

    Raises:
        ValueError: a subset larger than the training questions allow.
        RecordError: a file that is missing or not of its schema.
    """
    asked = records.read(records.QUESTIONS, run.train_questions)
    known = records.read(records.KNOWLEDGE, run.knowledge("train"))
    chosen = subset(asked, known, rows, seed)
    ids = {"question_id": chosen["question_id"]}
    tables = [labeling.with_questions(records.read(records.LABELS, run.labels("train"), ids), chosen)]
    if rows.open_book:
        asked = records.read(records.QUESTIONS, run.questions(rows.open_book), ids)
        opened = labeling.with_questions(records.read(records.LABELS, run.labels(rows.open_book), ids), asked)
        without = [tables[0].assign(**{BOOK: CLOSED})] if closed_book else []
        tables = [opened.assign(**{BOOK: OPEN}) if closed_book else opened, *without]
    for name in rows.sets:
        questions = records.read(records.QUESTIONS, run.questions(name))
        tables.append(labeling.with_questions(records.read(records.LABELS, run.labels(name)), questions))
    table = pd.concat(tables, ignore_index=True)
    first = rows.open_book or "train"
    for name in signals:
        measured = [records.read(records.SIGNALS, run.signals(dataset)) for dataset in (first, *rows.sets)]
        values = pd.concat(measured).query("signal == @name")[["question_id", "value"]]
        table = table.merge(values.rename(columns={"value": name}), on="question_id", how="left")
    for column, model in (again or {}).items():
        told = pd.concat([records.read(records.KNOWLEDGE, run.knowledge(name, model)) for name in (first, *rows.sets)])
        values = told[["question_id", "expected_accuracy"]].rename(columns={"expected_accuracy": column})
        table = table.merge(values, on="question_id", how="left")
    table = table if rows.samples is None else table[table["sample_index"] < rows.samples].reset_index(drop=True)
    return shuffled(table, seed) if rows.shuffled else table


def shuffled(labels: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Labels in which every question has the verdicts of another one; texts and their numbers stay where they are.

    As many answers count as right as before, but not because they are. Questions trade within those that have as many
    responses.

    Args:
        labels: LABELS columns, a greedy row a question.
        seed: of the draw.
    """
    ordered = labels.sort_values(["question_id", "sample_index"], kind="stable")
    sizes = ordered.groupby("question_id")["sample_index"].transform("size")
    rng, parts = np.random.default_rng(seed), []
    for size, part in ordered.groupby(sizes):
        verdicts = part["outcome"].to_numpy().reshape(-1, int(str(size)))
        parts.append(part.assign(outcome=verdicts[rng.permutation(len(verdicts))].reshape(-1)))
    return pd.concat(parts).loc[labels.index]


def subset(questions: pd.DataFrame, known: pd.DataFrame, rows: Rows, seed: int = 0) -> pd.DataFrame:
    """``rows.questions`` of the training questions, ``rows.known_share`` of them known to M_t by its greedy answer.

    With one seed, a smaller subset of the same mix lies within a larger one.

    Args:
        questions: QUESTIONS rows of the training subset.
        known: KNOWLEDGE rows of at least these.
        rows: how many, and the mix; none: all, and the mix that they have.
        seed: of the draw.

    Raises:
        ValueError: there are too few known or unknown questions for that size and mix.
    """
    if rows.questions is None and rows.known_share is None:
        return questions
    right = known.loc[known["question_id"].isin(questions["question_id"]), "greedy_outcome"] == "correct"
    has = {"known": int(right.sum()), "unknown": int((~right).sum())}
    share = has["known"] / len(right) if rows.known_share is None else rows.known_share
    size = rows.questions if rows.questions is not None else largest(has, share)
    wanted = {"known": round(size * share), "unknown": size - round(size * share)}
    for name, number in wanted.items():
        if not 1 <= number <= has[name]:
            raise ValueError(
                f"rows: {size} questions with a known share of {share:g} are {wanted['known']} known and "
                f"{wanted['unknown']} unknown ones; the training subset has {has['known']} and {has['unknown']}: ask "
                f"for at most {largest(has, share)}, or raise labeling.train_{name}"
            )
    return knowledge.training_subset(questions, known, known=wanted["known"], unknown=wanted["unknown"], seed=seed)


def largest(has: dict[str, int], share: float) -> int:
    """The most questions of which ``share`` can be known, given how many known and unknown ones there are."""
    size = int(min(has["known"] / share, has["unknown"] / (1 - share)) + 1e-9)
    while size > 0 and (round(size * share) > has["known"] or size - round(size * share) > has["unknown"]):
        size -= 1
    return size
