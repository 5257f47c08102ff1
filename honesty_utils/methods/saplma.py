"""SAPLMA: a head reads from M_t's hidden state behind its answer whether the answer is right.

Azaria and Mitchell (arXiv 2304.13734) train a small network on states of statements, true and false ones of a set of
their own. Here the statement is M_t's greedy answer with its question, the label is how it was graded, and the head is
linear, as that of P(IK), which reads the question alone. M_t answers as ever, and what the head believes too little is
withheld. Their best layers were in the middle: `stages: {head: {objective: {layer: …}}}` names another.
"""

from __future__ import annotations

import pandas as pd

from honesty_utils.common import prompts as wording
from honesty_utils.common.records import HEAD_ROWS
from honesty_utils.common.settings import Prompts
from honesty_utils.knowledge import answered
from honesty_utils.methods.p_ik import Labels, with_labels
from honesty_utils.methods.plan import HEAD, HEADS, Method, Stage
from honesty_utils.methods.threshold import BY_HEAD


class Options(Labels):
    """Options of SAPLMA."""


def build(labels: pd.DataFrame, prompts: Prompts, options: Options) -> pd.DataFrame:
    """One row a question whose greedy answer was right or wrong: 1 or 0.

    Args:
        labels: LABELS columns with ``question`` and, if any, ``choices``; samples are not looked at.
        prompts: holds the plain prompt, under which M_t answers.
        options: of how many questions.

    Returns:
        HEAD_ROWS columns, questions in the order in which they first appear.
    """
    rows = []
    for item in answered(labels):
        if item.outcome in ("correct", "wrong") and item.said:
            prompt = wording.render(prompts, "plain", item.question, item.choices)
            rows.append((item.question_id, prompt, item.said, float(item.outcome == "correct")))
    return with_labels(pd.DataFrame(rows, columns=HEAD_ROWS.schema.names), options)


METHOD = Method(
    label="SAPLMA",
    rule="M_t's answer, withheld where a head on the state behind it does not believe it",
    options=Options,
    stages=(
        Stage(
            build,
            name="head",
            objective=HEAD,
            needs_samples=False,
            lacking="its greedy answer was a refusal or unscored, or it is not among those with labels",
        ),
    ),
    answer=BY_HEAD,
    color="#AA3377",
    search=HEADS,
)
