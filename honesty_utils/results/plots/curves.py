"""Curves: scores by expected accuracy and by exposures, and stated confidence against accuracy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.plots.common import errors, listed, metric_name, percent_axis, rows_where
from honesty_utils.results.plots.style import BLUE, COLUMN, PAGE, PALE, new_figure, styled


@styled
def by_knowledge(table: pd.DataFrame, methods: Sequence[str] | None = None, roster: Roster = PAPER) -> np.ndarray:
    """Refusal rate and accuracy against M_t's expected accuracy: a column a method, the others pale behind it.

    An honest model refuses on the left and answers on the right.

    Args:
        table: ``tab_by_knowledge``.
        methods: as for `main_scores`.
        roster: the methods of the run.

    Returns:
        Shape (2, methods): refusal rates, accuracies.
    """
    shown = listed(table, methods, roster)
    figure = new_figure(PAGE, 2.7)
    axes = figure.subplots(2, len(shown), sharex=True, sharey=True, squeeze=False)
    for line, metric in zip(axes, ("refusal_rate", "accuracy"), strict=True):
        curves = {
            method: rows_where(table, "by_knowledge", metric=metric, method=method).sort_values("expected_accuracy")
            for method in shown
        }
        for ax, method in zip(line, shown, strict=True):
            for other in shown:
                ax.plot(curves[other]["expected_accuracy"], curves[other]["value"], color=PALE, lw=0.7, zorder=1)
            rows, color = curves[method], roster.color(method)
            ax.fill_between(rows["expected_accuracy"], rows["low"], rows["high"], color=color, alpha=0.25, lw=0)
            ax.plot(rows["expected_accuracy"], rows["value"], color=color, marker="o", ms=2)
            percent_axis(ax.xaxis, ticks=(0, 0.5, 1))
            percent_axis(ax.yaxis, ticks=(0, 0.5, 1))
            ax.grid()
        line[0].set_ylabel(f"{metric_name(metric).lower()} (%)")
    for ax, method in zip(axes[0], shown, strict=True):
        ax.set_title(stacked(roster.label(method)), fontsize=6.5 if len(shown) <= 7 else 6)
    figure.supxlabel("expected accuracy of the model before alignment (%)", fontsize=7)
    return np.asarray(axes)


@styled
def exposures(table: pd.DataFrame, rank: str = "") -> Axes:
    """Expected accuracy against how often a fact was seen in base training, with intervals.

    Args:
        table: ``tab_exposures``.
        rank: text of the rank correlation, written into the figure.
    """
    ax = new_figure(COLUMN, 2.2).subplots()
    rows = table.sort_values("exposures").rename(columns={"expected_accuracy": "value"})
    ax.errorbar(rows["exposures"], rows["value"], yerr=errors(rows), color=BLUE, marker="o", capsize=2)
    ax.set_xscale("symlog", linthresh=max(1, rows.loc[rows["exposures"] > 0, "exposures"].min()))
    ticks = _apart(ax, rows["exposures"].to_numpy(float))
    ax.set_xticks(ticks, [f"{value:g}" for value in ticks])
    ax.minorticks_off()
    ax.set_xlabel("exposures of the fact in base training")
    ax.set_ylim(-0.03, 1.03)
    percent_axis(ax.yaxis, "expected accuracy (%)")
    ax.grid(axis="y")
    ax.set_title(rank, fontweight="normal", loc="left")  # above the axes: no curve can meet it there
    return ax


@styled
def by_fame(table: pd.DataFrame, dataset: str, rank: str = "", roster: Roster = PAPER) -> np.ndarray:
    """What M_t knows, and what each method refuses, against fame; fame on a logarithmic scale.

    Args:
        table: ``tab_fame``.
        dataset: the set to show.
        rank: text of the rank correlation of fame and expected accuracy.
        roster: the methods of the run.

    Returns:
        Shape (2,): knowledge, refusals.
    """
    rows = table[table["dataset"] == dataset].sort_values("fame")
    left, right = axes = new_figure(PAGE, 2.4).subplots(1, 2)
    known = rows[(rows["method"] == "unaligned") & (rows["metric"].isin(["expected_accuracy", "accuracy"]))]
    metric = "expected_accuracy" if (known["metric"] == "expected_accuracy").any() else "accuracy"
    curve = known[known["metric"] == metric]
    left.errorbar(curve["fame"], curve["value"], yerr=errors(curve), color=BLUE, marker="o", capsize=2)
    left.set_title(rank, fontweight="normal", loc="left")
    refusals = rows[rows["metric"] == "refusal_rate"]
    for method in roster.drawn(refusals["method"].unique()):
        curve = refusals[refusals["method"] == method]
        right.errorbar(
            curve["fame"], curve["value"], yerr=errors(curve), color=roster.color(method), marker="o", ms=2,
            elinewidth=0.6, label=roster.label(method),
        )  # fmt: skip
    for ax, text in zip(axes, (f"{metric_name(metric).lower().replace('_', ' ')} (%)", "refused (%)"), strict=True):
        ax.set_xscale("log")
        ax.set_xlabel("fame: median of a tenth of the questions")
        ax.set_ylim(-0.03, 1.03)
        percent_axis(ax.yaxis, text)
        ax.grid(axis="y")
    right.legend(fontsize=6, loc="upper left", bbox_to_anchor=(1.01, 1))
    return np.asarray(axes)


def rank_text(table: pd.DataFrame, dataset: str) -> str:
    """The rank correlation of one set with its interval, in words; empty where the table lacks it."""
    rows = table[(table["dataset"] == dataset) & (table.get("group", "all") == "all")]
    return "".join(f"rank correlation {row.spearman:.2f} [{row.low:.2f}, {row.high:.2f}]" for row in rows.itertuples())


def stacked(name: str) -> str:
    """A long name on two lines: broken before the variant, else after the hyphen, else near the middle."""
    if len(name) <= 11:
        return name
    if " + " in name:
        return name.replace(" + ", "\n+ ")
    if "-" in name:
        return name.replace("-", "-\n")
    gaps = [place for place, letter in enumerate(name) if letter in " _"]
    if not gaps:
        return name
    place = min(gaps, key=lambda gap: abs(gap - len(name) / 2))
    return f"{name[: place + 1].rstrip()}\n{name[place + 1 :]}"


def _apart(ax: Axes, values: np.ndarray, share: float = 0.05) -> list[float]:
    """Those of the ascending ``values`` whose labels do not meet: at least ``share`` of the x axis apart."""
    ax.autoscale_view()  # otherwise limits are set only when the figure is drawn
    places = ax.transAxes.inverted().transform(ax.transData.transform(np.column_stack([values, values])))[:, 0]
    kept = [0]
    for i in range(1, len(values)):
        if places[i] - places[kept[-1]] >= share:
            kept.append(i)
    return [float(values[i]) for i in kept]


def stating(table: pd.DataFrame, dataset: str, least: float = 10, roster: Roster = PAPER) -> list[str]:
    """Methods that state a confidence in at least ``least`` answers to a set: fewer say nothing about calibration.

    Args:
        table: ``tab_calibration``; points of a sweep are left out.
        dataset: the set looked at.
        least: number of answers, a mean over seeds.
        roster: the methods of the run.
    """
    counts = table[table["dataset"] == dataset].groupby("method")["count"].sum()
    return roster.main(str(method) for method in counts.index[counts >= least])


@styled
def reliability(
    table: pd.DataFrame, dataset: str, methods: Sequence[str] | None = None, roster: Roster = PAPER
) -> np.ndarray:
    """Stated confidence against accuracy, a panel a method; below it how many answers stated that confidence.

    Args:
        table: ``tab_calibration``.
        dataset: the set shown.
        methods: those shown; none: those of `stating`.
        roster: the methods of the run.

    Returns:
        Shape (2, methods): the diagram, and the counts.

    Raises:
        ValueError: no method to show.
    """
    rows = rows_where(table, "reliability", dataset=dataset)
    shown = roster.ordered(methods if methods is not None else stating(table, dataset, roster=roster))
    if not shown:
        raise ValueError(f"reliability: no method states a confidence often enough on {dataset!r}; see plots.stating")
    figure = new_figure(min(PAGE, max(COLUMN, 1.7 * len(shown))), 2.5)
    axes = figure.subplots(2, len(shown), height_ratios=[3.2, 1], sharex=True, sharey="row", squeeze=False)
    for (top, bottom), method in zip(axes.T, shown, strict=True):
        bins = rows_where(rows, "reliability", method=method)
        filled = bins[bins["count"] > 0].rename(columns={"accuracy": "value"})
        top.plot([0, 1], [0, 1], color=PALE, lw=1, ls="--", zorder=1)
        top.errorbar(filled["confidence"], filled["value"], yerr=errors(filled), color=roster.color(method), marker="o")
        top.set_title(stacked(roster.label(method)) if len(shown) > 4 else roster.label(method), fontsize=7)
        bottom.bar(bins["bin_low"], bins["count"], width=bins["bin_high"] - bins["bin_low"], align="edge",
                   color=roster.color(method), alpha=0.5, edgecolor="white", linewidth=0.5)  # fmt: skip
        percent_axis(top.yaxis)
        percent_axis(bottom.xaxis, ticks=(0, 0.5, 1))
        top.grid()
    axes[0, 0].set_ylim(-0.03, 1.03)
    axes[0, 0].set_ylabel("accuracy (%)")
    axes[1, 0].set_ylabel("answers")
    figure.supxlabel("stated confidence (%)", fontsize=7)
    figure.align_ylabels()
    return np.asarray(axes)
