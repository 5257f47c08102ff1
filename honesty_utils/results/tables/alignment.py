"""Table of how well a confidence tells right answers from wrong ones, as EliCal reads it (arXiv 2510.17509)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from honesty_utils.evaluation import frames
from honesty_utils.metrics import calibration, intervals
from honesty_utils.metrics.honesty import Floats
from honesty_utils.metrics.intervals import Estimate, Sample
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.settings import Analysis
from honesty_utils.results.tables import shares

COLUMNS = ["method", "dataset", "source", "metric", "value", "low", "high", "seeds", "questions", "counted"]
METRICS = ("auroc", "ece_raw", "alignment")
TUNED = 0.2
"""Share of the questions that the threshold of ``alignment`` is chosen on; they are in no other part of it."""
DIGITS = 3
"""Likelihoods are all different; rounded so far, a resample is counts of a thousand levels."""


def tab_alignment(evaluations: pd.DataFrame, analysis: Analysis, roster: Roster = PAPER) -> pd.DataFrame:
    """AUROC, calibration error as it stands, and alignment of every confidence that answers come with.

    ``alignment``: a threshold is chosen on a fifth of the questions, and of the others the share is taken of which
    *confidence at or above it* says whether the answer is right. The fifth is drawn with the analysis seed, the same
    for all methods; the released code takes the first rows of the file, whose order then counts. ``ece_raw`` has ten
    bins of equal width, the last with its upper edge, which the released code leaves out; `tab_ece` takes from it what
    chance adds.

    Args:
        evaluations: as ``frames.load`` returns it.
        analysis: resamples, level and seed of the intervals.
        roster: the methods.

    Returns:
        The columns `COLUMNS`. ``source``: ``confidence``, or ``likelihood``, the mean probability of a token (N-Prob).
        Answers that are right or wrong and have a confidence count. The interval of ``alignment`` is that at the
        threshold that was chosen.
    """
    tables: list[pd.DataFrame] = []
    sources = {
        "confidence": evaluations["confidence"].astype(float),
        "likelihood": np.exp(evaluations["mean_logprob"].astype(float)).round(DIGITS),
    }
    for source, sure in sources.items():
        counted = sure.notna() & evaluations["outcome"].isin(["correct", "wrong"])
        known = evaluations.assign(sure=sure, counted=counted, right=evaluations["outcome"] == "correct")
        for dataset, part in known.groupby("dataset", sort=False):
            tuned = _tuned(part["question_id"], analysis.seed, str(dataset))
            for method in roster.ordered(part["method"].unique()):
                own = part[part["method"] == method]
                if own["counted"].any():
                    names = {"method": method, "dataset": str(dataset), "source": source}
                    tables += _rows(own, names, own["question_id"].isin(tuned), analysis)
    return pd.concat(tables, ignore_index=True)[COLUMNS] if tables else pd.DataFrame(columns=COLUMNS)


def _tuned(ids: pd.Series[str], seed: int, dataset: str) -> set[str]:
    """The questions that thresholds are chosen on."""
    names = sorted(set(ids))
    rng = intervals.generator(seed, "alignment", dataset)
    return set(rng.permutation(np.array(names, dtype=object))[: round(TUNED * len(names))])


def _rows(
    own: pd.DataFrame, names: dict[str, str], tuned: pd.Series[bool], analysis: Analysis
) -> Iterator[pd.DataFrame]:
    seeds, questions = own["seed"].nunique(), own["question_id"].nunique()
    found = [*_of_levels(own, names, analysis), _aligned(own, names, tuned, analysis)]
    numbers = [own["counted"].sum(), own["counted"].sum(), (own["counted"] & ~tuned).sum()]
    for metric, estimate, number in zip(METRICS, found, numbers, strict=True):
        ends = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
        yield pd.DataFrame(
            {**names, "metric": metric, **ends, "seeds": seeds, "questions": questions, "counted": number / seeds}
        )


def _of_levels(own: pd.DataFrame, names: dict[str, str], analysis: Analysis) -> tuple[Estimate, Estimate]:
    """AUROC with percentiles, and the calibration error ± t standard errors; shape (1,) each."""
    levels = np.unique(own.loc[own["counted"], "sure"].to_numpy(float))
    level = np.searchsorted(levels, own["sure"].to_numpy(float))
    state = np.where(own["counted"], 2 * level + own["right"].to_numpy(), 2 * len(levels)).astype(np.int64)

    def both(counts: Floats) -> Floats:
        told = counts[..., :-1].reshape(*counts.shape[:-1], len(levels), 2)
        gaps = np.abs(calibration.grouped_gaps(told, levels)).sum(axis=-1)
        return np.stack([calibration.grouped_auroc(told), gaps], axis=-1)

    rng = intervals.generator(analysis.seed, "alignment", *names.values())
    states, clusters = shares.by_seed(own, state), frames.clusters(own)
    drawn = intervals.sample(states, 2 * len(levels) + 1, both, analysis.resamples, rng, clusters)
    area = intervals.estimate(_only(drawn, 0), analysis.confidence_level, rng)
    error, spread = _only(drawn, 1), intervals.spread(_only(drawn, 1))
    value, half = error.observed.mean(axis=0), spread.quantile(analysis.confidence_level) * np.sqrt(spread.variance)
    return area, Estimate(value, np.clip(value - half, 0.0, 1.0), np.clip(value + half, 0.0, 1.0))


def _only(drawn: Sample, place: int) -> Sample:
    chosen = slice(place, place + 1)
    return Sample(drawn.observed[:, chosen], drawn.replicates[:, :, chosen], drawn.freedom, drawn.unbiased)


def _aligned(own: pd.DataFrame, names: dict[str, str], tuned: pd.Series[bool], analysis: Analysis) -> Estimate:
    state = pd.Series(2, own.index)
    for _, part in own[own["counted"]].groupby("seed"):
        first = tuned[part.index]
        threshold = calibration.best_threshold(part.loc[first, "sure"], part.loc[first, "right"])
        rest = part[~first]
        state[rest.index] = ((rest["sure"] >= threshold) == rest["right"]).astype(int)
    states, clusters = shares.by_seed(own, state.to_numpy()), frames.clusters(own)
    return shares.estimate(states, 3, _second_of_two, clusters, analysis, "alignment", "share", *names.values())


def _second_of_two(counts: Floats) -> tuple[Floats, Floats]:
    return shares.second_of_two(counts[..., :2])
