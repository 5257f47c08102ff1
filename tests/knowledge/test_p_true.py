"""P(True): what is asked, what comes of it, and a real engine that is asked it."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest

from honesty_utils import engines, evaluation
from honesty_utils.common import records
from honesty_utils.common.paths import BASE, Run
from honesty_utils.common.settings import Prompts
from honesty_utils.engines.settings import Generation, Model
from honesty_utils.knowledge import signals
from honesty_utils.knowledge.signals import p_true


def answers(*texts: str) -> pd.DataFrame:
    ids = [f"q{place}" for place in range(len(texts))]
    return pd.DataFrame({"question_id": ids, "text": texts, "num_tokens": 1, "mean_logprob": -1.0})


class Teller:
    """Says of every prompt how likely A and B are."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def logprobs(self, pairs):
        self.asked += pairs
        return [[math.log(0.6), -0.5] if reply == "A" else [math.log(0.2), -0.5] for _, reply in pairs]


def test_by_hand():
    teller = Teller()
    table = signals.measure(
        ["p_true"], answers("Khartoum,\nI {think}", ""), shown=["Capital of Sudan?", "Who?"], engine=teller
    )
    # .6 against .2, whatever comes after the letter; of an empty answer there is nothing to ask.
    assert table["value"].tolist()[0] == pytest.approx(0.75) and math.isnan(table["value"].tolist()[1])
    assert [reply for _, reply in teller.asked] == ["A", "B"]
    prompt = teller.asked[0][0]
    assert "Question: Capital of Sudan?\nProposed answer: Khartoum, I {think}\n" in prompt


def test_without_an_engine_it_is_an_error():
    with pytest.raises(ValueError, match="needs an engine that scores"):
        signals.measure(["p_true"], answers("x"))
    assert signals.asks(["p_true", "likelihood"]) == {"score", "nothing"}


def test_a_run_asks_its_base_model(tiny_model: Path, tmp_path, monkeypatch):
    monkeypatch.setenv("HONESTY_ROOT", str(tmp_path))
    run, texts = Run("toy"), ["Mars", "Venus"]
    labels = answers(*texts).assign(
        sample_index=records.GREEDY, finish_reason="stop", outcome="wrong", matched=False, judge_score=None
    )
    records.write(labels, records.LABELS, run.labels("indist"))
    asked = pd.DataFrame({"question_id": ["q0", "q1"], "question": ["Which is red?", "Which is hot?"]})
    asked = asked.assign(choices=[None, ["Mars", "Venus"]])
    model, generation, wording = Model(name=str(tiny_model), device="cpu"), Generation(max_new_tokens=4), Prompts()
    found = evaluation.measure(run, BASE, ["p_true"], {"indist": asked}, model, generation, wording)["indist"]
    engine = engines.load(model, generation, wording.style)
    shown = [asked["question"][0], "Which is hot?\nA) Mars\nB) Venus"]
    for text, question, value in zip(texts, shown, found["value"], strict=True):
        prompt = p_true.ASKED.replace("{question}", question).replace("{answer}", text)
        yes, no = (math.exp(sum(tokens)) for tokens in engine.logprobs([(prompt, "A"), (prompt, "B")]))
        assert value == pytest.approx(yes / (yes + no), abs=1e-4)
