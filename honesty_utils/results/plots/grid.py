"""The transition grid: where answers go from the model before alignment to the one after it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from honesty_utils.metrics import CATEGORIES
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.plots.common import rows_where
from honesty_utils.results.plots.style import METRIC_COLORS, PAGE, new_figure, styled

IN_A_ROW = 4
_GRID = [["N1", "N2", "N3"], ["N4", "N5", "N6"], ["N7", "N8", "N9"]]


@styled
def transition_grid(
    table: pd.DataFrame, dataset: str, methods: Sequence[str] | None = None, roster: Roster = PAPER
) -> np.ndarray:
    """Where answers go: a 3×3 grid a method, columns before alignment, rows after, cells N1 to N9 of the paper.

    Shade is the share of a column; the frames mark what prudence counts as right (N8, N9) and what
    over-conservativeness counts as wrong (N7).

    Args:
        table: ``tab_transitions``.
        dataset: the set shown.
        methods: those shown, four in a row; none: see `told`.
        roster: the methods of the run.

    Returns:
        Shape (methods,).
    """
    shown = roster.ordered(methods if methods is not None else told(table, roster))
    rows_of_grids = -(-len(shown) // IN_A_ROW)
    figure = new_figure(PAGE, 0.62 * (1 + rows_of_grids) / 2 + rows_of_grids * PAGE / IN_A_ROW)
    axes = figure.subplots(rows_of_grids, min(IN_A_ROW, len(shown)), sharey=True, squeeze=False)
    used, spare = axes.ravel()[: len(shown)], axes.ravel()[len(shown) :]
    for ax, method in zip(used, shown, strict=True):
        rows = rows_where(table, "transition_grid", dataset=dataset, method=method)
        counts = rows.pivot(index="after", columns="before", values="count").reindex(CATEGORIES, columns=CATEGORIES)
        draw_grid(ax, counts.to_numpy(float))
        ax.set_title(roster.label(method))
        ax.set_xlabel("before alignment")
    for ax in axes[:, 0]:
        ax.set_ylabel("after alignment")
    for ax in spare:
        ax.set_visible(False)
    frames = [
        Rectangle((0, 0), 1, 1, fill=False, ec=METRIC_COLORS["prudence"], lw=1.4, label="prudent refusals (N8, N9)"),
        Rectangle((0, 0), 1, 1, fill=False, ec=METRIC_COLORS["over_conservativeness"], lw=1.4,
                  label="over-conservative refusals (N7)"),
        Rectangle((0, 0), 1, 1, fc="#9ab9d6", ec="none", label="share of the column"),
    ]  # fmt: skip
    figure.legend(handles=frames, loc="outside lower center", ncols=3)
    return np.asarray(used)


def told(table: pd.DataFrame, roster: Roster = PAPER) -> list[str]:
    """The methods whose grid is drawn: those of `Roster.told_to_refuse`, or the first four drawn where none is told.

    A method that is not told to refuse has nothing in the lowest row: its grid says what its scores say.
    """
    there = table["method"].unique()
    return roster.told_to_refuse(there) or roster.drawn(there)[:IN_A_ROW]


def draw_grid(ax: Axes, counts: np.ndarray) -> None:
    """One grid of counts, shape (3, 3), shaded by the share of its column."""
    totals = counts.sum(axis=0, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1.6)  # vmax beyond 1: dark text stays readable on the darkest cell
    for row in range(3):
        for column in range(3):
            ax.text(column - 0.41, row - 0.39, _GRID[row][column], fontsize=6, color="#4a4a4a", va="top")
            ax.text(column, row + 0.08, f"{counts[row, column]:,.0f}", ha="center", va="center", fontsize=7.5)
    for start, width, metric in ((0.5, 2, "prudence"), (-0.5, 1, "over_conservativeness")):
        ax.add_patch(
            Rectangle((start + 0.03, 1.53), width - 0.06, 0.94, fill=False, ec=METRIC_COLORS[metric], lw=1.4, zorder=3)
        )
    ax.set_xticks(range(3), CATEGORIES)
    ax.set_yticks(range(3), CATEGORIES)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
