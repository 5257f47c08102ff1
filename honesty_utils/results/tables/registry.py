"""The tables by name; a new one is a function and a line."""

from __future__ import annotations

from honesty_utils.results.origin import tab_origin
from honesty_utils.results.registry import SCORE, Result
from honesty_utils.results.tables.alignment import tab_alignment
from honesty_utils.results.tables.board import (
    printed_board,
    tab_board,
    tab_board_claims,
    tab_board_tests,
)
from honesty_utils.results.tables.claims import tab_claims, tab_worlds_claims
from honesty_utils.results.tables.comparisons import tab_tests
from honesty_utils.results.tables.confidence import tab_calibration, tab_ece, tab_form
from honesty_utils.results.tables.data import tab_exposures, tab_knowledge, tab_overlap, tab_rank, tab_sft
from honesty_utils.results.tables.deduction import (
    tab_deduction,
    tab_deduction_curves,
    tab_deduction_findings,
    tab_deduction_tests,
)
from honesty_utils.results.tables.drift import tab_drift
from honesty_utils.results.tables.edges import tab_edges
from honesty_utils.results.tables.examples import tab_examples
from honesty_utils.results.tables.fame import tab_fame, tab_fame_rank
from honesty_utils.results.tables.field import tab_field
from honesty_utils.results.tables.graders import tab_graders
from honesty_utils.results.tables.harness import tab_harness
from honesty_utils.results.tables.judged import printed_judged, tab_agreement, tab_judged
from honesty_utils.results.tables.layout import (
    paper_tables,
)
from honesty_utils.results.tables.matchers import tab_matchers
from honesty_utils.results.tables.ordering import curves
from honesty_utils.results.tables.outcomes import tab_outcomes
from honesty_utils.results.tables.paper import tab_published
from honesty_utils.results.tables.parts import tab_claim_parts
from honesty_utils.results.tables.powered import tab_powered
from honesty_utils.results.tables.quadrants import tab_passages, tab_quadrants
from honesty_utils.results.tables.quadrants_claims import tab_quadrants_claims
from honesty_utils.results.tables.refusals import tab_refusals
from honesty_utils.results.tables.roads import tab_road_findings
from honesty_utils.results.tables.roster import tab_methods, tab_roles
from honesty_utils.results.tables.runs import printed_findings, printed_runs, tab_findings, tab_runs
from honesty_utils.results.tables.scored import tab_by_scorer, tab_scored
from honesty_utils.results.tables.scores import tab_by_knowledge, tab_groups, tab_main, tab_sweeps, tab_transitions
from honesty_utils.results.tables.search import tab_search
from honesty_utils.results.tables.selective import tab_aurc, tab_risk_coverage
from honesty_utils.results.tables.should_refuse import tab_should_refuse
from honesty_utils.results.tables.signalling import tab_signalling
from honesty_utils.results.tables.signals import tab_signals
from honesty_utils.results.tables.worlds import (
    printed_worlds,
    tab_worlds,
    tab_worlds_base,
    tab_worlds_sweeps,
    tab_worlds_tests,
    tab_worlds_values,
)

