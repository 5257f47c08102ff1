"""How well refusals are detected: a labeled sample of responses, and precision and recall on it with intervals.

The sample, ``reference/refusals.jsonl``, was written for this project (``docs/data/refusals.md``). A record::

    {"family": "qwen", "kind": "hedged answer", "label": "answer", "question": "Which king signed Magna Carta?",
     "text": "As far as I know, it was King John, who sealed rather than signed it."}
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources

import numpy as np
import pandas as pd
from scipy import stats

COLUMNS = ("family", "kind", "label", "question", "text")
LABELS = ("refusal", "answer")

Detector = Callable[[str, str], bool]
"""From a question and a response to whether the response declines to answer: signs, or a judge."""


@dataclass(frozen=True)
class Share:
    """A share of ``number`` texts with its Wilson interval; NaN of none."""

    value: float
    low: float
    high: float
    number: int


def sample() -> pd.DataFrame:
    """The labeled sample: ``family, kind, label, question, text``; ``label`` is ``refusal`` or ``answer``."""
    source = resources.files("honesty_utils") / "reference" / "refusals.jsonl"
    # Texts may hold other line separators, so lines end at a line feed only.
    lines = source.read_text(encoding="utf-8").split("\n")
    return pd.DataFrame([json.loads(line) for line in lines if line], columns=list(COLUMNS))


def share(part: int, number: int, level: float = 0.95) -> Share:
    """``part`` of ``number`` with the Wilson score interval."""
    if number == 0:
        return Share(np.nan, np.nan, np.nan, 0)
    ends = stats.binomtest(part, number).proportion_ci(level, method="wilson")
    return Share(part / number, float(ends.low), float(ends.high), number)


def measure(detectors: Mapping[str, Detector], texts: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """Precision and recall of detectors.

    Args:
        detectors: by name.
        texts: as :func:`sample` returns it.
        level: confidence level of the intervals.

    Returns:
        ``detector, precision, precision_low, precision_high, recall, recall_low, recall_high, detected``; precision is
        NaN where nothing is detected.
    """
    refused = (texts["label"] == "refusal").to_numpy()
    rows = []
    for name, detector in detectors.items():
        found = _found(detector, texts)
        precision = share(int((found & refused).sum()), int(found.sum()), level)
        recall = share(int((found & refused).sum()), int(refused.sum()), level)
        rows.append((name, *_ends(precision), *_ends(recall), int(found.sum())))
    sides = [f"{side}{end}" for side in ("precision", "recall") for end in ("", "_low", "_high")]
    return pd.DataFrame(rows, columns=["detector", *sides, "detected"])


def by_kind(detectors: Mapping[str, Detector], texts: pd.DataFrame) -> pd.DataFrame:
    """Share of each kind of text that a detector calls a refusal: ``label, kind, texts`` and a column a detector."""
    table = texts[["label", "kind"]].copy()
    for name, detector in detectors.items():
        table[name] = _found(detector, texts)
    groups = table.groupby(["label", "kind"], sort=False)
    shares = groups[list(detectors)].mean()
    shares.insert(0, "texts", groups.size())
    return shares.sort_index(level="label", ascending=False, sort_remaining=False, kind="stable").reset_index()


def _found(detector: Detector, texts: pd.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    pairs = zip(texts["question"], texts["text"], strict=True)
    return np.array([detector(question, text) for question, text in pairs], dtype=bool)


def _ends(found: Share) -> tuple[float, float, float]:
    return found.value, found.low, found.high
