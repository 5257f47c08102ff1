"""What a scorer is, and the numbers with intervals that its rows give.

A scorer turns a frame of replies into rows of the form `SCORED`: what was expected of each reply and what came out, one
of a few outcomes of which the last is ``unscored``. A number is a function of how many rows of which kind have which
outcome, so that a resample of questions is another table of counts, and intervals are those of all tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from honesty_utils.common.errors import HonestyError
from honesty_utils.judge import Referee
from honesty_utils.metrics import intervals
from honesty_utils.metrics.honesty import Floats, ratio
from honesty_utils.metrics.intervals import Clusters, Sample, States
from honesty_utils.metrics.scores import mean_of_sides

SCORED = ("question_id", "seed", "group", "expected", "outcome", "reason", "cluster")
"""Columns of scored rows: ``expected`` and ``outcome`` are names of the scorer, ``reason`` says why an outcome is
``unscored`` and is empty elsewhere, questions that share ``cluster`` are resampled together."""
UNSCORED = "unscored"
PAIR = "pair"
"""``expected`` of a row that stands for two questions; it is in no count of questions."""


COMMON = {
    "question_id": "names the question",
    "seed": "of the training, a whole number; none: 0",
    "group": "kind of question",
    "cluster": "questions that share it are resampled together; none: each alone",
}
"""Columns that replies of every scorer may have, and what they mean."""


class ScorerError(HonestyError, ValueError):
    """Replies that a scorer cannot take: names the row, what it has and what is needed."""


@dataclass(frozen=True)
class Metric:
    """A number made of counts of rows, shape (…, expected, outcomes), in one of three ways.

    Attributes:
        share: its numerator and its denominator, shape (…) each, both linear in the counts: it has Wilson's interval.
        sides: two shares, by name: it is the mean of the first and of one minus the second, and its interval is made of
            theirs.
        number: the number, shape (…), whose interval is that of its resamples.
        lowest: smallest value that ``number`` can have; the largest is 1.
    """

    share: Callable[[Floats], tuple[Floats, Floats]] | None = None
    sides: tuple[str, str] | None = None
    number: Callable[[Floats], Floats] | None = None
    lowest: float = 0.0


@dataclass(frozen=True)
class Asking:
    """How a judge fills the columns that a scorer reads.

    Attributes:
        ask: ``(judge, replies) -> replies`` with those columns filled where they were empty.
        needs: columns that the judge is shown, and what they mean.
    """

    ask: Callable[[Referee, pd.DataFrame], pd.DataFrame]
    needs: Mapping[str, str]


@dataclass(frozen=True)
class Scorer:
    """One way to score a set.

    Attributes:
        score: from replies, a row each with the columns that ``needs`` tells, the rows `SCORED`.
        outcomes: what may come out; the last is ``unscored``.
        metrics: the numbers that a set scored in this way has, by name.
        needs: columns of the replies and what they mean, beside those of `COMMON`.
        required: columns without which nothing is scored.
        expected: kinds of rows that are told apart.
        asking: how a judge may be asked for what is lacking; none: it may not.
    """

    score: Callable[[pd.DataFrame], pd.DataFrame]
    outcomes: tuple[str, ...]
    metrics: Mapping[str, Metric]
    needs: Mapping[str, str]
    required: tuple[str, ...] = ("question_id",)
    expected: tuple[str, ...] = ("",)
    asking: Asking | None = None

    @property
    def columns(self) -> dict[str, str]:
        """All columns that replies may have, and what they mean."""
        return {**COMMON, **self.needs, **(self.asking.needs if self.asking else {})}

    def schema(self) -> str:
        """The columns of replies as a text for a terminal."""
        columns = self.columns
        width = max(map(len, columns))
        return "\n".join(
            f"  {name:<{width}}  {meaning}{'; needed' if name in self.required else ''}"
            for name, meaning in columns.items()
        )

    def rows(self, replies: pd.DataFrame) -> pd.DataFrame:
        """`SCORED` rows of ``replies``.

        Raises:
            ScorerError: a column or a value that is needed is not there, or a question that comes twice under one seed.
        """
        lacking = [name for name in self.required if name not in replies]
        if lacking:
            raise ScorerError(f"columns {lacking} are missing; replies are scored by\n{self.schema()}")
        for name in self.required:
            empty = replies[name].isna()
            if empty.any():
                where = place(replies, int(empty.to_numpy().argmax()))
                raise ScorerError(f"{where}: {name} is missing; {self.needs_of(name)} is needed")
        found = self.score(replies)
        twice = found.duplicated(["question_id", "seed"])
        if twice.any():
            row = found[twice].iloc[0]
            raise ScorerError(
                f"question {row['question_id']!r}, seed {row['seed']} comes twice; give one row each, or name "
                "methods or seeds"
            )
        return found[list(SCORED)]

    def needs_of(self, name: str) -> str:
        """What a column means, in words."""
        return self.columns[name]


def place(replies: pd.DataFrame, row: int) -> str:
    """How an error names a row: its file and line where ``where`` has them, else its question."""
    if "where" in replies:
        return str(replies["where"].iloc[row])
    return f"question {replies['question_id'].iloc[row]!r}"


def scored(
    replies: pd.DataFrame, expected: Iterable[str], outcome: Iterable[str], reason: Iterable[str]
) -> pd.DataFrame:
    """Rows `SCORED` in the order of ``replies``, of what was expected, what came out and why it is unscored."""
    ids = replies["question_id"].astype(str).to_numpy(dtype=object)

    def given(name: str, default: Any) -> pd.Series[Any]:
        if name not in replies:
            return pd.Series(default, replies.index)
        values = replies[name].astype(object)
        return values.where(values.notna(), default)

    table = pd.DataFrame(
        {
            "question_id": ids,
            "seed": given("seed", 0).astype(int).to_numpy(),
            "group": given("group", "").astype(str).to_numpy(),
            "expected": list(expected),
            "outcome": list(outcome),
            "reason": list(reason),
            "cluster": given("cluster", pd.Series(ids, replies.index)).astype(str).to_numpy(),
        }
    )
    return table[list(SCORED)]


def measure(rows: pd.DataFrame, scorer: Scorer, resamples: int, level: float, seed: int, *key: str) -> pd.DataFrame:
    """The numbers of one model's scored rows.

    Args:
        rows: from ``Scorer.rows``, of one model and set; every seed with the same questions.
        scorer: that scored them.
        resamples: of the questions.
        level: of the intervals.
        seed: of the analysis.
        key: what the rows are of; names the random generator.

    Returns:
        ``metric, value, low, high, seeds, questions, counted``, means over seeds: the scorer's metrics and
        ``unscored_rate``. A share has Wilson's interval. ``counted`` is how many rows are in the denominator, of a mean
        of two shares in that of the smaller one.

    Raises:
        ScorerError: no rows, a seed that lacks a question, or a name that is none of the scorer's.
    """
    states = _states(rows, scorer)
    kinds, size = len(scorer.expected), len(scorer.outcomes)
    metrics = {**scorer.metrics, "unscored_rate": Metric(lambda grid: _unscored(grid, scorer))}
    names = list(metrics)

    def grid(counts: Floats) -> Floats:
        return np.asarray(counts, dtype=np.float64).reshape(*counts.shape[:-1], kinds, size)

    def statistic(counts: Floats) -> Floats:
        return np.stack([_value(metrics, name, grid(counts)) for name in names], axis=-1)

    once = rows.drop_duplicates("question_id").sort_values("question_id")
    clusters = Clusters.of(once["cluster"].to_numpy(dtype=str))
    rng = intervals.generator(seed, "scorer", *key)
    drawn = intervals.sample(states, kinds * size, statistic, resamples, rng, clusters)
    found: dict[str, tuple[float, float, float, float]] = {}
    shares = {name: metric.share for name, metric in metrics.items() if metric.share is not None}

    def parts(counts: Floats) -> tuple[Floats, Floats]:
        both = [of(grid(counts)) for of in shares.values()]
        return np.stack([top for top, _ in both], axis=-1), np.stack([bottom for _, bottom in both], axis=-1)

    number = intervals.counted(states, kinds * size, parts, clusters)
    wilson = intervals.shares(_only(drawn, [names.index(name) for name in shares]), number, level)
    observed = intervals.observed_counts(states, kinds * size)
    bottoms = parts(observed)[1].mean(axis=0)
    for at, name in enumerate(shares):
        found[name] = (wilson.value[at], wilson.low[at], wilson.high[at], bottoms[at])
    for at, (name, metric) in enumerate(metrics.items()):
        if metric.sides is not None:
            pair = [list(shares).index(side) for side in metric.sides]
            own = _only(drawn, [names.index(side) for side in metric.sides] + [at])
            fewer = np.array([*number[pair], number[pair].min()])
            middle, ends = mean_of_sides(wilson.value[pair], intervals.spread(own, fewer), number[pair], level)
            found[name] = (middle, *ends, bottoms[pair].min())
        elif metric.number is not None:
            one = intervals.estimate(_only(drawn, [at]), level, rng, metric.lowest)
            told = float(grid(observed)[..., _questions(scorer), : size - 1].sum(axis=(-1, -2)).mean())
            found[name] = (one.value[0], one.low[0], one.high[0], told)
    table = pd.DataFrame([found[name] for name in names], columns=["value", "low", "high", "counted"])
    questions = int((once["expected"] != PAIR).sum())
    table = table.assign(metric=names, seeds=states.shape[1], questions=questions)
    return table[["metric", "value", "low", "high", "seeds", "questions", "counted"]]


def _states(rows: pd.DataFrame, scorer: Scorer) -> States:
    if rows.empty:
        raise ScorerError("no scored rows; a reply is needed at least")
    codes = []
    for name, allowed in (("expected", scorer.expected), ("outcome", scorer.outcomes)):
        code = rows[name].map({value: at for at, value in enumerate(allowed)})
        if code.isna().any():
            raise ScorerError(
                f"{name} is {rows[name][code.isna()].iloc[0]!r}; allowed: {', '.join(map(repr, allowed))}"
            )
        codes.append(code.astype(int))
    wide = rows.assign(state=codes[0] * len(scorer.outcomes) + codes[1]).pivot(
        index="question_id", columns="seed", values="state"
    )
    gaps = wide.isna().to_numpy()
    if gaps.any():
        question, seed = np.argwhere(gaps)[0]
        raise ScorerError(
            f"seed {wide.columns[seed]}: no reply to {wide.index[question]!r}, which others answered; add it"
        )
    return wide.to_numpy(dtype=np.int64)


def _value(metrics: Mapping[str, Metric], name: str, grid: Floats) -> Floats:
    metric = metrics[name]
    if metric.share is not None:
        return ratio(*metric.share(grid))
    if metric.sides is not None:
        first, second = (_value(metrics, side, grid) for side in metric.sides)
        return np.asarray((first + 1 - second) / 2)
    assert metric.number is not None, "a metric is a share, the mean of two, or a number"
    return metric.number(grid)


def _questions(scorer: Scorer) -> list[int]:
    """Places of the kinds of rows that stand for one question."""
    return [at for at, kind in enumerate(scorer.expected) if kind != PAIR]


def _unscored(grid: Floats, scorer: Scorer) -> tuple[Floats, Floats]:
    own = grid[..., _questions(scorer), :]
    return own[..., -1].sum(axis=-1), own.sum(axis=(-1, -2))


def _only(drawn: Sample, places: list[int]) -> Sample:
    return Sample(drawn.observed[:, places], drawn.replicates[:, :, places], drawn.freedom, drawn.unbiased)
