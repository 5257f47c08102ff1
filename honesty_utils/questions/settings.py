"""Section of a question set: where its questions come from and how they are used."""

from __future__ import annotations

import json
import logging
from typing import Annotated, Literal

from pydantic import Field, PositiveInt, field_validator, model_validator

from honesty_utils.common.settings import Section

logger = logging.getLogger(__name__)

REQUESTS = "requests"
"""The source of sets of requests, which have no right answers."""
PRESSED = "pressed"
"""Key of ``meta`` that is true of a request under pressure: its ``twin`` is the same without."""
ALONE = "question"
"""Value of ``cluster`` where every question is a cluster of its own."""
TOGETHER = "all"
"""Value of ``strata`` where all clusters are of one stratum."""
EXPOSURES = "exposures"
"""Value of ``strata`` for the exposures of a question, which are a column of their own and not in ``meta``."""


CHOOSE, LIKELIHOOD = "choose", "likelihood"
"""Key and value of ``meta`` of a question whose answer is the likeliest of its options."""


def by_likelihood(meta: str | None) -> bool:
    """Whether a question is answered by the likeliest of its options, as its ``meta`` says."""
    return meta is not None and f'"{CHOOSE}"' in meta and json.loads(meta).get(CHOOSE) == LIKELIHOOD


REFUSALS, OBJECTS = "refusals", "objects"
"""Key and value of ``meta`` of a question to which an objection is a refusal, too, where a judge reads refusals."""


def objects(meta: str | None) -> bool:
    """Whether an objection to a question, such as to its premise, is read as a refusal, as its ``meta`` says."""
    return meta is not None and f'"{REFUSALS}"' in meta and json.loads(meta).get(REFUSALS) == OBJECTS


UNANSWERABLE = "unknown"
"""Value of `LABEL` of a question that nobody can answer as it is asked."""
LABEL, ANSWERABLE = "label", "answerable"
"""Key and value of ``meta`` of a question that should be answered; without answers of its own, any answer will do."""
READ_BY, JUDGE = "read_by", "judge"
"""Key and value of ``meta`` of a question whose replies only a judge can read: what is right shows in no sign."""


def answered_at_all(meta: str | None) -> bool:
    """Whether a question should be answered, as its ``meta`` says: where it has no answers, any will do."""
    return meta is not None and f'"{ANSWERABLE}"' in meta and json.loads(meta).get(LABEL) == ANSWERABLE


def unanswerable(meta: str | None) -> bool:
    """Whether nobody can answer a question as it is asked, as its ``meta`` says."""
    return meta is not None and f'"{UNANSWERABLE}"' in meta and json.loads(meta).get(LABEL) == UNANSWERABLE


WAY, DEPTH = "way", "depth"
"""Keys of ``meta`` of a problem: sentences that lead to its answer, or as far as they go; steps of the whole way."""


def way(meta: str | None) -> list[str] | None:
    """The way to a problem's answer, as its ``meta`` says; none: it says none."""
    found = json.loads(meta).get(WAY) if meta is not None and f'"{WAY}"' in meta else None
    return found if isinstance(found, list) and found and all(isinstance(step, str) for step in found) else None


def depth(meta: str | None) -> int | None:
    """Steps of the way to a problem's answer, as its ``meta`` says; none: it says none."""
    found = json.loads(meta).get(DEPTH) if meta is not None and f'"{DEPTH}"' in meta else None
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def needs_judge(meta: str | None) -> bool:
    """Whether only a judge can read the replies to a question, as its ``meta`` says."""
    return meta is not None and f'"{READ_BY}"' in meta and json.loads(meta).get(READ_BY) == JUDGE


PASSAGES, KIND = "passages", "passage_kind"
"""Keys of ``meta``: texts that are shown before a question, and what kind they are where the set was made."""
TEXTS = "texts"
"""Key of ``meta`` in a source that has texts of every kind about a question, of which a set may take passages."""
RIGHT, OTHER, WRONG = "right", "other", "wrong"
"""Kinds of passages: one tells the answer, none does, one tells another value in its place."""
NO_PASSAGES = "none"
"""Value of ``passages`` of a set whose own passages are left out."""


def passages_of(meta: str | None) -> tuple[str, ...]:
    """The texts that are shown before a question, as its ``meta`` says; none: it is asked alone."""
    return tuple(json.loads(meta).get(PASSAGES) or ()) if meta is not None and f'"{PASSAGES}"' in meta else ()


