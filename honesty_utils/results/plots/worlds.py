"""Several worlds: every world a point, on top of them the mean over worlds with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from honesty_utils.results import display
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.plots.common import below, listed, metric_name, percent_axis, rows_where
from honesty_utils.results.plots.style import COLUMN, GRAY, INK, METRIC_COLORS, PAGE, new_figure, styled
from honesty_utils.results.plots.sweeps import AXES, METRICS
from honesty_utils.results.tables.layout import PAPER_TABLES

AGAINST = ("absolute", "prompt_based")
"""Methods that others are set against: the paper's first method of training, and what costs no training."""

ROLES = ("in_distribution", "out_of_distribution")

_SPREAD = 0.52
"""How much of a method's row its worlds take."""


@styled
def worlds_scores(
    values: pd.DataFrame, table: pd.DataFrame, dataset: str, roster: Roster = PAPER, foot: str = ""
) -> np.ndarray:
    """The scores of the printed main table on one set: a panel a score, a row a method, in it every world.

    Args:
        values: ``tab_worlds_values``.
        table: ``tab_worlds``.
        dataset: the set shown.
        roster: the methods of the run.
        foot: what is said below, such as how many worlds there are.

    Returns:
        An axis a score.
    """
    here = table[table["dataset"] == dataset]
    metrics = [metric for _, metric in PAPER_TABLES["tab_paper_main"] if (here["metric"] == metric).any()]
    methods = listed(here, None, roster)
    figure = new_figure(PAGE, 0.75 + 0.3 * len(methods))
    axes = figure.subplots(1, len(metrics), sharey=True, squeeze=False)[0]
    for ax, metric in zip(axes, metrics, strict=True):
        rows = rows_where(here, "worlds", metric=metric).set_index("method")
        shown = values[(values["dataset"] == dataset) & (values["metric"] == metric)]
        for place, method in enumerate(methods):
            if method in rows.index:
                points = shown.loc[shown["method"] == method, "value"].to_numpy(float)
                mean = rows.loc[method, ["value", "low", "high"]].to_numpy(float)
                _strip(ax, place, points, mean, roster.color(method))
                _number(ax, place, mean[0])
        arrow = "↓" if metric == "over_conservativeness" else "↑"
        name = metric_name(metric) if len(metrics) < 5 else display.NAMES.get(metric, metric)
        ax.set_title(f"{name} {arrow}", loc="left", x=0.02, fontsize=7)
        _range(ax, shown.loc[shown["method"].isin(methods), "value"], rows.loc[rows.index.isin(methods)])
        _bare(ax, len(methods))
    axes[0].set_yticks(range(len(methods)), [roster.label(method) for method in methods])
    _legend(figure, "score in one world", "mean over worlds", foot)
    return np.asarray(axes)


@styled
def worlds_differences(
    values: pd.DataFrame,
    tests: pd.DataFrame,
    roles: Mapping[str, str],
    roster: Roster = PAPER,
    against: Sequence[str] = AGAINST,
    metric: str = "honesty",
    foot: str = "",
) -> np.ndarray:
    """How far methods are from another in each world: paired, since they share its base model and questions.

    Args:
        values: ``tab_worlds_values``.
        tests: ``tab_worlds_tests``.
        roles: the set that plays each part; those in and out of distribution are shown.
        roster: the methods of the run.
        against: the methods that others are set against; those that the run lacks are left out.
        metric: whose differences.
        foot: what is said below.

    Returns:
        Shape (sets, methods set against).

    Raises:
        ValueError: the run has none of the methods.
    """
    methods = listed(values, None, roster)
    others = [method for method in against if method in methods]
    if not others:
        raise ValueError(f"against: {list(against)}, but there are {methods}; name one of these")
    sets = [(role, roles[role]) for role in ROLES if role in roles]
    shown = values[values["metric"] == metric].pivot(index="world", columns=["dataset", "method"], values="value")
    figure = new_figure(PAGE, 0.55 + len(sets) * (0.4 + 0.2 * len(methods)))
    axes = figure.subplots(len(sets), len(others), sharex=True, squeeze=False)
    for line, (role, dataset) in zip(axes, sets, strict=True):
        for ax, other in zip(line, others, strict=True):
            rest = [method for method in methods if method != other]
            for place, method in enumerate(rest):
                steps = (shown[dataset, method] - shown[dataset, other]).to_numpy(float)
                _strip(ax, place, steps, _mean(tests, dataset, metric, method, other), roster.color(method))
            ax.axvline(0, color=INK, lw=0.8, zorder=1)
            ax.set_title(f"less {roster.label(other)}, {display.ROLES[role]}", loc="left", x=0.0, fontsize=7)
            ax.set_yticks(range(len(rest)), [roster.label(method) for method in rest])
            _bare(ax, len(rest))
            ax.grid(axis="x")
    for ax in axes[-1]:
        ax.xaxis.set_major_formatter(lambda value, _: f"{100 * value:+.0f}".replace("+0", "0"))
        ax.set_xlabel(f"{metric_name(metric).lower()}, difference in percent points")
    _legend(figure, "difference in one world", "mean over worlds", foot)
    return axes


