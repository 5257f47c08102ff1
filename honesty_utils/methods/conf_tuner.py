"""CONFTUNER: learn to state, as a digit, how sure one is of an answer, by a proper score and no label for sureness.

Li et al. (arXiv 2508.18847) let the model answer, cut off what it says of its confidence, and train the ten tokens
behind that to have a low Brier score against whether the answer was right. The loss is that of ``training.stating``;
the mean of the digits is the confidence, which says more than the likeliest of them. An answer is withheld where it is
not above one half.
"""

from __future__ import annotations

from typing import Literal

import pandas as pd
from pydantic import Field

from honesty_utils.common import prompts as wording
from honesty_utils.common.records import STATED
from honesty_utils.common.settings import Prompts, Section
from honesty_utils.knowledge import answered, expected_accuracy
from honesty_utils.knowledge.signals import digit
from honesty_utils.methods import threshold
from honesty_utils.methods.plan import TRAINED, Answer, Method, Stage


class Options(Section):
    """Options of CONFTUNER."""

    target: Literal["verdict", "expected_accuracy"] = Field(
        "verdict",
        description="what the digit should say: whether the greedy answer was right (as the paper has it), or the "
        "share of samples that are",
    )


def build(labels: pd.DataFrame, prompts: Prompts, options: Options) -> pd.DataFrame:
    """One row a question whose greedy answer was right or wrong: the question, that answer, and how sure to be.

    Args:
        labels: LABELS columns with ``question``, ``answers`` and, if any, ``choices``.
        prompts: holds the plain prompt.
        options: what the digit should say.

    Returns:
        STATED columns.
    """
    rows = []
    for item in answered(labels):
        if item.outcome not in ("correct", "wrong") or not item.said:
            continue
        target = float(item.outcome == "correct")
        if options.target == "expected_accuracy":
            if not item.scored:
                continue
            target = expected_accuracy(len(item.right), item.scored)
        prompt = wording.render(prompts, "plain", item.question, item.choices)
        rows.append((item.question_id, digit.asked(prompt, item.said), target))
    return pd.DataFrame(rows, columns=STATED.schema.names)


METHOD = Method(
    label="CONFTUNER",
    rule="its answer, withheld where the digit that it has learned to state is too low",
    options=Options,
    stages=(
        Stage(
            build,
            objective="brier",
            needs_samples=False,
            lacking="its greedy answer was a refusal or unscored, or no sample could be scored",
        ),
    ),
    answer=Answer(prompt="plain", signals=("digit",), decide=threshold.at_half("digit")),
    teaches_refusal=False,
    color="#225555",
    search=TRAINED,
)
