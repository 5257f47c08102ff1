"""Notebooks 60 to 90 on synthetic runs: one that lacks much, and one with drift and a method of a user's own.

The full pipeline is tested elsewhere; the first is what a large model's first run looks like (``samples: 0``).
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
import yaml
from papermill.exceptions import PapermillExecutionError
from support import synthetic
from support.interactive import execute_widgets

from honesty_utils.common.paths import Run
from honesty_utils.results import plots, tables
from honesty_utils.workflow.execute import execute
from honesty_utils.workflow.opened import known

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
TABLES = ("60_scores", "61_confidence", "62_readings", "63_findings")
BOOKS = [path for path in sorted(NOTEBOOKS.glob("*.ipynb")) if path.stem >= "60"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HONESTY_ROOT", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(NOTEBOOKS.parent))
    return tmp_path


def written(home: Path, **sections: Any) -> Path:
    """A params file that asks for what a synthetic run has."""
    sets = ["train", *sections["evaluation"]["datasets"]]
    asked = {name: {"source": "triviaqa"} for name in sets}
    for name, more in sections.pop("more", {}).items():
        asked[name] |= more
    content = {"model": {"name": "org/model"}, "questions": asked, **sections}
    path = home / f"{sections['run']}.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def run_books(home: Path, params: Path, *names: str) -> None:
    for name in names:
        execute(NOTEBOOKS / f"{name}.ipynb", home / f"{name}.ipynb", {"params": str(params)})


def test_tables_and_figures_of_a_run_without_samples(home: Path) -> None:
    synthetic.write_run("bare", size=20)
    folder = home / "figures" / "bare"
    folder.mkdir(parents=True)
    (folder / "fig_tau.png").write_bytes(b"of an earlier run")
    (folder / "tab_paper_tasks.md").write_bytes(b"of an earlier run")
    params = written(
        home,
        run="bare",
        methods={"finetuned": {"seeds": [0, 1]}},
        evaluation={"datasets": ["choice"]},
        analysis={"resamples": 1000, "roles": {"in_distribution": "choice"}},
    )
    run_books(home, params, *TABLES, "70_figures")

    methods = {"unaligned", "prompt_based", "finetuned"}
    main = pd.read_csv(folder / "tab_main.csv")
    assert set(main["method"]) >= {*methods, "oracle", "random_refusal@finetuned"}
    assert pd.read_csv(folder / "tab_by_knowledge.csv").empty and pd.read_csv(folder / "tab_exposures.csv").empty
    assert "not testable" in (folder / "claims.md").read_text(encoding="utf-8")
    drawn = sorted(path.name for path in folder.glob("fig_*.png"))
    assert drawn == [f"fig_{name}.png" for name in ("annotation", "main", "risk_coverage", "transitions")]
    assert "Not drawn for this run: fig_ood, fig_by_knowledge" in (folder / "report.html").read_text(encoding="utf-8")
    # What the workflow may wait for is what there is.
    expected = [name for book in TABLES for name in tables.expected(book, ["in_distribution"])]
    assert sorted(path.stem for path in folder.glob("tab_*.csv")) == sorted(expected)
    assert {f"{name}.png" for name in plots.expected("70_figures", ["in_distribution"])} <= set(drawn)

    # The run beside a copy of itself, of which only its figures are there; and one whose tables lack its roster.
    other = home / "figures" / "copy"
    other.mkdir()
    for name in ("tab_main.csv", "tab_roles.csv"):
        shutil.copy(folder / name, other)
    compared = {"run": "both", "runs": "bare, copy"}
    with pytest.raises(PapermillExecutionError, match=r"tab_methods\.csv: not there; run 60_scores for run 'copy'"):
        execute(NOTEBOOKS / "80_compare.ipynb", home / "80.ipynb", compared)
    shutil.copy(folder / "tab_methods.csv", other)
    execute(NOTEBOOKS / "80_compare.ipynb", home / "80.ipynb", compared)
    # Of a run over worlds there are verdicts and no scores of its own.
    worlds = home / "figures" / "worlds"
    worlds.mkdir()
    shutil.copy(folder / "tab_claims.csv", worlds / "tab_worlds_claims.csv")
    (worlds / "tab_worlds.csv").touch()
    execute(NOTEBOOKS / "80_compare.ipynb", home / "80.ipynb", compared | {"runs": "worlds, bare, copy"})
    findings = pd.read_csv(home / "figures" / "both" / "tab_findings.csv", keep_default_na=False)
    assert findings.groupby("run").size().to_dict() == {"worlds": 10, "bare": 10, "paper": 10}
    assert "75.91" in findings[(findings["run"] == "paper") & (findings["number"] == 4)]["evidence"].item()
    printed = pd.read_csv(home / "figures" / "both" / "tab_paper_findings.csv")
    assert list(printed.columns) == ["#", "Finding", "worlds", "bare", "Paper (LLaMA-2-Chat-13B)"]
    table = pd.read_csv(home / "figures" / "both" / "tab_runs.csv")
    assert set(table["run"]) == {"bare", "copy"} and set(table["method"]) == methods
    twins = [part.drop(columns="run").reset_index(drop=True) for _, part in table.groupby("run")]
    pd.testing.assert_frame_equal(*twins)
    assert (home / "figures" / "both" / "fig_runs.png").stat().st_size > 10_000


def test_a_run_with_drift_and_a_users_method(home: Path) -> None:
    synthetic.write_run("full", size=30)
    run = Run("full")
    # A variant of ABSOLUTE under a name of the user's, and what ABSOLUTE knows of its training questions afterwards.
    shutil.copytree(run.folder / "evaluation" / "absolute", run.folder / "evaluation" / "absolute_dpo")
    for end in ("parquet", "manifest.json"):
        shutil.copy(run.folder / "sft" / f"absolute.{end}", run.folder / "sft" / f"absolute_dpo.{end}")
    for seed in (0, 1):
        again = run.knowledge(synthetic.ROLES["in_distribution"], f"absolute/seed{seed}")
        again.parent.mkdir(parents=True)
        shutil.copy(run.knowledge(synthetic.ROLES["in_distribution"]), again)
    params = written(
        home,
        run="full",
        methods={**dict.fromkeys(synthetic.METHODS[2:]), "absolute_dpo": {"method": "absolute", "label": "Mine"}},
        sweeps={"tau": {"methods": ["absolute"], "values": list(synthetic.TAUS.values())}},
        training={"seeds": [0, 1]},
        evaluation={"datasets": list(synthetic.ROLES.values())},
        drift={"methods": ["absolute"]},
        more={synthetic.ROLES["in_distribution"]: {"scorer": "not_attempted"}},
        analysis={"resamples": 1000, "roles": synthetic.ROLES},
    )
    run_books(home, params, *TABLES[:3], "70_figures")
    drift = pd.read_csv(run.figures / "tab_drift.csv").set_index("metric")
    assert drift.loc["lost", "value"] == 0 and drift.loc["lost", "seeds"] == 2
    scored = pd.read_csv(run.figures / "tab_by_scorer.csv").set_index(["method", "metric"])["value"]
    main = pd.read_csv(run.figures / "tab_main.csv").query("dataset == @synthetic.ROLES['in_distribution']")
    accuracy = main[main["metric"] == "accuracy"].set_index("method")["value"]
    assert scored["absolute", "correct"] == pytest.approx(accuracy["absolute"])
    assert scored["unaligned", "not_attempted"] == 0 < scored["absolute", "not_attempted"]
    shown = pd.read_csv(run.figures / "tab_methods.csv").set_index("method")
    assert shown.loc["absolute_dpo", "label"] == "Mine" and shown.loc["absolute_dpo", "drawn"]
    assert shown.loc["absolute_tau_0.5", ["label", "of", "value"]].tolist() == ["ABSOLUTE (τ = 0.5)", "absolute", 0.5]
    executed = (home / "60_scores.ipynb").read_text(encoding="utf-8")
    assert "Mine" in executed and "Mine" in (run.figures / "tab_paper_main.md").read_text(encoding="utf-8")
    assert (run.figures / "fig_tau.pdf").is_file()
    execute_widgets(NOTEBOOKS / "90_explore.ipynb", home / "90.ipynb", {"run": "full"})


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_a_notebook_declares_what_it_opens(path: Path) -> None:
    book = nbformat.read(path, as_version=4)
    declared = book.metadata["honesty"]["sections"]
    opened = [cell.source for cell in book.cells if "open_params(" in cell.source]
    assert [f'"{" ".join(declared)}"' in source for source in opened] == ([True] if declared else [])
    assert set(declared) <= set(known())
    code = "\n".join(cell.source for cell in book.cells if cell.cell_type == "code")
    read = set(re.findall(r"\bopened\.(\w+)", code)) - {"run", "table", "resolved"}
    assert read == set(declared)  # a section that nobody reads would run the notebook again for nothing
