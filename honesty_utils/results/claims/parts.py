"""What a rule is made of: named parts that hold, are reversed or stay open, and the verdict that follows from them.

A rule is a conjunction of parts; each is one test, or one interval against a margin. A part *holds* where the test says
so, is *reversed* where it says the opposite as surely, and is *open* where the data leave both. Parts that are *core*
say what the finding claims; the others guard it (an effect that is there by selection alone, a step between two ends).

| parts | verdict |
|---|---|
| all hold | reproduced |
| some core part is reversed, and no core part holds | reversed |
| some part is reversed, otherwise | partly |
| none is reversed, some are open | inconclusive |

A claim about methods needs `LEAST` trainings of each method, or as many worlds: with fewer it is inconclusive, whatever
the models at hand show.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from scipy import stats

from honesty_utils.results.tables.comparisons import ALPHA, Difference

LEAST = 3
"""Trainings of a method, or worlds, that a claim about methods needs."""

POWER = 0.8
"""Of the minimum detectable effect."""


class Outcome(StrEnum):
    """What the data say of one part of a rule."""

    HOLDS = "holds"
    REVERSED = "reversed"
    OPEN = "open"


class Verdict(StrEnum):
    """What the data say of a finding."""

    REPRODUCED = "reproduced"
    REVERSED = "reversed"
    PARTLY = "partly"
    INCONCLUSIVE = "inconclusive"
    NOT_TESTABLE = "not testable"


MARKS = {Outcome.HOLDS: "✓", Outcome.REVERSED: "✗", Outcome.OPEN: "?"}
"""Behind the numbers of a part where it is printed."""


@dataclass(frozen=True)
class Score:
    """A score with its interval; a fraction, shown in percent, unless ``scale`` says otherwise."""

    value: float
    low: float
    high: float
    scale: float = 100

    def __str__(self) -> str:
        places = 1 if self.scale == 100 else 2
        numbers = (self.scale * number for number in (self.value, self.low, self.high))
        value, low, high = (f"{round(number, places) + 0.0:.{places}f}" for number in numbers)  # no "-0.0"
        return f"{value} [{low}, {high}]"


@dataclass(frozen=True)
class Part:
    """One part of a rule with what the run says of it.

    Attributes:
        topic: what is looked at; parts of one topic are printed together.
        who: what of it, such as the method; with the topic, the name of the part.
        outcome: whether it holds.
        shown: the numbers as printed.
        value: of the score or difference.
        low: lower end of its interval.
        high: upper end.
        p_value: of a test; NaN where an interval is held to a margin.
        methods: whose training it rests on.
        core: whether it says what the finding claims.
        scale: what a value is multiplied by where it is printed: 100 for fractions.
    """

    topic: str
    who: str
    outcome: Outcome
    shown: str
    value: float
    low: float
    high: float
    p_value: float = float("nan")
    methods: tuple[str, ...] = ()
    core: bool = True
    scale: float = 100

    @property
    def name(self) -> str:
        """The part in words, the same in every run."""
        return f"{self.topic}: {self.who}"

    @property
    def detectable(self) -> float:
        """Smallest effect that the test would have found in `POWER` of runs like this one, see `detectable`."""
        return detectable(self.low, self.high)


@dataclass(frozen=True)
class Judgment:
    """What a run says of one rule: its parts, and numbers that belong beside them."""

    parts: tuple[Part, ...]
    notes: str = ""

    @property
    def verdict(self) -> Verdict:
        """Of the models at hand, however often each was trained."""
        return follows((part.outcome, part.core) for part in self.parts)

    @property
    def evidence(self) -> str:
        """Numbers and marks of the parts, one topic after the other, then the notes."""
        topics: dict[str, list[str]] = {}
        for part in self.parts:
            topics.setdefault(part.topic, []).append(f"{part.who} {part.shown} {MARKS[part.outcome]}".strip())
        texts = [f"{topic}: {', '.join(items)}" for topic, items in topics.items()]
        return "; ".join([*texts, self.notes] if self.notes else texts)

    @property
    def methods(self) -> list[str]:
        """Whose training the parts rest on, each once."""
        return list(dict.fromkeys(method for part in self.parts for method in part.methods))


def follows(parts: Iterable[tuple[Outcome, bool]]) -> Verdict:
    """The verdict that follows from the parts of a rule, see the table in this module's docstring.

    Args:
        parts: of each its outcome, and whether it is core.

    Raises:
        ValueError: no parts.
    """
    pairs = list(parts)
    if not pairs:
        raise ValueError("a rule without parts has no verdict; name at least one, or raise NotTestable")
    every, core = {outcome for outcome, _ in pairs}, {outcome for outcome, is_core in pairs if is_core}
    if every == {Outcome.HOLDS}:
        return Verdict.REPRODUCED
    if Outcome.REVERSED in core and Outcome.HOLDS not in core:
        return Verdict.REVERSED
    return Verdict.PARTLY if Outcome.REVERSED in every else Verdict.INCONCLUSIVE


def detectable(low: float, high: float, level: float = 1 - ALPHA, freedom: float = float("inf")) -> float:
    """Minimum detectable effect: (t_{1-α/2} + t_{power}) standard errors, the error from the interval's width.

    Args:
        low: lower end of an interval, value ± t · error.
        high: upper end.
        level: of the interval.
        freedom: its degrees of freedom; not known, infinitely many: that overstates the effect a little.

    Returns:
        In the units of the interval; NaN where it has no width, which says nothing of its error.
    """
    if not high > low:
        return float("nan")
    quantile = stats.t.ppf((1 + level) / 2, freedom)
    return float((quantile + stats.t.ppf(POWER, freedom)) * (high - low) / (2 * quantile))


def sign_of(difference: Difference) -> int:
    """1 where it is significantly above 0, -1 where below, 0 where neither: p and interval have to say so."""
    if difference.p_value >= ALPHA or difference.low <= 0 <= difference.high:
        return 0
    return 1 if difference.low > 0 else -1


def directed(sign: int) -> Outcome:
    """The outcome of a part that claims a sign of 1."""
    return {1: Outcome.HOLDS, 0: Outcome.OPEN, -1: Outcome.REVERSED}[sign]


def within(low: float, high: float, least: float, most: float) -> Outcome:
    """Whether an interval lies between two margins (holds), beyond one of them (reversed), or across one (open)."""
    if low > least and high < most:
        return Outcome.HOLDS
    return Outcome.REVERSED if low >= most or high <= least else Outcome.OPEN


def show(difference: Difference) -> str:
    """A paired difference in percent points with interval and p-value."""
    low, high = 100 * difference.low, 100 * difference.high
    p = "p < 0.001" if difference.p_value < 0.001 else f"p = {difference.p_value:.3f}"
    return f"{100 * difference.value:+.1f} [{low:+.1f}, {high:+.1f}], {p}"
