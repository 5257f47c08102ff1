"""Sampling that is killed again and again: ``python benchmarks/kills.py``.

A sampling run of a small Llama with random weights is killed with SIGKILL at random moments and started again each
time, until it has been killed 20 times; then it may finish. Its table is compared, byte by byte, with that of a run
which nobody disturbed. How often each shard was drawn is read from a log outside of the run, to which the engine adds a
line before it draws one. Writes ``benchmarks/kills.csv``; exit status 1 if a byte differs, a kill costs more than one
shard or a partial file is left.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from honesty_utils.common import manifest

HERE = Path(__file__).resolve().parent
SETTINGS = {"max_new_tokens": 32, "batch_size": 64, "shard_size": 10, "seed": 3}
SAMPLES = 5


class Logged:
    """An engine that notes in a file, which outlives it, every shard that it begins."""

    def __init__(self, engine, log: Path) -> None:
        self.engine, self.log = engine, log

    def generate(self, requests):
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"{requests[0].prompt!r}\n")
        return self.engine.generate(requests)


def make_model(folder: Path) -> None:
    """A Llama of 0.1 million random weights: it answers nonsense, at length, and always the same."""
    import torch

    from honesty_utils.world import pretraining
    from honesty_utils.world.settings import Pretraining

    texts = questions(50)["question"].tolist()
    tokenizer = pretraining.train_tokenizer(texts, 300)
    torch.manual_seed(0)
    settings = Pretraining(vocab_size=300, hidden_size=64, intermediate_size=128, layers=2, context=128)
    pretraining.save(pretraining.new_model(tokenizer, settings), tokenizer, folder)


def questions(count: int) -> pd.DataFrame:
    texts = [f"What is {number} times {number + 7}?" for number in range(count)]
    return pd.DataFrame({"question_id": [f"q{n}" for n in range(count)], "question": texts, "choices": None})


def work(model: Path, folder: Path, count: int) -> None:
    """One attempt, in a process of its own: what notebook 10 does."""
    from honesty_utils import engines, sampling
    from honesty_utils.common.settings import Prompts
    from honesty_utils.engines.settings import Model
    from honesty_utils.sampling.settings import Sampling

    chosen, settings = Model(name=str(model), device="cpu"), Sampling(**SETTINGS)
    engine = Logged(engines.load(chosen, settings, "raw"), folder / "drawn.log")
    print("ready", flush=True)
    sampling.sample(
        engine, questions(count), Prompts(), settings, samples=SAMPLES,
        identity=engines.identity(chosen, settings, "raw"), path=folder / "run" / "set.parquet",
        shard_folder=folder / "run" / "shards",
    )  # fmt: skip


def attempt(model: Path, folder: Path, count: int, life: float | None = None) -> tuple[bool, float]:
    """Start sampling and kill it ``life`` seconds after it is ready; whether it finished, and its seconds."""
    (folder / "run").mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(HERE / "kills.py"), "--work", str(model), str(folder), "--questions", str(count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout.readline() != "ready\n":
            sys.exit(f"{' '.join(command)}: did not start")
        started = time.monotonic()
        try:
            process.communicate(timeout=life)
        except subprocess.TimeoutExpired:
            process.kill()
        process.wait()
    if process.returncode not in (0, -9):
        sys.exit(f"{' '.join(command)}: status {process.returncode}")
    return process.returncode == 0, time.monotonic() - started


@dataclass(frozen=True)
class Outcome:
    """What the kills did to a run."""

    kills: int
    shards: int
    draws: int
    same: bool
    partials_seen: int
    partials_left: int

    @property
    def holds(self) -> bool:
        """Whether nothing was lost but the shard of each kill."""
        return self.same and self.draws - self.shards <= self.kills and not self.partials_left

    def table(self) -> pd.DataFrame:
        rows = [
            ("kills", self.kills, ""),
            ("shards", self.shards, ""),
            ("shards drawn, all attempts together", self.draws, ""),
            ("shards drawn again, per kill", round((self.draws - self.shards) / max(1, self.kills), 2), ""),
            ("partial files met after a kill", self.partials_seen, ""),
            ("partial files left in the end", self.partials_left, ""),
            ("table of the same bytes", "yes" if self.same else "no", ""),
            ("processor", f"{os.cpu_count()} cores, {manifest.device()}", ""),
        ]
        return pd.DataFrame(rows, columns=["quantity", "value", "unit"])


def measure(folder: Path, kills: int, count: int, seed: int = 0) -> Outcome:
    """Kill a run ``kills`` times, at moments drawn with ``seed``, and compare it with an undisturbed one."""
    model = folder / "model"
    make_model(model)
    whole, killed = folder / "whole", folder / "killed"
    _, seconds = attempt(model, whole, count)
    # All lives together are, on average, two thirds of what the run takes, so that it is not over too early.
    rng, longest, done, seen = random.Random(seed), 1.4 / (kills + 1) * seconds, 0, 0
    while done < kills:
        finished, _ = attempt(model, killed, count, rng.uniform(0, longest))
        if finished:
            sys.exit(f"the run was over after {done} kills; give it more questions")
        done, seen = done + 1, seen + len(partials(killed))
    attempt(model, killed, count)
    # A line a draw: shards are told apart by their first prompt.
    log = Counter((killed / "drawn.log").read_text(encoding="utf-8").splitlines())
    tables = [(place / "run" / "set.parquet").read_bytes() for place in (whole, killed)]
    return Outcome(
        done, len(log), log.total(), tables[0] == tables[1],
        seen, len(partials(killed)),
    )  # fmt: skip


def partials(folder: Path) -> list[Path]:
    return list(folder.rglob("*.partial"))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--questions", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--output", default=str(HERE / "kills.csv"))
    parser.add_argument("--work", nargs=2, help="one attempt: model and folder")
    options = parser.parse_args(arguments)
    if options.work:
        work(*map(Path, options.work), options.questions)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        outcome = measure(Path(folder), options.kills, options.questions, options.seed)
    outcome.table().to_csv(options.output, index=False)
    print(outcome.table().to_string(index=False))
    return 0 if outcome.holds else 1


if __name__ == "__main__":
    sys.exit(main())