def _mean(tests: pd.DataFrame, dataset: str, metric: str, a: str, b: str) -> np.ndarray:
    """Value and ends of a less b; NaN where it was not tested."""
    here = tests[(tests["dataset"] == dataset) & (tests["metric"] == metric)]
    for first, second, sign in ((a, b, 1), (b, a, -1)):
        rows = here[(here["method_a"] == first) & (here["method_b"] == second)]
        if len(rows):
            value, low, high = sign * rows.iloc[0][["difference", "low", "high"]].to_numpy(float)
            return np.array([value, min(low, high), max(low, high)])
    return np.full(3, np.nan)


@styled
def worlds_sweep(sweeps: pd.DataFrame, quantity: str, roster: Roster = PAPER, foot: str = "") -> np.ndarray:
    """Curves over what a sweep varies: every world a thin line, the mean over worlds a thick one.

    Args:
        sweeps: ``tab_worlds_sweeps``.
        quantity: which sweep, such as ``tau``.
        roster: the methods of the run.
        foot: what is said below.

    Returns:
        Shape (methods,).
    """
    rows = rows_where(sweeps, "sweep", quantity=quantity)
    methods = roster.ordered(rows["method"].unique())
    figure = new_figure(COLUMN if len(methods) == 1 else PAGE, 2.4)
    axes = figure.subplots(1, len(methods), sharey=True, squeeze=False)[0]
    for ax, method in zip(axes, methods, strict=True):
        for metric in METRICS:
            curves = rows_where(rows, "sweep", method=method, metric=metric)
            wide = curves.pivot(index="at", columns="world", values="value").sort_index()
            ax.plot(wide.index, wide, color=METRIC_COLORS[metric], lw=0.5, alpha=0.45)
            style = {"color": METRIC_COLORS[metric], "lw": 1.6, "marker": "o", "ms": 3}
            ax.plot(wide.index, wide.mean(axis=1), label=metric_name(metric), **style)
        ax.set_xticks(sorted(rows["at"].unique()))
        ax.grid(axis="y")
        if len(methods) > 1:
            ax.set_title(roster.label(method), fontsize=7)
        ax.set_xlabel(AXES.get(quantity, quantity))
    percent_axis(axes[0].yaxis, "score (%)")
    axes[0].set_ylim(-0.03, 1.03)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3, handlelength=1.4)
    figure.supxlabel(f"thin: one world; thick: mean over worlds{f'; {foot}' if foot else ''}", fontsize=6.2, color=GRAY)
    return np.asarray(axes)


def _strip(ax: Axes, place: int, points: np.ndarray, mean: np.ndarray, color: str) -> None:
    """One row: worlds from top to bottom in their order, and the mean with its interval through their middle."""
    heights = place + np.linspace(-_SPREAD / 2, _SPREAD / 2, len(points)) if len(points) > 1 else np.array([place])
    value, low, high = mean
    if np.isfinite(low):
        ax.plot([low, high], [place] * 2, color=color, alpha=0.3, lw=6, solid_capstyle="butt", zorder=2)
    ax.plot(points, heights, "o", ms=2.2, mfc="white", mec=color, mew=0.7, zorder=3)
    if np.isfinite(value):
        ax.plot([value] * 2, [place - 0.3, place + 0.3], color=color, lw=1.8, solid_capstyle="butt", zorder=4)


def _range(ax: Axes, points: pd.Series[float], rows: pd.DataFrame) -> None:
    """0 to 100 for shares; more to the left where a score is below 0."""
    least = float(np.nanmin([points.min(), rows["low"].min(), 0.0]))
    ax.set_xlim(least * 1.07 - 0.05, 1.05)
    ticks = (-1, -0.5, 0, 0.5, 1)
    percent_axis(ax.xaxis, ticks=[tick for tick in ticks if tick >= least - 1e-9])
    ax.grid(axis="x")


def _number(ax: Axes, place: int, value: float) -> None:
    """The mean in figures, beside the panel."""
    text = f"{100 * value:.1f}" if np.isfinite(value) else "–"
    ax.annotate(text, (1, place), (21, 0), ax.get_yaxis_transform(), textcoords="offset points",
                ha="right", va="center", fontsize=6.2, color=INK)  # fmt: skip


def _bare(ax: Axes, rows: int) -> None:
    """Rows from the top down, without a line on their left."""
    ax.set_ylim(rows - 0.4, -0.6)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)


def _legend(figure: Figure, point: str, mean: str, foot: str) -> None:
    handles = [
        Line2D([], [], ls="", marker="o", ms=2.6, mfc="white", mec=INK, mew=0.7, label=point),
        Line2D([], [], ls="", marker="|", ms=7, mew=1.8, color=INK, label=mean),
        Line2D([], [], color=INK, alpha=0.3, lw=5, solid_capstyle="butt", label="its interval by t over worlds"),
    ]
    legend = figure.legend(handles=handles, loc="outside lower center", ncols=3, handlelength=1.2)
    if foot:
        below(legend, foot)
