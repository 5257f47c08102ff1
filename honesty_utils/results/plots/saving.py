"""Which figures a notebook makes of a run, and their files: those of an earlier run do not stay behind."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from honesty_utils.results import registry
from honesty_utils.results.plots.common import figure_of
from honesty_utils.results.plots.registry import FIGURES
from honesty_utils.results.plots.style import save_figure


def expected(notebook: str, has: Collection[str] = ()) -> list[str]:
    """Names of the figures that a notebook surely draws of a run.

    Args:
        notebook: such as ``70_figures``.
        has: roles that the run's sets play, and quantities that it sweeps over several values.
    """
    return registry.expected(FIGURES, notebook, has)


def save_figures(drawn: Mapping[str, Axes | np.ndarray], folder: str | Path, notebook: str) -> list[Path]:
    """Write the figures of one notebook, and delete those that it drew for an earlier run and does not draw now.

    Returns:
        The PNG files; ``.pdf`` stands beside them.

    Raises:
        ValueError: a figure without an entry in `FIGURES`, or another notebook's.
    """
    registry.claim(FIGURES, notebook, drawn)
    registry.remove_stale(FIGURES, notebook, drawn, Path(folder))
    return [save_figure(figure_of(axes), folder, name)[1] for name, axes in drawn.items()]
