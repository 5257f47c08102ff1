"""Rewards on a model's own answers, group by group (GRPO, arXiv 2402.03300); see ``training.reinforced``.

The training section counts as for SFT: ``batch_size`` is the answers of a step, all groups together, and an epoch asks
every question once. The reference of ``beta`` is the model that training starts from.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import Field, PositiveInt

from honesty_utils import training
from honesty_utils.common.prompts import Style
from honesty_utils.common.records import ROLLOUTS
from honesty_utils.common.settings import Prompts, Section
from honesty_utils.engines.settings import Model
from honesty_utils.knowledge.settings import Labeling
from honesty_utils.training.job import Job, TrainingResult
from honesty_utils.training.objectives.objective import Objective
from honesty_utils.training.settings import Training


class Options(Section):
    """Options of GRPO; the defaults are TruthRL's (arXiv 2509.25760), but for the length of an answer."""

    reward: Literal["ternary", "binary", "knowledge", "brier", "log_score"] = Field(
        "ternary", description="what an answer is worth, see honesty_utils.training.rewards"
    )
    wrong: float = Field(1.0, description="price of a wrong answer, where right is worth 1")
    refused: float = Field(0.0, description="what a refusal is worth")
    group: PositiveInt = Field(8, ge=2, description="answers that are sampled of a question and compared")
    beta: float = Field(0.001, ge=0, description="how hard the model is held to where it started; 0: not at all")
    temperature: float = Field(1.0, gt=0, description="of sampling")
    scaled: bool = Field(True, description="divide advantages by the spread of their group")
    max_new_tokens: PositiveInt = Field(32, description="of a sampled answer")
    engine: Literal["transformers", "vllm"] = Field(
        "transformers", description="who samples: the model that trains, or vLLM beside it on the same GPUs"
    )


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
    wording: Prompts,
    grading: Labeling,
) -> TrainingResult:
    """Train ``model`` on ROLLOUTS ``rows``; see `objective.Train`.

    Args:
        rows: questions with all that grading takes.
        model: that training starts from.
        output: folder to write.
        settings: the training section.
        options: reward, group and sampling.
        style: as for engines.
        seed: of the order of questions and of sampling.
        work: folder of checkpoints.
        wording: prompts of the run: refusal sentence and confidence phrases.
        grading: matcher and refusal signs.
    """
    from honesty_utils.training import reinforced

    output = Path(output)
    folder = training.working_folder(output, work)
    given = options.model_dump()
    reinforced.check_rewards(given, rows)
    given |= {"wording": wording.model_dump(mode="json"), "grading": grading.model_dump(mode="json")}
    return training.run(Job(rows, model, output, settings, style, seed, folder, "grpo", given))


OBJECTIVE = Objective(rows=ROLLOUTS, options=Options, train=train, label="GRPO", grades=True, notebook="41_rewards")
