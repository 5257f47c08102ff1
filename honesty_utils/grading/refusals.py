"""Whether a response declines to answer: the trained sentence, or signs that fit the manner of a model family.

A sign is a part of a text, compared in lower case and ignored where the question itself holds it. The default signs
are the paper's (`families.PAPER_SIGNS`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from honesty_utils.common.settings import DEFAULT_REFUSAL
from honesty_utils.grading.families import FAMILIES, PAPER_SIGNS
from honesty_utils.grading.languages import LANGUAGES
from honesty_utils.grading.normalizing import normalize

_SENTENCE = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])|\n+")


def refusal_signs(chosen: str | Sequence[str] | None) -> tuple[str, ...]:
    """The signs that ``labeling.refusal_signs`` stands for.

    Args:
        chosen: a list of signs, the name of a family or of a language, ``all`` for every family's (which are in
            English and Chinese), or none for the paper's.

    Raises:
        ValueError: no such family or language.
    """
    if chosen is None:
        return PAPER_SIGNS
    if not isinstance(chosen, str):
        return tuple(chosen)
    if chosen == "all":
        return tuple(dict.fromkeys(sign for signs in FAMILIES.values() for sign in signs))
    if chosen in LANGUAGES:
        return LANGUAGES[chosen].refuses
    if chosen not in FAMILIES:
        known = [*sorted(FAMILIES), *sorted(LANGUAGES), "all"]
        raise ValueError(f"refusal_signs: no family or language {chosen!r}; known: {known}; or list the signs")
    return FAMILIES[chosen]


def is_refusal(
    question: str, response: str, refusal: str = DEFAULT_REFUSAL, signs: Sequence[str] = PAPER_SIGNS
) -> bool:
    """Whether ``response`` declines to answer (idk in the paper).

    Args:
        question: a sign that the question itself holds is ignored.
        response: the model's text.
        refusal: the trained refusal sentence; its presence, after normalizing, always counts.
        signs: further substrings, compared in lower case.

    Raises:
        ValueError: a refusal sentence or sign that every response would contain.
    """
    return Refusals(refusal, signs).refuses(question, response)


def beyond_refusal(
    question: str, response: str, refusal: str = DEFAULT_REFUSAL, signs: Sequence[str] = PAPER_SIGNS
) -> str:
    """What a response says beyond its refusal: the sentences that hold neither the refusal sentence nor a sign.

    Arguments and errors as for `is_refusal`. A refusal that then guesses keeps its guess; white space is folded.
    """
    return Refusals(refusal, signs).beyond(question, response)


@dataclass(frozen=True)
class Refusals:
    """A refusal sentence and signs, checked; both are lowered or normalized once.

    Raises:
        ValueError: a refusal sentence or sign that every response would contain.
    """

    refusal: str
    signs: Sequence[str]

    def __post_init__(self) -> None:
        normal, lower = normalize(self.refusal), tuple(dict.fromkeys(sign.lower() for sign in self.signs))
        if not normal:
            raise ValueError(
                f"refusal: {self.refusal!r} has no words, so every response would hold it; give a sentence"
            )
        if not all(sign.strip() for sign in lower):
            raise ValueError(f"signs: {list(lower)!r} has a blank one, which every response holds; remove it")
        object.__setattr__(self, "refusal", normal)
        object.__setattr__(self, "signs", lower)

    def signs_in(self, text: str) -> frozenset[str]:
        """The signs that a text holds."""
        lower = text.lower()
        return frozenset(sign for sign in self.signs if sign in lower)

    def refuses(self, question: str, response: str) -> bool:
        """Whether a response declines; see `is_refusal`."""
        return self.refusal in normalize(response) or not self.signs_in(response) <= self.signs_in(question)

    def beyond(self, question: str, response: str) -> str:
        """What a response says beyond its refusal; see `beyond_refusal`."""
        if normalize(response) == self.refusal:
            return ""
        parts = [" ".join(part.split()) for part in _SENTENCE.split(response)]
        return " ".join(part for part in parts if normalize(part) and not self.refuses(question, part))


def asked(question: str, choices: Iterable[str] | None) -> str:
    """Everything that a question shows, options included: a sign in it is no sign of refusing."""
    return question if choices is None else "\n".join([question, *choices])
