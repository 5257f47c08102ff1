"""Orders: each method's graded score arranges the answers of M_t, which are the same for all.

Methods refuse at different rates, so that what they get right does not compare. How they would arrange one and the same
list of answers, surest first, does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from honesty_utils.common.paths import BASE, model_name
from honesty_utils.evaluation import frames
from honesty_utils.metrics import calibration, intervals, selective
from honesty_utils.metrics.honesty import Floats
from honesty_utils.results.display import Roster
from honesty_utils.results.settings import Analysis
from honesty_utils.results.tables.signals import LEVELS

RISKS = (0.05, 0.1, 0.2)
ORDERS = ("auroc", "aurc", *(f"coverage_at_risk_{risk:g}" for risk in RISKS))
"""How well a graded score orders M_t's answers."""


@dataclass(frozen=True)
class Order:
    """M_t's answers ordered by one graded score: its values, and whether each answer is right.

    Attributes:
        source: name of the signal.
        table: ``question_id``, ``value``, ``right``, ``cluster`` and ``stratum``.
        without: answers that have no value.
        answered: share of the scored questions that M_t answers right or wrong.
    """

    source: str
    table: pd.DataFrame
    without: int
    answered: float = 1.0


def orders(
    measured: Mapping[tuple[str, str], pd.DataFrame], evaluations: pd.DataFrame, dataset: str, roster: Roster
) -> dict[tuple[str, int], Order]:
    """The order that each method's graded score gives to M_t's answers, by method and seed.

    A method that reads a signal has that; one whose model answers or refuses has how unlikely its refusal is
    (the signal ``refusal``). A method without either, without a value for any answer, or with a signal of its own
    answers, which are others, is left out.

    Args:
        measured: SIGNALS by model and set, from ``evaluation.measured``.
        evaluations: as ``frames.load`` returns it, UNALIGNED among the methods.
        dataset: the set that is looked at.
        roster: the methods of the run.
    """
    own = evaluations[(evaluations["method"] == "unaligned") & (evaluations["dataset"] == dataset)]
    scored = int((own["outcome"] != "unscored").sum())
    own = own[own["outcome"].isin(["correct", "wrong"])].sort_values("question_id")
    there = evaluations[evaluations["dataset"] == dataset]
    found = {}
    for method, seed in there[["method", "seed"]].drop_duplicates().itertuples(index=False, name=None):
        kind = roster.library(method)
        # What a trained model says of its own answers is no order of M_t's.
        if kind is None or (kind.answer.signals and kind.speaker != BASE):
            continue
        if kind.answer.signals:
            signal = kind.answer.signals[-1]
            model = model_name(method, seed) if kind.head else BASE
        else:
            signal, model = "refusal", model_name(method, seed)
        table = measured.get((model, dataset))
        if table is None:
            continue
        values = table[table["signal"] == signal].set_index("question_id")["value"].astype(float)
        if not len(values):
            continue
        told = own[["question_id", "cluster", "stratum"]].assign(
            value=values.reindex(own["question_id"]).to_numpy(), right=(own["outcome"] == "correct").to_numpy()
        )
        kept = told[told["value"].notna()]
        if kept.empty:
            continue
        found[str(method), int(seed)] = Order(
            signal, kept.reset_index(drop=True), len(told) - len(kept), len(own) / max(scored, 1)
        )
    return found


def ordering_scores(counts: Floats) -> Floats:
    """Scores in the order of `ORDERS` from wrong and right answers by level, shape (…, levels, 2), surest last."""
    areas = selective.areas(counts)
    covered = [selective.coverage_at(counts, risk) for risk in RISKS]
    return np.stack([calibration.grouped_auroc(counts), areas[..., 0], *covered], axis=-1)


def order_scores(found: Mapping[tuple[str, int], Order], analysis: Analysis) -> pd.DataFrame:
    """How well each method's graded score orders M_t's answers, means over seeds.

    Args:
        found: from `orders`.
        analysis: resamples, level and seed of the intervals, which are of single models.

    Returns:
        ``method, source, metric, value, low, high, questions, without, seeds``; metrics are `ORDERS`. A coverage at a
        risk is 0 where no answers are that rarely wrong.
    """
    rows: list[tuple[Any, ...]] = []
    for method in dict.fromkeys(name for name, _ in found):
        of_method = [order for (name, _), order in found.items() if name == method]
        states, levels, clusters = _stacked(of_method)
        rng = intervals.generator(analysis.seed, "board", method)
        scored = _scored(levels)
        drawn = intervals.sample(states, 2 * levels, scored, analysis.resamples, rng, clusters)
        estimate = intervals.estimate(drawn, analysis.confidence_level, rng)
        one = of_method[0]
        for place, metric in enumerate(ORDERS):
            ends = (float(estimate.value[place]), float(estimate.low[place]), float(estimate.high[place]))
            rows.append((method, one.source, metric, *ends, len(states), one.without, len(of_method)))
    columns = ["method", "source", "metric", "value", "low", "high", "questions", "without", "seeds"]
    return pd.DataFrame(rows, columns=columns)


