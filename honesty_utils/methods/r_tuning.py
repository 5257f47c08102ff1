"""R-TUNING in its refusal form: what M_t's one greedy answer got right is answered, all else refused.

Zhang et al. (arXiv 2311.09677) append "I am sure" or "I am unsure" to the gold answer of every question and read the
likelihood of the two. Later papers (semantic-entropy tuning, arXiv 2410.17234; TruthRL) compare with this form instead,
which says nothing of sureness: a single answer decides, where ABSOLUTE looks at samples.
"""

from __future__ import annotations

import math
from typing import Literal

import pandas as pd
from pydantic import Field

from honesty_utils.common import prompts as wording
from honesty_utils.common.records import GREEDY, SFT
from honesty_utils.common.settings import Prompts, Section
from honesty_utils.knowledge import answered
from honesty_utils.methods.finetuned import gold_sentence
from honesty_utils.methods.plan import Method, Stage


class Options(Section):
    """Options of R-TUNING."""

    target: Literal["own", "gold"] = Field(
        "own",
        description="own: M_t's right answer (as later papers have it); gold: the gold answer (as the first had it)",
    )


def build(labels: pd.DataFrame, prompts: Prompts, options: Options) -> pd.DataFrame:
    """One row a question whose greedy answer could be scored: an answer if that was right, else the refusal sentence.

    A greedy answer that is itself a refusal is refused.

    Args:
        labels: LABELS columns with ``question``, ``answers`` and, if any, ``choices``; samples are not looked at.
        prompts: holds the honest prompt and the refusal sentence.
        options: which answer is the target.

    Returns:
        SFT columns; ``confidence`` is NaN.
    """
    greedy = labels[labels["sample_index"] == GREEDY]
    outcome = dict(zip(greedy["question_id"], greedy["outcome"], strict=True))
    rows = []
    for item in answered(labels):
        said = outcome.get(item.question_id, "unscored")
        if said == "unscored":
            continue
        target = None
        if said == "correct":
            target = item.greedy if options.target == "own" else gold_sentence(item)
        prompt = wording.render(prompts, "honest", item.question, item.choices)
        rows.append((item.question_id, prompt, target or prompts.refusal, target is None, math.nan))
    return pd.DataFrame(rows, columns=SFT.schema.names)


METHOD = Method(
    label="R-TUNING",
    rule="the greedy answer if it was right, else the refusal",
    options=Options,
    stages=(Stage(build, needs_samples=False, lacking="its greedy answer could not be scored"),),
    color="#AA7744",
)
