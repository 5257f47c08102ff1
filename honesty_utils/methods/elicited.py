"""ELICITED: a head learns how often M_t's samples agree with its answer, from questions without right answers.

The first stage of EliCal (arXiv 2510.17509), which trains a LoRA with it; here M_t stays as it is, and the head is that
of P(IK). No label is needed to train it. Right answers are needed for the threshold alone, and a few would do.
"""

from __future__ import annotations

import pandas as pd

from honesty_utils.common import prompts as wording
from honesty_utils.common.paths import BASE
from honesty_utils.common.records import HEAD_ROWS
from honesty_utils.common.settings import Prompts, Section
from honesty_utils.knowledge import answered
from honesty_utils.methods.plan import HEAD, Answer, Method, Stage
from honesty_utils.methods.threshold import decide, fit_on

SIGNAL = "self_consistency"


class Options(Section):
    """ELICITED has none."""


def build(labels: pd.DataFrame, prompts: Prompts, options: Options) -> pd.DataFrame:
    """One row a question of which samples were drawn: the share of them that agrees with the greedy answer.

    Args:
        labels: LABELS columns with ``question``, ``self_consistency`` and, if any, ``choices``; verdicts are not
            looked at.
        prompts: holds the plain prompt, under which M_t answers.
        options: none.

    Returns:
        HEAD_ROWS columns, questions in the order in which they first appear.
    """
    measured = labels.drop_duplicates("question_id").set_index("question_id")[SIGNAL].dropna()
    rows = [
        (
            item.question_id,
            wording.render(prompts, "plain", item.question, item.choices),
            float(measured[item.question_id]),
        )
        for item in answered(labels)
        if item.question_id in measured.index
    ]
    return pd.DataFrame(rows, columns=HEAD_ROWS.schema.names)


METHOD = Method(
    label="ELICITED",
    rule="M_t's answer, withheld where a head says that its samples would not agree with it",
    options=Options,
    stages=(Stage(build, name="head", objective=HEAD, signals=(SIGNAL,), lacking="it has no samples"),),
    answer=Answer(prompt="plain", speaks=BASE, signals=(HEAD,), fit=fit_on(HEAD), decide=decide),
    color="#6699CC",
)
