"""One process of a training: TRL's trainer of the objective, our token ids, our order of rows and our checkpoints."""

from __future__ import annotations

import os
import time
from typing import Any

import transformers

from honesty_utils.training import building, checkpoint, checks, preference, reinforced, saving, stating, supervised
from honesty_utils.training.job import Job, TrainingResult

KINDS: dict[str, Any] = {"sft": supervised, "dpo": preference, "brier": stating, "grpo": reinforced}
"""By objective, the module that makes its token ids and its trainer."""


def run(job: Job) -> TrainingResult:
    """Train what ``job`` says in this process, as one of however many accelerate has started.

    Raises:
        TrainingError: see ``training.train``.
    """
    started = time.monotonic()
    kind = KINDS[job.objective]
    device = checks.device(job.model)
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    per_device = checks.rows_a_device(job.settings, processes)
    network = checks.check(job, device)
    tokenizer = building.tokenizer(job.model)
    rows = kind.encode(job, tokenizer, checks.context(network))
    trainer = kind.trainer(job, tokenizer, rows, device, processes, per_device)
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.add_callback(building.Epochs(trainer.order))
    trainer.add_callback(building.Finite(trainer, job.settings.most_loss))
    trainer.add_callback(building.GivesBack())
    folder = job.work / checkpoint.key(job, rows, processes, device)
    trainer.args.output_dir = str(folder)
    resumed = checkpoint.latest(job.work, folder.name)
    trainer.add_callback(checkpoint.Checkpoints(folder, job.settings.save_steps, job.settings.save_minutes))
    if int(os.environ.get("RANK", "0")) == 0:
        trainer.add_callback(building.Told("/".join(job.output.parts[-2:])))
    if processes > 1:
        trainer.add_callback(building.Lines)
    trainer.train(resume_from_checkpoint=None if resumed is None else str(resumed))
    building.check_weights(trainer)
    building.let_go(trainer)
    saving.save(trainer, tokenizer, job)
    result = TrainingResult(
        folder=job.output,
        history=building.history(trainer.state.log_history, kind.HISTORY),
        rows=len(rows.items),
        steps=trainer.state.global_step,
        # Sampled ones are those of all epochs.
        completion_tokens=rows.completion_tokens or round(getattr(trainer, "sampled_tokens", 0) / job.settings.epochs),
        seconds=time.monotonic() - started,
        left_out=rows.left_out,
        cut=rows.cut,
        equal=rows.equal,
        resumed_at=0 if resumed is None else checkpoint.step(resumed),
        processes=processes,
    )
    building.release(trainer)
    return result
