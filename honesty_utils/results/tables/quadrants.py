"""Tables of sets with passages: scores by quadrant, and what passages change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from honesty_utils.evaluation import frames
from honesty_utils.knowledge.quadrants import QUADRANTS
from honesty_utils.metrics import intervals, quadrants
from honesty_utils.metrics.honesty import Floats, outcome_codes, ratio
from honesty_utils.metrics.intervals import Clusters, Estimate, States
from honesty_utils.metrics.quadrants import ALL, METRICS, NUM_STATES, SHARES
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.settings import Analysis

COLUMNS = ["method", "dataset", "quadrant", "metric", "value", "low", "high", "seeds", "questions"]
CHANGES = [
    "method", "dataset", "kind", "metric", "value", "low", "high", "p_value", "without", "with", "seeds", "questions",
]  # fmt: skip


def tab_quadrants(
    evaluations: pd.DataFrame, told: Mapping[str, pd.DataFrame], analysis: Analysis, roster: Roster = PAPER
) -> pd.DataFrame:
    """Every method's answers to questions with passages, by quadrant and over all; before alignment `unaligned`.

    Args:
        evaluations: as ``frames.load`` returns it.
        told: of each set with passages, what ``frames.load_quadrants`` returns.
        analysis: resamples, level and seed of the intervals.
        roster: the methods of the run.

    Returns:
        The columns `COLUMNS`: metrics of ``metrics.quadrants``, means over seeds; ``questions`` of the quadrant.
    """
    tables = [
        _scores(method, dataset, own, analysis)
        for dataset, part in placed(evaluations, told)
        for method, own in by_method(part, roster)
    ]
    return pd.concat(tables, ignore_index=True)[COLUMNS] if tables else pd.DataFrame(columns=COLUMNS)


def placed(evaluations: pd.DataFrame, told: Mapping[str, pd.DataFrame]) -> list[tuple[str, pd.DataFrame]]:
    """Answers of each set with the quadrant of their question; without questions that have none."""
    parts = []
    for dataset, table in told.items():
        own = evaluations[evaluations["dataset"] == dataset]
        parts.append((dataset, own.merge(table, on="question_id", validate="many_to_one").dropna(subset=["quadrant"])))
    return [(dataset, part) for dataset, part in parts if len(part)]


def by_method(part: pd.DataFrame, roster: Roster) -> list[tuple[str, pd.DataFrame]]:
    """Answers of each method, in the order of the roster."""
    names = roster.main(part["method"].unique())
    return [(name, part[part["method"] == name]) for name in roster.ordered(names)]


def states_of(own: pd.DataFrame) -> States:
    """States of a method's answers, shape (questions, seeds), questions in the order of their ids."""
    coded = own.assign(state=quadrants.states(own["quadrant"].tolist(), own["outcome"]))
    return coded.pivot(index="question_id", columns="seed", values="state").sort_index().to_numpy(dtype=np.int64)


