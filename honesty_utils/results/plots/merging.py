"""Merging: how far models have gone from their base, and whether they went the same way."""

from __future__ import annotations

import numpy as np
import pandas as pd

from honesty_utils.results.plots.style import BLUE, COLUMN, GRAY, GREEN, ORANGE, new_figure, styled


@styled
def ways(lengths: pd.DataFrame, cosine: pd.Series[float]) -> np.ndarray:
    """Two panels, shape (2,): the length of each model's way in each weight, and the cosines between two of them.

    Args:
        lengths: a column a model, a row a weight.
        cosine: of the first two models, a row a weight.
    """
    axes = np.atleast_1d(new_figure(2 * COLUMN, 1.9).subplots(1, 2))
    for place, name in enumerate(lengths):
        color = (BLUE, ORANGE, GREEN)[place % 3]
        axes[0].plot(np.sort(lengths[name].to_numpy())[::-1], color=color, label=str(name))
    axes[0].set_xlabel("weights, from the one that moved most")
    axes[0].set_ylabel("length of the way")
    axes[0].set_ylim(0, None)
    axes[0].legend()
    axes[1].hist(cosine, bins=np.linspace(-1, 1, 41), color=GRAY)
    axes[1].axvline(0, color=ORANGE, lw=0.8)
    axes[1].set_xlabel("cosine between the two ways")
    axes[1].set_ylabel("weights")
    return axes
