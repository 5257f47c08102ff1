"""Intervals and paired tests over questions and training seeds.

**Questions.** A model's answer to a question is a *state*, a small integer; a score is a function of how many answers
are in each state. Bootstrapping questions therefore needs only the distinct patterns of states: a resample is one
multinomial draw over the patterns. The pattern of a question holds its states under all seeds, and under both methods
of a comparison, because they answer the same question: whether it is drawn concerns them all at once.

**Seeds.** Questions are crossed with seeds. Three seeds are too few to be resampled: draws with replacement never leave
their range, which holds the mean of all seeds 75 % of the time. So the seed level is drawn from Student's t with
(seeds - 1) degrees of freedom, scaled by the variance between the seeds' scores less what answering each question
anew under every seed explains of it (the variance components of a two-way layout). Simulated at 3 and 5 seeds, 300 and
1,200 questions, its 95 % intervals cover 94–97 % whether seeds differ or not; resampling seeds covers 78–98 %. Two
seeds say next to nothing about how seeds vary, and their intervals are as wide as that; with one seed an interval
speaks of that one model.

Every interval has a random generator of its own, made from the analysis seed and the names of what it is about, so
that adding a method moves no other number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from honesty_utils.metrics.honesty import Floats, ratio

States = NDArray[np.int64]
Statistic = Callable[[Floats], Floats]
"""Maps counts of states, shape (…, states), to scores, shape (…, scores)."""

CHUNK = 2000
"""Resamples drawn at a time: bounds memory when patterns are many."""


@dataclass(frozen=True)
class Sample:
    """Scores of one method: observed (seeds, scores) and under resampled questions (resamples, seeds, scores)."""

    observed: Floats
    replicates: Floats


@dataclass(frozen=True)
class Estimate:
    """Means over seeds with the ends of their intervals, shape (scores,) each."""

    value: Floats
    low: Floats
    high: Floats


def generator(seed: int, *names: str) -> np.random.Generator:
    """Random generator of the interval that ``names`` describe; the same on every machine and in every process."""
    digest = hashlib.blake2b("\x1f".join([str(seed), *names]).encode(), digest_size=16).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))


def observed_counts(states: States, num_states: int) -> Floats:
    """How many questions are in each state: shape (seeds, num_states) from (questions, seeds)."""
    counts = [np.bincount(column, minlength=num_states) for column in states.T]
    return np.asarray(counts, dtype=np.float64)


def resampled_counts(states: States, num_states: int, resamples: int, rng: np.random.Generator) -> Floats:
    """Counts of states in bootstrap resamples of the questions, shape (resamples, seeds, num_states).

    Args:
        states: shape (questions, seeds), each in [0, num_states).
        num_states: how many states there are.
        resamples: how often the questions are drawn anew.
        rng: generator of this interval.
    """
    questions, seeds = states.shape
    patterns, frequency = np.unique(states, axis=0, return_counts=True)
    indicator = (patterns[:, :, None] == np.arange(num_states)).reshape(len(patterns), -1).astype(np.float64)
    counts = np.empty((resamples, seeds * num_states))
    for start in range(0, resamples, CHUNK):
        size = min(CHUNK, resamples - start)
        counts[start : start + size] = rng.multinomial(questions, frequency / questions, size=size) @ indicator
    return counts.reshape(resamples, seeds, num_states)


def sample(states: States, num_states: int, statistic: Statistic, resamples: int, rng: np.random.Generator) -> Sample:
    """Observed and resampled scores of one method; arguments as for :func:`resampled_counts`."""
    return Sample(
        statistic(observed_counts(states, num_states)),
        statistic(resampled_counts(states, num_states, resamples, rng)),
    )


def paired_samples(
    first: States, second: States, num_states: int, statistic: Statistic, resamples: int, rng: np.random.Generator
) -> tuple[Sample, Sample]:
    """The same for two methods that answered the same questions, shapes (questions, seeds of each): joint resamples.

    Raises:
        ValueError: different numbers of questions.
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} questions; a pair needs the same ones in one order")
    both = sample(np.hstack([first, second]), num_states, statistic, resamples, rng)
    seeds = first.shape[1]
    return (
        Sample(both.observed[:seeds], both.replicates[:, :seeds]),
        Sample(both.observed[seeds:], both.replicates[:, seeds:]),
    )


def estimate(drawn: Sample, level: float, rng: np.random.Generator, lowest: float = 0.0) -> Estimate:
    """Means over seeds with percentile intervals over questions and seeds.

    A score undefined (NaN) under a seed or in a resample is left out of means and percentiles; one undefined
    everywhere is NaN with NaN ends.

    Args:
        drawn: from :func:`sample`.
        level: confidence level, such as 0.95.
        rng: generator of this interval.
        lowest: smallest value that the scores can have (-1 for a correlation); the largest is 1.
    """
    low, high = _ends(_with_seed_level(drawn, rng), level)
    return Estimate(_mean(drawn.observed, axis=0), np.clip(low, lowest, 1.0), np.clip(high, lowest, 1.0))


