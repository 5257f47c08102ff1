"""Did the model learn its rows: before and after, answers and refusals apart."""

from __future__ import annotations

import numpy as np
import pandas as pd

from honesty_utils.results.plots.common import errors
from honesty_utils.results.plots.style import BLUE, COLUMN, GRAY, new_figure, styled

PANELS = {
    "loss": "loss (nats a token)",
    "token_accuracy": "token accuracy",
    "answered_as_trained": "answered as trained",
}
COLORS = {"before": GRAY, "after": BLUE}


@styled
def learning(table: pd.DataFrame) -> np.ndarray:
    """Three panels, shape (3,): each group of training rows under the model before and after training.

    Args:
        table: columns ``when``, ``group``, ``metric``, ``value``, ``low``, ``high``, from ``training.learning.report``.
    """
    groups = list(dict.fromkeys(table["group"]))[::-1]
    axes = np.atleast_1d(new_figure(2 * COLUMN, 0.7 + 0.3 * len(groups)).subplots(1, len(PANELS), sharey=True))
    for ax, (metric, label) in zip(axes, PANELS.items(), strict=True):
        for shift, (when, color) in zip((0.13, -0.13), COLORS.items(), strict=True):
            rows = table[(table["metric"] == metric) & (table["when"] == when)]
            places = [groups.index(group) + shift for group in rows["group"]]
            ax.errorbar(rows["value"], places, xerr=errors(rows), fmt="o", color=color, elinewidth=0.8, label=when)
        ax.set_xlim(*((0, None) if metric == "loss" else (-0.03, 1.03)))
        ax.set_xlabel(label)
        ax.grid(axis="x")
    axes[0].set_yticks(range(len(groups)), groups)
    axes[0].set_ylim(-0.6, len(groups) - 0.4)
    axes[0].legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(COLORS))
    return axes
