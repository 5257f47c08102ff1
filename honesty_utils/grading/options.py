"""Which option of a multiple-choice question a reply picks (rule of the released code of arXiv 2312.07000)."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence

from honesty_utils.grading.matching import check_list, check_match, matches
from honesty_utils.grading.normalising import normalize

# A capital that stands alone: "(A)", "A.", "A", but not within A-level, C++, U.S., A&M or D's.
_LETTER = re.compile(r"(?<![\w+#&])(?<!\w['’.-])([A-Z])(?![\w+#&]|['’-]\w|\.[A-Za-z](?!\w))")
_PROSE_AFTER = re.compile(r"[^\S\n]+(?!(?:is|and|or|because|since)\b)\w")
_NAMED_BEFORE = re.compile(r"\b(?:option|answer|choice|letter)\s+$", re.IGNORECASE)


def choose_option(response: str, choices: Sequence[str], match: str = "contains") -> int | None:
    """Index of the option that a reply to a multiple-choice question picks; ``None`` when it cannot be told.

    Exactly one option text that matches (normalised), else exactly one letter as a token of its own: ``(B)``, ``B.``,
    ``"B"``, ``B``. A capital *A* or *I* that opens running text ("A dog …") is a word, not a letter. Source: released
    code of arXiv 2312.07000, without its slip of taking the first letter found anywhere.

    Raises:
        ValueError: unknown ``match``.
        TypeError: ``choices`` is a single string.
    """
    check_list(choices)
    return choose(response, normalize(response), [normalize(choice) for choice in choices], check_match(match))


def choose(response: str, normal: str, choices: Sequence[str], match: str) -> int | None:
    """The same with ``normal``, the response, and ``choices`` normalised already."""
    named = [index for index, choice in enumerate(choices) if matches((choice,), normal, match)]
    if len(named) != 1:
        named = sorted(_letters(response, len(choices)))
    return named[0] if len(named) == 1 else None


def names_option(response: str, choices: Sequence[str], match: str = "contains") -> bool:
    """Whether a reply names any option at all, by its text or by a letter; one that does not picks none of them."""
    normal = normalize(response)
    named = any(matches((normalize(choice),), normal, check_match(match)) for choice in choices)
    return named or bool(_letters(response, len(choices)))


def _letters(text: str, count: int) -> set[int]:
    """Indices of the first ``count`` capitals that stand in ``text`` as letters of options."""
    found = set()
    for match in _LETTER.finditer(text):
        index = string.ascii_uppercase.index(match[1])
        is_word = (
            match[1] in "AI"
            and _PROSE_AFTER.match(text, match.end()) is not None
            and not _NAMED_BEFORE.search(text, 0, match.start())
        )
        if index < count and not is_word:
            found.add(index)
    return found