def difference(first: Sample, second: Sample, level: float, rng: np.random.Generator) -> tuple[Estimate, Floats]:
    """Paired difference, first less second, and its two-sided p-values, shape (scores,).

    The p-value is that of a t statistic: the difference over its standard error, which is the bootstrap's with the
    variance between seeds added, on Satterthwaite's degrees of freedom (normal where no method has several seeds).
    Counting resamples beyond 0 instead could not go below 2 / resamples, too coarse for Holm's correction.
    """
    value = _mean(first.observed, axis=0) - _mean(second.observed, axis=0)
    replicates = _with_seed_level(first, rng) - _with_seed_level(second, rng)
    low, high = _ends(replicates, level)
    questions = _variance(_mean(first.replicates, axis=1) - _mean(second.replicates, axis=1), axis=0)
    return Estimate(value, np.clip(low, -1.0, 1.0), np.clip(high, -1.0, 1.0)), _p_values(
        value, questions, [first, second]
    )


def _p_values(value: Floats, questions: Floats, samples: Sequence[Sample]) -> Floats:
    variance, spread = questions.copy(), np.zeros_like(questions)
    for drawn in samples:
        total, excess = _seed_variance(drawn)
        variance += excess
        spread += total**2 / max(len(drawn.observed) - 1, 1)
    freedom = ratio(variance**2, spread, empty=np.inf)
    statistic = ratio(np.abs(value), np.sqrt(variance), empty=np.where(value == 0, 0.0, np.inf))
    return np.where(np.isnan(value), np.nan, 2 * stats.t.sf(statistic, freedom))


def _seed_variance(drawn: Sample) -> tuple[Floats, Floats]:
    """Variance of the mean over seeds: as the seeds' scores show it, and the part that questions do not explain."""
    seeds = len(drawn.observed)
    if seeds == 1:
        zero = np.zeros(drawn.observed.shape[1])
        return zero, zero
    centered = drawn.replicates - _mean(drawn.replicates, axis=0)
    explained = _mean(_variance(centered, axis=1), axis=0)
    between = _variance(drawn.observed, axis=0)
    return between / seeds, np.maximum(between - explained, 0.0) / seeds


def _with_seed_level(drawn: Sample, rng: np.random.Generator) -> Floats:
    """Mean over seeds in every resample plus a draw of the seed level, shape (resamples, scores)."""
    means = _mean(drawn.replicates, axis=1)
    seeds = len(drawn.observed)
    if seeds == 1:
        return means
    _, excess = _seed_variance(drawn)
    return means + np.sqrt(excess) * rng.standard_t(seeds - 1, size=(len(means), 1))


def _ends(replicates: Floats, level: float) -> tuple[Floats, Floats]:
    tails = [(1 - level) / 2, (1 + level) / 2]
    defined = ~np.isnan(replicates).all(axis=0)
    ends = np.full((2, replicates.shape[1]), np.nan)
    ends[:, defined] = np.nanquantile(replicates[:, defined], tails, axis=0)
    return ends[0], ends[1]


def _mean(values: Floats, axis: int) -> Floats:
    return ratio(np.nansum(values, axis=axis), (~np.isnan(values)).sum(axis=axis))


def _variance(values: Floats, axis: int) -> Floats:
    """Unbiased variance of what is defined; 0 where fewer than two values are."""
    deviations = values - np.expand_dims(_mean(values, axis), axis)
    number = (~np.isnan(values)).sum(axis=axis)
    return ratio(np.nansum(deviations**2, axis=axis), number - 1.0 * (number > 0), empty=0.0)


def exact_ends(value: Floats, number: Floats, level: float) -> tuple[Floats, Floats]:
    """Clopper–Pearson ends for shares that are exactly 0 or 1 of ``number`` questions.

    A bootstrap cannot draw what it has not seen: at 0 refusals in 1,200 its interval is [0, 0], this one [0, 0.0031].
    """
    miss = ((1 - level) / 2) ** ratio(1.0, number, empty=np.inf)
    return np.where(value == 1, miss, value), np.where(value == 0, 1 - miss, value)


def share_with_exact_ends(estimate: Estimate, number: ArrayLike, level: float) -> Estimate:
    """A share's interval, by :func:`exact_ends` where the share is 0 or 1 in every resample.

    Args:
        estimate: shares, any shape.
        number: questions that each share is of, a mean over seeds.
        level: confidence level.
    """
    low, high = exact_ends(estimate.value, np.asarray(number, dtype=np.float64), level)
    flat = (estimate.low == estimate.high) & np.isin(estimate.value, (0.0, 1.0))
    return Estimate(estimate.value, np.where(flat, low, estimate.low), np.where(flat, high, estimate.high))


def mcnemar(first: ArrayLike, second: ArrayLike) -> float:
    """Exact two-sided McNemar test that two methods are right (or refuse) equally often on the same questions.

    With several seeds a question has one vote: whether the first method's share over its seeds is above or below the
    second's. It is then the exact sign test over questions, and McNemar's with one seed each. Pooling the discordant
    pairs of all seeds would count a question several times, though its seeds agree far more often than not. The test
    takes the trained seeds as given: how far they differ is in the interval and p-value of :func:`difference`.

    Args:
        first: booleans, shape (questions, seeds); NaN where unscored.
        second: the same questions, its own seeds.
    """
    a, b = _mean(np.asarray(first, dtype=np.float64), axis=1), _mean(np.asarray(second, dtype=np.float64), axis=1)
    above, below = int((a - b > 1e-9).sum()), int((b - a > 1e-9).sum())
    return float(stats.binomtest(above, above + below, 0.5).pvalue) if above + below else 1.0


def holm(p_values: ArrayLike) -> Floats:
    """Holm's step-down adjusted p-values, shape kept; NaN stays NaN and counts as no test."""
    p = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(p.shape, np.nan)
    order = np.argsort(p)[: int((~np.isnan(p)).sum())]
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted
