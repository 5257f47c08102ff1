"""SE-TUNING: refuse where M_t's samples fall apart, answer where they agree; no gold answer at all (arXiv 2410.17234).

Tjandra et al. group samples by an NLI model or a judge; here they are grouped by their own words
(``knowledge.signals.consistency``), which takes an answer in other words for another one. Their threshold was the best
of nine on validation questions, for which gold answers are needed after all; here it is an option.
"""

from __future__ import annotations

import math

import pandas as pd
from pydantic import Field

from honesty_utils.common import prompts as wording
from honesty_utils.common.records import SFT
from honesty_utils.common.settings import Prompts, Section
from honesty_utils.knowledge import answered
from honesty_utils.methods.plan import TRAINED, Method, Stage

SIGNAL = "semantic_entropy"


class Options(Section):
    """Options of SE-TUNING."""

    entropy: float = Field(
        1.0, ge=0, description="in nats: above it a question is refused; of ten samples it lies between 0 and 2.3"
    )


def build(labels: pd.DataFrame, prompts: Prompts, options: Options) -> pd.DataFrame:
    """One row a question of which samples were drawn: M_t's greedy answer, right or not, or the refusal sentence.

    Verdicts are not looked at. A greedy answer that is a refusal by its outcome is taught as the refusal sentence.

    Args:
        labels: LABELS columns with ``question``, ``semantic_entropy`` (its sign turned, as the signal has it) and, if
            any, ``choices``.
        prompts: holds the honest prompt and the refusal sentence.
        options: the threshold.

    Returns:
        SFT columns; ``confidence`` is NaN.
    """
    measured = labels.drop_duplicates("question_id").set_index("question_id")[SIGNAL].dropna()
    rows = []
    for item in answered(labels):
        if item.question_id in measured.index:
            refused = bool(-measured[item.question_id] > options.entropy + 1e-12) or item.refuses
            prompt = wording.render(prompts, "honest", item.question, item.choices)
            rows.append((item.question_id, prompt, prompts.refusal if refused else item.said, refused, math.nan))
    return pd.DataFrame(rows, columns=SFT.schema.names)


METHOD = Method(
    label="SE-TUNING",
    rule="the greedy answer where samples agree (semantic entropy), right or not, else the refusal",
    options=Options,
    stages=(Stage(build, signals=(SIGNAL,), lacking="it has no samples"),),
    color="#DD7788",
    search={**TRAINED, "options.entropy": (0.5, 1.0, 1.5, 2.0)},
)
