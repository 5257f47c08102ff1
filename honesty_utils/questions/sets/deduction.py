"""Problems made by rule, each beside a twin that cannot be solved (``questions.deduction``); nothing is read.

``split`` is ``<depth>-<distractors>/<part>``, part ``train`` or ``test``, such as ``2-1/train``; several are joined by
``+``. A part has at most `PAIRS` pairs, of the test part none that the train part has, a question each for the problem
and for its twin; what can be solved has its answer, the twin is labeled ``unknown``. ``meta`` holds twin, depth,
distractors and the way to the answer.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

from honesty_utils.questions import deduction
from honesty_utils.questions.reading import Item, QuestionError
from honesty_utils.questions.settings import QuestionSet

PAIRS = {"train": 2_000, "test": 500}
DEFAULT = "2-1/test"
_SPLIT = re.compile(r"(\d+)-(\d+)/(train|test)")


def read_linear(spec: QuestionSet, data: Path | None = None) -> Iterator[Item]:
    """Equations and their twins, one after the other; the parts are drawn with other seeds."""
    return _read("linear", spec)


def read_logic(spec: QuestionSet, data: Path | None = None) -> Iterator[Item]:
    """Chains of rules and their twins, one after the other."""
    return _read("logic", spec)


def _read(kind: str, spec: QuestionSet) -> Iterator[Item]:
    for split in (spec.split or DEFAULT).split("+"):
        found = _SPLIT.fullmatch(split)
        if found is None:
            raise QuestionError(f"split: {split!r}; write depth-distractors/part, such as {DEFAULT}")
        yield from _pairs(kind, int(found[1]), int(found[2]), found[3], split)


def _pairs(kind: str, depth: int, distractors: int, part: str, split: str) -> Iterator[Item]:
    trained_on = set() if part == "train" else {text for text, *_ in _drawn(kind, depth, distractors, "train", split)}
    for text, number, both in _drawn(kind, depth, distractors, part, split):
        if text in trained_on:
            continue
        for problem in both:
            solved = problem.answer != deduction.UNKNOWN
            meta = {
                "twin": f"{kind}-{depth}-{distractors}-{part}-{number}",
                "depth": depth,
                "distractors": distractors,
                "group": "solvable" if solved else "a step is lacking",
                "way": list(problem.trajectory),
            }
            yield Item(
                f"{split}: pair {number}",
                problem.text(),
                [problem.answer] if solved else [],
                split=split,
                question_id=f"{meta['twin']}-{'whole' if solved else 'twin'}",
                has_answers=solved,
                meta=meta if solved else meta | {"label": "unknown"},
            )


def apart(kind: str, depth: int, distractors: int) -> Iterator[tuple[deduction.Problem, deduction.Problem]]:
    """Pairs without end that no part has, neither the problem nor its twin: for texts that a model grows up on.

    Raises:
        QuestionError: dials that no problem has.
    """
    split = f"{depth}-{distractors}"
    parts = (both for part in PAIRS for *_, both in _drawn(kind, depth, distractors, part, split))
    asked = {problem.text() for both in parts for problem in both}
    for number in itertools.count():
        both = deduction.pair(kind, depth, distractors, len(PAIRS), number)
        if not any(problem.text() in asked for problem in both):
            yield both


def _drawn(
    kind: str, depth: int, distractors: int, part: str, split: str
) -> Iterator[tuple[str, int, tuple[deduction.Problem, deduction.Problem]]]:
    """Text, number and problems of each pair; a problem that comes again is left out."""
    seen = set()
    for number in range(PAIRS[part]):
        try:
            both = deduction.pair(kind, depth, distractors, list(PAIRS).index(part), number)
        except deduction.DeductionError as error:
            raise QuestionError(f"split: {split!r}: {error}") from None
        text = both[0].text()
        if text not in seen:
            seen.add(text)
            yield text, number, both
