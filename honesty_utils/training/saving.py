"""The finished model: whole or not at all, in the number type of the params file, from however many processes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

from honesty_utils.training.job import Job


def save(trainer: Any, tokenizer: Any, job: Job) -> None:
    """Write model or adapter and tokenizer to ``job.output``: into a folder beside it that is renamed at the end.

    Every process takes part, because each may hold a piece of the weights; one of them writes.
    """
    job.output.parent.mkdir(parents=True, exist_ok=True)
    partial = job.output.with_name(f".{job.output.name}.partial")
    if trainer.is_world_process_zero():
        shutil.rmtree(partial, ignore_errors=True)
    trainer.accelerator.wait_for_everyone()
    if trainer.is_fsdp_enabled:
        # Checkpoints are written by every process, a piece each; the finished model is an ordinary one.
        trainer.accelerator.state.fsdp_plugin.set_state_dict_type("FULL_STATE_DICT")
    try:
        trainer.save_model(str(partial))
        if trainer.is_world_process_zero():
            tokenizer.save_pretrained(str(partial))
            (partial / "training_args.bin").unlink(missing_ok=True)
            if job.settings.mode == "full" and job.model.dtype != "float32":
                cast(partial, job.model.dtype)
            shutil.rmtree(job.output, ignore_errors=True)
            partial.rename(job.output)
        trainer.accelerator.wait_for_everyone()
    finally:
        if trainer.is_world_process_zero():
            shutil.rmtree(partial, ignore_errors=True)


def cast(folder: Path, dtype: str) -> None:
    """Rewrite the weights of a model folder, a file at a time, in the number type ``dtype``."""
    kind = getattr(torch, dtype)
    for path in folder.glob("*.safetensors"):
        with safetensors.safe_open(path, framework="pt") as stored:
            metadata = stored.metadata()
            tensors = {name: stored.get_tensor(name).to(kind) for name in stored.keys()}  # noqa: SIM118, no mapping
        safetensors.torch.save_file(tensors, path, metadata=metadata)
    config = folder / "config.json"
    content = {**json.loads(config.read_text(encoding="utf-8")), "dtype": dtype}
    config.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
