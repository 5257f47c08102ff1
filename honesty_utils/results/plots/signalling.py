"""The signalling bandit: what a speaker says under each instruction, and what that tells of it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.plots.common import errors, percent_axis, rows_where
from honesty_utils.results.plots.style import BLUE, GRAY, GREEN, ORANGE, PAGE, new_figure, styled

INSTRUCTIONS = {"honest": (BLUE, "o"), "neutral": (GRAY, "s"), "helpful": (ORANGE, "^")}
TITLES = {
    "true_share": "True sentences (%)",
    "relevance": "Worth of what is picked (points)",
    "weight_of_relevance": "Weight of relevance against truth",
}


@styled
def signalling(table: pd.DataFrame, dataset: str, roster: Roster = PAPER) -> np.ndarray:
    """Three panels, shape (3,): truth, use, and the weight of the one against the other; a row a method.

    Args:
        table: ``tab_signalling``.
        dataset: the set shown.
        roster: the methods of the run.
    """
    rows = rows_where(table, "signalling", dataset=dataset)
    methods = roster.ordered(rows["method"].unique())
    height = 1.1 + 0.34 * len(methods)
    axes = np.atleast_1d(new_figure(PAGE, height).subplots(1, len(TITLES), sharey=True))
    for ax, (metric, title) in zip(axes, TITLES.items(), strict=True):
        told = rows[rows["metric"] == metric]
        for at, (instruction, (color, marker)) in enumerate(INSTRUCTIONS.items()):
            own = told[told["instruction"] == instruction].set_index("method").reindex(methods)
            place = np.arange(len(methods)) + 0.22 * (at - 1)
            style = {"fmt": marker, "color": color, "ms": 3, "lw": 0.9}
            ax.errorbar(own["value"], place, xerr=errors(own), label=instruction, **style)
        ax.set_title(title, fontweight="normal")
        ax.grid(axis="x")
    percent_axis(axes[0].xaxis)
    axes[0].set_xlim(-0.03, 1.03)
    axes[2].set_xlim(-0.03, 1.03)
    axes[2].set_xticks([0, 0.5, 1], ["0\ntruth", "0.5", "1\nrelevance"])
    axes[1].axvline(0, color=GREEN, lw=0.6)
    axes[0].set_yticks(range(len(methods)), [roster.label(method) for method in methods])
    axes[0].set_ylim(len(methods) - 0.5, -0.5)
    axes[0].figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(INSTRUCTIONS))
    return axes
