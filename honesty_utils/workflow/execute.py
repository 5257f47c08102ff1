"""Run one notebook headlessly: papermill behind a strict check of the parameters.

``honesty execute notebooks/31_absolute.ipynb runs/x/notebooks/31_absolute.ipynb -p run '"x"'``

Papermill only logs a line for a misspelt parameter and lets a value computed in the parameters cell keep its old
default. Here both are errors before a kernel starts, and so is a value of another type than the declared one.
"""

from __future__ import annotations

import argparse
import ast
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from honesty_utils.common.errors import HonestyError
from honesty_utils.common.variables import CODE, CODE_CHANGES, EVENTS, PROGRESS, fix_threads, set_for_processes
from honesty_utils.workflow.devices import DeviceError, claimed

TAG = "parameters"
FAILURES = ("PapermillExecutionError", "DeadKernelError", "NoSuchKernel")
"""What goes wrong in a notebook or its kernel, by name: the classes are imported only when a notebook runs."""
_ANNOTATIONS: dict[str, Any] = {kind.__name__: kind for kind in (str, int, float, bool, list, dict, tuple)}


class ParameterError(HonestyError, ValueError):
    """A notebook's parameters cell, or a value passed to it, is not what it must be."""


def declared_parameters(notebook: str | Path) -> dict[str, tuple[Any, Any]]:
    """Name → (type, default) of each parameter a notebook declares.

    The one code cell tagged ``parameters`` holds nothing but ``name = literal`` or ``name: type = literal``. Without an
    annotation the type is that of the default.

    Raises:
        ParameterError: no such file, not one tagged cell, or a default that is not a literal.
    """
    path = Path(notebook)
    if not path.is_file():
        raise ParameterError(f"{path}: no such notebook")
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError, TypeError):
        raise ParameterError(f"{path}: is no notebook that can be read") from None
    cells = [cell for cell in cells if TAG in cell["metadata"].get("tags", [])]
    if len(cells) != 1 or cells[0]["cell_type"] != "code":
        raise ParameterError(f"{path}: {len(cells)} cells are tagged {TAG!r}; exactly one code cell must be")
    return dict(_declaration(statement, path) for statement in ast.parse("".join(cells[0]["source"])).body)


def _declaration(statement: ast.stmt, path: Path) -> tuple[str, tuple[Any, Any]]:
    where = f"{path}, parameters cell, line {statement.lineno}"
    target: ast.expr
    annotation: ast.expr | None
    if isinstance(statement, ast.AnnAssign):
        target, annotation = statement.target, statement.annotation
    elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target, annotation = statement.targets[0], None
    else:
        raise ParameterError(f"{where}: only 'name = literal' may stand there")
    if not isinstance(target, ast.Name) or statement.value is None:
        raise ParameterError(f"{where}: only 'name = literal' may stand there")
    try:
        default = ast.literal_eval(statement.value)
    except ValueError:
        raise ParameterError(
            f"{where}: the default of {target.id!r} is computed; papermill would keep what was computed from it when "
            "it is overridden: write a literal"
        ) from None
    if annotation is None:
        return target.id, (type(default), default)
    return target.id, (eval(ast.unparse(annotation), {"__builtins__": {}}, dict(_ANNOTATIONS)), default)


def check_parameters(notebook: str | Path, values: Mapping[str, Any]) -> None:
    """Hold ``values`` to what ``notebook`` declares.

    Raises:
        ParameterError: an unknown name (lists those declared) or a value of the wrong type.
    """
    declared = declared_parameters(notebook)
    unknown = sorted(set(values) - set(declared))
    if unknown:
        raise ParameterError(f"{notebook}: unknown parameter {', '.join(unknown)}; declared: {', '.join(declared)}")
    for name, value in values.items():
        kind = declared[name][0]
        try:
            TypeAdapter(kind).validate_python(value, strict=True)
        except ValidationError:
            expected = getattr(kind, "__name__", str(kind)) if isinstance(kind, type) else str(kind)
            raise ParameterError(
                f"{notebook}: parameter {name} is {value!r} ({type(value).__name__}); declared as {expected}"
            ) from None


def execute(notebook: str | Path, output: str | Path, values: Mapping[str, Any], limit: int | None = None) -> float:
    """Execute ``notebook`` with ``values`` and leave the executed copy at ``output``, also when a cell fails.

    Args:
        notebook: as it is stored.
        output: where the executed copy goes.
        values: of its parameters.
        limit: seconds that a cell may take; none: as long as it needs.

    Returns:
        Seconds it took.

    Raises:
        ParameterError: before anything is run.
        nbclient.exceptions.CellTimeoutError: a cell took longer than the limit.
        papermill.PapermillExecutionError: a cell raised.
    """
    check_parameters(notebook, values)
    # A second of grammars for addresses in JSON schemas, which no notebook has; jsonschema does without.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    import papermill  # a second that a parameter error need not wait for
    from traitlets.config import Config

    # It knows fewer ways of writing a parameter than check_parameters and warns of the others.
    logging.getLogger("papermill").setLevel(logging.ERROR)
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kernel-") as folder:
        # Unix sockets in a folder of their own: TCP ports chosen beforehand race when many kernels start at once.
        config = Config({"KernelManager": {"transport": "ipc", "connection_file": f"{folder}/kernel.json"}})
        papermill.execute_notebook(
            str(notebook),
            str(output),
            parameters=dict(values),
            kernel_name="python3",
            language="python",
            progress_bar=False,
            execution_timeout=limit,
            start_timeout=300,
            # All that matters is written by then; a polite shutdown interrupts first, which kernels report as an error.
            shutdown_kernel="immediate",
            config=config,
        )
    return time.monotonic() - started


