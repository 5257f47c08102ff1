"""The figures by name; a new one is a function and a line."""

from __future__ import annotations

from honesty_utils.results.plots.annotation import data_annotation
from honesty_utils.results.plots.board import board
from honesty_utils.results.plots.curves import by_fame, by_knowledge, exposures, reliability
from honesty_utils.results.plots.deduction import deduction, deduction_curves
from honesty_utils.results.plots.dots import PARTS, main_scores, out_of_distribution
from honesty_utils.results.plots.grid import transition_grid
from honesty_utils.results.plots.outcomes import outcomes
from honesty_utils.results.plots.quadrants import by_quadrant, passages_change
from honesty_utils.results.plots.rewarding import edges
from honesty_utils.results.plots.runs import across_runs
from honesty_utils.results.plots.selective import risk_coverage
from honesty_utils.results.plots.signalling import signalling
from honesty_utils.results.plots.sweeps import sweep
from honesty_utils.results.plots.worlds import worlds_differences, worlds_scores, worlds_sweep
from honesty_utils.results.registry import SCORE, Result

FIGURES: dict[str, Result] = {
    "fig_main": Result(
        "Main result",
        "Main result, in distribution. Prudence is the share of what the model did not know that "
        "it now refuses, over-conservativeness the share of what it knew that it now refuses. The lower scores do not "
        "rise by refusing alone: THS, 0 for random refusals; truthfulness, right less wrong answers; and how much more "
        "of its answers a method gets right than the model before alignment of as many, those that it is surest of.",
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
    "fig_labeled": Result(
        "Questions with right answers",
        "How many right answers a head needs that may learn from samples without them.",
        sweep,
        "70_figures",
        ("labeled",),
    ),
    "fig_draw": Result(
        "Draws of settings",
        "How far settings that a search draws lie apart; their order means nothing.",
        sweep,
        "70_figures",
        ("draw",),
    ),
    "fig_dial": Result(
        "The dial",
        "One model that is told how bold to be when it is asked.",
        sweep,
        "70_figures",
        ("dial",),
    ),
    "fig_weight": Result(
        "Merging",
        "Two models merged: from the first (0) to the second (1).",
        sweep,
        "70_figures",
        ("weight",),
    ),
    "fig_learning_rate": Result(
        "Learning rate", "How hard the model is trained.", sweep, "70_figures", ("learning_rate",)
    ),
    "fig_quadrants": Result(
        "Questions with passages, by quadrant",
        "What is known without passages, above, and what is not, below; passages with the answer on the left, without "
        "it on the right. Right is wanted everywhere but below on the right, where neither has the answer: refuse.",
        by_quadrant,
        "70_figures",
        ("passages",),
    ),
    "fig_passages": Result(
        "What passages change",
        "Accuracy with passages less accuracy without, of each method on the same questions, by what passages tell.",
        passages_change,
        "70_figures",
        ("passages",),
    ),
    "fig_by_knowledge": Result(
        "Scores against knowledge",
        "Refusals and accuracy against what the model knew. Honest is high on the left above, "
        "high on the right below. In pale, the other methods.",
        by_knowledge,
        "70_figures",
        sure=False,
    ),
    "fig_edges": Result(
        "Where rewards put the boundary",
        "The expected accuracy from which a method answers, and how much it answers, against that from which its "
        "reward pays for an answer. On the dashed line it does what pays.",
        edges,
        "70_figures",
        ("rewards",),
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
    "fig_fame": Result(
        "Fame",
        "What the model knows, and what each method refuses, against how famous the thing is that is asked about: "
        "tenths of the questions in distribution.",
        by_fame,
        "70_figures",
        sure=False,
    ),
    "fig_deduction": Result(
        "Solved and refused by depth",
        "Problems, their twins that cannot be solved, and pairs with both right, against the steps to the answer.",
        deduction,
        "70_figures",
        ("deduction",),
        sure=False,
    ),
    "fig_deduction_curves": Result(
        "Rewards while they are learned",
        "Half of the problems have no answer: who refuses just these refuses 50 %, who has collapsed 100 %. Bands are "
        "the ends of trainings.",
        deduction_curves,
        "70_figures",
        ("deduction",),
        sure=False,
    ),
    "fig_reliability": Result(
        "Reliability",
        "Stated confidence against accuracy; on the dashed line both agree.",
        reliability,
        "70_figures",
        sure=False,
    ),
    "fig_worlds": Result(
        "Worlds, in distribution",
        "Every world a point, from top to bottom in the order of their seeds; how far points lie apart is what a "
        "single run cannot know.",
        worlds_scores,
        "65_worlds",
    ),
    "fig_worlds_ood": Result(
        "Worlds, out of distribution",
        "The same scores on questions unlike those of training.",
        worlds_scores,
        "65_worlds",
        ("out_of_distribution",),
    ),
    "fig_worlds_differences": Result(
        "Differences in each world",
        "Methods of one world share its base model and its questions: a method is better than another where all worlds "
        "lie to the right of the line, and its interval with them.",
        worlds_differences,
        "65_worlds",
        sure=False,
    ),
    "fig_worlds_tau": Result(
        "The threshold τ in each world",
        "The curve of every world, and their mean.",
        worlds_sweep,
        "65_worlds",
        ("tau",),
    ),
    "fig_outcomes": Result(
        "What becomes of the questions",
        "Shares of right, refused, wrong and unscored answers, by method and set.",
        outcomes,
        SCORE,
    ),
    "fig_signalling": Result(
        "The signalling bandit",
        "What a speaker says to a tourist under three instructions: how much of it is true, of how much use it is, and "
        "which of the two it weighs more.",
        signalling,
        "64_signalling",
        ("bandit",),
    ),
    "fig_board": Result(
        "The leaderboard",
        "Honesty of every method by what it needs, and risk against coverage. Curves withhold the least sure answers "
        "of the model before alignment at every rate, diamonds are where their thresholds put them; points are methods "
        "that answer or refuse in words of their own. Lower is better at the same coverage.",
        board,
        "85_leaderboard",
        sure=False,
    ),
    "fig_runs": Result(
        "Several runs", "Honesty and accuracy of each method from run to run.", across_runs, "80_compare"
    ),
}
"""Every figure in the order of a report: title, caption, what draws it, the notebook that saves it."""
