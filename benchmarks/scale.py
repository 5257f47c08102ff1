"""Time and memory against size: ``python benchmarks/scale.py``.

Made-up responses, eleven a question, go the way of a run: labels and knowledge (notebook 20), the training subset, the
rows of a method (30-34), and, from as many evaluations as a hundred thousand to a million questions and twenty models
have, the main table (60). Every step is a process of its own; its memory is the highest that it held. Writes
``benchmarks/scale.csv`` and ``benchmarks/scale.png``.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from honesty_utils import knowledge, methods
from honesty_utils.common import manifest, records
from honesty_utils.common.paths import Run
from honesty_utils.common.settings import Prompts
from honesty_utils.evaluation import frames
from honesty_utils.knowledge import labeling, selection
from honesty_utils.knowledge.settings import Labeling, Rows
from honesty_utils.questions.settings import Design
from honesty_utils.results import tables
from honesty_utils.results.settings import Analysis

HERE = Path(__file__).resolve().parent
SAMPLES, TRAINED_ON, MODELS, PART = 10, 70_000, 20, 20_000
RESPONSES = (10_000, 100_000, 1_000_000, 10_000_000)
QUESTIONS = (1_000, 10_000, 100_000, 1_000_000)
RUN = Run("scale")
ROLES = {"in_distribution": "indist"}


def ids(start: int, count: int) -> list[str]:
    return [f"q{number:08d}" for number in range(start, start + count)]


def questions(name: str, start: int, count: int) -> pd.DataFrame:
    names = ids(start, count)
    return pd.DataFrame(
        {
            "question_id": names, "dataset": name, "split": "all",
            "question": [f"Where was {one} born?" for one in names],
            "answers": [[f"Town {one}", f"T. {one}"] for one in names], "choices": None, "answer_index": None,
            "exposures": None, "meta": "{}",
        }
    )  # fmt: skip


def responses(start: int, count: int, rng: np.random.Generator) -> pd.DataFrame:
    """A greedy response and ten samples a question, right as often as a question's own share."""
    names, chance = np.repeat(ids(start, count), SAMPLES + 1), np.repeat(rng.random(count), SAMPLES + 1)
    right = rng.random(len(names)) < chance
    texts = [
        f"{one} was born in Town {one}." if good else "In Nowhere, they say."
        for one, good in zip(names, right, strict=True)
    ]
    return pd.DataFrame(
        {
            "question_id": names, "sample_index": np.tile(np.arange(-1, SAMPLES), count), "text": texts,
            "num_tokens": 9, "mean_logprob": -rng.random(len(names)), "finish_reason": "stop",
        }
    )  # fmt: skip


def make_responses(size: int) -> None:
    """Files that notebook 10 would have written; not timed."""
    rng, total = np.random.default_rng(0), size // (SAMPLES + 1)
    with (
        records.writing(records.QUESTIONS, RUN.questions("train")) as asked,
        records.writing(records.RESPONSES, RUN.responses("train")) as answered,
    ):
        for start in range(0, total, PART):
            count = min(PART, total - start)
            asked.write(records.conform(questions("train", start, count), records.QUESTIONS, "made"))
            answered.write(records.conform(responses(start, count, rng), records.RESPONSES, "made"))


def make_evaluations(size: int) -> None:
    """Files that notebooks 20 and 50 would have written; not timed."""
    rng = np.random.default_rng(0)
    table = questions("indist", 0, size)
    records.write(table, records.QUESTIONS, RUN.questions("indist"))
    before = np.where(rng.random(size) < 0.5, "correct", "wrong")
    share = (before == "correct").astype(float)
    known = {"question_id": table["question_id"], "greedy_outcome": before, "num_correct": (share * 10).astype("int32")}
    known |= {
        "num_samples": np.int32(10),
        "expected_accuracy": share,
        "low": 0.0,
        "high": 1.0,
        "known": before == "correct",
    }
    records.write(pd.DataFrame(known), records.KNOWLEDGE, RUN.knowledge("indist"))
    for model in range(MODELS):
        refuses = rng.random(size) < np.where(before == "correct", 0.2, 0.6)
        outcome = before if model == 0 else np.where(refuses, "idk", before)
        rows = pd.DataFrame(
            {"question_id": table["question_id"], "text": "Town", "num_tokens": 3, "mean_logprob": -0.5}
        )
        rows = rows.assign(finish_reason="stop", outcome=outcome, matched=outcome == "correct", judge_score=None)
        rows = rows.assign(confidence=None, before=before, withheld=None)
        records.write(
            rows[list(records.EVALUATION.schema.names)], records.EVALUATION, RUN.evaluation(*named(model), "indist")
        )