def order_tests(
    found: Mapping[tuple[str, int], Order], analysis: Analysis, dataset: str, methods: Sequence[str]
) -> pd.DataFrame:
    """Paired differences in how well graded scores order the same answers of M_t: the tests of a single run.

    Args:
        found: from `orders`.
        analysis: resamples, level and seed.
        dataset: the set that they are of.
        methods: those that are compared, in order; those without an order are left out.

    Returns:
        ``dataset, metric, method_a, method_b, difference, low, high, p_value``, a - b, for AUROC and AURC, on the
        answers that both have a value for.
    """
    rows = []
    ordered = [method for method in methods if any(name == method for name, _ in found)]
    for place, a in enumerate(ordered):
        for b in ordered[place + 1 :]:
            pair = [[order for (name, _), order in found.items() if name == method] for method in (a, b)]
            shared = set.intersection(*(set(order.table["question_id"]) for part in pair for order in part))
            if not shared:
                continue
            (first, low_levels, clusters), (second, high_levels, _) = (_stacked(part, shared) for part in pair)
            levels = max(low_levels, high_levels)
            rng = intervals.generator(analysis.seed, "board", dataset, a, b)
            samples = intervals.paired_samples(
                first, second, 2 * levels, _scored(levels), analysis.resamples, rng, clusters
            )
            step, p_values = intervals.difference(*samples, analysis.confidence_level)
            for metric in ("auroc", "aurc"):
                at = ORDERS.index(metric)
                ends = (float(step.value[at]), float(step.low[at]), float(step.high[at]), float(p_values[at]))
                rows.append((dataset, metric, a, b, *ends))
    columns = ["dataset", "metric", "method_a", "method_b", "difference", "low", "high", "p_value"]
    return pd.DataFrame(rows, columns=columns)


def _scored(levels: int) -> intervals.Statistic:
    return lambda counts: ordering_scores(counts.reshape(*counts.shape[:-1], levels, 2))


def _stacked(
    of_method: Sequence[Order], shared: set[str] | None = None
) -> tuple[intervals.States, int, intervals.Clusters]:
    """States 2 · level + right, shape (questions, seeds), of the answers that all seeds have a value for."""
    kept = set.intersection(*(set(order.table["question_id"]) for order in of_method)) & (
        shared if shared is not None else set(of_method[0].table["question_id"])
    )
    tables = [order.table[order.table["question_id"].isin(kept)] for order in of_method]
    found = [_levels(table) for table in tables]
    states = np.stack([states for states, _ in found], axis=1)
    return states, max(levels for _, levels in found), frames.clusters(tables[0])


def _levels(table: pd.DataFrame) -> tuple[intervals.States, int]:
    """States 2 · level + right of answers, and how many levels there are; within a level there is no order."""
    value = table["value"].to_numpy(np.float64)
    distinct = np.unique(value)
    edges = distinct[1:] if len(distinct) <= LEVELS else np.unique(np.quantile(value, np.arange(1, LEVELS) / LEVELS))
    states = 2 * np.searchsorted(edges, value, side="right") + table["right"].to_numpy(np.int64)
    return states.astype(np.int64), len(edges) + 1


def curves(found: Mapping[tuple[str, int], Order]) -> pd.DataFrame:
    """Risk of M_t's answers at twenty coverages, surest first, means over seeds.

    Coverage is of all scored questions, as that of methods is: what M_t refuses by itself is not covered.

    Returns:
        ``method, source, place, coverage, risk``; ``place`` is the share of M_t's answers.
    """
    coverages = np.arange(1, 21) / 20
    tables = []
    for (method, _), order in found.items():
        states, levels = _levels(order.table)
        counts = np.bincount(states, minlength=2 * levels).reshape(levels, 2).astype(np.float64)
        risk = selective.risk_at(counts, coverages)
        covered = coverages * order.answered
        columns = {"method": method, "source": order.source, "place": coverages, "coverage": covered, "risk": risk}
        tables.append(pd.DataFrame(columns))
    return mean_curves(tables)


def mean_curves(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Means of curves at each place, over seeds or over runs; no rows where there are none."""
    drawn = [table for table in tables if len(table)]
    if not drawn:
        return pd.DataFrame(columns=["method", "source", "place", "coverage", "risk"])
    together = pd.concat(drawn, ignore_index=True)
    return together.groupby(["method", "source", "place"], sort=False, as_index=False)[["coverage", "risk"]].mean()
