"""Intervals and paired tests over clusters of questions and training seeds.

**Clusters.** A model's answer to a question is a *state*, a small integer; a score is a function of how many answers
are in each state. Questions about one person (one topic, one template) go right and wrong together, so what is drawn
anew is the cluster, with all its questions, all seeds and, in a comparison, both methods: they answered the same
questions. A resample is then one row of weights over clusters times the matrix of what each cluster adds to the
counts. Where the design deals something out evenly (exposures in the microworld), clusters are drawn within these
*strata*: how many of each there are is no chance. From a stratum of n clusters n - 1 are drawn and weigh n / (n - 1)
(Rao and Wu, 1988), which makes the variance unbiased for small n. Where every question is a cluster of its own, a
resample is a multinomial draw over the distinct patterns of states.

**Seeds.** Questions are crossed with seeds. Three seeds are too few to be resampled: draws with replacement never leave
their range, which holds the mean of all seeds 75 % of the time. So the variance has two parts, as in a two-way layout:
over clusters of what all seeds share, and between the scores of the seeds. Two seeds say next to nothing about how
seeds vary, and their intervals are as wide as that; with one seed an interval speaks of that one model.

**One standard error, one ν.** Interval and p-value of a difference are made of the same standard error and the same
degrees of freedom ν (`difference`), and so is the interval of a share (`shares`): they cannot contradict each other. ν
is Satterthwaite's, of clusters less strata and of seeds - 1. What is no share (a calibration error, a correlation) has
the percentiles of its resamples (`estimate`). ``benchmarks/null.py`` measures what all of them hold.

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
Parts = Callable[[Floats], tuple[Floats, Floats]]
"""Maps counts of states to numerators and denominators of shares, shape (…, shares) each; both linear in the counts."""

CHUNK = 2000
"""Resamples drawn at a time: bounds memory when patterns are many."""
ROUNDING = 1e-24
"""Variances of scores below this are of rounding: the weights of strata are no whole numbers."""
DRAWS = 4_000_000
"""Clusters drawn at a time, for the same reason."""


@dataclass(frozen=True)
class Clusters:
    """Which questions are resampled together, and which clusters are drawn from one stratum.

    Attributes:
        label: cluster of each question, shape (questions,), in [0, clusters).
        stratum: stratum of each cluster, shape (clusters,), in [0, strata).
    """

    label: States
    stratum: States

    @classmethod
    def single(cls, questions: int) -> Clusters:
        """Every question a cluster of its own, in one stratum."""
        return cls(np.arange(questions), np.zeros(questions, dtype=np.int64))

    @classmethod
    def of(cls, cluster: ArrayLike, stratum: ArrayLike | None = None) -> Clusters:
        """Clusters from names.

        A stratum of a single cluster tells nothing of how clusters vary. Such strata, and clusters whose questions are
        of several strata, are taken together as one; if that is a single cluster still, the smallest stratum takes it.

        Args:
            cluster: name of the cluster of each question, shape (questions,).
            stratum: name of the stratum of each question; none: all in one.

        Raises:
            ValueError: not as many strata as clusters.
        """
        names, label = np.unique(np.asarray(cluster), return_inverse=True)
        label = label.reshape(-1).astype(np.int64)
        if stratum is None:
            return cls(label, np.zeros(len(names), dtype=np.int64))
        code = np.unique(np.asarray(stratum), return_inverse=True)[1].reshape(-1)
        if len(code) != len(label):
            raise ValueError(f"{len(code)} strata and {len(label)} clusters; one of each a question is needed")
        least, most = np.full(len(names), code.max(initial=0)), np.zeros(len(names), dtype=np.int64)
        np.minimum.at(least, label, code)
        np.maximum.at(most, label, code)
        return cls(label, _large_enough(np.where(least == most, least, -1)))

    @property
    def count(self) -> int:
        """Number of clusters."""
        return len(self.stratum)

    @property
    def freedom(self) -> int:
        """Degrees of freedom of a variance over clusters: clusters less strata."""
        return self.count - len(np.unique(self.stratum))

    @property
    def alone(self) -> bool:
        """Whether every question is a cluster of its own and all are of one stratum."""
        return self.count == len(self.label) and not self.stratum.any()


def _large_enough(stratum: States) -> States:
    """Strata numbered from 0, none of a single cluster if it can be helped; -1 stands for clusters of several."""
    names, place, size = np.unique(stratum, return_inverse=True, return_counts=True)
    place = place.reshape(-1)
    rest = (size == 1) | (names == -1)
    joined = np.where(rest[place], -1, place)
    if (joined == -1).sum() == 1 and not rest.all():
        smallest = np.flatnonzero(~rest)[size[~rest].argmin()]
        joined[joined == -1] = smallest
    return np.unique(joined, return_inverse=True)[1].reshape(-1).astype(np.int64)


@dataclass(frozen=True)
class Sample:
    """Scores of one method: observed (seeds, scores) and under resampled questions (resamples, seeds, scores).

    Attributes:
        freedom: degrees of freedom of a variance over clusters.
        unbiased: what the variance of the replicates is to be multiplied by: n / (n - 1) where n of n were drawn.
    """

    observed: Floats
    replicates: Floats
    freedom: int
    unbiased: float = 1.0


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


# --- resamples --------------------------------------------------------------------------------------------------------


def observed_counts(states: States, num_states: int) -> Floats:
    """How many questions are in each state: shape (seeds, num_states) from (questions, seeds)."""
    counts = [np.bincount(column, minlength=num_states) for column in states.T]
    return np.asarray(counts, dtype=np.float64)


def cluster_counts(states: States, num_states: int, clusters: Clusters) -> Floats:
    """The same of every cluster, shape (clusters, seeds, num_states).

    Raises:
        ValueError: clusters of another number of questions.
    """
    questions, seeds = states.shape
    if len(clusters.label) != questions:
        raise ValueError(
            f"clusters of {len(clusters.label)} questions for states of {questions}; they must be the same"
        )
    cell = (clusters.label[:, None] * seeds + np.arange(seeds)) * num_states + states
    counts = np.bincount(cell.ravel(), minlength=clusters.count * seeds * num_states)
    return counts.reshape(clusters.count, seeds, num_states).astype(np.float64)


def resampled_counts(
    states: States, num_states: int, resamples: int, rng: np.random.Generator, clusters: Clusters | None = None
) -> Floats:
    """Counts of states in bootstrap resamples of the clusters, shape (resamples, seeds, num_states).

    Args:
        states: shape (questions, seeds), each in [0, num_states).
        num_states: how many states there are.
        resamples: how often the clusters are drawn anew.
        rng: generator of this interval.
        clusters: of the questions; none: each on its own.
    """
    questions, seeds = states.shape
    if clusters is not None and not clusters.alone:
        return _resampled_clusters(cluster_counts(states, num_states, clusters), clusters, resamples, rng)
    patterns, frequency = np.unique(states, axis=0, return_counts=True)
    indicator = (patterns[:, :, None] == np.arange(num_states)).reshape(len(patterns), -1).astype(np.float64)
    counts = np.empty((resamples, seeds * num_states))
    for start in range(0, resamples, CHUNK):
        size = min(CHUNK, resamples - start)
        counts[start : start + size] = rng.multinomial(questions, frequency / questions, size=size) @ indicator
    return counts.reshape(resamples, seeds, num_states)


def _resampled_clusters(table: Floats, clusters: Clusters, resamples: int, rng: np.random.Generator) -> Floats:
    """Counts in resamples of the rows of ``table`` (clusters, seeds, states), drawn within their strata.

    Rows are drawn by their numbers: rows of several questions are hardly ever alike, and a multinomial draw over as
    many patterns as clusters takes five times as long.
    """
    order = np.argsort(clusters.stratum, kind="stable")
    rows = table.reshape(len(table), -1)[order]
    used = np.asarray(rows.any(axis=0))
    rows = rows[:, used]
    counts = np.zeros((resamples, used.size))
    chunk = max(1, min(CHUNK, DRAWS // len(rows)))
    for start in range(0, resamples, chunk):
        size = min(chunk, resamples - start)
        counts[start : start + size, used] = _weights(np.bincount(clusters.stratum), size, rng) @ rows
    return counts.reshape(resamples, *table.shape[1:])


def _weights(sizes: NDArray[np.int64], size: int, rng: np.random.Generator) -> Floats:
    """How much each cluster weighs in each resample, shape (size, clusters), clusters in the order of their strata."""
    weights = np.empty((size, int(sizes.sum())))
    first = 0
    for number in map(int, sizes):
        draws = max(number - 1, 1)
        picked = rng.integers(number, size=(size, draws)) + number * np.arange(size)[:, None]
        times = np.bincount(picked.ravel(), minlength=size * number).reshape(size, number)
        weights[:, first : first + number] = times * (number / draws)
        first += number
    return weights


def sample(
    states: States,
    num_states: int,
    statistic: Statistic,
    resamples: int,
    rng: np.random.Generator,
    clusters: Clusters | None = None,
) -> Sample:
    """Observed and resampled scores of one method; arguments as for :func:`resampled_counts`."""
    own = Clusters.single(len(states)) if clusters is None else clusters
    return Sample(
        statistic(observed_counts(states, num_states)),
        statistic(resampled_counts(states, num_states, resamples, rng, own)),
        own.freedom,
        len(states) / max(len(states) - 1, 1) if own.alone else 1.0,
    )


def paired_samples(
    first: States,
    second: States,
    num_states: int,
    statistic: Statistic,
    resamples: int,
    rng: np.random.Generator,
    clusters: Clusters | None = None,
) -> tuple[Sample, Sample]:
    """The same for two methods that answered the same questions, shapes (questions, seeds of each): joint resamples.

    Raises:
        ValueError: different numbers of questions.
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} questions; a pair needs the same ones in one order")
    both = sample(np.hstack([first, second]), num_states, statistic, resamples, rng, clusters)
    seeds = first.shape[1]
    return (
        Sample(both.observed[:seeds], both.replicates[:, :seeds], both.freedom, both.unbiased),
        Sample(both.observed[seeds:], both.replicates[:, seeds:], both.freedom, both.unbiased),
    )


