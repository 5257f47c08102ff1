"""CONFIDENCE-NUM and CONFIDENCE-VERB: say how sure one is, then answer (arXiv 2312.07000, section "Methods").

Expected accuracy picks a percentage or one of five phrases; a question with no sample right is refused. The phrases are
those of ``common.settings.Prompts``; `phrases` reads a stated confidence back from a reply.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Literal

import pandas as pd
from pydantic import Field

from honesty_utils.common import prompts as wording
from honesty_utils.common.records import SFT
from honesty_utils.common.settings import Prompts, Section
from honesty_utils.grading import normalize
from honesty_utils.knowledge import Answered, answered
from honesty_utils.methods.absolute import Target, right_answer
from honesty_utils.methods.phrases import VERB_CONFIDENCE, check_phrases, state
from honesty_utils.methods.plan import TRAINED, Method, Stage


class Options(Section):
    """What both methods share; the defaults are the released code's."""

    position: Literal["before", "after"] = Field("before", description="of the confidence; the paper's is before")
    target: Target = Field("greedy_first", description="which right answer follows, as for ABSOLUTE")
    seed: int = Field(0, ge=0, description="of random_sample")


class NumOptions(Options):
    """Options of CONFIDENCE-NUM."""

    half_in_lower: bool = Field(True, description="50 % takes the wording of the lower half (code)")


class VerbOptions(Options):
    """Options of CONFIDENCE-VERB."""

    lower_first: bool = Field(True, description="lower the answer's first letter; option letters are kept")


def build_num(labels: pd.DataFrame, prompts: Prompts, options: NumOptions) -> pd.DataFrame:
    """Rows of CONFIDENCE-NUM: n of m samples right states 100 n / m percent, rounded to a whole percent (half up).

    One row a question of which a sample could be scored; no sample right is refused even if the greedy answer was.

    Args:
        labels: LABELS columns with ``question`` and, if any, ``choices``; with sampled responses.
        prompts: holds the honest prompt, the refusal sentence and the two wordings.
        options: position, target, side of 50 %.

    Returns:
        SFT columns; ``confidence`` is the percentage as a fraction, NaN for a refusal.

    Raises:
        ValueError: a wording without ``{percent}`` or ``{answer}``.
    """

    def complete(item: Answered, answer: str) -> tuple[str, float]:
        percent = max(1, (200 * len(item.right) + item.scored) // (2 * item.scored))
        lower = percent <= 50 if options.half_in_lower else percent < 50
        phrase = prompts.confidence_num[0 if lower else 1].replace("{percent}", str(percent))
        return state(phrase, answer, options.position), percent / 100

    return _build(labels, prompts, options, complete)


def build_verb(labels: pd.DataFrame, prompts: Prompts, options: VerbOptions) -> pd.DataFrame:
    """Rows of CONFIDENCE-VERB: five phrases, one each for 1-2, 3-4, 5-6, 7-8, 9-10 right samples of ten.

    With m scored samples, n right ones take phrase ceil(5 n / m). Otherwise as `build_num`.

    Args:
        labels: LABELS columns with ``question`` and, if any, ``choices``; with sampled responses.
        prompts: holds the honest prompt, the refusal sentence and the five phrases.
        options: position, target, lowering of the first letter.

    Returns:
        SFT columns; ``confidence`` is that of `VERB_CONFIDENCE`, NaN for a refusal.

    Raises:
        ValueError: a phrase without ``{answer}``, or two phrases that read the same.
    """

    def complete(item: Answered, answer: str) -> tuple[str, float]:
        level = -(-5 * len(item.right) // item.scored) - 1
        if options.lower_first and options.position == "before":
            answer = _lower_first(answer, item.choices)
        return state(prompts.confidence_verb[level], answer, options.position), VERB_CONFIDENCE[level]

    return _build(labels, prompts, options, complete)


def _build(
    labels: pd.DataFrame, prompts: Prompts, options: Options, complete: Callable[[Answered, str], tuple[str, float]]
) -> pd.DataFrame:
    check_phrases(prompts)
    rows = []
    for item in answered(labels):
        if item.scored == 0:
            continue
        prompt = wording.render(prompts, "honest", item.question, item.choices)
        answer = right_answer(item, options.target, options.seed) if item.right else None
        completion, stated = (prompts.refusal, math.nan) if answer is None else complete(item, answer)
        rows.append((item.question_id, prompt, completion, answer is None, stated))
    return pd.DataFrame(rows, columns=SFT.schema.names)


def _lower_first(answer: str, choices: tuple[str, ...] | None) -> str:
    letters = wording.LETTERS[: len(choices)] if choices else ""
    if letters and re.match(rf"[{letters}](?![\w'’])", answer):
        return answer
    return answer[0].lower() + answer[1:]


def _states(kind: str) -> Callable[[str | None, str], bool]:
    return lambda stated, answer: stated == kind and bool(normalize(answer))


NUM = Method(
    label="CONFIDENCE-NUM",
    rule="expected accuracy as a number, then a right answer; the refusal at 0",
    options=NumOptions,
    stages=(Stage(build_num),),
    form=_states("number"),
    color="#CC79A7",
    notebook="32_confidence",
    search=TRAINED,
)
VERB = Method(
    label="CONFIDENCE-VERB",
    rule="expected accuracy in words, then a right answer; the refusal at 0",
    options=VerbOptions,
    stages=(Stage(build_verb),),
    form=_states("words"),
    color="#D55E00",
    notebook="32_confidence",
    search=TRAINED,
)
