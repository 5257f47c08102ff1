"""Risk against coverage: what M_t's own confidence would give, and where the methods stand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.plots.common import errors, listed, percent_axis, rows_where
from honesty_utils.results.plots.style import COLUMN, GRAY, INK, new_figure, styled

SOURCES = {
    "likelihood": ("before alignment, by likelihood", INK, "-"),
    "expected_accuracy": ("before alignment, by expected accuracy", GRAY, "--"),
}
"""Curves of M_t: how each is named and drawn."""


@styled
def risk_coverage(
    table: pd.DataFrame,
    main: pd.DataFrame,
    dataset: str,
    methods: Sequence[str] | None = None,
    roster: Roster = PAPER,
) -> Axes:
    """Risk–coverage curves of the model before alignment, and each method as a point with its intervals.

    A point below the curves refuses better than a threshold on the model's own confidence would.

    Args:
        table: ``tab_risk_coverage``.
        main: ``tab_main``.
        dataset: the set that both speak of.
        methods: those shown as points, but for ``unaligned``; none: those that the roster says are drawn.
        roster: the methods of the run.
    """
    ax = new_figure(COLUMN, 2.9).subplots()
    for source, (name, color, line) in SOURCES.items():
        curve = table[table["source"] == source].sort_values("coverage")
        if len(curve):
            ax.fill_between(curve["coverage"], curve["low"], curve["high"], color=color, alpha=0.15, lw=0)
            ax.plot(curve["coverage"], curve["risk"], color=color, ls=line, label=name)
    here = rows_where(main, "risk_coverage", dataset=dataset)
    for method in listed(here, methods, roster):
        if method != "unaligned":
            _point(ax, rows_where(here, "risk_coverage", method=method).set_index("metric"), method, roster)
    percent_axis(ax.xaxis, "coverage: questions answered (%)")
    percent_axis(ax.yaxis, "risk: wrong among answered (%)")
    ax.set_xlim(0, 1.02)
    ax.set_ylim(-0.02, None)
    ax.grid()
    ax.figure.legend(loc="outside lower center", ncols=2, fontsize=6, frameon=False)
    return ax


def _point(ax: Axes, rows: pd.DataFrame, method: str, roster: Roster) -> None:
    right, covered = rows.loc[["reliable_accuracy"]], rows.loc[["coverage"]]
    if right["value"].isna().any():
        return  # it answers nothing
    risk = pd.DataFrame({"value": 1 - right["value"], "low": 1 - right["high"], "high": 1 - right["low"]})
    ax.errorbar(
        covered["value"], np.asarray(risk["value"]), xerr=errors(covered), yerr=errors(risk),
        color=roster.color(method), marker="o", ms=3.5, ls="", elinewidth=0.8, label=roster.label(method),
    )  # fmt: skip
