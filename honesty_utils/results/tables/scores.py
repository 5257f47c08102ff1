"""Tables of scores with their intervals: main table, curves of sweeps, scores by knowledge, transition grids."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pandas as pd

from honesty_utils.evaluation import frames
from honesty_utils.metrics import intervals, scores
from honesty_utils.metrics.honesty import CATEGORIES, Floats
from honesty_utils.metrics.intervals import Clusters, Estimate, Sample, States
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
        ``method, dataset, metric, value, low, high, seeds, questions, counted``, values as fractions. ``questions``
        counts all that were asked; ``unscored_rate`` says which share of them is in no other score. ``counted`` is the
        mean number over seeds of questions in the denominator, of honesty the fewer of its two sides. NaN where it is
        0: the paper's conventions (prudence 1, over-conservativeness 0) are those of ``metrics.honesty_scores``.
    """
    tables = []
    for dataset, part in evaluations.groupby("dataset", sort=False):
        answers, clusters = frames.states(part), frames.clusters(part)
        for method in roster.ordered(answers):
            tables += _method_rows(str(dataset), method, answers[method], clusters, analysis)
        tables += _control_rows(str(dataset), next(iter(answers.values())), clusters, analysis)
        tables += beside.rows(str(dataset), part, answers, clusters, analysis)
    main = pd.concat(tables, ignore_index=True)
    rank = {method: place for place, method in enumerate(roster.ordered(main["method"]))}
    places = main["method"].map(rank)
    return main.iloc[np.argsort(places.to_numpy(), kind="stable")].reset_index(drop=True)


def _method_rows(
    dataset: str, method: str, states: States, clusters: Clusters, analysis: Analysis
) -> list[pd.DataFrame]:
    def statistic(counts: Floats) -> Floats:
        return np.concatenate([scores.scores(counts), scores.scores(scores.random_refusal(counts))], axis=-1)

    rng, level = intervals.generator(analysis.seed, "main", dataset, method), analysis.confidence_level
    drawn = intervals.sample(states, scores.NUM_STATES, statistic, analysis.resamples, rng, clusters)
    own, random = _split(drawn)
    number = intervals.counted(states, scores.NUM_STATES, scores.rates, clusters)
    rows = [rows_of(method, dataset, scores.estimate(own, number, level), states)]
    if method != "unaligned":
        control = scores.random_refusal(intervals.observed_counts(states, scores.NUM_STATES))
        # Its shares vary as a method's do; its honesty is one half by construction.
        found = scores.estimate(random, number, level)
        exact = intervals.estimate(random, level, rng)
        honest = np.arange(len(scores.METRICS)) == scores.METRICS.index("honesty")
        ends = (np.where(honest, *pair) for pair in ((exact.low, found.low), (exact.high, found.high)))
        rows.append(
            rows_of(f"{display.RANDOM_REFUSAL}{method}", dataset, Estimate(found.value, *ends), states, control)
        )
    return rows


def _split(drawn: Sample) -> tuple[Sample, Sample]:
    """The scores of a method and those of its control, side by side in one sample, apart."""
    half = len(scores.METRICS)
    pieces = [
        (np.split(drawn.observed, [half], axis=-1)[place], np.split(drawn.replicates, [half], axis=-1)[place])
        for place in (0, 1)
    ]
    first, second = (replace(drawn, observed=observed, replicates=replicates) for observed, replicates in pieces)
    return first, second


def _control_rows(dataset: str, states: States, clusters: Clusters, analysis: Analysis) -> list[pd.DataFrame]:
    before = states[:, :1] // 8 * 8
    rng = intervals.generator(analysis.seed, "main", dataset, "controls")
    counts = intervals.observed_counts(before, scores.NUM_STATES)

    def statistic(counts: Floats) -> Floats:
        return np.concatenate([scores.scores(part) for part in _controls(counts)], axis=-1)

    drawn = intervals.sample(before, scores.NUM_STATES, statistic, analysis.resamples, rng, clusters)
    found = intervals.estimate(drawn, analysis.confidence_level, rng)
    number = len(scores.FIXED_CONTROLS)
    pieces = zip(*(np.split(part, number) for part in (found.value, found.low, found.high)), strict=True)
    named = zip(scores.FIXED_CONTROLS, pieces, _controls(counts), strict=True)
    return [rows_of(name, dataset, Estimate(*piece), before, own) for name, piece, own in named]


def _controls(counts: Floats) -> list[Floats]:
    """Counts of the fixed controls, from those of any method."""
    totals = scores.before_totals(counts)
    return [scores.control(totals, np.array(refusal)) for refusal in scores.FIXED_CONTROLS.values()]


def estimate(states: States, clusters: Clusters, analysis: Analysis, *key: str) -> Estimate:
    """The scores of one method on one set, in the order of ``scores.METRICS``, with their intervals.

    Args:
        states: shape (questions, seeds).
        clusters: of the same questions.
        analysis: resamples, level and seed.
        key: what the interval is about; names its random generator.
    """
    rng = intervals.generator(analysis.seed, *key)
    drawn = intervals.sample(states, scores.NUM_STATES, scores.scores, analysis.resamples, rng, clusters)
    number = intervals.counted(states, scores.NUM_STATES, scores.rates, clusters)
    return scores.estimate(drawn, number, analysis.confidence_level)


def rows_of(
    method: str, dataset: str, estimate: Estimate, states: States, counts: Floats | None = None
) -> pd.DataFrame:
    """Rows of one method and set; ``counts`` are those that a control's scores are of, none: those of ``states``."""
    place = [scores.METRICS.index(metric) for metric in display.METRICS]
    counts = intervals.observed_counts(states, scores.NUM_STATES) if counts is None else counts
    counted = scores.with_fewer(scores.rates(counts)[1]).mean(axis=0)
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
            "counted": counted[place],
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
        answers, clusters = frames.states(group), frames.clusters(group)
        for method in roster.ordered(answers):
            found = estimate(answers[method], clusters, analysis, "by_knowledge", dataset, method, f"{level:.1f}")
            rows = rows_of(method, dataset, found, answers[method])
            tables.append(rows[rows["metric"].isin(KNOWLEDGE_METRICS)].assign(expected_accuracy=level))
    columns = ["method", "expected_accuracy", "metric", "value", "low", "high", "questions"]
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


def tab_groups(evaluations: pd.DataFrame, analysis: Analysis, roster: Roster = PAPER) -> pd.DataFrame:
    """Scores of every method by kind of question: relation, subject, kind of task; and by halves of a microworld.

    Args:
        evaluations: as ``frames.load`` returns it; sets with fewer than two kinds (or halves) are left out.
        analysis: resamples, level and seed of the intervals.
        roster: the methods of the run.

    Returns:
        ``dataset, group, method, metric, value, low, high, questions``: honesty, accuracy and refusal rate.
    """
    columns = ["dataset", "group", "method", "metric", "value", "low", "high", "questions"]
    shown = evaluations[evaluations["method"].isin(roster.main(evaluations["method"].unique()))]
    tables = []
    for dataset, part in shown.groupby("dataset", sort=False):
        kinds = [key for key in ("group", "half") if part[key].nunique() > 1]
        for group, rows in (kind for key in kinds for kind in part.groupby(key)):
            answers, clusters = frames.states(rows), frames.clusters(rows)
            for method in roster.ordered(answers):
                found = estimate(answers[method], clusters, analysis, "groups", str(dataset), str(group), method)
                table = rows_of(method, str(dataset), found, answers[method])
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
