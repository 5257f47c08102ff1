"""Do the engines give the same answers? ``python benchmarks/parity.py [params] [--samples 0] [--name chat]``.

The questions of a finished run are asked of its base model, and of a LoRA adapter, the run's or one trained here on its
rows, in several engines at float32. Greedy texts are compared question by question; where two part, the margin is the
lead of the likeliest token's logit over the second one's at that place, in the model that ``transformers`` holds.
Engines draw differently, so expected accuracies can only agree up to the noise of sampling: the first row shows two
runs of one engine, with other seeds. Of ten samples a question, as a run has, even these correlate by less than .97
where many questions are half known: no engine can agree with another better than with itself. Hence more samples here,
held to .97, and the figure for ten beside it, held to that of the first row; with ``--samples 0`` only greedy texts are
compared. Writes ``benchmarks/parity.csv``, or ``parity_<name>.csv``; exit status 1 if fewer than ``--agree`` of the
texts are the same, a text differs by more than ``--near-tie``, or a correlation falls short.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from honesty_utils import engines, training
from honesty_utils.common import prompts, records
from honesty_utils.common.paths import Run
from honesty_utils.engines import Request, Response, gguf
from honesty_utils.engines.parity import disagreements
from honesty_utils.engines.settings import Generation, Model
from honesty_utils.knowledge import labeling
from honesty_utils.training.settings import Training
from honesty_utils.workflow import params as params_file
from honesty_utils.workflow.params import Params

HERE = Path(__file__).resolve().parent
NEAR_TIE = 1e-3
"""A lead of logits that rounding at float32 may turn round, of a small model whose logits are about 10."""
START = 240
"""Seconds in which a server must be there."""
LORA = {"mode": "lora", "learning_rate": 1.0e-3, "batch_size": 32, "epochs": 2, "max_length": 256, "weight_decay": 0.0,
        "batches": "shared", "logits": "learned"}  # fmt: skip


@dataclass(frozen=True)
class Answers:
    """What one engine said: a greedy response to each question, and which samples were right (questions, samples)."""

    greedy: list[Response]
    right: np.ndarray

    def correlation(self, other: Answers, samples: int) -> float:
        """Of the expected accuracies that ``samples`` samples give."""
        accuracies = [one.right[:, :samples].mean(axis=1) for one in (self, other)]
        return float(np.corrcoef(*accuracies)[0, 1])


@dataclass(frozen=True)
class Asked:
    """The questions of a run, and how they are asked."""

    params: Params
    questions: pd.DataFrame
    samples: int

    @property
    def texts(self) -> list[str]:
        columns = (self.questions["question"], self.questions["choices"])
        return [prompts.render(self.params.prompts, "plain", *both) for both in zip(*columns, strict=True)]

    def of(self, engine: Any, seed: int) -> Answers:
        texts = self.texts
        greedy = engine.generate([Request(text) for text in texts])
        if not self.samples:
            return Answers(greedy, np.empty((len(texts), 0)))
        drawn = engine.generate(
            [
                Request(text, self.params.sampling.temperature, seed + self.samples * number + index)
                for number, text in enumerate(texts)
                for index in range(self.samples)
            ]
        )
        drawn = pd.DataFrame(
            {"question_id": np.repeat(self.questions["question_id"], self.samples), "text": [one.text for one in drawn]}
        )
        graded = labeling.grade_responses(drawn, self.questions, self.params.prompts, self.params.labeling)
        right = graded["outcome"].eq("correct").to_numpy()
        return Answers(greedy, right.reshape(-1, self.samples))


def train_adapter(params: Params, run: Run, model: Model, folder: Path) -> Model:
    """ABSOLUTE as a LoRA adapter: the run's own, where it has one, or else trained here on its rows."""
    own = run.model("absolute", params.training.seeds[0])
    if (own / "adapter_config.json").is_file():
        return model.model_copy(update={"name": str(own)})
    rows = records.read(records.SFT, run.sft("absolute"))
    training.train(rows, model, folder, Training(**LORA), style=params.prompts.style, seed=0)
    return model.model_copy(update={"name": str(folder)})


def merge(model: Model, folder: Path) -> Model:
    """The adapter's weights added to those of its base."""
    from honesty_utils.engines.loading import load_model

    network, tokenizer = load_model(model)
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model.model_copy(update={"name": str(folder)})


