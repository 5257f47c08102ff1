"""Training by rewards: what an answer pays, how the policy moves, what it answers before and after."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy.stats import binomtest

from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.plots.common import errors, percent_axis
from honesty_utils.results.plots.style import BLUE, COLUMN, GRAY, GREEN, INK, ORANGE, PAGE, new_figure, styled

PANELS = {
    "reward": "reward of an answer",
    "refused": "share refused",
    "right": "share right",
    "tied": "groups without a difference",
    "entropy": "entropy (nats a token)",
    "kl": "KL to the start (nats a token)",
}
"""Columns of a history, and their names; what a history lacks is left out."""

EDGES = {"tau": "boundary of what is answered (%)", "answered": "questions answered (%)"}

BINS = np.linspace(0, 1, 6)
"""Edges of expected accuracy, between which questions are counted together."""


@styled
def payoff(wrong: float, refused: float = 0.0) -> Axes:
    """What answering and refusing pay, on average, against how often an answer would be right.

    Args:
        wrong: price of a wrong answer, where a right one is worth 1.
        refused: what a refusal is worth.
    """
    ax = new_figure(COLUMN, 1.8).subplots()
    share = np.array([0.0, 1.0])
    ax.plot(share, share - (1 - share) * wrong, color=BLUE, label="answer")
    ax.axhline(refused, color=ORANGE, label="refuse")
    if wrong + 1 > 0 and 0 <= (edge := (wrong + refused) / (1 + wrong)) <= 1:
        ax.axvline(edge, color=GRAY, ls="--", lw=0.8)
        ax.annotate(f"{edge:.0%}", (edge, -wrong), textcoords="offset points", xytext=(3, 2), color=GRAY)
    percent_axis(ax.xaxis, "how often an answer would be right (%)")
    ax.set_ylabel("mean reward")
    ax.legend(loc="upper left")
    return ax


@styled
def rewards(histories: Mapping[str, pd.DataFrame]) -> np.ndarray:
    """Small panels over steps, a line a model: reward, refusals, right answers, tied groups, entropy and KL.

    Args:
        histories: by the name of the model, what ``training.reinforced.HISTORY`` names.

    Returns:
        Shape (panels,).
    """
    columns = [name for name in PANELS if any(table[name].notna().any() for table in histories.values())]
    rows = -(-len(columns) // 3)
    axes = np.ravel(new_figure(PAGE, 1.5 * rows + 0.2).subplots(rows, 3, sharex=True, squeeze=False))
    for ax, name in zip(axes, columns, strict=False):
        for place, (model, table) in enumerate(histories.items()):
            color = (BLUE, ORANGE, GREEN, INK)[place % 4]
            ax.plot(table["step"], table[name].astype(float), color=color, label=model)
        ax.set_title(PANELS[name])
        ax.grid(axis="y")
        ax.set_xlabel("step")
    for ax in axes[len(columns) :]:
        ax.set_axis_off()
    if len(histories) > 1:
        axes[0].legend()
    return axes[: len(columns)]


@styled
def answered_by_knowledge(said: pd.DataFrame, edge: float | None = None) -> Axes:
    """Share of questions that models answer, against how well M_t knows them; intervals are Wilson's.

    Args:
        said: ``model``, ``known`` and ``outcome`` of each answer, from ``training.asking.said``.
        edge: where answering begins to pay; none: not drawn.
    """
    ax = new_figure(COLUMN, 2.0).subplots()
    for place, (model, rows) in enumerate(said.dropna(subset=["known"]).groupby("model", sort=False)):
        bins = np.clip(np.digitize(rows["known"], BINS) - 1, 0, len(BINS) - 2)
        answered = (rows["outcome"] != "idk").to_numpy()
        number = np.bincount(bins, minlength=len(BINS) - 1)
        value = np.bincount(bins, answered, minlength=len(BINS) - 1)[number > 0] / number[number > 0]
        counts = zip(np.rint(value * number[number > 0]).astype(int), number[number > 0], strict=True)
        ends = [binomtest(int(part), int(whole)).proportion_ci(method="wilson") for part, whole in counts]
        low, high = np.array([end.low for end in ends]), np.array([end.high for end in ends])
        middle = ((BINS[:-1] + BINS[1:]) / 2)[number > 0] + 0.012 * place
        color = (GRAY, BLUE, GREEN)[place % 3]
        spread = np.clip([value - low, high - value], 0, None)
        ax.errorbar(middle, value, yerr=spread, color=color, marker="o", elinewidth=0.8, label=str(model))
    if edge is not None:
        ax.axvline(edge, color=INK, ls="--", lw=0.8)
    percent_axis(ax.xaxis, "M_t's samples that are right (%)")
    percent_axis(ax.yaxis, "questions answered (%)")
    ax.set_ylim(-0.03, 1.03)
    if len(said):
        ax.legend(loc="lower right")
    return ax


@styled
def edges(table: pd.DataFrame, dataset: str, roster: Roster = PAPER) -> np.ndarray:
    """Two panels, shape (2,): from which expected accuracy methods answer, and how much, against where it pays.

    Args:
        table: ``tab_edges``.
        dataset: the set shown.
        roster: the methods of the run.
    """
    rows = table[(table["dataset"] == dataset) & table["edge"].notna()]
    methods = roster.ordered(rows["method"].unique())
    axes = np.atleast_1d(new_figure(PAGE, 2.5).subplots(1, 2))
    for ax, (metric, title) in zip(axes, EDGES.items(), strict=True):
        for place, method in enumerate(methods):
            own = rows[(rows["metric"] == metric) & (rows["method"] == method)]
            shifted = own["edge"] + 0.012 * (place - (len(methods) - 1) / 2)
            style = {"color": roster.color(method), "marker": "osD^v"[place % 5], "ms": 4, "lw": 0}
            ax.errorbar(shifted, own["value"], yerr=errors(own), elinewidth=0.9, label=roster.label(method), **style)
        percent_axis(ax.xaxis, "expected accuracy from which answering pays (%)")
        percent_axis(ax.yaxis, title)
        ax.set_xlim(-0.03, 1.03)
        ax.set_ylim(-0.03, 1.03)
        ax.grid(axis="y")
    axes[0].plot([0, 1], [0, 1], color=GRAY, ls="--", lw=0.8, zorder=0)
    axes[0].figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right upper")
    return axes
