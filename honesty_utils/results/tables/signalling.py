"""Table of the signalling bandit: how true, how useful, and which of the two a speaker weighs more."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from honesty_utils import grading
from honesty_utils.metrics import intervals, signalling
from honesty_utils.metrics.intervals import Estimate, Sample
from honesty_utils.metrics.signalling import METRICS
from honesty_utils.questions import bandit
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.settings import Analysis

BEFORE = "unaligned"
CHANGE = "_change"
BETWEEN = ("helpful", "honest")
LESS = " less ".join(BETWEEN)
"""``instruction`` of rows that tell what the instruction does: the first less the second, in the same contexts."""
COLUMNS = ["method", "dataset", "instruction", "metric", "value", "low", "high", "seeds", "contexts", "unread"]
LARGEST = np.array([1.0, 3.0, 1.0, signalling.STRENGTHS[-1]])
"""Largest value of each metric: intervals are made within -1 … 1."""


def tab_signalling(
    evaluations: pd.DataFrame, asked: Mapping[str, pd.DataFrame], analysis: Analysis, roster: Roster = PAPER
) -> pd.DataFrame:
    """What each method's sentences say of it, under each instruction; what the instruction and what alignment changes.

    Args:
        evaluations: as ``frames.load`` returns it.
        asked: QUESTIONS of the sets of source ``bandit``.
        analysis: resamples, level and seed of the intervals.
        roster: the methods of the run.

    Returns:
        The columns `COLUMNS`; metrics are those of ``metrics.signalling``, means over seeds, and with ``_change`` the
        difference to M_t in the same contexts. ``relevance`` is in points. ``unread``: contexts, a mean over seeds,
        in which no one sentence was said, by a refusal or otherwise; they are in no number.
    """
    tables = []
    for dataset, questions in asked.items():
        rows = _said(evaluations[evaluations["dataset"] == dataset], questions)
        for method in roster.ordered(rows["method"].unique()):
            tables += list(_of(method, dataset, rows, analysis))
    return pd.concat(tables, ignore_index=True)[COLUMNS] if tables else pd.DataFrame(columns=COLUMNS)


def _said(answers: pd.DataFrame, questions: pd.DataFrame) -> pd.DataFrame:
    """Rows of ``method, seed, instruction, context, state``."""
    metas = [json.loads(meta) for meta in questions["meta"]]
    told = questions[["question_id"]].assign(
        instruction=[meta["group"] for meta in metas], context=[meta["context"] for meta in metas]
    )
    rows = answers.merge(told, on="question_id", validate="many_to_one")
    options = [one.text() for one in bandit.UTTERANCES]
    place = {text: at for at, text in enumerate(options)}
    said = [
        -1 if outcome == "idk" else place.get(text, grading.choose_option(text, options, "tokens") if text else None)
        for text, outcome in zip(rows["text"], rows["outcome"], strict=True)
    ]
    read = np.array([-1 if one is None else one for one in said], dtype=np.int64)
    return rows.assign(state=signalling.states(rows["context"].to_numpy(dtype=np.int64), read))


def _of(method: str, dataset: str, rows: pd.DataFrame, analysis: Analysis) -> Iterator[pd.DataFrame]:
    own, before = _wide(rows, method), _wide(rows, BEFORE)
    for instruction, states in own.items():
        key = (dataset, instruction, method)
        yield _rows(key, METRICS, _one(states.to_numpy(), key, analysis), states)
        if method != BEFORE and instruction in before:
            changed = tuple(name + CHANGE for name in METRICS)
            both = states.loc[_shared(states, before[instruction])]
            yield _rows(key, changed, _two(states, before[instruction], key, analysis), both)
    if all(name in own for name in BETWEEN) and len(_shared(*(own[name] for name in BETWEEN))):
        first, second = (own[name] for name in BETWEEN)
        key = (dataset, LESS, method)
        yield _rows(key, METRICS, _two(first, second, key, analysis), first.loc[_shared(first, second)])


def _wide(rows: pd.DataFrame, method: str) -> dict[str, pd.DataFrame]:
    """States by instruction: a row a context, a column a seed."""
    own = rows[rows["method"] == method]
    return {
        str(name): part.pivot(index="context", columns="seed", values="state").astype(np.int64)
        for name, part in own.groupby("instruction", sort=False)
    }


def _shared(first: pd.DataFrame, second: pd.DataFrame) -> pd.Index:
    """Contexts of both: a limit may have drawn others under another instruction."""
    return first.index.intersection(second.index)


def _rows(key: tuple[str, str, str], metrics: tuple[str, ...], found: Estimate, states: pd.DataFrame) -> pd.DataFrame:
    ends = {name: getattr(found, name) * LARGEST for name in ("value", "low", "high")}
    unread = float((states == signalling.UNREAD).sum().mean())
    named = dict(zip(("dataset", "instruction", "method"), key, strict=True))
    counts = {"seeds": states.shape[1], "contexts": len(states), "unread": unread}
    return pd.DataFrame({**named, "metric": metrics, **ends, **counts})


def _one(states: NDArray[np.int64], key: tuple[str, ...], analysis: Analysis) -> Estimate:
    observed, coded = np.unique(states, return_inverse=True)
    coded = coded.reshape(states.shape)
    rng = intervals.generator(analysis.seed, "signalling", *key)
    drawn = intervals.sample(coded, len(observed), _scaled(observed), analysis.resamples, rng)
    found = intervals.estimate(drawn, analysis.confidence_level, rng, lowest=-1.0)
    # The first is a share, which has Wilson's interval.
    number = intervals.counted(coded, len(observed), partial(signalling.shares, observed=observed))
    first = Sample(drawn.observed[:, :1], drawn.replicates[:, :, :1], drawn.freedom, drawn.unbiased)
    share = intervals.shares(first, number, analysis.confidence_level)
    pairs = zip((found.value, found.low, found.high), (share.value, share.low, share.high), strict=True)
    return Estimate(*(np.concatenate([one, rest[1:]]) for rest, one in pairs))


def _two(first: pd.DataFrame, second: pd.DataFrame, key: tuple[str, ...], analysis: Analysis) -> Estimate:
    shared = _shared(first, second)
    both = np.hstack([first.loc[shared].to_numpy(), second.loc[shared].to_numpy()])
    observed, coded = np.unique(both, return_inverse=True)
    coded = coded.reshape(both.shape)
    seeds = first.shape[1]
    rng = intervals.generator(analysis.seed, "signalling", "change", *key)
    drawn = intervals.paired_samples(
        coded[:, :seeds], coded[:, seeds:], len(observed), _scaled(observed), analysis.resamples, rng
    )
    return intervals.difference(*drawn, analysis.confidence_level)[0]


def _scaled(observed: NDArray[np.int64]) -> intervals.Statistic:
    return lambda counts: signalling.scores(counts, observed) / LARGEST
