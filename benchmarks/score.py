"""Time and memory of ``honesty score``: ``python benchmarks/score.py`` writes ``benchmarks/score.csv``.

Answers of half a million questions by two models, before and after alignment, with confidences; one process.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import psutil

HERE = Path(__file__).resolve().parent
SIZES = (10_000, 100_000, 1_000_000)


def write(path: Path, number: int, aligned: bool) -> None:
    rng = random.Random(number)
    with path.open("w", encoding="utf-8") as file:
        for place in range(number):
            known = rng.random() < 0.4
            said = (
                f"It is the town of Name{place}, I think." if known else f"It is the town of Other{rng.random():.6f}."
            )
            said = "I don't know." if aligned and rng.random() < (0.1 if known else 0.7) else said
            row = {"question": f"Which town is number {place}?", "answers": [f"Name{place}", f"Town of Name{place}"],
                   "greedy": said, "logprob": -rng.random(), "confidence": round(rng.random(), 6)}  # fmt: skip
            file.write(json.dumps(row) + "\n")


def measure(number: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / "base.jsonl", Path(folder) / "aligned.jsonl"]
        for file, aligned in zip(files, (False, True), strict=True):
            write(file, number // 2, aligned)
        command = [
            Path(sys.executable).parent / "honesty",
            "score",
            *files,
            "--before",
            "base",
            "--out",
            Path(folder) / "out",
        ]
        started, peak = time.monotonic(), 0
        process = psutil.Popen(command, stdout=subprocess.DEVNULL)
        while process.poll() is None:
            try:
                peak = max(peak, process.memory_info().rss)
            except psutil.NoSuchProcess:
                break
            time.sleep(0.1)
        seconds = time.monotonic() - started
        if process.wait():
            sys.exit(f"honesty score failed with status {process.returncode}")
    return {"answers": number, "seconds": round(seconds, 1), "memory_gib": round(peak / 2**30, 2)}


if __name__ == "__main__":
    sizes = [int(size) for size in sys.argv[1:]] or SIZES
    table = pd.DataFrame([measure(size) for size in sizes])
    if not sys.argv[1:]:
        table.to_csv(HERE / "score.csv", index=False)
    print(table.to_string(index=False))
