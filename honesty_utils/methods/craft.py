"""CRAFT: learn to refuse where M_t is wrong, unsure, and does not come to know better by training on other questions.

Zhu et al. (arXiv 2410.06913) name two conflicts in rows that teach refusing. Questions that look alike are partly
answered and partly refused: so only the surest known and the least sure unknown ones are kept (*certainty*). And
knowledge moves while the model trains: a *rehearsal* on what it surely knows shows whose expected accuracy rises
(*flow*), and these are not refused. Of their ladder COR-RAIT goes by correctness alone, with a random draw of as many
rows, and CORCER-RAIT adds certainty; CRAFT adds flow.

Certainty is minus the semantic entropy of the samples here, where the authors take cosines of sentence embeddings, and
what is answered is M_t's own right answer, as with the other methods, where they take the gold one. Four rows answer
for each that refuses, as in their released code; their text has it the other way round. What rises is left out; what
stays is refused, as their code has it for multiple choice. For open questions it leaves out what stays, too, and with
ten samples that is every question whose expected accuracy is 0, which cannot fall.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from pydantic import Field

from honesty_utils.common import prompts as wording
from honesty_utils.common.records import SFT
from honesty_utils.common.settings import Prompts, Section
from honesty_utils.knowledge import Answered, answered, expected_accuracy
from honesty_utils.methods import absolute
from honesty_utils.methods.lots import lot
from honesty_utils.methods.plan import TRAINED, Method, Stage, known_to

SIGNAL = "semantic_entropy"
REHEARSAL = "rehearsal"


class Ladder(Section):
    """Options of all three."""

    tau: float = Field(0.5, gt=0, le=1, description="expected accuracy from which on a question is to be answered")
    share: float = Field(0.8, gt=0, lt=1, description="of the rows that answer")
    keep: float = Field(0.8, gt=0, le=1, description="share of the questions to be answered that is kept")
    seed: int = Field(0, ge=0, description="of a random draw, and of what is drawn among samples")


class Options(Ladder):
    """Options of CRAFT."""

    rehearse: float = Field(
        0.9, gt=0, le=1, description="expected accuracy from which on a question is rehearsed, if all samples agree"
    )


def correct(labels: pd.DataFrame, prompts: Prompts, options: Ladder) -> pd.DataFrame:
    """Rows of COR-RAIT: questions to answer and to refuse by expected accuracy, drawn at random.

    Args:
        labels: LABELS columns with ``question`` and, if any, ``choices``; with sampled responses.
        prompts: holds the honest prompt and the refusal sentence.
        options: threshold and numbers.

    Returns:
        SFT columns, questions in the order in which they first appear; ``confidence`` is NaN.
    """
    order = {item.question_id: lot(item.question_id, options.seed, 2) for item in answered(labels)}
    return _rows(labels, prompts, options, order, order)


def certain(labels: pd.DataFrame, prompts: Prompts, options: Ladder) -> pd.DataFrame:
    """Rows of CORCER-RAIT: the surest of those to answer and the least sure of those to refuse; see `correct`.

    Args:
        labels: also with ``semantic_entropy``, its sign turned, as the signal has it.
        prompts: as for `correct`.
        options: threshold and numbers.
    """
    sure = _certainty(labels)
    return _rows(labels, prompts, options, {key: -value for key, value in sure.items()}, sure)


def flowing(labels: pd.DataFrame, prompts: Prompts, options: Options) -> pd.DataFrame:
    """Rows of CRAFT: those of CORCER-RAIT, but nothing is refused whose expected accuracy the rehearsal has raised.

    Args:
        labels: also with the expected accuracy of the rehearsal's model; a question without one is not refused.
        prompts: as for `correct`.
        options: threshold and numbers.
    """
    sure = _certainty(labels)
    column = known_to(REHEARSAL)
    after = labels.drop_duplicates("question_id").set_index("question_id")[column].to_dict()
    return _rows(labels, prompts, options, {key: -value for key, value in sure.items()}, sure, after)


def rehearse(labels: pd.DataFrame, prompts: Prompts, options: Options) -> pd.DataFrame:
    """Rows of the rehearsal, under the plain prompt: M_t's right answers to what it surely knows.

    Args:
        labels: as for `certain`.
        prompts: holds the plain prompt.
        options: what is surely known.

    Returns:
        SFT columns; nothing is refused.
    """
    sure = _certainty(labels)
    rows = []
    for item in answered(labels):
        known = item.scored and expected_accuracy(len(item.right), item.scored) >= options.rehearse - 1e-12
        if known and sure.get(item.question_id, -1.0) > -1e-12:
            prompt = wording.render(prompts, "plain", item.question, item.choices)
            rows.append((item.question_id, prompt, _answer(item, options), False, math.nan))
    return pd.DataFrame(rows, columns=SFT.schema.names)


def _rows(
    labels: pd.DataFrame,
    prompts: Prompts,
    options: Ladder,
    answer_first: dict[str, float],
    refuse_first: dict[str, float],
    after: dict[str, float] | None = None,
) -> pd.DataFrame:
    """Rows of the questions with the lowest number first, of either kind.

    Args:
        labels: see `correct`.
        prompts: see there.
        options: see there.
        answer_first: a number a question: which of those to answer are kept.
        refuse_first: the same of those to refuse; a question without either takes no part.
        after: expected accuracy after the rehearsal; none: flow is not looked at.
    """
    items = [item for item in answered(labels) if item.scored and item.question_id in answer_first]
    before = {item.question_id: expected_accuracy(len(item.right), item.scored) for item in items}
    known = [item.question_id for item in items if before[item.question_id] >= options.tau - 1e-12]
    unknown = [item.question_id for item in items if before[item.question_id] < options.tau - 1e-12]
    if after is not None:
        unknown = [key for key in unknown if after[key] <= before[key] + 1e-12]  # NaN is not
    # Rounding .5 up keeps one question of one.
    answers = set(_first(known, answer_first, math.floor(options.keep * len(known) + 0.5)))
    wanted = math.floor(len(answers) * (1 - options.share) / options.share + 0.5)
    refusals = set(_first(unknown, refuse_first, wanted))
    if answers and not refusals:
        raise ValueError(
            f"craft: {len(answers)} questions to answer and none to refuse, of {len(items)}: there would be nothing to "
            "learn; lower tau or share, or give other training questions"
        )
    rows = []
    for item in items:
        if item.question_id in answers or item.question_id in refusals:
            target = _answer(item, options) if item.question_id in answers else prompts.refusal
            prompt = wording.render(prompts, "honest", item.question, item.choices)
            rows.append((item.question_id, prompt, target, item.question_id in refusals, math.nan))
    return pd.DataFrame(rows, columns=SFT.schema.names)


def _first(keys: Sequence[str], number: dict[str, float], count: int) -> list[str]:
    """So many questions with the lowest numbers; of equal ones in their order."""
    order = np.argsort([number[key] for key in keys], kind="stable")
    return [keys[place] for place in order[:count]]


def _certainty(labels: pd.DataFrame) -> dict[str, float]:
    told = labels.drop_duplicates("question_id").set_index("question_id")[SIGNAL].dropna()
    return {str(key): float(value) for key, value in told.items()}


def _answer(item: Answered, options: Ladder) -> str:
    found = absolute.right_answer(item, "greedy_first", options.seed)
    assert found is not None, "a question to answer has a right sample"
    return found


_LACKING = "it is not among those that are kept"
# Its ladder keeps about half of the rows, so that it goes over them twice as often.
SPACE = {
    **TRAINED,
    "training.epochs": (4, 6, 10, 16),
    "options.tau": (0.3, 0.5, 0.7),
    "options.share": (0.5, 0.65, 0.8),
}
COR = Method(
    label="COR-RAIT",
    rule="by expected accuracy, answers and refusals drawn at random, four to one",
    options=Ladder,
    stages=(Stage(correct, lacking=_LACKING),),
    color="#A6CEE3",
    search=SPACE,
)
CERTAIN = Method(
    label="CORCER-RAIT",
    rule="by expected accuracy, the surest answers and the least sure refusals, four to one",
    options=Ladder,
    stages=(Stage(certain, signals=(SIGNAL,), lacking=_LACKING),),
    color="#1F78B4",
    search=SPACE,
)
METHOD = Method(
    label="CRAFT",
    rule="CORCER-RAIT, but nothing is refused that a rehearsal on other questions makes better known",
    options=Options,
    stages=(
        Stage(rehearse, name=REHEARSAL, signals=(SIGNAL,), lacking="it is not surely known"),
        Stage(flowing, name="craft", signals=(SIGNAL,), reads=(REHEARSAL,), lacking=_LACKING),
    ),
    color="#6A3D9A",
    search=SPACE,
)
