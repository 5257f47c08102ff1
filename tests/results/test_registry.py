"""The lists of tables and figures: what a run surely has, and whose files are whose."""

from __future__ import annotations

import ast
import inspect
import json
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from support import synthetic

from honesty_utils.results import display, plots, registry, scored, tables
from honesty_utils.results.plots import FIGURES
from honesty_utils.results.registry import SCORE
from honesty_utils.results.tables import TABLES
from honesty_utils.workflow import score
from honesty_utils.workflow.sweeps import SWEEPS

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
BOTH = {**TABLES, **FIGURES}


def _calls(notebook: str) -> str:
    if notebook == SCORE:
        return inspect.getsource(scored) + inspect.getsource(score)
    cells = json.loads((NOTEBOOKS / f"{notebook}.ipynb").read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


@pytest.mark.parametrize("name", BOTH)
def test_what_makes_an_entry_calls_its_function(name: str) -> None:
    entry = BOTH[name]
    assert f".{entry.function.__name__}(" in _calls(entry.notebook)
    assert entry.title and not entry.title.endswith(".") and entry.caption.endswith(".")


def test_every_public_table_and_sweep_has_an_entry() -> None:
    made = {name for name, value in vars(tables).items() if name.startswith("tab_") and inspect.isfunction(value)}
    assert {name for name in made if name != "tab_judged"} <= set(TABLES)
    # No table stands there twice: the later line would silently be the one that counts.
    for module, prefix in ((tables.registry, "tab_"), (plots.registry, "fig_")):
        tree = ast.parse(inspect.getsource(module))
        keys = [key.value for node in ast.walk(tree) if isinstance(node, ast.Dict) for key in node.keys
                if isinstance(key, ast.Constant) and str(key.value).startswith(prefix)]  # fmt: skip
        assert max(Counter(keys).values()) == 1
    # A quantity that can be swept has a figure and a symbol.
    assert {f"fig_{quantity}" for quantity in SWEEPS} <= set(FIGURES)
    assert set(SWEEPS) <= set(display.QUANTITIES)


def test_what_a_run_surely_has_follows_from_its_sets() -> None:
    least = tables.expected("60_scores", ["in_distribution"])
    assert "tab_paper_main" in least and "tab_main" in least and "tab_paper_ood" not in least
    more = tables.expected("60_scores", ["in_distribution", "prior_known", "tasks"])
    assert set(more) - set(least) == {"tab_paper_ood", "tab_paper_tasks"}
    assert "tab_beside" in least and "tab_beside_ood" not in more
    assert "tab_beside_ood" in tables.expected("60_scores", ["in_distribution", "out_of_distribution"])
    assert tables.expected("62_readings", ["helpfulness", "labelled"]) == [
        "tab_paper_helpfulness", "tab_agreement", "tab_matchers", "tab_refusals", "tab_examples", "tab_drift",
        "tab_exposures", "tab_rank", "tab_helpfulness",
    ]  # fmt: skip
    assert plots.expected("70_figures") == ["fig_main", "fig_transitions", "fig_annotation"]
    assert set(plots.expected("70_figures", ["tau", "prior_known"])) >= {"fig_tau", "fig_ood"}
    assert "fig_ood" not in plots.expected("70_figures", ["in_distribution", "tasks", "helpfulness"])


def test_a_notebook_saves_its_own_entries_only(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1]})
    with pytest.raises(ValueError, match="tab_new: no entry in the registry; add a line"):
        tables.save_tables({"tab_new": frame}, tmp_path, "60_scores")
    with pytest.raises(ValueError, match="tab_ece: is saved by 61_confidence, not by 60_scores; save it there"):
        tables.save_tables({"tab_ece": frame}, tmp_path, "60_scores")
    assert not list(tmp_path.iterdir())


def test_what_a_notebook_no_longer_makes_goes_and_nothing_else(tmp_path: Path) -> None:
    for name in ("tab_sweeps.csv", "tab_sweeps.md", "tab_ece.csv", "fig_tau.png", "tab_mine.csv", "claims.md"):
        (tmp_path / name).write_text("of an earlier run", encoding="utf-8")
    gone = registry.remove_stale(TABLES, "60_scores", ["tab_main"], tmp_path)
    assert [path.name for path in gone] == ["tab_sweeps.csv", "tab_sweeps.md"]
    drawn = {"fig_transitions": plots.transition_grid(synthetic.transitions_table(), "indist")}
    plots.save_figures(drawn, tmp_path, "70_figures")
    left = ["claims.md", "fig_transitions.pdf", "fig_transitions.png", "tab_ece.csv", "tab_mine.csv"]
    assert sorted(path.name for path in tmp_path.iterdir()) == left


def test_a_table_goes_on_unrounded(tmp_path: Path) -> None:
    frame = pd.DataFrame({"method": ["absolute"], "value": [0.03249999999]})
    tables.keep_exact(frame, tmp_path, "tab_main")
    pd.testing.assert_frame_equal(tables.read_exact(tmp_path, "tab_main"), frame)
    with pytest.raises(
        FileNotFoundError, match=r"tab_tests\.parquet: not there; run the notebook that makes tab_tests"
    ):
        tables.read_exact(tmp_path, "tab_tests")


def test_a_table_to_look_at_keeps_the_order_of_its_rows() -> None:
    tidy = pd.DataFrame(
        {
            "method": ["b", "b", "a", "a", "c"], "metric": ["y", "x", "y", "x", "y"], "dataset": ["s"] * 4 + ["t"],
            "value": [1.0, 2.0, 3.0, 4.0, 5.0],
        }
    )  # fmt: skip
    seen = tables.wide(tidy, "metric", dataset="s")
    assert seen.index.tolist() == ["b", "a"] and seen.columns.tolist() == ["y", "x"] and seen.loc["a", "x"] == 4
    assert tables.wide(tidy, ["metric"], ["method", "dataset"], metric=["y"]).index.tolist()[-1] == ("c", "t")
    assert tables.wide(tidy.iloc[:0], "metric").empty
