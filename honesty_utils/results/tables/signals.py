"""Table of signals: how well each tells M_t's right answers from its wrong ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from honesty_utils.common.paths import BASE
from honesty_utils.evaluation import frames
from honesty_utils.knowledge.signals import SIGNALS
from honesty_utils.methods.plan import HEAD
from honesty_utils.metrics import calibration, intervals
from honesty_utils.metrics.honesty import Floats
from honesty_utils.results.settings import Analysis

COLUMNS = ["signal", "label", "model", "dataset", "auroc", "low", "high", "right", "questions", "without"]
GOLD = "expected_accuracy"
"""Stands among the signals as what they are held against: it needs the right answers."""
OF_QUESTIONS = (HEAD, "refusal")
"""What a trained model or head says of M_t's questions; its other signals are of its own answers, which are others."""
LEVELS = 200
"""A signal of more values is cut into so many groups of equal size; within a group there is no order."""


def tab_signals(
    found: Mapping[tuple[str, str], pd.DataFrame], evaluations: pd.DataFrame, analysis: Analysis
) -> pd.DataFrame:
    """AUROC of every signal, and of expected accuracy, on every set: .5 is chance, 1 a perfect order.

    Args:
        found: SIGNALS by model and set, from ``evaluation.measured``.
        evaluations: as ``frames.load`` returns it, UNALIGNED, whose answers these are, among the methods.
        analysis: resamples, level and seed of the intervals.

    Returns:
        ``signal, label, model, dataset, auroc, low, high, right, questions, without``: ``questions`` were answered,
        right or wrong, and have a value; ``right`` is the share that is right, ``without`` counts answers without a
        value. No rows without a signal.
    """
    rows = [
        row
        for (model, dataset), table in found.items()
        for row in _of_set(model, dataset, table, evaluations, analysis)
    ]
    return pd.DataFrame(rows, columns=COLUMNS).drop_duplicates(["signal", "model", "dataset"], ignore_index=True)


def _of_set(
    model: str, dataset: str, table: pd.DataFrame, evaluations: pd.DataFrame, analysis: Analysis
) -> Iterator[tuple[object, ...]]:
    own = evaluations[(evaluations["method"] == "unaligned") & (evaluations["dataset"] == dataset)]
    answers = own[own["outcome"].isin(["correct", "wrong"])]
    values = {
        name: part.set_index("question_id")["value"]
        for name, part in table.groupby("signal", sort=False)
        if model == BASE or name in OF_QUESTIONS
    }
    for name, value in values.items():
        measured = value.reindex(answers["question_id"]).to_numpy(dtype=np.float64)
        yield _row(str(name), SIGNALS[str(name)].label, model, dataset, answers, measured, analysis)
    known = answers["expected_accuracy"].to_numpy(dtype=np.float64)
    if values and not np.isnan(known).all():
        yield _row(GOLD, "Expected accuracy (needs gold)", "base", dataset, answers, known, analysis)


def _row(
    signal: str, label: str, model: str, dataset: str, answers: pd.DataFrame, value: Floats, analysis: Analysis
) -> tuple[object, ...]:
    told = ~np.isnan(value)
    part, value = answers[told], value[told]
    right = (part["outcome"] == "correct").to_numpy()
    names = (signal, label, model, dataset)
    if not len(part):
        return (*names, np.nan, np.nan, np.nan, np.nan, 0, len(answers))
    distinct = np.unique(value)
    edges = distinct[1:] if len(distinct) <= LEVELS else np.unique(np.quantile(value, np.arange(1, LEVELS) / LEVELS))
    levels = len(edges) + 1
    states = 2 * np.searchsorted(edges, value, side="right") + right
    order = np.argsort(part["question_id"].to_numpy(dtype=str), kind="stable")

    def auroc(counts: Floats) -> Floats:
        return calibration.grouped_auroc(counts.reshape(*counts.shape[:-1], levels, 2))[..., None]

    rng = intervals.generator(analysis.seed, "signals", dataset, model, signal)
    drawn = intervals.sample(states[order][:, None], 2 * levels, auroc, analysis.resamples, rng, frames.clusters(part))
    area = intervals.estimate(drawn, analysis.confidence_level, rng)
    ends = (float(area.value[0]), float(area.low[0]), float(area.high[0]))
    return (*names, *ends, float(right.mean()), len(part), int((~told).sum()))
