"""Whether a response holds a gold answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from honesty_utils.grading.normalizing import pad

MATCHES = {"contains": "", "tokens": " ", "exact": "\n"}
"""Matchers by name, each by its frame: an alias matches where it stands, framed, in a response framed alike.

No normalized text holds a line feed or begins or ends with a space, so that ``tokens`` asks for whole words and
``exact`` for the whole response. An alias without words never matches. ``contains`` is the paper's.
"""

NUMBER = "number"
"""A further matcher, for questions whose answer is a number: the last number of a response counts; see `numbers`."""


def check_match(match: str) -> str:
    """The name of a matcher.

    Raises:
        ValueError: there is none of that name.
    """
    if match not in MATCHES and match != NUMBER:
        raise ValueError(f"match: {match!r}; known: {sorted([*MATCHES, NUMBER])}")
    return match


def matches(aliases: Iterable[str], normal: str, match: str) -> bool:
    """Whether any normalized alias matches a normalized response."""
    frame = MATCHES[match]
    framed = f"{frame}{normal}{frame}"
    return any(alias and f"{frame}{alias}{frame}" in framed for alias in aliases)


def found_in(aliases: Iterable[str], texts: Sequence[str], match: str) -> list[bool]:
    """`matches` for many responses to one question.

    Args:
        aliases: normalized.
        texts: responses in the form of `normalizing.padded`.
        match: a name in `MATCHES`.
    """
    edge = "\n" if match == "exact" else ""
    framed = [alias if match == "contains" else f"{edge}{pad(alias)}{edge}" for alias in aliases if alias]
    texts = [f"{edge}{text}{edge}" for text in texts] if edge else texts
    together = "\0".join(texts)  # most aliases are in none of the responses: one look tells
    left = list(texts)
    for alias in framed:
        if alias in together:
            left = [text for text in left if alias not in text]
    without = set(left)
    return [text not in without for text in texts]


def check_list(answers: object) -> None:
    """Refuse a lone text where a list of texts is needed: it would be taken letter by letter.

    Raises:
        TypeError: ``answers`` is a single string.
    """
    if isinstance(answers, str):
        raise TypeError(f"{answers!r}: a list of texts is needed, not one text, such as [{answers!r}]")
