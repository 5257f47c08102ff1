"""The examination: every quantity of a run beside its reference, and the first stage that differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from honesty_utils.results.doctor import references
from honesty_utils.results.doctor.checks import STAGES, Check, named
from honesty_utils.results.doctor.measured import SCORE, SHARE, Measured
from honesty_utils.results.doctor.patient import DoctorError, Patient
from honesty_utils.results.doctor.ranges import REPORT_LEVEL, Range, expected
from honesty_utils.results.doctor.references import Reference

Verdict = Literal["ok", "low", "high", "not comparable"]

SECTIONS = {
    "sampling": ("world", "model", "prompts", "questions", "sampling", "prior_known"),
    "labeling": ("labeling", "judge"),
    "rows": ("methods",),
    "training": ("training",),
    "evaluation": ("evaluation",),
}
"""Sections of the params file that a stage is the first to read; those of earlier stages reach it, too."""

NOT_THERE = "not in the reference"
"""Why a quantity that only this run has is not compared."""

ROUNDING = 1e-9
"""How far outside a range a value may lie by the rounding of sums alone."""


@dataclass(frozen=True)
class Finding:
    """One quantity of the run beside its reference.

    Attributes:
        check: what was measured.
        about: of which set, method, or method on a set.
        found: of this run; none: the run has nothing to measure.
        range: where it is expected; none: not comparable.
        verdict: see `Verdict`.
        why: not comparable; empty otherwise.
    """

    check: Check
    about: str
    found: Measured | None
    range: Range | None
    verdict: Verdict
    why: str = ""

    @property
    def differs(self) -> bool:
        """Whether it lies outside the range."""
        return self.verdict in ("low", "high")

    @property
    def causes(self) -> tuple[str, ...]:
        """Usual causes of a value on this side, with the method's name put in."""
        method = self.about.partition("@")[0]
        lines = {"low": self.check.low, "high": self.check.high}.get(self.verdict, ())
        return tuple(line.replace("<name>", method) for line in lines)

    @property
    def deviations(self) -> float:
        """How many standard deviations of the reference it is off; NaN where the reference has none."""
        if self.found is None or self.range is None or not self.range.sd > 0:
            return float("nan")
        return (self.found.value - self.range.center) / self.range.sd

    def facts(self) -> dict[str, Any]:
        """For JSON; what is not defined is null."""
        ends = self.range or Range(*(float("nan"),) * 4)
        numbers = {"center": ends.center, "low": ends.low, "high": ends.high, "deviations": self.deviations}
        return {
            "key": self.check.key(self.about),
            "stage": self.check.stage,
            "quantity": self.check.title,
            "about": self.about,
            "unit": self.check.unit,
            "value": None if self.found is None else self.found.value,
            "number": None if self.found is None else round(self.found.number, 1),
            **{name: value if np.isfinite(value) else None for name, value in numbers.items()},
            "verdict": self.verdict,
            "why": self.why,
            "causes": list(self.causes),
        }


@dataclass(frozen=True)
class Report:
    """What the doctor found.

    Attributes:
        run: name of the run.
        model: its base model, as its params file names it.
        reference: what it was compared with.
        findings: in the order of the pipeline.
        missing: by stage, the quantities whose files are not there.
        changed: by stage, keys of the params file that differ: (key, this run's value, the reference's).
        level: of each comparison, so that the whole report has `REPORT_LEVEL`.
    """

    run: str
    model: str
    reference: Reference
    findings: Sequence[Finding]
    missing: Mapping[str, Sequence[str]]
    changed: Mapping[str, Sequence[tuple[str, Any, Any]]]
    level: float

    @property
    def compared(self) -> int:
        """How many quantities have a range."""
        return sum(finding.range is not None for finding in self.findings)

    @property
    def differing(self) -> list[Finding]:
        """What lies outside its range, in the order of the pipeline."""
        return [finding for finding in self.findings if finding.differs]

    @property
    def first(self) -> Finding | None:
        """The first finding of the first stage that differs; what comes later may follow from it."""
        return next(iter(self.differing), None)

    def facts(self) -> dict[str, Any]:
        """For JSON."""
        first = self.first
        return {
            "run": self.run,
            "reference": self.reference.name,
            "report_level": REPORT_LEVEL,
            "level": self.level,
            "first": None if first is None else first.facts(),
            "findings": [finding.facts() for finding in self.findings],
            "missing": {stage: list(keys) for stage, keys in self.missing.items()},
            "changed": {
                stage: [{"key": key, "run": own, "reference": other} for key, own, other in rows]
                for stage, rows in self.changed.items()
            },
        }


