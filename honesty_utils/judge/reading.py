"""What a judge wrote, read strictly: one line that is one verdict, or `Unreadable`, which says why.

A reply is never searched for something that could be a verdict. A score that is printed twice, a *yes* with a *no*
beside it, a verdict within prose: each is unreadable, so that it is asked again and never taken for a verdict. Only
what a model thinks before it answers (``<think> … </think>``) may stand before the line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from honesty_utils.common.prompts import LETTERS
from honesty_utils.grading import normalize

NO_ANSWER = ""
"""The short answer of a reply that gives none."""

NO_OPTION = -1
"""The option of a reply that means none."""

LONGEST = 200
"""Characters of a short answer; what is longer was not shortened."""

_LABELS = ("answer", "score", "option", "correct", "declines", "rating", "better", "verdict")
_LABEL = re.compile(rf"(?:{'|'.join(_LABELS)})\s*:\s*", re.IGNORECASE)
_NUMBER = re.compile(r"(\d{1,3}(?:\.\d+)?|\.\d+)", re.ASCII)
_DECORATION = " \t*_`\"'“”‘’"


class Unreadable(ValueError):
    """A judge's reply is not exactly one verdict; the message says why."""


def line(text: str) -> str:
    """The one line of a reply, without thoughts before it, its label, and quotes or stars around it.

    Raises:
        Unreadable: no line, several lines, thoughts that do not end, or a second label.
    """
    said = text.rpartition("</think>")[2]
    if "<think>" in said:
        raise Unreadable("thoughts that do not end")
    lines = [part for part in map(str.strip, said.split("\n")) if part]
    if len(lines) != 1:
        raise Unreadable("several lines" if lines else "nothing")
    found = lines[0].strip(_DECORATION)
    label = _LABEL.match(found)
    value = found[label.end() :] if label else found
    if _LABEL.search(value):
        raise Unreadable("more than one verdict")
    return value.strip(_DECORATION)


def short_answer(text: str, reply: str) -> str:
    """The short answer that a judge copied out of ``reply``; `NO_ANSWER` if it says that there is none.

    Raises:
        Unreadable: too long, or not in the reply: then the judge answered by itself.
    """
    value = line(text)
    if normalize(value) in ("no answer", "none given"):
        return NO_ANSWER
    if len(value) > LONGEST:
        raise Unreadable("too long for a short answer")
    if not normalize(value) or f" {normalize(value)} " not in f" {normalize(reply)} ":
        raise Unreadable("an answer that is not in the reply")
    return value


def number(text: str, low: float, high: float) -> float:
    """A number from ``low`` to ``high``; ``/high`` may follow it.

    Raises:
        Unreadable: anything else, more than one number included.
    """
    value = re.sub(rf"\s*/\s*{high:g}(?:\.0)?\s*\.?$", "", line(text)).rstrip(".")
    if not _NUMBER.fullmatch(value):
        raise Unreadable("not one number")
    if not low <= float(value) <= high:
        raise Unreadable(f"a number outside {low:g} … {high:g}")
    return float(value)


def word(text: str, allowed: Sequence[str]) -> str:
    """One of the words ``allowed``, in any case, a full stop behind it or not.

    Raises:
        Unreadable: anything else, two of the words included.
    """
    value = line(text).rstrip(".").rstrip(_DECORATION).lower()
    if value not in allowed:
        raise Unreadable(f"none of {', '.join(allowed)}")
    return value


def option(text: str, choices: Sequence[str]) -> int:
    """Index of the option that a judge names by its letter, its text behind it or not; `NO_OPTION` for *none*.

    Raises:
        Unreadable: anything else, two letters and a letter with another option's text included.
    """
    value = line(text)
    if value.rstrip(".").lower() == "none":
        return NO_OPTION
    found = re.fullmatch(r"\(?([A-Z])(?:[).:]+\s*(.*))?", value, re.DOTALL)
    index = LETTERS.index(found[1]) if found else len(choices)
    if found is None or index >= len(choices):
        raise Unreadable(f"no letter from A to {LETTERS[len(choices) - 1]}, nor none")
    if found[2] and normalize(found[2]) != normalize(choices[index]):
        raise Unreadable("a letter and a text that is not its option's")
    return index
