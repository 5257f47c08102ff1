"""Training tokens a second against TRL's defaults, and the memory estimate against measured peaks.

    python benchmarks/training.py                     # both, on the microworld's model and rows, CPU
    python benchmarks/training.py --large             # a model of 160 million parameters made from a config, bfloat16
    python benchmarks/training.py --only memory

Speed: the same token ids, device and loss in every arm, arms in turn, several rounds; a round's ratio is against TRL's
defaults of the same round. Only the training loop is timed. Tokens are those of the rows; padding counts for nothing.
The loss is that of the trained model on all rows: arms that learn less for their speed would show.
Memory: each configuration in a process of its own that has trained a small model before; on a GPU the peak of torch's
allocator, on a CPU the highest resident memory, read 500 times a second; both less what was held before.
Writes ``benchmarks/training_speed_<device>.csv`` and ``benchmarks/training_memory_<device>.csv``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import torch
import transformers
import trl

from honesty_utils.common import manifest, paths, records
from honesty_utils.engines.settings import Model
from honesty_utils.training import building, learning, supervised
from honesty_utils.training.job import Job
from honesty_utils.training.rows import Tokenized, tokenize
from honesty_utils.training.settings import Training
from honesty_utils.workflow.estimate import cost, shape as shapes

HERE = Path(__file__).resolve().parent
clock = time.perf_counter
"""Of the wall; seconds of the processor where --processor asks for them, on a machine that has other work."""
OURS = {
    "ours_default": {},
    "ours_random_batches": {"logits": "learned"},
    "ours": {"batches": "by_length", "logits": "learned"},
    "ours_padding_free": {"batches": "padding_free", "logits": "learned"},
}
ARMS = ("trl_defaults", "trl_plain", *OURS)
"""TRL as it comes (bfloat16 arithmetic, gradient checkpointing); without checkpointing; this project's settings."""
PARTS = ("weights", "optimizer", "gradients", "activations", "output")
CONFIGURATIONS = {
    "full": {"mode": "full"},
    "full, gradient checkpointing": {"mode": "full", "gradient_checkpointing": True},
    "LoRA": {"mode": "lora"},
}


def made_model(folder: Path, layers: int, width: int, vocabulary: int) -> Path:
    """A Llama of random weights with the microworld's tokenizer: a real model's shape, nothing to download."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(paths.Run("microworld").base_model)
    config = transformers.LlamaConfig(
        vocab_size=vocabulary, hidden_size=width, intermediate_size=4 * width, num_hidden_layers=layers,
        num_attention_heads=width // 64, max_position_embeddings=2048, eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    torch.manual_seed(0)
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def job(model: Model, settings: Training, folder: Path, copies: int = 1) -> Job:
    rows = records.read(records.SFT, paths.Run("microworld").sft("absolute"))
    rows = pd.concat([rows] * copies, ignore_index=True)
    return Job(rows, model, folder / "m", settings, "raw", 0, folder / "work")


def tokenized(asked: Job) -> tuple[Any, Tokenized]:
    tokenizer = building.tokenizer(asked.model)
    return tokenizer, tokenize(asked.rows, tokenizer, asked.style, asked.settings.max_length)


def of_trl(asked: Job, rows: Tokenized, tokenizer: Any, device: str, plain: bool) -> trl.SFTTrainer:
    """TRL's trainer with the same rows, batch, rate and number of steps, all else as TRL has it."""
    changes = {"gradient_checkpointing": False} if plain else {}
    arguments = trl.SFTConfig(
        output_dir=str(asked.work),
        per_device_train_batch_size=asked.settings.batch_size,
        num_train_epochs=asked.settings.epochs,
        learning_rate=asked.settings.learning_rate,
        use_cpu=device == "cpu",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        **changes,
    )
    network = transformers.AutoModelForCausalLM.from_pretrained(asked.model.name, dtype="float32")
    return trl.SFTTrainer(
        model=network, args=arguments, train_dataset=datasets.Dataset.from_list(rows.items), processing_class=tokenizer
    )


