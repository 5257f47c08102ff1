"""MERGED and MIXED: honest and helpful at once, by merging two models, or by training on the rows of both.

"Mix Data or Merge Models?" (Yang et al., arXiv 2502.06876) compares the two for helpfulness, honesty and harmlessness.
MERGED joins models that other entries of the run have trained, by one of ``training.merging.WAYS``; nothing is trained.
MIXED is one training on ABSOLUTE's and FINE-TUNED's rows together.
"""

from __future__ import annotations

from typing import Annotated, Literal

import pandas as pd
from pydantic import AfterValidator, Field, model_validator

from honesty_utils.common.records import SFT
from honesty_utils.common.settings import Prompts, Section, no_repeats
from honesty_utils.methods import absolute, finetuned
from honesty_utils.methods.plan import TRAINED, Method, Stage


class Options(Section):
    """Options of MERGED."""

    of: Annotated[tuple[str, ...], AfterValidator(no_repeats)] = Field(
        ("absolute", "finetuned"), min_length=2, description="entries of the run whose models are merged, seed by seed"
    )
    weights: tuple[float, ...] = Field((0.5, 0.5), description="one each")
    way: Literal["task_arithmetic", "linear", "ties", "dare", "slerp", "tsv_m"] = Field(
        "task_arithmetic", description="how, see honesty_utils.training.merging"
    )
    density: float = Field(0.5, gt=0, le=1, description="share of each difference that ties and dare keep")

    @model_validator(mode="after")
    def _fit(self) -> Options:
        if len(self.weights) != len(self.of):
            raise ValueError(f"weights: {len(self.weights)} for {len(self.of)} models; give each model one")
        if self.way == "slerp" and len(self.of) != 2:
            raise ValueError(f"way: slerp is between two models, and `of` names {len(self.of)}")
        if self.way in ("linear", "slerp") and sum(self.weights) == 0:
            raise ValueError(f"weights: {list(self.weights)} have the sum 0, by which {self.way} divides")
        return self


class MixedOptions(absolute.Options):
    """Options of MIXED: ABSOLUTE's."""


def nothing(labels: pd.DataFrame, prompts: Prompts, options: Section) -> pd.DataFrame:
    """No rows: models are merged as they are."""
    return pd.DataFrame(columns=SFT.schema.names)


def build(labels: pd.DataFrame, prompts: Prompts, options: MixedOptions) -> pd.DataFrame:
    """Rows of ABSOLUTE and those of FINE-TUNED: of what is not known, the refusal and an answer.

    Args:
        labels: LABELS columns with ``question``, ``answers`` and, if any, ``choices``; with sampled responses.
        prompts: holds the honest prompt and the refusal sentence.
        options: of ABSOLUTE.

    Returns:
        SFT columns, ABSOLUTE's rows first.
    """
    honest = absolute.build(labels, prompts, options)
    helpful = finetuned.build(labels, prompts, finetuned.Options())
    return pd.concat([honest, helpful], ignore_index=True)


METHOD = Method(
    label="MERGED",
    rule="the models of other methods made one by their weights",
    options=Options,
    stages=(Stage(nothing, objective="merge", needs_samples=False),),
    color="#542788",
    search={
        "options.way": ("task_arithmetic", "ties", "dare"),
        "options.weights": ((0.5, 0.5), (0.3, 0.7), (0.7, 0.3), (1.0, 1.0)),
    },
)
MIXED = Method(
    label="MIXED",
    rule="one training on the rows of ABSOLUTE and FINE-TUNED",
    options=MixedOptions,
    stages=(Stage(build, rows_per_question=2),),
    color="#B294C7",
    search=TRAINED,
)
