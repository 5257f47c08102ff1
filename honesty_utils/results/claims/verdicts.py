"""Which findings of the paper a run reproduces: a verdict on each with the run's numbers beside the paper's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from honesty_utils.common.records import atomic
from honesty_utils.results.claims.evidence import Evidence, NotTestable
from honesty_utils.results.claims.findings import FINDINGS, Finding
from honesty_utils.results.claims.parts import LEAST, MARKS, POWER, Judgment, Outcome, Verdict
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.settings import Analysis
from honesty_utils.results.tables.comparisons import ALPHA, tab_tests
from honesty_utils.results.tables.layout import to_markdown
from honesty_utils.results.tables.parts import COLUMNS as PART_COLUMNS
from honesty_utils.results.tables.scores import tab_transitions

VERDICTS = tuple(verdict.value for verdict in Verdict)

COLUMNS = ["number", "finding", "verdict", "models", "evidence", "detectable", "tuned", "paper", "rule"]

NOTHING, UNKNOWN = "nothing", "–"


def gather(
    evaluations: pd.DataFrame,
    main: pd.DataFrame,
    tests: pd.DataFrame,
    taus: Mapping[str, float],
    analysis: Analysis,
    helpfulness: pd.DataFrame | None = None,
    roster: Roster = PAPER,
    microworld: bool = True,
) -> Evidence:
    """What a run has to say of the findings.

    Args:
        evaluations: as ``frames.load`` returns it; the points of the τ curve are tested against each other, and what
            FINE-TUNED lost and gained is counted.
        main: the main table.
        tests: the table of paired tests.
        taus: τ of each method that is a point of ABSOLUTE's curve.
        analysis: its ``roles`` name the set that plays each part of the paper.
        helpfulness: ``tables.tab_judged`` of the role; none: no judge has rated replies.
        roster: the methods of the run.
        microworld: whether the run's base model is of a recipe of this project.
    """
    return Evidence(
        main,
        tests,
        {str(role): name for role, name in analysis.roles.items()},
        taus,
        _tau_tests(evaluations, taus, analysis, roster),
        helpfulness,
        roster,
        tab_transitions(evaluations, roster),
        microworld,
    )


def judged(evidence: Evidence) -> pd.DataFrame:
    """Judge the paper's ten findings.

    Returns:
        ``number, finding, verdict, models, evidence, detectable, tuned, paper, rule``: a row a finding; percent with
        intervals, differences in percent points. ``verdict`` is one about methods: "inconclusive" where a method was
        trained too seldom; ``models`` is the verdict on the models at hand, which worlds are counted by.
        ``detectable`` are the smallest and the largest minimum detectable effect of the rule's parts.
    """
    return pd.DataFrame([_row(finding, evidence) for finding in FINDINGS], columns=COLUMNS)


def part_rows(evidence: Evidence) -> pd.DataFrame:
    """The parts of the rules, for counting and for means over worlds.

    Returns:
        ``number, part, core, outcome, value, low, high, p_value, detectable``: a row a part, fractions (points of its
        scale for a judge's rating); no row of a finding that is not testable.
    """
    rows = []
    for finding in FINDINGS:
        try:
            found = finding.judge(evidence).parts
        except NotTestable:
            continue
        for part in found:
            numbers = (part.value, part.low, part.high, part.p_value, part.detectable)
            rows.append((finding.number, part.name, part.core, part.outcome.value, *numbers))
    return pd.DataFrame(rows, columns=PART_COLUMNS)


def _row(finding: Finding, evidence: Evidence) -> tuple[int | str, ...]:
    tuned = (finding.tuned or NOTHING) if evidence.microworld else UNKNOWN
    beside = (tuned, finding.paper(), finding.rule)
    try:
        judgment = finding.judge(evidence)
    except NotTestable as reason:
        verdict = Verdict.NOT_TESTABLE.value
        return (finding.number, finding.claim, verdict, verdict, str(reason), UNKNOWN, *beside)
    few = evidence.too_few(judgment.methods)
    verdict = (Verdict.INCONCLUSIVE if few else judgment.verdict).value
    text = f"{few} (of these models: {judgment.verdict}); {judgment.evidence}" if few else judgment.evidence
    return (finding.number, finding.claim, verdict, judgment.verdict.value, text, _detectable(judgment), *beside)


def _detectable(judgment: Judgment) -> str:
    """The least and the most of the parts' minimum detectable effects, as printed."""
    found = [part.scale * part.detectable for part in judgment.parts if not math.isnan(part.detectable)]
    if not found:
        return UNKNOWN
    places = 1 if judgment.parts[0].scale == 100 else 2
    least, most = f"{min(found):.{places}f}", f"{max(found):.{places}f}"
    return least if least == most else f"{least}–{most}"


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
    """The text of ``claims.md``: one table row a finding, then how it is read, then the rules.

    ``origin`` says of which world it is.
    """
    table = claims[["number", "finding", "verdict", "evidence", "detectable", "tuned", "paper"]].copy()
    table.columns = pd.Index(["#", "Finding", "Verdict", "This run", "Detectable", "Tuned", "Paper (LLaMA-2-Chat-13B)"])
    table["Verdict"] = "**" + table["Verdict"] + "**"
    rules = "\n".join(f"{row.number}. {row.rule}" for row in claims.itertuples())
    marks = ", ".join(f"{MARKS[outcome]} {outcome}" for outcome in Outcome)
    return (
        f"# The paper's findings in the run `{run}`\n\n"
        f"{f'This is {origin}; what holds in it may not hold in another.' if origin else 'This is one base model.'}\n\n"
        "Percent with intervals over questions and training seeds; differences are paired, in percent points. The "
        "paper prints neither seeds nor intervals. One run is one base model: intervals do not tell how "
        "far another would be.\n\n"
        f"{to_markdown(table)}\n"
        "## How to read it\n\n"
        f"A rule is a list of parts, and each {marks.replace('open', 'is open')}: it is reversed where the run shows "
        "the opposite significantly, and open where the run does not tell. The verdict follows:\n\n"
        f"- **{Verdict.REPRODUCED}**: all parts hold.\n"
        f"- **{Verdict.REVERSED}**: of the parts that state the finding at least one is reversed, and none holds.\n"
        f"- **{Verdict.PARTLY}**: some part is reversed, otherwise.\n"
        f"- **{Verdict.INCONCLUSIVE}**: none is reversed, some are open; or a method was trained fewer than {LEAST} "
        "times, so that the run speaks of its models and not of methods.\n"
        f"- **{Verdict.NOT_TESTABLE}**: the run lacks what the finding speaks of.\n\n"
        f"*Significantly*: p is below {ALPHA} and the interval excludes 0. A rule asks that all its parts hold, so "
        "their p-values need no correction for being several. There is no correction over the ten findings and "
        "over sets: of parts about what is not there, one in forty shows as holding, and one in forty as reversed.\n\n"
        f"*Detectable*: the smallest effect, in percent points (points of a judge's scale), that a part would have "
        f"found in {100 * POWER:.0f} of 100 such runs; from the part that sees best to the one that sees worst. An "
        "open part with a large one says little.\n\n"
        "*Tuned*: what of the microworld's recipe was chosen in the development world by looking at what the finding "
        "is about.\n\n"
        "## Rules\n\n"
        "A finding is reproduced when:\n\n"
        f"{rules}\n"
    )


def write(claims: pd.DataFrame, run: str, path: str | Path, origin: str = "") -> Path:
    """Write :func:`markdown` to ``path``; the file appears whole or not at all."""
    with atomic(path) as partial:
        partial.write_text(markdown(claims, run, origin), encoding="utf-8", newline="\n")
    return Path(path)