def _scores(method: str, dataset: str, own: pd.DataFrame, analysis: Analysis) -> pd.DataFrame:
    states, clusters = states_of(own), frames.clusters(own)
    rng = intervals.generator(analysis.seed, "quadrants", dataset, method)
    drawn = intervals.sample(states, NUM_STATES, quadrants.scores, analysis.resamples, rng, clusters)
    found = intervals.estimate(drawn, analysis.confidence_level, rng)
    # Shares have Wilson's interval, F1 the percentiles of its resamples.
    only = replace(drawn, observed=drawn.observed[:, : len(SHARES)], replicates=drawn.replicates[:, :, : len(SHARES)])
    number = intervals.counted(states, NUM_STATES, quadrants.shares, clusters)
    shares = intervals.shares(only, number, analysis.confidence_level)
    ends = {
        name: np.concatenate([getattr(shares, name), getattr(found, name)[len(SHARES) :]])
        for name in ("value", "low", "high")
    }
    sizes = np.bincount(states[:, 0] // 4, minlength=len(QUADRANTS))
    counts = {**dict(zip(QUADRANTS, map(int, sizes), strict=True)), ALL: len(states)}
    places, metrics = zip(*METRICS, strict=True)
    made = pd.DataFrame({"quadrant": places, "metric": metrics, **ends, "questions": [counts[one] for one in places]})
    return made.assign(method=method, dataset=dataset, seeds=states.shape[1])


OUTCOME_SHARES = ("accuracy", "refused")


def tab_passages(
    evaluations: pd.DataFrame,
    told: Mapping[str, pd.DataFrame],
    twins: Mapping[str, str],
    analysis: Analysis,
    roster: Roster = PAPER,
) -> pd.DataFrame:
    """What passages change: every method with them less itself without, on the same questions, by kind of passages.

    Args:
        evaluations: as ``frames.load`` returns it, of the sets and of their twins.
        told: as for `tab_quadrants`.
        twins: closed-book twin of each set.
        analysis: resamples, level and seed of the intervals.
        roster: the methods of the run.

    Returns:
        The columns `CHANGES`: of ``accuracy`` and ``refused`` the paired difference, its interval and p-value, and both
        shares. ``kind``: of made passages, and "all".
    """
    rows = []
    for dataset, part in placed(evaluations, told):
        without = evaluations[evaluations["dataset"] == twins[dataset]]
        kinds = {ALL: part, **{str(kind): own for kind, own in part.groupby("kind") if kind}}
        for kind, of_kind in kinds.items():
            for method, own in by_method(of_kind, roster):
                closed = without[(without["method"] == method) & without["question_id"].isin(own["question_id"])]
                rows += _changes(method, dataset, kind, own, closed, analysis)
    return pd.DataFrame(rows, columns=CHANGES)


def _changes(
    method: str, dataset: str, kind: str, own: pd.DataFrame, closed: pd.DataFrame, analysis: Analysis
) -> list[tuple[object, ...]]:
    read, alone = _outcomes(own), _outcomes(closed)
    key = ("passages", dataset, kind, method)
    found, p_values = paired(read, alone, 4, _accuracy_and_refused, frames.clusters(own), analysis, key)
    means = [_mean(states) for states in (alone, read)]
    return [
        (
            method, dataset, kind, metric, found.value[place], found.low[place], found.high[place], p_values[place],
            means[0][place], means[1][place], read.shape[1], len(read),
        )
        for place, metric in enumerate(OUTCOME_SHARES)
    ]  # fmt: skip


def _outcomes(own: pd.DataFrame) -> States:
    coded = own.assign(state=outcome_codes(own["outcome"]))
    return coded.pivot(index="question_id", columns="seed", values="state").sort_index().to_numpy(dtype=np.int64)


def _accuracy_and_refused(counts: Floats) -> tuple[Floats, Floats]:
    """Right and refused answers, of those that could be scored."""
    scored = counts[..., :3].sum(axis=-1)
    return np.stack([counts[..., 0], counts[..., 2]], axis=-1), np.stack([scored, scored], axis=-1)


def _mean(states: States) -> Floats:
    top, bottom = _accuracy_and_refused(intervals.observed_counts(states, 4))
    return np.asarray(top.sum(axis=0) / np.maximum(bottom.sum(axis=0), 1), dtype=np.float64)


def paired(
    first: States,
    second: States,
    number: int,
    parts: Callable[[Floats], tuple[Floats, Floats]],
    clusters: Clusters,
    analysis: Analysis,
    key: tuple[str, ...],
) -> tuple[Estimate, Floats]:
    """Shares of the first states less those of the second, on the same questions; see `intervals.difference`."""
    rng = intervals.generator(analysis.seed, *key)
    both = intervals.paired_samples(
        first, second, number, lambda counts: ratio(*parts(counts)), analysis.resamples, rng, clusters
    )
    added = [intervals.contributions(states, number, parts, clusters) for states in (first, second)]
    of = np.minimum(*(intervals.counted(states, number, parts, clusters) for states in (first, second)))
    return intervals.difference(*both, analysis.confidence_level, intervals.discordant(added[0] - added[1], of))
