"""Rewards on the model's own answers: right is worth more than a refusal, and a refusal more than a wrong answer.

TRUTHRL (Wei et al., arXiv 2509.25760) gives 1, 0 and -1, so that answering pays iff a question is right more often than
not; with another price w of a wrong answer iff it is right with more than w / (1 + w). Its binary arm gives a
refusal no more than a wrong answer. With groups that never refuse there is nothing to learn a refusal from: TRUTHRL
(WARM) starts from a model that has been taught ABSOLUTE's rows first, at one half, as Say-I-Don't-Know has it.

RLCR (Damani et al., arXiv 2507.16806) and REWARDING DOUBT (Stangel et al., arXiv 2503.02623) reward what an answer
states of itself, by the Brier and the log score. Both start from CONFIDENCE-NUM's rows, or no answer would state
anything. The second trains what is stated alone, as its authors do, who freeze the answers: by the log score an error
that is stated to be one is worth as much as a right answer. What is refused has no part in it.
"""

from __future__ import annotations

import pandas as pd

from honesty_utils.common import prompts as wording
from honesty_utils.common.paths import BASE
from honesty_utils.common.records import ROLLOUTS
from honesty_utils.common.settings import Prompts, Section
from honesty_utils.knowledge import answered, expected_accuracy
from honesty_utils.methods import absolute, confidence
from honesty_utils.methods.plan import Method, Space, Stage

GRPO = "grpo"
SEARCH: Space = {
    "stages.grpo.training.learning_rate": (1e-5, 3e-5, 1e-4, 3e-4),
    "stages.grpo.training.epochs": (1, 2, 4),
}


class Options(Section):
    """Nothing but what training has: reward, group and penalty are options of the objective."""


class WarmOptions(absolute.Options):
    """Options of ABSOLUTE, whose rows come first."""

    tau: float = 0.5
    greedy_suffices: bool = False


def asked(labels: pd.DataFrame, prompts: Prompts, options: Section) -> pd.DataFrame:
    """One row a question: its prompt, and how often M_t's samples are right.

    Args:
        labels: LABELS columns with ``question``, ``answers`` and, if any, ``choices``.
        prompts: holds the honest prompt.
        options: not looked at.

    Returns:
        ROLLOUTS columns, questions in the order in which they first appear.
    """
    rows = []
    for item in answered(labels):
        prompt = wording.render(prompts, "honest", item.question, item.choices)
        known = expected_accuracy(len(item.right), item.scored) if item.scored else float("nan")
        rows.append((item.question_id, prompt, known))
    return pd.DataFrame(rows, columns=ROLLOUTS.schema.names)


def _rewarded(start: str = BASE, **given: object) -> Stage:
    return Stage(asked, GRPO, objective=GRPO, start=start, needs_samples=False, given=given)


def _warm(label: str, rule: str, color: str, **given: object) -> Method:
    """A method that is taught ABSOLUTE's rows at one half first."""
    stages = (Stage(absolute.build, name="warm"), _rewarded("warm", **given))
    rule = f"ABSOLUTE at one half, then rewarded for {rule}"
    return Method(label=label, rule=rule, options=WarmOptions, stages=stages, color=color, search=SEARCH)


def _stating(label: str, rule: str, color: str, **given: object) -> Method:
    """A method that is taught CONFIDENCE-NUM's rows first."""
    stages = (Stage(confidence.build_num, name="warm"), _rewarded("warm", **given))
    return Method(
        label=label, rule=f"CONFIDENCE-NUM, then rewarded for {rule}", options=confidence.NumOptions, stages=stages,
        form=confidence.NUM.form, color=color, search=SEARCH,
    )  # fmt: skip


METHOD = Method(
    label="TRUTHRL",
    rule="rewarded for right answers, and for refusals over wrong ones",
    options=Options,
    stages=(_rewarded(),),
    color="#0B3C5D",
    search=SEARCH,
)
WARM = _warm("TRUTHRL (WARM)", "right answers, and for refusals over wrong ones", "#328CC1")
BINARY = _warm("BINARY REWARD", "right answers alone", "#A3B5C0", reward="binary")
KNOWLEDGE = _warm("TRUTHRL (KNOWLEDGE)", "refusing what no sample of M_t has right", "#1D2731", reward="knowledge")
RLCR = _stating(
    "RLCR", "right answers that state the right confidence (Brier)", "#D9B310", reward="brier", beta=0.0, scaled=False
)
DOUBT = _stating(
    "REWARDING DOUBT", "stating the right confidence (log score)", "#B8860B", reward="log_score", beta=0.05,
    learn="stated",
)  # fmt: skip
