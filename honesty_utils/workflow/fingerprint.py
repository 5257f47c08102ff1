"""Which code a notebook reaches by import, as one short text that changes when that code does.

Code is part of what made a result. Comments and docstrings are not, nor are the ``__init__`` files, which hold
registries and names only, nor the room ``workflow``: what it hands to a notebook is compared as text already. Of what a
registry names (methods, question sets, engines) a notebook's work reaches only what its params say.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import honesty_utils

PACKAGE = "honesty_utils"
TOP = Path(honesty_utils.__file__).parent
NOT_FOLLOWED = "workflow"
RESULTS = "60"
"""First number of the notebooks whose results are tables and figures."""

LISTS = (
    "methods.registry",
    "questions.registry",
    "knowledge.signals.registry",
    "training.objectives.registry",
    "evaluation.scorers.registry",
)
"""Modules that name everything of a kind: a line more changes nothing of what was there, so they are not hashed."""

REGISTRIES = (*LISTS, "engines.registry")
"""Modules of whose imports those in ``without`` are left out; no other's are."""


def of_notebook(notebook: str | Path, without: Iterable[str] = ()) -> str:
    """Fingerprint of the code of the package that a notebook's cells import, directly or not.

    Args:
        notebook: path of an ``.ipynb`` file.
        without: modules that its work does not reach though an import does, such as ``methods.absolute``.
    """
    content = json.loads(Path(notebook).read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == "code"]
    code = "\n".join(line for cell in cells for line in cell.splitlines() if not line.lstrip().startswith("%"))
    digest = hashlib.sha256()
    # Before the tables, a picture is for the reader of the notebook: no result hangs on how it is drawn.
    drawn = Path(notebook).name < RESULTS
    for name in sorted(reached(imports(code), without)):
        if drawn and name.partition(".")[0] == "results":
            continue
        digest.update(f"{name}:{content_of(name)}\n".encode())
    return digest.hexdigest()[:16]


def reached(starts: Iterable[str], without: Iterable[str] = ()) -> set[str]:
    """Modules below the package that some modules import, directly or not, themselves included."""
    skipped, found, waiting = set(without), set[str](), list(starts)
    while waiting:
        name = waiting.pop()
        if name in found or name.partition(".")[0] == NOT_FOLLOWED:
            continue
        found.add(name)
        waiting += [other for other in _imports_of(name) if name not in REGISTRIES or other not in skipped]
    return {name for name in found if name not in LISTS and _path(name).name != "__init__.py"}


def imports(code: str) -> set[str]:
    """Modules of the package that a piece of code imports, at its top or within a function."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            inside = name.removeprefix(f"{PACKAGE}.")
            if inside != name:
                found |= {part for part in (inside, inside.rpartition(".")[0]) if part and _exists(part)}
    return found


@cache
def content_of(name: str) -> str:
    """SHA-256 of a module's code, without its comments and docstrings."""
    tree = ast.parse(_path(name).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [item for item in body if not _is_text(item)] or [ast.Pass()]  # type: ignore[attr-defined]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


@cache
def _imports_of(name: str) -> tuple[str, ...]:
    return tuple(imports(_path(name).read_text(encoding="utf-8")))


@cache
def _exists(name: str) -> bool:
    return _path(name).is_file()


def _path(name: str) -> Path:
    base = TOP.joinpath(*name.split("."))
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
