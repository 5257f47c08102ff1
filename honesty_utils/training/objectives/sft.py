"""Supervised fine-tuning: the loss of the completion's tokens under the prompt; see ``training.train``."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from honesty_utils import training
from honesty_utils.common.prompts import Style
from honesty_utils.common.records import SFT
from honesty_utils.common.settings import Section
from honesty_utils.engines.settings import Model
from honesty_utils.training.job import TrainingResult
from honesty_utils.training.objectives.objective import Objective
from honesty_utils.training.settings import Training


class Options(Section):
    """Supervised fine-tuning has none beside the training section."""


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
    """Fine-tune ``model`` on SFT ``rows``; see `objective.Train`."""
    return training.train(rows, model, output, settings, style=style, seed=seed, work=work)


OBJECTIVE = Objective(rows=SFT, options=Options, train=train, label="SFT")
