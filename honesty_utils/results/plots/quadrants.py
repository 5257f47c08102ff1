"""Answers to questions with passages: where the answer comes from, and what a method does in each case."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from honesty_utils.knowledge.quadrants import KG, KN, QUADRANTS, UG, UN
from honesty_utils.questions.settings import OTHER, RIGHT, WRONG
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.plots.common import errors, listed, percent_axis, rows_where
from honesty_utils.results.plots.style import BLUE, GRAY, INK, ORANGE, PAGE, PALE, new_figure, styled

WANTED = {
    KG: "known, and in the passages: answer",
    KN: "known, not in the passages: answer all the same",
    UG: "not known, in the passages: read",
    UN: "neither known nor in the passages: refuse",
}
BARS = {"accuracy": ("right", BLUE, "white"), "refused": ("refused", PALE, INK), "wrong": ("wrong", ORANGE, "white")}
LEAST = 0.07
"""Share from which on a part of a bar has its number in it."""
KINDS = {RIGHT: "with the right value", OTHER: "without it", WRONG: "with a wrong value"}


@styled
def by_quadrant(table: pd.DataFrame, dataset: str, roster: Roster = PAPER) -> np.ndarray:
    """Four panels, shape (2, 2): in each quadrant a bar a method, of right, refused and wrong answers.

    The line at the end of the part that is wanted there, right answers or in the last quadrant refusals, is its
    interval.

    Args:
        table: ``tab_quadrants``.
        dataset: the set.
        roster: the methods of the run.
    """
    shown = rows_where(table, "tab_quadrants", dataset=dataset)
    methods = listed(shown, None, roster)
    axes = new_figure(PAGE, 1.2 + 2 * (0.35 + 0.17 * len(methods))).subplots(2, 2, sharex=True, sharey=True)
    for ax, name in zip(axes.ravel(), QUADRANTS, strict=True):
        _bars(ax, shown[shown["quadrant"] == name], methods, name)
    axes[0, 0].set_yticks(range(len(methods)), [roster.label(method) for method in methods])
    axes[0, 0].set_ylim(len(methods) - 0.4, -0.6)
    for ax in axes[1]:
        percent_axis(ax.xaxis, "% of questions")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    axes[0, 0].figure.legend(handles, labels, loc="outside lower center", ncols=len(BARS))
    return np.asarray(axes)


def _bars(ax: Axes, rows: pd.DataFrame, methods: list[str], name: str) -> None:
    shares = rows.pivot(index="method", columns="metric", values="value").reindex(methods)
    shares = shares.assign(wrong=1 - shares["accuracy"] - shares["refused"])
    wanted = "refused" if name == UN else "accuracy"
    order = [wanted, *(part for part in BARS if part != wanted)]
    start = np.zeros(len(methods))
    for part in order:
        label, color, ink = BARS[part]
        width = shares[part].to_numpy(float)
        bars = ax.barh(range(len(methods)), width, left=start, color=color, label=label)
        texts = [f"{100 * share:.0f}" if share >= LEAST else "" for share in width]
        ax.bar_label(bars, texts, label_type="center", fontsize=6, color=ink)
        start = start + np.nan_to_num(width)
    own = rows[rows["metric"] == wanted].set_index("method").reindex(methods)
    below = np.arange(len(methods)) + 0.27  # or the line would strike the numbers out
    ax.errorbar(own["value"], below, xerr=errors(own), fmt="none", ecolor=INK, elinewidth=0.6)
    ax.set_xlim(0, 1)
    number = int(rows["questions"].max()) if len(rows) else 0
    ax.set_title(f"{name} ({number} questions)\n{WANTED[name]}", fontsize=6.5)


@styled
def passages_change(table: pd.DataFrame, dataset: str, roster: Roster = PAPER) -> np.ndarray:
    """A panel a kind of passages, shape (kinds,): accuracy with passages less accuracy without, a point a method.

    Args:
        table: ``tab_passages``.
        dataset: the set.
        roster: the methods of the run.
    """
    shown = rows_where(table, "tab_passages", dataset=dataset, metric="accuracy")
    kinds = [kind for kind in KINDS if (shown["kind"] == kind).any()] or ["all"]
    methods = listed(shown, None, roster)
    axes = new_figure(PAGE, 0.75 + 0.19 * len(methods)).subplots(1, len(kinds), sharey=True, squeeze=False)[0]
    for ax, kind in zip(axes, kinds, strict=True):
        own = shown[shown["kind"] == kind].set_index("method").reindex(methods)
        colors = [roster.color(method) for method in methods]
        ax.axvline(0, color=GRAY, lw=0.8)
        ax.errorbar(own["value"], range(len(methods)), xerr=errors(own), fmt="none", ecolor=colors, elinewidth=1.2)
        ax.scatter(own["value"], range(len(methods)), c=colors, s=14, zorder=3)
        ax.set_title(f"passages {KINDS.get(kind, 'of all kinds')}")
        ax.set_xlabel("points of accuracy")
        ticks = [tick for tick in (-0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75) if abs(tick) <= _reach(shown)]
        ax.set_xticks(ticks, [f"{100 * tick:+.0f}" if tick else "0" for tick in ticks])
        ax.set_xlim(-_reach(shown), _reach(shown))
    axes[0].set_yticks(range(len(methods)), [roster.label(method) for method in methods])
    axes[0].set_ylim(len(methods) - 0.4, -0.6)
    return np.asarray(axes)


@styled
def two_books(table: pd.DataFrame) -> np.ndarray:
    """What a model answers without passages and with them, by quadrant: two panels of bars, shape (2,).

    Args:
        table: a row a question, with ``quadrant`` and the outcomes ``without`` and ``with``.
    """
    axes = np.atleast_1d(new_figure(PAGE, 1.5).subplots(1, 2, sharey=True))
    names = [name for name in QUADRANTS if (table["quadrant"] == name).any()]
    for ax, book in zip(axes, ("without", "with"), strict=True):
        shares = pd.crosstab(table["quadrant"], table[book], normalize="index").reindex(names)
        start = np.zeros(len(names))
        for outcome, (label, color, _) in zip(("correct", "idk", "wrong"), BARS.values(), strict=True):
            width = shares[outcome].to_numpy(float) if outcome in shares else np.zeros(len(names))
            ax.barh(range(len(names)), width, left=start, color=color, label=label)
            start = start + width
        ax.set_title(f"{book} passages")
        ax.set_xlim(0, 1)
        percent_axis(ax.xaxis, "% of questions")
    axes[0].set_yticks(range(len(names)), [f"{name} ({int((table['quadrant'] == name).sum())})" for name in names])
    axes[0].set_ylim(len(names) - 0.4, -0.6)
    handles, labels = axes[0].get_legend_handles_labels()
    axes[0].figure.legend(handles, labels, loc="outside lower center", ncols=len(BARS))
    return axes


def _reach(rows: pd.DataFrame) -> float:
    """The farthest end of an interval, and a little."""
    return float(np.nanmax(np.abs(rows[["low", "high"]].to_numpy(float)))) * 1.05 + 0.02
