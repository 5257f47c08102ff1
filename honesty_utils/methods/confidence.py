"""CONFIDENCE-NUM and CONFIDENCE-VERB: say how sure one is, then answer (arXiv 2312.07000, section "Methods").

Expected accuracy picks a percentage or one of five phrases; a question with no sample right is refused. The phrases are
those of ``config.Prompts``; this module also reads a stated confidence back from a model's reply.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import pandas as pd
from pydantic import Field

from honesty_utils.common import prompts as wording
from honesty_utils.common.records import SFT
from honesty_utils.common.settings import Prompts, Section
from honesty_utils.knowledge import Answered, answered
from honesty_utils.methods.absolute import Target, right_answer

VERB_CONFIDENCE = (0.15, 0.35, 0.55, 0.75, 0.95)
"""Confidence that each phrase of CONFIDENCE-VERB states: the mean of 1-2, 3-4, 5-6, 7-8 and 9-10 right of ten."""

_WRITTEN_OUT = {"i'm": r"I\s+am", "don't": r"do\s+not", "can't": r"can\s?not", "it's": r"it\s+is"}
_SPOKEN_OF = re.compile(
    r"\b(?:un)?(?:confident|confidence|certain|certainty|sure)\b|\d\s*(?:%|percent\b|per cent\b)", re.IGNORECASE
)
_SENTENCE_END = (".", "!", "?", "…", "。")
_CONNECTIVES = re.compile(r"(?:[,;:]?\s+(?:but|and|so|that|probably|perhaps|it is))*[,;:]?\s*$")


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
        return _state(phrase, answer, options.position), percent / 100

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
        return _state(prompts.confidence_verb[level], answer, options.position), VERB_CONFIDENCE[level]

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


def _state(phrase: str, answer: str, position: str) -> str:
    if position == "before":
        return phrase.replace("{answer}", answer)
    return f"{_sentence(answer)} {closing_sentence(phrase)}"


def closing_sentence(phrase: str) -> str:
    """A confidence phrase as a sentence of its own, to stand after the answer.

    ``{answer}`` goes, and with it the words that led up to it ("but", "that", "probably"): "I'm fairly confident that
    {answer}" becomes "I'm fairly confident."
    """
    before, _, after = phrase.partition("{answer}")
    return _sentence(f"{_CONNECTIVES.sub('', before)}{after}".strip())


def _sentence(text: str) -> str:
    return text if text.endswith(_SENTENCE_END) else text + "."


@dataclass(frozen=True)
class Stated:
    """Confidence read from a reply: by which method's phrase, how much, and the answer beside it."""

    builder: Literal["confidence_num", "confidence_verb"]
    confidence: float
    answer: str


def parse(text: str, prompts: Prompts) -> Stated | None:
    """Read the confidence that a reply states at its beginning, or else at its end; ``None`` if it states none.

    Case, width of white space, typographic apostrophes, contractions written out ("I am"), "percent" for % and
    asterisks of emphasis do not matter; a percentage above 100 states nothing.

    Raises:
        ValueError: phrases that cannot be told apart, or lack a field.
    """
    for pattern, level in _forms(prompts):
        found = pattern.match(text)
        if found is None:
            continue
        answer = found["answer"].strip()
        if level is not None:
            return Stated("confidence_verb", VERB_CONFIDENCE[level], answer)
        if float(found["percent"]) <= 100:
            return Stated("confidence_num", float(found["percent"]) / 100, answer)
    return None


def speaks_of_confidence(text: str) -> bool:
    """Whether a reply has a percentage or a word of certainty (sure, certain, confident), be it read or not."""
    return _SPOKEN_OF.search(text) is not None


@lru_cache(maxsize=8)
def _forms(prompts: Prompts) -> tuple[tuple[re.Pattern[str], int | None], ...]:
    """Patterns of all phrases, before an answer and after one; the longest first, as one may begin another."""
    check_phrases(prompts)
    phrases: list[tuple[str, int | None]] = [(phrase, None) for phrase in prompts.confidence_num]
    phrases += [(phrase, level) for level, phrase in enumerate(prompts.confidence_verb)]
    forms = [(*_before(phrase), level) for phrase, level in phrases]
    forms.sort(key=lambda form: -form[1])
    closing = [(*_after(phrase), level) for phrase, level in phrases]
    closing.sort(key=lambda form: -form[1])
    return tuple((re.compile(pattern, re.IGNORECASE | re.DOTALL), level) for pattern, _, level in forms + closing)


def check_phrases(prompts: Prompts) -> None:
    """Hold the confidence phrases to their form.

    Raises:
        ValueError: a phrase without its fields or without words, or two levels that read the same after an answer.
    """
    for name, needed in (("confidence_num", ("{percent}", "{answer}")), ("confidence_verb", ("{answer}",))):
        for phrase in getattr(prompts, name):
            for field in needed:
                if phrase.count(field) != 1 or not closing_sentence(phrase).strip("."):
                    raise ValueError(f"prompts.{name}: {phrase!r}; needs words and, once each, {' and '.join(needed)}")
    closing = [closing_sentence(phrase).casefold() for phrase in prompts.confidence_verb]
    for phrase, sentence in zip(prompts.confidence_verb, closing, strict=True):
        if closing.count(sentence) > 1:
            raise ValueError(f"prompts.confidence_verb: {phrase!r} says the same as another level; word them apart")


def _before(phrase: str) -> tuple[str, int]:
    lead, _, tail = phrase.partition("{answer}")
    # After white space the answer starts a new word; scripts without spaces have none.
    gap = r"(?:\s+|\s*$)" if lead != lead.rstrip() else ""
    return rf"\s*{_literal(lead.strip())}{gap}(?P<answer>.*){_literal(tail.strip())}\s*$", len(lead + tail)


def _after(phrase: str) -> tuple[str, int]:
    sentence = closing_sentence(phrase)
    return rf"(?P<answer>.*?)(?<!\w){_literal(sentence)}\s*$", len(sentence)


def _literal(text: str) -> str:
    """Pattern of a part of a phrase, which also takes ’ for ', "I am" for "I'm", "percent" for % and **emphasis**."""
    if not text:
        return ""
    words = r"\**\s+\**".join(_word(word) for word in text.split())
    number = r"(?P<percent>\d{1,3}(?:\.\d+)?)"
    words = words.replace(re.escape("{percent}%"), number + r"\s*(?:%|percent\b|per\s+cent\b)")
    return rf"\**{words.replace(re.escape('{percent}'), number)}\**"


def _word(word: str) -> str:
    if word.lower() in _WRITTEN_OUT:
        return f"(?:{re.escape(word)}|{_WRITTEN_OUT[word.lower()]})".replace("'", "['’]")
    return re.escape(word).replace("'", "['’]")