def seconds(arm: str, asked: Job, rows: Tokenized, tokenizer: Any, device: str) -> tuple[float, float]:
    """Of one training by an arm, and the loss on its rows of the model that it leads to."""
    if arm.startswith("trl"):
        made = of_trl(asked, rows, tokenizer, device, plain=arm == "trl_plain")
    else:
        settings = asked.settings.model_copy(update=OURS[arm])
        changed = Job(asked.rows, asked.model, asked.output, settings, asked.style, asked.seed, asked.work)
        made = supervised.trainer(changed, tokenizer, rows, device, 1, settings.batch_size)
    made.remove_callback(transformers.PrinterCallback)
    started = clock()
    made.train()
    if device == "cuda":
        torch.cuda.synchronize()
    taken = clock() - started
    return taken, loss(made.model, rows)


def loss(network: Any, rows: Tokenized) -> float:
    """Mean over all completion tokens: batches of like rows weigh them otherwise while training."""
    network.eval()
    batches = [rows.items[start : start + 64] for start in range(0, len(rows.items), 64)]
    found = pd.DataFrame([score for batch in batches for score in learning._token_scores(network, batch)])
    return float(found["loss"].sum() / found["tokens"].sum())


def speed(model: Model, settings: Training, rounds: int, copies: int, folder: Path) -> pd.DataFrame:
    """A row an arm: tokens a second (median of the rounds), ratio to TRL's defaults with its extremes, loss after."""
    device = "cuda" if torch.cuda.is_available() and model.device != "cpu" else "cpu"
    asked = job(model, settings, folder, copies)
    tokenizer, rows = tokenized(asked)
    tokens = settings.epochs * sum(len(item["input_ids"]) for item in rows.items)
    for arm in ARMS:  # once unmeasured: what is compiled or allocated the first time
        seconds(arm, asked, rows, tokenizer, device)
    found = [{arm: seconds(arm, asked, rows, tokenizer, device) for arm in ARMS} for _ in range(rounds)]
    table = []
    for arm in ARMS:
        rates = np.array([tokens / taken[arm][0] for taken in found])
        ratios = np.array([taken["trl_defaults"][0] / taken[arm][0] for taken in found])
        after = found[0][arm][1]
        table.append((arm, np.median(rates), np.median(ratios), ratios.min(), ratios.max(), after, rounds))
    columns = ["arm", "tokens_per_second", "ratio", "ratio_low", "ratio_high", "loss_after", "rounds"]
    frame = pd.DataFrame(table, columns=columns).round({"tokens_per_second": 0, "loss_after": 4}).round(3)
    return frame.assign(**about(model, settings))


def about(model: Model, settings: Training) -> dict[str, Any]:
    shape = shapes.of_config(transformers.AutoConfig.from_pretrained(model.name))
    threads = torch.get_num_threads()
    return {
        "parameters": shape.parameters, "dtype": model.dtype, "batch_size": settings.batch_size,
        "device": manifest.device(), "threads": threads,
    }  # fmt: skip


