"""AUROC, calibration error and alignment of stored confidences: by hand, and against scikit-learn."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from honesty_utils.metrics import calibration
from honesty_utils.results import tables
from honesty_utils.results.settings import Analysis
from honesty_utils.workflow import cli

FAST = Analysis(resamples=1000)


def test_the_threshold_that_says_most_often_what_is_right():
    # At .5 one of six is off: the wrong answer of confidence .9.
    confidence, right = [0.1, 0.2, 0.4, 0.5, 0.8, 0.9], [0, 0, 0, 1, 1, 0]
    assert calibration.best_threshold(confidence, right) == 0.41
    assert calibration.best_threshold([0.2, 0.3], [1, 1]) == 0.01
    assert calibration.best_threshold([0.2, 0.3], [0, 0]) == 0.31
    assert np.isnan(calibration.best_threshold([], []))
    # What is at the threshold is above it, although 14 of 20 is less than .7 by its last digit.
    assert calibration.best_threshold([0.69, sum([0.05] * 14)], [0, 1]) == 0.7


def answers(number=1000, seed=0):
    rng = np.random.default_rng(seed)
    sure = rng.integers(0, 21, number) / 20
    right = rng.random(number) < 0.2 + 0.6 * sure
    return pd.DataFrame(
        {
            "method": "m", "seed": 0, "dataset": "nq", "question_id": [f"q{k:04d}" for k in range(number)],
            "outcome": np.where(right, "correct", "wrong"), "confidence": sure, "mean_logprob": np.log(sure / 2 + 0.25),
            "cluster": [f"q{k:04d}" for k in range(number)], "stratum": "",
        }
    )  # fmt: skip


def values(table, source):
    return table[table["source"] == source].set_index("metric")


def test_numbers_are_those_of_the_definitions():
    table = answers()
    found = values(tables.tab_alignment(table, FAST), "confidence")
    right = table["outcome"] == "correct"
    assert found["value"]["auroc"] == pytest.approx(roc_auc_score(right, table["confidence"]))
    assert found["value"]["ece_raw"] == pytest.approx(calibration.ece(table["confidence"], right))
    assert found["counted"].to_dict() == {"auroc": 1000, "ece_raw": 1000, "alignment": 800}
    # Right with .2 + .6 c: the best threshold is at a half, and says the truth .5 + E|.6 c - .3| of the time.
    best = 0.5 + np.abs(0.2 + 0.6 * np.arange(21) / 20 - 0.5).mean()
    assert found["low"]["alignment"] < best < found["high"]["alignment"]
    assert (found["low"] < found["value"]).all() and (found["value"] < found["high"]).all()


def test_likelihood_orders_as_the_confidence_that_it_grows_with():
    table = tables.tab_alignment(answers(), FAST)
    both = values(table, "confidence"), values(table, "likelihood")
    assert both[0]["value"]["auroc"] == both[1]["value"]["auroc"]
    assert both[0]["value"]["ece_raw"] != both[1]["value"]["ece_raw"]


def test_what_is_unscored_or_says_no_confidence_is_not_counted():
    table = answers(200).assign(mean_logprob=np.nan)
    table.loc[:49, "confidence"] = np.nan
    table.loc[50:99, "outcome"] = "unscored"
    found = tables.tab_alignment(table, FAST)
    assert set(found["source"]) == {"confidence"} and found["counted"].max() == 100
    assert tables.tab_alignment(table.assign(confidence=np.nan), FAST).empty


def test_stored_answers_of_honestybench_from_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "qwen").mkdir()
    rows = [
        {
            "question": "the same again" if k % 50 == 0 else f"who won race {k}", "answer": [f"Rider{k}"],
            "greedy_response": [f"Rider{k}" if k % 2 else "Nobody"], "greedy_correctness": k % 2,
            "greedy_cumulative_logprobs": [-0.5 - (k % 3)], "greedy_logprobs": [[-0.5] * 2],
            "sampling_response": ["x"] * 4, "consistency_judgement": [k % 2, 1, k % 5 == 0, 1],
        }
        for k in range(200)
    ]  # fmt: skip
    path = tmp_path / "qwen" / "nq.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    status = cli.main(["score", "--from", "honestybench", str(path), "--resamples", "1000"])
    assert status == 0, capsys.readouterr().err
    found = pd.read_csv(tmp_path / "scores" / "nq" / "tab_alignment.csv").set_index(["source", "metric"])["value"]
    votes = [sum(row["consistency_judgement"]) / 4 for row in rows]
    right = [row["greedy_correctness"] for row in rows]
    # Tables are written with six digits.
    assert found["confidence", "auroc"] == pytest.approx(roc_auc_score(right, votes), abs=1e-6)
    assert found["confidence", "ece_raw"] == pytest.approx(calibration.ece(votes, right), abs=1e-6)
    assert "likelihood" in found.index.get_level_values("source")
