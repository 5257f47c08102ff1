"""Rows of tables whose values are shares of answers, with intervals over questions and seeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from honesty_utils.metrics import intervals
from honesty_utils.metrics.honesty import Floats, ratio
from honesty_utils.metrics.intervals import Clusters, Estimate, Parts, States
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.settings import Analysis

COLUMNS = ["method", "dataset", "metric", "value", "low", "high", "seeds", "questions"]


def estimate(
    states: States, num_states: int, parts: Parts, clusters: Clusters, analysis: Analysis, *key: str
) -> Estimate:
    """Shares with their intervals (``intervals.shares``).

    Args:
        states: shape (questions, seeds), each in [0, num_states).
        num_states: how many states there are.
        parts: the shares; one with an empty denominator is NaN.
        clusters: of the same questions.
        analysis: resamples, level and seed.
        key: what the interval is about; names its random generator.
    """
    rng = intervals.generator(analysis.seed, *key)
    drawn = intervals.sample(
        states, num_states, lambda counts: ratio(*parts(counts)), analysis.resamples, rng, clusters
    )
    return intervals.shares(drawn, intervals.counted(states, num_states, parts, clusters), analysis.confidence_level)


def second_of_two(counts: Floats) -> tuple[Floats, Floats]:
    """Share of the second of two states."""
    return counts[..., 1:2], counts.sum(axis=-1, keepdims=True)


def by_seed(part: pd.DataFrame, state: NDArray[np.int64]) -> States:
    """States of one method's answers to one set, shape (questions, seeds)."""
    wide = part.assign(state=state).pivot(index="question_id", columns="seed", values="state")
    return wide.to_numpy(dtype=np.int64)


def rows(
    method: str, dataset: str, metrics: Sequence[str], found: Estimate, questions: int, seeds: int
) -> pd.DataFrame:
    """Rows of one method and set with the columns `COLUMNS`."""
    content = {"metric": list(metrics), "value": found.value, "low": found.low, "high": found.high}
    return pd.DataFrame({"method": method, "dataset": dataset, **content, "seeds": seeds, "questions": questions})


def ordered(table: pd.DataFrame, roster: Roster = PAPER) -> pd.DataFrame:
    """The same rows, methods in the order of all tables and otherwise as they were."""
    rank = {method: place for place, method in enumerate(roster.ordered(table["method"]))}
    order = np.argsort(table["method"].map(rank).to_numpy(), kind="stable")
    return table.iloc[order].reset_index(drop=True)
