"""Dots with intervals: the main result in distribution, and what the paper reads from its other sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from honesty_utils.results import display
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.plots.common import below, listed, metric_name, percent_axis, rows_where
from honesty_utils.results.plots.style import GRAY, INK, PAGE, new_figure, styled

MAIN_METRICS = ("prudence", "over_conservativeness", "honesty", "accuracy")
BESIDE_METRICS = ("truthful_helpfulness", "truthfulness", "matched_gain")
"""Scores that refusing alone cannot raise, below those of the paper."""
OUT_OF_DISTRIBUTION = (
    ("out_of_distribution", "honesty"),
    ("out_of_distribution", "accuracy"),
    ("prior_unknown", "refusal_rate"),
    ("prior_known", "over_conservativeness"),
    ("prior_known", "accuracy"),
    ("multiple_choice", "honesty"),
)
"""What the paper reads from each of its sets: on prior unknown every answer is imprudent, on prior known every refusal
over-conservative."""

PARTS = tuple(dict.fromkeys(role for role, _ in OUT_OF_DISTRIBUTION))

_SHORT = {"multiple_choice": "Four options"}
"""Names of parts whose own would not fit above a single panel."""


@styled
def main_scores(
    table: pd.DataFrame,
    dataset: str,
    methods: Sequence[str] | None = None,
    roster: Roster = PAPER,
    foot: str = "",
) -> np.ndarray:
    """The paper's four scores of every method on one set, and below them those that refusing alone cannot raise.

    Controls are shown lightly. A lower panel is left out where no method has its score, such as the gain over M_t at
    equal coverage where M_t's answers have no likelihoods.

    Args:
        table: ``tab_main``.
        dataset: the set shown, as a rule the one in distribution.
        methods: those shown; none: every method of the table that the roster says is drawn.
        roster: the methods of the run.
        foot: said below, such as of which world the scores are.

    Returns:
        One axes a metric, in the order of `MAIN_METRICS` and `BESIDE_METRICS`.
    """
    panels = [_Panel(dataset, metric, _title(metric, short=True)) for metric in MAIN_METRICS]
    here = table[(table["dataset"] == dataset) & table["value"].notna()]
    panels += [_Panel(dataset, metric, _title(metric)) for metric in BESIDE_METRICS if metric in set(here["metric"])]
    shown = listed(table, methods, roster)
    return _dot_panels(table, panels, shown, list(display.CONTROLS), roster, foot, in_a_row=len(MAIN_METRICS))


@styled
def out_of_distribution(
    table: pd.DataFrame, roles: Mapping[str, str], methods: Sequence[str] | None = None, roster: Roster = PAPER
) -> np.ndarray:
    """The scores that the paper reads from its other sets, one panel each (`OUT_OF_DISTRIBUTION`).

    Args:
        table: ``tab_main``.
        roles: role → name of the set that plays it; a panel whose role nobody plays is left out.
        methods: as for `main_scores`.
        roster: the methods of the run.

    Raises:
        ValueError: no set plays any of the roles.
    """
    shown = [(role, metric) for role, metric in OUT_OF_DISTRIBUTION if role in roles]
    if not shown:
        wanted = sorted({role for role, _ in OUT_OF_DISTRIBUTION})
        raise ValueError(f"roles: {dict(roles)} names no set for any of {wanted}")
    panels, previous = [], ""
    for role, metric in shown:
        group = _SHORT.get(role, display.ROLES[role].capitalize()) if role != previous else ""
        panels.append(_Panel(roles[role], metric, _title(metric, short=True), group))
        previous = role
    return _dot_panels(table, panels, listed(table, methods, roster), (), roster)


@dataclass(frozen=True)
class _Panel:
    """One panel of dots; ``group`` is written above the first panel of each set."""

    dataset: str
    metric: str
    title: str
    group: str | None = None


def _title(metric: str, short: bool = False) -> str:
    name = display.METRICS[metric] if short else metric_name(metric)
    return f"{name} {'↓' if metric == 'over_conservativeness' else '↑'}"


def _dot_panels(
    table: pd.DataFrame,
    panels: Sequence[_Panel],
    methods: Sequence[str],
    controls: Sequence[str],
    roster: Roster,
    foot: str = "",
    in_a_row: int | None = None,
) -> np.ndarray:
    shown = [*methods, *(control for control in controls if control in set(table["method"]))]
    heights = np.arange(len(shown)) + 0.4 * (np.arange(len(shown)) >= len(methods))
    header = 0.16 * any(panel.group for panel in panels)
    columns = in_a_row or len(panels)
    rows_of_panels = -(-len(panels) // columns)
    height = 0.3 + (0.5 + 0.19 * len(shown)) * rows_of_panels + header
    layout = ConstrainedLayoutEngine(rect=(0, 0, 1, 1 - header / height), hspace=0.04)
    figure = new_figure(PAGE, height, layout=layout)
    axes = figure.subplots(rows_of_panels, columns, sharey=True, squeeze=False)
    used, spare = axes.ravel()[: len(panels)], axes.ravel()[len(panels) :]
    for ax, panel in zip(used, panels, strict=True):
        rows = rows_where(table, panel.title, dataset=panel.dataset, metric=panel.metric).set_index("method")
        scores = rows[["value", "low", "high"]].astype(float).T.to_dict("list")
        for method, height in zip(shown, heights, strict=True):
            _dot(ax, scores, method, height, roster.color(method) if method in methods else GRAY)
        _dot_axes(ax, panel, rows.reset_index(), shown, narrow=columns > 4)
    axes[0, 0].set_ylim(heights[-1] + 0.6, -0.6)
    for first in axes[:, 0]:
        first.set_yticks(heights, [roster.label(method) for method in shown])
        for tick, method in zip(first.get_yticklabels(), shown, strict=True):
            tick.set_color(INK if method in methods else GRAY)
    for ax in spare:
        ax.set_visible(False)
    _dot_legend(figure, table, panels, foot)
    return np.asarray(used)


def _dot(ax: Axes, scores: Mapping[Any, list[float]], method: str, height: float, color: str) -> None:
    """One score: a bar for its interval, a dot, the number beside the panel; a diamond for refusals at random.

    ``scores`` has value, low and high of each method.
    """
    chance = f"{display.RANDOM_REFUSAL}{method}"
    if chance in scores:
        ax.plot(scores[chance][0], height, "D", ms=2.6, mfc="white", mec="#a8a8a8", mew=0.6, zorder=2)
    if method not in scores:
        return
    value, low, high = scores[method]
    text = f"{100 * value:.1f}".replace("-0.0", "0.0") if np.isfinite(value) else "–"
    ink = INK if color != GRAY else GRAY
    ax.annotate(text, (1, height), (24, 0), ax.get_yaxis_transform(), textcoords="offset points",
                ha="right", va="center", fontsize=6.2, color=ink)  # fmt: skip
    if np.isfinite(value):
        # Intervals are often narrower than a dot: the bar is taller than the dot and the dot is small.
        ax.plot([low, high], [height] * 2, color=color, alpha=0.45, lw=6, solid_capstyle="butt", zorder=3)
        ax.plot(value, height, "o", color=color, ms=2.4, zorder=4)


def _dot_axes(ax: Axes, panel: _Panel, rows: pd.DataFrame, shown: Sequence[str], narrow: bool) -> None:
    ax.set_title(panel.title, loc="left", x=0.02, fontsize=7, weight="bold" if panel.group is None else "normal")
    if panel.group:
        # Kept out of the layout, which would make room for it in one panel: it may run into the next.
        header = ax.annotate(panel.group, (0.02, 1), (0, 17), "axes fraction", textcoords="offset points",
                             weight="bold", fontsize=7)  # fmt: skip
        header.set_in_layout(False)
    drawn = [*shown, *(f"{display.RANDOM_REFUSAL}{method}" for method in shown)]
    here = rows[rows["method"].isin(drawn)]
    if panel.metric in display.BESIDE:
        # Around 0, to quarters. THS has no bound below: a dot beyond -100 is not drawn, its number is.
        left = max(-1.0, np.floor(4 * here["low"].min()) / 4)
        right = max(0.25, np.ceil(4 * here["high"].max()) / 4)
        edge = 0.07 * (right - left)
        ax.set_xlim(left - edge, right + edge)
        step = 0.25 if right - left <= 1 else 0.5
        percent_axis(ax.xaxis, ticks=[tick for tick in step * np.arange(-4, 5) if left <= tick <= right])
        ax.axvline(0, color=GRAY, lw=0.6, zorder=1)
    else:
        ax.set_xlim(-0.07, 1.07)
        percent_axis(ax.xaxis, ticks=(0, 0.5, 1) if narrow else (0, 0.25, 0.5, 0.75, 1))
    ax.grid(axis="x")
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)


def _dot_legend(figure: Figure, table: pd.DataFrame, panels: Sequence[_Panel], foot: str) -> None:
    rows = table[table["dataset"].isin([panel.dataset for panel in panels])]
    counts = sorted(rows["questions"].dropna().astype(int).unique())
    questions = f"{counts[0]:,} to {counts[-1]:,}" if len(counts) > 1 else f"{counts[0]:,}"
    seeds = int(rows["seeds"].max())
    score = Line2D([], [], color=INK, marker="o", ms=2.4, lw=0, label="score in %")
    bar = Line2D([], [], color=INK, alpha=0.45, lw=5, solid_capstyle="butt",
                 label=f"its interval: {questions} questions, {seeds} training seed{'s' * (seeds != 1)}")  # fmt: skip
    chance = Line2D([], [], ls="", marker="D", ms=2.6, mfc="white", mec="#a8a8a8", mew=0.6,
                    label="random refusals at the method's own rate")  # fmt: skip
    legend = figure.legend(handles=[score, bar, chance], loc="outside lower center", ncols=3, handlelength=1.2)
    if foot:
        below(legend, foot)
