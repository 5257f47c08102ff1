"""ELICITED and ELICAL: a head learns how often M_t's samples agree with its answer, and then, of few, what is right.

EliCal (arXiv 2510.17509) trains a LoRA in these two steps; here M_t stays as it is, and the heads are those of P(IK).
ELICITED is the first step alone: no right answer is needed to train it, only for its threshold. ELICAL goes on from its
head with as many questions as have right answers, and has its threshold of the same few. P(IK) with `labeled` is the
second step alone.

Labels are few for the heads alone: which questions a run trains on goes by the greedy answers of all
(`labeling.train_known`), so that it has looked at their right answers.
"""

from __future__ import annotations

from typing import Literal

import pandas as pd
from pydantic import Field

from honesty_utils.common import prompts as wording
from honesty_utils.common.records import HEAD_ROWS
from honesty_utils.common.settings import Prompts, Section
from honesty_utils.knowledge import answered
from honesty_utils.methods import p_ik
from honesty_utils.methods.p_ik import Labels
from honesty_utils.methods.plan import HEAD, HEADS, Method, Stage
from honesty_utils.methods.threshold import BY_HEAD

SIGNAL = "self_consistency"


class Options(Section):
    """ELICITED has none."""


class FewLabels(Labels):
    """Options of ELICAL."""

    target: Literal["expected_accuracy", "greedy"] = Field(
        "expected_accuracy", description="the share of right samples, or whether the greedy answer is right"
    )


def build(labels: pd.DataFrame, prompts: Prompts, options: Section) -> pd.DataFrame:
    """One row a question of which samples were drawn: the share of them that agrees with the greedy answer.

    Args:
        labels: LABELS columns with ``question``, ``self_consistency`` and, if any, ``choices``; verdicts are not
            looked at.
        prompts: holds the plain prompt, under which M_t answers.
        options: not looked at.

    Returns:
        HEAD_ROWS columns, questions in the order in which they first appear.
    """
    measured = labels.drop_duplicates("question_id").set_index("question_id")[SIGNAL].dropna()
    rows = [
        (
            item.question_id,
            wording.render(prompts, "plain", item.question, item.choices),
            None,
            float(measured[item.question_id]),
        )
        for item in answered(labels)
        if item.question_id in measured.index
    ]
    return pd.DataFrame(rows, columns=HEAD_ROWS.schema.names)


def calibrate(labels: pd.DataFrame, prompts: Prompts, options: FewLabels) -> pd.DataFrame:
    """Rows of ELICAL's second step: those of P(IK), of the questions that have right answers.

    Args:
        labels: LABELS columns with ``question`` and, if any, ``choices``; with sampled responses.
        prompts: holds the plain prompt.
        options: what is learned, and of how many questions.

    Returns:
        HEAD_ROWS columns, questions in the order in which they first appear.
    """
    return p_ik.build(labels, prompts, p_ik.Options(**options.model_dump()))


METHOD = Method(
    label="ELICITED",
    rule="M_t's answer, withheld where a head says that its samples would not agree with it",
    options=Options,
    stages=(Stage(build, name="head", objective=HEAD, signals=(SIGNAL,), lacking="it has no samples"),),
    answer=BY_HEAD,
    color="#6699CC",
    search=HEADS,
)
CALIBRATED = Method(
    label="ELICAL",
    rule="as ELICITED, its head taught further by questions with right answers",
    options=FewLabels,
    stages=(
        Stage(build, name="elicit", objective=HEAD, signals=(SIGNAL,), lacking="it has no samples"),
        Stage(calibrate, name="head", objective=HEAD, start="elicit", lacking="it is not among those with labels"),
    ),
    answer=BY_HEAD,
    color="#4477AA",
    search={
        "stages.elicit.objective.C": (0.001, 0.01, 0.1, 1.0),
        "stages.elicit.objective.layer": (-1, -2, -3),
        "stages.head.objective.C": (0.001, 0.01, 0.1, 1.0),
    },
)
