"""What tests and intervals promise, held against simulations in which the truth is known; few of them, same numbers."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from scipy import stats

FILE = Path("benchmarks/null.py")
SIMULATIONS = 200


@pytest.fixture(scope="module")
def null() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmarks_null", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


def most(share: float) -> float:
    """What chance lets a share of so many simulations be, once in a thousand."""
    return float(stats.binom.ppf(0.999, SIMULATIONS, share) / SIMULATIONS)


@pytest.mark.parametrize("seeds", [1, 3])
def test_methods_of_one_recipe_are_called_different_in_5_percent(null: ModuleType, seeds: int) -> None:
    design = null.Design(people=100, seeds=seeds, seed_sd=0.2 if seeds > 1 else 0.0)
    rejected = null.rejections(lambda rng: null.p_of_two(design, rng), SIMULATIONS, seed=seeds)
    assert (rejected <= most(0.05)).all() and rejected.max() > 0


def test_worlds_are_called_different_in_5_percent(null: ModuleType) -> None:
    design = null.Design(people=60, seed_sd=0.3, world_sd=0.5)
    rejected = null.rejections(lambda rng: null.p_over_worlds(design, 8, rng), SIMULATIONS, seed=3)
    assert (rejected <= most(0.05)).all() and rejected.max() > 0


def test_two_seeds_of_one_method_are_different_models(null: ModuleType) -> None:
    # Which is why a test of one training speaks of these models: about methods it would be wrong half of the time.
    design = null.Design(people=100, seed_sd=0.5)
    rejected = null.rejections(lambda rng: null.p_of_two(design, rng), SIMULATIONS, seed=4)
    assert rejected[null.METRICS.index("refusal_rate")] > 0.3


def test_questions_as_units_see_differences_that_are_none(null: ModuleType) -> None:
    design = null.Design(people=60, each=6, alone=True)
    rejected = null.rejections(lambda rng: null.p_of_two(design, rng), SIMULATIONS, seed=5)
    assert rejected[null.METRICS.index("refusal_rate")] > most(0.05)


def test_intervals_of_clustered_questions_cover_the_population(null: ModuleType) -> None:
    covered = null.coverage(null.Design(people=100), SIMULATIONS, seed=6, rounds_of_20=20)
    assert (1 - covered <= most(0.05)).all() and covered.min() < 1


def test_the_interval_of_the_calibration_error_covers_0_and_more(null: ModuleType) -> None:
    for error in (0.0, 0.1):
        plain, debiased, held = null.calibration_error(error, 200, SIMULATIONS, seed=7)
        assert debiased < plain and 1 - held <= most(0.07)


def test_the_committed_table_is_in_the_ranges_that_it_names() -> None:
    table = pd.read_csv("benchmarks/null.csv")
    asked = table[table["asked"] != "–"]
    ends = asked["asked"].str.split(" to ", expand=True).astype(float)
    # A share of so many simulations is itself known to its interval only.
    assert ((asked["high"] >= ends[0]) & (asked["low"] <= ends[1])).all()
    by_setting = table.set_index(["quantity", "setting", "metric"])["value"]
    assert by_setting["rejects", "1 seed, SD .3: two seeds of one method", "refusal_rate"] > 0.3
    assert np.isclose(table["simulations"], 1000).all()
