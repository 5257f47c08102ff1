"""How likely a given text is as an answer, held to the model called by hand; options chosen by it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from honesty_utils import engines, evaluation, grading, questions, sampling
from honesty_utils.common import prompts
from honesty_utils.common.settings import Prompts
from honesty_utils.engines import ENGINES, ModelError, Request, Response, ScoringEngine
from honesty_utils.engines.settings import Generation, Model
from honesty_utils.questions.settings import QuestionSet
from honesty_utils.sampling import shards
from honesty_utils.sampling.settings import Sampling

ASKED = [prompts.render(Prompts(), "plain", question) for question in ("Who?", "Which planet is red? " * 2, "Tea?")]
PAIRS = [(prompt, answer) for prompt in ASKED for answer in ("Mars", "It is a very long answer indeed", "no")]


def make(folder: Path, batch_size: int = 64, **more: Any) -> Any:
    generation = Generation(max_new_tokens=8, batch_size=batch_size)
    return engines.load(Model(name=str(folder), device="cpu"), generation, "raw", **more)


@pytest.fixture(scope="module")
def engine(tiny_model: Path) -> Any:
    return make(tiny_model)


def by_hand(engine: Any, prompt: str, answer: str) -> list[float]:
    before = prompts.prompt_ids(engine.tokenizer, prompt, "raw")
    after = prompts.completion_ids(engine.tokenizer, prompt, answer, "raw")
    with torch.no_grad():
        logits = engine.model(torch.tensor([before + after])).logits[0].log_softmax(-1)
    return [float(logits[len(before) - 1 + place, token]) for place, token in enumerate(after)]


def test_log_probabilities_are_those_of_the_model_called_by_hand(engine: Any) -> None:
    found = engine.logprobs(PAIRS)
    for (prompt, answer), tokens in zip(PAIRS, found, strict=True):
        assert tokens == pytest.approx(by_hand(engine, prompt, answer), abs=1e-4)


def test_neighbors_order_and_size_of_batches_change_nothing(tiny_model: Path, engine: Any, monkeypatch: Any) -> None:
    together = engine.logprobs(PAIRS)
    for size in (1, 2):
        for one, other in zip(make(tiny_model, size).logprobs(PAIRS), together, strict=True):
            assert one == pytest.approx(other, abs=1e-4)
    backwards = engine.logprobs([*PAIRS[::-1], PAIRS[0]])
    assert len(backwards) == 10 and backwards[-1] == backwards[-2]
    # Few logits at a time: one row after the other.
    monkeypatch.setattr("honesty_utils.engines.transformers._LOGITS", 1)
    for one, other in zip(engine.logprobs(PAIRS), together, strict=True):
        assert one == pytest.approx(other, abs=1e-4)
    assert engine.logprobs([]) == []


def test_a_prompt_with_several_answers_is_read_once(engine: Any) -> None:
    """One word against another costs one reading of the prompt, and no more where each prompt has one answer."""
    read: list[int] = []
    hook = engine.model.register_forward_pre_hook(lambda _, given: read.append(given[0].numel()))
    try:
        pairs = [(prompt, answer) for prompt in ASKED for answer in ("Mars", "no")]
        both = engine.logprobs(pairs)
        once, read[:] = sum(read), []
        apart = [tokens for part in (pairs[::2], pairs[1::2]) for tokens in engine.logprobs(part)]
        twice = sum(read)
    finally:
        hook.remove()
    assert once < 0.7 * twice
    for one, other in zip([*both[::2], *both[1::2]], apart, strict=True):
        assert one == pytest.approx(other, abs=1e-4)


def test_the_likeliest_option_is_the_answer(engine: Any) -> None:
    options = ("Mars", "no", "It is a very long answer indeed")
    sums = {option: sum(by_hand(engine, ASKED[1], option)[:-1]) for option in options}  # the end is no part of it
    best = max(sums, key=sums.__getitem__)
    asked = Request(ASKED[1], options=options)
    free = Request(ASKED[0])
    chosen, said = engine.generate([asked, free])
    assert chosen.text == best and chosen.finish_reason == "stop"
    assert chosen.mean_logprob * chosen.num_tokens == pytest.approx(sums[best], abs=1e-3)
    assert said == engine.generate([free])[0]


def test_an_answer_that_the_context_cannot_hold(engine: Any) -> None:
    with pytest.raises(ModelError, match=r"an answer to be scored have \d+ tokens and the model reads 192"):
        engine.logprobs([(ASKED[0], "x" * 200)])


def test_only_engines_that_say_so_score(engine: Any) -> None:
    assert isinstance(engine, ScoringEngine)
    assert [name for name, kind in ENGINES.items() if "score" in kind.gives] == ["transformers"]


# --- sets that are answered so ----------------------------------------------------------------------------------------


@pytest.fixture
def table(tmp_path: Path) -> pd.DataFrame:
    rows = [{"question": f"Is it {k}?", "choices": ["Mars", "no"], "answer_index": k % 2} for k in range(4)]
    path = tmp_path / "choice.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return questions.load("choice", QuestionSet(source="jsonl", path=str(path), choose="likelihood"))


def test_options_are_asked_and_no_letters(table: pd.DataFrame) -> None:
    (shard,) = sampling.plan(table, Prompts(), Sampling(), 0)
    assert all(request.options == ("Mars", "no") and "A)" not in request.prompt for request in shard.requests)
    (asked,) = evaluation.plan(table, Prompts(), 100)
    assert all(request.options for request in asked.requests) and asked.requests[0].prompt != shard.requests[0].prompt
    with pytest.raises(ValueError, match="chosen by likelihood has m = 0"):
        sampling.plan(table, Prompts(), Sampling(), 2)


def test_what_is_drawn_is_an_option_and_graded_as_one(table: pd.DataFrame, engine: Any, tmp_path: Path) -> None:
    plan = sampling.plan(table, Prompts(), Sampling(), 0)
    path = tmp_path / "choice.parquet"
    shards.draw(engine, plan, identity="x", folder=tmp_path / "shards", path=path)
    drawn = pd.read_parquet(path)
    assert set(drawn["text"]) <= {"Mars", "no"}
    graded = grading.grade_table(table.assign(text=drawn["text"].tolist()))
    right = [table["choices"][k][table["answer_index"][k]] for k in range(4)]
    expected = ["correct" if said == wanted else "wrong" for said, wanted in zip(drawn["text"], right, strict=True)]
    assert graded["outcome"].tolist() == expected


def test_an_engine_that_cannot_is_told_before_it_is_asked(table: pd.DataFrame, tmp_path: Path) -> None:
    class Other:
        def generate(self, requests: Any) -> list[Response]:
            raise AssertionError("asked")

    plan, other = sampling.plan(table, Prompts(), Sampling(), 0), Other()
    with pytest.raises(ModelError, match="choose: likelihood, but this engine does not tell"):
        shards.draw(other, plan, identity="x", folder=tmp_path, path=tmp_path / "a")


def test_questions_without_options_cannot_be_answered_so(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text('{"question": "q?", "answers": ["x"]}\n')
    with pytest.raises(questions.QuestionError, match=r"mine\.jsonl:1: choose: likelihood, but .* no choices"):
        questions.load("mine", QuestionSet(source="jsonl", path=str(path), choose="likelihood"))


def test_shards_of_other_requests_keep_their_names() -> None:
    # As a shard was named before requests could have options.
    plain = shards.Shard((("q", -1),), (Request("Who?", 0.5, 3),))
    content = json.dumps(["identity", plain.keys, [("Who?", 0.5, 3, None)]])
    assert plain.name("identity") == f"{hashlib.sha256(content.encode()).hexdigest()[:24]}.parquet"
    assert Request("Who?", options=("a",)).content() == ("Who?", 0.0, 0, None, ("a",), "without end")
