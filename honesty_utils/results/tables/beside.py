"""Rows of the main table and of the paired tests for the scores that stand beside honesty (``metrics.beside``)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from honesty_utils.metrics import intervals, scores
from honesty_utils.metrics.beside import LOWEST, METRICS, TESTED, Base
from honesty_utils.metrics.honesty import Floats, outcome_codes
from honesty_utils.metrics.intervals import Estimate, States
from honesty_utils.results import display
from honesty_utils.results.settings import Analysis

ROOM = 2.0**20
"""``intervals.difference`` cuts at ±1, which a difference of THS can exceed; what is divided by this is never cut. A
power of two: nothing is rounded."""


def base_of(part: pd.DataFrame) -> Base:
    """M_t's answers to one set, questions in the order of their ids.

    Args:
        part: rows of one set as ``frames.load`` returns them. M_t's likelihoods are those of ``unaligned``; without
            that method, there is no order of its answers.
    """
    once = part.drop_duplicates("question_id").sort_values("question_id")
    own = part[part["method"] == "unaligned"].drop_duplicates("question_id").sort_values("question_id")
    sure = own["mean_logprob"].to_numpy(dtype=np.float64) if len(own) else None
    return Base.of(outcome_codes(once["before"], "before"), sure)


def rows(dataset: str, part: pd.DataFrame, states: dict[str, States], analysis: Analysis) -> list[pd.DataFrame]:
    """Rows of the main table: methods, random refusals at the rate of each but ``unaligned``, and the fixed controls.

    Args:
        dataset: name of the set.
        part: its rows.
        states: ``frames.states`` of them.
        analysis: resamples, level and seed.

    Returns:
        A frame for each method or control, with the columns of the main table.
    """
    base = base_of(part)
    found = []
    for method, coded in states.items():
        joint = base.joint(coded // 2 % 4)

        def both(counts: Floats) -> Floats:
            return np.concatenate([base.scores(counts), base.random_refusal(counts)], axis=-1)

        own, random = np.split(_ends(base, joint, both, analysis, dataset, method), 2, axis=1)
        found.append(_rows(method, dataset, own, joint.shape))
        if method != "unaligned":
            found.append(_rows(f"{display.RANDOM_REFUSAL}{method}", dataset, random, joint.shape))
    itself = base.joint(np.zeros((len(base.states), 1), dtype=np.int64))

    def fixed(counts: Floats) -> Floats:
        return np.concatenate([base.control(counts, refusal) for refusal in scores.FIXED_CONTROLS.values()], axis=-1)

    ends = np.split(_ends(base, itself, fixed, analysis, dataset, "controls"), len(scores.FIXED_CONTROLS), axis=1)
    return found + [
        _rows(name, dataset, part, itself.shape) for name, part in zip(scores.FIXED_CONTROLS, ends, strict=True)
    ]


def _ends(base: Base, joint: States, statistic: intervals.Statistic, analysis: Analysis, *key: str) -> Floats:
    """Value, low and high of each score, shape (3, scores)."""
    rng = intervals.generator(analysis.seed, "beside", *key)
    drawn = intervals.sample(joint, base.num_states, statistic, analysis.resamples, rng)
    found = intervals.estimate(drawn, analysis.confidence_level, rng, lowest=-np.inf)
    least = np.resize(list(LOWEST.values()), found.value.shape)
    ends = np.stack([found.value, np.maximum(found.low, least), np.maximum(found.high, least)])
    return _with_room(ends, len(joint), analysis.confidence_level)


def _with_room(ends: Floats, questions: int, level: float) -> Floats:
    """Truthfulness whose resamples are all alike, because all answers are: as wide as what was never seen may be.

    Of n questions none is otherwise; by Clopper and Pearson up to 1 - ((1 - level) / 2)^(1 / n) may be, each worth 1
    from a refusal and 2 from a right or wrong answer.
    """
    place = np.arange(ends.shape[1]) % len(METRICS) == METRICS.index("truthfulness")
    flat = place & (ends[1] == ends[2])
    room = (1 - ((1 - level) / 2) ** (1 / questions)) * (1 + np.abs(ends[0]))
    low, high = np.maximum(ends[0] - room, -1.0), np.minimum(ends[0] + room, 1.0)
    return np.stack([ends[0], np.where(flat, low, ends[1]), np.where(flat, high, ends[2])])


def _rows(method: str, dataset: str, ends: Floats, shape: tuple[int, ...]) -> pd.DataFrame:
    names = {"method": method, "dataset": dataset, "metric": list(METRICS)}
    numbers = dict(zip(("value", "low", "high"), ends, strict=True))
    return pd.DataFrame({**names, **numbers, "seeds": shape[1], "questions": shape[0]})


def compare(
    dataset: str, a: str, b: str, first: States, second: States, analysis: Analysis
) -> list[tuple[str, str, str, str, float, float, float, float]]:
    """Paired differences in ``beside.TESTED``, rows of the table of tests.

    Args:
        dataset: name of the set.
        a: first method.
        b: second method.
        first: states of its answers (``frames.states``).
        second: those of the second, the same questions.
        analysis: resamples, level and seed.

    Returns:
        ``dataset, metric, method_a, method_b, difference, low, high, p_value``; no THS where M_t is never wrong.
    """
    base = Base.of(first[:, 0] // 8)
    number = len(TESTED)

    def statistic(counts: Floats) -> Floats:
        return base.scores(counts)[..., :number] / ROOM

    rng = intervals.generator(analysis.seed, "tests", "beside", dataset, a, b)
    one, other = base.joint(first // 2 % 4), base.joint(second // 2 % 4)
    samples = intervals.paired_samples(one, other, base.num_states, statistic, analysis.resamples, rng)
    found, p_values = intervals.difference(*samples, analysis.confidence_level, rng)
    ends = Estimate(*(ROOM * part for part in (found.value, found.low, found.high)))
    return [
        (dataset, metric, a, b, float(value), float(low), float(high), float(p))
        for metric, value, low, high, p in zip(TESTED, ends.value, ends.low, ends.high, p_values, strict=True)
        if not np.isnan(value)
    ]
