"""Memory of sampling's writer and reader: ``python benchmarks/memory.py``.

In a process of its own, stored answers go through ``sampling.sample`` (shards, then the table) and ``records.read``,
as they do on the way from an engine to labelling; the engine here looks its answers up, so that the memory is that of
reading and writing and no model's. Answers are English-like, their lengths log-normal and cut off: 400 characters in
the mean, about the hundred tokens that a chat model says to a question. Writes ``benchmarks/memory.csv``.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parent
SAMPLES = 10
SHARD = 1000  # questions, the default of sampling.shard_size
LONGEST = 1200  # characters
LIMIT = 1.0  # GB


def stored_answers(count: int = 5000, seed: int = 0) -> list[str]:
    """Texts of 10 … 1,200 characters, words drawn from the project's own lists."""
    from honesty_utils.world.words import WORDS

    rng, lengths = random.Random(seed), np.random.default_rng(seed).lognormal(5.75, 0.7, count)
    texts = (" ".join(rng.choices(WORDS, k=LONGEST // 3)) for _ in range(count))
    return [text[: int(np.clip(length, 10, LONGEST))] for text, length in zip(texts, lengths, strict=True)]


class Stored:
    """An engine that looks its answers up; each is a new text, as one that was generated would be."""

    def __init__(self) -> None:
        self.answers = stored_answers()

    def generate(self, requests):
        from honesty_utils.engines import Response

        texts = (f"{request.seed % 997} {self.answers[request.seed % len(self.answers)]}" for request in requests)
        return [Response(text, len(text) // 4, -0.5 - len(text) / 1e4, "stop") for text in texts]


def work(responses: int, folder: Path) -> list[tuple[str, float, str]]:
    """Write and read; what was measured on the way."""
    from honesty_utils import sampling
    from honesty_utils.common import manifest, records
    from honesty_utils.common.settings import Prompts
    from honesty_utils.sampling.settings import Sampling

    count = -(-responses // (1 + SAMPLES))
    ids, texts = [f"q{n:06d}" for n in range(count)], [f"Who or what is number {n}?" for n in range(count)]
    questions = pd.DataFrame({"question_id": ids, "question": texts, "choices": None})
    engine, start = Stored(), manifest.peak_memory()
    summary = sampling.sample(
        engine, questions, Prompts(), Sampling(shard_size=SHARD), samples=SAMPLES, identity="stored",
        path=folder / "set.parquet", shard_folder=folder / "shards",
    )  # fmt: skip
    written = manifest.peak_memory()
    table = records.read(records.RESPONSES, folder / "set.parquet")
    return [
        ("responses", len(table), ""),
        ("characters a response, mean", round(table["text"].str.len().mean()), ""),
        ("shards", summary.shards, ""),
        ("table on disk", round((folder / "set.parquet").stat().st_size / 1e6), "MB"),
        ("peak memory before the first response", round(start / 1e9, 3), "GB"),
        ("peak memory, written", round(written / 1e9, 3), "GB"),
        ("peak memory, written and read", round(manifest.peak_memory() / 1e9, 3), "GB"),
        ("processor", manifest.device(), ""),
    ]


def measure(responses: int) -> pd.DataFrame:
    """The table of `work`, done in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--responses", str(responses), "--work", folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return pd.read_csv(Path(folder) / "measured.csv").fillna("")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--responses", type=int, default=200_000)
    parser.add_argument("--output", default=str(HERE / "memory.csv"))
    parser.add_argument("--work", help="folder; measures this process")
    options = parser.parse_args(arguments)
    if options.work:
        rows = work(options.responses, Path(options.work))
        pd.DataFrame(rows, columns=["quantity", "value", "unit"]).to_csv(
            Path(options.work) / "measured.csv", index=False
        )
        return 0
    table = measure(options.responses)
    table.to_csv(options.output, index=False)
    print(table.to_string(index=False))
    peak = table.loc[table["quantity"] == "peak memory, written and read", "value"].item()
    return 0 if float(peak) < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
