"""Does stated confidence agree with being right? Reliability bins, ECE, Brier score and AUROC.

p is a confidence in [0, 1], y whether the answer was correct. Bins have equal width; a bin holds its lower edge, the
last one its upper edge too, so that p = 0 and p = 1 both belong to a bin. Stated confidences take few levels, so an
evaluation is also described by counts per level and outcome; the ``grouped`` functions score such counts, with any
number of leading axes, which is what a bootstrap needs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr
from sklearn.metrics import brier_score_loss, roc_auc_score

from honesty_utils.metrics import intervals
from honesty_utils.metrics.honesty import Floats, ratio
from honesty_utils.metrics.intervals import Estimate, Sample

GROUPED = ("ece", "brier", "auroc")
"""Order of the last axis of :func:`grouped_scores`."""
LEAST = 100
"""Stated confidences below which no calibration error is printed: ten bins of less than ten answers say nothing."""


def bin_index(confidence: ArrayLike, bins: int) -> NDArray[np.int64]:
    """Bin in [0, bins) of each confidence; 0.3 of ten bins is in bin 3 whatever its last floating digit.

    Raises:
        ValueError: a confidence that is NaN or outside [0, 1], or less than one bin.
    """
    p = np.asarray(confidence, dtype=np.float64)
    outside = ~((p >= 0) & (p <= 1))
    if outside.any():
        raise ValueError(f"confidence {p[outside].flat[0]} is outside [0, 1]; leave out answers that state none")
    if bins < 1:
        raise ValueError(f"bins is {bins}; 1 or more are needed")
    return np.minimum(np.floor(np.round(p * bins, 9)).astype(np.int64), bins - 1)


def reliability(confidence: ArrayLike, correct: ArrayLike, bins: int = 10) -> pd.DataFrame:
    """One row a bin: ``bin_low``, ``bin_high``, mean ``confidence``, ``accuracy`` (NaN when empty), ``count``."""
    p, y = _checked(confidence, correct)
    index = bin_index(p, bins)
    count = np.bincount(index, minlength=bins)
    edges = np.arange(bins + 1) / bins
    return pd.DataFrame(
        {
            "bin_low": edges[:-1],
            "bin_high": edges[1:],
            "confidence": ratio(np.bincount(index, weights=p, minlength=bins), count),
            "accuracy": ratio(np.bincount(index, weights=y, minlength=bins), count),
            "count": count,
        }
    )


def ece(confidence: ArrayLike, correct: ArrayLike, bins: int = 10) -> float:
    """Expected calibration error: mean over answers of how far their bin's accuracy is from its confidence."""
    table = reliability(confidence, correct, bins)
    gaps = (table["accuracy"] - table["confidence"]).abs().fillna(0.0)
    return float(ratio((gaps * table["count"]).sum(), table["count"].sum()))


def debiased_ece(confidence: ArrayLike, correct: ArrayLike, bins: int = 10) -> float:
    """Expected calibration error less what chance adds (:func:`debiased_gaps`), not below 0; NaN with no answers.

    ``ece`` of a perfectly calibrated model is .07 at 200 answers in ten bins, not 0; this one is .04, and from a true
    error of .05 on nearly without bias (``benchmarks/null.csv``).
    """
    table = reliability(confidence, correct, bins)
    gaps = debiased_gaps(table["confidence"].to_numpy(), table["accuracy"].to_numpy(), table["count"].to_numpy(float))
    error = ratio(np.nansum(gaps * table["count"].to_numpy()), table["count"].sum())
    return float(np.maximum(error, 0.0))


def debiased_gaps(confidence: Floats, accuracy: Floats, number: Floats) -> Floats:
    """How far each bin's accuracy is from its confidence, less what chance adds to that distance; may be below 0.

    An accuracy a of n answers has the variance a(1 - a) / n, with n - 1 for being estimated, and a gap with that much
    chance in it is larger than the true one on average: |normal| has a mean that is known. This is the estimator of
    Kumar, Liang and Ma, "Verified Uncertainty Calibration" (2019) for absolute gaps, in closed form; for squared ones
    it is to subtract the variance.

    Args:
        confidence: mean of each bin, NaN where it is empty, any shape.
        accuracy: likewise.
        number: answers in it.
    """
    gap = np.abs(accuracy - confidence)
    error = np.sqrt(ratio(accuracy * (1 - accuracy), np.maximum(number - 1, 1)))
    ratio_to_error = ratio(gap, error, empty=np.inf)
    mean = error * np.sqrt(2 / np.pi) * np.exp(-(ratio_to_error**2) / 2) + gap * (1 - 2 * ndtr(-ratio_to_error))
    return 2 * gap - mean


def brier(confidence: ArrayLike, correct: ArrayLike) -> float:
    """Mean squared distance of confidence from being right; NaN with no answers."""
    p, y = _checked(confidence, correct)
    return float(brier_score_loss(y, p, pos_label=1)) if len(p) else float("nan")


def auroc(confidence: ArrayLike, correct: ArrayLike) -> float:
    """Probability that a right answer states more confidence than a wrong one, ties half; NaN without both kinds."""
    p, y = _checked(confidence, correct)
    return float(roc_auc_score(y, p)) if 0 < y.sum() < len(y) else float("nan")