def tell(kind: str, label: str, **facts: Any) -> None:
    """Say that an execution starts or ends: to whoever started the workflow or, without one, on the terminal."""
    folder = os.environ.get(EVENTS)
    if folder:
        line = json.dumps({"kind": kind, "label": label, "at": time.time(), **facts})
        with (Path(folder) / "events.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")  # one write of a line: several processes append to it
    elif kind == "failed":
        print(f"{label} FAILED\n{facts['problem']}\nExecuted copy: {facts['copy']}", file=sys.stderr, flush=True)
    elif kind == "ended":
        print(f"{label:<40} {facts['seconds']:6.1f} s", flush=True)


def _code_of(output: Path) -> dict[str, str]:
    """Environment that tells a kernel the fingerprint of its code, as the workflow has left it in the run's folder."""
    path = output.parent.parent / "code.json"
    if not path.is_file():
        return {}
    content = json.loads(path.read_text(encoding="utf-8"))
    found = {CODE: content["codes"].get(output.stem), CODE_CHANGES: content["code_changes"]}
    return {name: value for name, value in found.items() if value}


def _problem(error: Exception) -> str:
    """What a person needs of an error: of a cell its number, what it ran and what it raised."""
    name = type(error).__name__
    if name == "PapermillExecutionError":
        source = str(error.source).strip().splitlines()  # type: ignore[attr-defined]
        shown = "\n".join(f"    {line}" for line in source[:6]) + ("\n    …" if len(source) > 6 else "")
        cell = f"cell {error.exec_count}:\n{shown}\n"  # type: ignore[attr-defined]
        return f"{cell}{error.ename}: {error.evalue}"  # type: ignore[attr-defined]
    if name == "DeadKernelError":
        return f"{name}: {error}; it may have run out of memory: allow more, or lower the batch size"
    return f"{name}: {error}"


def _values(text: str, pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Parameters as the command line gives them: one JSON object, and names with YAML literals."""
    try:
        values = json.loads(text)
    except ValueError as error:
        raise ParameterError(f"--parameters: {text[:80]!r} is no JSON: {error}") from None
    if not isinstance(values, dict):
        raise ParameterError(f"--parameters: {text[:80]!r}; a JSON object with a value for each name is needed")
    for name, literal in pairs:
        try:
            values[name] = yaml.safe_load(literal)
        except yaml.YAMLError:
            raise ParameterError(f"-p {name}: {literal[:80]!r} is no YAML; put it in quotes") from None
    return values


def main(arguments: list[str] | None = None) -> int:
    """Command line: notebook, output, parameters as one JSON object and/or ``-p name yaml-literal``."""
    parser = argparse.ArgumentParser(prog="honesty execute", description=__doc__.splitlines()[0])
    parser.add_argument("notebook")
    parser.add_argument("output", help="where the executed copy goes")
    parser.add_argument("--parameters", default="{}", help="JSON object of parameters")
    parser.add_argument("--gpus", type=int, default=0, help="GPUs of this machine to take, and no others")
    parser.add_argument("--threads", type=int, help="that compute, however many cores are free; default: the library's")
    parser.add_argument("-p", dest="pairs", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"))
    options = parser.parse_args(arguments)
    if options.threads is not None and options.threads < 1:
        parser.error(f"--threads {options.threads}: a number of at least 1 is needed")
    set_for_processes()
    if options.threads:
        fix_threads(options.threads)
    output = Path(options.output)
    label = output.stem
    os.environ.update(_code_of(output))
    if os.environ.get(EVENTS):
        os.environ[PROGRESS] = str(Path(os.environ[EVENTS]) / f"{label}.json")
    tell("started", label)
    try:
        values = _values(options.parameters, options.pairs)
        with claimed(options.gpus):
            seconds = execute(options.notebook, options.output, values)
    except (ParameterError, DeviceError) as error:
        tell("failed", label, problem=str(error), copy="none")
        return 2
    except Exception as error:
        if type(error).__name__ not in FAILURES:
            raise
        tell("failed", label, problem=_problem(error), copy=str(output))
        return 1
    tell("ended", label, seconds=round(seconds, 1))
    return 0
