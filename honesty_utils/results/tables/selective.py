"""Tables of selective answering: what refusing the least sure answers would give, against what methods have learnt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from honesty_utils.evaluation import frames
from honesty_utils.metrics import intervals, selective
from honesty_utils.metrics.honesty import Floats
from honesty_utils.metrics.intervals import Clusters, Sample, States
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.settings import Analysis

COVERAGES = np.arange(1, 21) / 20
GROUPS = 20
"""Likelihoods are all different; they are ordered in so many groups of equal size, within which order is random."""

SOURCES = {"likelihood": "mean_logprob", "expected_accuracy": "expected_accuracy", "stated": "confidence"}
"""Where a confidence comes from, and the column that has it; expected accuracy is M_t's, so it orders M_t's answers."""


@dataclass(frozen=True)
class _Ordered:
    """Answers of one method ordered by one confidence: state 2 · level + correct, the last for what is not counted."""

    method: str
    source: str
    levels: int
    states: States
    clusters: Clusters

    def counts(self, counts: Floats) -> Floats:
        """Wrong and correct answers at each level, shape (…, levels, 2), from counts of states."""
        return counts[..., :-1].reshape(*counts.shape[:-1], self.levels, 2)


def tab_risk_coverage(evaluations: pd.DataFrame, dataset: str, analysis: Analysis) -> pd.DataFrame:
    """Risk of M_t if it answered only what it is surest of, by its likelihood and by its expected accuracy.

    Args:
        evaluations: as ``frames.load`` returns it.
        dataset: the set to look at.
        analysis: resamples, level and seed of the intervals.

    Returns:
        ``method, source, coverage, risk, low, high``: ``unaligned`` at twenty coverages.
    """
    tables = []
    for ordered in _orders(evaluations, dataset, ["unaligned"]):

        def risks(counts: Floats, ordered: _Ordered = ordered) -> Floats:
            return selective.risk_at(ordered.counts(counts), COVERAGES)

        def answered(counts: Floats, ordered: _Ordered = ordered) -> tuple[Floats, Floats]:
            kept = ordered.counts(counts)
            return kept[..., 0].sum(axis=-1, keepdims=True), kept.sum(axis=(-1, -2))[..., None]

        drawn, _ = _sample(ordered, risks, analysis, "risk_coverage", dataset)
        number = intervals.counted(ordered.states, 2 * ordered.levels + 1, answered, ordered.clusters)
        found = intervals.shares(drawn, number * COVERAGES, analysis.confidence_level)
        columns = {"coverage": COVERAGES, "risk": found.value, "low": found.low, "high": found.high}
        tables.append(pd.DataFrame({"method": ordered.method, "source": ordered.source, **columns}))
    return _joined(tables, ["method", "source", "coverage", "risk", "low", "high"])


def tab_aurc(evaluations: pd.DataFrame, dataset: str, analysis: Analysis, roster: Roster = PAPER) -> pd.DataFrame:
    """How well each confidence orders the answers that a method gives: areas under risk–coverage curves.

    To be read within a method. Each method answers questions of its own choice: one that refuses what is hard has a
    small area whatever its confidence is worth. So beside each stands that of a random order of the *same* answers.

    Returns:
        ``method, source, metric, value, low, high, chance, coverage, seeds, questions``: metrics of
        ``metrics.selective.AREAS``, means over seeds; ``chance`` is the value of a random order, ``coverage`` the share
        of the set that has such a confidence and is answered; ``questions`` are answered under at least one seed.
    """
    tables = []
    for ordered in _orders(evaluations, dataset, roster.main(evaluations["method"].unique())):

        def areas(counts: Floats, ordered: _Ordered = ordered) -> Floats:
            return selective.areas(ordered.counts(counts))

        drawn, rng = _sample(ordered, areas, analysis, "aurc", dataset)
        found = intervals.estimate(drawn, analysis.confidence_level, rng)
        columns = {"metric": selective.AREAS, "value": found.value, "low": found.low, "high": found.high}
        counted = int((ordered.states < 2 * ordered.levels).any(axis=1).sum())
        kept = (ordered.states < 2 * ordered.levels).mean()
        shown = intervals.observed_counts(ordered.states, 2 * ordered.levels + 1)
        chance = selective.areas(ordered.counts(shown).sum(axis=-2, keepdims=True)).mean(axis=0)
        both = {"chance": chance, "coverage": kept, "seeds": ordered.states.shape[1], "questions": counted}
        tables.append(pd.DataFrame({"method": ordered.method, "source": ordered.source, **columns, **both}))
    return _joined(tables, [
            "method", "source", "metric", "value", "low", "high", "chance", "coverage", "seeds", "questions",
        ])  # fmt: skip


def _orders(evaluations: pd.DataFrame, dataset: str, methods: list[str]) -> Iterator[_Ordered]:
    for method in methods:
        part = evaluations[(evaluations["dataset"] == dataset) & (evaluations["method"] == method)]
        for source, column in SOURCES.items():
            counted = part[column].notna() & part["outcome"].isin(["correct", "wrong"])
            if counted.any() and (source != "expected_accuracy" or method == "unaligned"):
                yield _ordered(part, counted, method, source)


def _ordered(part: pd.DataFrame, counted: pd.Series[bool], method: str, source: str) -> _Ordered:
    values = part[SOURCES[source]].to_numpy(dtype=np.float64)
    # A group is what lies between two quantiles; a confidence with few values has a group for each of them.
    edges = np.unique(np.quantile(values[counted], np.arange(1, GROUPS) / GROUPS))
    level = np.searchsorted(edges, values, side="right")
    levels = len(edges) + 1
    state = np.where(counted, 2 * level + (part["outcome"] == "correct").to_numpy(), 2 * levels)
    wide = part.assign(state=state).pivot(index="question_id", columns="seed", values="state")
    return _Ordered(method, source, levels, wide.to_numpy(dtype=np.int64), frames.clusters(part))


def _sample(
    ordered: _Ordered, statistic: intervals.Statistic, analysis: Analysis, *key: str
) -> tuple[Sample, np.random.Generator]:
    rng = intervals.generator(analysis.seed, *key, ordered.method, ordered.source)
    num_states = 2 * ordered.levels + 1
    return intervals.sample(ordered.states, num_states, statistic, analysis.resamples, rng, ordered.clusters), rng


def _joined(tables: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)
