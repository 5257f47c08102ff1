"""Scores of several runs side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd

from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.plots.common import errors, listed, metric_name, percent_axis, rows_where
from honesty_utils.results.plots.style import PAGE, new_figure, styled

METRICS = ("honesty", "accuracy")


@styled
def across_runs(table: pd.DataFrame, roster: Roster = PAPER) -> np.ndarray:
    """Honesty and accuracy of each method in each run, with intervals; lines join the runs in their order.

    Args:
        table: ``tab_runs``.
        roster: the methods of all runs.

    Returns:
        Shape (2,).
    """
    runs = list(dict.fromkeys(table["run"]))
    methods = listed(table, None, roster)
    figure = new_figure(PAGE, 2.6)
    axes = figure.subplots(1, len(METRICS), sharey=True)
    shifts = np.linspace(-0.15, 0.15, len(methods))
    for ax, metric in zip(axes, METRICS, strict=True):
        for method, shift in zip(methods, shifts, strict=True):
            rows = rows_where(table, "runs", metric=metric, method=method)
            places = rows["run"].map(runs.index) + shift
            style = {"color": roster.color(method), "marker": "o", "ms": 3, "lw": 0.8, "elinewidth": 2}
            ax.errorbar(places, rows["value"], errors(rows), label=roster.label(method), **style)
        ax.set_xticks(range(len(runs)), runs)
        ax.set_xlim(-0.4, len(runs) - 0.6)
        ax.set_title(metric_name(metric), fontsize=8, loc="left", fontweight="bold")
        ax.grid(axis="y")
    percent_axis(axes[0].yaxis, "score (%)")
    axes[0].set_ylim(0, 1)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    return np.asarray(axes)
