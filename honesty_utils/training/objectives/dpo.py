"""Direct preference optimization (arXiv 2305.18290) on pairs of replies; see ``training.preference``.

The reference is the model that training starts from. The training section counts as for SFT, but for batches that join
rows and rows that are cut, which pairs cannot be.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from pydantic import Field

from honesty_utils import training
from honesty_utils.common.prompts import Style
from honesty_utils.common.records import PAIRS
from honesty_utils.common.settings import Section
from honesty_utils.engines.settings import Model
from honesty_utils.training.job import Job, TrainingResult
from honesty_utils.training.objectives.objective import Objective
from honesty_utils.training.settings import Training


class Options(Section):
    """Options of DPO; the defaults are those of Say-I-Don't-Know (arXiv 2401.13275)."""

    beta: float = Field(0.1, gt=0, description="how hard the model is held to where it started: the more, the harder")
    sft_weight: float = Field(0.01, ge=0, description="weight of the mean loss a token of the chosen replies; 0: none")


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
    """Train ``model`` on PAIRS ``rows``; see `objective.Train`.

    Pairs of two equal texts are left out, logged, and listed in the result. With LoRA, an adapter that an earlier stage
    has made goes on itself; with ``mode: full`` it is merged into its base first.
    """
    output = Path(output)
    folder = training.working_folder(output, work)
    return training.run(Job(rows, model, output, settings, style, seed, folder, "dpo", options.model_dump()))


OBJECTIVE = Objective(rows=PAIRS, options=Options, train=train, label="DPO")
