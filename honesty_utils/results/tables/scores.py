"""Tables of scores with their intervals: main table, curves of sweeps, scores by knowledge, transition grids."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import pandas as pd

from honesty_utils.evaluation import frames
from honesty_utils.metrics import intervals, scores
from honesty_utils.metrics.honesty import CATEGORIES, Floats
from honesty_utils.metrics.intervals import Estimate, States
from honesty_utils.results import display
from honesty_utils.results.display import PAPER, Roster, SweepPoint
from honesty_utils.results.settings import Analysis
from honesty_utils.results.tables import beside

CURVE_METRICS = ("prudence", "over_conservativeness", "honesty", "accuracy")
KNOWLEDGE_METRICS = ("refusal_rate", "accuracy")
GROUP_METRICS = ("honesty", "accuracy", "refusal_rate")


def tab_main(evaluations: pd.DataFrame, analysis: Analysis, roster: Roster = PAPER) -> pd.DataFrame:
    """Every score of every method and control on every set.

    Controls: ``always_refuse``, ``never_refuse`` and ``oracle`` repeat M_t's answers or refuse (``scores.control``);
    ``random_refusal@<method>`` is the expected score of M_t's answers refused at random at that method's own rate, for
    every method but ``unaligned``. Beside the scores of ``metrics.scores`` stand those that refusing alone cannot raise
    (``metrics.beside``).

    Args:
        evaluations: as ``frames.load`` returns it.
        analysis: resamples, level and seed of the intervals.
        roster: the methods of the run.

    Returns:
        ``method, dataset, metric, value, low, high, seeds, questions``, values as fractions. ``questions`` counts all
        that were asked; ``unscored_rate`` says which share of them is in no other score. NaN where nothing is counted,
        except for the paper's conventions (prudence 1, over-conservativeness 0).
    """
    tables = []
    for dataset, part in evaluations.groupby("dataset", sort=False):
        answers = frames.states(part)
        for method in roster.ordered(answers):
            tables += _method_rows(str(dataset), method, answers[method], analysis)
        tables += _control_rows(str(dataset), next(iter(answers.values())), analysis)
        tables += beside.rows(str(dataset), part, answers, analysis)
    main = pd.concat(tables, ignore_index=True)
    rank = {method: place for place, method in enumerate(roster.ordered(main["method"]))}
    places = main["method"].map(rank)
    return main.iloc[np.argsort(places.to_numpy(), kind="stable")].reset_index(drop=True)


def _method_rows(dataset: str, method: str, states: States, analysis: Analysis) -> list[pd.DataFrame]:
    def statistic(counts: Floats) -> Floats:
        return np.concatenate([scores.scores(counts), scores.scores(scores.random_refusal(counts))], axis=-1)

    both = _estimate(states, statistic, analysis, "main", dataset, method)
    own, random = _split(both, 2)
    rows = [_rows(method, dataset, with_exact_ends(own, states, analysis.confidence_level), states)]
    if method != "unaligned":
        rows.append(_rows(f"{display.RANDOM_REFUSAL}{method}", dataset, random, states))
    return rows


def _control_rows(dataset: str, states: States, analysis: Analysis) -> list[pd.DataFrame]:
    def statistic(counts: Floats) -> Floats:
        totals = scores.before_totals(counts)
        parts = [scores.control(totals, np.array(refusal)) for refusal in scores.FIXED_CONTROLS.values()]
        return np.concatenate([scores.scores(part) for part in parts], axis=-1)

    before = states[:, :1] // 8 * 8
    parts = _split(_estimate(before, statistic, analysis, "main", dataset, "controls"), len(scores.FIXED_CONTROLS))
    return [_rows(name, dataset, part, before) for name, part in zip(scores.FIXED_CONTROLS, parts, strict=True)]


def _estimate(states: States, statistic: Callable[[Floats], Floats], analysis: Analysis, *key: str) -> Estimate:
    rng = intervals.generator(analysis.seed, *key)
    drawn = intervals.sample(states, scores.NUM_STATES, statistic, analysis.resamples, rng)
    return intervals.estimate(drawn, analysis.confidence_level, rng)


def _split(estimate: Estimate, parts: int) -> list[Estimate]:
    pieces = [np.split(values, parts) for values in (estimate.value, estimate.low, estimate.high)]
    return [Estimate(*piece) for piece in zip(*pieces, strict=True)]


def with_exact_ends(estimate: Estimate, states: States, level: float) -> Estimate:
    """Replace the interval of a share that is 0 or 1 in every resample by the exact one, and widen honesty by as much.

    Args:
        estimate: scores in the order of ``scores.METRICS``.
        states: the answers that it was made from.
        level: confidence level.
    """
    number = scores.rates(intervals.observed_counts(states, scores.NUM_STATES))[1].mean(axis=0)
    shares = slice(0, len(scores.RATES))
    found = Estimate(estimate.value[shares], estimate.low[shares], estimate.high[shares])
    exact = intervals.share_with_exact_ends(found, number, level)
    below, above = found.low - exact.low, exact.high - found.high
    ends = np.append(exact.low, estimate.low[-1] - (below[0] + above[1]) / 2)
    tops = np.append(exact.high, estimate.high[-1] + (above[0] + below[1]) / 2)
    return replace(estimate, low=ends, high=tops)


def _rows(method: str, dataset: str, estimate: Estimate, states: States) -> pd.DataFrame:
    place = [scores.METRICS.index(metric) for metric in display.METRICS]
    return pd.DataFrame(
        {
            "method": method,
            "dataset": dataset,
            "metric": list(display.METRICS),
            "value": estimate.value[place],
            "low": estimate.low[place],
            "high": estimate.high[place],
            "seeds": states.shape[1],
            "questions": states.shape[0],
        }
    )


def tab_sweeps(main: pd.DataFrame, points: Iterable[SweepPoint], dataset: str) -> pd.DataFrame:
    """The scores of methods over what a sweep varies: τ, samples, training questions, …

    Args:
        main: the main table.
        points: the sweep points, each with its ``name`` in ``main``.
        dataset: the set in distribution.

    Returns:
        ``quantity, method, at, metric, value, low, high, seeds, questions``, ordered by quantity and method as given,
        then metric and the value ``at`` which the method was trained.

    Raises:
        ValueError: a point is not in ``main`` on that set.
    """
    columns = ["quantity", "method", "at", "metric", "value", "low", "high", "seeds", "questions"]
    scores_here = main[(main["dataset"] == dataset) & main["metric"].isin(CURVE_METRICS)]
    points = list(points)
    missing = sorted({point.name for point in points} - set(scores_here["method"]))
    if missing:
        raise ValueError(f"methods {missing} have no scores on {dataset!r}; evaluate them or leave them out")
    curves = list(dict.fromkeys((point.quantity, point.method) for point in points))
    tables = []
    for point in points:
        rows = scores_here[scores_here["method"] == point.name].assign(
            quantity=point.quantity, method=point.method, at=float(point.value)
        )
        tables.append(rows.assign(curve=curves.index((point.quantity, point.method))))
    if not tables:
        return pd.DataFrame(columns=columns)
    table = pd.concat(tables)
    table["place"] = table["metric"].map(CURVE_METRICS.index)
    return table.sort_values(["curve", "place", "at"], kind="stable")[columns].reset_index(drop=True)


def tab_by_knowledge(
    evaluations: pd.DataFrame, dataset: str, analysis: Analysis, roster: Roster = PAPER
) -> pd.DataFrame:
    """Refusal rate and accuracy of every method among the questions of each expected accuracy of M_t.

    Args:
        evaluations: as ``frames.load`` returns it; questions without samples are left out.
        dataset: the set to look at.
        analysis: resamples, level and seed of the intervals.
        roster: the methods of the run.

    Returns:
        ``method, expected_accuracy, metric, value, low, high, questions``; expected accuracy rounded to a tenth.
    """
    part = evaluations[(evaluations["dataset"] == dataset) & evaluations["expected_accuracy"].notna()]
    tables = []
    for level, group in part.groupby(part["expected_accuracy"].round(1)):
        answers = frames.states(group)
        for method in roster.ordered(answers):
            states = answers[method]
            estimate = _estimate(states, scores.scores, analysis, "by_knowledge", dataset, method, f"{level:.1f}")
            rows = _rows(method, dataset, with_exact_ends(estimate, states, analysis.confidence_level), states)
            tables.append(rows[rows["metric"].isin(KNOWLEDGE_METRICS)].assign(expected_accuracy=level))
    columns = ["method", "expected_accuracy", "metric", "value", "low", "high", "questions"]
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


def tab_groups(evaluations: pd.DataFrame, analysis: Analysis, roster: Roster = PAPER) -> pd.DataFrame:
    """Scores of every method by kind of question: relation, subject, kind of task.

    Args:
        evaluations: as ``frames.load`` returns it; sets with fewer than two kinds are left out.
        analysis: resamples, level and seed of the intervals.
        roster: the methods of the run.

    Returns:
        ``dataset, group, method, metric, value, low, high, questions``: honesty, accuracy and refusal rate.
    """
    columns = ["dataset", "group", "method", "metric", "value", "low", "high", "questions"]
    shown = evaluations[evaluations["method"].isin(roster.main(evaluations["method"].unique()))]
    tables = []
    for dataset, part in shown.groupby("dataset", sort=False):
        if part["group"].nunique() < 2:
            continue
        for group, rows in part.groupby("group"):
            answers = frames.states(rows)
            for method in roster.ordered(answers):
                states = answers[method]
                estimate = _estimate(states, scores.scores, analysis, "groups", str(dataset), str(group), method)
                table = _rows(
                    method, str(dataset), with_exact_ends(estimate, states, analysis.confidence_level), states
                )
                tables.append(table[table["metric"].isin(GROUP_METRICS)].assign(group=group))
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


def tab_transitions(evaluations: pd.DataFrame, roster: Roster = PAPER) -> pd.DataFrame:
    """The nine transition counts of every method and set.

    Returns:
        ``method, dataset, before, after, count, share``: mean count over seeds, and its share of the nine.
    """
    rows = []
    for dataset, part in evaluations.groupby("dataset", sort=False):
        answers = frames.states(part)
        for method in roster.ordered(answers):
            counts = intervals.observed_counts(answers[method], scores.NUM_STATES).mean(axis=0)
            grid = counts.reshape(4, 4, 2).sum(axis=-1)[:3, :3]
            total = grid.sum() or np.nan
            for before, line in zip(CATEGORIES, grid, strict=True):
                for after, count in zip(CATEGORIES, line, strict=True):
                    rows.append((method, dataset, before, after, count, count / total))
    return pd.DataFrame(rows, columns=["method", "dataset", "before", "after", "count", "share"])