# --- variances --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Spread:
    """Variances of scores or of their differences and their degrees of freedom, shape (scores,) each."""

    variance: Floats
    freedom: Floats

    def quantile(self, level: float) -> Floats:
        """Half-width of a two-sided interval in standard errors."""
        return np.asarray(stats.t.ppf((1 + level) / 2, self.freedom), dtype=np.float64)


def spread(drawn: Sample, counted: Floats | None = None) -> Spread:
    """Variance of the mean over seeds: over clusters, and between seeds.

    Args:
        drawn: from :func:`sample`.
        counted: clusters that have a part in each score, which bound the degrees of freedom; none: all.
    """
    over_clusters = drawn.unbiased * _variance(_mean(drawn.replicates, axis=1), axis=0)
    freedom = np.full_like(over_clusters, drawn.freedom)
    if counted is not None:
        freedom = np.minimum(freedom, counted - 1)
    return _joined(over_clusters, freedom, [drawn])


def _joined(over_clusters: Floats, freedom: Floats, samples: Sequence[Sample]) -> Spread:
    """What all seeds share, over clusters, and what they differ in, over seeds, on Satterthwaite's degrees of freedom.

    What answering each question anew under every seed explains is in the variance over clusters and in that between
    seeds; it is left in the second, which then needs no cut at 0: a cut would make the sum too large, and the test too
    timid (rejections in 2 % in place of 5 %).
    """
    shared, between, squares = over_clusters.copy(), np.zeros_like(over_clusters), np.zeros_like(over_clusters)
    for drawn in samples:
        total, explained = _seed_variance(drawn)
        shared -= explained
        between += total
        squares += total**2 / max(len(drawn.observed) - 1, 1)
    shared, freedom = np.maximum(shared, 0.0), np.maximum(freedom, 1.0)
    variance = shared + between
    return Spread(variance, np.maximum(ratio(variance**2, squares + shared**2 / freedom, empty=freedom), 1.0))


