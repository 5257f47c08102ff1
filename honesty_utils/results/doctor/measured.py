"""A quantity of one run with its sampling noise: what checks measure, references hold and ranges are made from.

Every quantity is a mean of answers, rows or questions, so that one estimate of noise serves all: the linearized
standard error of a ratio of two sums, with the parts of questions about one subject summed first (they share luck and
are no independent draws). How far trainings of one method differ from seed to seed stands apart, as a value a seed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from honesty_utils.metrics.honesty import Floats, ratio

SHARE = "share"
"""The unit of quantities in [0, 1] whose noise follows from the share itself."""

SCORE = "score"
"""The unit of other quantities in [0, 1], shown in percent as shares are."""


@dataclass(frozen=True)
class Measured:
    """One quantity of one run.

    Attributes:
        value: a mean over training seeds where there are several.
        error: its standard error over questions or rows.
        number: independent questions or rows that it is worth, never more than there are.
        seeds: the value of each trained model; empty where nothing is trained.
        given: a setting without which it means something else, such as ``m = 10``; only equal ones are compared.
        answers: how many there are, of which ``number`` tells the worth; 0 where that is not known.
    """

    value: float
    error: float
    number: float
    seeds: tuple[float, ...] = ()
    given: str = ""
    answers: float = 0.0

    def facts(self) -> dict[str, Any]:
        """For a reference file."""
        return {**asdict(self), "seeds": list(self.seeds)}


@dataclass(frozen=True)
class _Noise:
    """Value and linearized parts of one ratio: ``parts`` sum to 0, a cluster each; ``seeds`` may hold NaN."""

    value: float
    parts: Floats
    counts: NDArray[np.bool_]
    seeds: Floats
    number: float

    @property
    def error(self) -> float:
        return _error(self.parts[self.counts])


def share(top: ArrayLike, bottom: ArrayLike, clusters: ArrayLike, trained: bool = False) -> Measured | None:
    """A share: the sum of ``top`` over the sum of ``bottom``.

    Args:
        top: what each question adds to the numerator, shape (questions,) or (questions, seeds).
        bottom: the same for the denominator; 0 where a question does not count.
        clusters: what each question is about, shape (questions,); those of one cluster are resampled together.
        trained: whether the columns are trained models.

    Returns:
        None where the denominator is 0 under every seed.
    """
    noise = _noise(top, bottom, clusters)
    return None if noise is None else _share(noise, trained)


def mean(values: ArrayLike, clusters: ArrayLike) -> Measured | None:
    """The mean of values of any size, shape (rows,), NaN left out; None where there are none."""
    given = np.asarray(values, dtype=np.float64)
    there = ~np.isnan(given)
    noise = _noise(np.where(there, given, 0.0), there, clusters)
    return None if noise is None else Measured(noise.value, noise.error, noise.number)


def deviation(values: ArrayLike, clusters: ArrayLike) -> Measured | None:
    """The standard deviation of values, shape (questions,), with its standard error; None for fewer than two."""
    given = np.asarray(values, dtype=np.float64)
    if len(given) < 2:
        return None
    spread = float(given.std())
    squares = mean((given - given.mean()) ** 2, clusters)
    error = squares.error / (2 * spread) if squares and spread > 0 else 0.0
    return Measured(spread, error, float(len(given)))


def half_of(first: tuple[ArrayLike, ArrayLike], second: tuple[ArrayLike, ArrayLike], clusters: ArrayLike,
            trained: bool = False) -> Measured | None:  # fmt: skip
    """(first + 1 - second) / 2 of two shares of the same questions: honesty of prudence and over-conservativeness.

    Args:
        first: its numerator and denominator, as for :func:`share`.
        second: the same.
        clusters: as for :func:`share`.
        trained: as for :func:`share`.

    Returns:
        None where one of the two has no denominator.
    """
    a, b = _noise(*first, clusters), _noise(*second, clusters)
    if a is None or b is None:
        return None
    each, parts = (a.seeds + 1 - b.seeds) / 2, (a.parts - b.parts) / 2
    error = _error(parts[a.counts | b.counts])
    return Measured(float(np.nanmean(each)), error, a.number + b.number, _kept(each, trained))


def counted(value: float, questions: float) -> Measured:
    """A number of rows or steps that goes with how many questions the base model knows.

    A balanced subset of q questions is twice the number of the rarer kind, whose standard deviation is at most
    sqrt(q / 2) (binomial); so that of the subset is at most sqrt(2 q), and everything in proportion to it.
    """
    number = max(questions, 1.0)
    return Measured(value, value * float(np.sqrt(2 / number)), number)


def over_seeds(each: list[Measured]) -> Measured | None:
    """Trained models of one method, a measure each, as one: the mean, with the noise of the mean and a value a seed."""
    if not each:
        return None
    values = [item.value for item in each]
    error = float(np.sqrt(np.mean([item.error**2 for item in each])))  # their rows overlap: no gain is claimed
    return Measured(
        float(np.mean(values)), error, float(np.mean([i.number for i in each])), tuple(values), each[0].given
    )


def _noise(top: ArrayLike, bottom: ArrayLike, clusters: ArrayLike) -> _Noise | None:
    above, below = _columns(top), _columns(bottom)
    totals = below.sum(axis=0)
    if not (totals > 0).any():
        return None
    each = ratio(above.sum(axis=0), totals)
    # A seed without a denominator adds nothing.
    residuals = np.nan_to_num((above - each * below) / np.where(totals > 0, totals, np.nan))
    parts = residuals.sum(axis=1) / (totals > 0).sum()
    numbered = np.unique(np.asarray(clusters, dtype=object).astype(str), return_inverse=True)[1]
    counts = np.bincount(numbered, weights=below.sum(axis=1)) > 0
    summed: Floats = np.bincount(numbered, weights=parts).astype(np.float64)
    return _Noise(float(np.nanmean(each)), summed, counts, each, float(totals[totals > 0].mean()))


def _columns(values: ArrayLike) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    return array[:, None] if array.ndim == 1 else array


def _error(parts: Floats) -> float:
    groups = len(parts)
    return float(np.sqrt(groups / max(groups - 1, 1) * (parts**2).sum()))


def _share(noise: _Noise, trained: bool) -> Measured:
    error, spread = noise.error, noise.value * (1 - noise.value)
    # All alike: the answers say nothing of how clusters hang together, so each counts once.
    worth = spread / error**2 if error > 0 else float(noise.counts.sum())
    worth = min(worth, noise.number)
    return Measured(noise.value, error, worth, _kept(noise.seeds, trained), answers=noise.number)


def _kept(seeds: Floats, trained: bool) -> tuple[float, ...]:
    """Values of trained models that are defined."""
    return tuple(float(value) for value in seeds if trained and not np.isnan(value))
