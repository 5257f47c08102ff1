"""What a model knows and refuses against how famous the thing is that is asked about: real facts have no exposures."""

from __future__ import annotations

import numpy as np
import pandas as pd

from honesty_utils.evaluation import frames
from honesty_utils.metrics import intervals
from honesty_utils.metrics.honesty import Floats, ratio
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.settings import Analysis
from honesty_utils.results.tables.data import grid_spearman
from honesty_utils.results.tables.scores import KNOWLEDGE_METRICS, estimate, rows_of

BINS = 10
LEAST = 20
"""Questions in a bin; a set of fewer than two bins has no rows."""
STEPS = 100
"""Into which fame is cut, by rank, for its rank correlation."""


def tab_fame(evaluations: pd.DataFrame, analysis: Analysis, roster: Roster = PAPER) -> pd.DataFrame:
    """M_t's expected accuracy, and every method's refusals and accuracy, by tenths of fame.

    Args:
        evaluations: as ``frames.load`` returns it; questions without fame are left out.
        analysis: resamples, level and seed of the intervals.
        roster: the methods of the run.

    Returns:
        ``dataset, bin, fame, method, metric, value, low, high, questions``: bins from the least famous up, of equally
        many questions as far as ties allow, ``fame`` the median in the bin. Expected accuracy is in the rows of
        ``unaligned``, where questions were sampled.
    """
    columns = ["dataset", "bin", "fame", "method", "metric", "value", "low", "high", "questions"]
    tables = []
    for dataset, part in _famous(evaluations, roster):
        for number, rows in part.groupby(_bins(part)):
            fame = float(rows.drop_duplicates("question_id")["fame"].median())
            answers, clusters = frames.states(rows), frames.clusters(rows)
            made = [_expected(rows, analysis, dataset, str(number))]
            for method in roster.ordered(answers):
                found = estimate(answers[method], clusters, analysis, "fame", dataset, str(number), method)
                table = rows_of(method, dataset, found, answers[method])
                made.append(table[table["metric"].isin(KNOWLEDGE_METRICS)])
            tables.append(pd.concat(made, ignore_index=True).assign(dataset=dataset, bin=number, fame=fame))
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


def tab_fame_rank(evaluations: pd.DataFrame, analysis: Analysis) -> pd.DataFrame:
    """Spearman's rank correlation of fame with what M_t knows, and with what each method refuses.

    Args:
        evaluations: as ``frames.load`` returns it.
        analysis: resamples, level and seed of the intervals.

    Returns:
        ``dataset, group, spearman, low, high, questions``: of fame and expected accuracy, for all questions (``group``
        "all") and for every kind of question with `LEAST` questions or more; NaN where one of the two is constant.
    """
    rows = []
    for dataset, part in evaluations.dropna(subset=["fame", "expected_accuracy"]).groupby("dataset", sort=False):
        once = part.drop_duplicates("question_id").sort_values("question_id")
        kinds = {"all": once, **{str(name): group for name, group in once.groupby("group") if name}}
        for name, group in kinds.items():
            if len(group) >= LEAST and (name == "all" or len(kinds) > 2):
                rows.append((dataset, name, *_spearman(group, analysis, str(dataset), name), len(group)))
    return pd.DataFrame(rows, columns=["dataset", "group", "spearman", "low", "high", "questions"])


def _famous(evaluations: pd.DataFrame, roster: Roster) -> list[tuple[str, pd.DataFrame]]:
    """The sets with fame for two bins, without points of sweeps."""
    shown = evaluations[evaluations["method"].isin(roster.main(evaluations["method"].unique()))]
    parts = shown.dropna(subset=["fame"]).groupby("dataset", sort=False)
    return [(str(name), part) for name, part in parts if part["question_id"].nunique() >= 2 * LEAST]


def _bins(part: pd.DataFrame) -> np.ndarray:
    """Number of the bin of every row."""
    once = part.drop_duplicates("question_id").set_index("question_id")["fame"]
    number = min(BINS, len(once) // LEAST)
    codes = pd.qcut(once, number, labels=False, duplicates="drop")
    return part["question_id"].map(codes).to_numpy(dtype=np.int64)


def _expected(rows: pd.DataFrame, analysis: Analysis, dataset: str, number: str) -> pd.DataFrame:
    """Mean expected accuracy with its interval as a row of ``unaligned``; none where nothing was sampled."""
    once = rows.drop_duplicates("question_id").dropna(subset=["expected_accuracy"]).sort_values("question_id")
    if once.empty:
        return pd.DataFrame()
    values, column = np.unique(once["expected_accuracy"].to_numpy(dtype=np.float64), return_inverse=True)
    rng = intervals.generator(analysis.seed, "fame", dataset, number)

    def mean(counts: Floats) -> Floats:
        return ratio(counts @ values, counts.sum(axis=-1))[..., None]

    drawn = intervals.sample(column[:, None], len(values), mean, analysis.resamples, rng, frames.clusters(once))
    found = intervals.estimate(drawn, analysis.confidence_level, rng)
    row = {"value": found.value[0], "low": found.low[0], "high": found.high[0], "questions": len(once)}
    return pd.DataFrame([{"method": "unaligned", "metric": "expected_accuracy", **row}])


def _spearman(once: pd.DataFrame, analysis: Analysis, dataset: str, name: str) -> tuple[float, float, float]:
    fame = pd.qcut(once["fame"].rank(method="first"), min(STEPS, len(once)), labels=False).to_numpy(dtype=np.int64)
    values, column = np.unique(once["expected_accuracy"].to_numpy(dtype=np.float64), return_inverse=True)
    shape = (int(fame.max()) + 1, len(values))
    rng = intervals.generator(analysis.seed, "fame_rank", dataset, name)

    def spearman(counts: Floats) -> Floats:
        return grid_spearman(counts.reshape(*counts.shape[:-1], *shape))[..., None]

    states = (fame * shape[1] + column)[:, None]
    clusters = frames.clusters(once)
    drawn = intervals.sample(states, shape[0] * shape[1], spearman, analysis.resamples, rng, clusters)
    found = intervals.estimate(drawn, analysis.confidence_level, rng, lowest=-1.0)
    return float(found.value[0]), float(found.low[0]), float(found.high[0])
