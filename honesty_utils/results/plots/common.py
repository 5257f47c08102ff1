"""What the figures share: choosing rows, naming methods and metrics, axes in percent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.legend import Legend

from honesty_utils.results import display
from honesty_utils.results.display import Roster
from honesty_utils.results.plots.style import GRAY


def rows_where(table: pd.DataFrame, what: str, **where: Any) -> pd.DataFrame:
    """Rows of ``table`` in which each column of ``where`` has its value; an empty answer is an error that says so."""
    found = table
    for column, value in where.items():
        found = found[found[column] == value]
        if found.empty:
            there = sorted(map(str, table[column].unique()))
            raise ValueError(f"{what}: no row with {column} = {value!r}; there: {there}")
    return found


def percent_axis(axis: Any, label: str = "", ticks: Sequence[float] = (0, 0.25, 0.5, 0.75, 1)) -> None:
    """Tick fractions as percents on an x or y ``axis``, and write its ``label``."""
    axis.set_ticks(ticks, [f"{100 * tick:.0f}" for tick in ticks])
    axis.set_label_text(label)


def metric_name(metric: str) -> str:
    """Name of a metric in full; tables shorten the longest one."""
    return "Over-conservativeness" if metric == "over_conservativeness" else display.NAMES.get(metric, metric)


def errors(rows: pd.DataFrame) -> np.ndarray:
    """Shape (2, rows): distance from the value down to ``low`` and up to ``high``."""
    value = rows["value"].to_numpy(float)
    low, high = rows["low"].to_numpy(float), rows["high"].to_numpy(float)
    return np.nan_to_num(np.clip(np.vstack([value - low, high - value]), 0, None))


def figure_of(axes: Axes | np.ndarray) -> Figure:
    """The figure that axes, or an array of axes, stand in."""
    figure = np.ravel(np.asarray(axes, dtype=object))[0].figure
    assert isinstance(figure, Figure)
    return figure


def below(legend: Legend, foot: str) -> None:
    """Say below the panels, over the legend, what all of them are of."""
    legend.set_title(foot, prop=FontProperties(size=6.2))
    legend.get_title().set_color(GRAY)


def listed(table: pd.DataFrame, methods: Sequence[str] | None, roster: Roster) -> list[str]:
    """``methods`` in the order of the roster; none: those of ``table`` that the main figures show."""
    return roster.ordered(methods) if methods is not None else roster.drawn(table["method"].unique())
