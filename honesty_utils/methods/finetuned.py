"""FINE-TUNED: supervised fine-tuning that never refuses, the baseline of arXiv 2312.07000 (section "Methods").

It teaches an answer to every question, so it shows what fine-tuning alone does to honesty. A question that nobody can
know may have none; it is left out.
"""

from __future__ import annotations

import math
from typing import Literal

import pandas as pd
from pydantic import Field

from honesty_utils.common import prompts as wording
from honesty_utils.common.records import SFT
from honesty_utils.common.settings import Prompts, Section
from honesty_utils.knowledge import Answered, answered
from honesty_utils.methods.plan import TRAINED, Method, Stage


class Options(Section):
    """Options of FINE-TUNED; the default is the released code's."""

    target: Literal["code", "paper"] = Field(
        "code",
        description="code: the greedy answer if right, else the first right sample, else the gold answer; "
        "paper: the gold answer wherever the greedy one is not right",
    )
    capitalize: bool = Field(True, description="the gold answer's first letter (code)")


def build(labels: pd.DataFrame, prompts: Prompts, options: Options) -> pd.DataFrame:
    """One row a question, none of them a refusal; samples are used where there are any.

    A question without a gold answer where one is needed gets no row.

    Args:
        labels: LABELS columns with ``question``, ``answers`` and, if any, ``choices``.
        prompts: holds the honest prompt.
        options: which answer is the target.

    Returns:
        SFT columns; ``confidence`` is NaN.
    """
    rows = []
    for item in answered(labels):
        target = _target(item, options)
        if target is not None:
            prompt = wording.render(prompts, "honest", item.question, item.choices)
            rows.append((item.question_id, prompt, target, False, math.nan))
    return pd.DataFrame(rows, columns=SFT.schema.names)


def _target(item: Answered, options: Options) -> str | None:
    if item.greedy is not None:
        return item.greedy
    if options.target == "code" and item.right:
        return item.right[0]
    return gold_sentence(item, options.capitalize)


def gold_sentence(item: Answered, capitalize: bool = True) -> str | None:
    """First gold answer as a sentence: first letter capital, a full stop at its end unless it ends a sentence.

    ``None`` where there is no gold answer.

    Args:
        item: the question and its gold answers.
        capitalize: false leaves the first letter as it is, for a model that writes lower case.
    """
    if not item.answers or not item.answers[0].strip():
        return None
    gold = item.answers[0].strip()
    first = gold[0].upper() if capitalize else gold[0]
    return first + gold[1:] + ("" if gold.endswith((".", "!", "?")) else ".")


METHOD = Method(
    label="FINE-TUNED",
    rule="always a right answer: its own if there is one, else the gold one",
    options=Options,
    stages=(Stage(build, needs_samples=False, lacking="no gold answer to teach"),),
    teaches_refusal=False,
    color="#56B4E9",
    notebook="30_finetuned",
    search=TRAINED,
)
