"""Training loss over steps."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from honesty_utils.results.plots.style import BLUE, COLUMN, PALE, new_figure, styled


@styled
def training_loss(history: pd.DataFrame, window: int = 50) -> Axes:
    """Loss of every logged step, pale, and its running median.

    Args:
        history: columns ``step`` and ``loss``; with a column ``stage``, a line marks where the next stage begins.
        window: steps of the running median; a tenth of the history if that is less.
    """
    ax = new_figure(COLUMN, 1.8).subplots()
    steps = history["step"] if "stage" not in history else pd.Series(range(len(history)), index=history.index)
    width = max(1, min(window, len(history) // 10))
    ax.plot(steps, history["loss"], color=PALE, lw=0.6)
    ax.plot(steps, history["loss"].rolling(width, center=True, min_periods=1).median(), color=BLUE)
    for start in _stage_starts(history):
        ax.axvline(start, color=PALE, ls="--", lw=0.8)
    ax.set_xlabel("step")
    ax.set_ylabel("loss (nats a token)")
    ax.set_ylim(0, None)
    return ax


def _stage_starts(history: pd.DataFrame) -> list[int]:
    if "stage" not in history:
        return []
    stages = history["stage"].tolist()
    return [i for i in range(1, len(stages)) if stages[i] != stages[i - 1]]
