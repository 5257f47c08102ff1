"""IDK-HIR: one model for every notion of knowing, which the prompt names: a dial that is set when it answers.

Say-I-Don't-Know (Cheng et al., arXiv 2401.13275) takes the rows of its threshold τ = .1, .2, … 1 together and tells in
each prompt how bold to be: 1 for τ = .1, .9 for .2, … .1 for τ = 1, and 0 where everything is refused. An answer is one
of M_t's own right ones. At answering time the prompt names any place of the dial; it stands for τ = 1.1 - dial. The
wording is this project's own.
"""

from __future__ import annotations

import math

import pandas as pd
from pydantic import Field, field_validator

from honesty_utils.common import prompts as wording
from honesty_utils.common.prompts import fill
from honesty_utils.common.records import SFT
from honesty_utils.common.settings import Prompts, Section
from honesty_utils.knowledge import answered, expected_accuracy
from honesty_utils.methods import absolute
from honesty_utils.methods.lots import lot
from honesty_utils.methods.plan import Answer, Method, Stage

PLACES = tuple(place / 10 for place in range(11))
"""Of the dial, that are taught."""


class Options(Section):
    """Options of IDK-HIR."""

    dial: float = Field(
        0.6, ge=0, le=1, description="how bold it is told to be when it answers; 0.6 stands for tau = 0.5"
    )
    words: str = Field(
        "Boldness {dial} of 1.\n{prompt}", description="how it is told, in training and answering: {dial} and {prompt}"
    )
    places: int = Field(
        len(PLACES), ge=1, le=len(PLACES), description="of the dial that a question is taught at, drawn for each"
    )
    target: absolute.Target = Field("random_sample", description="which right answer is taught, as for ABSOLUTE")
    seed: int = Field(0, ge=0, description="of what is drawn: samples, and places of the dial")

    @field_validator("words")
    @classmethod
    def _fields(cls, value: str) -> str:
        if not all(name in value for name in ("{dial}", "{prompt}")):
            raise ValueError(f"{value!r} needs both {{dial}} and {{prompt}}")
        return value


def build(labels: pd.DataFrame, prompts: Prompts, options: Options) -> pd.DataFrame:
    """A row a question and place of the dial: a right answer where its τ is reached, else the refusal sentence.

    At place 0 everything is refused. A question of which no sample could be scored has no row.

    Args:
        labels: LABELS columns with ``question`` and, if any, ``choices``; with sampled responses.
        prompts: holds the honest prompt and the refusal sentence.
        options: wording, places, choice of the target.

    Returns:
        SFT columns, places of a question in rising order; ``confidence`` is NaN.
    """
    rows = []
    for item in answered(labels):
        if item.scored == 0:
            continue
        share = expected_accuracy(len(item.right), item.scored)
        right = absolute.right_answer(item, options.target, options.seed)
        prompt = wording.render(prompts, "honest", item.question, item.choices)
        for place in _drawn(item.question_id, options):
            # A share such as 3/10 lies a hair below 1.1 - 0.8.
            known = place > 0 and share >= 1.1 - place - 1e-9
            text = right if known and right is not None else prompts.refusal
            rows.append((item.question_id, _worded(prompt, place, options), text, text is not right, math.nan))
    return pd.DataFrame(rows, columns=SFT.schema.names)


def _drawn(question_id: str, options: Options) -> list[float]:
    """Places that a question is taught at: those of the lowest lots."""
    lots = {place: lot(question_id, options.seed, stream) for stream, place in enumerate(PLACES, start=10)}
    return sorted(sorted(PLACES, key=lots.__getitem__)[: options.places])


def _worded(prompt: str, place: float, options: Options) -> str:
    return fill(options.words, {"dial": f"{place:g}", "prompt": prompt})


def ask(prompt: str, options: Options) -> str:
    """The prompt with the place at which the dial stands."""
    return _worded(prompt, options.dial, options)


METHOD = Method(
    label="IDK-HIR",
    rule="a right answer or the refusal, by how bold the prompt says to be",
    options=Options,
    stages=(Stage(build, rows_per_question=len(PLACES)),),
    answer=Answer(words=ask, dial="dial"),
    color="#7F6000",
    search={"training.learning_rate": (5e-5, 1e-4, 2e-4, 4e-4), "training.epochs": (1, 2, 3)},
)
