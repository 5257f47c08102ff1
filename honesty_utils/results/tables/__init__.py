"""The tables of a run: functions from frames to frames, and the files they are saved to.

A new table is a function and a line in `TABLES`.
"""

from honesty_utils.results.origin import tab_origin
from honesty_utils.results.tables.alignment import tab_alignment
from honesty_utils.results.tables.board import (
    NEEDS,
    of_one_run,
    printed_board,
    run_costs,
    run_values,
    tab_board,
    tab_board_claims,
    tab_board_tests,
)
from honesty_utils.results.tables.claims import tab_claims, tab_worlds_claims
from honesty_utils.results.tables.comparisons import ALPHA, Difference, best, best_of_these_models, find, tab_tests
from honesty_utils.results.tables.confidence import tab_calibration, tab_ece, tab_form
from honesty_utils.results.tables.data import load_rows, tab_exposures, tab_knowledge, tab_overlap, tab_rank, tab_sft
from honesty_utils.results.tables.deduction import (
    load_curves,
    tab_deduction,
    tab_deduction_curves,
    tab_deduction_findings,
    tab_deduction_tests,
)
from honesty_utils.results.tables.drift import load_drift, tab_drift
from honesty_utils.results.tables.edges import tab_edges
from honesty_utils.results.tables.examples import tab_examples
from honesty_utils.results.tables.fame import tab_fame, tab_fame_rank
from honesty_utils.results.tables.field import tab_field
from honesty_utils.results.tables.graders import tab_graders
from honesty_utils.results.tables.harness import load_harness, tab_harness
from honesty_utils.results.tables.judged import printed_judged, tab_agreement, tab_judged
from honesty_utils.results.tables.layout import (
    keep_exact,
    paper_table,
    paper_tables,
    read_exact,
    read_table,
    save_table,
    to_latex,
    to_markdown,
    wide,
)
from honesty_utils.results.tables.matchers import tab_matchers
from honesty_utils.results.tables.ordering import curves, mean_curves, order_scores, order_tests, orders
from honesty_utils.results.tables.outcomes import tab_outcomes
from honesty_utils.results.tables.paper import tab_published
from honesty_utils.results.tables.parts import tab_claim_parts
from honesty_utils.results.tables.powered import tab_powered
from honesty_utils.results.tables.quadrants import tab_passages, tab_quadrants
from honesty_utils.results.tables.quadrants_claims import tab_quadrants_claims
from honesty_utils.results.tables.refusals import tab_refusals
from honesty_utils.results.tables.registry import TABLES
from honesty_utils.results.tables.roads import tab_road_findings
from honesty_utils.results.tables.roster import tab_methods, tab_roles
from honesty_utils.results.tables.runs import printed_findings, printed_runs, tab_findings, tab_runs
from honesty_utils.results.tables.saving import expected, save_tables
from honesty_utils.results.tables.scored import tab_by_scorer, tab_scored
from honesty_utils.results.tables.scores import tab_by_knowledge, tab_groups, tab_main, tab_sweeps, tab_transitions
from honesty_utils.results.tables.search import tab_search
from honesty_utils.results.tables.selective import tab_aurc, tab_risk_coverage
from honesty_utils.results.tables.should_refuse import tab_should_refuse
from honesty_utils.results.tables.signalling import tab_signalling
from honesty_utils.results.tables.signals import tab_signals
from honesty_utils.results.tables.worlds import (
    pairs_along,
    printed_worlds,
    tab_worlds,
    tab_worlds_base,
    tab_worlds_sweeps,
    tab_worlds_tests,
    tab_worlds_values,
)

__all__ = [
    "ALPHA",
    "NEEDS",
    "TABLES",
    "Difference",
    "best",
    "best_of_these_models",
    "curves",
    "expected",
    "find",
    "keep_exact",
    "load_curves",
    "load_drift",
    "load_harness",
    "load_rows",
    "mean_curves",
    "of_one_run",
    "order_scores",
    "order_tests",
    "orders",
    "pairs_along",
    "paper_table",
    "paper_tables",
    "printed_board",
    "printed_findings",
    "printed_judged",
    "printed_runs",
    "printed_worlds",
    "read_exact",
    "read_table",
    "run_costs",
    "run_values",
    "save_table",
    "save_tables",
    "tab_agreement",
    "tab_alignment",
    "tab_aurc",
    "tab_board",
    "tab_board_claims",
    "tab_board_tests",
    "tab_by_knowledge",
    "tab_by_scorer",
    "tab_calibration",
    "tab_claim_parts",
    "tab_claims",
    "tab_deduction",
    "tab_deduction_curves",
    "tab_deduction_findings",
    "tab_deduction_tests",
    "tab_drift",
    "tab_ece",
    "tab_edges",
    "tab_examples",
    "tab_exposures",
    "tab_fame",
    "tab_fame_rank",
    "tab_field",
    "tab_findings",
    "tab_form",
    "tab_graders",
    "tab_groups",
    "tab_harness",
    "tab_judged",
    "tab_knowledge",
    "tab_main",
    "tab_matchers",
    "tab_methods",
    "tab_origin",
    "tab_outcomes",
    "tab_overlap",
    "tab_passages",
    "tab_powered",
    "tab_published",
    "tab_quadrants",
    "tab_quadrants_claims",
    "tab_rank",
    "tab_refusals",
    "tab_risk_coverage",
    "tab_road_findings",
    "tab_roles",
    "tab_runs",
    "tab_scored",
    "tab_search",
    "tab_sft",
    "tab_should_refuse",
    "tab_signalling",
    "tab_signals",
    "tab_sweeps",
    "tab_tests",
    "tab_transitions",
    "tab_worlds",
    "tab_worlds_base",
    "tab_worlds_claims",
    "tab_worlds_sweeps",
    "tab_worlds_tests",
    "tab_worlds_values",
    "to_latex",
    "to_markdown",
    "wide",
]
