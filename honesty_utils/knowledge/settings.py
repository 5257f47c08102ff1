"""Sections on how answers are labeled, and on which labeled questions a method learns from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PositiveInt

from honesty_utils.common.settings import Section, Seed, no_repeats


class Labeling(Section):
    """How responses are judged and the balanced training subset is drawn."""

    match: Literal["contains", "tokens", "exact", "number"] = "contains"
    refusal_signs: str | tuple[Annotated[str, Field(pattern=r"\w")], ...] | None = Field(
        None,
        description="lower-case parts of refusals, or the name of a family in honesty_utils.grading.FAMILIES (all: "
        "every one's) or of a language in LANGUAGES; none: the paper's, for LLaMA-2-Chat",
    )
    no_option: Literal["unscored", "wrong"] = Field(
        "unscored",
        description="what a reply to multiple choice is that names none of the options; a judge may read it otherwise, "
        "`wrong` is for models whose replies are so short that there is nothing to read",
    )
    train_known: PositiveInt = 4000
    train_unknown: PositiveInt = 4000
    train_whole: bool = Field(
        False,
        description="train on every question whose greedy answer could be scored, as many known ones as there are",
    )
    seed: Seed = 0


class Rows(Section):
    """Which labeled questions a method's rows are made of; what sweeps over m and over the training set vary."""

    samples: PositiveInt | None = Field(None, description="look at the first so many samples of a question; none: all")
    questions: Annotated[int, Field(ge=2)] | None = Field(None, description="training questions; none: all")
    known_share: float | None = Field(
        None, gt=0, lt=1, description="of these, as many that M_t knows; none: as labeling draws them"
    )
    shuffled: bool = Field(
        False, description="each question takes another's verdicts: a control that learns the form and no boundary"
    )
    open_book: Annotated[str, Field(min_length=1)] | None = Field(
        None,
        description="a set under `questions` whose closed-book twin is `train`: the same training questions with "
        "passages; M_t's answers there and their prompts stand in place of those without",
    )
    sets: Annotated[tuple[str, ...], AfterValidator(no_repeats)] = Field(
        (), description="further sets under `questions`, sampled and added whole, such as multiple choice"
    )
