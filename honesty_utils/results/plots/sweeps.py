"""Scores against what a sweep varies: τ, samples, training questions, the mix, the learning rate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy.optimize import isotonic_regression

from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.plots.common import metric_name, percent_axis, rows_where
from honesty_utils.results.plots.style import COLUMN, METRIC_COLORS, PAGE, new_figure, styled

METRICS = ("prudence", "honesty", "over_conservativeness")

AXES = {
    "labeled": "training questions with right answers",
    "draw": "number of the draw",
    "dial": "where the dial stands",
    "weight": "weight of the second model",
    "tau": "τ: known means expected accuracy ≥ τ",
    "samples": "samples a question, m",
    "questions": "training questions",
    "known_share": "share of training questions that the model knows",
    "learning_rate": "learning rate",
}
"""What is swept, in words."""

_BY_FACTORS = ("samples", "questions", "labeled", "learning_rate")
"""Quantities whose values are spaced by factors, shown on a logarithmic axis."""


@styled
def sweep(table: pd.DataFrame, quantity: str, roster: Roster = PAPER) -> np.ndarray:
    """Prudence, over-conservativeness and honesty against one quantity, intervals as bands; a panel a method.

    Args:
        table: ``tab_sweeps``.
        quantity: which sweep.
        roster: the methods of the run.

    Returns:
        Shape (methods,).
    """
    rows = rows_where(table, "sweep", quantity=quantity)
    methods = roster.ordered(rows["method"].unique())
    figure = new_figure(COLUMN if len(methods) == 1 else PAGE, 2.2)
    axes = figure.subplots(1, len(methods), sharey=True, squeeze=False)[0]
    for ax, method in zip(axes, methods, strict=True):
        _curves(ax, rows_where(rows, "sweep", method=method))
        _place_axis(ax, rows["at"].to_numpy(float), quantity)
        if len(methods) > 1:
            ax.set_title(roster.label(method), fontsize=7)
    percent_axis(axes[0].yaxis, "score (%)")
    axes[0].set_ylim(-0.03, 1.03)
    _name_curves(axes[-1], rows_where(rows, "sweep", method=methods[-1]))
    if len(methods) == 1:
        axes[0].set_xlabel(AXES.get(quantity, quantity))
    else:
        figure.supxlabel(AXES.get(quantity, quantity), fontsize=7)
    return np.asarray(axes)


def _curves(ax: Axes, rows: pd.DataFrame) -> None:
    for metric, line in zip(METRICS, ("-", ":", "-"), strict=True):
        curve = rows_where(rows, "sweep", metric=metric).sort_values("at")
        color = METRIC_COLORS[metric]
        ax.fill_between(curve["at"], curve["low"], curve["high"], color=color, alpha=0.18, lw=0)
        ax.plot(curve["at"], curve["value"], color=color, marker="o", ms=3, ls=line)
    ax.grid(axis="y")


def _place_axis(ax: Axes, values: np.ndarray, quantity: str) -> None:
    if quantity in _BY_FACTORS:
        ax.set_xscale("log")
    ticks = sorted(set(values))
    ax.set_xticks(ticks, [_tick(tick, quantity) for tick in ticks])
    ax.minorticks_off()


def _tick(value: float, quantity: str) -> str:
    if quantity != "learning_rate":
        return f"{value:g}"
    return np.format_float_scientific(value, trim="-", exp_digits=1)  # not 3e-05 beside 0.0001


def _name_curves(ax: Axes, rows: pd.DataFrame) -> None:
    """The name of each curve beside its last point."""
    last = rows[rows["at"] == rows["at"].max()].set_index("metric")["value"]
    for metric, place in zip(METRICS, _spread([float(last[metric]) for metric in METRICS], gap=0.1), strict=True):
        text = metric_name(metric).replace("-", "-\n")
        ax.text(1.03, place, text, transform=ax.get_yaxis_transform(), va="center", color=METRIC_COLORS[metric])


def _spread(places: Sequence[float], gap: float) -> list[float]:
    """Heights of labels, each pair at least ``gap`` apart, in the order of ``places`` and as near to them as can be."""
    order = np.argsort(places, kind="stable")
    steps = gap * np.arange(len(order))
    # With the steps taken off, labels that are apart are merely in order: isotonic regression finds the nearest such.
    moved = isotonic_regression(np.asarray(places, float)[order] - steps).x + steps
    result = np.empty(len(order))
    result[order] = moved
    return [float(value) for value in result]
