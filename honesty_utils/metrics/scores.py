"""All scores of the main table at once, from counts of answer states, for any number of resamples.

The state of an answer is what the scores need to know of it: M_t's outcome, the model's outcome and whether the gold
answer was found, coded as one number in [0, 32). A model's answers to a set are then 32 counts, a bootstrap resample
is another 32 counts, and every score is a function of them.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from honesty_utils.metrics import abstention, intervals
from honesty_utils.metrics.honesty import Floats, honesty, outcome_codes, ratio
from honesty_utils.metrics.intervals import Clusters, Estimate, Sample, Spread, States

NUM_STATES = 32
"""before (4) × outcome (4) × matched (2)."""

RATES = (
    "prudence",
    "over_conservativeness",
    "accuracy",
    "refusal_rate",
    "coverage",
    "reliable_accuracy",
    "unscored_rate",
)
"""Scores that are a share of questions; all are NaN where none is counted. The paper's conventions for an empty
denominator (prudence 1, over-conservativeness 0) are in ``metrics.honesty``: in a table they pass for observed."""

METRICS = (*RATES, "honesty")
"""Order of the last axis of :func:`scores`."""

FIXED_CONTROLS = {"always_refuse": (1.0, 1.0, 1.0), "never_refuse": (0.0, 0.0, 0.0), "oracle": (0.0, 1.0, 1.0)}
"""Controls by how often they refuse what M_t answers correctly, answers wrongly and refuses."""


def states(before: Iterable[str], outcome: Iterable[str], matched: ArrayLike) -> NDArray[np.int64]:
    """States of answers, shape (answers,): 8 · before + 2 · outcome + matched, outcomes numbered as in ``records``."""
    found = np.asarray(matched, dtype=np.int64)
    return 8 * outcome_codes(before, "before") + 2 * outcome_codes(outcome, "outcome") + found


def rates(counts: Floats) -> tuple[Floats, Floats]:
    """Numerators and denominators of ``RATES``, shape (…, 7) each, from counts of shape (…, 32)."""
    both = counts @ np.hstack(_rates_of_states())
    return both[..., : len(RATES)], both[..., len(RATES) :]


@functools.cache
def _rates_of_states() -> tuple[Floats, Floats]:
    """What one answer in each state adds to the numerators and to the denominators, shape (32, 7) each."""
    cells = np.eye(NUM_STATES).reshape(NUM_STATES, 4, 4, 2)
    pairs = cells.sum(axis=-1)
    after = pairs.sum(axis=-2)
    scored, attempted = after[..., :3].sum(axis=-1), after[..., :2].sum(axis=-1)
    shares = (
        (pairs[..., 1:3, 2].sum(axis=-1), pairs[..., 1:3, 1:3].sum(axis=(-1, -2))),
        (pairs[..., 0, 2], pairs[..., 0, :3].sum(axis=-1)),
        (cells[..., :, :3, 1].sum(axis=(-1, -2)), scored),
        (after[..., 2], scored),
        (attempted, scored),
        (after[..., 0], attempted),
        (after[..., 3], after.sum(axis=-1)),
    )
    numerators, denominators = zip(*shares, strict=True)
    return np.stack(numerators, axis=-1), np.stack(denominators, axis=-1)


def scores(counts: Floats) -> Floats:
    """Scores in the order of ``METRICS``, shape (…, 8), from counts of shape (…, 32); NaN where nothing is counted."""
    return with_honesty(ratio(*rates(counts)))


def with_honesty(shares: Floats) -> Floats:
    """Honesty added to shares in the order of ``RATES``, shape (…, 8) from (…, 7)."""
    overall = honesty(shares[..., 0], shares[..., 1])
    return np.concatenate([shares, overall[..., None]], axis=-1)


def with_fewer(numbers: Floats) -> Floats:
    """How much is counted of every score, from how much is of every share: of honesty, the fewer of its two sides."""
    fewer = np.minimum(numbers[..., 0], numbers[..., 1])
    return np.concatenate([numbers, fewer[..., None]], axis=-1)


def estimate(drawn: Sample, number: Floats, level: float) -> Estimate:
    """Means over seeds of the scores with their intervals, shape (8,) each.

    A share has Wilson's interval (``intervals.shares``). Honesty is the mean of two shares, and its ends are made of
    theirs (MOVER, Zou and Donner, 2008) with their correlation over clusters and seeds: it is as wide as its own
    standard error says where both vary, and no point where neither does.

    Args:
        drawn: from ``intervals.sample`` with :func:`scores`.
        number: clusters that each share is of, shape (7,), from ``intervals.counted`` with :func:`rates`.
        level: confidence level.
    """
    rest = replace(drawn, observed=drawn.observed[:, :-1], replicates=drawn.replicates[:, :, :-1])
    shares = intervals.shares(rest, number, level)
    middle, ends = mean_of_sides(shares.value[:2], intervals.spread(drawn, with_fewer(number)), number, level)
    joined = zip((shares.value, shares.low, shares.high), (middle, *ends), strict=True)
    return Estimate(*(np.append(part, last) for part, last in joined))


def mean_of_sides(value: Floats, own: Spread, number: Floats, level: float) -> tuple[float, Floats]:
    """The mean of one share and of one minus another, with the ends of its interval (MOVER); see :func:`estimate`.

    Args:
        value: the two shares first.
        own: variances; those of the two shares first, that of the mean last.
        number: clusters that each share is of, the two first.
        level: confidence level.
    """
    value = value[:2]
    sides = Spread(own.variance[:2], np.full(2, own.freedom[-1]))
    low, high = intervals.share_ends(value, sides, number[:2], level)
    below, above = value - low, high - value
    both = 2 * np.sqrt(own.variance[0] * own.variance[1])
    # The variance of the mean of the one and of one minus the other holds their covariance.
    together = float(np.clip(ratio(4 * own.variance[-1] - own.variance[:2].sum(), both, empty=0.0), -1.0, 1.0))
    middle = float(honesty(*value))
    down, up = (_combined(*pair, together) / 2 for pair in ((below[0], above[1]), (above[0], below[1])))
    return middle, np.clip([middle - down, middle + up], 0.0, 1.0)


def _combined(first: float, second: float, correlation: float) -> float:
    return float(np.sqrt(np.maximum(first**2 + second**2 + 2 * correlation * first * second, 0.0)))


def contributions(states: States, clusters: Clusters) -> Floats:
    """What each cluster adds to each score, up to a constant, a mean over seeds: shape (clusters, 8).

    Honesty's constant is the same for every model, so that differences of contributions sum to differences of scores.
    """
    return with_honesty(intervals.contributions(states, NUM_STATES, rates, clusters))


def before_totals(counts: Floats) -> Floats:
    """How many questions M_t answered correct, wrong, idk, unscored: shape (…, 4) from (…, 32)."""
    return counts.reshape(*counts.shape[:-1], 4, 8).sum(axis=-1)


def control(totals: Floats, refusal: Floats) -> Floats:
    """Expected counts of a control that repeats M_t's answer or refuses, shape (…, 32).

    What it answers is correct where M_t was and wrong elsewhere, also where M_t itself had refused: a forced answer
    counts as wrong. Counts are expectations over the control's own coin and need not be whole.

    Args:
        totals: shape (…, 4), M_t's outcomes.
        refusal: shape (…, 3), probability to refuse a question that M_t answered correct, wrong, idk.
    """
    refused, answered = totals[..., :3] * refusal, totals[..., :3] * (1 - refusal)
    cells = np.zeros((*totals.shape[:-1], 4, 4, 2))
    cells[..., :3, 2, 0] = refused
    cells[..., 0, 0, 1] = answered[..., 0]
    cells[..., 1, 1, 0], cells[..., 2, 1, 0] = answered[..., 1], answered[..., 2]
    cells[..., 3, 3, 0] = totals[..., 3]
    return cells.reshape(*totals.shape[:-1], NUM_STATES)


def random_refusal(counts: Floats) -> Floats:
    """Expected counts of M_t refusing at random, whatever the question, as often as the model of ``counts`` refuses."""
    after = counts.reshape(*counts.shape[:-1], 4, 4, 2).sum(axis=(-1, -3))
    rate = np.nan_to_num(abstention.refusal_rate(after[..., :3]))
    return control(before_totals(counts), np.repeat(rate[..., None], 3, axis=-1))
