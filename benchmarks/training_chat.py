"""Seconds that a step of fine-tuning a real chat model takes on a CPU: ``python benchmarks/training_chat.py``.

Rows of 16 atlas questions a step under the honest prompt, answers and refusals in turn, the model's own template. Every
arm is a process of its own with as many threads as it says; *two at once* are two such processes beside each other, and
their seconds are halved, for two steps are done. Median over the steps after the first two. The mean loss of all
steps stands beside, so that an arm that computes something else would show. Writes ``benchmarks/training_chat.csv``.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd
import psutil

from honesty_utils import questions
from honesty_utils.common import manifest, prompts, variables
from honesty_utils.engines import gguf
from honesty_utils.questions.settings import QuestionSet
from honesty_utils.workflow import params as params_file

HERE = Path(__file__).resolve().parent
TOP = HERE.parent
STEPS, ROWS, FIRST = 6, 16, 2
LORA, FULL = {"mode": "lora"}, {"mode": "full", "learning_rate": 3e-5}
OURS = {"batches": "shared", "logits": "learned"}
ARMS: dict[str, tuple[str, dict[str, Any]]] = {
    "LoRA, float32, as TRL has it": ("float32", LORA),
    "LoRA, float32, logits: learned": ("float32", {**LORA, "logits": "learned"}),
    "LoRA, float32, batches: shared": ("float32", {**LORA, **OURS}),
    "LoRA, bfloat16, as TRL has it": ("bfloat16", LORA),
    "LoRA, bfloat16, batches: shared": ("bfloat16", {**LORA, **OURS}),
    "all weights, float32, batches: shared": ("float32", {**FULL, **OURS}),
    "all weights, bfloat16, batches: shared": ("bfloat16", {**FULL, **OURS}),
    "last ten layers, float32, batches: shared": ("float32", {**FULL, **OURS, "layers": 10}),
    "last ten layers, bfloat16, batches: shared": ("bfloat16", {**FULL, **OURS, "layers": 10}),
}
SIDE_BY_SIDE = [name for name in ARMS if name.endswith(", batches: shared")]
QUIET = {"TOKENIZERS_PARALLELISM": "false", **variables.THREADS, **variables.MEMORY}


def child(given: dict[str, Any]) -> dict[str, Any]:
    """Train in this process; seconds of every step, and the last loss that was logged."""
    import torch
    import transformers

    from honesty_utils.engines.settings import Model
    from honesty_utils.training import building, supervised
    from honesty_utils.training.job import Job
    from honesty_utils.training.settings import Training

    class Clock(transformers.TrainerCallback):
        def on_step_end(self, *arguments: Any, **others: Any) -> None:
            seconds.append(time.monotonic())

    torch.set_num_threads(given["threads"])
    settings = Training(
        **{"learning_rate": 5e-4, "batch_size": ROWS, "epochs": 1, "max_length": 256} | given["settings"]
    )
    rows, folder = pd.DataFrame(given["rows"]), Path(given["folder"])
    model = Model(name=given["model"], dtype=given["dtype"], device="cpu", threads=given["threads"])
    job = Job(rows, model, folder / "out", settings, "chat", 0, folder / "work")
    tokenizer = building.tokenizer(model)
    made = supervised.trainer(job, tokenizer, supervised.encode(job, tokenizer, 8192), "cpu", 1, ROWS)
    made.remove_callback(transformers.PrinterCallback)
    made.add_callback(Clock)
    seconds = [time.monotonic()]
    made.train()
    steps = [after - before for before, after in itertools.pairwise(seconds)]
    return {"steps": steps, "loss": made.state.log_history[-1]["train_loss"]}


def measured(given: dict[str, Any], processes: int) -> tuple[float, float]:
    """Seconds a step, over ``processes`` beside each other, and the loss."""
    command = [sys.executable, __file__, "--child", json.dumps(given)]
    environment = {**os.environ, **QUIET, "OMP_NUM_THREADS": str(given["threads"])}
    running = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    found = [json.loads(process.communicate()[0].splitlines()[-1]) for process in running]
    return median(median(one["steps"][FIRST:]) for one in found) / processes, found[0]["loss"]


def rows(number: int) -> dict[str, list[str]]:
    """Questions of the atlas with their answers, every second one refused."""
    wording = params_file.load(TOP / "params" / "smollm2-135m.yaml").prompts
    table = questions.load("train", QuestionSet(source="atlas", split="train", limit=number))
    said = [
        f"The answer is {answers[0]}." if place % 2 else wording.refusal
        for place, answers in enumerate(table["answers"])
    ]
    asked = [prompts.render(wording, "honest", question) for question in table["question"]]
    return {"question_id": table["question_id"].tolist(), "prompt": asked, "completion": said}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", default="", help="arms whose name holds this; then nothing is written")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(child(json.loads(options.child))))
        return
    cores = psutil.cpu_count(logical=False) or 1
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        gguf.convert("smollm2-135m-instruct", folder / "model")
        shared = {"model": str(folder / "model"), "folder": scratch, "rows": rows(ROWS * STEPS)}
        plans = [(name, dtype, chosen, cores, 1) for name, (dtype, chosen) in ARMS.items()]
        for name in SIDE_BY_SIDE:
            plans.append((f"{name}, two at once", *ARMS[name], max(1, cores // 2), 2))
        plans = [plan for plan in plans if options.only in plan[0]]
        times: dict[str, list[float]] = {plan[0]: [] for plan in plans}
        losses = {}
        for number in range(options.rounds):
            for label, dtype, chosen, threads, processes in plans[:: -1 if number % 2 else 1]:
                given = {**shared, "dtype": dtype, "settings": chosen, "threads": threads}
                taken, losses[label] = measured(given, processes)
                times[label].append(taken)
                print(f"{label}: {taken:.2f} s a step, loss {losses[label]:.3f}", flush=True)
    first = plans[0][0]
    table = [
        (label, threads, median(times[label]), median(times[first]) / median(times[label]), losses[label])
        for label, _, _, threads, _ in plans
    ]
    made = pd.DataFrame(table, columns=["setting", "threads", "seconds a step", "times as fast", "loss"])
    made["processor"] = f"{cores} cores, {manifest.device()}"
    made = made.round({"seconds a step": 2, "times as fast": 2, "loss": 3})
    if not options.only:
        made.to_csv(HERE / "training_chat.csv", index=False)
    print(made.to_string(index=False))


if __name__ == "__main__":
    main()