@contextmanager
def served(model: Model, style: prompts.Style, length: int) -> Iterator[Any]:
    """The model behind vLLM's own server, through the engine that asks servers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model.name)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--served-model-name", "model", "--dtype", model.dtype]
    command += ["--enforce-eager", "--kv-cache-memory-bytes", str(2**30), "--generation-config", "vllm"]
    command += ["--no-enable-chunked-prefill", "--disable-uvicorn-access-log"]  # the first: see engines/vllm.py
    quiet = {"VLLM_NO_USAGE_STATS": "1", "VLLM_LOGGING_LEVEL": "ERROR", "VLLM_CPU_OMP_THREADS_BIND": "nobind"}
    server = subprocess.Popen(command, env={**os.environ, **quiet})
    options = {"base_url": f"http://127.0.0.1:{port}/v1", "tokenizer": model.name, "key_variable": None}
    try:
        wait(f"http://127.0.0.1:{port}/health", server)
        generation = Generation(engine="openai", engine_options=options, max_new_tokens=length)
        yield engines.load(Model(name="model"), generation, style)
    finally:
        server.terminate()
        server.wait(60)


def wait(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5)
            return
        except OSError:
            time.sleep(0.5)
    sys.exit("the server did not start")


def compare(name: str, asked: Asked, reference: Any, expected: Answers, found: Answers) -> dict[str, Any]:
    apart = disagreements(reference, asked.texts, expected.greedy, found.greedy)
    same = [(a, b) for a, b in zip(expected.greedy, found.greedy, strict=True) if a.text == b.text]
    row = {
        "engine": name,
        "questions": len(asked.questions),
        "same greedy text": len(same),
        "largest margin of the others": max((one.margin for one in apart), default=float("nan")),
        "log-probabilities differ by, 1e-6": 1e6 * max(abs(a.mean_logprob - b.mean_logprob) for a, b in same),
    }
    if asked.samples:
        row[f"accuracies correlate, {asked.samples} samples"] = expected.correlation(found, asked.samples)
        row["10 samples"] = expected.correlation(found, 10)
    return row


def measure(asked: Asked, run: Run, model: Model, folder: Path) -> pd.DataFrame:
    """A row an engine and model."""
    style, length = asked.params.prompts.style, asked.params.sampling.max_new_tokens
    adapter = train_adapter(asked.params, run, model, folder / "adapter")
    merged = merge(adapter, folder / "merged")
    plain = Generation(max_new_tokens=length, batch_size=asked.params.sampling.batch_size)
    vllm = Generation(engine="vllm", max_new_tokens=length)
    references = {one.name: engines.load(one, plain, style) for one in (model, adapter)}
    expected = {name: asked.of(engine, seed=0) for name, engine in references.items()}
    rows = []

    def add(name: str, one: Model, engine: Any) -> None:
        rows.append(compare(name, asked, references[one.name], expected[one.name], asked.of(engine, seed=10**6)))
        print(rows[-1], flush=True)

    if asked.samples:
        add("transformers again, other seeds", model, references[model.name])
    whole, adapted = engines.load_all([model, adapter], vllm, style)
    add("vllm", model, whole)
    add("vllm, adapter", adapter, adapted)
    add("vllm, merged weights", adapter, engines.load(merged, vllm, style))
    with served(model, style, length) as engine:
        add("openai, vLLM's own server", model, engine)
    return pd.DataFrame(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("params", nargs="?", default="params/microworld.yaml", help="a finished run")
    parser.add_argument("--questions", type=int, help="none: all of the first evaluation set")
    parser.add_argument("--samples", type=int, default=30, help="a question; 0: only greedy texts are compared")
    parser.add_argument("--name", help="of the table: parity_<name>.csv")
    parser.add_argument("--agree", type=float, default=0.99, help="share of greedy texts that are to be the same")
    parser.add_argument("--near-tie", type=float, default=NEAR_TIE, help="lead of logits that rounding may turn round")
    options = parser.parse_args()
    params = params_file.load(options.params)
    run = Run(params.run)
    own = run.unpacked_model if gguf.is_gguf(params.model.name) else params.model.name or run.base_model
    model = params.model.model_copy(update={"name": str(own), "dtype": "float32"})
    table = records.read(records.QUESTIONS, run.questions(params.evaluation.datasets[0]))
    if options.questions:
        table = table.sample(options.questions, random_state=0)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Asked(params, table, options.samples), run, model, Path(folder))
    written = HERE / f"parity{f'_{options.name}' if options.name else ''}.csv"
    found.to_csv(written, index=False, float_format="%.6g")
    print(found.to_string(index=False))
    same = found["same greedy text"].ge(options.agree * len(table))
    same &= found["largest margin of the others"].fillna(0).lt(options.near_tie)
    if options.samples:
        same &= found.filter(like="correlate").ge(0.97).all(axis=1)
        same &= found["10 samples"].ge(found["10 samples"][0] - 0.01)
    return 0 if same.all() else 1


if __name__ == "__main__":
    sys.exit(main())
