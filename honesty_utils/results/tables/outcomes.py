"""Table of what becomes of questions: right, wrong, refused, unscored."""

from __future__ import annotations

import numpy as np
import pandas as pd

from honesty_utils.common.records import OUTCOMES
from honesty_utils.evaluation import frames
from honesty_utils.metrics import intervals
from honesty_utils.metrics.honesty import Floats, outcome_codes, ratio
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.settings import Analysis

COLUMNS = ["method", "dataset", "outcome", "share", "low", "high", "seeds", "questions"]


def tab_outcomes(evaluations: pd.DataFrame, analysis: Analysis, roster: Roster = PAPER) -> pd.DataFrame:
    """Shares of outcomes of every method and set; they sum to 1, what could not be scored among them.

    Args:
        evaluations: as ``frames.load`` returns it.
        analysis: resamples, level and seed of the intervals.
        roster: the methods of the run.

    Returns:
        ``method, dataset, outcome, share, low, high, seeds, questions``, means over seeds.
    """
    number = len(OUTCOMES)

    def parts(counts: Floats) -> tuple[Floats, Floats]:
        return counts, np.broadcast_to(counts.sum(axis=-1, keepdims=True), counts.shape)

    tables = []
    for dataset, part in evaluations.groupby("dataset", sort=False):
        clusters = frames.clusters(part)
        for method in roster.ordered(part["method"].unique()):
            own = part[part["method"] == method]
            coded = own.assign(code=outcome_codes(own["outcome"]))
            states = coded.pivot(index="question_id", columns="seed", values="code").to_numpy(dtype=np.int64)
            rng = intervals.generator(analysis.seed, "outcomes", str(dataset), method)
            drawn = intervals.sample(
                states, number, lambda counts: ratio(*parts(counts)), analysis.resamples, rng, clusters
            )
            counted = intervals.counted(states, number, parts, clusters)
            found = intervals.shares(drawn, counted, analysis.confidence_level)
            names = {"method": method, "dataset": dataset, "outcome": OUTCOMES}
            ends = {"share": found.value, "low": found.low, "high": found.high}
            tables.append(pd.DataFrame({**names, **ends, "seeds": states.shape[1], "questions": len(states)}))
    return pd.concat(tables, ignore_index=True)[COLUMNS] if tables else pd.DataFrame(columns=COLUMNS)
