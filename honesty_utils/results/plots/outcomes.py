"""What becomes of the questions of each set: bars of right, refused, wrong and unscored answers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.plots.common import listed, percent_axis
from honesty_utils.results.plots.style import BLUE, INK, ORANGE, PAGE, PALE, new_figure, styled

BARS = {
    "correct": ("right", BLUE, "white"),
    "idk": ("refused", PALE, INK),
    "wrong": ("wrong", ORANGE, "white"),
    "unscored": ("unscored", "white", INK),
}
"""Outcomes in the order of a bar, with what they are called, their color and that of the number in it."""
IN_A_ROW = 3
LEAST = 0.06
"""Share from which on a part of a bar has its number in it."""


@styled
def outcomes(table: pd.DataFrame, roster: Roster = PAPER) -> np.ndarray:
    """A panel a set, a bar a method, its parts the shares of outcomes.

    Args:
        table: ``tab_outcomes``.
        roster: the methods of the run.

    Returns:
        Shape (sets,).
    """
    methods, sets = listed(table, None, roster), list(dict.fromkeys(table["dataset"]))
    columns = min(IN_A_ROW, len(sets))
    rows = -(-len(sets) // columns)
    figure = new_figure(PAGE, 0.35 + rows * (0.45 + 0.22 * len(methods)))
    axes = figure.subplots(rows, columns, sharey=True, squeeze=False)
    used, spare = axes.ravel()[: len(sets)], axes.ravel()[len(sets) :]
    for ax, dataset in zip(used, sets, strict=True):
        shares = table[table["dataset"] == dataset].pivot(index="method", columns="outcome", values="share")
        shares = shares.reindex(index=methods, columns=list(BARS)).fillna(0.0)
        start = np.zeros(len(methods))
        for outcome, (label, color, ink) in BARS.items():
            width = shares[outcome].to_numpy(float)
            bars = ax.barh(methods, width, left=start, color=color, edgecolor="#999999", linewidth=0.3, label=label)
            numbers = [f"{100 * share:.0f}" if share >= LEAST else "" for share in width]
            ax.bar_label(bars, numbers, label_type="center", fontsize=6, color=ink)
            start = start + width
        ax.set_title(dataset)
        ax.set_xlim(0, 1)
        percent_axis(ax.xaxis, "% of questions")
    for ax in spare:
        ax.set_visible(False)
    axes[0, 0].set_yticks(range(len(methods)), [roster.label(method) for method in methods])
    axes[0, 0].set_ylim(len(methods) - 0.4, -0.6)
    handles, labels = used[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(BARS))
    return used
