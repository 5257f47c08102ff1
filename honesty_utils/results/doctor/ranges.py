"""From what is known of other runs to the range in which a run's quantity is expected.

- The **paper** prints points: the point, give or take a stated margin, and this run's own sampling noise.
- **One run**: its value, give or take the noise of both. For shares the noise is that of the two-proportion test, with
  one share for both runs, so that 0 of 100 beside 3 of 100 is no difference; for trained models the seeds' variance is
  added, or an assumed one (`SEED_SD`) where a method has one seed only.
- **Three runs or more**: the t prediction interval for a further run, mean ± t · s · sqrt(1 + 1/k) with k - 1
  degrees of freedom, where s is never taken to be less than sampling noise, and this run's own noise replaces that of
  a run of the reference.

A report compares some hundred quantities: the level of each is that of the report divided by their number (Bonferroni),
so that a run that differs in nothing is called different in at most `REPORT_LEVEL` of reports.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from honesty_utils.results.doctor.measured import SCORE, SHARE, Measured

REPORT_LEVEL = 0.05
"""Largest chance that a report on a run like its reference names a difference."""

SEED_SD = {SHARE: 0.03, SCORE: 0.03, "nats": 0.02}
"""Assumed standard deviation between trainings of a method, where there is one seed: as in the microworld."""

LEAST_RUNS = 3
"""From so many runs on, how they differ can be told from them."""

BOUNDS = {SHARE: (0.0, 1.0), SCORE: (0.0, 1.0), "rank": (-1.0, 1.0), "count": (0.0, np.inf), "nats": (0.0, np.inf)}
"""Smallest and largest value of a unit; ranges end there."""


@dataclass(frozen=True)
class Known:
    """What a reference has of one quantity.

    Attributes:
        unit: of the quantity.
        runs: the quantity of each run; of the paper, one without noise.
        margin: of a printed point; none: the runs speak for themselves.
    """

    unit: str
    runs: tuple[Measured, ...]
    margin: float | None = None


@dataclass(frozen=True)
class Range:
    """Where a quantity is expected.

    Attributes:
        center: of the reference.
        low, high: ends at the level that was asked for.
        sd: standard deviation of what is expected; NaN for a printed point, whose margin is none.
    """

    center: float
    low: float
    high: float
    sd: float


def expected(known: Known, found: Measured, level: float) -> Range:
    """The range for ``found``.

    Args:
        known: of the reference.
        found: of this run; its noise counts, its value decides only how many degrees of freedom the noise has.
        level: chance that a value of a like run lies outside, such as .0005.
    """
    if known.margin is not None:
        return _printed(known, found, level)
    found, *others = _weighed([found, *known.runs]) if known.unit == SHARE else [found, *known.runs]
    if len(others) >= LEAST_RUNS:
        return _several(Known(known.unit, tuple(others)), found, level)
    return _one(others[0], found, known.unit, level)


def _weighed(items: list[Measured]) -> list[Measured]:
    """The same; answers of a run that are all alike are worth what those of the other runs are.

    Alone they do not say how questions about one subject hang together, and count once a subject.
    """
    worth = [item.number / item.answers for item in items if item.answers and 0 < item.value < 1]
    if not worth:
        return items
    mean = float(np.mean(worth))
    alike = [item.value in (0.0, 1.0) for item in items]
    return [
        replace(item, number=max(item.number, item.answers * mean)) if same else item
        for item, same in zip(items, alike, strict=True)
    ]


def _printed(known: Known, found: Measured, level: float) -> Range:
    center, margin = known.runs[0].value, float(known.margin or 0.0)
    noise = np.sqrt(center * (1 - center) / found.number) if known.unit == SHARE else found.error
    half = margin + quantile(level, np.inf) * float(noise)
    return Range(center, *_bounded(center - half, center + half, known.unit), float("nan"))


def _one(known: Measured, found: Measured, unit: str, level: float) -> Range:
    own, other = _seeds(found, unit), _seeds(known, unit)
    between = own[0] + other[0]
    at = _noise(known.value, known.number, known.error, found, found.value, unit) + between
    freedom = _satterthwaite(at, own, other)
    return _range(known.value, known.number, known.error, found, unit, between, quantile(level, freedom))


def _several(known: Known, found: Measured, level: float) -> Range:
    values = np.array([item.value for item in known.runs])
    runs, center = len(values), float(values.mean())
    within = float(np.mean([_own(center, item, known.unit) for item in known.runs]))
    between = max(float(values.var(ddof=1)) - within, 0.0)
    number = float(sum(item.number for item in known.runs))
    error = float(np.sqrt(np.mean([item.error**2 for item in known.runs]) / runs))
    width = quantile(level, runs - 1)
    return _range(center, number, error, found, known.unit, between * (1 + 1 / runs), width)


def _own(center: float, item: Measured, unit: str) -> float:
    """Sampling variance of one run of several."""
    return center * (1 - center) / item.number if unit == SHARE else item.error**2


def _noise(center: float, number: float, error: float, found: Measured, value: float, unit: str) -> float:
    """Sampling variance of ``value`` less ``center`` if both are of one kind."""
    if unit != SHARE:
        return error**2 + found.error**2
    pooled = (value * found.number + center * number) / (found.number + number)
    return pooled * (1 - pooled) * (1 / found.number + 1 / number)


def _range(
    center: float, number: float, error: float, found: Measured, unit: str, between: float, width: float
) -> Range:
    """All values v with |v - center| <= width · sd(v), where sd is that of the difference if both were alike."""
    if unit != SHARE:
        sd = float(np.sqrt(error**2 + found.error**2 + between))
        return Range(center, *_bounded(center - width * sd, center + width * sd, unit), sd)
    # The pooled share is linear in v, so the ends are the roots of a quadratic.
    weight = found.number / (found.number + number)
    rest, noise = (1 - weight) * center, width**2 * (1 / found.number + 1 / number)
    a = 1 + noise * weight**2
    b = -2 * center - noise * weight + 2 * noise * weight * rest
    c = center**2 - noise * rest + noise * rest**2 - width**2 * between
    root = float(np.sqrt(max(b * b - 4 * a * c, 0.0)))
    sd = float(np.sqrt(_noise(center, number, error, found, found.value, unit) + between))
    return Range(center, *_bounded((-b - root) / (2 * a), (-b + root) / (2 * a), unit), sd)


def _bounded(low: float, high: float, unit: str) -> tuple[float, float]:
    least, most = BOUNDS.get(unit, (-np.inf, np.inf))
    return max(low, least), min(high, most)


def _seeds(item: Measured, unit: str) -> tuple[float, float]:
    """Variance of a mean over trained models, and its degrees of freedom."""
    seeds = len(item.seeds)
    if seeds >= 2:
        return float(np.var(item.seeds, ddof=1)) / seeds, seeds - 1.0
    return (SEED_SD.get(unit, 0.0) ** 2 if seeds else 0.0), np.inf


def _satterthwaite(total: float, *parts: tuple[float, float]) -> float:
    spread = sum(variance**2 / freedom for variance, freedom in parts)
    return total**2 / spread if spread > 0 else float(np.inf)


def quantile(level: float, freedom: float) -> float:
    """How many standard deviations are exceeded, on either side, with the chance ``level``."""
    return _quantile(level, round(freedom, 1) if freedom < 1e6 else float("inf"))


@cache
def _quantile(level: float, freedom: float) -> float:
    from scipy import stats  # half a second of import that most who read this module need not wait for

    return float(stats.t.isf(level / 2, freedom))
