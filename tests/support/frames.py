"""Small evaluation frames for the tests of tables and claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

Answers = Sequence[tuple[str, str]]
"""M_t's outcome and the model's, one pair a question; an answer counts as matched iff it is correct."""


def evaluations(
    answers: Mapping[tuple[str, int], Answers],
    dataset: str = "indist",
    confidence: Sequence[float] | None = None,
    expected_accuracy: Sequence[float] | None = None,
    exposures: Sequence[float] | None = None,
    fame: Sequence[float] | None = None,
) -> pd.DataFrame:
    """The frame of ``results.load`` for answers by method and seed; the other columns go by question."""
    parts = []
    for (method, seed), pairs in answers.items():
        size = len(pairs)
        parts.append(
            pd.DataFrame(
                {
                    "method": method,
                    "seed": seed,
                    "dataset": dataset,
                    "question_id": [f"{dataset}-{number:04d}" for number in range(size)],
                    "before": [before for before, _ in pairs],
                    "outcome": [after for _, after in pairs],
                    "matched": [after == "correct" for _, after in pairs],
                    "confidence": np.full(size, np.nan) if confidence is None else np.asarray(confidence, dtype=float),
                    "text": "…",
                    "mean_logprob": -np.arange(1, size + 1) / size,
                    "question": "…?",
                    "group": "",
                    "exposures": np.full(size, np.nan) if exposures is None else np.asarray(exposures, dtype=float),
                    "fame": np.full(size, np.nan) if fame is None else np.asarray(fame, dtype=float),
                    "expected_accuracy": np.full(size, np.nan)
                    if expected_accuracy is None
                    else np.asarray(expected_accuracy, dtype=float),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def pairs(**counts: int) -> list[tuple[str, str]]:
    """Answers from the paper's counts: ``pairs(N1=3, N7=1)`` is three correct → correct and one correct → idk."""
    moves = {
        "N1": ("correct", "correct"), "N2": ("wrong", "correct"), "N3": ("idk", "correct"),
        "N4": ("correct", "wrong"), "N5": ("wrong", "wrong"), "N6": ("idk", "wrong"),
        "N7": ("correct", "idk"), "N8": ("wrong", "idk"), "N9": ("idk", "idk"),
    }  # fmt: skip
    return [moves[name] for name, count in counts.items() for _ in range(count)]


def policy(before: Sequence[str], refuse_known: float, refuse_unknown: float, seed: int) -> list[tuple[str, str]]:
    """Answers of a model that refuses at random, by whether M_t knew; what it answers is as right as M_t was."""
    rng = np.random.default_rng(seed)
    answers = []
    for outcome, draw in zip(before, rng.random(len(before)), strict=True):
        known = outcome == "correct"
        refuses = draw < (refuse_known if known else refuse_unknown)
        answers.append((outcome, "idk" if refuses else "correct" if known else "wrong"))
    return answers
