"""Risk against coverage: how wrong a model is on what it answers, when it answers only what it is surest of.

Answers are ordered by confidence, surest first; coverage is the share that is answered, risk the share of these that
is wrong (El-Yaniv and Wiener, JMLR 2010). Answers of equal confidence come in random order, so that within a group of
them errors are spread evenly. Answers are counted by level of confidence and outcome, as in ``calibration``, with any
number of leading axes, which is what a bootstrap needs. Areas are over all coverages from 0 to 1, not a sum over ranks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from honesty_utils.metrics.honesty import Floats, ratio

AREAS = ("aurc", "e_aurc", "augrc")
"""Order of the last axis of :func:`areas`."""


def _steps(counts: Floats) -> tuple[Floats, Floats]:
    """Answers and errors among the surest levels, shape (…, levels + 1) each, from none to all."""
    surest_first = np.flip(counts, axis=-2)
    return _running(surest_first.sum(axis=-1)), _running(surest_first[..., 0])


def _running(values: Floats) -> Floats:
    """Running totals along the last axis, from 0."""
    none = np.zeros_like(values[..., :1])
    return np.cumsum(np.concatenate([none, values], axis=-1), axis=-1)


def risk_at(counts: Floats, coverages: ArrayLike) -> Floats:
    """Share of wrong answers among the surest.

    Args:
        counts: shape (…, levels, 2): wrong and correct answers at each level of confidence, ascending.
        coverages: shares in (0, 1], shape (n,).

    Returns:
        Shape (…, n); NaN without any answer.
    """
    answered, errors = _steps(np.asarray(counts, dtype=np.float64))
    wanted = np.asarray(coverages, dtype=np.float64) * answered[..., -1:]
    # The level in which each coverage ends; errors grow evenly within it.
    place = (answered[..., None, 1:-1] < wanted[..., None] - 1e-9).sum(axis=-1)
    low, high = (np.take_along_axis(answered, place + step, axis=-1) for step in (0, 1))
    before, after = (np.take_along_axis(errors, place + step, axis=-1) for step in (0, 1))
    return ratio(before + (after - before) * np.nan_to_num(ratio(wanted - low, high - low)), wanted)


def areas(counts: Floats) -> Floats:
    """AURC, E-AURC and AUGRC, shape (…, 3); arguments as for :func:`risk_at`.

    AURC is the mean risk over coverages (Geifman, Uziel and El-Yaniv, ICLR 2019, with E-AURC, what it exceeds that of
    a perfect order by); AUGRC the mean share of all answers that are given and wrong (Traub et al., NeurIPS 2024).
    """
    answered, errors = _steps(np.asarray(counts, dtype=np.float64))
    number = answered[..., -1]
    low, high, before, after = answered[..., :-1], answered[..., 1:], errors[..., :-1], errors[..., 1:]
    slope = np.nan_to_num(ratio(after - before, high - low))
    with np.errstate(divide="ignore", invalid="ignore"):
        # The integral of (before + slope (x - low)) / x; before is 0 where low is.
        logs = np.where(low > 0, (before - slope * low) * np.log(high / low), 0.0)
    aurc = ratio((np.nan_to_num(logs) + slope * (high - low)).sum(axis=-1), number)
    error = ratio(errors[..., -1], number)
    with np.errstate(divide="ignore", invalid="ignore"):
        best = error + np.where(error < 1, (1 - error) * np.log1p(-error), 0.0)
    augrc = ratio(((before + after) / 2 * (high - low)).sum(axis=-1), number**2)
    return np.stack([aurc, aurc - best, augrc], axis=-1)


def coverage_at(counts: Floats, risk: float) -> Floats:
    """Largest coverage at the end of a level at which risk is at most ``risk``, shape (…); 0 where there is none.

    Args:
        counts: as for :func:`risk_at`.
        risk: share of wrong answers that is accepted.
    """
    answered, errors = _steps(np.asarray(counts, dtype=np.float64))
    allowed = (errors <= risk * answered + 1e-9) & (answered > 0)
    return np.nan_to_num(ratio(np.where(allowed, answered, 0.0).max(axis=-1), answered[..., -1]))