class Passages(Section):
    """Which passages a set's questions are asked with: the kind by lot, whatever a model knows."""

    right: float = Field(1 / 3, ge=0, le=1, description="share of questions of which a passage tells the answer")
    other: float = Field(1 / 3, ge=0, le=1, description="of which none does: other facts, other people or things")
    wrong: float = Field(1 / 3, ge=0, le=1, description="of which a passage tells another value")
    number: PositiveInt = Field(2, description="passages a question; all but the one that tells the value are `other`")
    seed: int = 0

    @model_validator(mode="after")
    def _shares_make_a_whole(self) -> Passages:
        if abs(self.right + self.other + self.wrong - 1) > 1e-6:
            raise ValueError(
                f"right, other, wrong: {self.right:g}, {self.other:g} and {self.wrong:g} are not 1 together; every "
                "question has passages of one of these kinds"
            )
        return self


class Design(Section):
    """What of a question set is drawn together and within what: the units of intervals and tests."""

    cluster: str = Field(
        ALONE, description="key of a question's meta; questions that share its value are drawn together"
    )
    strata: str = Field(TOGETHER, description="'exposures' or a key of meta; clusters are drawn within its values")
    fame: str | None = Field(None, description="key of meta that says how famous what is asked about is, a number")
    named: bool = Field(False, description="the params file names the cluster, so that some question has to have it")


class QuestionSet(Section):
    """One question set of a run: where its questions come from and how they are used."""

    source: str = Field(description="a name in honesty_utils.questions.SOURCES")
    path: str | None = Field(None, description="local file or folder, or hub name, in place of the source's own")
    split: str | None = Field(None, description="split of the source; none: the source's default")
    part: tuple[float, float] = Field(
        (0.0, 1.0), description="from which to which share of the set, in an order drawn with `seed`"
    )
    longest: PositiveInt | None = Field(None, description="drop questions of more characters, options included")
    limit: PositiveInt | None = Field(None, description="keep this many, drawn with `seed`; of twins both or none")
    seed: int = 0
    samples: int | None = Field(None, ge=0, description="samples a question; none: sampling.samples")
    only_known: bool = Field(False, description="keep the questions that M_t answers right (prior known)")
    match: Literal["contains", "tokens", "exact", "number"] | None = Field(
        None, description="none: the source's own, else labeling.match"
    )
    choose: Literal["letter", "likelihood"] = Field(
        "letter",
        description="how multiple choice is answered: by a reply to lettered options, or by the likeliest option as an "
        "answer to the question alone; the second needs an engine that tells likelihoods",
    )
    refusals: Literal["declines", "objects"] | None = Field(
        None,
        description="what a judge reads as a refusal (judge.refusals): declining, or objecting to the question, too; "
        "none: the source's own",
    )
    scorer: Literal["not_attempted", "stance", "solved"] | None = Field(
        None,
        description="scores that the set has besides (`tab_by_scorer`): right, wrong or silent as SimpleQA and the "
        "omniscience index count them, how often the user's opinion is repeated (`meta.wanted`), or whether problems "
        "are solved and their twins refused (`meta.label`, `meta.twin`); none: the source's",
    )
    passages: Passages | Literal["none"] | None = Field(
        None,
        description="texts before the question, made by the source: which share of them tells the answer; 'none': "
        "without those that the set's file has; none given: as the file has them",
    )
    closed: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="the set of the run that asks the same questions without passages, its closed-book twin"
    )
    repeats: Literal["keep", "drop"] | None = Field(
        None, description="a question that comes twice; none: as the set is published, dropped from TriviaQA and files"
    )
    separator: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="between the answers in one cell of a file; none: a cell is one answer or a JSON list"
    )
    cluster: Annotated[str, Field(min_length=1)] | None = Field(
        None,
        description="key of meta whose questions are resampled together, or 'question': each alone; none: the source's",
    )
    strata: Annotated[str, Field(min_length=1)] | None = Field(
        None,
        description="'exposures' or a key of meta within which clusters are resampled, or 'all'; none: the source's",
    )
    fame: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="key of meta with a number that says how famous what is asked about is; none: the source's"
    )
    allow_size_mismatch: bool = Field(False, description="take a copy of another size than the documented one")

    @field_validator("source")
    @classmethod
    def _today_s_name(cls, value: str) -> str:
        if value == "prompts":
            logger.warning("source: prompts is called %s now; write that", REQUESTS)
            return REQUESTS
        return value

    @field_validator("part")
    @classmethod
    def _part_is_a_range(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not 0 <= value[0] < value[1] <= 1:
            raise ValueError(f"{list(value)} is no range within 0 … 1; write [from, to], such as [0, 0.5]")
        return value