def peak(model: Model, settings: Training, folder: Path) -> tuple[int, int]:
    """Bytes that three steps take at most, beyond what was held after training a small model; and tokens a row."""
    small = Model(name=str(paths.Run("microworld").base_model), device=model.device)
    three_steps(small, settings, folder)  # imports, threads, buffers
    if torch.cuda.is_available() and model.device != "cpu":
        torch.cuda.reset_peak_memory_stats()
        before, length = torch.cuda.memory_allocated(), three_steps(model, settings, folder)
        return torch.cuda.max_memory_allocated() - before, length
    before, highest, done = resident(), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.002):
            highest[0] = max(highest[0], resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    length = three_steps(model, settings, folder)
    done.set()
    watcher.join()
    return highest[0] - before, length


def three_steps(model: Model, settings: Training, folder: Path) -> int:
    """Train on the longest rows; how many tokens those have."""
    device = "cuda" if torch.cuda.is_available() and model.device != "cpu" else "cpu"
    asked = job(model, settings, folder)
    tokenizer, rows = tokenized(asked)
    longest = sorted(rows.items, key=lambda item: -len(item["input_ids"]))[: 3 * settings.batch_size]
    made = supervised.trainer(asked, tokenizer, Tokenized(longest, [], []), device, 1, settings.batch_size)
    made.train()
    building.release(made)
    return len(longest[0]["input_ids"])


def resident() -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def memory_table(model: Model, settings: Training) -> pd.DataFrame:
    """A row a configuration: estimated and measured bytes."""
    rows = []
    for name, changes in CONFIGURATIONS.items():
        chosen = settings.model_copy(update=changes)
        given = json.dumps([model.model_dump(), chosen.model_dump(mode="json")])
        # Memory that is freed goes back to the system at once, so that what is seen is what is in use.
        environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}
        command = [sys.executable, __file__, "--peak", given]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        told = json.loads(done.stdout.splitlines()[-1])
        gpu = model.device != "cpu" and torch.cuda.is_available()
        assumed = cost.Assumptions(cost.DEVICES["h200"] if gpu else cost.processor(), process_bytes=0)
        shape = shapes.of_config(transformers.AutoConfig.from_pretrained(model.name))
        lora = (chosen.lora_rank, chosen.lora_target_modules)
        adapter = 0 if chosen.mode == "full" else shapes.adapter_parameters(shape, *lora)
        estimated = cost.training_memory(shape, chosen, adapter, model.dtype, told["length"], assumed)
        ratio = round(estimated.peak / told["peak"], 3)
        parts = [int(getattr(estimated, part)) for part in PARTS]
        rows.append((name, int(estimated.peak), told["peak"], ratio, *parts))
    columns = ["configuration", "estimated_bytes", "measured_bytes", "ratio", *PARTS]
    return pd.DataFrame(rows, columns=columns).assign(**about(model, settings))


def peak_main(given: str) -> None:
    model, settings = json.loads(given)
    with tempfile.TemporaryDirectory() as folder:
        found, length = peak(Model(**model), Training(**settings), Path(folder))
    print(json.dumps({"peak": found, "length": length}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--large", action="store_true", help="160 million parameters, on the GPU if there is one")
    parser.add_argument("--only", choices=["speed", "memory"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peak", help=argparse.SUPPRESS)
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    if options.peak:
        return peak_main(options.peak)
    with tempfile.TemporaryDirectory() as folder:
        # TRL's arithmetic is bfloat16 by default, over weights in float32; so is that of a bfloat16 model here.
        base = Model(name=str(paths.Run("microworld").base_model), device="cpu", dtype="bfloat16")
        # TRL neither warms up nor decays weights by default; the rates are the same in all arms.
        settings = Training(learning_rate=3e-4, weight_decay=0, warmup_ratio=0, batch_size=32, epochs=1, max_length=128)
        gpu = torch.cuda.is_available()
        large = Model(name=str(made_model(Path(folder) / "large", 12, 768, 32000)), dtype="bfloat16")
        if options.only != "memory":
            chosen, copies = (large, 4) if options.large else (base, 1)
            table = speed(chosen, settings, options.rounds, copies, Path(folder))
            table.to_csv(HERE / f"training_speed_{'gpu' if options.large and gpu else 'cpu'}.csv", index=False)
            print(table.to_string(index=False))
        if options.only != "speed":
            # Large enough for the model to be most of the process's memory, small enough for a CPU.
            middle = Model(name=str(made_model(Path(folder) / "middle", 8, 512, 8192)), device="cpu")
            table = memory_table(large if gpu else middle, settings)
            table.to_csv(HERE / f"training_memory_{'gpu' if gpu else 'cpu'}.csv", index=False)
            print(table.to_string(index=False))
    return None


if __name__ == "__main__":
    main()
