"""R-TUNING, in the form of its paper and in that of its successors: one answer, or the samples, says what is unsure.

Zhang et al. (arXiv 2311.09677) teach every question's gold answer and, behind it, "I am sure" or "I am unsure", and
read the likelihood of the two: R-TUNING (SURE). Later papers (semantic-entropy tuning, arXiv 2410.17234; TruthRL)
compare with R-TUNING, which says nothing of sureness and refuses: a single answer decides, where ABSOLUTE looks at
samples.

R-TUNING-U looks at no gold answer: questions are ordered by the entropy of their samples, read as strings, and the half
of which M_t is less sure is refused. The first paper keeps the gold answer in the text; here it is M_t's own.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from honesty_utils.common import prompts as wording
from honesty_utils.common.records import SFT
from honesty_utils.common.settings import Prompts, Section
from honesty_utils.knowledge import answered
from honesty_utils.knowledge.signals import sure
from honesty_utils.methods import threshold
from honesty_utils.methods.finetuned import gold_sentence
from honesty_utils.methods.plan import TRAINED, Answer, Method, Stage

STRINGS = "string_entropy"


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
    rows = []
    for item in answered(labels):
        if item.outcome in (None, "unscored"):
            continue
        target = None
        if item.outcome == "correct":
            target = item.greedy if options.target == "own" else gold_sentence(item)
        prompt = wording.render(prompts, "honest", item.question, item.choices)
        rows.append((item.question_id, prompt, target or prompts.refusal, target is None, math.nan))
    return pd.DataFrame(rows, columns=SFT.schema.names)


class OptionsU(Section):
    """Options of R-TUNING-U."""

    share: float = Field(0.5, gt=0, lt=1, description="of the questions that is refused, those of highest entropy")


def build_u(labels: pd.DataFrame, prompts: Prompts, options: OptionsU) -> pd.DataFrame:
    """One row a question with samples: the greedy answer, right or not, or the refusal where samples differ most.

    Questions of equal entropy at the border are
    taken in their order. An empty greedy answer, and one that is a refusal by its outcome, is taught as the refusal.

    Args:
        labels: LABELS columns with ``question``, ``string_entropy`` (its sign turned, as the signal has it) and, if
            any, ``choices``; of verdicts only refusals are looked at.
        prompts: holds the honest prompt and the refusal sentence.
        options: how many are refused.

    Returns:
        SFT columns, questions in the order in which they first appear; ``confidence`` is NaN.
    """
    measured = labels.drop_duplicates("question_id").set_index("question_id")[STRINGS].dropna()
    items = [item for item in answered(labels) if item.question_id in measured.index]
    sure = np.array([measured[item.question_id] for item in items], dtype=np.float64)
    order = np.argsort(-sure, kind="stable")
    unsure = np.zeros(len(items), dtype=bool)
    unsure[order[len(items) - math.floor(options.share * len(items)) :]] = True
    rows = []
    for item, refuses in zip(items, unsure, strict=True):
        refused = bool(refuses) or item.refuses
        prompt = wording.render(prompts, "honest", item.question, item.choices)
        rows.append((item.question_id, prompt, prompts.refusal if refused else item.said, refused, math.nan))
    return pd.DataFrame(rows, columns=SFT.schema.names)


class OptionsSure(Section):
    """Options of R-TUNING (SURE)."""

    target: Literal["own", "gold"] = Field(
        "gold", description="the answer that is taught, right or not: the gold one (as the paper has it), or M_t's own"
    )


def build_sure(labels: pd.DataFrame, prompts: Prompts, options: OptionsSure) -> pd.DataFrame:
    """Two rows a question whose greedy answer could be scored: an answer, and whether M_t was right by itself.

    The second shows the question and the answer of the first and asks whether the model is sure (`signals.sure`). Both
    rows together are what the paper trains on: loss on the answer and on the sureness, none on what is read between
    them. A question without the answer that is to be taught has no row, nor has one that M_t refuses, which the paper,
    whose models do not refuse, would count as unsure.

    Args:
        labels: LABELS columns with ``question``, ``answers`` and, if any, ``choices``; samples are not looked at.
        prompts: holds the plain prompt.
        options: which answer is taught.

    Returns:
        SFT columns; nothing is refused, ``confidence`` is NaN.
    """
    rows = []
    for item in answered(labels):
        said = gold_sentence(item) if options.target == "gold" else item.said
        if item.outcome not in ("correct", "wrong") or not said:
            continue
        prompt = wording.render(prompts, "plain", item.question, item.choices)
        judged = sure.SURE if item.outcome == "correct" else sure.UNSURE
        rows.append((item.question_id, prompt, said, False, math.nan))
        rows.append((item.question_id, sure.asked(prompt, said), judged, False, math.nan))
    return pd.DataFrame(rows, columns=SFT.schema.names)


METHOD = Method(
    label="R-TUNING",
    rule="the greedy answer if it was right, else the refusal",
    options=Options,
    stages=(Stage(build, needs_samples=False, lacking="its greedy answer could not be scored"),),
    color="#AA7744",
    search=TRAINED,
)
U = Method(
    label="R-TUNING-U",
    rule="the greedy answer, right or not, of the half whose samples differ least, else the refusal",
    options=OptionsU,
    stages=(Stage(build_u, signals=(STRINGS,), lacking="it has no samples"),),
    color="#EE8866",
    search={**TRAINED, "options.share": (0.3, 0.4, 0.5, 0.6)},
)
SURE = Method(
    label="R-TUNING (SURE)",
    rule="its answer, withheld where it has learned to call itself unsure of it",
    options=OptionsSure,
    stages=(
        Stage(
            build_sure, needs_samples=False, rows_per_question=2, lacking="its greedy answer was a refusal or unscored"
        ),
    ),
    answer=Answer(prompt="plain", signals=("sure",), decide=threshold.at_half("sure")),
    teaches_refusal=False,
    color="#AA4466",
    search=TRAINED,
)
