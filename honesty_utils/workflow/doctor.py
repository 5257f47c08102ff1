"""``honesty doctor RUN``: a run beside reference ranges, and the first stage that differs.

``honesty doctor mine`` takes the shipped reference of the run's world, else the paper's numbers; ``--against other``
an earlier run, ``--against a,b,c`` several, ``--against file.json`` a reference that ``--save`` wrote.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from honesty_utils import questions
from honesty_utils.common import files
from honesty_utils.common.errors import HonestyError
from honesty_utils.common.paths import Run, root
from honesty_utils.methods import METHODS
from honesty_utils.results.doctor import DoctorError, Outline, Patient, Report, Taught, examine, references, writing
from honesty_utils.results.doctor.checks import STAGES
from honesty_utils.results.doctor.references import Reference
from honesty_utils.training.objectives import OBJECTIVES
from honesty_utils.workflow import plan
from honesty_utils.workflow.params import Params, load


def outline(params: Params) -> Outline:
    """What a params file sets out to do, as the doctor needs it; points of sweeps are left out."""
    points = {point.name for point in params.points}
    methods = {}
    for name, entry in params.entries.items():
        stages = METHODS[entry.method].stages
        if name not in points and entry.model_of is None:
            trains = bool(stages) and not OBJECTIVES[stages[-1].objective].merges
            methods[name] = Taught(params.models[name], stages[-1].objective if trains else None)
    graded = params.graded_sets()
    roles: dict[str, str] = {role: name for role, name in params.analysis.roles.items() if name in graded}
    made = "the microworld's model" if params.world else ""
    designs = {name: questions.design(spec) for name, spec in params.questions.items()}
    return Outline(Run(params.run), roles, methods, designs, recipe(params), params.model.name or made)


def recipe(params: Params) -> dict[str, Any]:
    """Every value of a params file by its dotted key, defaults too; the run's name is none of them."""
    return _flat(params.model_dump(mode="json", exclude={"run", "data"}))


def _flat(content: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in content.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value:
            found |= _flat(value, f"{name}.")
        else:
            found[name] = value
    return found


def open_run(name: str) -> Patient:
    """One run by its name, with the params file that it was started with.

    Raises:
        DoctorError: no such run; names those that are there.
        ConfigError: its params file is not of this version.
    """
    if "," in name:
        raise DoctorError(f"{name!r}: one run is examined; several are named with --against, or saved with --save")
    run = Run(name)
    snapshot = plan.snapshot(run)
    if not snapshot.is_file():
        lacks = "has no params.yaml; start it with make reproduce" if run.folder.is_dir() else "is not there"
        raise DoctorError(f"run {name!r}: {run.folder} {lacks}; runs here: {', '.join(_runs()) or 'none'}")
    return Patient(outline(load(snapshot)))


def _runs() -> list[str]:
    return sorted(path.parent.name for path in (root() / "runs").glob("*/params.yaml"))


def reference_of(patient: Patient, against: str | None) -> Reference:
    """What to compare with: the default, ``paper``, a reference file, or runs separated by commas.

    Raises:
        DoctorError: a reference that is not there or cannot be read, or two runs.
    """
    if against is None:
        return references.default(patient.outline)
    if against == references.PAPER:
        return references.paper(patient.outline)
    if against.endswith(".json"):
        return references.load(Path(against))
    return references.of_runs([open_run(name) for name in _names(against)])


def _names(given: str) -> list[str]:
    return [name.strip() for name in given.split(",") if name.strip()]


def main(arguments: list[str] | None = None) -> int:
    """Command line; see the module's docstring.

    Returns:
        0: nothing differs (or a reference was written), 1: something does, 2: bad input, or nothing to compare.
    """
    parser = argparse.ArgumentParser(prog="honesty doctor", description="Find the first stage of a run that differs.")
    parser.add_argument("run", help="name of the run, a folder under runs/; with --save: several, separated by commas")
    parser.add_argument(
        "--against",
        help="a run, at least three separated by commas, a file of --save, or 'paper'; none: the shipped reference of "
        "the run's world, else the paper",
    )
    parser.add_argument("--only", metavar="STAGE", help=f"one of {', '.join(STAGES)}")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the runs as a reference; nothing is compared")
    parser.add_argument("--markdown", action="store_true", help="also write figures/<run>/doctor.md")
    parser.add_argument("--json", action="store_true", help="print JSON in place of text")
    options = parser.parse_args(arguments)
    if options.save and (options.against or options.only or options.markdown or options.json):
        parser.error("--save writes a reference and compares nothing; leave the other options out")
    try:
        if options.save:
            return _save(_names(options.run), options.save)
        return _examine(options)
    except (HonestyError, OSError) as error:
        print(error, file=sys.stderr)
        return 2


def _save(names: list[str], path: Path) -> int:
    reference = references.of_runs([open_run(name) for name in names])
    print(f"written: {references.save(reference, path)}, {len(reference.quantities)} quantities of {reference.name}")
    return 0


def _examine(options: argparse.Namespace) -> int:
    patient = open_run(options.run)
    report = examine(patient, reference_of(patient, options.against), options.only)
    if options.json:
        print(json.dumps(report.facts(), indent=1, ensure_ascii=False))
    else:
        print(writing.text(report), end="")
    if options.markdown:
        path = _write(patient, report)
        print(path, file=sys.stderr if options.json else sys.stdout)
    if not report.compared:
        return 2
    return int(report.first is not None)


def _write(patient: Patient, report: Report) -> Path:
    path = patient.run.figures / "doctor.md"
    with files.atomic(path) as partial:
        partial.write_text(writing.markdown(report), encoding="utf-8")
    return path
