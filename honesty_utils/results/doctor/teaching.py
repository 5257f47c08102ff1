"""What a method was taught: its rows, and whether its models learned them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from honesty_utils.results.doctor import measured
from honesty_utils.results.doctor.measured import Measured
from honesty_utils.results.doctor.patient import TRAIN, Patient

LOGGED_NOISE = 0.1
"""Assumed noise of a logged training loss, of a few batches, as a share of it."""


def rows(patient: Patient, about: str) -> Measured | None:
    """Rows."""
    table = patient.rows(about)
    return measured.counted(len(table), table["question_id"].nunique())


def rows_per_question(patient: Patient, about: str) -> Measured | None:
    """Rows a question."""
    counts = patient.rows(about)["question_id"].value_counts()
    return measured.mean(counts, patient.cluster(TRAIN, counts.index.to_series()))


def refusals(patient: Patient, about: str) -> Measured | None:
    """Share of rows that teach a refusal; a head's teach none."""
    table = patient.rows(about)
    if "is_refusal" not in table:
        return None
    return measured.share(table["is_refusal"], np.ones(len(table)), patient.cluster(TRAIN, table["question_id"]))


def stated(patient: Patient, about: str) -> Measured | None:
    """Mean confidence that rows state; none where they state none."""
    table = patient.rows(about)
    if "confidence" not in table:
        return None
    return measured.mean(table["confidence"].astype("float64"), patient.cluster(TRAIN, table["question_id"]))


def epochs(patient: Patient, about: str) -> Measured | None:
    """Passes over the rows; none for a head."""
    found = [item["parameters"]["training"]["epochs"] for item in _fine_tuned(patient, about)]
    return Measured(float(np.mean(found)), 0.0, float(len(found))) if found else None


def steps(patient: Patient, about: str) -> Measured | None:
    """Steps of the optimizer."""
    found = _fine_tuned(patient, about)
    if not found:
        return None
    # Ten rows a question vary as their questions do.
    questions = min(len(patient.subset), found[0]["rows"])
    return measured.counted(float(np.mean([item["steps"] for item in found])), questions)


def left_out(patient: Patient, about: str) -> Measured | None:
    """Share of rows that were cut or left out, as longer than a row may be."""

    def share(item: dict[str, Any]) -> Measured | None:
        number = item["rows"] + len(item.get("left_out", []))
        short = len(item.get("left_out", [])) + len(item.get("cut", []))
        return Measured(short / number, np.sqrt(short * (number - short) / number) / number, number) if number else None

    return _each(patient, about, share)


def loss_before(patient: Patient, about: str) -> Measured | None:
    """Loss of M_t on a sample of the rows; none without a learning report."""
    return _each(patient, about, lambda item: _reported(item, "before", "loss"))


def loss_after(patient: Patient, about: str) -> Measured | None:
    """Loss of the trained model on a sample of its rows."""
    return _each(patient, about, lambda item: _reported(item, "after", "loss"))


def tokens_learned(patient: Patient, about: str) -> Measured | None:
    """Share of the rows' completion tokens that the trained model predicts right, each given those before it."""
    return _each(patient, about, lambda item: _reported(item, "after", "token_accuracy"))


def answered_as_trained(patient: Patient, about: str) -> Measured | None:
    """Share of rows that the trained model answers as it was taught."""
    return _each(patient, about, lambda item: _reported(item, "after", "answered_as_trained"))


def loss_logged(patient: Patient, about: str) -> Measured | None:
    """The last training loss that was logged."""

    def last(item: dict[str, Any]) -> Measured | None:
        losses = [row["loss"] for row in item["history"] if row.get("loss") is not None]
        return Measured(float(losses[-1]), LOGGED_NOISE * abs(float(losses[-1])), item["rows"]) if losses else None

    return _each(patient, about, last)


def _fine_tuned(patient: Patient, method: str) -> list[dict[str, Any]]:
    """Manifests of trained models; of a head, whose steps are a solver's, none."""
    if patient.outline.methods[method].objective == "head":
        return []
    return patient.trainings(method)


def _each(patient: Patient, method: str, measure: Callable[[dict[str, Any]], Measured | None]) -> Measured | None:
    found = [measure(item) for item in _fine_tuned(patient, method)]
    return measured.over_seeds([item for item in found if item is not None])


def _reported(item: dict[str, Any], when: str, metric: str) -> Measured | None:
    """A number of the learning report, its noise read off its 95 % interval."""
    for row in item.get("learning", []):
        if (row["when"], row["group"], row["metric"]) == (when, "all", metric):
            return Measured(row["value"], (row["high"] - row["low"]) / (2 * 1.96), row["rows"])
    return None
