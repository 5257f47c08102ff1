"""Notebooks as files: stored without outputs, one parameters cell, short cells, no definitions, smoke defaults."""

import re
from pathlib import Path

import nbformat
import pytest

from honesty_utils.workflow import execute

BOOKS = sorted(Path("notebooks").glob("*.ipynb"))


def cells(path):
    return nbformat.read(path, as_version=4).cells


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_clean(path):
    book = nbformat.read(path, as_version=4)
    nbformat.validate(book)
    assert "kernelspec" not in book.metadata and "papermill" not in book.metadata
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert not [cell for cell in code if "injected-parameters" in cell.metadata.get("tags", [])]


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_a_notebook_reads_as_a_story(path):
    first, *rest = cells(path)
    assert first.cell_type == "markdown" and first.source.startswith(f"# {path.stem[:2]} ")
    for cell in rest:
        if cell.cell_type == "code" and execute.TAG not in cell.metadata.get("tags", []):
            lines = cell.source.splitlines()
            if lines[0].startswith(("import ", "from ")):
                continue  # the formatter gives each imported module a line
            assert len(lines) <= 15, cell.source
            assert not any(line.lstrip().startswith(("def ", "class ")) for line in lines), cell.source


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_parameters_are_scalars_of_the_smoke_run(path):
    declared = {name: default for name, (_, default) in execute.declared_parameters(path).items()}
    change = declared.pop("change", {})
    assert change == {} and len(declared) <= 4
    assert all(isinstance(value, str | int | float | bool | None) for value in declared.values())
    worlds = "params/smoke-worlds.yaml"
    others = {"65_worlds": worlds, "85_leaderboard": worlds, "01_model": "params/smollm2-135m.yaml"}
    others["64_signalling"] = "params/smollm2-135m-signalling.yaml"
    others |= {"44_deduction": "params/deduction.yaml"}
    smallest = others.get(path.stem, "params/smoke.yaml")
    assert declared.get("params", smallest) == smallest
    source = next(cell.source for cell in cells(path) if execute.TAG in cell.metadata.get("tags", []))
    assert all("  # " in line for line in source.splitlines()), "each parameter says what it is"


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_no_import_has_another_name(path):
    """An alias is a sign of a clash; pandas has its own."""
    code = "\n".join(cell.source for cell in cells(path) if cell.cell_type == "code")
    assert set(re.findall(r"^(?:from|import) .* as (\w+)", code, re.MULTILINE)) <= {"pd"}
