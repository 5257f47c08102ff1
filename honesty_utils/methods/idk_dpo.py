"""IDK-DPO: learn to refuse, then to prefer a right answer to a refusal and a refusal to a wrong answer.

The preference stage of Say-I-Don't-Know (Cheng et al., arXiv 2401.13275), with the pair right > wrong of RLKF (Xu et
al., arXiv 2403.18349) where a known question has a wrong sample. Code for pairs was never released. Here they are made
of M_t's own answers to all training questions; the authors sample the warmed-up model on the other half of them.
"""

from __future__ import annotations

import zlib

import numpy as np
import pandas as pd
from pydantic import Field

from honesty_utils.common import prompts as wording
from honesty_utils.common.records import GREEDY, PAIRS
from honesty_utils.common.settings import Prompts, Section
from honesty_utils.knowledge import Answered, answered
from honesty_utils.methods import absolute
from honesty_utils.methods.plan import TRAINED, Method, Stage


class Options(Section):
    """Options of both stages; the defaults are those of Say-I-Don't-Know."""

    tau: float = Field(1.0, ge=0, le=1, description="known iff expected accuracy is at least this")
    target: absolute.Target = Field("random_sample", description="which right answer is taught, as for ABSOLUTE")
    right_over_wrong: bool = Field(True, description="known questions: a right answer over a wrong sample, too (RLKF)")
    seed: int = Field(0, ge=0, description="of what is drawn among samples")

    def known(self) -> absolute.Options:
        """ABSOLUTE with this threshold, where a right greedy answer makes nothing known."""
        return absolute.Options(tau=self.tau, greedy_suffices=False, target=self.target, seed=self.seed)


def warm_up(labels: pd.DataFrame, prompts: Prompts, options: Options) -> pd.DataFrame:
    """Rows of ABSOLUTE: a right answer to what is known, else the refusal sentence.

    Args:
        labels: LABELS columns with ``question`` and, if any, ``choices``; with sampled responses.
        prompts: holds the honest prompt and the refusal sentence.
        options: threshold and choice of the target.

    Returns:
        SFT columns.
    """
    return absolute.build(labels, prompts, options.known())


def pairs(labels: pd.DataFrame, prompts: Prompts, options: Options) -> pd.DataFrame:
    """Preferences: known questions right > refusal and right > wrong, unknown ones refusal > wrong.

    The wrong answer to an unknown question is M_t's greedy one or, where that is not wrong, a wrong sample; an unknown
    question without either has no pair. Neither has one of which no sample could be scored.

    Args:
        labels: LABELS columns with ``question`` and, if any, ``choices``; with sampled responses.
        prompts: holds the honest prompt and the refusal sentence.
        options: threshold, choice of the right answer, which pairs.

    Returns:
        PAIRS columns, questions in the order in which they first appear.
    """
    said = labels[(labels["sample_index"] == GREEDY) & (labels["outcome"] == "wrong")]
    greedy = dict(zip(said["question_id"], said["text"], strict=True))
    known = options.known()
    rows = []
    for item in answered(labels):
        sure = absolute.is_known(item, known)
        if sure is None:
            continue
        right = absolute.right_answer(item, known.target, known.seed) if sure else None
        wrong = _wrong_sample(item, options.seed)
        if right is not None:
            preferred = [(right, prompts.refusal, False)]
            if wrong is not None and options.right_over_wrong:
                preferred.append((right, wrong, False))
        else:
            wrong = greedy.get(item.question_id, wrong)
            preferred = [] if wrong is None else [(prompts.refusal, wrong, True)]
        prompt = wording.render(prompts, "honest", item.question, item.choices)
        rows += [(item.question_id, prompt, *one) for one in preferred]
    return pd.DataFrame(rows, columns=PAIRS.schema.names)


def _wrong_sample(item: Answered, seed: int) -> str | None:
    """One of M_t's wrong samples; the seed and the question's id decide which."""
    wrong = [text for text, outcome in item.samples if outcome == "wrong"]
    if not wrong:
        return None
    generator = np.random.default_rng([seed, zlib.crc32(item.question_id.encode()), 1])
    return wrong[int(generator.integers(len(wrong)))]


METHOD = Method(
    label="IDK-DPO",
    rule="ABSOLUTE, then prefer right answers to refusals and refusals to wrong answers",
    options=Options,
    stages=(
        Stage(warm_up, name="warm"),
        Stage(
            pairs,
            name="dpo",
            objective="dpo",
            start="warm",
            lacking="no sample could be scored, or no answer is wrong that a refusal could be preferred to",
        ),
    ),
    color="#999933",
    search={
        **TRAINED,
        "options.tau": (0.1, 0.5, 1.0),
        "stages.dpo.training.learning_rate": (3e-6, 1e-5, 3e-5, 1e-4),
        "stages.dpo.objective.beta": (0.05, 0.1, 0.3),
    },
)
