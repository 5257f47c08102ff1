"""The figures: a tidy table in (those of ``figures/<run>/tab_*.csv``), axes out; saving is the caller's choice.

The order and color of a method are the same everywhere (`display.Roster`), the look is that of `plots.style`, and
every estimate is drawn with its interval.

A new figure is a function and a line in `FIGURES`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from honesty_utils.results import registry
from honesty_utils.results.plots.annotation import choose_question, data_annotation
from honesty_utils.results.plots.common import figure_of
from honesty_utils.results.plots.curves import by_knowledge, exposures, rank_text, reliability, stating
from honesty_utils.results.plots.dots import PARTS, main_scores, out_of_distribution
from honesty_utils.results.plots.grid import transition_grid
from honesty_utils.results.plots.knowing import known, tau_curve
from honesty_utils.results.plots.learning import learning
from honesty_utils.results.plots.looks import (
    losses,
    refusals_by_right,
    right_samples,
    signal_by_outcome,
    stated_against_measured,
    transitions,
)
from honesty_utils.results.plots.loss import training_loss
from honesty_utils.results.plots.runs import across_runs
from honesty_utils.results.plots.selective import risk_coverage
from honesty_utils.results.plots.style import save_figure
from honesty_utils.results.plots.sweeps import sweep
from honesty_utils.results.registry import Result

__all__ = [
    "FIGURES",
    "across_runs",
    "by_knowledge",
    "choose_question",
    "data_annotation",
    "expected",
    "exposures",
    "figure_of",
    "known",
    "learning",
    "losses",
    "main_scores",
    "out_of_distribution",
    "rank_text",
    "refusals_by_right",
    "reliability",
    "right_samples",
    "risk_coverage",
    "save_figure",
    "save_figures",
    "signal_by_outcome",
    "stated_against_measured",
    "stating",
    "sweep",
    "tau_curve",
    "training_loss",
    "transition_grid",
    "transitions",
]

FIGURES: dict[str, Result] = {
    "fig_main": Result(
        "Main result",
        "Main result, in distribution. Prudence is the share of what the model did not know that "
        "it now refuses, over-conservativeness the share of what it knew that it now refuses.",
        main_scores,
        "70_figures",
    ),
    "fig_ood": Result(
        "The other sets",
        "The other sets. On prior unknown every answer is imprudent, on prior known every refusal over-conservative.",
        out_of_distribution,
        "70_figures",
        PARTS,
    ),
    "fig_transitions": Result(
        "Transitions",
        "Where answers go, from the model before alignment (columns) to the one after it (rows).",
        transition_grid,
        "70_figures",
    ),
    "fig_annotation": Result(
        "From samples to rows",
        "One question of this run, and what each method makes of its samples.",
        data_annotation,
        "70_figures",
    ),
    "fig_tau": Result(
        "The threshold τ",
        "The threshold τ of ABSOLUTE: a stricter notion of knowing buys prudence with over-conservativeness.",
        sweep,
        "70_figures",
        ("tau",),
    ),
    "fig_samples": Result(
        "Samples a question",
        "How many samples a question it takes to see what the model knows.",
        sweep,
        "70_figures",
        ("samples",),
    ),
    "fig_questions": Result(
        "Training questions",
        "How many training questions it takes to learn to refuse.",
        sweep,
        "70_figures",
        ("questions",),
    ),
    "fig_known_share": Result(
        "Known and unknown questions",
        "The mix of known and unknown training questions: the more known ones, the less is refused.",
        sweep,
        "70_figures",
        ("known_share",),
    ),
    "fig_learning_rate": Result(
        "Learning rate", "How hard the model is trained.", sweep, "70_figures", ("learning_rate",)
    ),
    "fig_by_knowledge": Result(
        "Scores against knowledge",
        "Refusals and accuracy against what the model knew. Honest is high on the left above, "
        "high on the right below. In pale, the other methods.",
        by_knowledge,
        "70_figures",
        sure=False,
    ),
    "fig_risk_coverage": Result(
        "Risk and coverage",
        "Methods against a threshold on the confidence of the model before alignment: a method "
        "below the curves refuses better than that.",
        risk_coverage,
        "70_figures",
        sure=False,
    ),
    "fig_exposures": Result(
        "Exposures", "What the model knows against how often it was told.", exposures, "70_figures", sure=False
    ),
    "fig_reliability": Result(
        "Reliability",
        "Stated confidence against accuracy; on the dashed line both agree.",
        reliability,
        "70_figures",
        sure=False,
    ),
    "fig_runs": Result(
        "Several runs", "Honesty and accuracy of each method from run to run.", across_runs, "80_compare"
    ),
}
"""Every figure in the order of a report: title, caption, what draws it, the notebook that saves it."""


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
