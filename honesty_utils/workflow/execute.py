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
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
import yaml
from pydantic import TypeAdapter, ValidationError

from honesty_utils.workflow.devices import DeviceError, claimed

TAG = "parameters"
FAILURES = ("PapermillExecutionError", "DeadKernelError", "NoSuchKernel")
"""What goes wrong in a notebook or its kernel, by name: the classes are imported only when a notebook runs."""
_ANNOTATIONS: dict[str, Any] = {kind.__name__: kind for kind in (str, int, float, bool, list, dict, tuple)}


class ParameterError(ValueError):
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
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if TAG in cell.metadata.get("tags", [])]
    if len(cells) != 1 or cells[0].cell_type != "code":
        raise ParameterError(f"{path}: {len(cells)} cells are tagged {TAG!r}; exactly one code cell must be")
    return dict(_declaration(statement, path) for statement in ast.parse(cells[0].source).body)


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


def execute(notebook: str | Path, output: str | Path, values: Mapping[str, Any]) -> float:
    """Execute ``notebook`` with ``values`` and leave the executed copy at ``output``, also when a cell fails.

    Returns:
        Seconds it took.

    Raises:
        ParameterError: before anything is run.
        papermill.PapermillExecutionError: a cell raised.
    """
    check_parameters(notebook, values)
    import papermill  # two seconds that a parameter error need not wait for
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
            start_timeout=300,
            # All that matters is written by then; a polite shutdown interrupts first, which kernels report as an error.
            shutdown_kernel="immediate",
            config=config,
        )
    return time.monotonic() - started


def _elapsed() -> str:
    """``mm:ss`` since the whole run began; the Makefile says when that was."""
    began = float(os.environ.get("HONESTY_STARTED", time.time()))
    minutes, seconds = divmod(int(time.time() - began), 60)
    return f"{minutes:02d}:{seconds:02d}"


def main(arguments: list[str] | None = None) -> int:
    """Command line: notebook, output, parameters as one JSON object and/or ``-p name yaml-literal``."""
    parser = argparse.ArgumentParser(prog="honesty execute", description=__doc__.splitlines()[0])
    parser.add_argument("notebook")
    parser.add_argument("output", help="where the executed copy goes")
    parser.add_argument("--parameters", default="{}", help="JSON object of parameters")
    parser.add_argument("--gpus", type=int, default=0, help="GPUs of this machine to take, and no others")
    parser.add_argument("-p", dest="pairs", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"))
    options = parser.parse_args(arguments)
    label = Path(options.output).stem
    try:
        values = {**json.loads(options.parameters), **{name: yaml.safe_load(value) for name, value in options.pairs}}
        with claimed(options.gpus):
            seconds = execute(options.notebook, options.output, values)
    except (ParameterError, DeviceError, json.JSONDecodeError, yaml.YAMLError) as error:
        print(f"[{_elapsed()}] {label}: {error}", file=sys.stderr)
        return 2
    except Exception as error:
        if type(error).__name__ not in FAILURES:
            raise
        problem = f"{type(error).__name__}: {error}"
        if type(error).__name__ == "PapermillExecutionError":
            problem = f"{error.ename}: {error.evalue}"  # type: ignore[attr-defined]
        elif type(error).__name__ == "DeadKernelError":
            problem += "; it may have run out of memory: allow more, or lower the batch size"
        print(f"[{_elapsed()}] {label} FAILED\n{problem}\nExecuted copy: {options.output}", file=sys.stderr)
        return 1
    print(f"[{_elapsed()}] {label:<34} {seconds:6.1f} s", flush=True)
    return 0