def _seed_variance(drawn: Sample) -> tuple[Floats, Floats]:
    """Variance of the mean over seeds: as the seeds' scores show it, and what answering anew explains of it."""
    seeds = len(drawn.observed)
    if seeds == 1:
        zero = np.zeros(drawn.observed.shape[1])
        return zero, zero
    centered = drawn.replicates - _mean(drawn.replicates, axis=0)
    explained = drawn.unbiased * _mean(_variance(centered, axis=1), axis=0)
    return _variance(drawn.observed, axis=0) / seeds, explained / seeds


def _mean(values: Floats, axis: int) -> Floats:
    return ratio(np.nansum(values, axis=axis), (~np.isnan(values)).sum(axis=axis))


def _variance(values: Floats, axis: int) -> Floats:
    """Unbiased variance of what is defined; 0 where fewer than two values are, or they differ by rounding only."""
    deviations = values - np.expand_dims(_mean(values, axis), axis)
    number = (~np.isnan(values)).sum(axis=axis)
    found = ratio(np.nansum(deviations**2, axis=axis), number - 1.0 * (number > 0), empty=0.0)
    return np.where(found < ROUNDING, 0.0, found)


# --- one method -------------------------------------------------------------------------------------------------------


def estimate(drawn: Sample, level: float, rng: np.random.Generator, lowest: float = 0.0) -> Estimate:
    """Means over seeds with percentile intervals over clusters and seeds, for scores that are no shares.

    The seed level is drawn from Student's t with (seeds - 1) degrees of freedom. A score undefined (NaN) under a seed
    or in a resample is left out of means and percentiles; one undefined everywhere is NaN with NaN ends.

    Args:
        drawn: from :func:`sample`.
        level: confidence level, such as 0.95.
        rng: generator of this interval.
        lowest: smallest value that the scores can have (-1 for a correlation); the largest is 1.
    """
    value = _mean(drawn.observed, axis=0)
    low, high = _ends(_with_seed_level(drawn, rng), level)
    return Estimate(value, np.clip(low, lowest, 1.0), np.clip(high, lowest, 1.0))


