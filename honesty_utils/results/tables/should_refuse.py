"""Table of sets that say of each question whether it should be refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from honesty_utils.evaluation import frames
from honesty_utils.metrics import intervals, should_refuse
from honesty_utils.metrics.honesty import Floats, ratio
from honesty_utils.metrics.intervals import Clusters, Sample
from honesty_utils.metrics.scores import mean_of_sides
from honesty_utils.metrics.should_refuse import METRICS, NUM_STATES, SHARES, TWINS
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.settings import Analysis

COLUMNS = ["method", "dataset", "metric", "value", "low", "high", "seeds", "questions", "counted"]
CONTROLS = {"always_refuse": "idk", "never_refuse": "wrong"}


def tab_should_refuse(evaluations: pd.DataFrame, analysis: Analysis, roster: Roster = PAPER) -> pd.DataFrame:
    """How well refusals fall on what should be refused, beside refusing always and never what could be read.

    Args:
        evaluations: as ``frames.load`` returns it, with ``should_refuse`` and, where questions come in pairs, ``twin``;
            sets where all questions are of one kind are left out.
        analysis: resamples, level and seed of the intervals.
        roster: the methods of the run.

    Returns:
        The columns `COLUMNS`: metrics of ``metrics.should_refuse``, means over seeds. ``counted`` is the mean number
        over seeds of answers (of pairs, for ``both_right``) in the denominator, of a mean of two shares the fewer.
    """
    tables: list[pd.DataFrame] = []
    for dataset, part in evaluations.groupby("dataset", sort=False):
        if part["should_refuse"].nunique() < 2:
            continue
        for method in roster.ordered(part["method"].unique()):
            tables += _rows(method, str(dataset), part[part["method"] == method], analysis)
        once = part.drop_duplicates("question_id").assign(seed=0)
        # What nothing could be read of, such as what needs a judge, is no part of what the controls stand beside.
        read = once["question_id"].isin(part.loc[part["outcome"] != "unscored", "question_id"])
        for control, outcome in CONTROLS.items():
            own = once.assign(outcome=np.where(read, outcome, "unscored"))
            tables += _rows(control, str(dataset), own, analysis)
    return pd.concat(tables, ignore_index=True)[COLUMNS] if tables else pd.DataFrame(columns=COLUMNS)


def _rows(method: str, dataset: str, own: pd.DataFrame, analysis: Analysis) -> Iterator[pd.DataFrame]:
    own = own.assign(state=should_refuse.states(own["should_refuse"], own["outcome"]))
    states = own.pivot(index="question_id", columns="seed", values="state").to_numpy(dtype=np.int64)
    clusters, level = frames.clusters(own), analysis.confidence_level
    rng = intervals.generator(analysis.seed, "should_refuse", dataset, method)
    names = {"method": method, "dataset": dataset, "seeds": states.shape[1]}

    drawn = intervals.sample(states, NUM_STATES, should_refuse.scores, analysis.resamples, rng, clusters)
    found = intervals.estimate(drawn, level, rng)
    ends = np.stack([found.value, found.low, found.high], axis=-1)
    # Shares have Wilson's interval, the mean of two what theirs make of it, F1 the percentiles of its resamples.
    number = intervals.counted(states, NUM_STATES, should_refuse.shares, clusters)
    places = [METRICS.index(name) for name in SHARES]
    wilson = intervals.shares(_only(drawn, places), number, level)
    ends[places] = np.stack([wilson.value, wilson.low, wilson.high], axis=-1)
    sides = _only(drawn, [*places[:2], METRICS.index("balanced_accuracy")])
    fewer = np.array([*number[:2], min(number[:2])])
    middle, outer = mean_of_sides(wilson.value, intervals.spread(sides, fewer), number, level)
    ends[METRICS.index("balanced_accuracy")] = middle, *outer
    totals = should_refuse.shares(intervals.observed_counts(states, NUM_STATES))[1].mean(axis=0)
    positives, negatives, refused = totals
    counted = [positives, negatives, min(positives, negatives), refused, positives]
    columns = dict(zip(("value", "low", "high"), ends.T, strict=True))
    yield pd.DataFrame({**names, "metric": METRICS, **columns, "questions": len(states), "counted": counted})
    pairs = _whole_pairs(own)
    if len(pairs):
        yield _twins(pairs, names, analysis)


def _whole_pairs(own: pd.DataFrame) -> pd.DataFrame:
    """Answers to twins of which the set has both; a limit may have left one of them out."""
    twins = own[own["twin"].notna()]
    kinds = twins.drop_duplicates("question_id").groupby("twin")["should_refuse"].agg(["size", "sum"])
    whole = kinds.index[(kinds["size"] == 2) & (kinds["sum"] == 1)]
    return twins[twins["twin"].isin(whole)]


def _only(drawn: Sample, places: list[int]) -> Sample:
    return replace(drawn, observed=drawn.observed[:, places], replicates=drawn.replicates[:, :, places])


def _twins(own: pd.DataFrame, names: dict[str, object], analysis: Analysis) -> pd.DataFrame:
    pairs = np.stack(
        [should_refuse.twin_states(part["twin"], part["state"]) for _, part in own.groupby("seed", sort=True)], axis=-1
    )

    def right(counts: Floats) -> tuple[Floats, Floats]:
        return counts[..., 1:2], counts[..., :2].sum(axis=-1, keepdims=True)

    key = ("should_refuse", "twins", str(names["dataset"]), str(names["method"]))
    rng, clusters = intervals.generator(analysis.seed, *key), Clusters.single(len(pairs))
    drawn = intervals.sample(pairs, 3, lambda counts: ratio(*right(counts)), analysis.resamples, rng, clusters)
    found = intervals.shares(drawn, intervals.counted(pairs, 3, right, clusters), analysis.confidence_level)
    scored = float((pairs < 2).sum(axis=0).mean())
    ends = {"value": found.value, "low": found.low, "high": found.high}
    return pd.DataFrame({**names, "metric": [TWINS], **ends, "questions": 2 * len(pairs), "counted": scored})
