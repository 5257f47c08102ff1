"""Small pictures that notebooks draw inline: what came out of one step, before any table is made."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from honesty_utils.results.plots.common import percent_axis
from honesty_utils.results.plots.grid import draw_grid
from honesty_utils.results.plots.style import BLUE, COLUMN, GRAY, INK, ORANGE, PALE, new_figure, styled


@styled
def right_samples(known: pd.DataFrame) -> Axes:
    """Histogram of how many of a question's samples are right, by whether the greedy answer is.

    Args:
        known: a KNOWLEDGE table of questions that were sampled.
    """
    ax = new_figure(COLUMN, 1.7).subplots()
    most = int(known["num_samples"].max())
    places = np.arange(most + 1)
    bottom = np.zeros(most + 1)
    for label, part, color in (
        ("greedy answer right", known[known["known"]], BLUE),
        ("greedy answer wrong or a refusal", known[~known["known"]], PALE),
    ):
        counts = part["num_correct"].value_counts().reindex(places, fill_value=0).to_numpy()
        ax.bar(places, counts, bottom=bottom, color=color, label=label, width=0.85)
        bottom += counts
    ax.set_xlabel("right samples of a question")
    ax.set_ylabel("questions")
    ax.set_xticks(places if most <= 12 else np.linspace(0, most, 6).round())
    ax.legend(loc="upper center")
    return ax


@styled
def refusals_by_right(labels: pd.DataFrame, rows: pd.DataFrame) -> Axes:
    """Share of a method's rows that refuse, for every number of right samples.

    Args:
        labels: the labels that the rows are made of: ``question_id``, ``sample_index``, ``outcome``.
        rows: the method's rows: ``question_id``, ``is_refusal``.
    """
    sampled = labels[labels["sample_index"] >= 0]
    right = sampled["outcome"].eq("correct").groupby(sampled["question_id"]).sum()
    refused = rows.groupby("question_id")["is_refusal"].mean()
    shares = refused.groupby(right.reindex(refused.index)).agg(["mean", "size"])
    ax = new_figure(COLUMN, 1.6).subplots()
    ax.plot(shares.index, shares["mean"], color=ORANGE, marker="o")
    for place, share, count in shares.itertuples():
        ax.annotate(f"{count}", (place, share), (0, 4), textcoords="offset points", ha="center", fontsize=6, color=GRAY)
    percent_axis(ax.yaxis, "rows that refuse (%)")
    ax.set_ylim(-0.05, 1.18)
    ax.set_xlabel("right samples of a question (small numbers: questions)")
    return ax


@styled
def stated_against_measured(labels: pd.DataFrame, rows: pd.DataFrame) -> Axes:
    """Confidence that rows state against the share of right samples that it is made of; one circle a pair of values.

    Args:
        labels: as for `refusals_by_right`.
        rows: with ``confidence``, NaN where a row refuses.
    """
    sampled = labels[(labels["sample_index"] >= 0) & (labels["outcome"] != "unscored")]
    measured = sampled["outcome"].eq("correct").groupby(sampled["question_id"]).mean()
    said = rows.dropna(subset="confidence")
    pairs = pd.DataFrame({"measured": measured.reindex(said["question_id"]).to_numpy(), "stated": said["confidence"]})
    counts = pairs.round(3).value_counts().reset_index(name="rows")
    ax = new_figure(COLUMN, 1.9).subplots()
    ax.plot([0, 1], [0, 1], color=PALE, lw=1, ls="--")
    ax.scatter(counts["measured"], counts["stated"], s=4 + 120 * counts["rows"] / counts["rows"].max(), color=BLUE,
               alpha=0.6, edgecolors="none")  # fmt: skip
    percent_axis(ax.xaxis, "samples that are right (%)")
    percent_axis(ax.yaxis, "confidence that the row states (%)")
    return ax


@styled
def signal_by_outcome(table: pd.DataFrame, threshold: float | None = None) -> Axes:
    """How a signal is spread over right answers and over wrong ones and refusals.

    Args:
        table: ``signal``, ``value`` and ``outcome`` of each answer; of several signals the first is shown.
        threshold: below which answers are withheld; none: no line.
    """
    name = table["signal"].iloc[0]
    rows = table[(table["signal"] == name) & np.isfinite(table["value"].astype(float))]
    right = rows["outcome"] == "correct"
    edges = np.histogram_bin_edges(rows["value"].astype(float), bins=30).tolist()
    ax = new_figure(COLUMN, 1.7).subplots()
    for label, part, color in (("right", rows[right], BLUE), ("wrong or a refusal", rows[~right], ORANGE)):
        ax.hist(part["value"].astype(float), edges, color=color, alpha=0.55, label=label)
    if threshold is not None:
        ax.axvline(threshold, color=INK, lw=1, ls="--")
        ax.annotate("withheld", (threshold, 1), (-4, -6), xycoords=("data", "axes fraction"),
                    textcoords="offset points", ha="right", fontsize=6, color=GRAY)  # fmt: skip
    ax.set_xlabel(name.replace("_", " "))
    ax.set_ylabel("questions")
    ax.legend()
    return ax


@styled
def transitions(counts: Mapping[str, np.ndarray]) -> np.ndarray:
    """The 3×3 grid of one or several models: columns before alignment, rows after.

    Args:
        counts: title -> counts, shape (3, 3), as ``metrics.transitions`` gives them.
    """
    figure = new_figure(1.75 * max(2, len(counts)), 2.0)
    axes = np.atleast_1d(figure.subplots(1, len(counts), sharey=True))
    for ax, (title, table) in zip(axes, counts.items(), strict=True):
        draw_grid(ax, np.asarray(table, float))
        ax.set_title(title)
        ax.set_xlabel("before alignment")
    axes[0].set_ylabel("after alignment")
    return axes


@styled
def losses(histories: Mapping[str, pd.DataFrame]) -> Axes:
    """Loss of several trainings over the share of their steps, one line a model.

    Args:
        histories: name -> ``step`` and ``loss`` of each logged step.
    """
    ax = new_figure(COLUMN, 1.8).subplots()
    for name, history in histories.items():
        ax.plot(history["step"] / history["step"].max(), history["loss"], color=INK, alpha=0.35, lw=0.8, label=name)
    percent_axis(ax.xaxis, "steps (%)")
    ax.set_ylabel("loss (nats a token)")
    ax.set_ylim(0, None)
    return ax


__all__ = [
    "losses",
    "refusals_by_right",
    "right_samples",
    "signal_by_outcome",
    "stated_against_measured",
    "transitions",
]
