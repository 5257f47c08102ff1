"""Stop at any moment, go on to the same weights.

A checkpoint is transformers' own: weights, optimizer, schedule, random numbers, place in the data. Two things are
added. It counts only once a mark has been put into it, after everything else is on the disk, so that a half-written
one is never read; and it lies in a folder named after a hash of all that the weights depend on, so that a checkpoint
from other rows or parameters is never gone on from.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.metadata
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import transformers
from accelerate.utils import broadcast_object_list, wait_for_everyone

from honesty_utils import engines
from honesty_utils.training.job import ROWS, Job, TrainingError
from honesty_utils.training.rows import Tokenized

MARK = "complete.json"
UNRELATED = {"save_steps", "save_minutes", "report_to", "report_rows", "seeds", "launch", "processes"}
"""Settings that change no weight."""
PACKAGES = ("torch", "transformers", "trl", "peft", "accelerate")


@contextmanager
def working(work: Path) -> Iterator[Path]:
    """Own the folder ``work`` while training; a finished training removes it, a failed one leaves its checkpoints.

    Raises:
        TrainingError: another process trains there.
    """
    work.mkdir(parents=True, exist_ok=True)
    with (work / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise TrainingError(f"{work}: another process is training there; wait for it or end it") from None
        try:
            yield work
        except BaseException:
            if not list(work.glob(f"*/checkpoint-*/{MARK}")):
                shutil.rmtree(work, ignore_errors=True)
            raise
        shutil.rmtree(work, ignore_errors=True)


def key(job: Job, rows: Tokenized, processes: int, device: str) -> str:
    """Hash (16 hex digits) of all that the weights depend on, from token ids to the versions of packages."""
    content = {
        "rows": hashlib.sha256(json.dumps(rows.items).encode()).hexdigest(),
        # Of answers that are graded while a model trains, what they are graded by is in the rows alone.
        "graded": job.rows[list(ROWS[job.objective])].to_json() if job.objective == "grpo" else None,
        "model": engines.loading.model_digest(job.model),
        "settings": job.settings.model_dump(mode="json", exclude=UNRELATED),
        "seed": job.seed,
        "objective": [job.objective, dict(job.options)],
        # Weights and optimizer are cut into as many pieces as there are processes.
        "devices": [device, processes, job.settings.launch],
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def latest(work: Path, wanted: str) -> Path | None:
    """The last complete checkpoint of the training ``wanted``; others in ``work`` are named and not used."""
    others = sorted({path.parents[1].name for path in work.glob(f"*/checkpoint-*/{MARK}")} - {wanted})
    if others:
        print(f"{work}: checkpoints of other rows or parameters ({', '.join(others)}) are not used", flush=True)
    found = sorted((work / wanted).glob(f"checkpoint-*/{MARK}"), key=lambda mark: step(mark.parent))
    return found[-1].parent if found else None


def step(folder: Path) -> int:
    """The step after which a checkpoint was written."""
    return int(folder.name.removeprefix("checkpoint-"))


class Checkpoints(transformers.TrainerCallback):
    """Asks for a checkpoint every so many steps or minutes; marks it once it is whole, then removes older ones."""

    def __init__(self, folder: Path, steps: int | None, minutes: float | None) -> None:
        self.folder, self.steps, self.minutes = folder, steps, minutes
        self.saved = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        """Ask for a checkpoint where one is due; the last step needs none, the model itself is saved."""
        by_steps = self.steps is not None and state.global_step % self.steps == 0
        by_time = self.minutes is not None and time.monotonic() - self.saved >= 60 * self.minutes
        if args.world_size > 1 and self.minutes is not None:
            # Clocks differ: one process decides for all, or some would wait for the others forever.
            by_time = broadcast_object_list([by_time])[0]
        if (by_steps or by_time) and state.global_step < state.max_steps:
            control.should_save = True

    def on_save(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        """Mark the checkpoint that has just been written."""
        self.saved = time.monotonic()
        wait_for_everyone()
        if state.is_world_process_zero:
            new = self.folder / f"checkpoint-{state.global_step}"
            mark(new, state.global_step)
            for old in self.folder.glob("checkpoint-*"):
                if step(old) < step(new):
                    shutil.rmtree(old, ignore_errors=True)


def mark(folder: Path, step: int) -> None:
    """Say that a checkpoint is whole, after its files have reached the disk."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
    partial = folder / f".{MARK}.partial"
    partial.write_text(json.dumps({"step": step}), encoding="utf-8")
    os.replace(partial, folder / MARK)