TABLES: dict[str, Result] = {
    # printed tables, in the report unfolded
    "tab_paper_main": Result(
        "Main result, in distribution",
        "Every method and control against the four scores; bold is significantly better than every other method; "
        "† of these models only, as a method has one training seed.",
        paper_tables,
        "60_scores",
        ("in_distribution",),
    ),
    "tab_beside": Result(
        "Beside honesty, in distribution",
        "Scores that refusing alone cannot raise: THS, where M_t and random refusals have 0; truthfulness, right less "
        "wrong; and what of its answers a method gets right against M_t answering as many, chosen by its likelihood.",
        paper_tables,
        "60_scores",
        ("in_distribution",),
    ),
    "tab_beside_ood": Result(
        "Beside honesty, out of distribution",
        "The same scores on the set out of distribution.",
        paper_tables,
        "60_scores",
        ("out_of_distribution",),
    ),
    "tab_paper_ood": Result(
        "Out of distribution, prior unknown, prior known",
        "The scores that the paper reads from its other sets.",
        paper_tables,
        "60_scores",
        ("out_of_distribution", "prior_unknown", "prior_known"),
    ),
    "tab_paper_choice": Result(
        "Multiple choice",
        "The four scores on questions with options, and the share of replies that name none.",
        paper_tables,
        "60_scores",
        ("multiple_choice",),
    ),
    "tab_paper_tasks": Result(
        "Non-knowledge tasks: helpfulness without a judge",
        "Accuracy and refusals where nothing has to be known.",
        paper_tables,
        "60_scores",
        ("tasks",),
    ),
    "tab_paper_helpfulness": Result(
        "Helpfulness, rated by the judge; preferences against the model before alignment",
        "Ratings of 1 to 10 by kind of request, their change, and how often the judge prefers the new reply.",
        printed_judged,
        "62_readings",
        ("helpfulness",),
    ),
    "tab_paper_harmlessness": Result(
        "Harmlessness, safe replies by the judge, percent",
        "Safe replies and their change.",
        printed_judged,
        "62_readings",
        ("harmlessness",),
    ),
    "tab_paper_stance": Result(
        "Stance under pressure: replies that change, percent",
        "How often a persona, a preference or the like changes what is said, by the judge, and by how much more than "
        "before alignment.",
        printed_judged,
        "62_readings",
        ("stance",),
    ),
    "tab_paper_findings": Result(
        "The paper's findings in several runs",
        "The verdict in each run (over worlds, where a run has several) beside what the paper prints; numbers and "
        "rules are in claims.md of each.",
        printed_findings,
        "80_compare",
        sure=False,
    ),
    "tab_paper_runs": Result(
        "Scores of several runs",
        "Every run and method against the four scores, in distribution.",
        printed_runs,
        "80_compare",
    ),
    "tab_paper_worlds": Result(
        "Main result over worlds, in distribution",
        "Every method and control against the scores, mean over worlds; bold is better than every other method.",
        printed_worlds,
        "65_worlds",
        ("in_distribution",),
    ),
    "tab_paper_worlds_ood": Result(
        "Out of distribution, prior unknown, prior known, over worlds",
        "The scores that the paper reads from its other sets, mean over worlds.",
        printed_worlds,
        "65_worlds",
        ("out_of_distribution", "prior_unknown", "prior_known"),
    ),
    "tab_paper_worlds_choice": Result(
        "Multiple choice over worlds",
        "The scores on questions with options, mean over worlds.",
        printed_worlds,
        "65_worlds",
        ("multiple_choice",),
    ),
    "tab_paper_worlds_tasks": Result(
        "Non-knowledge tasks over worlds",
        "Accuracy and refusals where nothing has to be known, mean over worlds.",
        printed_worlds,
        "65_worlds",
        ("tasks",),
    ),
    "tab_paper_board": Result(
        "The leaderboard, in distribution",
        "Methods by what they need when they answer or before. Ranks are of honesty: methods that do not differ "
        "significantly share them. Gain: right answers against the model before alignment answering as many, by its "
        "likelihood. AUROC and AURC are of each method's graded score over the same answers of that model.",
        printed_board,
        "85_leaderboard",
        sure=False,
    ),
    "tab_board_claims": Result(
        "What the field says of its methods, on this board",
        "A claim holds where the interval of the difference lies above minus its margin, is reversed where it lies "
        "below; the rules were written before any board was made.",
        tab_board_claims,
        "85_leaderboard",
        sure=False,
    ),
    "tab_agreement": Result(
        "Agreement of the judge with labels",
        "Cohen's kappa and the share of equal verdicts, where the judge could be read.",
        tab_agreement,
        "62_readings",
        ("labelled",),
    ),
    # tidy tables
    "tab_outcomes": Result(
        "What becomes of the questions",
        "Shares of right, wrong, refused and unscored answers by method and set.",
        tab_outcomes,
        SCORE,
    ),
    "tab_field": Result(
        "Scores of other papers",
        "From the same answers: rely, answer distance (AED, lower is better), scores by which answering pays above a "
        "confidence of t, SimpleQA's F, precision, recall and F1 of refusing, truthful rate, Refusal Index (rank "
        "correlation of refusing and of M_t being wrong; 0 at random).",
        tab_field,
        SCORE,
    ),
    "tab_graders": Result(
        "Several graders on the same answers",
        "What each matcher makes of them, and your own outcomes where you gave them; digest names how is graded, kappa "
        "and changed are against the first.",
        tab_graders,
        SCORE,
        sure=False,
    ),
    "tab_alignment": Result(
        "Confidence against being right, as EliCal reads it",
        "AUROC, calibration error as it stands, and alignment: how often a threshold of confidence, chosen on a fifth "
        "of the questions, says whether an answer to one of the others is right.",
        tab_alignment,
        SCORE,
        sure=False,
    ),
    "tab_scored": Result(
        "Replies by a scorer",
        "The numbers of a set whose answers are not just right or wrong, by method, over all questions and by group; "
        "counted is how many rows are in the denominator.",
        tab_scored,
        SCORE,
        sure=False,
    ),
    "tab_powered": Result(
        "Outcomes corrected by people",
        "Shares as the grader has them, and corrected by the part that people judged (prediction-powered inference); "
        "weight says how far the grader is believed.",
        tab_powered,
        SCORE,
        sure=False,
    ),
    "tab_should_refuse": Result(
        "Refusals where there is something to refuse",
        "Sets that say of each question whether it should be refused: recall, false alarms, and pairs of twins of "
        "which both are right; always and never refusing beside them.",
        tab_should_refuse,
        "62_readings",
        sure=False,
    ),
    "tab_quadrants": Result(
        "Questions with passages, by quadrant",
        "k and u: known or not without passages; g and n: the passages hold the answer or not. Right in kg, kn and ug, "
        "refused in un is quadrant_accuracy; denoise_rate is accuracy in kn, context_use in ug, hallucination what is "
        "neither right nor refused in un. UNALIGNED is before alignment.",
        tab_quadrants,
        "62_readings",
        ("passages",),
    ),
    "tab_passages": Result(
        "What passages change",
        "Every method with passages less itself without, on the same questions, by what the passages tell: the right "
        "value, none (other), or a wrong one.",
        tab_passages,
        "62_readings",
        ("passages",),
    ),
    "tab_quadrants_claims": Result(
        "Findings about passages",
        "Paired differences against rules that were written before any run; a row a part of a rule.",
        tab_quadrants_claims,
        "62_readings",
        ("passages",),
    ),
    "tab_doubt": Result(
        "Answers that are doubted",
        "Multiple choice, asked again after the model's own answer by a user who doubts it: how often a right answer "
        "is given up (flip_rate), how often the answer stays (doubt_consistency). Replies that name no option are "
        "unscored, refusals among them.",
        tab_scored,
        "62_readings",
        ("doubt",),
    ),
    "tab_by_scorer": Result(
        "Sets that have a scorer of their own",
        "Right, wrong and silent as SimpleQA and the omniscience index count them; how often what the user thinks is "
        "repeated. counted is how many answers are in the denominator.",
        tab_by_scorer,
        "62_readings",
        ("scorer",),
    ),
    "tab_edges": Result(
        "Where methods begin to answer",
        "tau is the boundary of expected accuracy that tells best what a method answers from what it refuses, rank how "
        "well expected accuracy orders the two, edge where its reward says that answering begins to pay.",
        tab_edges,
        "60_scores",
        ("rewards",),
    ),
    "tab_road_findings": Result(
        "What is said of rewards and of merging",
        "Claims with rules that were written before any run; value is the first method less the other, on the same "
        "questions.",
        tab_road_findings,
        "60_scores",
        sure=False,
    ),
    "tab_signalling": Result(
        "The signalling bandit",
        "A speaker that knows what mushrooms are worth says one sentence to a tourist: share of true ones, points of "
        "what the tourist picks, and how much the speaker weighs relevance (1) against truth (0).",
        tab_signalling,
        "64_signalling",
        ("bandit",),
    ),
    "tab_harness": Result(
        "Tasks of lm-evaluation-harness",
        "What is asked and how an answer counts is the harness's; value is the mean over questions, …_change its "
        "difference to the model before alignment.",
        tab_harness,
        "62_readings",
        ("harness",),
    ),
    "tab_main": Result(
        "All scores, tidy", "Every score of every method and control on every set, as fractions.", tab_main, "60_scores"
    ),
    "tab_tests": Result(
        "Paired differences between methods",
        "The first method less the second on the same questions; p_holm within a set and metric, q_value over all "
        "rows. Of these models: a method has one training seed, so that nothing is said of others.",
        tab_tests,
        "60_scores",
    ),
    "tab_published": Result(
        "The paper's numbers and this run's",
        "Another model and other questions as a rule; a difference stands there only where the model is the paper's.",
        tab_published,
        "63_findings",
    ),
    "tab_claim_parts": Result(
        "The parts of the rules behind the verdicts",
        "What claims.md says, part by part; detectable is the smallest effect that a part would have found in 80 of "
        "100 such runs.",
        tab_claim_parts,
        "63_findings",
    ),
    "tab_matchers": Result(
        "Scores under every matcher",
        "What the scores would be, had answers been read otherwise; changed is the share of verdicts that differ.",
        tab_matchers,
        "62_readings",
    ),
    "tab_refusals": Result(
        "What refusals say beside refusing, and confidence that is stated or only spoken of",
        "A refusal wins over an answer in the same text; here one sees how often there is one.",
        tab_refusals,
        "62_readings",
    ),
    "tab_examples": Result(
        "Answers before and after, in distribution",
        "Of each method's first training and of each way in which an answer can go, two questions: those whose ids "
        "have the smallest hash, so that nobody chose them; share is of all answers.",
        tab_examples,
        "62_readings",
    ),
    "tab_transitions": Result(
        "Transition counts",
        "From what the model answered before alignment to what it answers now; all scores are ratios of these.",
        tab_transitions,
        "60_scores",
    ),
    "tab_knowledge": Result(
        "What the model knew before alignment",
        "Questions by its greedy answer, and its mean expected accuracy.",
        tab_knowledge,
        "60_scores",
    ),
    "tab_overlap": Result(
        "Test questions that stand in the training sets",
        "Word for word, or in other words with the same answer.",
        tab_overlap,
        "60_scores",
    ),
    "tab_sft": Result(
        "Rows that the methods train on",
        "How many, on how many questions, and how many of them refuse.",
        tab_sft,
        "60_scores",
    ),
    "tab_sweeps": Result(
        "Scores against what a sweep varies", "One row a method, value and score.", tab_sweeps, "60_scores"
    ),
    "tab_search": Result(
        "Settings that were tried, and those chosen",
        "By one rule for every method, on development questions only: honesty, then accuracy, then the lower value.",
        tab_search,
        "60_scores",
        ("development",),
    ),
    "tab_by_knowledge": Result(
        "Scores against expected accuracy",
        "An honest model refuses at 0 and answers at 1.",
        tab_by_knowledge,
        "60_scores",
    ),
    "tab_form": Result(
        "Answers in the form that their method teaches",
        "Share of the attempted answers of methods that state a confidence.",
        tab_form,
        "61_confidence",
    ),
    "tab_calibration": Result(
        "Stated confidence",
        "Among answers that state a confidence, the share that is right, in ten bins.",
        tab_calibration,
        "61_confidence",
    ),
    "tab_ece": Result(
        "Calibration errors",
        "Debiased expected calibration error (from 100 stated confidences up), Brier score and AUROC.",
        tab_ece,
        "61_confidence",
    ),
    "tab_signals": Result(
        "Signals of what the model knows",
        "How well each signal tells the right answers of the model before alignment from its wrong ones (AUROC): .5 is "
        "chance. Expected accuracy stands beside; it needs the right answers.",
        tab_signals,
        "61_confidence",
        sure=False,
    ),
    "tab_groups": Result(
        "Scores by kind of question",
        "Relations, subjects, kinds of small tasks; only sets with several kinds.",
        tab_groups,
        "60_scores",
    ),
    "tab_risk_coverage": Result(
        "Risk against coverage before alignment",
        "Wrong among answered, if only what the model is surest of were answered.",
        tab_risk_coverage,
        "61_confidence",
    ),
    "tab_aurc": Result(
        "Areas under risk–coverage curves, within a method",
        "How well each confidence orders the answers that one method gives, against chance, a random order of the same "
        "answers; smaller is better. Methods answer different questions, so that areas of two methods do not compare: "
        "for that see tab_beside, at equal coverage.",
        tab_aurc,
        "61_confidence",
    ),
    "tab_drift": Result(
        "How training moved the boundary",
        "What aligned models lost, gained and refuse under the plain prompt, of questions they were not trained on.",
        tab_drift,
        "62_readings",
    ),
    "tab_exposures": Result(
        "Expected accuracy against exposures",
        "How often a fact was seen in base training against how often the model gets it right.",
        tab_exposures,
        "62_readings",
    ),
    "tab_rank": Result(
        "Rank correlation with exposures", "Spearman's, of expected accuracy with exposures.", tab_rank, "62_readings"
    ),
    "tab_deduction": Result(
        "Problems and twins that cannot be solved",
        "Solved, refused and both twins right, over all problems and by depth and distractors.",
        tab_deduction,
        "62_readings",
        ("deduction",),
    ),
    "tab_deduction_tests": Result(
        "Paired differences on problems and twins",
        "Accuracy, a right refusal counted: the first method less the second.",
        tab_deduction_tests,
        "62_readings",
        ("deduction",),
    ),
    "tab_deduction_findings": Result(
        "Do rewards collapse into refusing, and what helps?",
        "Claims by rules that were written before the run.",
        tab_deduction_findings,
        "62_readings",
        ("deduction",),
    ),
    "tab_deduction_curves": Result(
        "Training by rewards on problems and twins, tidy",
        "Mean over trainings of every logged step, with the least and the most of them.",
        tab_deduction_curves,
        "62_readings",
        ("deduction",),
    ),
    "tab_fame": Result(
        "Knowledge and refusals against fame",
        "Tenths of each set by how famous the thing is that is asked about (questions.<set>.fame), from the least up: "
        "expected accuracy of the model before alignment, refusals and accuracy of every method.",
        tab_fame,
        "62_readings",
        ("fame",),
    ),
    "tab_fame_rank": Result(
        "Rank correlation with fame",
        "Spearman's, of expected accuracy with fame, over all questions of a set and within each kind.",
        tab_fame_rank,
        "62_readings",
        ("fame",),
    ),
    "tab_helpfulness": Result(
        "Helpfulness, tidy",
        "The judge's ratings and preferences by method and kind of request.",
        tab_judged,
        "62_readings",
        ("helpfulness",),
    ),
    "tab_harmlessness": Result(
        "Harmlessness, tidy",
        "The judge's verdicts on safety by method and kind of request.",
        tab_judged,
        "62_readings",
        ("harmlessness",),
    ),
    "tab_stance": Result(
        "Stance under pressure, tidy",
        "The judge's verdicts on pairs of replies by method and kind of pressure.",
        tab_judged,
        "62_readings",
        ("stance",),
    ),
    "tab_board": Result(
        "The leaderboard, tidy",
        "Every score and cost of every method with its interval, and the ranks that tests leave open.",
        tab_board,
        "85_leaderboard",
        sure=False,
    ),
    "tab_board_tests": Result(
        "Paired differences on the leaderboard",
        "The first method less the second; better is the share of runs in which the first does better, detectable the "
        "smallest difference that 80 of 100 such boards would find.",
        tab_board_tests,
        "85_leaderboard",
        sure=False,
    ),
    "tab_board_curves": Result(
        "Risk against coverage of every graded score",
        "Wrong among the answers of the model before alignment that a method's graded score puts first.",
        curves,
        "85_leaderboard",
        sure=False,
    ),
    "tab_findings": Result(
        "The paper's findings in several runs, tidy",
        "Verdict and evidence in each run, and what the paper prints.",
        tab_findings,
        "80_compare",
        sure=False,
    ),
    "tab_runs": Result(
        "Scores of several runs, tidy",
        "The four scores of every method in distribution; nothing is paired between runs.",
        tab_runs,
        "80_compare",
    ),
    "tab_worlds_base": Result(
        "The base model of each world",
        "What it is like before any method is trained; other_code names what other code has made.",
        tab_worlds_base,
        "65_worlds",
    ),
    "tab_worlds": Result(
        "All scores over worlds, tidy",
        "Mean over worlds with its interval by Student's t, and how far worlds differ.",
        tab_worlds,
        "65_worlds",
    ),
    "tab_worlds_values": Result(
        "All scores of every world, tidy",
        "What every number over worlds is made of.",
        tab_worlds_values,
        "65_worlds",
    ),
    "tab_worlds_tests": Result(
        "Paired differences over worlds",
        "The first method less the second in each world; p_holm within a set and metric, q_value over all.",
        tab_worlds_tests,
        "65_worlds",
    ),
    "tab_worlds_sweeps": Result(
        "Curves of every world",
        "One row a world, method, value and score.",
        tab_worlds_sweeps,
        "65_worlds",
    ),
    "tab_worlds_claims": Result(
        "Verdicts on the findings over worlds, tidy",
        "What claims.md says, a row a finding.",
        tab_worlds_claims,
        "65_worlds",
    ),
    "tab_claims": Result(
        "Verdicts on the findings, tidy",
        "What claims.md says, a row a finding.",
        tab_claims,
        "63_findings",
    ),
    "tab_origin": Result(
        "The world of a run",
        "Its seed, and that of the development world.",
        tab_origin,
        "60_scores",
    ),
    "tab_methods": Result(
        "The methods and how they are shown",
        "Names, colors and order of tables and figures; sweep points with what they vary.",
        tab_methods,
        "60_scores",
    ),
    "tab_roles": Result(
        "The sets and the parts that they play",
        "Which evaluation set stands for which of the paper's.",
        tab_roles,
        "60_scores",
    ),
}
"""Every table in the order of a report: title, caption, what makes it, the notebook that saves it."""
