"""Agreement of two raters on the same items: the share that they agree on, and Cohen's kappa."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from honesty_utils.metrics import intervals
from honesty_utils.metrics.honesty import Floats, ratio
from honesty_utils.metrics.intervals import Estimate


def agreement(
    first: Sequence[str], second: Sequence[str], resamples: int, level: float, rng: np.random.Generator
) -> Estimate:
    """Cohen's kappa and raw agreement, in this order, with intervals over items.

    Kappa is scikit-learn's; it is NaN where both raters use one and the same category only. Raw agreement has Wilson's
    interval, kappa a bootstrap's, which is [1, 1] where agreement is perfect.

    Raises:
        ValueError: no items, or not as many of one rater as of the other.
    """
    if len(first) != len(second) or not first:
        raise ValueError(f"{len(first)} and {len(second)} ratings; a pair for each of at least one item is needed")
    from sklearn.metrics import cohen_kappa_score

    categories = sorted({*first, *second})
    place = {category: index for index, category in enumerate(categories)}
    size = len(categories)
    cells = np.array([place[a] * size + place[b] for a, b in zip(first, second, strict=True)])

    def both(counts: Floats) -> Floats:
        grid = counts.reshape(*counts.shape[:-1], size, size)
        total = grid.sum(axis=(-1, -2))
        raw = ratio(np.trace(grid, axis1=-2, axis2=-1), total)
        chance = ratio((grid.sum(axis=-1) * grid.sum(axis=-2)).sum(axis=-1), total**2)
        return np.stack([ratio(raw - chance, 1 - chance), raw], axis=-1)

    drawn = intervals.sample(cells[:, None], size * size, both, resamples, rng)
    found = intervals.estimate(drawn, level, rng, lowest=-1.0)
    kappa = float(cohen_kappa_score(first, second)) if size > 1 else np.nan
    raw = intervals.shares(drawn, float(len(first)), level)
    return Estimate(
        np.array([kappa, found.value[1]]), np.array([found.low[0], raw.low[1]]), np.array([found.high[0], raw.high[1]])
    )
