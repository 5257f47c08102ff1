"""What a run is compared with: the paper's numbers, an earlier run, or several runs, kept in a file.

A reference file is JSON: for each quantity what it was in each run (value, noise, seeds), never a finished range;
ranges are made when runs are compared, for they depend on how many quantities are. It also holds the recipe, every
value of the params files on which its runs agree, so that a report can say which keys differ.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from honesty_utils.common import files, manifest
from honesty_utils.results import published
from honesty_utils.results.doctor.answering import BETWEEN
from honesty_utils.results.doctor.checks import CHECKS, HOME, named
from honesty_utils.results.doctor.measured import SCORE, SHARE, Measured
from honesty_utils.results.doctor.patient import TRAIN, Absent, DoctorError, Outline, Patient
from honesty_utils.results.doctor.ranges import LEAST_RUNS, Known
from honesty_utils.results.tables.paper import SETS

FORMAT, VERSION = "honesty doctor reference", 1

MARGINS = {"labeling": 0.05, "rows": 0.02, "evaluation": 0.10}
"""Around the paper's points, as fractions: it prints one run of one model, without intervals."""

ROLES = ("in_distribution", "out_of_distribution", "prior_unknown", "prior_known")
"""Parts of the paper whose numbers are compared."""

PAPER = "paper"

_METRICS = {("puqa", "prudence"): "refusal_rate", ("pkqa", "over_conservativeness"): "refusal_rate"}
"""Where nothing is known, or all, these are the share of refusals."""


@dataclass(frozen=True)
class Reference:
    """What is known of each quantity.

    Attributes:
        name: for a reader.
        quantities: by ``Check.key``.
        recipe: values by dotted key, on which its runs agree; empty for the paper.
        runs: names of its runs.
    """

    name: str
    quantities: Mapping[str, Known]
    recipe: Mapping[str, Any] = field(default_factory=dict)
    runs: Sequence[str] = ()


def measure(patient: Patient, only: str | None = None) -> tuple[dict[str, Measured], dict[str, list[str]]]:
    """The quantities of a run.

    Args:
        patient: the run.
        only: those of one stage; none: all.

    Returns:
        Those that are there, by ``Check.key``, and the keys whose files are not, by stage.

    Raises:
        RecordError: a table that cannot be read or is not of its schema.
        DoctorError: a manifest that is no JSON, or not of a training.
    """
    found: dict[str, Measured] = {}
    missing: dict[str, list[str]] = {}
    for check in named(only):
        for about in check.about(patient.outline):
            key = check.key(about)
            try:
                value = check.measure(patient, about)
            except Absent:
                missing.setdefault(check.stage, []).append(key)
                continue
            if value is not None:
                found[key] = value
    return found, missing


def of_runs(patients: Sequence[Patient]) -> Reference:
    """One run, or at least three, as a reference.

    Raises:
        DoctorError: two runs, one run named twice, or runs that have no quantity in common.
    """
    names = [patient.run.name for patient in patients]
    if not names:
        raise DoctorError(f"no run is named; name one, or at least {LEAST_RUNS}, separated by commas")
    if 1 < len(names) < LEAST_RUNS:
        raise DoctorError(
            f"{', '.join(names)}: {len(names)} runs; name one, or at least {LEAST_RUNS}: from two it cannot be told "
            "how runs differ"
        )
    if len(set(names)) < len(names):
        raise DoctorError(f"{', '.join(names)}: a run is named twice; its noise would be taken for none")
    each = [measure(patient)[0] for patient in patients]
    common = [key for key in each[0] if all(key in found for found in each)]
    same = [key for key in common if len({found[key].given for found in each}) == 1]
    if not same:
        raise DoctorError(f"{', '.join(names)}: no quantity that all of them have; finish them first")
    units = {check.key(about): check.unit for check in CHECKS for about in check.about(patients[0].outline)}
    quantities = {key: Known(units[key], tuple(found[key] for found in each)) for key in same}
    return Reference(", ".join(names), quantities, agreed([patient.outline for patient in patients]), names)


def agreed(outlines: Sequence[Outline]) -> dict[str, Any]:
    """The values on which the recipes agree, by dotted key."""
    first, *others = [dict(outline.recipe or {}) for outline in outlines]
    return {key: value for key, value in first.items() if all(key in o and o[key] == value for o in others)}


def save(reference: Reference, path: str | Path) -> Path:
    """Write a reference; the file appears whole or not at all."""
    head = {
        "format": FORMAT,
        "version": VERSION,
        "name": reference.name,
        "runs": list(reference.runs),
        "revision": manifest.git_revision(),
        "packages": manifest.versions(),
        "recipe": dict(reference.recipe),
    }
    # A line a quantity: a thousand lines of numbers are no help to a reader, and a change shows where it is.
    lines = [
        f"  {json.dumps(key)}: "
        + json.dumps({"unit": known.unit, "runs": [item.facts() for item in known.runs]}, ensure_ascii=False)
        for key, known in reference.quantities.items()
    ]
    begun = json.dumps(head, indent=1, ensure_ascii=False).removesuffix("\n}")
    with files.atomic(path) as partial:
        partial.write_text(f'{begun},\n "quantities": {{\n' + ",\n".join(lines) + "\n }\n}\n", encoding="utf-8")
    return Path(path)


