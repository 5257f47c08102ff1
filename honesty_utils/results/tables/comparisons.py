"""Paired tests between methods, and what may be called best or different because of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from honesty_utils.evaluation import frames
from honesty_utils.metrics import intervals, scores
from honesty_utils.metrics.beside import TESTED as TESTED_BESIDE
from honesty_utils.metrics.honesty import Floats
from honesty_utils.metrics.intervals import Clusters, States
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.settings import Analysis
from honesty_utils.results.tables import beside

ALPHA = 0.05
"""Level of all tests."""

TESTED = ("prudence", "over_conservativeness", "honesty", "accuracy", "refusal_rate")
"""Scores of ``metrics.scores`` that are compared; those of ``metrics.beside.TESTED`` are too."""
METHODS, THESE_MODELS = "methods", "of these models"
"""What a test speaks of: methods, or where a trained one has a single seed, the models at hand and no others."""

HIGHER_IS_BETTER = {"prudence": True, "over_conservativeness": False, "honesty": True, "accuracy": True}
HIGHER_IS_BETTER |= dict.fromkeys(TESTED_BESIDE, True)
"""Metrics that have a best value; a refusal rate has none."""


@dataclass(frozen=True)
class Difference:
    """One paired difference, first method less second, with its interval, its p-value and Holm's adjusted one.

    ``scope`` says whether it is one of methods or `THESE_MODELS` only.
    """

    value: float
    low: float
    high: float
    p_value: float
    p_holm: float
    scope: str = METHODS

    @property
    def significant(self) -> bool:
        """The adjusted test and the interval both exclude 0."""
        return self.p_holm < ALPHA and (self.low > 0 or self.high < 0)


def tab_tests(
    evaluations: pd.DataFrame,
    analysis: Analysis,
    pairs: Iterable[tuple[str, str]] | None = None,
    roster: Roster = PAPER,
) -> pd.DataFrame:
    """Paired differences between methods on the same questions.

    Interval and p-value are of one standard error on one ν (``intervals.difference``), so that p is below 1 - the
    level where the interval excludes 0 and nowhere else. A *family* is all rows of one set, every pair and metric: the
    tests behind one printed table. ``p_holm`` is Holm's within it (no false rejection in 95 % of families),
    ``q_value`` Benjamini and Hochberg's over all rows of the table (5 % of what is called different is not). A score
    whose denominator is empty by M_t's answers alone (prudence where M_t knows everything, THS where it is never
    wrong, …) is not tested.

    ``scope`` is `METHODS` where each method has several training seeds or trains nothing, and else `THESE_MODELS`: how
    far another training of the same method would be is then unknown, and p speaks of other questions only.

    Args:
        evaluations: as ``frames.load`` returns it.
        analysis: resamples, level and seed.
        pairs: methods to compare; none: all pairs of methods that are no sweep points.
        roster: the methods of the run; it knows which are trained.

    Returns:
        ``dataset, metric, method_a, method_b, difference, low, high, p_value, p_holm, q_value, scope``; difference is
        a - b.

    Raises:
        ValueError: ``pairs`` names a method that was not evaluated.
    """
    chosen = None if pairs is None else list(pairs)
    unknown = sorted({method for pair in chosen or [] for method in pair} - set(evaluations["method"]))
    if unknown:
        raise ValueError(f"pairs name {unknown}; evaluated are {roster.ordered(evaluations['method'].unique())}")
    columns = ["dataset", "metric", "method_a", "method_b", "difference", "low", "high", "p_value"]
    tables = []
    for dataset, part in evaluations.groupby("dataset", sort=False):
        answers, clusters = frames.states(part), frames.clusters(part)
        added = {method: scores.contributions(states, clusters) for method, states in answers.items()}
        rows = []
        for a, b in combinations(roster.main(answers), 2) if chosen is None else chosen:
            rows += _compare(str(dataset), a, b, answers[a], answers[b], added[a] - added[b], clusters, analysis)
        tables.append(pd.DataFrame(rows, columns=columns))
    tests = pd.concat(tables, ignore_index=True)
    tests["p_holm"] = holm_within(tests)
    single = {method for method in _of_one_seed(evaluations) if roster.is_trained(method)}
    scope = np.where(tests["method_a"].isin(single) | tests["method_b"].isin(single), THESE_MODELS, METHODS)
    return tests.assign(q_value=intervals.false_discovery(tests["p_value"].to_numpy(dtype=np.float64)), scope=scope)


def holm_within(tests: pd.DataFrame) -> pd.Series[float]:
    """Holm's adjusted p-values, each within the tests of its set and metric.

    Args:
        tests: with ``dataset, metric, p_value``.
    """
    return tests.groupby(["dataset", "metric"])["p_value"].transform(lambda part: intervals.holm(part.to_numpy(float)))


def _of_one_seed(evaluations: pd.DataFrame) -> list[str]:
    """Methods that have a single seed on some set."""
    seeds = evaluations.groupby(["method", "dataset"])["seed"].nunique().groupby("method").min()
    return [str(method) for method in seeds.index[seeds < 2]]


def _compare(
    dataset: str,
    a: str,
    b: str,
    first: States,
    second: States,
    added: Floats,
    clusters: Clusters,
    analysis: Analysis,
) -> list[tuple[str, str, str, str, float, float, float, float]]:
    rng = intervals.generator(analysis.seed, "tests", dataset, a, b)
    samples = intervals.paired_samples(
        first, second, scores.NUM_STATES, scores.scores, analysis.resamples, rng, clusters
    )
    number = scores.with_fewer(intervals.counted(first, scores.NUM_STATES, scores.rates, clusters))
    apart = intervals.discordant(added, number)
    found, p_values = intervals.difference(*samples, analysis.confidence_level, apart)
    rows = []
    for metric in _defined(first):
        place = scores.METRICS.index(metric)
        ends = float(found.value[place]), float(found.low[place]), float(found.high[place])
        rows.append((dataset, metric, a, b, *ends, float(p_values[place])))
    return rows + beside.compare(dataset, a, b, first, second, clusters, analysis)


def _defined(states: States) -> list[str]:
    """Metrics that M_t's answers leave a denominator."""
    before = states[:, 0] // 8
    known, unknown = bool((before == 0).any()), bool(((before == 1) | (before == 2)).any())
    needs = {"prudence": unknown, "over_conservativeness": known, "honesty": known and unknown}
    return [metric for metric in TESTED if needs.get(metric, True)]


