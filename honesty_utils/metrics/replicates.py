"""Intervals and tests over whole replicates, such as worlds: Student's t on one number a replicate.

Everything that varies from replicate to replicate (people, texts, the base model, samples, the order of training) is in
how the numbers differ, so that nothing need be assumed of what happens inside one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats


@dataclass(frozen=True)
class Mean:
    """A mean over replicates.

    Attributes:
        value: the mean; NaN without replicates.
        low: lower end of its interval by t with (replicates - 1) degrees of freedom; NaN for fewer than two.
        high: the upper end.
        p_value: two-sided, that the mean is 0, of the same t; NaN for fewer than two.
        sd: standard deviation between replicates.
        number: replicates that have a value.
    """

    value: float
    low: float
    high: float
    p_value: float
    sd: float
    number: int


def mean(values: ArrayLike, level: float) -> Mean:
    """Mean over replicates with its interval and test.

    Args:
        values: shape (replicates,); NaN where a replicate has none.
        level: confidence level, such as 0.95.
    """
    found = np.asarray(values, dtype=np.float64)
    found = found[~np.isnan(found)]
    number = len(found)
    if number == 0:
        return Mean(np.nan, np.nan, np.nan, np.nan, np.nan, 0)
    value = float(found.mean())
    if number == 1:
        return Mean(value, np.nan, np.nan, np.nan, np.nan, 1)
    # Equal numbers have a mean that rounding may move off them, and then a spread of 1e-17 that t would divide by.
    sd = 0.0 if np.ptp(found) == 0 else float(found.std(ddof=1))
    value = float(found[0]) if sd == 0 else value
    error = sd / np.sqrt(number)
    half = error * float(stats.t.ppf((1 + level) / 2, number - 1))
    statistic = abs(value) / error if error else np.inf if value else 0.0
    p_value = float(2 * stats.t.sf(statistic, number - 1))
    return Mean(value, value - half, value + half, p_value, sd, number)
