"""Findings about passages: a claim, a rule that was written before any run, and what the run's answers say of it.

A verdict follows from the interval of a paired difference on the same questions: *holds* where it lies on the side that
the claim says, *reversed* where it lies on the other, else *inconclusive*. What is said of methods needs `TRAININGS`
trainings of each, as in `roads`; with fewer the verdict is inconclusive, and `models` says what these models show.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from honesty_utils.evaluation import frames
from honesty_utils.metrics import quadrants
from honesty_utils.metrics.honesty import Floats
from honesty_utils.metrics.intervals import Estimate
from honesty_utils.metrics.quadrants import NUM_STATES, SHARES
from honesty_utils.questions.settings import WRONG
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.settings import Analysis
from honesty_utils.results.tables.board import HOLDS, OPEN, REVERSED
from honesty_utils.results.tables.quadrants import by_method, paired, placed, states_of, tab_passages
from honesty_utils.results.tables.roads import TRAININGS

COLUMNS = [
    "number", "dataset", "claim", "verdict", "models", "methods", "part", "value", "low", "high", "p_value", "seeds",
    "rule",
]  # fmt: skip
BEFORE, BASELINE, ALIGNED = "unaligned", "absolute", "divide_then_align"
LOST = 0.1
"""Share of right answers in `ug` that may be lost where passages are said to be used as before."""


@dataclass(frozen=True)
class Claim:
    """A claim and its rule, in words."""

    number: int
    text: str
    rule: str


WRONG_VALUE = Claim(
    1,
    "A passage with a wrong value makes M_t less accurate than no passage.",
    "On questions with such passages, accuracy without passages less that with them lies above 0.",
)
DIVIDING = Claim(
    2,
    "Dividing helps: right where M_t knows or reads the answer, refused where it can do neither, more often than with "
    "ABSOLUTE's rows of the same answers.",
    "quadrant_accuracy of DIVIDE-THEN-ALIGN less that of ABSOLUTE on answers with passages lies above 0.",
)
NOISE = Claim(
    3,
    "Knowledge holds against noise, and passages are used as before.",
    f"denoise_rate of DIVIDE-THEN-ALIGN less that of M_t lies above 0, and its context_use less that of M_t above "
    f"-{100 * LOST:.0f} points.",
)


def tab_quadrants_claims(
    evaluations: pd.DataFrame,
    told: Mapping[str, pd.DataFrame],
    twins: Mapping[str, str],
    open_book: Collection[str],
    analysis: Analysis,
    roster: Roster = PAPER,
) -> pd.DataFrame:
    """The findings on every set with passages, a row a part of a rule; a claim whose methods a run lacks has none.

    Args:
        evaluations: as ``frames.load`` returns it, of the sets and of their twins.
        told: of each set what ``frames.load_quadrants`` returns.
        twins: closed-book twin of each set.
        open_book: entries whose rows are of questions with passages.
        analysis: resamples, level and seed of the intervals.
        roster: the methods of the run.
    """
    rows: list[tuple[object, ...]] = []
    for dataset, part in placed(evaluations, told):
        rows += _wrong_value(evaluations, dataset, told[dataset], twins, analysis, roster)
        own, names = dict(by_method(part, roster)), dict(_named(part, open_book, roster))
        first, second = names.get(ALIGNED), names.get(BASELINE)
        if first and second:
            parts = [("quadrant_accuracy", 0.0)]
            rows += _compared(DIVIDING, dataset, own, first, second, parts, analysis)
        if first and BEFORE in names:
            parts = [("denoise_rate", 0.0), ("context_use", -LOST)]
            rows += _compared(NOISE, dataset, own, first, BEFORE, parts, analysis)
    return pd.DataFrame(rows, columns=COLUMNS)


def _named(part: pd.DataFrame, open_book: Collection[str], roster: Roster) -> Iterator[tuple[str, str]]:
    """Methods that claims speak of, and the entry that stands for each: the first that learns from passages."""
    seen = set()
    for name, _ in by_method(part, roster):
        kind = (roster.shown[name].library if name in roster.shown else None) or name
        if (name in open_book or kind == BEFORE) and kind not in seen:
            seen.add(kind)
            yield kind, name


def _wrong_value(
    evaluations: pd.DataFrame,
    dataset: str,
    told: pd.DataFrame,
    twins: Mapping[str, str],
    analysis: Analysis,
    roster: Roster,
) -> Iterator[tuple[object, ...]]:
    own = evaluations[(evaluations["method"] == BEFORE) & evaluations["dataset"].isin([dataset, twins[dataset]])]
    changes = tab_passages(own, {dataset: told}, twins, analysis, roster)
    for row in changes[(changes["kind"] == WRONG) & (changes["metric"] == "accuracy")].to_dict("records"):
        value, low, high = -row["value"], -row["high"], -row["low"]
        said = _said(low, high, 0.0)
        yield (
            1, dataset, WRONG_VALUE.text, said, said, BEFORE, "accuracy lost", value, low, high, row["p_value"],
            row["seeds"], WRONG_VALUE.rule,
        )  # fmt: skip


def _compared(
    claim: Claim,
    dataset: str,
    own: Mapping[str, pd.DataFrame],
    first: str,
    second: str,
    parts: list[tuple[str, float]],
    analysis: Analysis,
) -> Iterator[tuple[object, ...]]:
    """A row a part: the first method less the second in a score, against a margin."""
    one, other = (states_of(own[name]) for name in (first, second))
    wanted = [[name for _, name in SHARES].index(metric) for metric, _ in parts]

    def shares(counts: Floats) -> tuple[Floats, Floats]:
        top, bottom = quadrants.shares(counts)
        return top[..., wanted], bottom[..., wanted]

    key = ("quadrants_claims", dataset, str(claim.number), first, second)
    clusters = frames.clusters(own[first])
    found, p_values = paired(one, other, NUM_STATES, shares, clusters, analysis, key)
    verdicts = [_said(found.low[place], found.high[place], margin) for place, (_, margin) in enumerate(parts)]
    models = _joint(verdicts)
    trained = [one.shape[1], *([other.shape[1]] if second != BEFORE else [])]
    verdict = models if min(trained) >= TRAININGS else OPEN
    for place, (metric, _) in enumerate(parts):
        yield (
            claim.number, dataset, claim.text, verdict, models, f"{first}, {second}", metric,
            *_ends(found, place), p_values[place], min(trained), claim.rule,
        )  # fmt: skip


def _ends(found: Estimate, place: int) -> tuple[float, float, float]:
    return float(found.value[place]), float(found.low[place]), float(found.high[place])


def _said(low: float, high: float, margin: float) -> str:
    """What an interval says of a difference that is claimed to lie above a margin; below 0 it is reversed."""
    if low > margin:
        return HOLDS
    return REVERSED if high < min(margin, 0.0) else OPEN


def _joint(verdicts: list[str]) -> str:
    """All parts hold; the first, which states the claim, or else another is reversed; or something is open."""
    if all(one == HOLDS for one in verdicts):
        return HOLDS
    return REVERSED if REVERSED in verdicts else OPEN
