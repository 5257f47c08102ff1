"""Search spaces: every method that trains states one whose settings are valid, and draws depend on its name alone."""

from __future__ import annotations

import itertools

import pytest

from honesty_utils import methods
from honesty_utils.methods import searching
from honesty_utils.methods.settings import MethodEntry
from honesty_utils.training.objectives import check_options
from honesty_utils.training.settings import Training
from honesty_utils.workflow.sweeps import Point, Sweep, expand

TRAINED = sorted(name for name, method in methods.METHODS.items() if method.stages)


def test_what_trains_states_a_space_and_nothing_else_does():
    assert sorted(name for name, method in methods.METHODS.items() if method.search) == TRAINED


@pytest.mark.parametrize("name", TRAINED)
def test_every_setting_of_a_space_is_one_that_its_method_takes(name):
    kind = methods.METHODS[name]
    for place, values in kind.search.items():
        assert len(set(values)) == len(values) > 1
        for value in values:
            first, *inner = place.split(".")
            if first == "training":
                Training(**{inner[0]: value})
            elif first == "options":
                methods.check_options(name, {inner[0]: value})
            else:
                stage, part, field = inner
                objective = kind.stage(stage).objective
                if part == "objective":
                    check_options(objective, {field: value})
                else:
                    assert part == "training"
                    Training(**{field: value})


@pytest.mark.parametrize("name", TRAINED)
def test_draws_are_all_combinations_each_once(name):
    space = methods.METHODS[name].search
    number = len(list(itertools.product(*space.values())))
    drawn = [tuple(searching.draw(name, place + 1).values()) for place in range(number)]
    assert len(set(drawn)) == number >= 8
    for place in (0, number + 1):
        with pytest.raises(ValueError, match=rf"'{name}' has draws 1 to {number}; got {place}"):
            searching.draw(name, place)


def test_draws_of_methods_with_one_space_differ_by_their_names():
    alike = [name for name in TRAINED if methods.METHODS[name].search == methods.METHODS["absolute"].search]
    assert len(alike) > 3
    assert len({tuple(str(searching.draw(name, place)) for place in range(1, 6)) for name in alike}) == len(alike)


def test_a_draw_changes_the_entry_and_leaves_the_rest():
    entry = {
        "options": {"tau": 0.3, "seed": 7},
        "stages": {"dpo": {"training": {"epochs": 1, "learning_rate": 1.0}, "objective": {}}},
    }
    changes = {"options.tau": 0.5, "stages.dpo.training.learning_rate": 2.0, "training.epochs": 3}
    assert searching.changed(entry, changes) == {
        "options": {"tau": 0.5, "seed": 7},
        "stages": {"dpo": {"training": {"epochs": 1, "learning_rate": 2.0}, "objective": {}}},
        "training": {"epochs": 3},
    }
    assert entry["options"]["tau"] == 0.3 and entry["stages"]["dpo"]["training"]["learning_rate"] == 1.0


def test_a_sweep_of_draws_is_entries_of_their_own():
    entries = {"mine": MethodEntry(method="entropy_tuning", training={"epochs": 1, "batch_size": 4})}
    found = expand({"draw": Sweep(methods=("mine",), values=(1.0, 2.0))}, entries)
    assert [point.name for point in found] == ["mine_draw_1", "mine_draw_2"]
    for point, entry in found.items():
        drawn = searching.draw("entropy_tuning", int(point.value))
        assert entry.options == {"entropy": drawn["options.entropy"]}
        assert entry.training == {
            "batch_size": 4, "epochs": drawn["training.epochs"], "learning_rate": drawn["training.learning_rate"]
        }  # fmt: skip
    assert Point("draw", "mine", 1.0) in found


@pytest.mark.parametrize(
    ("method", "value", "message"),
    [
        ("likelihood_threshold", 1.0, "sweeps.draw.values: 1: 'likelihood_threshold' states no settings to search amo"),
        ("absolute", 0.0, r"sweeps.draw.values: 0: 'absolute' has draws 1 to 16; got 0"),
        ("absolute", 1.5, "sweeps.draw.values: 1.5: 1.5 is no whole number of draws"),
    ],
)
def test_draws_that_there_are_none_of(method, value, message):
    with pytest.raises(ValueError, match=message):
        expand({"draw": Sweep(methods=("it",), values=(value,))}, {"it": MethodEntry(method=method)})
