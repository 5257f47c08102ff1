"""A key goes to its server and nowhere else: whatever notebooks write is searched for one that the server repeats."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml
from support.servers import MODEL, Script, serve

from honesty_utils.workflow.execute import execute

KEY = "sk-CANARY-9f83b1c0d2"
NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def holds(path: Path) -> bool:
    """Whether a file holds the key, as it is or behind a table's compression."""
    text = path.read_text(encoding="utf-8", errors="replace")
    return KEY in text or (path.suffix == ".parquet" and KEY in pd.read_parquet(path).to_json())


def write_params(folder: Path, run: str, script: Script) -> str:
    served = {
        "engine": "openai",
        "engine_options": {"base_url": script.address, "key_variable": "CANARY", "max_retries": 0},
    }
    (folder / "mine.jsonl").write_text(
        "".join(json.dumps({"question": f"Who made part {n}?", "answers": ["Nobody"]}) + "\n" for n in range(3))
    )
    content = {
        "run": run,
        "model": {"name": MODEL},
        "prompts": {"style": "chat"},
        "questions": {name: {"source": "jsonl", "path": str(folder / "mine.jsonl")} for name in ("train", "indist")},
        "sampling": {**served, "samples": 2, "max_new_tokens": 8},
        "judge": {**served, "model": {"name": MODEL}, "max_retries": 0},
        "methods": {"finetuned": None},
        "evaluation": {"datasets": ["indist"]},
    }
    path = folder / f"{run}.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return str(path)


def test_no_artifact_holds_a_key_that_the_server_repeats(tmp_path, monkeypatch, capfd) -> None:
    monkeypatch.setenv("HONESTY_ROOT", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(NOTEBOOKS.parent))
    monkeypatch.setenv("CANARY", KEY)
    told = {"role": "assistant", "content": f"Your key is {KEY}."}
    with serve(Script(key=KEY, change={"message": told})) as script:
        params = write_params(tmp_path, "echoed", script)
        execute(NOTEBOOKS / "10_sampling.ipynb", tmp_path / "10.ipynb", {"params": params})
        # The judge writes the same: no verdict of it can be read, and the notebook says so.
        with pytest.raises(Exception, match=r"unscored|unreadable|could not be read"):
            execute(NOTEBOOKS / "20_labeling.ipynb", tmp_path / "20.ipynb", {"params": params, "sets": "train"})
    with serve(Script(key="another")) as script:
        refused = write_params(tmp_path, "refused", script)
        with pytest.raises(Exception, match="Incorrect API key provided"):
            execute(NOTEBOOKS / "10_sampling.ipynb", tmp_path / "refused.ipynb", {"params": refused})
    assert any(KEY in str(headers) for headers in script.headers), "it was sent"
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.suffix == ".parquet" for path in files) and (tmp_path / "20.ipynb").is_file()
    assert [path for path in files if holds(path)] == []
    said = capfd.readouterr()
    assert KEY not in said.out + said.err