def _with_seed_level(drawn: Sample, rng: np.random.Generator) -> Floats:
    """Mean over seeds in every resample plus a draw of the seed level, shape (resamples, scores)."""
    means = _mean(drawn.replicates, axis=1)
    seeds = len(drawn.observed)
    if seeds == 1:
        return means
    total, explained = _seed_variance(drawn)
    excess = np.maximum(total - explained, 0.0)
    return means + np.sqrt(excess) * rng.standard_t(seeds - 1, size=(len(means), 1))


def _ends(replicates: Floats, level: float) -> tuple[Floats, Floats]:
    tails = [(1 - level) / 2, (1 + level) / 2]
    defined = ~np.isnan(replicates).all(axis=0)
    ends = np.full((2, replicates.shape[1]), np.nan)
    ends[:, defined] = np.nanquantile(replicates[:, defined], tails, axis=0)
    return ends[0], ends[1]


def counted(states: States, num_states: int, parts: Parts, clusters: Clusters | None = None) -> Floats:
    """Clusters that have a part in the denominator of each share, a mean over seeds, shape (shares,)."""
    own = Clusters.single(len(states)) if clusters is None else clusters
    if own.alone:  # what every question has a part in is said by its state: no table of a million clusters
        has_part = (parts(np.eye(num_states))[1] > 0).astype(np.float64)
        return (observed_counts(states, num_states) @ has_part).mean(axis=0)
    return (parts(cluster_counts(states, num_states, own))[1] > 0).mean(axis=1).sum(axis=0)


def shares(drawn: Sample, number: ArrayLike, level: float) -> Estimate:
    """Means over seeds of shares with Wilson's interval of their effective number of questions.

    A share p with the variance V (over clusters and seeds) says as much as p(1 - p) / V independent questions; Wilson's
    interval of so many, with t_ν in place of the normal quantile, stays within 0 … 1, is no point at 0 and at 1, and
    widens from there: of 50 questions its upper end is 7.5 % at 0, 11 % at 1 and 14 % at 2. At 0 and 1 nothing varies
    that would tell V: every cluster counts as one question there, and no end is nearer than at 0 (or 1) itself.

    Args:
        drawn: from :func:`sample`; scores that are shares.
        number: clusters with a part in the denominator of each, from :func:`counted`; a share of none is NaN.
        level: confidence level.
    """
    number = np.asarray(number, dtype=np.float64)
    value = np.where(number > 0, _mean(drawn.observed, axis=0), np.nan)
    found = spread(drawn, number)
    low, high = share_ends(value, found, number, level)
    return Estimate(value, low, high)


def share_ends(value: Floats, found: Spread, number: Floats, level: float) -> tuple[Floats, Floats]:
    """Ends of the intervals of :func:`shares`, shape (shares,) each.

    Args:
        value: the shares.
        found: variance and degrees of freedom of each.
        number: clusters that each is of.
        level: confidence level.
    """
    with np.errstate(invalid="ignore"):
        size = ratio(value * (1 - value), found.variance, empty=number)
        size = np.where(size > 0, size, number)
        middle, half = _wilson(value, size, found.quantile(level))
        # How near 0 an upper end may come has nothing to do with seeds: where none is seen, they do not differ.
        square = Spread(found.variance, np.maximum(number - 1, 1.0)).quantile(level) ** 2
        nearest = ratio(square, number + square, empty=1.0)
        low = np.minimum(middle - half, 1 - nearest)
        high = np.maximum(middle + half, nearest)
    low, high = np.where(value == 0, 0.0, low), np.where(value == 1, 1.0, high)
    return np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)


def _wilson(value: Floats, size: Floats, width: Floats) -> tuple[Floats, Floats]:
    scale = 1 + ratio(width**2, size)
    middle = (value + ratio(width**2, 2 * size)) / scale
    half = width * np.sqrt(ratio(value * (1 - value), size) + ratio(width**2, 4 * size**2)) / scale
    return middle, half


