"""Hidden states of a prompt's last token, held to the model called by hand; what engines give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from honesty_utils import engines
from honesty_utils.common import prompts
from honesty_utils.common.settings import Prompts
from honesty_utils.engines import ENGINES, HiddenEngine, ModelError
from honesty_utils.engines.settings import Generation, Model

QUESTIONS = ["Who?", "What is the capital of France?", "Which planet is red? " * 3, "Who?", "Tea or coffee?"]
ASKED = [prompts.render(Prompts(), "plain", question) for question in QUESTIONS]


def make(folder: Path, batch_size: int = 64) -> Any:
    generation = Generation(max_new_tokens=1, batch_size=batch_size)
    return engines.load(Model(name=str(folder), device="cpu"), generation, "raw")


@pytest.fixture(scope="module")
def engine(tiny_model: Path) -> Any:
    return make(tiny_model)


@pytest.mark.parametrize("layer", [0, 1, 2, -1, -3])
def test_states_are_those_of_the_model_called_by_hand(engine: Any, layer: int) -> None:
    # One prompt at a time, no padding, no mask: two layers, so -1 is 2 and -3 the embeddings.
    found = engine.states(ASKED, layer)
    assert found.shape == (5, 64) and found.dtype == np.float32
    for prompt, state in zip(ASKED, found, strict=True):
        ids = torch.tensor([prompts.prompt_ids(engine.tokenizer, prompt, "raw")])
        with torch.no_grad():
            whole = engine.model.base_model(ids, output_hidden_states=True).hidden_states[layer]
        assert state == pytest.approx(whole[0, -1].numpy(), abs=1e-5)


def test_neighbours_order_and_size_of_batches_change_nothing(tiny_model: Path, engine: Any) -> None:
    together = engine.states(ASKED, -1)
    for size in (1, 2, 3):
        assert make(tiny_model, size).states(ASKED, -1) == pytest.approx(together, abs=1e-5)
    assert engine.states(ASKED[::-1], -1)[::-1] == pytest.approx(together, abs=1e-5)
    assert (together[0] == together[3]).all() and not np.allclose(together[0], together[1])


def test_the_last_layer_is_what_the_next_token_is_read_from(engine: Any) -> None:
    # So the greedy answer's first token is the best row of the output layer.
    state = torch.from_numpy(engine.states(ASKED[1:2], -1))
    first = int((state @ engine.model.lm_head.weight.T).argmax())
    answer = engine.generate([engines.Request(ASKED[1])])[0].text
    assert answer.startswith(engine.tokenizer.decode([first]).strip())


def test_no_prompts(engine: Any) -> None:
    assert engine.states([], -1).shape == (0, 64)


@pytest.mark.parametrize("layer", [3, -4])
def test_a_layer_that_is_not_there(engine: Any, layer: int) -> None:
    with pytest.raises(ModelError, match=rf"layer {layer}; it has 2: give 0 \(embeddings\) to 2, or -1 .* to -3"):
        engine.states(ASKED, layer)


def test_a_prompt_that_is_too_long(engine: Any) -> None:
    with pytest.raises(ModelError, match="a prompt has 201 tokens and the model reads 192"):
        engine.states(["x" * 200], -1)


def test_only_engines_that_say_so_show_states(engine: Any) -> None:
    assert isinstance(engine, HiddenEngine)
    assert [name for name, kind in ENGINES.items() if "hidden" in kind.gives] == ["transformers"]


SERVER = {"base_url": "http://127.0.0.1:8000/v1"}
CAN = [
    ("transformers", {}, {"nothing", "generate", "score", "hidden"}),
    ("vllm", {}, {"nothing", "generate"}),
    ("openai", SERVER, {"nothing", "generate"}),
    # It answers, but does not say how likely that was.
    ("openai", {**SERVER, "logprobs": False}, {"generate"}),
    # A replica holds another engine; Ray hands on what both can do.
    ("ray", {"engine": "transformers"}, {"nothing", "generate"}),
    ("ray", {"engine": "openai", "engine_options": {**SERVER, "logprobs": False}}, {"generate"}),
]


@pytest.mark.parametrize(("name", "options", "expected"), CAN)
def test_what_an_engine_can_is_known_before_it_is_loaded(
    name: str, options: dict[str, Any], expected: set[str]
) -> None:
    generation = Generation(engine=name, engine_options=options)
    asked: tuple[Any, ...] = ("nothing", "generate", "score", "hidden")
    assert {asks for asks in asked if engines.can(generation, asks)} == expected


def test_what_an_unknown_engine_can() -> None:
    with pytest.raises(ModelError, match=r"engine\.engine: 'vlm'; known:"):
        engines.can(Generation(engine="vlm"), "hidden")
