"""The fingerprint of a notebook's code: what moves it and what does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from honesty_utils.workflow import fingerprint


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of three rooms in which a notebook imports one module."""
    files = {
        "grading/__init__.py": "from honesty_utils.grading.rules import grade\n",
        "grading/rules.py": "from honesty_utils.common import text\n\ndef grade():\n    return text.fold()\n",
        "common/__init__.py": "",
        "common/text.py": "def fold():\n    return 1\n",
        "common/other.py": "x = 1\n",
        "methods/__init__.py": "from honesty_utils.methods import registry\n",
        "methods/registry.py": "from honesty_utils.methods import a, b\n",
        "methods/a.py": "one = 1\n",
        "methods/b.py": "from honesty_utils.methods import a\n",
        "workflow/__init__.py": "",
        "workflow/opened.py": "from honesty_utils.common import other\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(fingerprint, "TOP", tmp_path)
    for function in (fingerprint.content_of, fingerprint._imports_of, fingerprint._exists):
        function.cache_clear()
    yield tmp_path
    for function in (fingerprint.content_of, fingerprint._imports_of, fingerprint._exists):
        function.cache_clear()


def book(folder: Path, code: str) -> Path:
    path = folder / "book.ipynb"
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "source": ["%matplotlib inline\n", code]}]}))
    return path


def edit(package: Path, name: str, text: str) -> None:
    (package / name).write_text(text)
    for function in (fingerprint.content_of, fingerprint._imports_of, fingerprint._exists):
        function.cache_clear()


GRADE = "from honesty_utils import grading\nfrom honesty_utils.workflow.opened import open_params"


def test_code_that_is_reached_moves_it_and_other_code_does_not(package):
    before = fingerprint.of_notebook(book(package, GRADE))
    edit(package, "common/other.py", "x = 2\n")
    edit(package, "methods/a.py", "one = 2\n")
    edit(package, "workflow/opened.py", "y = 1\n")
    assert fingerprint.of_notebook(book(package, GRADE)) == before
    edit(package, "common/text.py", "def fold():\n    return 2\n")
    assert fingerprint.of_notebook(book(package, GRADE)) != before


def test_comments_and_docstrings_do_not_move_it(package):
    before = fingerprint.of_notebook(book(package, GRADE))
    edit(package, "common/text.py", '"""Text."""\n\n\ndef fold():\n    """Fold."""\n    return 1  # one\n')
    assert fingerprint.of_notebook(book(package, GRADE)) == before


def test_of_a_registry_only_what_is_used_is_reached(package):
    code = "from honesty_utils import methods"
    assert fingerprint.reached(fingerprint.imports(code)) == {"methods.a", "methods.b"}
    assert fingerprint.reached(fingerprint.imports(code), ["methods.b"]) == {"methods.a"}
    # What another module imports by itself stays.
    assert fingerprint.reached(fingerprint.imports(code), ["methods.a"]) == {"methods.a", "methods.b"}


def test_a_line_more_in_a_registry_changes_nothing_of_what_was_there(package):
    code = "from honesty_utils import methods"
    before = fingerprint.of_notebook(book(package, code), ["methods.b"])
    (package / "methods/c.py").write_text("three = 3\n")
    edit(package, "methods/registry.py", "from honesty_utils.methods import a, b, c\n")
    assert fingerprint.of_notebook(book(package, code), ["methods.b", "methods.c"]) == before
    edit(package, "methods/a.py", "one = 2\n")
    assert fingerprint.of_notebook(book(package, code), ["methods.b", "methods.c"]) != before


def test_real_notebooks_reach_the_code_that_makes_their_results():
    def reached(name):
        content = json.loads(Path(f"notebooks/{name}.ipynb").read_text(encoding="utf-8"))
        cells = ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == "code"]
        lines = [line for cell in cells for line in cell.splitlines() if not line.startswith("%")]
        return fingerprint.reached(fingerprint.imports("\n".join(lines)))

    assert {"sampling.requests", "sampling.shards", "common.prompts"} <= reached("10_sampling")
    assert "training.trainer" in reached("40_training") and "training.trainer" not in reached("20_labeling")
    assert {"knowledge.labeling", "grading.table"} <= reached("20_labeling")
    assert not {name for name in reached("31_absolute") if name.startswith("training")}
