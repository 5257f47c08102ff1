"""Supervised fine-tuning of M_t on a method's rows, with TRL's SFTTrainer and PEFT.

The loss is on the completion only. Token ids come from ``prompts.prompt_ids`` and ``prompts.completion_ids``, the
functions that every engine uses, so that what is trained is what is asked.
"""

from __future__ import annotations

import math
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import pandas as pd
import torch
import transformers
import trl
from peft import LoraConfig

from honesty_utils import prompts
from honesty_utils.config import Model, Training

IGNORED = -100
"""Label of a token that does not enter the loss (PyTorch's convention)."""


class TrainingError(ValueError):
    """Rows, model and settings do not fit together."""


@dataclass(frozen=True)
class TrainingResult:
    """What a training run did: ``history`` has a row a logged step (step, epoch, loss, learning_rate)."""

    folder: Path
    history: pd.DataFrame
    rows: int
    steps: int
    completion_tokens: int
    seconds: float


def tokenize(rows: pd.DataFrame, tokenizer: Any, style: prompts.Style, max_length: int) -> datasets.Dataset:
    """``input_ids`` and ``labels`` (prompt masked, end token learned) of SFT rows.

    Args:
        rows: columns ``prompt`` and ``completion``.
        tokenizer: of the model that is trained.
        style: ``raw`` or ``chat``.
        max_length: longest row, in tokens.

    Raises:
        TrainingError: no rows, or rows over ``max_length``: counted, the longest named.
    """
    if rows.empty:
        raise TrainingError("no rows to train on; look at sft/<method>.parquet and the labels it was built from")
    encoded = [
        _encode(prompt, completion, tokenizer, style)
        for prompt, completion in zip(rows["prompt"], rows["completion"], strict=True)
    ]
    lengths = [len(item["input_ids"]) for item in encoded]
    too_long = sum(length > max_length for length in lengths)
    if too_long:
        row = max(range(len(lengths)), key=lengths.__getitem__)
        raise TrainingError(
            f"{too_long} of {len(rows)} rows are longer than training.max_length = {max_length} tokens; the longest, "
            f"row {row} (question {rows['question_id'].iloc[row]}), has {lengths[row]}: raise max_length or drop them"
        )
    return datasets.Dataset.from_list(encoded)


def _encode(prompt: str, completion: str, tokenizer: Any, style: prompts.Style) -> dict[str, list[int]]:
    before = prompts.prompt_ids(tokenizer, prompt, style)
    after = prompts.completion_ids(tokenizer, prompt, completion, style)
    if not after:
        raise TrainingError(f"completion {completion!r} has no token; every row needs something to learn")
    return {"input_ids": before + after, "labels": [IGNORED] * len(before) + after}


def train(
    rows: pd.DataFrame, model: Model, output: str | Path, settings: Training, *, style: prompts.Style, seed: int
) -> TrainingResult:
    """Fine-tune ``model`` on ``rows`` and save the result to the folder ``output``, which appears whole or not at all.

    Full fine-tuning saves a model folder, LoRA an adapter folder; both hold the tokenizer. The same rows, settings,
    seed and device give the same weights.

    Raises:
        TrainingError: see :func:`tokenize`; also a model without a token to pad with.
    """
    started = time.monotonic()
    output = Path(output)
    tokenizer = transformers.AutoTokenizer.from_pretrained(model.name, revision=model.revision)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    if settings.max_rows is not None and settings.max_rows < len(rows):
        rows = rows.sample(settings.max_rows, random_state=seed)
    dataset = tokenize(rows, tokenizer, style, settings.max_length)
    trainer = _trainer(model, tokenizer, dataset, settings, seed)
    trainer.train()
    _save(trainer, tokenizer, output)
    return TrainingResult(
        folder=output,
        history=_history(trainer.state.log_history),
        rows=len(rows),
        steps=trainer.state.global_step,
        completion_tokens=sum(label != IGNORED for labels in dataset["labels"] for label in labels),
        seconds=time.monotonic() - started,
    )


def _trainer(model: Model, tokenizer: Any, dataset: datasets.Dataset, settings: Training, seed: int) -> trl.SFTTrainer:
    device = model.device if model.device != "auto" else ("cuda" if torch.cuda.is_available() else "cpu")
    transformers.set_seed(seed)
    base = transformers.AutoModelForCausalLM.from_pretrained(
        model.name,
        revision=model.revision,
        dtype=getattr(torch, model.dtype),
        # For models of a million parameters on a CPU the plain attention is the faster one.
        attn_implementation="eager" if device == "cpu" else "sdpa",
    )
    arguments = trl.SFTConfig(
        output_dir=tempfile.mkdtemp(prefix="trainer-"),
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.gradient_accumulation,
        num_train_epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        warmup_steps=_warmup_steps(len(dataset), settings),
        lr_scheduler_type=settings.scheduler,
        gradient_checkpointing=settings.gradient_checkpointing,
        bf16=model.dtype == "bfloat16",
        use_cpu=device == "cpu",
        seed=seed,
        data_seed=seed,
        max_length=None,
        dataset_kwargs={"skip_prepare_dataset": True},
        save_strategy="no",
        logging_steps=10,
        disable_tqdm=True,
        report_to="none",
    )
    trainer = trl.SFTTrainer(
        model=base,
        args=arguments,
        train_dataset=dataset,
        processing_class=tokenizer,
        peft_config=_lora(settings) if settings.mode == "lora" else None,
    )
    trainer.remove_callback(transformers.PrinterCallback)
    return trainer


def _warmup_steps(rows: int, settings: Training) -> int:
    steps = math.ceil(rows / (settings.batch_size * settings.gradient_accumulation)) * settings.epochs
    return math.ceil(settings.warmup_ratio * steps)


def _lora(settings: Training) -> LoraConfig:
    targets = settings.lora_target_modules
    return LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules=targets if isinstance(targets, str) else list(targets),
        task_type="CAUSAL_LM",
    )


def _save(trainer: trl.SFTTrainer, tokenizer: Any, output: Path) -> None:
    """Save into a folder beside ``output`` and rename: a folder that exists is complete."""
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=output.parent, prefix=f".{output.name}.", suffix=".partial"))
    try:
        trainer.save_model(str(partial))
        tokenizer.save_pretrained(str(partial))
        (partial / "training_args.bin").unlink(missing_ok=True)
        shutil.rmtree(output, ignore_errors=True)
        partial.chmod(0o755)
        partial.rename(output)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(trainer.args.output_dir, ignore_errors=True)


def _history(log: Sequence[dict[str, Any]]) -> pd.DataFrame:
    columns = ["step", "epoch", "loss", "learning_rate"]
    return pd.DataFrame([{name: entry[name] for name in columns} for entry in log if "loss" in entry], columns=columns)
