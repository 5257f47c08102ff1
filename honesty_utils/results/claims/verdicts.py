"""Which findings of the paper a run reproduces: a verdict on each with the run's numbers beside the paper's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from honesty_utils.common.records import atomic
from honesty_utils.results.claims.evidence import Evidence, NotTestable
from honesty_utils.results.claims.findings import FINDINGS, Finding
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.settings import Analysis
from honesty_utils.results.tables.comparisons import ALPHA, tab_tests
from honesty_utils.results.tables.layout import to_markdown

VERDICTS = ("reproduced", "not reproduced", "not testable")


def check(
    evaluations: pd.DataFrame,
    main: pd.DataFrame,
    tests: pd.DataFrame,
    taus: Mapping[str, float],
    analysis: Analysis,
    helpfulness: pd.DataFrame | None = None,
    roster: Roster = PAPER,
) -> pd.DataFrame:
    """Judge the paper's ten findings.

    Args:
        evaluations: as ``frames.load`` returns it; the points of the τ curve are tested against each other.
        main: the main table.
        tests: the table of paired tests.
        taus: τ of each method that is a point of ABSOLUTE's curve.
        analysis: its ``roles`` name the set that plays each part of the paper.
        helpfulness: ``tables.tab_judged`` of the role; none: no judge has rated replies.
        roster: the methods of the run.

    Returns:
        ``number, finding, verdict, evidence, paper, rule``: a row a finding; percent with intervals, differences in
        percent points.
    """
    evidence = Evidence(
        main,
        tests,
        {str(role): name for role, name in analysis.roles.items()},
        taus,
        _tau_tests(evaluations, taus, analysis, roster),
        helpfulness,
        roster,
    )
    return judged(evidence)


def judged(evidence: Evidence) -> pd.DataFrame:
    """What the rules say of the evidence: ``number, finding, verdict, evidence, paper, rule``, a row a finding."""
    columns = ["number", "finding", "verdict", "evidence", "paper", "rule"]
    return pd.DataFrame([_row(finding, evidence) for finding in FINDINGS], columns=columns)


def _row(finding: Finding, evidence: Evidence) -> tuple[int, str, str, str, str, str]:
    try:
        judgment = finding.judge(evidence)
        verdict, text = VERDICTS[0] if judgment.holds else VERDICTS[1], judgment.evidence
    except NotTestable as reason:
        verdict, text = VERDICTS[2], str(reason)
    return finding.number, finding.claim, verdict, text, finding.paper(), finding.rule


def _tau_tests(
    evaluations: pd.DataFrame, taus: Mapping[str, float], analysis: Analysis, roster: Roster
) -> pd.DataFrame:
    """Paired tests in distribution of neighboring τ and of the highest against the lowest."""
    order = sorted(taus, key=lambda method: taus[method])
    pairs = list(zip(order[1:], order[:-1], strict=True))
    if len(order) > 2:
        pairs.append((order[-1], order[0]))
    here = evaluations[evaluations["dataset"] == analysis.roles["in_distribution"]]
    return tab_tests(here, analysis, pairs, roster)


def markdown(claims: pd.DataFrame, run: str, origin: str = "") -> str:
    """The text of ``claims.md``: one table row a finding, then the rules; ``origin`` says of which world it is."""
    table = claims[["number", "finding", "verdict", "evidence", "paper"]].copy()
    table.columns = pd.Index(["#", "Finding", "Verdict", "This run", "Paper (LLaMA-2-Chat-13B)"])
    table["Verdict"] = "**" + table["Verdict"] + "**"
    rules = "\n".join(f"{row.number}. {row.rule}" for row in claims.itertuples())
    return (
        f"# The paper's findings in the run `{run}`\n\n"
        f"{f'This is {origin}; what holds in it may not hold in another.' if origin else 'This is one base model.'}\n\n"
        "Percent with intervals over questions and training seeds; differences are paired, in percent points. The "
        "paper prints neither seeds nor intervals.\n\n"
        f"{to_markdown(table)}\n"
        "A finding counts as reproduced when:\n\n"
        f"{rules}\n\n"
        f"*Significantly*: p is below {ALPHA} and the interval excludes 0. A rule asks that all its tests reject, so "
        "their p-values need no correction for being several. *Not reproduced* includes findings that the run has too "
        "few questions or seeds to show.\n"
    )


def write(claims: pd.DataFrame, run: str, path: str | Path, origin: str = "") -> Path:
    """Write :func:`markdown` to ``path``; the file appears whole or not at all."""
    with atomic(path) as partial:
        partial.write_text(markdown(claims, run, origin), encoding="utf-8", newline="\n")
    return Path(path)
