"""Tables of what a judge says: helpful, safe, moved by pressure, before and after; how far it agrees with labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from honesty_utils.evaluation import frames
from honesty_utils.metrics import intervals
from honesty_utils.metrics.agreement import agreement
from honesty_utils.metrics.honesty import Floats, ratio
from honesty_utils.metrics.intervals import Clusters, Estimate, States
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.settings import Analysis

ALL = "all"
"""The row of every group together; a set may have this group only."""

BEFORE = "unaligned"


@dataclass(frozen=True)
class Scale:
    """One kind of verdict: its column, lowest and highest value, and whether M_t has it too."""

    column: str
    low: float
    high: float
    has_before: bool = True


SCALES = {
    "rating": Scale("rating", 1, 10),
    "preference": Scale("preference", 0, 1, False),
    "safe": Scale("safe", 0, 1),
    "yielded": Scale("yielded", 0, 1),
}

PRINTED = {
    "helpfulness": ("rating", "rating_change", "preference"),
    "harmlessness": ("safe", "safe_change"),
    "stance": ("yielded", "yielded_change"),
}
"""Metrics of each role; ``…_change`` is the difference to M_t on the same requests."""

LABELS = {
    "rating": "rating, 1–10",
    "rating_change": "change of rating",
    "preference": "preferred to M_t",
    "safe": "safe",
    "safe_change": "change of safe",
    "yielded": "changes under pressure",
    "yielded_change": "change of that",
}


def tab_judged(judged: pd.DataFrame, role: str, analysis: Analysis, roster: Roster = PAPER) -> pd.DataFrame:
    """Every method's mean verdicts on one set, over all requests and in each group.

    Args:
        judged: rows of ``frames.load_judged`` of one dataset.
        role: one in ``judge.settings.JUDGED_ROLES``.
        analysis: resamples, level and seed of the intervals.
        roster: the methods of the run.

    Returns:
        ``method, dataset, group, metric, value, low, high, seeds, questions, unscored``. Ratings are on their scale
        of 1 to 10, all else are fractions. ``unscored`` is the mean number of requests over seeds that the judge could
        not be read for; they are in no mean.
    """
    groups = [ALL, *(group for group in dict.fromkeys(judged["group"]) if group != ALL)]
    rows = []
    for metric in PRINTED[role]:
        scale = SCALES[metric.removesuffix("_change")]
        for group in groups:
            part = judged if group == ALL else judged[judged["group"] == group]
            values = Values.of(part, scale)
            for method in roster.ordered(values.states):
                if method == BEFORE and (metric.endswith("_change") or not scale.has_before):
                    continue
                rows.append(row_of(values, method, group, metric, str(judged["dataset"].iloc[0]), analysis))
    columns = ["method", "dataset", "group", "metric", "value", "low", "high", "seeds", "questions", "unscored"]
    return pd.DataFrame(rows, columns=columns)


@dataclass(frozen=True)
class Values:
    """Verdicts of a column as states: the place of a value among ``levels`` (scaled to 0-1), the last is unscored."""

    levels: Floats
    states: Mapping[str, States]
    clusters: Clusters
    scale: Scale

    @staticmethod
    def of(part: pd.DataFrame, scale: Scale) -> Values:
        """Of rows with ``method``, ``seed``, ``question_id``, ``cluster``, ``stratum`` and the column of the scale."""
        numbers = part[scale.column].astype("float64")
        levels = np.unique(numbers.dropna())
        coded = np.where(numbers.isna(), len(levels), np.searchsorted(levels, numbers.fillna(scale.low)))
        wide = part.assign(state=coded).pivot(index="question_id", columns=["method", "seed"], values="state")
        states = {str(name): wide[name].to_numpy(dtype=np.int64) for name in wide.columns.unique(0)}
        return Values((levels - scale.low) / (scale.high - scale.low), states, frames.clusters(part), scale)

    def parts(self, counts: Floats) -> tuple[Floats, Floats]:
        """Sum of the scored values and their number, each of shape (…, 1), from counts of states."""
        scored = counts[..., : len(self.levels)]
        return (scored @ self.levels)[..., None], scored.sum(axis=-1)[..., None]

    def mean(self, counts: Floats) -> Floats:
        """Mean of what is scored, on the scale from 0 to 1."""
        return ratio(*self.parts(counts))

    @property
    def num_states(self) -> int:
        """Different values, and one for what is unscored."""
        return len(self.levels) + 1


def row_of(
    values: Values, method: str, group: str, metric: str, dataset: str, analysis: Analysis
) -> tuple[object, ...]:
    """``method, dataset, group, metric, value, low, high, seeds, questions, unscored`` of a method's mean.

    A metric whose name ends with ``_change`` is the difference to M_t, question by question.
    """
    states, scale = values.states[method], values.scale
    rng = intervals.generator(analysis.seed, "judged", dataset, group, metric, method)
    span, base = scale.high - scale.low, scale.low
    number = intervals.counted(states, values.num_states, values.parts, values.clusters)
    if metric.endswith("_change"):
        before = values.states[BEFORE]
        pair = intervals.paired_samples(
            states, before, values.num_states, values.mean, analysis.resamples, rng, values.clusters
        )
        own, base_of = (
            intervals.contributions(part, values.num_states, values.parts, values.clusters) for part in (states, before)
        )
        apart = intervals.discordant(own - base_of, number)
        found, base = intervals.difference(*pair, analysis.confidence_level, apart)[0], 0.0
    else:
        drawn = intervals.sample(states, values.num_states, values.mean, analysis.resamples, rng, values.clusters)
        found = (
            intervals.estimate(drawn, analysis.confidence_level, rng)
            if scale.high > 1
            else intervals.shares(drawn, number, analysis.confidence_level)
        )
    unscored = float((states == len(values.levels)).mean(axis=1).sum())
    ends = (float(part[0] * span + base) for part in (found.value, found.low, found.high))
    return (method, dataset, group, metric, *ends, states.shape[1], len(states), unscored)


def printed_judged(table: pd.DataFrame, role: str, roster: Roster = PAPER) -> pd.DataFrame:
    """The table as the paper prints it: methods against groups, ``value [low, high]``, and what could not be scored.

    Args:
        table: from :func:`tab_judged`.
        role: one in ``judge.settings.JUDGED_ROLES``.
        roster: the methods of the run.
    """
    cells = table.set_index(["method", "group", "metric"])
    methods, groups = roster.ordered(table["method"]), list(dict.fromkeys(table["group"]))
    first, *others = PRINTED[role]
    columns: dict[str, list[str]] = {"Method": [roster.label(method) for method in methods]}
    for group in groups:
        columns[f"{LABELS[first]}: {group}"] = [_cell(cells, (method, group, first)) for method in methods]
    for metric in others:
        columns[LABELS[metric]] = [_cell(cells, (method, ALL, metric)) for method in methods]
    unscored = {
        metric: [_unscored(cells, (method, ALL, metric)) for method in methods] for metric in (first, "preference")
    }
    columns["unscored"] = unscored[first]
    if "preference" in others:
        columns["unscored preferences"] = unscored["preference"]
    return pd.DataFrame(columns)


def _cell(cells: pd.DataFrame, key: tuple[str, str, str]) -> str:
    if key not in cells.index or np.isnan(cells.loc[key, "value"]):
        return "–"
    numbers = [float(cells.loc[key, name]) for name in ("value", "low", "high")]
    if key[2].startswith("rating"):
        value, low, high = (f"{number + 0.0:.2f}" for number in numbers)
    else:
        value, low, high = (f"{100 * number + 0.0:.1f}" for number in numbers)
    return f"{value} [{low}, {high}]"


def _unscored(cells: pd.DataFrame, key: tuple[str, str, str]) -> str:
    if key not in cells.index:
        return "–"
    return f"{cells.loc[key, 'unscored']:g} of {cells.loc[key, 'questions']}"


def tab_agreement(labelled: pd.DataFrame, analysis: Analysis) -> pd.DataFrame:
    """How far the judge agrees with labels, where it could be read.

    Args:
        labelled: a LABELLED table.
        analysis: resamples, level and seed of the intervals.

    Returns:
        ``metric, value, low, high, answers, unscored``: Cohen's kappa and raw agreement; ``answers`` counts those that
        the judge could be read for, ``unscored`` the others.
    """
    scored = labelled[labelled["verdict"] != "unscored"]
    unscored = len(labelled) - len(scored)
    values = Estimate(*np.full((3, 2), np.nan))
    if len(scored):
        rng = intervals.generator(analysis.seed, "agreement")
        pair = scored["label"].tolist(), scored["verdict"].tolist()
        values = agreement(*pair, analysis.resamples, analysis.confidence_level, rng)
    columns = {"metric": ["kappa", "agreement"], "value": values.value, "low": values.low, "high": values.high}
    return pd.DataFrame({**columns, "answers": len(scored), "unscored": unscored})
