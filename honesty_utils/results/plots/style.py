"""How every figure looks and is saved: one matplotlib style, the widths of a paper's columns, files that repeat.

Nothing is smaller than six points, and colors are those that color-blind readers tell apart (Okabe and Ito). Each
figure starts from matplotlib's own defaults, so that a theme set elsewhere does not leak in.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib.style
from matplotlib.figure import Figure

from honesty_utils.common import records

COLUMN, PAGE = 3.3, 6.8
"""Widths in inches of a figure that spans one column or the whole page of a two-column paper."""

INK, GRAY, PALE = "#222222", "#6f6f6f", "#d4d4d4"
BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
METRIC_COLORS = {"prudence": BLUE, "over_conservativeness": ORANGE, "honesty": INK}

STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # ships with matplotlib: the same on every machine
    "font.size": 7,
    "axes.titlesize": 7.5,
    "axes.titleweight": "bold",
    "axes.labelsize": 7,
    "axes.labelcolor": INK,
    "axes.edgecolor": GRAY,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": "#e8e8e8",
    "grid.linewidth": 0.6,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "xtick.color": GRAY,
    "ytick.color": GRAY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.5,
    "text.color": INK,
    "text.hinting": "none",  # letters as wide on the screen as in the PDF: what fits in one fits in the other
    "figure.dpi": 120,
    "figure.constrained_layout.use": True,
    "pdf.fonttype": 42,  # TrueType: text in the PDF can be searched and edited, as journals ask
    "ps.fonttype": 42,
}

_METADATA: dict[str, dict[str, None]] = {
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "png": {"Software": None},
}

P = ParamSpec("P")
R = TypeVar("R")


def styled(function: Callable[P, R]) -> Callable[P, R]:
    """Run ``function`` under `STYLE` over matplotlib's defaults, and leave the caller's settings as they were."""

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        with matplotlib.style.context(STYLE, after_reset=True):
            return function(*args, **kwargs)

    return wrapper


def new_figure(width: float, height: float, **options: Any) -> Figure:
    """An empty figure of a size in inches, kept out of pyplot: nothing to close, and no window opens."""
    return Figure(figsize=(width, height), **options)


@styled
def save_figure(figure: Figure, folder: str | Path, name: str) -> tuple[Path, Path]:
    """Write ``folder/name.pdf`` (vector) and ``folder/name.png`` (200 dpi); each appears whole or not at all.

    The files hold no time stamp and no version: the same figure gives the same bytes.

    Returns:
        The paths of the PDF and of the PNG.
    """
    pdf, png = (Path(folder) / f"{name}.{kind}" for kind in ("pdf", "png"))
    for path in (pdf, png):
        kind = path.suffix[1:]
        with records.atomic(path) as partial:
            figure.savefig(partial, format=kind, dpi=200, metadata=_METADATA[kind])
    return pdf, png
