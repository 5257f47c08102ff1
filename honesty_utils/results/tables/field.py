"""Table of the scores that other papers of the field report, from the same answers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from honesty_utils.evaluation import frames
from honesty_utils.metrics import abstention, intervals, scores
from honesty_utils.metrics.honesty import Floats
from honesty_utils.metrics.intervals import Clusters, States
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.settings import Analysis

TARGETS = (0.5, 0.75, 0.9)
METRICS = (
    "rely",
    "answer_distance",
    *(f"target_{target:g}" for target in TARGETS),
    "simpleqa_f",
    "abstain_precision",
    "abstain_recall",
    "abstain_f1",
    "truthful_rate",
    "refusal_index",
)
"""Order of the last axis of `field_scores`; the last five need what M_t did."""
COLUMNS = ["method", "dataset", "metric", "value", "low", "high", "seeds", "questions"]


def field_scores(counts: Floats) -> Floats:
    """Scores in the order of `METRICS`, shape (…, 11), from counts of states (``scores.states``), shape (…, 32)."""
    cells = counts.reshape(*counts.shape[:-1], 4, 4, 2).sum(axis=-1)
    after = cells.sum(axis=-2)[..., :3]
    grid = np.swapaxes(cells[..., :3, :3], -1, -2)  # rows after, columns before
    alone = [
        abstention.rely(after),
        abstention.answer_distance(after),
        *(abstention.target_score(after, target) for target in TARGETS),
        abstention.simpleqa_f(after),
    ]
    beside = [
        *np.moveaxis(abstention.abstain_scores(grid), -1, 0),
        abstention.truthful_rate(grid),
        abstention.refusal_index(grid),
    ]
    return np.stack([*alone, *beside], axis=-1)


def tab_field(evaluations: pd.DataFrame, analysis: Analysis, roster: Roster = PAPER) -> pd.DataFrame:
    """The field's scores of every method and set, beside always and never refusing where M_t's answers are known.

    No one of them stands alone: refusing more raises some and lowers others, and each has another price for it.

    Args:
        evaluations: as ``frames.load`` returns it.
        analysis: resamples, level and seed of the intervals.
        roster: the methods of the run.

    Returns:
        The columns `COLUMNS`, means over seeds with percentile intervals; no rows for what cannot be told.
    """
    tables = []
    for dataset, part in evaluations.groupby("dataset", sort=False):
        states, clusters = frames.states(part), frames.clusters(part)
        for method in roster.ordered(states):
            tables.append(_rows(method, str(dataset), states[method], clusters, analysis))
        before = next(iter(states.values()))[:, :1] // 8
        if (before < 3).any():
            # Of what M_t did: refused, or repeated where it answered; a forced answer is wrong.
            told = {"always_refuse": np.where(before < 3, 2, 3), "never_refuse": np.array([0, 1, 1, 3])[before]}
            for control, after in told.items():
                tables.append(_rows(control, str(dataset), 8 * before + 2 * after, clusters, analysis))
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)
    return table.dropna(subset=["value"])[COLUMNS].reset_index(drop=True)


def _rows(method: str, dataset: str, states: States, clusters: Clusters, analysis: Analysis) -> pd.DataFrame:
    rng = intervals.generator(analysis.seed, "field", dataset, method)
    drawn = intervals.sample(states, scores.NUM_STATES, field_scores, analysis.resamples, rng, clusters)
    found = intervals.estimate(drawn, analysis.confidence_level, rng, lowest=-np.inf)
    columns = {"metric": METRICS, "value": found.value, "low": found.low, "high": found.high}
    return pd.DataFrame(
        {"method": method, "dataset": dataset, **columns, "seeds": states.shape[1], "questions": len(states)}
    )
