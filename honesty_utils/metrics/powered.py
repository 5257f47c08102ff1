"""Shares of verdicts, corrected by a part of the answers that people have judged (prediction-powered inference).

A grader judges all answers, people some of them, drawn at random. The grader's share over all is moved by how far it
is off on those (Angelopoulos et al., Science 2023), with the weight λ that makes the variance least (PPI++, arXiv
2311.01453): a grader that says nothing gets 0, and the share is that of the people alone; one that agrees with them
gets nearly 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

LEAST = 20
"""Labeled answers below which nothing is corrected: the variance of the correction would be a guess."""


@dataclass(frozen=True)
class Powered:
    """A share as the grader has it, and corrected.

    Attributes:
        raw: of all answers, by the grader.
        value: corrected, within 0 … 1.
        low: lower end of its interval, likewise.
        high: upper end, likewise.
        weight: λ, how far the grader is believed, 0 … 1.
        labeled: answers that people judged.
    """

    raw: float
    value: float
    low: float
    high: float
    weight: float
    labeled: int


def share(graded: ArrayLike, labels: ArrayLike, labeled: ArrayLike, level: float = 0.95) -> Powered:
    """The share of answers that are of some kind, corrected.

    Args:
        graded: whether the grader says so, shape (answers,).
        labels: whether people say so, shape (answers,); looked at where ``labeled``.
        labeled: whether people judged an answer. They have to be a random part: hard cases alone would not do.
        level: confidence level; the interval takes answers as independent.

    Raises:
        ValueError: other shapes, or fewer than `LEAST` labeled answers.
    """
    said, true, known = (np.asarray(values, dtype=bool) for values in (graded, labels, labeled))
    if said.shape != true.shape or said.shape != known.shape or said.ndim != 1:
        raise ValueError(f"shapes {said.shape}, {true.shape} and {known.shape}; one of each an answer is needed")
    n, rest = int(known.sum()), int((~known).sum())
    if n < LEAST:
        raise ValueError(f"{n} labeled answers; {LEAST} are needed to correct a share")
    guess, label = said[known].astype(float), true[known].astype(float)
    spread = said.astype(float).var(ddof=1)
    weight = 0.0
    if rest and spread > 0:
        covariance = float(np.cov(label, guess)[0, 1])
        weight = float(np.clip(covariance / ((1 + n / rest) * spread), 0.0, 1.0))
    others = said[~known].astype(float)
    value = label.mean() + weight * ((others.mean() if rest else guess.mean()) - guess.mean())
    variance = (label - weight * guess).var(ddof=1) / n + (weight**2 * others.var() / rest if rest else 0.0)
    # One answer more of each kind: where all labels agree nothing varies that would tell how much may be hidden.
    least = (n + 1) / (n + 2) ** 2 / n
    half = float(stats.t.ppf((1 + level) / 2, n - 1)) * float(np.sqrt(max(variance, least)))
    middle, low, high = (float(end) for end in np.clip([value, value - half, value + half], 0.0, 1.0))
    return Powered(float(said.mean()), middle, low, high, weight, n)
