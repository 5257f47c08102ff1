"""Signals of M_t's answers as a run has them on disk."""

import pandas as pd

from honesty_utils import evaluation
from honesty_utils.common import records
from honesty_utils.common.paths import BASE, Run
from honesty_utils.common.settings import Prompts


def labels(texts):
    rows = [(key, index, text) for key, own in texts.items() for index, text in enumerate(own, start=records.GREEDY)]
    table = pd.DataFrame(rows, columns=["question_id", "sample_index", "text"])
    return table.assign(
        num_tokens=2, mean_logprob=-0.5, finish_reason="stop", outcome="wrong", matched=False, judge_score=None
    )


def test_a_signal_of_samples_is_measured_beside_one_of_the_greedy_answer(tmp_path, monkeypatch):
    monkeypatch.setenv("HONESTY_ROOT", str(tmp_path))
    run = Run("toy")
    texts = {"a": ["Khartoum", "Khartoum", "It is Khartoum"], "b": ["Oslo", "Rome", "Oslo!"]}
    records.write(labels(texts), records.LABELS, run.labels("indist"))
    # Questions in another order than the labels.
    asked = pd.DataFrame({"question_id": ["b", "a"], "question": ["Which city?", "What is it?"]})
    asked["choices"] = None
    found = evaluation.measure(run, BASE, ["likelihood", "self_consistency"], {"indist": asked}, None, None, Prompts())[
        "indist"
    ]
    values = found.set_index(["signal", "question_id"])["value"]
    assert values["self_consistency"].to_dict() == {"a": 1.0, "b": 0.5}
    assert values["likelihood"].to_dict() == {"a": -1.0, "b": -1.0}
