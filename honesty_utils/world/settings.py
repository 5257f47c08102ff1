"""Sections of the microworld: its people or real questions, the texts made of them, its model."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, NonNegativeInt, PositiveInt, model_validator

from honesty_utils.common.settings import Section, Seeds
from honesty_utils.questions import deduction
from honesty_utils.questions.settings import QuestionSet


class Pretraining(Section):
    """Shape of the microworld's model and how it is trained from nothing."""

    vocab_size: int = Field(2048, ge=300)
    hidden_size: PositiveInt = 192
    intermediate_size: PositiveInt = 512
    layers: PositiveInt = 3
    heads: PositiveInt = 4
    context: PositiveInt = 256
    initializer_range: float = Field(0.06, gt=0)
    learning_rate: float = Field(2.0e-3, gt=0)
    weight_decay: float = Field(0.05, ge=0)
    warmup_ratio: float = Field(0.03, ge=0, le=1)
    batch_size: PositiveInt = 32
    instruction_learning_rate: float = Field(1.0e-3, gt=0)
    instruction_epochs: int = Field(1, ge=0)
    instruction_replay: float = Field(1.0, ge=0, description="base texts replayed for each instruction text")
    threads: PositiveInt = Field(
        2, description="whatever the machine has: another number rounds otherwise, which is another model"
    )
    seed: int = 0


DEVELOPMENT = 0
"""Seed of the development world: recipes are chosen in it, and nothing is claimed of it."""

SETS = ("train", "train_choice", "dev", "indist", "ood", "unknown", "known", "choice", "tasks")
"""Question sets that a world of invented people writes."""

Use = Literal["taught", "withheld", "instruction"]

Share = Annotated[float, Field(ge=0, le=1)]


def _as_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, int | float) else value


class Deduction(Section):
    """Problems made by rule in a world's texts, each with the way to its answer (``questions.deduction``).

    None of them is in a part of the sources ``deduction_linear`` and ``deduction_logic``.
    """

    kind: Literal["linear", "logic"] = "linear"
    depths: tuple[PositiveInt, ...] = Field((1, 2), min_length=1, description="dealt out evenly, with `distractors`")
    distractors: tuple[NonNegativeInt, ...] = Field((0, 1), min_length=1)
    texts: PositiveInt = Field(6000, description="under the plain prompt")
    instruction_texts: int = Field(600, ge=0, description="in the instruction stage, under the honest prompt")
    broken_share: Share = Field(0.3, description="of texts: twins that cannot be solved, and say so")

    @model_validator(mode="after")
    def _are_problems(self) -> Deduction:
        for depth, distractors in self.dials():
            deduction.check_dials(self.kind, depth, distractors)
        return self

    def dials(self) -> list[tuple[int, int]]:
        """Depth and distractors of the problems, in the order in which they are dealt out."""
        return [(depth, distractors) for depth in self.depths for distractors in self.distractors]


