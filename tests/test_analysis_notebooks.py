"""Notebooks 60 and 70 on a run that lacks much: no samples on its set, no sweep, no stated confidence.

The full pipeline is tested elsewhere; this is what a large model's first run looks like (``samples: 0``).
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import synthetic

from honesty_utils.execute import execute

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


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
