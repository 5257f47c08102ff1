"""The rooms of the package and who may import whom: downwards only, and in no circle, lazy imports included."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path("honesty_utils")

ROOMS = (
    "common", "grading", "questions", "world", "engines", "sampling", "judge", "knowledge", "prior", "methods",
    "metrics", "training", "evaluation", "results", "release", "workflow",
)  # fmt: skip
"""From what everything stands on to what knows everything: a room imports itself and rooms before it."""


def modules() -> dict[str, Path]:
    """Dotted name of every module below the package, without the package's own name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name:
            found[name] = path
    return found


def imported(path: Path, known: set[str]) -> set[str]:
    """Modules of the package that a file imports, at its top or within a function."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: relative import; write the whole name"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            inside = name.removeprefix("honesty_utils.")
            if inside != name:
                found.add(inside if inside in known else inside.rpartition(".")[0])
    return found - {""}


GRAPH = {name: imported(path, set(modules())) for name, path in modules().items()}


def test_every_folder_is_a_room_and_every_room_a_folder():
    folders = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert folders == set(ROOMS)
    assert [path.name for path in PACKAGE.glob("*.py")] == ["__init__.py"], "a module stands in a room"


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_rooms_before_it(room):
    allowed = set(ROOMS[: ROOMS.index(room) + 1])
    upwards = [
        f"{name} imports {other}"
        for name, others in GRAPH.items()
        if name.partition(".")[0] == room
        for other in others
        if other.partition(".")[0] not in allowed
    ]
    assert not upwards


def test_no_module_imports_itself_through_others():
    TopologicalSorter(GRAPH).prepare()  # raises CycleError with the circle


def test_tests_mirror_the_rooms():
    folders = {path.name for path in Path("tests").iterdir() if path.is_dir() and not path.name.startswith("__")}
    assert folders - {"support", "data"} <= set(ROOMS)


def test_the_init_of_a_room_holds_names_only():
    # The fingerprint of a result leaves these files out, and the room ``workflow`` altogether.
    defined = [
        f"{path}:{node.lineno}"
        for name, path in modules().items()
        if path.name == "__init__.py" and name.partition(".")[0] != "workflow"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda)
    ]
    assert not defined, "move what is defined here to a module beside it"


def test_no_call_runs_the_code_of_a_model():
    """Whoever loads a config, a tokenizer or a model says that none of its own code is run: the default may ask."""
    loads = ("AutoConfig", "AutoTokenizer", "AutoModelForCausalLM")
    found = 0
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            called = ast.unparse(node.func).split(".")
            if called[-1] in ("from_pretrained", "from_config") and called[-2] in loads:
                given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                assert given.get("trust_remote_code") == "False", f"{path}:{node.lineno}"
                found += 1
    assert found >= 10
