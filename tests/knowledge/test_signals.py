"""Signals of sureness by hand, what cannot be told, heads as folders, and every message."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from honesty_utils.common import records
from honesty_utils.knowledge import signals
from honesty_utils.knowledge.signals.head import Head

ANSWERS = pd.DataFrame(
    {
        "question_id": ["a", "b", "c"],
        "text": ["Paris", "Rome, surely", ""],
        "num_tokens": [2, 4, 1],
        "mean_logprob": [-0.5, -0.25, None],
    }
)
HEAD = Head(
    layer=2, base="m", mean=np.array([1.0, 0.0]), scale=np.array([2.0, 1.0]), coef=np.array([1.0, 3.0]), intercept=-1.0,
    facts={"rows": 3},
)  # fmt: skip
FOLDS = pd.DataFrame({"question_id": ["x", "y"], "signal": "head", "value": [0.25, 0.75]})


@pytest.fixture
def folder(tmp_path):
    HEAD.save(tmp_path, FOLDS)
    return tmp_path


def values(frame, signal):
    return frame.loc[frame["signal"] == signal, "value"].tolist()


def test_likelihood_is_a_sum_and_its_mean_a_share_a_token():
    found = signals.measure(["likelihood", "likelihood_mean"], ANSWERS)
    assert found["question_id"].tolist() == list("abcabc")
    assert values(found, "likelihood")[:2] == [-1.0, -1.0]  # 2 · -.5 and 4 · -.25
    assert values(found, "likelihood_mean")[:2] == [-0.5, -0.25]


@pytest.mark.parametrize("signal", ["likelihood", "likelihood_mean"])
@pytest.mark.parametrize("null", [None, float("nan"), pd.NA])
def test_what_the_engine_has_not_told_is_missing_and_no_number(signal, null):
    answers = ANSWERS.assign(mean_logprob=pd.Series([null, -1.0, null], dtype=object))
    found = signals.measure([signal], answers)["value"]
    assert found.isna().tolist() == [True, False, True]


def test_signals_are_a_table_and_come_back_a_column_each(tmp_path):
    found = signals.measure(["likelihood_mean", "likelihood"], ANSWERS)
    path = records.write(found, records.SIGNALS, tmp_path / "signals.parquet")
    table = signals.wide(records.read(records.SIGNALS, path))
    assert list(table.columns) == ["question_id", "likelihood_mean", "likelihood"]
    assert table["question_id"].tolist() == ["a", "b", "c"]
    assert table["likelihood"].tolist()[:2] == [-1.0, -1.0] and math.isnan(table["likelihood"][2])


def test_a_question_without_a_row_of_a_signal_is_missing_there():
    found = signals.measure(["likelihood"], ANSWERS)
    more = pd.concat([found, FOLDS.assign(question_id=["b", "a"])])
    table = signals.wide(more).set_index("question_id")
    assert table.loc["a", "head"] == 0.75 and table.loc["b", "head"] == 0.25 and math.isnan(table.loc["c", "head"])


def test_no_signals_are_an_empty_table():
    assert records.conform(signals.measure([], ANSWERS), records.SIGNALS, "none").num_rows == 0


# --- a head -----------------------------------------------------------------------------------------------------------


def test_a_head_gives_the_probability_that_its_weights_say(folder):
    # (3 - 1) / 2 = 1 and 0 give 1 · 1 - 1 = 0: one half. (1 - 1) / 2 = 0 and 1 give 3 - 1 = 2.
    states = np.array([[3, 0], [1, 1], [np.nan, 0]], np.float32)
    found = signals.measure(["head"], ANSWERS, states, folder)["value"].tolist()
    assert found[:2] == pytest.approx([0.5, 1 / (1 + math.exp(-2))]) and math.isnan(found[2])


def test_a_head_is_a_folder(folder):
    found = signals.heads.load(folder, "m")
    assert (found.layer, found.base, found.intercept, found.facts["rows"]) == (2, "m", -1.0, 3)
    assert found.coef.tolist() == [1.0, 3.0] and found.scale.tolist() == [2.0, 1.0]
    pd.testing.assert_frame_equal(signals.heads.out_of_fold(folder), FOLDS)
    assert json.loads((folder / "head.json").read_text())["width"] == 2


def test_a_head_of_another_model(folder):
    with pytest.raises(ValueError, match=r"a head for the states of another model \(m, not other\): train it on this"):
        signals.heads.load(folder, "other")


@pytest.mark.parametrize("name", ["head.json", "weights.npz", "out_of_fold.parquet"])
def test_a_folder_that_is_no_head(folder, name):
    (folder / name).unlink()
    with pytest.raises(ValueError, match=rf"no head, it has no {name}; train the stage that makes it first"):
        signals.heads.load(folder)


def test_states_of_another_width(folder):
    with pytest.raises(ValueError, match=r"states of shape \(3, 5\); this head reads \(questions, 2\): take layer 2"):
        signals.measure(["head"], ANSWERS, np.zeros((3, 5), np.float32), folder)


def test_a_head_without_states_or_folder(folder):
    for given in ({}, {"head": folder}, {"states": np.zeros((3, 2), np.float32)}):
        with pytest.raises(ValueError, match="signal 'head': needs hidden states and the folder of a head; give both"):
            signals.measure(["head"], ANSWERS, **given)


# --- bad input --------------------------------------------------------------------------------------------------------


def test_what_signals_ask():
    assert signals.asks(["likelihood", "likelihood_mean"]) == {"nothing"}
    assert signals.asks(["likelihood", "head"]) == {"nothing", "hidden"} and signals.asks([]) == set()


def test_an_unknown_signal_lists_those_there_are():
    for call in (signals.asks, lambda names: signals.measure(names, ANSWERS)):
        with pytest.raises(
            ValueError, match=r"signal 'sureness'; known: \['cocoa', 'digit', 'head', 'likelihood', 'likel"
        ):
            call(["sureness"])


def test_answers_lack_columns():
    with pytest.raises(ValueError, match=r"answers lack the columns \['mean_logprob', 'num_tokens'\]; give RESPONSES"):
        signals.measure(["likelihood"], ANSWERS[["question_id", "text"]])


def test_a_question_with_two_answers():
    with pytest.raises(ValueError, match="1 questions have a second answer, such as 'a'; give one"):
        signals.measure(["likelihood"], pd.concat([ANSWERS, ANSWERS.head(1)]))


def test_states_that_are_not_one_each():
    with pytest.raises(ValueError, match="2 hidden states for 3 answers; give one each, in order"):
        signals.measure(["likelihood"], ANSWERS, np.zeros((2, 2), np.float32))


def test_every_signal_says_how_it_is_shown():
    labels = [signal.label for signal in signals.SIGNALS.values()]
    assert len(set(labels)) == len(labels) and all(labels)
