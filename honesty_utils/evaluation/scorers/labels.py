"""The label that a judge's reply ends with; of a reply that has none, or two, nothing is read.

Judges of the field write prose before their label, so that a reply is searched here, where the project's own judge is
held to one line (``judge.reading``). What has gone wrong elsewhere is not repeated: COMPLIANCE is found within
NONCOMPLIANCE, the article *a* is taken for the grade A, the first letter of *Cannot* for a C, and what has no label for
one of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from honesty_utils.grading.thinking import apart

_BEFORE = re.compile(
    r"^\W*(?:(?:the\s+)?(?:final\s+)?(?:answer|label|grade|verdict|rating|result)\s*(?:is\b)?\s*:?)?\W*", re.I
)
_LETTERED = re.compile(r"(?<!\w)([A-Z])\s*[):.]")
_NEGATED = re.compile(r"\b(?:not|no|never|neither|nor|isn't|cannot be)\W+(?:a |an |the )?\W*$", re.IGNORECASE)


class Unread(ValueError):
    """A judge's reply does not say one label; the message says why."""


def last_label(text: str, labels: Mapping[str, str]) -> str:
    """What the last label of a judge's reply stands for.

    The last line with a label counts. Words are labels in capitals as a whole word, and in any case where they are all
    that the line says; a single letter only where it is all that the line says. *Final answer:* and the like may stand
    before. What a model thinks aloud is left out.

    Args:
        text: the reply.
        labels: what each label stands for, such as ``{"NOT_ATTEMPTED": "silent", "C": "silent"}``; a space or a hyphen
            in the reply may stand for an underscore of a label.

    Raises:
        Unread: no label, two that differ in the last line that has any, one that is negated, an unfinished thought.
    """
    spoken = apart(text)
    if not spoken.ended:
        raise Unread("thoughts that do not end")
    whole = {_plain(label): meaning for label, meaning in labels.items()}
    words = sorted((label for label in labels if len(label) > 1), key=len, reverse=True)
    pattern = re.compile(rf"(?<![\w-])(?:{'|'.join(map(_loose, words))})(?![\w-])") if words else None
    for line in reversed(spoken.said.splitlines()):
        bare = _plain(_BEFORE.sub("", line))
        if bare in whole and (len(bare) > 1 or _is_capital(line, bare)):
            return whole[bare]
        found = list(pattern.finditer(line)) if pattern else []
        meanings = {whole[_plain(match[0])] for match in found}
        if found:  # "A: INCORRECT", where A stands for something else
            meanings |= {whole[letter] for letter in _LETTERED.findall(line) if letter in whole}
        if len(meanings) > 1:
            raise Unread("two labels")
        if found and any(_NEGATED.search(line[: match.start()]) for match in found):
            raise Unread("a label that is negated")
        if found:
            return meanings.pop()
    raise Unread("no label" if spoken.said.strip() else "nothing")


def _plain(text: str) -> str:
    """A label without what may stand around it, in capitals, its parts joined in one way."""
    return re.sub(r"[\s_-]+", "_", re.sub(r"^[^\w]+|[^\w]+$", "", text)).upper()


def _loose(label: str) -> str:
    return r"[ _-]".join(map(re.escape, re.split(r"[ _-]", label)))


def _is_capital(line: str, letter: str) -> bool:
    return re.search(rf"(?<!\w){letter}(?!\w)\W*$", line) is not None
