"""How well signals tell right answers from wrong ones: by hand, against scikit-learn, what has no value."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from honesty_utils.results import tables
from honesty_utils.results.settings import Analysis
from honesty_utils.results.tables.signals import LEVELS

ANALYSIS = Analysis(resamples=1000)


def frame(outcomes, known=None):
    ids = [f"q{place:05d}" for place in range(len(outcomes))]
    known = np.nan if known is None else known
    return pd.DataFrame(
        {
            "method": "unaligned",
            "dataset": "indist",
            "question_id": ids,
            "outcome": outcomes,
            "expected_accuracy": known,
        }
    )


def signal(values, name="likelihood"):
    ids = [f"q{place:05d}" for place in range(len(values))]
    return {("base", "indist"): pd.DataFrame({"question_id": ids, "signal": name, "value": values})}


def test_by_hand():
    # Right answers at 3 and 1, wrong ones at 2 and 0: of four pairs three are in order.
    found = tables.tab_signals(
        signal([3.0, 2, 1, 0, 9, np.nan]),
        frame(["correct", "wrong", "correct", "wrong", "idk", "correct"], known=[1, 0, 0.5, 0.5, 0, 1]),
        ANALYSIS,
    ).set_index("signal")
    row = found.loc["likelihood"]
    assert row["auroc"] == 0.75 and row["low"] <= 0.75 <= row["high"]
    assert (row["right"], row["questions"], row["without"]) == (0.5, 4, 1)
    # 1 and .5 against 0 and .5, and the last right one at 1: five and a half of six pairs.
    assert found.loc["expected_accuracy", "auroc"] == pytest.approx(5.5 / 6)


def test_many_values_are_scikit_learn_s_up_to_the_groups():
    rng = np.random.default_rng(0)
    right = rng.random(5000) < 0.4
    value = rng.normal(size=5000) + right
    found = tables.tab_signals(signal(value), frame(np.where(right, "correct", "wrong")), ANALYSIS)
    assert len(np.unique(value)) > LEVELS
    assert found["auroc"][0] == pytest.approx(roc_auc_score(right, value), abs=1e-3)
    assert found["low"][0] < found["auroc"][0] < found["high"][0] and found["high"][0] - found["low"][0] < 0.04


def test_without_values_or_signals_there_is_no_number():
    found = tables.tab_signals(signal([np.nan, np.nan]), frame(["correct", "wrong"]), ANALYSIS)
    assert np.isnan(found["auroc"][0]) and found["without"][0] == 2 and len(found) == 1
    assert tables.tab_signals({}, frame(["correct"]), ANALYSIS).empty


def test_what_a_trained_model_says_of_its_own_answers_is_not_held_against_those_of_another():
    told = signal([3.0, 2], "sure")["base", "indist"]
    refusal = signal([3.0, 2], "refusal")["base", "indist"]
    found = tables.tab_signals(
        {("mine/seed0", "indist"): pd.concat([told, refusal])}, frame(["correct", "wrong"]), ANALYSIS
    )
    assert found["signal"].tolist() == ["refusal"] and found["auroc"].tolist() == [1.0]
