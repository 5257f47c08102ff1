"""The served engine against a real server: vLLM's own, on the tiny model."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from honesty_utils import engines
from honesty_utils.common import prompts
from honesty_utils.common.settings import Prompts
from honesty_utils.engines import ModelError, Request
from honesty_utils.engines.settings import Generation, Model

pytestmark = [
    pytest.mark.xdist_group("vllm"),  # beside nothing else that is as large
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM has no build for this machine"),
]

KEY = "sk-" + "of-the-tests"
# The user's turn behind a begin token, which is what a raw prompt is.
TEMPLATE = "{{ bos_token }}{% for message in messages %}{{ message.content }}{% endfor %}"


@dataclass(frozen=True)
class Served:
    """A model of a running server."""

    address: str
    model: Path

    def engine(self, style: Any = "raw", name: str = "tiny", **changes: Any) -> Any:
        options = {"base_url": self.address, "key_variable": "SERVER_KEY", "tokenizer": str(self.model), **changes}
        generation = Generation(engine="openai", engine_options=options, max_new_tokens=8)
        return engines.load(Model(name=name), generation, style)


@pytest.fixture(scope="module")
def served(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """vLLM's server with the tiny model under the name ``tiny``."""
    log = tmp_path_factory.mktemp("server") / "log"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Not "vllm serve", which asks for the version of a package named vllm and finds none in the CPU build.
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(tiny_model)]
    command += ["--port", str(port)]
    command += ["--host", "127.0.0.1", "--served-model-name", "tiny", "--dtype", "float32", "--enforce-eager"]
    command += ["--kv-cache-memory-bytes", str(2**26), "--max-num-seqs", "32", "--generation-config", "vllm"]
    command += ["--chat-template", TEMPLATE]
    quiet = {"VLLM_NO_USAGE_STATS": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "1"}
    with log.open("w") as stream:
        server = subprocess.Popen(
            command, stdout=stream, stderr=stream, env={**os.environ, **quiet, "VLLM_API_KEY": KEY}
        )
    os.environ["SERVER_KEY"] = KEY
    try:
        wait(f"http://127.0.0.1:{port}/health", server, log)
        yield Served(f"http://127.0.0.1:{port}/v1", tiny_model)
    finally:
        del os.environ["SERVER_KEY"]
        server.terminate()
        server.wait(60)


def wait(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5)
            return
        except (OSError, urllib.error.URLError):
            time.sleep(0.5)
    raise AssertionError(f"the server did not start:\n{log.read_text()[-4000:]}")


def ask(question: str) -> str:
    return prompts.render(Prompts(), "plain", question)


@pytest.mark.parametrize("style", ["raw", "chat"])
def test_greedy_answers_are_those_of_the_engine_on_transformers(
    served: Served, tiny_model: Path, facts: dict[str, tuple[str, ...]], style: Any
) -> None:
    requests = [Request(ask(question)) for question in [*facts, "Who is red?", "Which capital says moo?"]]
    local = engines.load(Model(name=str(tiny_model), device="cpu"), Generation(max_new_tokens=8), "raw")
    engine = served.engine(style)
    for found, expected in zip(engine.generate(requests), local.generate(requests), strict=True):
        assert (found.text, found.num_tokens) == (expected.text, expected.num_tokens)
        assert found.finish_reason == expected.finish_reason
        assert found.mean_logprob == pytest.approx(expected.mean_logprob, abs=1e-3)
    used = engines.usage(engine)
    assert used is not None and used.prompt_tokens == sum(local.prompt_length(one.prompt) for one in requests)


def test_seeds_make_the_draws(served: Served) -> None:
    engine = served.engine()
    requests = [Request(ask("Heads or tails?"), 1.0, seed) for seed in range(40)]
    first = [response.text for response in engine.generate(requests)]
    assert {"Heads", "Tails"} <= set(first)
    # In another order and at another concurrency.
    again = served.engine(concurrency=3).generate(requests[::-1])
    assert [response.text for response in again][::-1] == first


def test_a_prompt_that_is_too_long_is_found_before_it_is_asked_or_named_by_the_server(served: Served) -> None:
    engine = served.engine()
    assert engine.context == 192 and engine.prompt_length("x" * 191) == 192
    with pytest.raises(ModelError, match=r"400: .*192.*; the prompt: 'x{80}…'; where it is too long, shorten it"):
        served.engine(tokenizer=None).generate([Request("x" * 300)])


def test_wrong_key(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVER_KEY", "sk-another")
    with pytest.raises(ModelError, match=r"401: .*; the key in SERVER_KEY was sent"):
        served.engine()
    with pytest.raises(ModelError, match=r"401: .*; no key was sent"):
        served.engine(key_variable=None)


def test_unknown_model(served: Served) -> None:
    with pytest.raises(ModelError, match=r"knows no model 'large'; model.name is to be one of \['tiny'\]"):
        served.engine(name="large")
