"""How methods are shown: by the entries of the params file, whatever a method is called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from support import synthetic

from honesty_utils.methods import METHODS
from honesty_utils.methods.plan import Method
from honesty_utils.methods.settings import MethodEntry
from honesty_utils.results import display, plots, tables
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.workflow import params
from honesty_utils.workflow.sweeps import Point


def roster(*points: Point, **entries: MethodEntry) -> Roster:
    named = {name: MethodEntry(method=name) for name in synthetic.METHODS} | entries
    swept = {point.name: named[point.method] for point in points}
    return Roster.of(named | swept, points)


CHOICE = MethodEntry(method="multisample", label="MULTISAMPLE + choice", drawn=False)


def test_variants_and_points_stand_beside_their_method_and_controls_last() -> None:
    run = roster(Point("tau", "absolute", 0.9), Point("tau", "absolute", 0.3), multisample_choice=CHOICE)
    mixed = ["oracle", "mine", "random_refusal@absolute", "multisample", "absolute_tau_0.9", "absolute",
             "absolute_tau_0.3", "unaligned", "multisample_choice", "always_refuse", "prompt_based"]  # fmt: skip
    assert run.ordered([*mixed, *mixed]) == [
        "unaligned", "prompt_based", "absolute", "absolute_tau_0.3", "absolute_tau_0.9", "multisample",
        "multisample_choice", "mine", "always_refuse", "oracle", "random_refusal@absolute",
    ]  # fmt: skip
    main = ["unaligned", "prompt_based", "absolute", "multisample", "multisample_choice", "mine"]
    assert run.main(mixed) == main
    assert run.drawn(mixed) == [name for name in main if name != "multisample_choice"]


def test_labels_and_colors() -> None:
    own = MethodEntry(method="absolute", options={"target": "random_sample"})
    run = roster(
        Point("tau", "absolute", 0.5),
        Point("learning_rate", "any_right", 1e-4),
        multisample_choice=CHOICE,
        any_right=own,
    )
    assert run.label("confidence_num") == "CONFIDENCE-NUM"
    assert run.label("absolute_tau_0.5") == "ABSOLUTE (τ = 0.5)"
    assert run.label("multisample_choice") == "MULTISAMPLE + choice"
    assert run.label("any_right") == "any_right"  # its own name: the method's is taken
    assert run.label("any_right_learning_rate_0.0001") == "any_right (learning rate = 0.0001)"
    assert run.label("random_refusal@absolute") == "Random refusal as ABSOLUTE"
    assert run.label("unknown_2") == "unknown_2" and run.label("oracle") == "Oracle (knows k)"
    assert {run.color(name) for name in ("any_right", "absolute_tau_0.5", "random_refusal@absolute")} == {"#0072B2"}
    assert run.color("unknown_2") == run.color("oracle") == display.UNKNOWN_COLOR
    assert len({PAPER.color(name) for name in synthetic.METHODS}) == len(synthetic.METHODS)


def test_a_method_that_the_run_lacks_keeps_its_name() -> None:
    assert Roster.of({"absolute": MethodEntry(method="absolute")}).label("multisample") == "MULTISAMPLE"


def test_saved_and_read_again_it_is_the_same(tmp_path: Path) -> None:
    run = roster(Point("tau", "absolute", 0.3), multisample_choice=CHOICE)
    tables.save_tables({"tab_methods": tables.tab_methods(run)}, tmp_path, "60_scores")
    table = pd.read_csv(tmp_path / "tab_methods.csv")
    assert list(table.columns) == display.COLUMNS and table["place"].tolist() == list(range(len(table)))
    assert dict(Roster.read(table).shown) == dict(run.shown)
    assert Roster.read(table).points("tau", "absolute") == {"absolute_tau_0.3": 0.3}


def test_points_of_an_entry_that_is_named_like_a_point() -> None:
    # Only the workflow's list says what is a point: this is a method that somebody called so.
    run = roster(absolute_tau_9=MethodEntry(method="absolute"))
    assert not run.is_point("absolute_tau_9") and run.drawn(["absolute_tau_9"]) == ["absolute_tau_9"]


def test_several_runs_have_one_roster() -> None:
    first, second = roster(mine=MethodEntry(method="absolute", label="MINE")), roster(multisample_choice=CHOICE)
    both = Roster.joined([first, second])
    assert both.label("mine") == "MINE" and both.label("multisample_choice") == "MULTISAMPLE + choice"


@pytest.mark.parametrize("preset", ["microworld", "microworld-sweeps", "triviaqa-mini"])
def test_the_grid_shows_who_is_told_to_refuse_and_one_of_a_family(preset: str) -> None:
    run = params.load(f"params/{preset}.yaml")
    here = Roster.of(run.entries, run.points)
    shown = here.told_to_refuse(run.models)
    assert shown == ["prompt_based", "absolute", "confidence_verb", "multisample"]
    assert here.told_to_refuse([name for name in run.models if name != "confidence_verb"])[2:3] == (
        ["confidence_num"] if "confidence_num" in run.models else ["multisample"]
    )
    assert here.told_to_refuse(["unaligned", "finetuned"]) == []


def test_a_method_whose_rule_withholds_answers_is_in_the_grid() -> None:
    # It trains nothing and asks the plain prompt; the rule refuses.
    run = roster(likelihood_threshold=MethodEntry(method="likelihood_threshold"))
    assert run.told_to_refuse(["unaligned", "likelihood_threshold"]) == ["likelihood_threshold"]


# --- a user's method is in every figure -------------------------------------------------------------------------------


def _renamed(table: pd.DataFrame, name: str) -> pd.DataFrame:
    copies = [table[table["method"] == old].assign(method=new)
              for old, new in (("absolute", name), ("random_refusal@absolute", f"random_refusal@{name}"))]  # fmt: skip
    return pd.concat([table, *copies], ignore_index=True)


def _annotation(run: Roster, name: str) -> Any:
    samples, rows = synthetic.annotation()
    return plots.data_annotation(samples, _renamed(rows, name), run)


def _risk_coverage(run: Roster, name: str) -> Any:
    steps = np.arange(1, 21) / 20
    curve = {"source": "likelihood", "coverage": steps, "risk": steps / 2, "low": steps / 3, "high": steps / 1.5}
    main = _renamed(synthetic.main_table(), name)
    return plots.risk_coverage(pd.DataFrame({"method": "unaligned", **curve}), main, "indist", roster=run)


def _runs(run: Roster, name: str) -> Any:
    main = _renamed(synthetic.main_table(), name)
    return plots.across_runs(tables.tab_runs({"a": main, "b": main}, {"a": "indist", "b": "indist"}, run), run)


FIGURES: dict[str, Callable[[Roster, str], Any]] = {
    "main": lambda run, name: plots.main_scores(_renamed(synthetic.main_table(), name), "indist", roster=run),
    "by_knowledge": lambda run, name: plots.by_knowledge(_renamed(synthetic.by_knowledge_table(), name), roster=run),
    "transitions": lambda run, name: plots.transition_grid(
        _renamed(synthetic.transitions_table(), name), "indist", roster=run
    ),
    "risk_coverage": _risk_coverage,
    "annotation": _annotation,
    "runs": _runs,
}

NAME = "absolute_dpo"


def _variant(monkeypatch: pytest.MonkeyPatch) -> tuple[Roster, str]:
    return roster(*synthetic.POINTS, **{NAME: MethodEntry(method="absolute", label="Mine")}), "Mine"


def _own_method(monkeypatch: pytest.MonkeyPatch) -> tuple[Roster, str]:
    own = replace(METHODS["absolute"], label="DPO", color="#F0E442", notebook=Method.notebook)
    monkeypatch.setitem(METHODS, NAME, own)
    return roster(*synthetic.POINTS, **{NAME: MethodEntry(method=NAME)}), "DPO"


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("made", [_variant, _own_method])
def test_a_users_method_is_drawn_whatever_it_is_called(
    figure: str, made: Callable[[pytest.MonkeyPatch], tuple[Roster, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, label = made(monkeypatch)
    drawn = plots.figure_of(FIGURES[figure](run, NAME))
    texts = {text.get_text().replace("\n", "") for text in drawn.findobj(Text)}
    assert {label, "ABSOLUTE"} <= texts
    hidden = roster(*synthetic.POINTS, **{NAME: MethodEntry(method="absolute", label="Mine", drawn=False)})
    if figure != "annotation":  # there the caller names the methods, by their rows
        drawn = plots.figure_of(FIGURES[figure](hidden, NAME))
        assert "Mine" not in {text.get_text() for text in drawn.findobj(Text)}
