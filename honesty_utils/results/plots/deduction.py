"""Problems and their twins: what is solved against depth, and how training by rewards went."""

from __future__ import annotations

import numpy as np
import pandas as pd

from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.plots.common import errors, percent_axis, rows_where
from honesty_utils.results.plots.style import COLUMN, GRAY, GREEN, INK, ORANGE, PAGE, new_figure, styled

BY_DEPTH = {
    "answerable_accuracy": "problems solved (%)",
    "unanswerable_accuracy": "twins refused (%)",
    "both_right": "both right (%)",
}
"""Metrics of `tab_deduction`, a panel each."""
CURVES = {
    "refused": "share refused (%)",
    "right": "share right (%)",
    "tied": "groups without a difference (%)",
}
"""Metrics of `tab_deduction_curves`, a panel each."""


@styled
def outlook(table: pd.DataFrame) -> np.ndarray:
    """What a model says to problems (left) and to their twins (right) by depth: shares of its answers.

    Args:
        table: from ``methods.outlook``.

    Returns:
        Shape (2,).
    """
    axes = new_figure(2 * COLUMN, 1.9).subplots(1, 2, sharey=True)
    colors = {"right": GREEN, "refused": ORANGE, "wrong": GRAY}
    for ax, (solvable, title) in zip(axes, ((True, "can be solved"), (False, "cannot be solved")), strict=True):
        rows = table[table["solvable"] == solvable]
        below = np.zeros(len(rows))
        for name, color in colors.items():
            ax.bar(rows["depth"], rows[name], bottom=below, color=color, width=0.7, label=name)
            below = below + rows[name].to_numpy()
        ax.plot(rows["depth"], rows["tied"], color=INK, marker="o", label="groups without a difference")
        ax.set_title(title, fontsize=7)
        ax.set_xticks(rows["depth"])
        ax.set_xlabel("steps to the answer")
        percent_axis(ax.yaxis, "%" if solvable else "")
    axes[-1].legend(fontsize=6, loc="upper left", bbox_to_anchor=(1.01, 1))
    return np.asarray(axes)


@styled
def deduction(table: pd.DataFrame, dataset: str, roster: Roster = PAPER) -> np.ndarray:
    """Accuracy against depth, a panel for problems, for their twins, and for pairs; bars are intervals.

    Args:
        table: ``tab_deduction``.
        dataset: the set to show.
        roster: the methods of the run.

    Returns:
        Shape (3,).
    """
    rows = rows_where(table, "deduction", dataset=dataset, by="depth")
    axes = new_figure(PAGE, 2.2).subplots(1, len(BY_DEPTH), sharey=True)
    shown = roster.drawn(rows["method"].unique())
    for ax, (metric, text) in zip(axes, BY_DEPTH.items(), strict=True):
        for place, method in enumerate(shown):
            own = rows[(rows["method"] == method) & (rows["metric"] == metric)].sort_values("at")
            # A little apart, or intervals would hide each other.
            ax.errorbar(
                own["at"] + 0.06 * (place - (len(shown) - 1) / 2), own["value"], yerr=errors(own),
                color=roster.color(method), marker="o", ms=2.5, elinewidth=0.6, label=roster.label(method),
            )  # fmt: skip
        ax.set_xticks(sorted(rows["at"].unique()), [f"{depth:.0f}" for depth in sorted(rows["at"].unique())])
        ax.set_xlabel("steps to the answer")
        ax.set_title(text.removesuffix(" (%)"), fontsize=7)
        ax.set_ylim(-0.03, 1.03)
        percent_axis(ax.yaxis, "%" if ax is axes[0] else "")
        ax.grid(axis="y")
    axes[-1].legend(fontsize=6, loc="upper left", bbox_to_anchor=(1.01, 1))
    return np.asarray(axes)


@styled
def deduction_curves(table: pd.DataFrame, roster: Roster = PAPER) -> np.ndarray:
    """Refusals, right answers and groups without a difference while rewards are learned; bands are the ends of seeds.

    Half of the problems have no answer: who refuses just these refuses 50 %, and who has collapsed 100 %.

    Args:
        table: ``tab_deduction_curves``.
        roster: the methods of the run.

    Returns:
        Shape (3,).
    """
    axes = new_figure(PAGE, 2.0).subplots(1, len(CURVES), sharey=True)
    for ax, (metric, text) in zip(axes, CURVES.items(), strict=True):
        for method in roster.drawn(table["method"].unique()):
            own = table[(table["method"] == method) & (table["metric"] == metric)].sort_values("step")
            # Of few answers a step, which jump: a running mean of a tenth of the steps.
            window = max(1, len(own) // 10)
            value, low, high = (own[name].rolling(window, min_periods=1).mean() for name in ("value", "low", "high"))
            ax.fill_between(own["step"], low, high, color=roster.color(method), alpha=0.15, lw=0)
            ax.plot(own["step"], value, color=roster.color(method), label=roster.label(method))
        ax.set_title(text.removesuffix(" (%)"), fontsize=7)
        ax.set_xlabel("step")
        ax.set_ylim(-0.03, 1.03)
        percent_axis(ax.yaxis, "%" if ax is axes[0] else "")
        ax.grid(axis="y")
    axes[-1].legend(fontsize=6, loc="upper left", bbox_to_anchor=(1.01, 1))
    return np.asarray(axes)
