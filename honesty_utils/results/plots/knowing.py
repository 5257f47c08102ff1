"""What M_t knows: how its expected accuracy is spread, and what a threshold on it would give."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from honesty_utils.common.records import OUTCOMES
from honesty_utils.results.plots.common import errors, metric_name, percent_axis
from honesty_utils.results.plots.style import BLUE, COLUMN, GRAY, METRIC_COLORS, ORANGE, PALE, new_figure, styled

OUTCOME_COLORS = dict(zip(OUTCOMES, (BLUE, ORANGE, GRAY, PALE), strict=True))


@styled
def known(knowledge: pd.DataFrame) -> Axes:
    """How many questions have which expected accuracy, stacked by what M_t's greedy answer was.

    Args:
        knowledge: a KNOWLEDGE table; questions without samples are left out.

    Raises:
        ValueError: no question was sampled.
    """
    import seaborn  # a second that no other figure needs to wait for

    sampled = knowledge[knowledge["expected_accuracy"].notna()]
    if sampled.empty:
        raise ValueError("known: no question has an expected accuracy; this set was not sampled, choose another")
    ax = new_figure(COLUMN, 2.0).subplots()
    there = [outcome for outcome in OUTCOMES if (sampled["greedy_outcome"] == outcome).any()]
    seaborn.histplot(
        sampled, x="expected_accuracy", hue="greedy_outcome", hue_order=there, palette=OUTCOME_COLORS,
        multiple="stack", bins=np.arange(-0.05, 1.1, 0.1).tolist(), alpha=1, edgecolor="white", linewidth=0.5, ax=ax,
    )  # fmt: skip
    percent_axis(ax.xaxis, "expected accuracy (%)")
    ax.set_ylabel("questions")
    seaborn.move_legend(ax, "upper center", title="greedy answer")
    return ax


@styled
def tau_curve(predicted: pd.DataFrame, measured: pd.DataFrame) -> Axes:
    """Scores over τ: lines if labels were learnt perfectly, dots with intervals as they were measured.

    Args:
        predicted: ``explore.predicted_scores``.
        measured: ``explore.measured_scores``; no rows: lines only.
    """
    ax = new_figure(COLUMN, 2.4).subplots()
    for metric, color in METRIC_COLORS.items():
        ax.plot(predicted["tau"], predicted[metric], color=color, label=metric_name(metric))
        rows = measured[measured["metric"] == metric]
        ax.errorbar(rows["tau"], rows["value"], yerr=errors(rows), color=color, fmt="o", capsize=2)
    ax.set_xlabel("τ: known means expected accuracy ≥ τ")
    ax.set_ylim(-0.03, 1.03)
    percent_axis(ax.yaxis, "score (%)")
    ax.grid(axis="y")
    ax.figure.legend(loc="outside lower center", ncols=3)
    return ax