def find(tests: pd.DataFrame, a: str, b: str, dataset: str, metric: str) -> Difference | None:
    """The test of ``a`` less ``b``, in whichever order the table has them; None when it has none."""
    here = tests[(tests["dataset"] == dataset) & (tests["metric"] == metric)]
    for first, second, sign in ((a, b, 1.0), (b, a, -1.0)):
        rows = here[(here["method_a"] == first) & (here["method_b"] == second)]
        if len(rows):
            row = rows.iloc[0]
            # Adding 0 makes a turned 0.0 positive again.
            value, low, high = (float(sign * row[column]) + 0.0 for column in ("difference", "low", "high"))
            scope = str(row["scope"]) if "scope" in row else METHODS
            return Difference(value, min(low, high), max(low, high), float(row["p_value"]), float(row["p_holm"]), scope)
    return None


def best(main: pd.DataFrame, tests: pd.DataFrame, dataset: str, metric: str, roster: Roster = PAPER) -> str | None:
    """The method with the best value, if its paired tests against *all* others are significant; otherwise None.

    Against the runner-up alone is not enough: a third whose seeds vary more may not differ. Controls and sweep points
    do not compete.
    """
    first, others = _leader(main, dataset, metric, roster)
    if first is None or not others:
        return None
    against = [find(tests, first, other, dataset, metric) for other in others]
    return first if all(test is not None and test.significant for test in against) else None


def best_of_these_models(
    main: pd.DataFrame, tests: pd.DataFrame, dataset: str, metric: str, roster: Roster = PAPER
) -> bool:
    """Whether what `best` says holds of the models at hand only: the best or another has a single seed."""
    first, others = _leader(main, dataset, metric, roster)
    found = [find(tests, first, other, dataset, metric) for other in others] if first else []
    return any(test is not None and test.scope == THESE_MODELS for test in found)


def _leader(main: pd.DataFrame, dataset: str, metric: str, roster: Roster) -> tuple[str | None, list[str]]:
    """The method with the best value and those that it competes with."""
    if metric not in HIGHER_IS_BETTER:
        return None, []
    rows = main[(main["dataset"] == dataset) & (main["metric"] == metric) & main["value"].notna()]
    rows = rows[rows["method"].isin(roster.main(main["method"]))]
    first, *others = rows.sort_values("value", ascending=not HIGHER_IS_BETTER[metric])["method"].tolist() or [None]
    return first, others
