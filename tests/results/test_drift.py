"""How knowledge moved: worked by hand."""

import pandas as pd
import pytest

from honesty_utils.results import tables
from honesty_utils.results.settings import Analysis

FAST = Analysis(resamples=1000)


def knowledge(outcomes: str, accuracies: list[float]) -> pd.DataFrame:
    """A letter a question: c correct, w wrong, i refused, u unscored."""
    names = {"c": "correct", "w": "wrong", "i": "idk", "u": "unscored"}
    rows = {"question_id": [f"q{i}" for i in range(len(outcomes))], "greedy_outcome": [names[o] for o in outcomes]}
    return pd.DataFrame({**rows, "expected_accuracy": accuracies})


def test_lost_gained_and_refused_by_hand() -> None:
    # Known before: q0-q3; of these one is wrong now and one refused: 2 of 4 lost. Unknown: q4-q7; one is right now,
    # one cannot be scored: 1 of 3 gained. Refused: q2 and q6, of the seven that are scored.
    before = knowledge("ccccwwww", [1.0] * 4 + [0.0] * 4)
    after = knowledge("cciwcuiw", [1.0, 1.0, 0.5, 0.5, 0.5, 0.0, 0.0, 0.0])
    table = tables.tab_drift(before, {("absolute", 0): after}, FAST).set_index("metric")
    assert table.loc["lost", "value"] == pytest.approx(2 / 4)
    assert table.loc["gained", "value"] == pytest.approx(1 / 3)
    assert table.loc["refused", "value"] == pytest.approx(2 / 7)
    assert table.loc["expected_accuracy_change", "value"] == pytest.approx((-0.5 - 0.5 + 0.5) / 8)
    assert (table["low"] <= table["value"]).all() and (table["value"] <= table["high"]).all()


def test_seeds_are_averaged_and_methods_in_the_order_of_all_tables() -> None:
    before = knowledge("cw", [1.0, 0.0])
    same, lost = knowledge("cw", [1.0, 0.0]), knowledge("ww", [0.0, 0.0])
    table = tables.tab_drift(before, {("multisample", 0): same, ("absolute", 0): same, ("absolute", 1): lost}, FAST)
    assert list(table["method"].unique()) == ["absolute", "multisample"]
    found = table.set_index(["method", "metric"])
    assert found.loc[("absolute", "lost"), ["value", "seeds"]].tolist() == [0.5, 2]
    assert found.loc[("multisample", "lost"), "value"] == 0
    # None of one: t² / (1 + t²) with t of 1 degree, 12.706.
    assert found.loc[("multisample", "lost"), "high"] == pytest.approx(0.9938, abs=1e-4)


def test_nothing_asked_and_other_questions() -> None:
    before = knowledge("c", [1.0])
    assert tables.tab_drift(before, {}, FAST).empty
    with pytest.raises(ValueError, match="absolute: asked other questions than M_t; sample them again"):
        tables.tab_drift(before, {("absolute", 0): knowledge("cw", [1.0, 0.0])}, FAST)
