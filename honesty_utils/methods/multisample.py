"""MULTISAMPLE: every sampled response is a training row (arXiv 2312.07000, section "Methods").

The share of refusals among a question's rows is what M_t gets wrong of it, so expected accuracy enters as a soft label.
"""

from __future__ import annotations

import math

import pandas as pd

from honesty_utils.common import prompts as wording
from honesty_utils.common.records import SFT
from honesty_utils.common.settings import Prompts, Section
from honesty_utils.knowledge import answered
from honesty_utils.methods.plan import TRAINED, Method, Stage


class Options(Section):
    """MULTISAMPLE has none: paper and released code agree."""


def build(labels: pd.DataFrame, prompts: Prompts, options: Options) -> pd.DataFrame:
    """One row a scored sample: the sample itself if right, the refusal sentence if wrong or itself a refusal.

    Args:
        labels: LABELS columns with ``question`` and, if any, ``choices``; with sampled responses.
        prompts: holds the honest prompt and the refusal sentence.
        options: none.

    Returns:
        SFT columns, samples of a question in their order; ``confidence`` is NaN.
    """
    rows = []
    for item in answered(labels):
        prompt = wording.render(prompts, "honest", item.question, item.choices)
        for text, outcome in item.samples:
            if outcome != "unscored":
                right = outcome == "correct"
                rows.append((item.question_id, prompt, text if right else prompts.refusal, not right, math.nan))
    return pd.DataFrame(rows, columns=SFT.schema.names)


METHOD = Method(
    label="MULTISAMPLE",
    rule="every sample is a row: kept if right, the refusal in its place if wrong",
    options=Options,
    stages=(Stage(build, rows_per_sample=True),),
    color="#009E73",
    notebook="33_multisample",
    search={**TRAINED, "training.epochs": (1, 2)},
)