def examine(patient: Patient, reference: Reference, only: str | None = None) -> Report:
    """Compare a run with a reference.

    Args:
        patient: the run.
        reference: what is known of its quantities.
        only: one of ``checks.STAGES``; none: all.

    Raises:
        DoctorError: a stage that is none, or one of which nothing is there.
        RecordError: a table of the run that cannot be read.
    """
    if only is not None and only not in STAGES:
        raise DoctorError(f"stage {only!r}; known: {', '.join(STAGES)}")
    found, missing = references.measure(patient, only)
    if not found:
        stage = only or "any stage"
        raise DoctorError(
            f"run {patient.run.name!r}: nothing to examine, for nothing that {stage} writes is in "
            f"{patient.run.folder}; run it that far first"
        )
    keys = [(check, about) for check in named(only) for about in check.about(patient.outline)]
    both = [check.key(about) for check, about in keys if check.key(about) in found]
    level = REPORT_LEVEL / max(sum(_comparable(found[key], reference, key) == "" for key in both), 1)
    absent = {key for stage in missing.values() for key in stage}
    findings = [
        _finding(check, about, found.get(check.key(about)), reference, level)
        for check, about in keys
        if check.key(about) in found or (check.key(about) in reference.quantities and check.key(about) not in absent)
    ]
    changed = _changed(patient.outline.recipe or {}, reference.recipe)
    return Report(patient.run.name, patient.outline.model, reference, findings, missing, changed, level)


def _finding(check: Check, about: str, found: Measured | None, reference: Reference, level: float) -> Finding:
    key = check.key(about)
    if found is None:
        return Finding(check, about, None, None, "not comparable", "this run has nothing to measure here")
    why = _comparable(found, reference, key)
    if why:
        return Finding(check, about, found, None, "not comparable", why)
    at = expected(reference.quantities[key], found, level)
    slack = ROUNDING * max(1.0, abs(at.center))
    if found.value < at.low - slack:
        return Finding(check, about, found, at, "low")
    return Finding(check, about, found, at, "high" if found.value > at.high + slack else "ok")


def _comparable(found: Measured, reference: Reference, key: str) -> str:
    """Why a quantity cannot be compared; empty: it can."""
    if key not in reference.quantities:
        return NOT_THERE
    known = reference.quantities[key]
    other = known.runs[0].given
    if known.margin is None and other != found.given:
        return f"{found.given or 'no samples'} here, {other or 'no samples'} in the reference"
    return ""


def _changed(recipe: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, list[tuple[str, Any, Any]]]:
    """Keys that differ, under the stage that is the first to read them; those of one side only count as none."""
    found: dict[str, list[tuple[str, Any, Any]]] = {}
    if not other:
        return found
    # Runs of one reference may differ in a seed; such keys are not in it, and are no difference.
    for key in sorted(other):
        if recipe.get(key) == other[key]:
            continue
        section = key.partition(".")[0]
        stage = next((stage for stage, sections in SECTIONS.items() if section in sections), None)
        if stage is not None:
            found.setdefault(stage, []).append((key, recipe.get(key), other[key]))
    return found


def in_percent(check: Check) -> bool:
    """Whether its numbers are shown in percent."""
    return check.unit in (SHARE, SCORE)