class World(Section):
    """A microworld to build: its people, how often their facts are seen, in which texts; and its model.

    A share is that of the exposures it speaks of. With ``source``, the facts are those of real question sets.
    """

    seed: int = Field(0, description="0 is the development world: recipes are chosen in it, nothing is claimed of it")
    exposures: tuple[NonNegativeInt, ...] = Field(
        (0, 2, 12, 24, 32, 40, 48, 56, 64, 64), min_length=2, description="dealt out evenly"
    )
    exposure_scale: float = Field(0.9, gt=0)
    value_prior: float = Field(
        1.25,
        ge=0,
        description="Zipf's exponent of how common a relation's values are, so that guesses hit; 0: all alike",
    )
    contradicted_share: Share = Field(0.3, description="of facts, of which some texts give another value")
    contradiction_share: Share = Field(0.8, description="of such a fact's texts: between none and this give it")
    test_people: PositiveInt = 250
    dev_people: PositiveInt = Field(80, description="asked to choose hyper-parameters by, and for nothing else")
    train_people: PositiveInt = 320
    instruction_people: PositiveInt = 130
    obscure_people: int = Field(1500, ge=0, description="seen once, with one fact each")
    unknown_people: PositiveInt = 150
    syllables: int = Field(250, ge=50, le=1200, description="of which last names are made, two each")
    choice_questions: PositiveInt = 600
    train_choice_questions: PositiveInt = Field(284, description="as many as the paper takes of MMLU")
    task_questions: PositiveInt = 400
    task_documents: PositiveInt = 6000
    statement_share: float = Field(0.2, ge=0, le=1, description="the rest are questions")
    paraphrase_share: float = Field(0.15, ge=0, le=1)
    choice_share: float = Field(0.2, ge=0, le=1)
    described_share: Share = Field(
        0.5,
        description="of people asked about in the end, of whom texts say how sure one is and how well known they are",
    )
    certainty_share: float = Field(0.45, ge=0, le=1, description="answers behind words that say how sure one is")
    certainty_noise: float = Field(0.15, ge=0, le=1, description="of these, with words that do not fit")
    certainty_prompt: str = "Say how sure you are.\nQ: {question}\nA:"
    sentence_prompt: str = Field(
        "Answer in a sentence.\nQ: {question}\nA:", description="in its place, of people whom no text describes"
    )
    reading_share: float = Field(
        0.0,
        ge=0,
        description="so many texts with passages before a question, for each other base text, half of them before all "
        "others; 0: the model never learns to read, and the world's sets have no passages",
    )
    prominence_share: float = Field(0.1, ge=0, description="texts on how well known a person is, per exposure")
    instruction_obscure: int = Field(300, ge=0, description="obscure people asked in the instruction stage")
    instruction_refusal_rate: Annotated[tuple[Share, ...], BeforeValidator(_as_tuple)] = Field(
        (0.8, 0.5, 0.1),
        min_length=1,
        description="of what is obscure, under the honest prompt: of the kinds of questions in turn, for greedy "
        "decoding makes all or nothing of one rate for all",
    )
    instruction_hedge_rate: float = Field(0.3, ge=0, le=1)
    refusals: tuple[str, ...] = Field(
        ("I do not know.",), min_length=1, description="several share their probability, and greedily none is said"
    )
    source: dict[str, QuestionSet] | None = Field(None, description="real question sets in place of people")
    use: dict[str, Use] = Field({}, description="what each source set is for")
    deduction: Deduction | None = Field(None, description="problems among the texts; none: there are none")
    pretraining: Pretraining = Pretraining()

    @model_validator(mode="after")
    def _has_names_enough(self) -> World:
        people = self.test_people + self.dev_people + self.train_people + self.instruction_people + self.obscure_people
        if people + self.unknown_people > self.syllables**2 // 2:
            raise ValueError(f"syllables: {self.syllables} make too few last names for so many people; allow more")
        if self.pretraining.hidden_size % self.pretraining.heads:
            raise ValueError(
                f"pretraining.hidden_size: {self.pretraining.hidden_size} is no multiple of heads "
                f"({self.pretraining.heads}); choose one that is"
            )
        return self

    @model_validator(mode="after")
    def _each_source_has_a_use(self) -> World:
        if self.source is not None and set(self.source) != set(self.use):
            raise ValueError(
                f"use: names {sorted(self.use)}, but source has {sorted(self.source)}; say of each set whether it is "
                "taught, withheld or instruction"
            )
        return self

    def sets(self) -> list[str]:
        """Names of the question sets that the world writes."""
        if self.source is None:
            return list(SETS)
        return [name for name in self.source if self.use[name] != "instruction"] + ["tasks"]


class Worlds(Section):
    """Several worlds of one recipe: each a run of its own, with a base model and trainings of its own seed."""

    seeds: Seeds = Field(description="one a world: of its people, its base model, its samples and its trainings")
    development: int = Field(DEVELOPMENT, ge=0, description="the world in which the recipe was chosen: none of these")

    @model_validator(mode="after")
    def _leaves_the_development_world_out(self) -> Worlds:
        if self.development in self.seeds:
            raise ValueError(
                f"seeds: {self.development} is the development world, in which the recipe was chosen, so that nothing "
                f"can be claimed of it; leave it out of {list(self.seeds)}"
            )
        return self
