"""P(IK), "I know": a head reads from a question alone whether M_t will answer it right (arXiv 2207.05221).

Kadavath et al. train the whole model with it; here M_t stays as it is, and a linear head is trained on the hidden state
of the prompt's last token. M_t answers as ever, and what the head gives too little probability is withheld.
"""

from __future__ import annotations

from typing import Literal

import pandas as pd
from pydantic import Field

from honesty_utils.common import prompts as wording
from honesty_utils.common.paths import BASE
from honesty_utils.common.records import GREEDY, HEAD_ROWS
from honesty_utils.common.settings import Prompts, Section
from honesty_utils.knowledge import answered, expected_accuracy
from honesty_utils.methods.plan import HEAD, Answer, Method, Stage
from honesty_utils.methods.threshold import decide, fit_on


class Options(Section):
    """Options of P(IK); the default is the paper's."""

    target: Literal["expected_accuracy", "greedy"] = Field(
        "expected_accuracy", description="the share of right samples, or whether the greedy answer is right"
    )


def build(labels: pd.DataFrame, prompts: Prompts, options: Options) -> pd.DataFrame:
    """One row a question of which a sample (or, with ``greedy``, the greedy answer) could be scored; refusals are 0.

    Args:
        labels: LABELS columns with ``question`` and, if any, ``choices``; with sampled responses.
        prompts: holds the plain prompt, under which M_t answers.
        options: what is learned.

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
            rows.append((item.question_id, prompt, target))
    return pd.DataFrame(rows, columns=HEAD_ROWS.schema.names)


METHOD = Method(
    label="P(IK)",
    rule="M_t's answer, withheld where a head on its hidden state says that it will be wrong",
    options=Options,
    stages=(Stage(build, name="head", objective=HEAD),),
    answer=Answer(prompt="plain", speaks=BASE, signals=(HEAD,), fit=fit_on(HEAD), decide=decide),
    color="#882255",
)
