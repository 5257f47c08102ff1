"""The leaderboard in one picture: honesty by what a method needs, and risk against coverage with every method."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.plots.common import below, errors, percent_axis
from honesty_utils.results.plots.style import GRAY, INK, PAGE, new_figure, styled
from honesty_utils.results.tables.board import NEEDS


@styled
def board(table: pd.DataFrame, curves: pd.DataFrame, roster: Roster = PAPER, foot: str = "") -> np.ndarray:
    """Two panels: every method's honesty with its interval, in the groups of the board; risk against coverage.

    In the second a method that orders the answers of the model before alignment without another model's words is a
    curve, and every method is a point where it stands. Lower is better at the same place from left to right.

    Args:
        table: ``tab_board``.
        curves: ``tab_board_curves``.
        roster: the methods.
        foot: what is said below, such as of how many worlds these are means.

    Returns:
        The two axes.
    """
    groups = [(need, roster.main(table.loc[table["needs"] == need, "method"].unique())) for need in NEEDS]
    groups = [(need, methods) for need, methods in groups if methods]
    rows = sum(len(methods) for _, methods in groups) + len(groups)
    figure = new_figure(PAGE, 0.9 + 0.17 * rows)
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.15])
    _dots(left, table, groups, roster)
    _curves(right, curves, table, roster)
    handles, labels = right.get_legend_handles_labels()
    legend = figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=5.6, handlelength=1.6)
    below(legend, foot or " ")
    return np.array([left, right])


def _dots(ax: Axes, table: pd.DataFrame, groups: list[tuple[str, list[str]]], roster: Roster) -> None:
    scored = table[table["metric"] == "honesty"].set_index("method")
    ticks, names, place = [], [], 0
    for need, methods in groups:
        ax.annotate(f"needs {need}", (0, place), (4, 0), ax.get_yaxis_transform(), textcoords="offset points",
                    va="center", fontsize=6, color=GRAY)  # fmt: skip
        place += 1
        for method in methods:
            if method in scored.index:
                row = scored.loc[[method]]
                ax.errorbar(row["value"], [place], xerr=errors(row), color=roster.color(method), marker="o", ms=3.2,
                            elinewidth=1.2, ls="")  # fmt: skip
            ticks.append(place)
            names.append(roster.label(method))
            place += 1
    ax.axvline(0.5, color=GRAY, lw=0.7, ls="--")
    ax.set_yticks(ticks, names, fontsize=6)
    ax.set_ylim(place - 0.4, -0.7)
    percent_axis(ax.xaxis, "honesty (%); dashed: refusing at random", ticks=[0, 0.2, 0.4, 0.5, 0.6, 0.8, 1])
    ax.set_xlim(min(0.4, float(np.nanmin([*scored["low"], *scored["value"]])) - 0.02), 1)
    ax.grid(axis="x")
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)


def _curves(ax: Axes, curves: pd.DataFrame, table: pd.DataFrame, roster: Roster) -> None:
    # Those that have words of their own are points; the others withhold what M_t says, and could anywhere.
    withholding = set(curves.loc[curves["source"] != "refusal", "method"])
    for method in roster.main(curves["method"].unique()):
        if method in withholding:
            part = curves[curves["method"] == method].sort_values("coverage")
            ax.plot(part["coverage"], part["risk"], color=roster.color(method), lw=1.1, zorder=2)
    wide = table.pivot_table(index="method", columns="metric", values=["value", "low", "high"], sort=False)
    for method in roster.main(table["method"].unique()):
        if method not in wide.index or np.isnan(wide.loc[method, ("value", "reliable_accuracy")]):
            continue
        row = wide.loc[method]
        covered, risk = row[("value", "coverage")], 1 - row[("value", "reliable_accuracy")]
        own = method not in withholding
        ax.plot(covered, risk, color=roster.color(method), marker="o" if own else "D", ms=4 if own else 3.2,
                ls="" if own else "-", lw=1.1, mec=INK if method == "unaligned" else "white", mew=0.5,
                label=roster.label(method), zorder=3)  # fmt: skip
    percent_axis(ax.xaxis, "coverage: questions answered (%)")
    percent_axis(ax.yaxis, "risk: wrong among answered (%)", ticks=[0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1])
    ax.set_xlim(0, 1.03)
    risks = 1 - table.loc[table["metric"] == "reliable_accuracy", "value"]
    ax.set_ylim(0, min(1.0, 1.15 * float(np.nanmax([*risks, *curves["risk"], 0.1]))))
    ax.grid()
