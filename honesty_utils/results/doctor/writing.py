"""A report as text for a terminal and as Markdown."""

from __future__ import annotations

import math
import textwrap
from typing import Any

from honesty_utils.results.doctor.checks import STAGES
from honesty_utils.results.doctor.examining import NOT_THERE, Finding, Report, in_percent
from honesty_utils.results.doctor.ranges import REPORT_LEVEL

WIDTH = 118
MOST_KEYS = 8
"""Keys of a params file that are shown; more of them are counted."""


def text(report: Report) -> str:
    """The report for a terminal: a line a quantity, stages apart, the conclusion last.

    What the reference lacks is counted; `markdown` lists it.
    """
    lines = _head(report)
    shown = [finding for finding in report.findings if finding.why != NOT_THERE]
    widths = [max([len(_cells(finding)[column]) for finding in shown], default=0) for column in range(4)]
    for stage in STAGES:
        mine = [finding for finding in report.findings if finding.check.stage == stage]
        rows = [_line(finding, widths) for finding in mine if finding in shown]
        lacking = len(mine) - len(rows)
        rows += [f"  {lacking} quantities are not in the reference"] if lacking else []
        lines += ["", stage, *rows] if rows else []
    lines += ["", *_gaps(report), *_conclusion(report)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _line(finding: Finding, widths: list[int]) -> str:
    name, about, value, ends, verdict = _cells(finding)
    sign = "! " if finding.differs else "  "
    return f"{sign}{name:<{widths[0]}}  {about:<{widths[1]}}  {value:>{widths[2]}}  {ends:<{widths[3]}}  {verdict}"


def markdown(report: Report) -> str:
    """The same as a page."""
    lines = [f"# Doctor: {report.run}", "", *_head(report)[1:], ""]
    lines += ["| stage | quantity | of | this run | reference | verdict |", "|---|---|---|---:|---|---|"]
    for finding in report.findings:
        name, about, value, ends, verdict = (cell.replace("|", "\\|") for cell in _cells(finding))
        shown = f"**{verdict}**" if finding.differs else verdict
        lines.append(f"| {finding.check.stage} | {name} | {about} | {value} | {ends} | {shown} |")
    lines += ["", *_gaps(report), *_conclusion(report)]
    return "\n".join(lines) + "\n"


def _head(report: Report) -> list[str]:
    chance = f"{100 * REPORT_LEVEL:g} %"
    about = (
        f"Compared with {report.reference.name}: {report.compared} quantities, each at the level {report.level:.2g}, "
        f"so that a run like its reference is called different in at most {chance} of reports."
    )
    lines = [f"run {report.run}", *textwrap.wrap(about, WIDTH)]
    if not report.reference.runs:
        own = report.model or "a model of its own"
        lines += textwrap.wrap(
            f"The paper prints one run of one model, this run is of {own}: a difference need not be a fault.", WIDTH
        )
    return lines


def _cells(finding: Finding) -> tuple[str, str, str, str, str]:
    value = "–" if finding.found is None else number(finding, finding.found.value)
    ends = "–"
    if finding.range is not None:
        ends = f"[{number(finding, finding.range.low)}, {number(finding, finding.range.high)}]"
    verdict: str = finding.verdict
    if finding.why:
        verdict += f" ({finding.why})"
    elif finding.differs:
        verdict += f", {how_far(finding)}"
    return finding.check.title, finding.about.replace("@", " on "), value, ends, verdict


def number(finding: Finding, value: float) -> str:
    """A number in the quantity's unit, as it is shown."""
    if in_percent(finding.check):
        return f"{100 * value:.1f} %"
    return f"{value:,.0f}" if finding.check.unit == "count" else f"{value:.3g}"


def how_far(finding: Finding) -> str:
    """How far a value is from the reference: in its own unit, and in standard deviations where there are any."""
    assert finding.found is not None and finding.range is not None
    gap = finding.found.value - finding.range.center
    unit = (
        "points" if in_percent(finding.check) else {"count": "", "rank": ""}.get(finding.check.unit, finding.check.unit)
    )
    whole = finding.check.unit == "count"
    size = f"{100 * gap:+.1f}" if in_percent(finding.check) else f"{gap:+,.0f}" if whole else f"{gap:+.3g}"
    shown = f"{size} {unit}".strip()
    deviations = finding.deviations
    return shown if math.isnan(deviations) else f"{shown} ({deviations:+.1f} SD)"


def _gaps(report: Report) -> list[str]:
    if not report.missing:
        return []
    parts = [f"{stage} ({len(keys)} quantities)" for stage, keys in report.missing.items()]
    return [*textwrap.wrap(f"Not there yet: {', '.join(parts)}. What is there is examined.", WIDTH), ""]


def _conclusion(report: Report) -> list[str]:
    first = report.first
    if first is None:
        if not report.compared:
            return ["Nothing of this run can be compared with the reference."]
        return [f"Nothing differs from {report.reference.name}."]
    assert first.found is not None and first.range is not None
    others = len(report.differing) - 1
    after = f" Outside their range lie {others} more; later ones may follow from it." if others else ""
    name, about = first.check.title, first.about.replace("@", " on ")
    sentence = (
        f"The first stage that differs is {first.check.stage}: {name} ({about}) is {first.verdict}, "
        f"{number(first, first.found.value)} where {number(first, first.range.center)} is expected, {how_far(first)}."
        f"{after}"
    )
    return [*textwrap.wrap(sentence, WIDTH), *_keys(report, first), "Usual causes:", *(f"- {c}" for c in first.causes)]


def _keys(report: Report, first: Finding) -> list[str]:
    """Keys of the params file that differ and reach this stage, its own before those of earlier ones."""
    before = STAGES[: STAGES.index(first.check.stage) + 1]
    method = first.about.partition("@")[0]
    rows = [row for stage in reversed(before) for row in report.changed.get(stage, ()) if _reaches(row[0], method)]
    if not rows:
        return []
    lines = [f"- {key}: {_short(own)}, in the reference {_short(other)}" for key, own, other in rows[:MOST_KEYS]]
    more = [f"- … and {len(rows) - MOST_KEYS} more"] if len(rows) > MOST_KEYS else []
    return ["Keys of the params file that differ and can reach it:", *lines, *more]


def _reaches(key: str, about: str) -> bool:
    """Whether a key can reach what a finding is about: an entry of ``methods`` only its own method."""
    section, _, rest = key.partition(".")
    return section != "methods" or rest.partition(".")[0] == about


def _short(value: Any) -> str:
    shown = "none" if value is None else str(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}…"
