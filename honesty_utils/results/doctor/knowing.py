"""What sampling and labeling tell of M_t: how its answers end, how they are graded, what it knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from honesty_utils.common.records import GREEDY
from honesty_utils.results.doctor import measured
from honesty_utils.results.doctor.measured import Measured
from honesty_utils.results.doctor.patient import TRAIN, Patient
from honesty_utils.results.settings import Analysis
from honesty_utils.results.tables.data import tab_rank

RESAMPLES = 1000
"""Of the interval of a rank correlation, from which its noise is read."""


def length_cut(patient: Patient, about: str) -> Measured | None:
    """Share of M_t's answers that were cut at the most tokens that they may have."""
    table = patient.responses(about)
    return measured.share(table["finish_reason"].eq("length"), np.ones(len(table)), table["cluster"])


def tokens(patient: Patient, about: str) -> Measured | None:
    """Tokens of M_t's answers, in the mean."""
    table = patient.responses(about)
    return measured.mean(table["num_tokens"], table["cluster"])


def unscored(patient: Patient, about: str) -> Measured | None:
    """Share of M_t's answers, greedy and sampled, that nothing could grade."""
    table = patient.labels(about)
    return measured.share(table["outcome"].eq("unscored"), np.ones(len(table)), table["cluster"])


def refused(patient: Patient, about: str) -> Measured | None:
    """Share of M_t's graded answers, greedy and sampled, that are refusals."""
    table = patient.labels(about)
    return measured.share(table["outcome"].eq("idk"), table["outcome"].ne("unscored"), table["cluster"])


def known(patient: Patient, about: str) -> Measured | None:
    """Share of questions whose greedy answer is right, of those that are graded: M_t's accuracy."""
    table = patient.knowledge(about)
    return measured.share(table["known"], table["greedy_outcome"].ne("unscored"), table["cluster"])


def none_right(patient: Patient, about: str) -> Measured | None:
    """Share of questions without a right sample."""
    return _histogram(patient, about, lambda right, total: right == 0)


def some_right(patient: Patient, about: str) -> Measured | None:
    """Share of questions with right and other samples."""
    return _histogram(patient, about, lambda right, total: (right > 0) & (right < total))


def all_right(patient: Patient, about: str) -> Measured | None:
    """Share of questions whose samples are all right."""
    return _histogram(patient, about, lambda right, total: right == total)


def lucky(patient: Patient, about: str) -> Measured | None:
    """Share with a right sample among questions whose greedy answer is wrong."""
    table = _sampled(patient, about)
    wrong = table["greedy_outcome"].eq("wrong")
    return _of_samples(patient, about, measured.share(wrong & (table["num_correct"] > 0), wrong, table["cluster"]))


def expected_accuracy(patient: Patient, about: str) -> Measured | None:
    """Mean expected accuracy."""
    table = _sampled(patient, about)
    return _of_samples(patient, about, measured.mean(table["expected_accuracy"], table["cluster"]))


def spread(patient: Patient, about: str) -> Measured | None:
    """Standard deviation of expected accuracy over questions."""
    table = _sampled(patient, about)
    return _of_samples(patient, about, measured.deviation(table["expected_accuracy"], table["cluster"]))


def rank(patient: Patient, about: str) -> Measured | None:
    """Spearman's correlation of expected accuracy with how often a fact was seen; none where that is not known."""
    facts = patient.questions(about)[["question_id", "exposures"]]
    table = _sampled(patient, about).merge(facts, on="question_id").assign(dataset=about)
    table = table.astype({"exposures": "float64", "expected_accuracy": "float64"})
    found = tab_rank(table, Analysis(resamples=RESAMPLES))
    if found.empty or pd.isna(found["spearman"].iloc[0]):
        return None
    row = found.iloc[0]
    error = (row["high"] - row["low"]) / (2 * 1.96)
    return Measured(float(row["spearman"]), float(error), float(row["questions"]), given=_samples(patient, about))


def subset_size(patient: Patient, about: str) -> Measured | None:
    """Questions that rows are made of."""
    return measured.counted(len(patient.subset), len(patient.subset))


def subset_known(patient: Patient, about: str) -> Measured | None:
    """Share of them that M_t knows: a ratio that is asked for, not drawn, so that only its rounding is noise."""
    chosen = patient.knowledge(TRAIN)
    chosen = chosen[chosen["question_id"].isin(patient.subset["question_id"])]
    return Measured(float(chosen["known"].mean()), 1 / len(chosen), float(len(chosen))) if len(chosen) else None


def _sampled(patient: Patient, about: str) -> pd.DataFrame:
    table = patient.knowledge(about)
    return table[table["num_samples"] > 0]


def _histogram(patient: Patient, about: str, kind: Callable[[Any, Any], Any]) -> Measured | None:
    table = _sampled(patient, about)
    chosen = kind(table["num_correct"], table["num_samples"])
    return _of_samples(patient, about, measured.share(chosen, np.ones(len(table)), table["cluster"]))


def _of_samples(patient: Patient, about: str, found: Measured | None) -> Measured | None:
    """The same with m beside it, without which it says nothing."""
    if found is None:
        return None
    return replace(found, given=_samples(patient, about))


def _samples(patient: Patient, about: str) -> str:
    labels = patient.labels(about)
    drawn = labels.loc[labels["sample_index"] != GREEDY, "sample_index"].nunique()
    return f"m = {drawn}"
