"""ABSOLUTE: answer what M_t knows, refuse the rest (arXiv 2312.07000, section "Methods").

A question is known when expected accuracy reaches the threshold τ. In the released code M_t's greedy answer counts too.
"""

from __future__ import annotations

import math
import zlib
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from honesty_utils.common import prompts as wording
from honesty_utils.common.records import SFT
from honesty_utils.common.settings import Prompts, Section
from honesty_utils.knowledge import Answered, answered, expected_accuracy
from honesty_utils.methods.plan import TRAINED, Method, Stage

Target = Literal["greedy_first", "random_sample"]


class Options(Section):
    """Options of ABSOLUTE; the defaults are the released code's."""

    tau: float = Field(0.1, ge=0, le=1, description="known iff expected accuracy is at least this")
    greedy_suffices: bool = Field(
        True, description="a right greedy answer makes a question known whatever tau (code); false: tau alone (paper)"
    )
    target: Target = Field(
        "greedy_first",
        description="greedy_first: the greedy answer if right, else the first right sample (code); "
        "random_sample: any right sample (paper)",
    )
    seed: int = Field(0, ge=0, description="of random_sample")


def build(labels: pd.DataFrame, prompts: Prompts, options: Options) -> pd.DataFrame:
    """One row a question: a right answer of M_t's if it is known, else the refusal sentence.

    A question of which no sample could be scored gets a row only if ``greedy_suffices`` makes it known. A known
    question without any right answer (``tau`` 0) is refused: there is nothing else to teach.

    Args:
        labels: LABELS columns with ``question`` and, if any, ``choices``; with sampled responses.
        prompts: holds the honest prompt and the refusal sentence.
        options: threshold and choice of the target.

    Returns:
        SFT columns; ``confidence`` is NaN.
    """
    rows = []
    for item in answered(labels):
        known = is_known(item, options)
        if known is None:
            continue
        target = right_answer(item, options.target, options.seed) if known else None
        prompt = wording.render(prompts, "honest", item.question, item.choices)
        rows.append((item.question_id, prompt, target or prompts.refusal, target is None, math.nan))
    return pd.DataFrame(rows, columns=SFT.schema.names)


def is_known(item: Answered, options: Options) -> bool | None:
    """k(x) of ABSOLUTE; ``None`` when no sample could be scored and nothing else decides."""
    if options.greedy_suffices and item.greedy is not None:
        return True
    if item.scored == 0:
        return None
    # A tau that was computed, such as 3 * 0.1, lies a hair above the share 3/10 that it stands for.
    return expected_accuracy(len(item.right), item.scored) >= options.tau - 1e-12


def right_answer(item: Answered, target: Target, seed: int) -> str | None:
    """One of M_t's right answers to a question, ``None`` if it gave none.

    Args:
        item: the question and its responses.
        target: see `Options`; ``random_sample`` falls back on a right greedy answer where no sample is right.
        seed: with the question's id it decides the draw, whatever the order of the questions.
    """
    if not item.right or (target == "greedy_first" and item.greedy is not None):
        return item.greedy
    if target == "greedy_first":
        return item.right[0]
    generator = np.random.default_rng([seed, zlib.crc32(item.question_id.encode())])
    return item.right[int(generator.integers(len(item.right)))]


METHOD = Method(
    label="ABSOLUTE",
    rule="a right answer if the question counts as known, else the refusal",
    options=Options,
    stages=(Stage(build),),
    color="#0072B2",
    notebook="31_absolute",
    search=TRAINED,
)
