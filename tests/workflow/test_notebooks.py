"""Notebooks as files: stored without outputs, one parameters cell, short cells, no definitions, smoke defaults."""

from pathlib import Path

import nbformat
import pytest

from honesty_utils.workflow import execute, params as params_file

BOOKS = sorted(Path("notebooks").glob("*.ipynb"))
SMOKE = params_file.load("params/smoke.yaml")


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
def test_parameters_are_literals_and_default_to_the_smoke_run(path):
    declared = {name: default for name, (_, default) in execute.declared_parameters(path).items()}
    assert declared["run"] == "smoke"
    for name in ("prompts", "sampling", "labeling", "evaluation", "world", "analysis"):
        if declared.get(name):
            section = getattr(SMOKE, name).model_dump(mode="json")
            assert declared[name] == {key: section[key] for key in declared[name]}, name
    if "questions" in declared:
        train = SMOKE.questions["train"].model_dump(mode="json")
        assert declared["questions"] == {"train": train}
    if "training" in declared:
        assert declared["training"] == SMOKE.training_of("absolute").model_dump(mode="json", exclude={"seeds"})
    if "methods" in declared:
        trained = {name: list(SMOKE.training_of(name).seeds) for name in SMOKE.trained}
        assert declared["methods"] == {"unaligned": [0], "prompt_based": [0], **trained}
    if "sweeps" in declared:
        assert declared["sweeps"] == [{"name": point.name, **vars(point)} for point in SMOKE.points]
    if "drift" in declared:
        assert declared["drift"] == {name: list(SMOKE.training_of(name).seeds) for name in SMOKE.drift.methods}
    if "row_sets" in declared:
        assert declared["row_sets"] == SMOKE.row_sets
    if "subset" in declared:
        assert declared["subset"] == SMOKE.methods["absolute"].rows.model_dump(mode="json")
