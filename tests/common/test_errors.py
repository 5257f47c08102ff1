"""Every error of the package that a user can put right is a `HonestyError`, and a builtin one beside it."""

from __future__ import annotations

import ast
import builtins
from pathlib import Path

import pytest

from honesty_utils.common.errors import HonestyError
from honesty_utils.common.settings import ConfigError
from honesty_utils.engines import ModelError, ServerError

BUILTIN = {name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, Exception)}

INSIDE = {
    "MalformedAnswer",  # of a server: is asked for again
    "AnotherModel",  # of a server: becomes a ServerError
    "Unreadable",  # of a judge: is asked for again, then unscored
    "Unread",  # of a judge's label: unscored
    "NotTestable",  # of a finding: its verdict
    "Absent",  # of a check of the doctor: its stage has not run
}  # fmt: skip
"""Errors that the package catches itself."""


def classes() -> dict[str, list[str]]:
    """Names of the bases of every exception class of the package, by its own name."""
    found = {
        node.name: [ast.unparse(base).rpartition(".")[2] for base in node.bases]
        for path in sorted(Path("honesty_utils").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    }

    def is_error(name: str) -> bool:
        return name in BUILTIN or any(is_error(base) for base in found.get(name, ()) if base != name)

    return {name: bases for name, bases in found.items() if is_error(name) and name != "HonestyError"}


CLASSES = classes()


def test_the_errors_are_found():
    assert {"ConfigError", "ModelError", "QuestionError", "RecordError", "TrainingError", "NoRows"} <= set(CLASSES)


@pytest.mark.parametrize("name", sorted(set(CLASSES) - INSIDE))
def test_an_error_has_the_base_of_all_and_a_builtin_one(name):
    bases = CLASSES[name]
    # Or it is a kind of another error that has both.
    assert bases[0] in CLASSES or (bases[0] == "HonestyError" and bases[1] in BUILTIN)


def test_one_class_catches_them_and_so_does_the_builtin_one():
    for error, builtin in ((ConfigError, ValueError), (ModelError, ValueError), (ServerError, RuntimeError)):
        with pytest.raises(HonestyError, match="give one"):
            raise error("model.name: None; give one")
        assert issubclass(error, builtin)
