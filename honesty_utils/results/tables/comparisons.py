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
from honesty_utils.metrics.intervals import States
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.settings import Analysis
from honesty_utils.results.tables import beside

ALPHA = 0.05
"""Level of all tests."""

TESTED = ("prudence", "over_conservativeness", "honesty", "accuracy", "refusal_rate")
"""Scores of ``metrics.scores`` that are compared; those of ``metrics.beside.TESTED`` are too."""
HIGHER_IS_BETTER = {"prudence": True, "over_conservativeness": False, "honesty": True, "accuracy": True}
HIGHER_IS_BETTER |= dict.fromkeys(TESTED_BESIDE, True)
"""Metrics that have a best value; a refusal rate has none."""


@dataclass(frozen=True)
class Difference:
    """One paired difference, first method less second, with its interval, its p-value and Holm's adjusted one."""

    value: float
    low: float
    high: float
    p_value: float
    p_holm: float

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

    p-values are of the exact McNemar test for ``accuracy`` and ``refusal_rate`` and of the bootstrap for the others
    (``metrics.intervals``). McNemar's test takes the trained seeds as given; where a method has several, the larger of
    both p-values counts, so that a difference has to hold over questions and over seeds. Holm's correction is over all
    rows of one set: the tests behind one printed table. A score whose denominator is empty by M_t's answers alone
    (prudence where M_t knows everything, THS where it is never wrong, …) is not tested.

    Args:
        evaluations: as ``frames.load`` returns it.
        analysis: resamples, level and seed.
        pairs: methods to compare; none: all pairs of methods that are no sweep points.
        roster: the methods of the run.

    Returns:
        ``dataset, metric, method_a, method_b, difference, low, high, p_value, p_holm``; difference is a - b.

    Raises:
        ValueError: ``pairs`` names a method that was not evaluated.
    """
    chosen = None if pairs is None else list(pairs)
    columns = ["dataset", "metric", "method_a", "method_b", "difference", "low", "high", "p_value", "p_holm"]
    unknown = sorted({method for pair in chosen or [] for method in pair} - set(evaluations["method"]))
    if unknown:
        raise ValueError(f"pairs name {unknown}; evaluated are {roster.ordered(evaluations['method'].unique())}")
    tables = []
    for dataset, part in evaluations.groupby("dataset", sort=False):
        answers = frames.states(part)
        among = combinations(roster.main(answers), 2) if chosen is None else iter(chosen)
        rows = [row for a, b in among for row in _compare(str(dataset), a, b, answers[a], answers[b], analysis)]
        table = pd.DataFrame(rows, columns=columns[:-1])
        tables.append(table.assign(p_holm=intervals.holm(table["p_value"].to_numpy(dtype=np.float64))))
    return pd.concat(tables, ignore_index=True)[columns]


def _compare(
    dataset: str, a: str, b: str, first: States, second: States, analysis: Analysis
) -> list[tuple[str, str, str, str, float, float, float, float]]:
    rng = intervals.generator(analysis.seed, "tests", dataset, a, b)
    samples = intervals.paired_samples(first, second, scores.NUM_STATES, scores.scores, analysis.resamples, rng)
    estimate, p_values = intervals.difference(*samples, analysis.confidence_level, rng)
    p_value = dict(zip(scores.METRICS, p_values.tolist(), strict=True))
    several_seeds = first.shape[1] > 1 or second.shape[1] > 1
    for metric, votes in (("accuracy", _matched), ("refusal_rate", _refused)):
        exact = intervals.mcnemar(votes(first), votes(second))
        p_value[metric] = max(exact, p_value[metric]) if several_seeds else exact
    rows = []
    for metric in _defined(first):
        place = scores.METRICS.index(metric)
        ends = (float(estimate.value[place]), float(estimate.low[place]), float(estimate.high[place]))
        rows.append((dataset, metric, a, b, *ends, p_value[metric]))
    return rows + beside.compare(dataset, a, b, first, second, analysis)


def _defined(states: States) -> list[str]:
    """Metrics that M_t's answers leave a denominator."""
    before = states[:, 0] // 8
    known, unknown = bool((before == 0).any()), bool(((before == 1) | (before == 2)).any())
    needs = {"prudence": unknown, "over_conservativeness": known, "honesty": known and unknown}
    return [metric for metric in TESTED if needs.get(metric, True)]


def _matched(states: States) -> Floats:
    return np.where(states // 2 % 4 == 3, np.nan, states % 2)


def _refused(states: States) -> Floats:
    outcome = states // 2 % 4
    return np.where(outcome == 3, np.nan, outcome == 2)


def find(tests: pd.DataFrame, a: str, b: str, dataset: str, metric: str) -> Difference | None:
    """The test of ``a`` less ``b``, in whichever order the table has them; None when it has none."""
    here = tests[(tests["dataset"] == dataset) & (tests["metric"] == metric)]
    for first, second, sign in ((a, b, 1.0), (b, a, -1.0)):
        rows = here[(here["method_a"] == first) & (here["method_b"] == second)]
        if len(rows):
            row = rows.iloc[0]
            # Adding 0 makes a turned 0.0 positive again.
            value, low, high = (float(sign * row[column]) + 0.0 for column in ("difference", "low", "high"))
            return Difference(value, min(low, high), max(low, high), float(row["p_value"]), float(row["p_holm"]))
    return None


def best(main: pd.DataFrame, tests: pd.DataFrame, dataset: str, metric: str, roster: Roster = PAPER) -> str | None:
    """The method with the best value, if its paired test against the runner-up is significant; otherwise None.

    Controls and sweep points do not compete.
    """
    if metric not in HIGHER_IS_BETTER:
        return None
    rows = main[(main["dataset"] == dataset) & (main["metric"] == metric) & main["value"].notna()]
    rows = rows[rows["method"].isin(roster.main(main["method"]))]
    if len(rows) < 2:
        return None
    first, second = rows.sort_values("value", ascending=not HIGHER_IS_BETTER[metric])["method"].head(2)
    against = find(tests, str(first), str(second), dataset, metric)
    return str(first) if against is not None and against.significant else None
