"""Where a method begins to answer: what it refuses and answers, against the expected accuracy of the questions.

A reward of 1 for right, 0 for a refusal and -w for wrong pays for an answer where a question is right with more than
w / (1 + w) (TruthRL, arXiv 2509.25760). ``tau`` is the boundary of expected accuracy that tells best what is answered
from what is refused, whatever taught it.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from honesty_utils.metrics.honesty import Floats, outcome_codes, ratio

METRICS = ("answered", "rank", "tau", "agreement")
"""Share answered; how well expected accuracy orders the answered before the refused (an AUROC, .5 by chance); the
boundary that fits best; the share of questions on the right side of it."""
LEVELS = 11
"""Expected accuracy in tenths."""
ANSWERED, REFUSED, UNSCORED = range(3)
NUM_STATES = 3 * LEVELS
EDGES = np.concatenate([[0.0], (np.arange(1, LEVELS) - 0.5) / 10, [1.0]])
"""Boundaries between the levels: at 0 all is answered, at 1 nothing."""


def states(expected: ArrayLike, outcomes: Iterable[str]) -> NDArray[np.int64]:
    """States of answers from expected accuracy, fractions, and outcomes as in ``records.OUTCOMES``."""
    level = np.rint(10 * np.asarray(expected, dtype=np.float64)).astype(np.int64)
    code = outcome_codes(outcomes)
    return 3 * level + np.array([ANSWERED, ANSWERED, REFUSED, UNSCORED])[code]


def scores(counts: Floats) -> Floats:
    """The numbers `METRICS` of counts of states, shape (…, `NUM_STATES`) to (…, 4); unscored answers are in none."""
    table = counts.reshape(*counts.shape[:-1], LEVELS, 3)
    answered, refused = table[..., ANSWERED], table[..., REFUSED]
    all_answered, all_refused = answered.sum(axis=-1), refused.sum(axis=-1)
    total = all_answered + all_refused
    below = np.cumsum(refused, axis=-1) - refused
    pairs = (answered * (below + refused / 2)).sum(axis=-1)
    # Right of a boundary: refused below it and answered above, at each of the edges.
    zero = np.zeros((*total.shape, 1))
    left = np.concatenate([zero, np.cumsum(refused, axis=-1)], axis=-1)
    right = all_answered[..., None] - np.concatenate([zero, np.cumsum(answered, axis=-1)], axis=-1)
    fits = left + right
    best = fits.max(axis=-1, keepdims=True)
    tied = np.isclose(fits, best)
    tau = np.where(total > 0, ratio((tied * EDGES).sum(axis=-1), tied.sum(axis=-1)), np.nan)
    return np.stack(
        [
            ratio(all_answered, total),
            ratio(pairs, all_answered * all_refused),
            tau,
            ratio(best[..., 0], total),
        ],
        axis=-1,
    )
