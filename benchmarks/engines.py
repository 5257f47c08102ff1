"""Speed of the engines against what they stand on: ``python benchmarks/engines.py``.

Greedy answers and ten samples to the questions of a finished run, in pairs on one machine and one loaded model:

* ``vllm``: the engine, and a bare ``LLM.generate`` over the same prompts with nothing asked for but text (``n=10``, no
  seeds, no log-probabilities); then the same with a seed and log-probabilities for each request, as the engine has.
* ``transformers``: the engine, and a plain loop of ``generate`` with ``num_return_sequences`` over batches of 16
  questions in the order in which they come.

The two of a pair take turns at going first; a ratio is that of the tokens a second of one pair. Writes
``benchmarks/engines_<cpu or cuda>.csv``, on a GPU too; name a model for it with ``--model`` and ``--dtype``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from honesty_utils import engines
from honesty_utils.common import manifest, prompts, records
from honesty_utils.common.paths import Run
from honesty_utils.engines import Request
from honesty_utils.engines.settings import Generation, Model
from honesty_utils.workflow import params as params_file

HERE = Path(__file__).resolve().parent
SAMPLES = 10
BATCH = 16


@dataclass(frozen=True)
class Task:
    """What is asked: user texts, how long answers may be, and how prompts become ids."""

    texts: list[str]
    max_new_tokens: int
    style: prompts.Style

    def requests(self, salt: int) -> list[Request]:
        """A greedy request and `SAMPLES` others a text; ``salt`` makes them others than those of another turn."""
        asked = []
        for number, text in enumerate(self.texts):
            first = (salt * len(self.texts) + number) * SAMPLES
            asked += [Request(text), *(Request(text, 1.0, first + index) for index in range(SAMPLES))]
        return asked


def through_engine(engine: Any, task: Task, salt: int) -> int:
    """Tokens that the engine generates."""
    return sum(response.num_tokens for response in engine.generate(task.requests(salt)))


def bare_vllm(engine: Any, task: Task, salt: int, seeded: bool) -> int:
    """Tokens of one ``LLM.generate`` over the same prompts; ``seeded`` asks for seeds and log-probabilities."""
    from vllm import SamplingParams

    common: dict[str, Any] = {"max_tokens": task.max_new_tokens, **({"logprobs": 0} if seeded else {})}
    asked, chosen = [], []
    for number, text in enumerate(task.texts):
        ids = {"prompt_token_ids": list(engine._prompt_ids(text, None))}
        seed = (salt * len(task.texts) + number) * SAMPLES if seeded else None
        asked += [ids, ids]
        chosen += [SamplingParams(temperature=0, **common)]
        chosen += [SamplingParams(temperature=1, n=SAMPLES, seed=seed, **common)]
    outputs = engine.llm.generate(asked, chosen, use_tqdm=False)
    return sum(len(one.token_ids) for output in outputs for one in output.outputs)


@torch.inference_mode()
def plain_loop(engine: Any, task: Task, salt: int) -> int:
    """Tokens of ``generate``, batch by batch: greedy, then all samples of each question."""
    model, tokenizer = engine.model, engine.tokenizer
    torch.manual_seed(salt)
    tokens = 0
    for start in range(0, len(task.texts), BATCH):
        rows = [engine._prompt_ids(text) for text in task.texts[start : start + BATCH]]
        longest = max(map(len, rows))
        ids = torch.tensor([[0] * (longest - len(row)) + list(row) for row in rows], device=model.device)
        mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows], device=model.device)
        for options in ({"do_sample": False}, {"do_sample": True, "num_return_sequences": SAMPLES, "top_k": 0}):
            answers = model.generate(
                ids,
                attention_mask=mask,
                max_new_tokens=task.max_new_tokens,
                pad_token_id=tokenizer.eos_token_id,
                **options,
            )[:, longest:]
            tokenizer.batch_decode(answers, skip_special_tokens=True)
            ended = torch.isin(answers, engine.ends).int().cumsum(1)
            # The end token counts, what is padded behind it does not.
            tokens += int((ended - torch.isin(answers, engine.ends).int() == 0).sum())
    return tokens


def pairs(
    ours: Callable[[int], int], other: Callable[[int], int], repeats: int, before: Callable[[], Any]
) -> pd.DataFrame:
    """Tokens a second of both, a row a pair; the first pair, which warms up, is left out."""
    rows = []
    for turn in range(repeats + 1):
        rate = {}
        for name, run in [("ours", ours), ("other", other)][:: 1 if turn % 2 else -1]:
            before()
            started = time.perf_counter()
            tokens = run(turn)
            rate[name] = tokens / (time.perf_counter() - started)
        rows.append(rate)
        print(f"  {rate['ours']:,.0f} and {rate['other']:,.0f} tokens/s, ratio {rate['ours'] / rate['other']:.3f}")
    return pd.DataFrame(rows[1:])


def row(name: str, task: Task, found: pd.DataFrame) -> dict[str, Any]:
    ratio = found["ours"] / found["other"]
    return {
        "comparison": name,
        "tokens/s": round(found["ours"].median()),
        "tokens/s, other": round(found["other"].median()),
        "ratio, median": round(ratio.median(), 3),
        "lowest": round(ratio.min(), 3),
        "highest": round(ratio.max(), 3),
        "pairs": len(found),
        "responses": len(task.texts) * (SAMPLES + 1),
        "device": f"{manifest.device()}, {torch.get_num_threads()} threads",
    }


def measure_vllm(model: Model, task: Task, repeats: int) -> list[dict[str, Any]]:
    generation = Generation(engine="vllm", max_new_tokens=task.max_new_tokens)
    engine: Any = engines.load(model, generation, task.style)
    rows = []
    for seeded in (False, True):
        name = "vllm / bare LLM.generate" + (", seeds and log-probabilities too" if seeded else "")
        print(name)
        found = pairs(
            lambda salt: through_engine(engine, task, salt),
            lambda salt, seeded=seeded: bare_vllm(engine, task, salt, seeded),
            repeats,
            engine.llm.reset_prefix_cache,  # neither finds what the other has read
        )
        rows.append(row(name, task, found))
    return rows


def measure_transformers(model: Model, task: Task, batch_size: int, repeats: int) -> list[dict[str, Any]]:
    generation = Generation(max_new_tokens=task.max_new_tokens, batch_size=batch_size)
    engine = engines.load(model, generation, task.style)
    name = f"transformers / plain generate, batch {BATCH}"
    print(name)
    found = pairs(
        lambda salt: through_engine(engine, task, salt),
        lambda salt: plain_loop(engine, task, salt),
        repeats,
        lambda: None,
    )
    return [row(name, task, found)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("params", nargs="?", default="params/microworld.yaml", help="a run that has sampled")
    parser.add_argument("--model", help="folder or hub name; none: the run's")
    parser.add_argument("--dtype", help="none: the run's")
    parser.add_argument("--questions", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", choices=("vllm", "transformers"))
    options = parser.parse_args()
    params = params_file.load(options.params)
    run = Run(params.run)
    changes = {"name": options.model or params.model.name or str(run.base_model)}
    model = params.model.model_copy(update=changes | ({"dtype": options.dtype} if options.dtype else {}))
    asked = records.read(records.QUESTIONS, run.questions(params.evaluation.datasets[0])).head(options.questions)
    texts = [
        prompts.render(params.prompts, "plain", question, choices)
        for question, choices in zip(asked["question"], asked["choices"], strict=True)
    ]
    task = Task(texts, params.sampling.max_new_tokens, params.prompts.style)
    rows = []
    if options.only != "vllm":
        rows += measure_transformers(model, task, params.sampling.batch_size, options.repeats)
    if options.only != "transformers":
        rows += measure_vllm(model, task, options.repeats)
    table = pd.DataFrame(rows)
    table.to_csv(HERE / f"engines_{'cuda' if torch.cuda.is_available() else 'cpu'}.csv", index=False)
    print(table.T.to_string(header=False))


if __name__ == "__main__":
    main()
