"""Answers a second of a real chat model, an earlier engine against today's: ``python benchmarks/sampling.py 5555ad7``.

Questions of the atlas's development part, once greedily and ten times at temperature 1, under the model's own template,
by the engine on ``transformers``. Each side is a process of its own and loads the same unpacked model; the two take
turns. Texts are compared: at float32 they should be the same but where two tokens are as likely to the last digits.
Writes ``benchmarks/sampling_chat.csv``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import pandas as pd
import psutil

from honesty_utils import questions
from honesty_utils.common import manifest, prompts, variables
from honesty_utils.engines import gguf
from honesty_utils.questions.settings import QuestionSet
from honesty_utils.workflow import params as params_file

HERE = Path(__file__).resolve().parent
TOP = HERE.parent
SAMPLES = 10
CHILD = """
import json, sys, time
import torch
from honesty_utils.engines import Request
from honesty_utils.engines.settings import Model
from honesty_utils.engines.transformers import TransformersEngine
asked = json.load(open(sys.argv[1]))
torch.set_num_threads(asked["threads"])
engine = TransformersEngine(Model(name=asked["model"], dtype=asked["dtype"], device="cpu"), "chat", asked["tokens"], asked["batch"])
requests = [Request(*request) for request in asked["requests"]]
engine.generate(requests[:3])
started = time.monotonic()
answers = engine.generate(requests)
seconds = time.monotonic() - started
json.dump({"seconds": seconds, "texts": [a.text for a in answers], "tokens": sum(a.num_tokens for a in answers)}, open(sys.argv[2], "w"))
"""  # noqa: E501
QUIET = {"TOKENIZERS_PARALLELISM": "false", **variables.THREADS, **variables.MEMORY}


def measured(code: Path, asked: dict[str, object], folder: Path) -> dict[str, object]:
    """Seconds, texts and tokens of one process with the engine of ``code``."""
    given, found = folder / "asked.json", folder / "found.json"
    given.write_text(json.dumps(asked), encoding="utf-8")
    environment = {**os.environ, **QUIET, "PYTHONPATH": str(code)}
    subprocess.run([sys.executable, "-c", CHILD, str(given), str(found)], cwd=folder, env=environment, check=True)
    return dict(json.loads(found.read_text(encoding="utf-8")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit")
    parser.add_argument("--questions", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--dtypes", default="float32,bfloat16")
    arguments = parser.parse_args()
    preset = params_file.load(TOP / "params" / "smollm2-135m.yaml")
    table = questions.load("dev", QuestionSet(source="atlas", split="dev", limit=arguments.questions))
    texts = [prompts.render(preset.prompts, "plain", question) for question in table["question"]]
    kinds = {
        "greedy": [(text, 0.0, 0) for text in texts],
        "samples": [(text, 1.0, 1000 * i + k) for i, text in enumerate(texts) for k in range(SAMPLES)],
    }
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        gguf.convert("smollm2-135m-instruct", folder / "model")
        codes = {"before": folder / "code", "after": TOP}
        add = ["git", "worktree", "add", "--detach", str(codes["before"]), arguments.commit]
        subprocess.run(add, cwd=TOP, check=True, capture_output=True)
        try:
            for dtype in arguments.dtypes.split(","):
                for kind, requests in kinds.items():
                    asked = {
                        "model": str(folder / "model"), "dtype": dtype, "threads": arguments.threads,
                        "requests": requests, "tokens": preset.sampling.max_new_tokens,
                        "batch": preset.sampling.batch_size,
                    }  # fmt: skip
                    runs: dict[str, list[dict[str, object]]] = {"before": [], "after": []}
                    for number in range(arguments.rounds):
                        for which in list(codes)[:: -1 if number % 2 else 1]:
                            runs[which].append(measured(codes[which], asked, folder))
                            print(dtype, kind, which, f"{len(requests) / runs[which][-1]['seconds']:.1f}/s", flush=True)
                    rate = {
                        name: median(len(requests) / run["seconds"] for run in found) for name, found in runs.items()
                    }
                    pairs = list(zip(runs["before"][0]["texts"], runs["after"][0]["texts"], strict=True))
                    same = sum(a == b for a, b in pairs) / len(pairs)
                    tokens = runs["after"][0]["tokens"] / len(pairs)
                    rows.append(
                        (dtype, kind, rate["before"], rate["after"], rate["after"] / rate["before"], same, tokens)
                    )
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(codes["before"])], cwd=TOP, check=True)
    columns = [
        "number type",
        "asked",
        "answers/s before",
        "answers/s after",
        "after / before",
        "same texts",
        "tokens an answer",
    ]
    made = pd.DataFrame(rows, columns=columns).round(
        {name: 2 for name in columns[2:5]} | {"same texts": 4, columns[6]: 1}
    )
    made["processor"] = f"{arguments.threads} threads of {psutil.cpu_count()} cores, {manifest.device()}"
    made.to_csv(HERE / "sampling_chat.csv", index=False)
    print(made.to_string(index=False))


if __name__ == "__main__":
    main()
