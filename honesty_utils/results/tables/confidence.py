"""Tables of stated confidence against being right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from honesty_utils import methods
from honesty_utils.common.settings import Prompts
from honesty_utils.evaluation import frames
from honesty_utils.methods import METHODS
from honesty_utils.methods.plan import plain_form
from honesty_utils.methods.settings import MethodEntry
from honesty_utils.metrics import calibration, intervals
from honesty_utils.metrics.honesty import Floats
from honesty_utils.metrics.intervals import Clusters, Estimate, Sample, States
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.settings import Analysis
from honesty_utils.results.tables import shares

BINS = 10


@dataclass(frozen=True)
class _Stated:
    """Answers of one method to one set: the levels of confidence it states and a state for each question and seed.

    The state is 2 · level + correct, or the last one for what is refused, unscored or states no confidence.
    """

    method: str
    dataset: str
    levels: Floats
    states: States
    clusters: Clusters

    @property
    def num_states(self) -> int:
        """Two a level, and one for what states nothing."""
        return 2 * len(self.levels) + 1

    def counts(self, counts: Floats) -> Floats:
        """Wrong and correct answers at each level, shape (…, levels, 2), from counts of states."""
        return counts[..., :-1].reshape(*counts.shape[:-1], len(self.levels), 2)


def _stated(evaluations: pd.DataFrame) -> Iterator[_Stated]:
    """Every method and set with at least one answer that states a confidence."""
    for (dataset, method), part in evaluations.groupby(["dataset", "method"], sort=False):
        counted = part["confidence"].notna() & part["outcome"].isin(["correct", "wrong"])
        if not counted.any():
            continue
        levels = np.unique(part.loc[counted, "confidence"].to_numpy(dtype=np.float64))
        level = np.searchsorted(levels, part["confidence"].to_numpy(dtype=np.float64))
        state = np.where(counted, 2 * level + (part["outcome"] == "correct").to_numpy(), 2 * len(levels))
        wide = part.assign(state=state).pivot(index="question_id", columns="seed", values="state")
        yield _Stated(str(method), str(dataset), levels, wide.to_numpy(dtype=np.int64), frames.clusters(part))


def tab_calibration(evaluations: pd.DataFrame, analysis: Analysis, roster: Roster = PAPER) -> pd.DataFrame:
    """Stated confidence against the share of right answers, in ten bins of equal width.

    Only attempted answers that state a confidence count. Intervals resample clusters of questions with all their seeds.

    Returns:
        ``method, dataset, bin_low, bin_high, confidence, accuracy, low, high, count``: means over seeds; ``count`` is
        the mean number of answers in the bin, and accuracy is NaN where it is 0.
    """
    edges = np.arange(BINS + 1) / BINS
    tables = []
    for stated in _stated(evaluations):

        def parts(counts: Floats, stated: _Stated = stated) -> tuple[Floats, Floats]:
            return calibration.grouped_right(stated.counts(counts), stated.levels, BINS)

        key = ("calibration", stated.dataset, stated.method)
        estimate = shares.estimate(stated.states, stated.num_states, parts, stated.clusters, analysis, *key)
        observed = stated.counts(intervals.observed_counts(stated.states, stated.num_states))
        confidence, _, number = calibration.grouped_bins(observed.sum(axis=0), stated.levels, BINS)
        tables.append(
            pd.DataFrame(
                {
                    "method": stated.method,
                    "dataset": stated.dataset,
                    "bin_low": edges[:-1],
                    "bin_high": edges[1:],
                    "confidence": confidence,
                    "accuracy": estimate.value,
                    "low": estimate.low,
                    "high": estimate.high,
                    "count": number / len(observed),
                }
            )
        )
    columns = ["method", "dataset", "bin_low", "bin_high", "confidence", "accuracy", "low", "high", "count"]
    return _by_method(tables, columns, roster)


def tab_ece(evaluations: pd.DataFrame, analysis: Analysis, roster: Roster = PAPER) -> pd.DataFrame:
    """Debiased expected calibration error (ten bins of equal width), Brier score and AUROC of stated confidence.

    Chance alone makes an error of calibration, in the answers and once more in their resamples: ECE is debiased
    (``calibration.debiased_gaps``), its interval is that of ``calibration.error_interval``. It is NaN where fewer than
    ``calibration.LEAST`` answers state a confidence.

    Returns:
        ``method, dataset, metric, value, low, high, seeds, questions, counted``: means over seeds; metrics ``ece``,
        ``brier``, ``auroc``; ``questions`` have an answer with a confidence under at least one seed, ``counted`` is the
        mean number over seeds of answers that state one.
    """
    columns = ["method", "dataset", "metric", "value", "low", "high", "seeds", "questions", "counted"]
    tables = []
    for stated in _stated(evaluations):

        def scores(counts: Floats, stated: _Stated = stated) -> Floats:
            grouped = stated.counts(counts), stated.levels, BINS
            return np.concatenate([calibration.grouped_scores(*grouped), calibration.grouped_gaps(*grouped)], axis=-1)

        rng = intervals.generator(analysis.seed, "ece", stated.dataset, stated.method)
        drawn = intervals.sample(stated.states, stated.num_states, scores, analysis.resamples, rng, stated.clusters)
        counted = float((stated.states < stated.num_states - 1).sum(axis=0).mean())
        found = _with_error(drawn, counted, analysis, rng)
        sizes = {
            "seeds": stated.states.shape[1],
            "questions": int((stated.states < stated.num_states - 1).any(axis=1).sum()),
            "counted": counted,
        }
        names = {"method": stated.method, "dataset": stated.dataset, "metric": calibration.GROUPED}
        tables.append(pd.DataFrame({**names, "value": found.value, "low": found.low, "high": found.high, **sizes}))
    return _by_method(tables, columns, roster)


def _with_error(drawn: Sample, counted: float, analysis: Analysis, rng: np.random.Generator) -> Estimate:
    """The calibration error, none of few answers, and the two scores with percentile intervals after it."""
    number = len(calibration.GROUPED)
    error, rest, gaps = (
        replace(drawn, observed=drawn.observed[:, part], replicates=drawn.replicates[:, :, part])
        for part in (slice(1), slice(1, number), slice(number, None))
    )
    first = calibration.error_interval(error, gaps, analysis.confidence_level)
    if counted < calibration.LEAST:
        first = Estimate(*np.full((3, 1), np.nan))
    others = intervals.estimate(rest, analysis.confidence_level, rng)
    pairs = ((first.value, others.value), (first.low, others.low), (first.high, others.high))
    return Estimate(*(np.concatenate(pair) for pair in pairs))


def tab_form(
    evaluations: pd.DataFrame,
    entries: Mapping[str, MethodEntry],
    wording: Prompts,
    analysis: Analysis,
    roster: Roster = PAPER,
) -> pd.DataFrame:
    """Share of attempted answers that have the form their method was taught (``methods.well_formed``).

    Args:
        evaluations: as ``frames.load`` returns it.
        entries: the methods of the run; those that teach no form of their own are left out.
        wording: holds the confidence phrases.
        analysis: resamples, level and seed of the intervals.
        roster: the methods of the run.

    Returns:
        ``method, dataset, value, low, high, seeds, questions``: the share, a mean over seeds; NaN where every answer is
        a refusal.
    """
    taught = {name: entry.method for name, entry in entries.items() if METHODS[entry.method].form is not plain_form}
    tables = []
    for (dataset, method), part in evaluations[evaluations["method"].isin(taught)].groupby(["dataset", "method"]):
        formed = [methods.well_formed(text, wording, taught[str(method)]) for text in part["text"]]
        state = np.where(part["outcome"] == "idk", 2, formed)
        wide = part.assign(state=state).pivot(index="question_id", columns="seed", values="state")
        states = wide.to_numpy(dtype=np.int64)
        key = ("form", str(dataset), str(method))
        found = shares.estimate(states, 3, _share_of_second, frames.clusters(part), analysis, *key)
        row = {"method": method, "dataset": dataset, "value": found.value, "low": found.low, "high": found.high}
        tables.append(pd.DataFrame({**row, "seeds": states.shape[1], "questions": len(states)}))
    return _by_method(tables, ["method", "dataset", "value", "low", "high", "seeds", "questions"], roster)


def _share_of_second(counts: Floats) -> tuple[Floats, Floats]:
    """Of the first two states, the second."""
    return counts[..., 1:2], counts[..., :2].sum(axis=-1, keepdims=True)


def _by_method(tables: list[pd.DataFrame], columns: list[str], roster: Roster) -> pd.DataFrame:
    """One frame, methods in the order of all tables; no rows but all columns when no method states a confidence."""
    if not tables:
        return pd.DataFrame(columns=columns)
    order = roster.ordered(str(table["method"].iloc[0]) for table in tables)
    tables = sorted(tables, key=lambda table: order.index(str(table["method"].iloc[0])))
    return pd.concat(tables, ignore_index=True)[columns]