THRESHOLDS = np.arange(1, 100) / 100
"""What `best_threshold` chooses from."""


def best_threshold(confidence: ArrayLike, correct: ArrayLike) -> float:
    """The threshold of `THRESHOLDS` at which *confidence at or above it* says most often whether an answer is correct.

    The lowest of equally good ones; NaN, above which nothing is, with no answers.

    Args:
        confidence: in [0, 1], shape (answers,).
        correct: whether each is correct, shape (answers,).
    """
    p, y = _checked(confidence, correct)
    if not len(p):
        return float("nan")
    order = np.argsort(p, kind="stable")
    below = np.searchsorted(p[order], THRESHOLDS - 1e-9)  # .7 of a sum of twentieths is below .7 by a last digit
    right_below = np.concatenate([[0], np.cumsum(y[order])])[below]
    return float(THRESHOLDS[np.argmax(below - right_below + y.sum() - right_below)])


def _checked(confidence: ArrayLike, correct: ArrayLike) -> tuple[Floats, NDArray[Any]]:
    p, y = np.asarray(confidence, dtype=np.float64), np.asarray(correct).astype(np.int64)
    if p.shape != y.shape or p.ndim != 1:
        raise ValueError(f"confidence has the shape {p.shape}, correct {y.shape}; one of each an answer is needed")
    bin_index(p, 1)
    return p, y


def grouped_bins(counts: Floats, levels: Floats, bins: int) -> tuple[Floats, Floats, Floats]:
    """Mean confidence, accuracy and number of answers per bin, shape (…, bins) each.

    Args:
        counts: shape (…, levels, 2): wrong and correct answers at each level.
        levels: the confidence of each level, ascending.
        bins: number of equal-width bins.
    """
    member = np.eye(bins)[bin_index(levels, bins)]
    correct, number = grouped_right(counts, levels, bins)
    return ratio((counts.sum(axis=-1) * levels) @ member, number), ratio(correct, number), number


def grouped_right(counts: Floats, levels: Floats, bins: int) -> tuple[Floats, Floats]:
    """Right answers and all answers per bin, shape (…, bins) each; arguments as for :func:`grouped_bins`."""
    member = np.eye(bins)[bin_index(levels, bins)]
    return counts[..., 1] @ member, counts.sum(axis=-1) @ member


def grouped_gaps(counts: Floats, levels: Floats, bins: int = 10) -> Floats:
    """Accuracy less confidence of each bin times its share of the answers, shape (…, bins), 0 where it is empty.

    The sum of their absolute values is the calibration error as it stands; arguments as for :func:`grouped_bins`.
    """
    confidence, accuracy, number = grouped_bins(counts, levels, bins)
    return np.nan_to_num(ratio((accuracy - confidence) * number, number.sum(axis=-1, keepdims=True)))


def error_interval(error: Sample, gaps: Sample, level: float) -> Estimate:
    """Mean over seeds of the debiased calibration error, not below 0, with its interval; shape (1,) each.

    The error ± t_ν standard errors, down to 0 unless the plain error is larger than a calibrated model's would be: the
    gaps of the resamples less the observed ones are what chance alone makes. Percentiles of a bootstrap, which adds the
    chance of the sample once more, cover a true error of 0 never (``benchmarks/null.csv``).

    Args:
        error: resampled first scores of :func:`grouped_scores`.
        gaps: the same resamples' :func:`grouped_gaps`.
        level: confidence level.
    """
    found = intervals.spread(error)
    value = np.maximum(np.nanmean(error.observed, axis=0), 0.0)
    half = found.quantile(level) * np.sqrt(found.variance)
    plain = np.abs(gaps.observed).sum(axis=-1).mean()
    chance = np.abs(gaps.replicates - gaps.observed).sum(axis=-1).mean(axis=1)
    calibrated = plain <= np.quantile(chance, (1 + level) / 2)
    low = np.zeros_like(value) if calibrated else np.maximum(value - half, 0.0)
    return Estimate(value, low, np.minimum(value + half, 1.0))


def grouped_scores(counts: Floats, levels: Floats, bins: int = 10) -> Floats:
    """Debiased ECE, Brier score and AUROC of answers counted by level, shape (…, 3); arguments as for `grouped_bins`.

    The error may be a little below 0: a mean over seeds or resamples is cut off at 0 once, at the end.
    """
    confidence, accuracy, number = grouped_bins(counts, levels, bins)
    wrong, correct = counts[..., 0], counts[..., 1]
    area = grouped_auroc(counts)
    error = ratio(np.nansum(debiased_gaps(confidence, accuracy, number) * number, axis=-1), number.sum(axis=-1))
    squares = ratio((wrong * levels**2 + correct * (1 - levels) ** 2).sum(axis=-1), number.sum(axis=-1))
    return np.stack([error, squares, area], axis=-1)


def grouped_auroc(counts: Floats) -> Floats:
    """AUROC of answers counted by level, shape (…): that a right one is of a higher level than a wrong one, ties half.

    Args:
        counts: shape (…, levels, 2): wrong and correct answers at each level, ascending.
    """
    wrong, correct = counts[..., 0], counts[..., 1]
    below = np.cumsum(wrong, axis=-1) - wrong / 2
    return ratio((correct * below).sum(axis=-1), correct.sum(axis=-1) * wrong.sum(axis=-1))