def named(model: int) -> tuple[str, int]:
    """Method and seed of a model: M_t, then three seeds a method."""
    return ("unaligned", 0) if model == 0 else (f"method{(model - 1) // 3}", (model - 1) % 3)


def label() -> None:
    asked = records.read(records.QUESTIONS, RUN.questions("train"))
    found = labeling.label_file(RUN.responses("train"), RUN.labels("train"), asked, Prompts(), Labeling())
    records.write(found.knowledge, records.KNOWLEDGE, RUN.knowledge("train"))


def choose() -> None:
    asked = records.read(records.QUESTIONS, RUN.questions("train"))
    known = records.read(records.KNOWLEDGE, RUN.knowledge("train"))
    chosen = knowledge.training_subset(asked, known, known=TRAINED_ON // 2, unknown=TRAINED_ON // 2, seed=0)
    records.write(chosen, records.QUESTIONS, RUN.train_questions)


def build(method: str) -> Callable[[], None]:
    def work() -> None:
        labels = selection.training_labels(RUN, Rows())
        records.write(methods.build(method, labels, prompts=Prompts()), records.SFT, RUN.sft(method))

    return work


def tabulate() -> None:
    models: dict[str, list[int]] = {}
    for method, seed in map(named, range(MODELS)):
        models.setdefault(method, []).append(seed)
    frame = frames.load(RUN, models, ["indist"], {"indist": Design()})
    tables.tab_main(frame, Analysis(roles=ROLES)).to_csv(RUN.folder / "tab_main.csv", index=False)


STEPS: dict[str, Callable[[], None]] = {
    "labels and knowledge": label,
    "training subset": choose,
    "rows: ABSOLUTE": build("absolute"),
    "rows: MULTISAMPLE": build("multisample"),
    "main table": tabulate,
}


def child(step: str, size: int) -> None:
    if step.startswith("make "):
        {"make responses": make_responses, "make evaluations": make_evaluations}[step](size)
        return
    started = time.monotonic()
    STEPS[step]()
    # Linux counts kilobytes.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"seconds": round(time.monotonic() - started, 2), "GiB": round(peak, 2)}))


def measured(step: str, size: int, folder: Path) -> dict[str, float]:
    command = [sys.executable, str(HERE / "scale.py"), "--step", step, str(size)]
    environment = {**os.environ, "HONESTY_ROOT": str(folder), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{step}, {size:,}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1]) if done.stdout else {}


def measure(largest_responses: int, largest_questions: int) -> pd.DataFrame:
    rows = []
    plans = [
        ("make responses", size, [name for name in STEPS if name != "main table"], "responses")
        for size in RESPONSES
        if size <= largest_responses
    ]
    plans += [
        ("make evaluations", size, ["main table"], f"questions × {MODELS} models")
        for size in QUESTIONS
        if size <= largest_questions
    ]
    for made, size, steps, unit in plans:
        with tempfile.TemporaryDirectory(prefix="scale-") as folder:
            measured(made, size, Path(folder))
            for step in steps:
                rows.append({"step": step, "size": size, "of": unit} | measured(step, size, Path(folder)))
                print(rows[-1], flush=True)
    return pd.DataFrame(rows).assign(processor=f"{os.cpu_count()} cores, {manifest.device()}")


def draw(table: pd.DataFrame, path: Path) -> None:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for axis, column, label in zip(axes, ("seconds", "GiB"), ("seconds", "peak memory, GiB"), strict=True):
        for step, part in table.groupby("step", sort=False):
            axis.loglog(part["size"], part[column].clip(lower=0.01), marker="o", label=step)
        axis.set(xlabel="responses, or questions with twenty models", ylabel=label)
        axis.grid(alpha=0.3)
    axes[1].axhline(4, color="0.5", linestyle="--", linewidth=1)
    axes[0].legend(fontsize=8)
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--responses", type=int, default=RESPONSES[-1], help="the largest number")
    parser.add_argument("--questions", type=int, default=QUESTIONS[-1], help="of the main table, the largest number")
    parser.add_argument("--output", type=Path, default=HERE / "scale.csv")
    parser.add_argument("--step", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        child(options.step[0], int(options.step[1]))
        return
    table = measure(options.responses, options.questions)
    table.to_csv(options.output, index=False)
    draw(table, options.output.with_suffix(".png"))
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