def load(path: Path | Traversable) -> Reference:
    """Read what `save` wrote.

    Raises:
        DoctorError: no such file, no JSON, no reference, one of another version, or a quantity that lacks a number.
    """
    content = _content(path)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise DoctorError(f"{path}: not a reference; honesty doctor RUN,RUN,… --save FILE writes one")
    if content.get("version") != VERSION:
        raise DoctorError(
            f"{path}: version {content.get('version')!r}; this one reads {VERSION}: save it again from its runs"
        )
    lacking = [key for key in ("name", "runs", "recipe", "quantities") if key not in content]
    if lacking:
        raise DoctorError(f"{path}: has no {lacking[0]!r}; save it again from its runs")
    try:
        quantities = {key: _known(entry) for key, entry in content["quantities"].items()}
        return Reference(str(content["name"]), quantities, dict(content["recipe"]), [str(r) for r in content["runs"]])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise DoctorError(
            f"{path}: a quantity is not as it was saved ({reason}); save it again from its runs"
        ) from None


def _content(path: Path | Traversable) -> Any:
    if not path.is_file():
        raise DoctorError(f"{path}: no such reference file")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DoctorError(f"{path}: not JSON ({error}); honesty doctor RUN,RUN,… --save FILE writes one") from None


def _known(entry: Mapping[str, Any]) -> Known:
    runs = tuple(
        Measured(
            float(item["value"]),
            float(item["error"]),
            float(item["number"]),
            tuple(map(float, item["seeds"])),
            str(item["given"]),
            float(item["answers"]),
        )
        for item in entry["runs"]
    )
    if not runs or any(item.number <= 0 for item in runs):
        raise ValueError("no runs, or a number of questions that is not positive")
    return Known(str(entry["unit"]), runs)


def shipped() -> list[Traversable]:
    """The reference files of the package, in the order of their names."""
    folder = resources.files("honesty_utils") / "reference" / "doctor"
    found = [item for item in folder.iterdir() if item.name.endswith(".json")] if folder.is_dir() else []
    return sorted(found, key=lambda item: item.name)


def default(outline: Outline, among: Iterable[Path | Traversable] | None = None) -> Reference:
    """The first shipped reference that fits the run, else the paper's numbers.

    One fits if the run is among its runs, or of the same world: every value of the ``world`` section on which its runs
    agree is the run's, too. How methods are trained may differ; that is what the report is to find.

    Args:
        outline: of the run.
        among: reference files; none: `shipped`.
    """
    for path in shipped() if among is None else among:
        reference = load(path)
        if outline.run.name in reference.runs or _same_world(outline.recipe or {}, reference.recipe):
            return reference
    return paper(outline)


def _same_world(recipe: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    world = {key: value for key, value in other.items() if key.startswith("world.")}
    return bool(world) and all(key in recipe and recipe[key] == value for key, value in world.items())


def paper(outline: Outline, model: str = "llama2-chat-13b") -> Reference:
    """The numbers that the paper prints, and what it says of its training, each with a margin (`MARGINS`).

    Args:
        outline: whose methods and roles are looked up.
        model: whose numbers.
    """
    points = dict(_scores(outline, model)) | _knowledge(model) | _training(outline)
    return Reference(f"the paper, {model}", points)


def _point(value: float, unit: str, margin: float) -> Known:
    return Known(unit, (Measured(value, 0.0, 1.0),), margin)


def _knowledge(model: str) -> dict[str, Known]:
    accuracy = published.value("main", "unaligned", "accuracy", "triviaqa", model) / 100
    margin = MARGINS["labeling"]
    return {
        f"labeling.known[{HOME}]": _point(accuracy, SHARE, margin),
        f"labeling.refused[{HOME}]": _point(0.0, SHARE, margin),
        f"labeling.subset_known[{TRAIN}]": _point(0.5, SCORE, MARGINS["rows"]),
        f"labeling.subset_size[{TRAIN}]": _point(8000.0, "count", 0.0),
    }


def _training(outline: Outline) -> dict[str, Known]:
    """Rows and epochs of the paper's methods; FINE-TUNED never refuses."""
    taught = {"finetuned": 1, "absolute": 1, "confidence_num": 1, "confidence_verb": 1, "multisample": 10}
    points = {}
    for method, rows in taught.items():
        if method in outline.methods:
            points[f"rows.rows_per_question[{method}]"] = _point(float(rows), "rows", 0.05 * rows)
            points[f"training.epochs[{method}]"] = _point(1.0 if rows > 1 else 2.0, "epochs", 0.0)
    if "finetuned" in outline.methods:
        points["rows.refusals[finetuned]"] = _point(0.0, SHARE, MARGINS["rows"])
    return points


def _scores(outline: Outline, model: str) -> Iterable[tuple[str, Known]]:
    """Scores of the paper's sets, under the names of the run's roles."""
    printed = published.results()
    printed = printed[printed["model"] == model]
    kinds = {(check.name, check.stage): check.unit for check in CHECKS}
    for role in ROLES:
        for row in printed[printed["dataset"] == SETS[role]].itertuples():
            metric = _METRICS.get((row.dataset, row.metric), row.metric)
            if row.method in outline.methods and (metric, "evaluation") in kinds:
                point = _point(row.value / 100, kinds[metric, "evaluation"], MARGINS["evaluation"])
                yield f"evaluation.{metric}[{row.method}{BETWEEN}{role}]", point
