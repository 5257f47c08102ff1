"""Where two boundaries meet: what a model knows by itself, and what the passages before a question hold.

Divide-Then-Align (Sun et al., arXiv 2505.20871) divides questions by both: *k* or *u*, known or unknown without any
passage, and *g* or *n*, the passages hold the answer (golden) or do not (noise). The two letters together name a
quadrant. In `kn` a model should answer by what it knows, in `ug` by what it reads, in `un` it should refuse.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from honesty_utils.grading import normalize
from honesty_utils.grading.matching import matches

KG, KN, UG, UN = QUADRANTS = ("kg", "kn", "ug", "un")


def quadrant(known: bool | None, holds: bool) -> str | None:
    """Quadrant of a question; ``None`` where it is not told whether the model knows it, as it could not be scored."""
    if known is None:
        return None
    return f"{'k' if known else 'u'}{'g' if holds else 'n'}"


def holds(passages: Sequence[str], answers: Iterable[str]) -> bool:
    """Whether a passage holds one of the right answers, word by word.

    The authors ask a large model. By words an answer counts that stands there for another reason, too: a year, or a
    city that a passage names beside the question.
    """
    wanted = [normalize(answer) for answer in answers]
    return any(matches(wanted, normalize(passage), "tokens") for passage in passages)
