"""Notebooks 60 and 70 on a run that lacks much: no samples on its set, no sweep, no stated confidence.

The full pipeline is tested elsewhere; this is what a large model's first run looks like (``samples: 0``).
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from papermill.exceptions import PapermillExecutionError
from support import synthetic

from honesty_utils.workflow.execute import execute

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def test_tables_and_figures_of_a_run_without_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HONESTY_ROOT", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(NOTEBOOKS.parent))
    synthetic.write_run("bare", size=20)
    folder = tmp_path / "figures" / "bare"
    folder.mkdir(parents=True)
    (folder / "fig_tau.png").write_bytes(b"of an earlier run")
    methods = {"unaligned": [0], "prompt_based": [0], "finetuned": [0, 1]}
    analysis = {"resamples": 1000, "roles": {"in_distribution": "choice"}}
    common = {"run": "bare", "methods": methods, "analysis": analysis}
    execute(
        NOTEBOOKS / "60_tables.ipynb",
        tmp_path / "60.ipynb",
        {**common, "row_sets": ["train"], "datasets": ["choice"], "sweeps": [], "drift": {}},
    )
    execute(NOTEBOOKS / "70_figures.ipynb", tmp_path / "70.ipynb", common)

    main = pd.read_csv(folder / "tab_main.csv")
    assert set(main["method"]) >= {*methods, "oracle", "random_refusal@finetuned"}
    assert pd.read_csv(folder / "tab_by_knowledge.csv").empty and pd.read_csv(folder / "tab_exposures.csv").empty
    assert "not testable" in (folder / "claims.md").read_text(encoding="utf-8")
    drawn = sorted(path.name for path in folder.glob("fig_*.png"))
    assert drawn == [f"fig_{name}.png" for name in ("annotation", "main", "risk_coverage", "transitions")]
    assert "Not drawn for this run: fig_ood, fig_tau" in (folder / "report.html").read_text(encoding="utf-8")

    # The run beside a copy of itself, of which only its figures are there: its set has to be named.
    other = tmp_path / "figures" / "copy"
    other.mkdir()
    (other / "tab_main.csv").write_bytes((folder / "tab_main.csv").read_bytes())
    compared = {"run": "both", "runs": ["bare", "copy"]}
    with pytest.raises(PapermillExecutionError, match="or name its set in distribution in `datasets`"):
        execute(NOTEBOOKS / "80_compare.ipynb", tmp_path / "80.ipynb", compared)
    execute(NOTEBOOKS / "80_compare.ipynb", tmp_path / "80.ipynb", {**compared, "datasets": {"copy": "choice"}})
    table = pd.read_csv(tmp_path / "figures" / "both" / "tab_runs.csv")
    assert set(table["run"]) == {"bare", "copy"} and set(table["method"]) == set(methods)
    twins = [part.drop(columns="run").reset_index(drop=True) for _, part in table.groupby("run")]
    pd.testing.assert_frame_equal(*twins)
    assert (tmp_path / "figures" / "both" / "fig_runs.png").stat().st_size > 10_000
