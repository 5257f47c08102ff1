"""Where methods begin to answer, and where rewards say that they should."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from honesty_utils.evaluation import frames
from honesty_utils.metrics import edge, intervals
from honesty_utils.metrics.edge import METRICS, NUM_STATES
from honesty_utils.metrics.intervals import Clusters
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.settings import Analysis

COLUMNS = ["method", "dataset", "edge", "metric", "value", "low", "high", "seeds", "questions"]


def tab_edges(
    evaluations: pd.DataFrame, dataset: str, edges: Mapping[str, float], analysis: Analysis, roster: Roster = PAPER
) -> pd.DataFrame:
    """At which expected accuracy every method begins to answer.

    Args:
        evaluations: as ``frames.load`` returns it; questions without samples are left out.
        dataset: the set to look at.
        edges: of each method whose reward has a price, where answering begins to pay.
        analysis: resamples, level and seed of the intervals.
        roster: the methods of the run.

    Returns:
        The columns `COLUMNS`; metrics are those of ``metrics.edge``, ``edge`` is where a method's reward says that
        answering begins to pay, NaN for others. A method that refuses nothing has no rank, and its ``tau`` is 0.
    """
    tables = []
    for method, (states, clusters) in states_of(evaluations, dataset, roster).items():
        rng = intervals.generator(analysis.seed, "edges", dataset, method)
        drawn = intervals.sample(states, NUM_STATES, edge.scores, analysis.resamples, rng, clusters)
        found = intervals.estimate(drawn, analysis.confidence_level, rng)
        ends = {"value": found.value, "low": found.low, "high": found.high}
        facts = {"edge": edges.get(method, math.nan), "seeds": states.shape[1], "questions": len(states)}
        tables.append(pd.DataFrame({"method": method, "dataset": dataset, **facts, "metric": METRICS, **ends}))
    return pd.concat(tables, ignore_index=True)[COLUMNS] if tables else pd.DataFrame(columns=COLUMNS)


def states_of(evaluations: pd.DataFrame, dataset: str, roster: Roster) -> dict[str, tuple[NDArray[np.int64], Clusters]]:
    """States of ``metrics.edge`` of every method, shape (questions, seeds), and the clusters of its questions."""
    part = evaluations[(evaluations["dataset"] == dataset) & evaluations["expected_accuracy"].notna()]
    part = part.assign(state=edge.states(part["expected_accuracy"], part["outcome"]))
    found = {}
    for method in roster.ordered(part["method"].unique()):
        own = part[part["method"] == method]
        wide = own.pivot(index="question_id", columns="seed", values="state")
        found[method] = wide.to_numpy(dtype=np.int64), frames.clusters(own)
    return found
