"""Rewards on a model's own answers, group by group (GRPO, arXiv 2402.03300); see ``training.reinforced``.

The training section counts as for SFT: ``batch_size`` is the answers of a step, all groups together, and an epoch asks
every question once. The reference of ``beta`` is the model that training starts from.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import Field, PositiveInt

from honesty_utils.common.prompts import Style
from honesty_utils.common.records import ROLLOUTS
from honesty_utils.common.settings import Prompts, Section
from honesty_utils.engines.settings import Model
from honesty_utils.knowledge.settings import Labeling
from honesty_utils.training import rewards, running, ways
from honesty_utils.training.job import Job, TrainingResult
from honesty_utils.training.objectives.objective import Objective, fits
from honesty_utils.training.settings import Training


class Options(Section):
    """Options of GRPO; the defaults are TruthRL's (arXiv 2509.25760), but for how long an answer may be."""

    reward: Literal["ternary", "binary", "knowledge", "brier", "log_score", "solved"] = Field(
        "ternary", description="what an answer is worth, see honesty_utils.training.rewards"
    )
    wrong: float = Field(1.0, description="price of a wrong answer, where right is worth 1")
    refused: float = Field(0.0, description="what a refusal is worth")
    group: PositiveInt = Field(8, ge=2, description="answers that are sampled of a question and compared")
    beta: float = Field(0.001, ge=0, description="how hard the model is held to where it started; 0: not at all")
    temperature: float = Field(1.0, gt=0, description="of sampling")
    scaled: bool = Field(True, description="divide advantages by the spread of their group")
    learn: Literal["reply", "stated"] = Field(
        "reply", description="the tokens of the whole reply, or of what it states before its answer alone"
    )
    anchor: bool = Field(
        False, description="one answer of each group is the true way to the answer (`meta.way`), not a sampled one"
    )
    easy_first: bool = Field(
        False, description="over all epochs together, questions of the least depth (`meta.depth`) come first"
    )
    max_new_tokens: PositiveInt | None = Field(None, description="of a sampled answer; none: evaluation.max_new_tokens")
    engine: Literal["transformers", "vllm"] = Field(
        "transformers", description="who samples: the model that trains, or vLLM beside it on the same GPUs"
    )


def check(settings: Training, options: Options) -> None:
    """Hold the training section to what groups of answers take.

    Raises:
        ValueError: a group that does not divide the batch, rows that are joined, an answer longer than a row, a reward
            that is the same for every answer or has no use for what is set.
    """
    if settings.batch_size % options.group:
        raise ValueError(
            f"batch_size: {settings.batch_size} answers a step are no whole number of groups of {options.group}; set a "
            "multiple of the objective's `group`"
        )
    if settings.batches != "random":
        raise ValueError(f"batches: {settings.batches!r} is for rows, and answers are sampled here: set random")
    if (options.max_new_tokens or 0) >= settings.max_length:
        raise ValueError(
            f"max_length: {settings.max_length} tokens for prompt and answer, and an answer may have "
            f"{options.max_new_tokens}; raise it"
        )
    if options.reward in rewards.UNPRICED and (options.wrong, options.refused) != (1.0, 0.0):
        pays = "goes by what an answer states" if options.reward in rewards.STATED else "pays 1 or 0"
        raise ValueError(f"objective: reward {options.reward!r} {pays}; leave wrong and refused out")
    if options.anchor and options.engine == "vllm":
        raise ValueError(
            "objective: anchor puts a text into the group that vLLM has not sampled and tells no likelihood of; set "
            "engine: transformers"
        )
    if not rewards.tells_apart(options.reward, options.wrong, options.refused):
        raise ValueError(
            f"objective: reward {options.reward!r} with wrong: {options.wrong:g} and refused: {options.refused:g} is "
            "the same for every answer, so that nothing can be learned; change one of them"
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
    longest: int,
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
        longest: tokens of an answer, where the options name no number.
    """
    fits(check, settings, options)
    rewards.check_questions(rows, options.reward)
    if options.anchor:
        ways.check(rows, "objective.anchor: true")
    if options.easy_first:
        ways.check_depths(rows)
    output = Path(output)
    folder = running.working_folder(output, work)
    given = options.model_dump() | {"max_new_tokens": options.max_new_tokens or longest}
    given |= {"wording": wording.model_dump(mode="json"), "grading": grading.model_dump(mode="json")}
    return running.run(Job(rows, model, output, settings, style, seed, folder, "grpo", given))


OBJECTIVE = Objective(
    rows=ROLLOUTS, options=Options, train=train, label="GRPO", check=check, grades=True, notebook="41_rewards"
)
