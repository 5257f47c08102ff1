"""Does another harness read the same options? ``python benchmarks/crosscheck.py FOLDER_OF_THE_MODEL --data FOLDER``.

TruthfulQA's mc1 and binary form are asked of a small model through ``choose: likelihood`` and through
lm-evaluation-harness (``pip install lm_eval==0.4.13``, no dependency of this project), with the same words before the
options. Compared are the options that each finds likeliest, question by question, and the sums of log-probabilities.
Writes ``benchmarks/crosscheck.csv``; exit status 1 if more than one of a hundred choices differs.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import pandas as pd

from honesty_utils import questions
from honesty_utils.engines import Request
from honesty_utils.engines.settings import Model
from honesty_utils.engines.transformers import TransformersEngine
from honesty_utils.questions.settings import QuestionSet

HERE = Path(__file__).resolve().parent
BEFORE = "Q: {}\nA:"
SETS = ("mc1", "binary")


def theirs(model: str, table: pd.DataFrame, folder: Path) -> list[list[float]]:
    """Sums of log-probabilities of the options of each question, as lm-evaluation-harness has them."""
    import lm_eval

    file = folder / "questions.jsonl"
    rows = table[["question", "choices", "answer_index"]].itertuples(index=False, name=None)
    lines = [
        json.dumps({"question": asked, "choices": list(told), "target": int(right)}) for asked, told, right in rows
    ]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    task = {
        "task": "options", "dataset_path": "json", "dataset_kwargs": {"data_files": {"validation": str(file)}},
        "validation_split": "validation", "output_type": "multiple_choice", "num_fewshot": 0,
        "doc_to_text": BEFORE.format("{{question}}"), "doc_to_choice": "{{choices}}", "doc_to_target": "{{target}}",
        "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
    }  # fmt: skip
    # A text begins with the begin token here, where the tokenizer has one; there it has to be asked for.
    arguments = {"pretrained": model, "dtype": "float32", "add_bos_token": True}
    found = lm_eval.simple_evaluate(model="hf", model_args=arguments, tasks=[task], batch_size=32, device="cpu")
    samples = sorted(found["samples"]["options"], key=lambda one: int(one["doc_id"]))
    return [[float(told[0]) for told in one["filtered_resps"]] for one in samples]


def compare(model: str, data: Path, split: str, limit: int) -> dict[str, object]:
    spec = QuestionSet(source="truthfulqa", split=split, limit=limit, choose="likelihood", samples=0)
    table = questions.load("set", spec, str(data))
    with tempfile.TemporaryDirectory() as folder:
        expected = theirs(model, table, Path(folder))
    engine = TransformersEngine(Model(name=model, dtype="float32", device="cpu"), "raw", 1, 32)
    prompts = [BEFORE.format(question) for question in table["question"]]
    pairs = zip(prompts, table["choices"], strict=True)
    said = engine.generate([Request(prompt, options=tuple(options)) for prompt, options in pairs])
    same, margins, apart, right = 0, [], [], [0, 0]
    for options, index, sums, reply in zip(table["choices"], table["answer_index"], expected, said, strict=True):
        first, own = sums.index(max(sums)), list(options).index(reply.text)
        right = [right[0] + (own == index), right[1] + (first == index)]
        same += own == first
        if own == first:
            apart.append(abs(reply.mean_logprob * reply.num_tokens - sums[own]))
        else:
            margins.append(max(sums) - sums[own])
    return {
        "set": f"truthfulqa {split}", "questions": len(table), "same option": same,
        "largest margin of the others": max(margins, default=float("nan")),
        "sums differ by": max(apart), "accuracy": right[0] / len(table), "accuracy of lm_eval": right[1] / len(table),
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="folder of a model")
    parser.add_argument("--data", type=Path, required=True, help="folder with a copy of truthfulqa")
    parser.add_argument("--limit", type=int, default=200, help="questions of each set")
    options = parser.parse_args()
    table = pd.DataFrame([compare(options.model, options.data, split, options.limit) for split in SETS])
    table.to_csv(HERE / "crosscheck.csv", index=False, float_format="%.6g")
    print(table.to_string(index=False))
    return 0 if table["same option"].ge(0.99 * table["questions"]).all() else 1


if __name__ == "__main__":
    sys.exit(main())
