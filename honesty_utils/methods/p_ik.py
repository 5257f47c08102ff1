"""P(IK), "I know": a head reads from a question alone whether M_t will answer it right (arXiv 2207.05221).

Kadavath et al. train the whole model with it; here M_t stays as it is, and a linear head is trained on the hidden state
of the prompt's last token. M_t answers as ever, and what the head gives too little probability is withheld.
"""

from __future__ import annotations

from typing import Literal

import pandas as pd
from pydantic import Field, PositiveInt

from honesty_utils.common import prompts as wording
from honesty_utils.common.records import GREEDY, HEAD_ROWS
from honesty_utils.common.settings import Prompts, Section
from honesty_utils.knowledge import answered, expected_accuracy
from honesty_utils.methods.lots import lot
from honesty_utils.methods.plan import HEAD, HEADS, Method, Stage
from honesty_utils.methods.threshold import BY_HEAD


class Labels(Section):
    """How many training questions are looked at with their right answers."""

    labeled: PositiveInt | None = Field(
        None, description="so many questions, drawn by their ids, are taken to have right answers; none: all"
    )
    seed: int = Field(0, description="of that draw")


class Options(Labels):
    """Options of P(IK); the defaults are the paper's."""

    target: Literal["expected_accuracy", "greedy"] = Field(
        "expected_accuracy", description="the share of right samples, or whether the greedy answer is right"
    )


def build(labels: pd.DataFrame, prompts: Prompts, options: Options) -> pd.DataFrame:
    """One row a question of which a sample (or, with ``greedy``, the greedy answer) could be scored; refusals are 0.

    Args:
        labels: LABELS columns with ``question`` and, if any, ``choices``; with sampled responses.
        prompts: holds the plain prompt, under which M_t answers.
        options: what is learned, and of how many questions.

    Returns:
        HEAD_ROWS columns, questions in the order in which they first appear.
    """
    greedy = labels[labels["sample_index"] == GREEDY]
    outcome = dict(zip(greedy["question_id"], greedy["outcome"], strict=True))
    rows = []
    for item in answered(labels):
        if options.target == "greedy":
            said = outcome.get(item.question_id, "unscored")
            target = None if said == "unscored" else float(said == "correct")
        else:
            target = expected_accuracy(len(item.right), item.scored) if item.scored else None
        if target is not None:
            prompt = wording.render(prompts, "plain", item.question, item.choices)
            rows.append((item.question_id, prompt, None, target))
    return with_labels(pd.DataFrame(rows, columns=HEAD_ROWS.schema.names), options)


def with_labels(rows: pd.DataFrame, options: Labels) -> pd.DataFrame:
    """Rows of as many questions as have labels, in their order; which they are depends on ids and seed alone.

    A smaller number of questions is part of a larger one.
    """
    if options.labeled is None:
        return rows
    drawn = rows["question_id"].map(lambda name: lot(str(name), options.seed, 3)).rank(method="first")
    return rows[drawn <= options.labeled].reset_index(drop=True)


METHOD = Method(
    label="P(IK)",
    rule="M_t's answer, withheld where a head on its hidden state says that it will be wrong",
    options=Options,
    stages=(
        Stage(
            build,
            name="head",
            objective=HEAD,
            lacking="no sample could be scored, or it is not among those with labels",
        ),
    ),
    answer=BY_HEAD,
    color="#882255",
    search=HEADS,
)
