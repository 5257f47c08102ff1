"""Answers that are numbers: the last number of a response against the right ones.

"He has 9 books and 46 magazines, so 460 in total." answers 460. Thousands are separated by commas or not at all, a
decimal point may follow, and a sign or a currency may stand before; ``1/2`` and words such as "five" are not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_NUMBER = re.compile(r"(?<![\w.])[-−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![\w])")
TOLERANCE = 1e-6
"""Numbers that differ by less, relative to the larger of them and 1, are the same."""


def last_number(text: str) -> float | None:
    """The last number that a text holds; none: it holds none."""
    found = _NUMBER.findall(text.replace("$", " ").replace("€", " "))
    return float(found[-1].replace(",", "").replace("−", "-")) if found else None


def same_number(response: str, answers: Iterable[str]) -> bool:
    """Whether the last number of ``response`` is that of an answer; an answer without a number never is."""
    said = last_number(response)
    wanted = [number for number in map(last_number, answers) if number is not None]
    return said is not None and any(abs(said - number) <= TOLERANCE * max(1.0, abs(number)) for number in wanted)