def mean_of(values: ArrayLike, level: float, clusters: Clusters) -> Estimate:
    """Mean of one number a question, such as a graded score, with its t interval over clusters; shape (1,) each.

    Args:
        values: shape (questions,), within 0 … 1.
        level: confidence level.
        clusters: of the same questions.
    """
    numbers = np.asarray(values, dtype=np.float64)
    mean = np.array([numbers.mean()])
    sums = np.bincount(clusters.label, numbers - mean, minlength=clusters.count)
    variance = 0.0
    for stratum in np.unique(clusters.stratum):
        own = sums[clusters.stratum == stratum]
        variance += len(own) * (own.var(ddof=1) if len(own) > 1 else 0.0)
    half = stats.t.ppf((1 + level) / 2, max(clusters.freedom, 1)) * np.sqrt(variance) / len(numbers)
    return Estimate(mean, np.clip(mean - half, 0.0, 1.0), np.clip(mean + half, 0.0, 1.0))


# --- two methods ------------------------------------------------------------------------------------------------------


def contributions(states: States, num_states: int, parts: Parts, clusters: Clusters | None = None) -> Floats:
    """What each cluster adds to each share, a mean over seeds, shape (clusters, shares): they sum to the shares."""
    own = Clusters.single(len(states)) if clusters is None else clusters
    top = parts(cluster_counts(states, num_states, own))[0]
    return ratio(top, parts(observed_counts(states, num_states))[1], empty=0.0).mean(axis=1)


def discordant(added: Floats, number: Floats) -> Floats:
    """The squared difference that one discordant cluster makes, shape (scores,), as :func:`difference` takes it.

    The mean of the squares weighted by themselves: that of k clusters that differ by d each is d², whatever k is.

    Args:
        added: what each cluster adds to the difference, shape (clusters, scores).
        number: clusters that each score is of, for a score in which none differs.
    """
    squares = added**2
    return ratio((squares**2).sum(axis=0), squares.sum(axis=0), empty=ratio(1.0, number**2))


def difference(first: Sample, second: Sample, level: float, pair: ArrayLike = 0.0) -> tuple[Estimate, Floats]:
    """Paired difference, first less second, and its two-sided p-values, shape (scores,).

    The interval is the difference ± t_ν standard errors, the p-value that of the difference over the same standard
    error on the same ν, so that p is below 1 - ``level`` where the interval excludes 0 and nowhere else.

    Few clusters in which the methods differ say little about how often they do, and all on one side say it wrongly: six
    of six have a standard error of nearly nothing. So the variance is that with one more discordant cluster on either
    side (Bonett and Price, 2012). For single questions and one seed the decisions at .05 are then those of the exact
    McNemar test up to 13 discordant pairs; with more, that test rejects in 2 to 4 % and has no interval that agrees
    with it, and this one comes closer to 5 % (a test goes through all tables up to 60 pairs).

    Args:
        first: from :func:`paired_samples`.
        second: likewise.
        level: confidence level.
        pair: from :func:`discordant`; 0: nothing is added.
    """
    value = _mean(first.observed, axis=0) - _mean(second.observed, axis=0)
    over_clusters = first.unbiased * _variance(
        _mean(first.replicates, axis=1) - _mean(second.replicates, axis=1), axis=0
    )
    found = _joined(over_clusters + 2 * np.asarray(pair), np.full_like(value, first.freedom), [first, second])
    error = np.sqrt(found.variance)
    half = found.quantile(level) * error
    statistic = ratio(np.abs(value), error, empty=np.where(value == 0, 0.0, np.inf))
    p_values = np.where(np.isnan(value), np.nan, 2 * stats.t.sf(statistic, found.freedom))
    return Estimate(value, np.clip(value - half, -1.0, 1.0), np.clip(value + half, -1.0, 1.0)), p_values


# --- many tests -------------------------------------------------------------------------------------------------------


def holm(p_values: ArrayLike) -> Floats:
    """Holm's step-down adjusted p-values, shape kept; NaN stays NaN and counts as no test."""
    p = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(p.shape, np.nan)
    order = np.argsort(p)[: int((~np.isnan(p)).sum())]
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def false_discovery(p_values: ArrayLike) -> Floats:
    """q-values: p-values adjusted for false discoveries (Benjamini and Hochberg, 1995); NaN counts as no test."""
    p = np.asarray(p_values, dtype=np.float64)
    adjusted, tested = np.full(p.shape, np.nan), ~np.isnan(p)
    if tested.any():
        adjusted[tested] = stats.false_discovery_control(p[tested], method="bh")
    return adjusted
