"""Sections on what is evaluated, and on whether training moved the boundary."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, PositiveInt

from honesty_utils.common.settings import Section, no_repeats
from honesty_utils.engines.settings import Generation


class Evaluation(Generation):
    """Greedy, zero-shot answers of every model to every evaluation set."""

    datasets: Annotated[tuple[str, ...], AfterValidator(no_repeats)] = Field(
        min_length=1, description="names under `questions`"
    )
    refusal_likelihood: bool = Field(
        False,
        description="also ask every model how likely the refusal is as its reply: a graded score of methods that only "
        "answer or refuse (the signal `refusal`); for engines that tell how likely a given text is",
    )


class Drift(Section):
    """Whether training moved the boundary: questions in distribution, which no row was of, sampled once more."""

    methods: Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(no_repeats)] = Field(
        description="names under `methods`; every seed of each"
    )
    samples: PositiveInt | None = Field(None, description="none: sampling.samples")
