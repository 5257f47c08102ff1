"""Training of M_t, or of an earlier stage's model, on a method's rows, with TRL's trainers and PEFT.

The loss is on replies only. Token ids come from ``prompts.prompt_ids`` and ``prompts.completion_ids``, the
functions that every engine uses, so that what is trained is what is asked.

    rows.py         rows as token ids; what is too long or has nothing to learn
    checks.py       model, device, adapter, disk: what can go wrong is found before any step
    objectives/     how rows become a model, one way a file
    trainer.py      one process of a training
    supervised.py   TRL's trainer of completions; preference.py, of pairs; building.py, what they share
    order.py        the order of rows on any number of devices
    checkpoint.py   stop at any moment, go on to the same weights
    layouts.py      how processes are laid out over devices
    launch.py       several devices: ``accelerate launch`` as a process of its own
    learning.py     did the model learn its rows

``python -m honesty_utils.training JOB`` is what every process of a launch runs. Nothing here imports torch until a
model is trained.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from honesty_utils.common.prompts import Style
from honesty_utils.engines.settings import Model
from honesty_utils.training import layouts
from honesty_utils.training.job import Job, TrainingError, TrainingResult
from honesty_utils.training.settings import Training

__all__ = ["Job", "TrainingError", "TrainingResult", "run", "train", "working_folder"]


def train(
    rows: pd.DataFrame,
    model: Model,
    output: str | Path,
    settings: Training,
    *,
    style: Style,
    seed: int,
    work: str | Path | None = None,
) -> TrainingResult:
    """Fine-tune ``model`` on ``rows`` and save the result to the folder ``output``, which appears whole or not at all.

    Full fine-tuning saves a model folder, LoRA an adapter folder; both hold the tokenizer. The same rows, settings,
    seed and device give the same weights, also when training was killed and started again in between. With
    ``settings.launch`` the work is done by ``accelerate launch``, whose log is printed.

    Args:
        rows: columns ``question_id``, ``prompt`` and ``completion``.
        model: M_t.
        output: folder to write.
        settings: the training section.
        style: ``raw`` or ``chat``, as for engines.
        seed: of the order of rows and of new weights.
        work: folder of checkpoints, which is removed once ``output`` is there; none: beside ``output``.

    Raises:
        TrainingError: before any step, if rows, model, settings, devices or disk do not fit together; also when a
            launch fails, with the end of its log.
    """
    output = Path(output)
    return run(Job(rows, model, output, settings, style, seed, working_folder(output, work)))


def working_folder(output: Path, work: str | Path | None = None) -> Path:
    """Folder of checkpoints: ``work``, or else one beside ``output``."""
    return Path(work) if work is not None else output.with_name(f".{output.name}.training")


def run(job: Job) -> TrainingResult:
    """Do a job, in this process or launched; see `train`.

    Raises:
        TrainingError: as `train`.
    """
    from honesty_utils.training import checkpoint

    layout = layouts.layout(job.settings)
    with checkpoint.working(job.work):
        if layout is not None:
            from honesty_utils.training import launch

            return launch.run(job, layout)
        from honesty_utils.training import trainer

        return trainer.run(job)
