"""The tokenized Brier score of a digit that states how sure one is; see ``training.stating``."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from honesty_utils import training
from honesty_utils.common.prompts import Style
from honesty_utils.common.records import STATED
from honesty_utils.common.settings import Section
from honesty_utils.engines.settings import Model
from honesty_utils.training.job import Job, TrainingResult
from honesty_utils.training.objectives.objective import Objective
from honesty_utils.training.settings import Training


class Options(Section):
    """It has none beside the training section."""


def check(settings: Training, options: Options) -> None:
    """Hold the training section to rows that stand alone.

    Raises:
        ValueError: rows that are joined.
    """
    if settings.batches not in ("random", "by_length"):
        raise ValueError(f"batches: {settings.batches!r} is not for digits: set random or by_length")


def train(
    rows: pd.DataFrame,
    model: Model,
    output: str | Path,
    settings: Training,
    options: Options,
    *,
    style: Style,
    seed: int,
    work: str | Path | None = None,
) -> TrainingResult:
    """Train ``model`` on STATED ``rows``; see `objective.Train`."""
    output = Path(output)
    folder = training.working_folder(output, work)
    return training.run(Job(rows, model, output, settings, style, seed, folder, "brier"))


OBJECTIVE = Objective(rows=STATED, options=Options, train=train, label="Brier", check=check)
