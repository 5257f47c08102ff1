"""Confidence phrases: how they are put before or after an answer, and read back from a reply.

The phrases are those of ``common.settings.Prompts``: percentages (CONFIDENCE-NUM) and five wordings (CONFIDENCE-VERB).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from honesty_utils.common.settings import Prompts

VERB_CONFIDENCE = (0.15, 0.35, 0.55, 0.75, 0.95)
"""Confidence that each phrase of CONFIDENCE-VERB states: the mean of 1-2, 3-4, 5-6, 7-8 and 9-10 right of ten."""

_WRITTEN_OUT = {"i'm": r"I\s+am", "don't": r"do\s+not", "can't": r"can\s?not", "it's": r"it\s+is"}
_SPOKEN_OF = re.compile(
    r"\b(?:un)?(?:confident|confidence|certain|certainty|sure)\b|\d\s*(?:%|percent\b|per cent\b)", re.IGNORECASE
)
_SENTENCE_END = (".", "!", "?", "…", "。")
_CONNECTIVES = re.compile(r"(?:[,;:]?\s+(?:but|and|so|that|probably|perhaps|it is))*[,;:]?\s*$")

Kind = Literal["number", "words"]
"""A percentage, or one of five wordings."""


def state(phrase: str, answer: str, position: str) -> str:
    """An answer with a confidence phrase ``before`` or ``after`` it."""
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
    """Confidence read from a reply: by which kind of phrase, how much, and the answer beside it."""

    kind: Kind
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
            return Stated("words", VERB_CONFIDENCE[level], answer)
        if float(found["percent"]) <= 100:
            return Stated("number", float(found["percent"]) / 100, answer)
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
