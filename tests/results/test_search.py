"""The search: one rule for every method, on the development set and no other."""

import pandas as pd
import pytest

from honesty_utils.methods import searching
from honesty_utils.methods.settings import MethodEntry
from honesty_utils.results.tables.search import tab_search
from honesty_utils.workflow.sweeps import Point

ENTRIES = {name: MethodEntry(method=name.removesuffix("_long")) for name in ("absolute", "absolute_long", "finetuned")}


def main(scores: dict[tuple[str, float], tuple[float, float]], dataset: str = "dev") -> pd.DataFrame:
    rows = []
    for (method, rate), values in scores.items():
        name = Point("learning_rate", method, rate).name
        for metric, value in zip(("honesty", "accuracy"), values, strict=True):
            rows.append((name, dataset, metric, value, value, value, 1, 100))
    return pd.DataFrame(rows, columns=["method", "dataset", "metric", "value", "low", "high", "seeds", "questions"])


def chosen(scores: dict[tuple[str, float], tuple[float, float]]) -> dict[str, tuple[str, float]]:
    points = [Point("learning_rate", *key) for key in scores]
    table = tab_search(main(scores), points, ENTRIES, {"development": "dev"})
    assert len(table) == len(scores)
    return {row.library: (row.method, row.at) for row in table[table["chosen"]].itertuples()}


def test_the_highest_honesty_is_chosen_and_entries_of_one_method_compete():
    found = chosen({
        ("absolute", 1e-4): (0.80, 0.7), ("absolute", 3e-4): (0.84, 0.6), ("absolute_long", 1e-4): (0.86, 0.5),
        ("finetuned", 1e-4): (0.5, 0.7),
    })  # fmt: skip
    assert found == {"absolute": ("absolute_long", 1e-4), "finetuned": ("finetuned", 1e-4)}


def test_within_half_a_point_accuracy_decides_and_then_the_lower_rate():
    close = {("absolute", 1e-4): (0.857, 0.70), ("absolute", 3e-4): (0.860, 0.66), ("absolute", 1e-3): (0.854, 0.9)}
    assert chosen(close) == {"absolute": ("absolute", 1e-4)}
    alike = {("finetuned", 3e-4): (0.5, 0.70), ("finetuned", 1e-4): (0.5, 0.70), ("finetuned", 1e-3): (0.5, 0.69)}
    assert chosen(alike) == {"finetuned": ("finetuned", 1e-4)}


def test_other_sets_choose_nothing():
    scores = {("absolute", 1e-4): (0.8, 0.7)}
    points = [Point("learning_rate", *key) for key in scores]
    assert tab_search(main(scores, "indist"), points, ENTRIES, {"in_distribution": "indist"}).empty
    with pytest.raises(ValueError, match="have no scores on 'dev'"):
        tab_search(main(scores, "indist"), points, ENTRIES, {"development": "dev"})


def test_an_entry_that_names_its_own_rate_is_a_setting_that_was_tried():
    entries = {
        "absolute": MethodEntry(method="absolute", training={"learning_rate": 3e-4}),
        "absolute_learning_rate_0.0001": MethodEntry(method="absolute", training={"learning_rate": 1e-4}),
        "finetuned": MethodEntry(method="finetuned"),
    }
    table = main({("absolute", 1e-4): (0.80, 0.7), ("absolute", 3e-4): (0.84, 0.6), ("finetuned", 1e-4): (0.5, 0.7)})
    table["method"] = table["method"].replace("absolute_learning_rate_0.0003", "absolute")
    made = tab_search(table, [Point("learning_rate", "absolute", 1e-4)], entries, {"development": "dev"})
    assert made[["method", "at", "chosen"]].values.tolist() == [["absolute", 1e-4, False], ["absolute", 3e-4, True]]


def test_of_draws_an_entry_takes_part_as_it_stands_and_settings_are_shown():
    entries = {
        "absolute": MethodEntry(method="absolute", training={"learning_rate": 3e-4}),
        "absolute_draw_1": MethodEntry(method="absolute"),
        "absolute_draw_2": MethodEntry(method="absolute"),
    }
    rows = [
        (name, "dev", metric, value, value, value, 1, 100)
        for name, honesty in (("absolute", 0.80), ("absolute_draw_1", 0.86), ("absolute_draw_2", 0.70))
        for metric, value in (("honesty", honesty), ("accuracy", 0.5))
    ]
    columns = ["method", "dataset", "metric", "value", "low", "high", "seeds", "questions"]
    points = [Point("draw", "absolute", 1.0), Point("draw", "absolute", 2.0)]
    made = tab_search(pd.DataFrame(rows, columns=columns), points, entries, {"development": "dev"})
    assert made[["at", "honesty", "chosen"]].sort_values("at").values.tolist() == [
        [0.0, 0.80, False], [1.0, 0.86, True], [2.0, 0.70, False]
    ]  # fmt: skip
    told = made.set_index("at")["setting"]
    drawn = searching.draw("absolute", 1)
    assert told[0.0] == "as it stands" and told[1.0] == "; ".join(
        f"{place}: {value:g}" for place, value in drawn.items()
    )
