"""The recipe of the microworld is the one that the search has chosen, in the same world."""

import pandas as pd
import pytest

from honesty_utils.common.paths import root
from honesty_utils.workflow import params as params_file

CHOSEN = root() / "figures" / "microworld-search" / "tab_search.csv"
PRESENTED = {"short": 2, "long": 5}


def test_the_search_is_in_the_development_world_and_asks_its_development_people_only() -> None:
    search, published = (params_file.load(f"params/{name}.yaml") for name in ("microworld-search", "microworld"))
    assert search.world == published.world and search.world.seed == 0
    assert search.prompts == published.prompts and search.labeling == published.labeling
    assert search.evaluation.datasets == ("dev",) and search.row_sets == ["train"]
    assert "dev" not in {*published.evaluation.datasets, *published.row_sets}


def test_every_method_has_the_same_grid() -> None:
    search = params_file.load("params/microworld-search.yaml")
    grids = {}
    for point, entry in search.points.items():
        grids.setdefault(entry.method, []).append(point.value)
    assert len({tuple(sorted(grid)) for grid in grids.values()}) == 1
    published = params_file.load("params/microworld.yaml")
    assert set(grids) == {entry.method for entry in published.methods.values()}


@pytest.mark.parametrize("method", ["finetuned", "absolute", "confidence_num", "confidence_verb", "multisample"])
def test_the_microworld_takes_what_was_chosen(method: str) -> None:
    table = pd.read_csv(CHOSEN)
    (row,) = table[(table["library"] == method) & table["chosen"]].itertuples()
    search, published = (params_file.load(f"params/{name}.yaml") for name in ("microworld-search", "microworld"))
    tried = search.training_of(row.method)
    entries = [name for name, entry in published.entries.items() if entry.method == method]
    for name in entries:
        taken = published.training_of(name)
        # Rows of a further set come on top of those that were chosen.
        added = published.entries[name].rows.sets != ()
        assert (taken.learning_rate, taken.epochs) == (row.at, tried.epochs), name
        assert added or taken.max_rows == tried.max_rows, name
