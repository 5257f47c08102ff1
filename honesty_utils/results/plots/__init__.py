"""The figures: a tidy table in (those of ``figures/<run>/tab_*.csv``), axes out; saving is the caller's choice.

The order and color of a method are the same everywhere (`display.Roster`), the look is that of `plots.style`, and
every estimate is drawn with its interval.

A new figure is a function and a line in `FIGURES`.
"""

from honesty_utils.results.plots.annotation import choose_question, data_annotation
from honesty_utils.results.plots.board import board
from honesty_utils.results.plots.common import figure_of
from honesty_utils.results.plots.curves import by_fame, by_knowledge, exposures, rank_text, reliability, stating
from honesty_utils.results.plots.deduction import deduction, deduction_curves, outlook
from honesty_utils.results.plots.dots import BESIDE_METRICS, main_scores, out_of_distribution
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
from honesty_utils.results.plots.merging import ways
from honesty_utils.results.plots.outcomes import outcomes
from honesty_utils.results.plots.quadrants import by_quadrant, passages_change, two_books
from honesty_utils.results.plots.registry import FIGURES
from honesty_utils.results.plots.rewarding import answered_by_knowledge, edges, payoff, rewards
from honesty_utils.results.plots.runs import across_runs
from honesty_utils.results.plots.saving import expected, save_figures
from honesty_utils.results.plots.selective import risk_coverage
from honesty_utils.results.plots.signalling import signalling
from honesty_utils.results.plots.style import save_figure
from honesty_utils.results.plots.sweeps import sweep
from honesty_utils.results.plots.worlds import AGAINST, worlds_differences, worlds_scores, worlds_sweep

__all__ = [
    "AGAINST",
    "BESIDE_METRICS",
    "FIGURES",
    "across_runs",
    "answered_by_knowledge",
    "board",
    "by_fame",
    "by_knowledge",
    "by_quadrant",
    "choose_question",
    "data_annotation",
    "deduction",
    "deduction_curves",
    "edges",
    "expected",
    "exposures",
    "figure_of",
    "known",
    "learning",
    "losses",
    "main_scores",
    "out_of_distribution",
    "outcomes",
    "outlook",
    "passages_change",
    "payoff",
    "rank_text",
    "refusals_by_right",
    "reliability",
    "rewards",
    "right_samples",
    "risk_coverage",
    "save_figure",
    "save_figures",
    "signal_by_outcome",
    "signalling",
    "stated_against_measured",
    "stating",
    "sweep",
    "tau_curve",
    "training_loss",
    "transition_grid",
    "transitions",
    "two_books",
    "ways",
    "worlds_differences",
    "worlds_scores",
    "worlds_sweep",
]
