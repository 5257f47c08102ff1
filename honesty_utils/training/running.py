"""Where a training starts: `train` makes a job, `run` does it in this process or launches it on several devices."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from honesty_utils.common.prompts import Style
from honesty_utils.engines.settings import Model
from honesty_utils.training import layouts
from honesty_utils.training.job import Job, TrainingResult
from honesty_utils.training.settings import Training


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
