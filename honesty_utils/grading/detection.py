"""How well refusals are detected: a labeled sample of responses, and precision and recall on it with intervals.

The sample, ``reference/refusals.jsonl``, was written for this project (``docs/data/refusals.md``). A record::

    {"family": "qwen", "language": "en", "part": "develop", "kind": "hedged answer", "label": "answer",
     "question": "Which king signed Magna Carta?",
     "text": "As far as I know, it was King John, who sealed rather than signed it."}

Signs are written, and models trained, on the part ``develop`` only; figures are of the part ``test``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources

import numpy as np
import pandas as pd
from scipy import stats

from honesty_utils.grading.reading import VERDICTS

COLUMNS = ("family", "language", "part", "kind", "label", "question", "text")
LABELS = VERDICTS
PARTS = ("develop", "test")

_SIDES = [f"{side}{end}" for side in ("precision", "recall") for end in ("", "_low", "_high")]

Detector = Callable[[str, str], bool]
"""From a question and a response to whether the response declines to answer: signs, or a judge."""

Reader = Callable[[str, str], str]
"""From a question and a response to one of ``LABELS``."""


@dataclass(frozen=True)
class Share:
    """A share of ``number`` texts with its Wilson interval; NaN of none."""

    value: float
    low: float
    high: float
    number: int


@dataclass(frozen=True)
class Counts:
    """What a detector makes of labeled texts.

    Attributes:
        found: refusals that it calls so.
        refusals: texts labeled refusal.
        passed: answers that it does not call refusals.
        answers: texts labeled answer.
    """

    found: int
    refusals: int
    passed: int
    answers: int


def sample(part: str | None = None) -> pd.DataFrame:
    """The labeled sample, with the columns ``COLUMNS``.

    Args:
        part: ``develop`` or ``test``; none: both.

    Raises:
        ValueError: no such part.
    """
    if part not in (None, *PARTS):
        raise ValueError(f"part: {part!r}; known: {list(PARTS)}, or none for both")
    source = resources.files("honesty_utils") / "reference" / "refusals.jsonl"
    # Texts may hold other line separators, so lines end at a line feed only.
    lines = source.read_text(encoding="utf-8").split("\n")
    texts = pd.DataFrame([json.loads(line) for line in lines if line], columns=list(COLUMNS))
    return texts if part is None else texts[texts["part"] == part].reset_index(drop=True)


def share(part: int, number: int, level: float = 0.95) -> Share:
    """``part`` of ``number`` with the Wilson score interval."""
    if number == 0:
        return Share(np.nan, np.nan, np.nan, 0)
    ends = stats.binomtest(part, number).proportion_ci(level, method="wilson")
    return Share(part / number, float(ends.low), float(ends.high), number)


def counts(detector: Detector, texts: pd.DataFrame) -> Counts:
    """How often a detector is right about refusals and about answers: its sensitivity and specificity, as counts.

    Undetermined texts are left out: a detector of two verdicts has none for them.

    Args:
        detector: any.
        texts: as :func:`sample` returns it.
    """
    found = _found(detector, texts)
    refusal, answer = ((texts["label"] == label).to_numpy() for label in ("refusal", "answer"))
    return Counts(int((found & refusal).sum()), int(refusal.sum()), int((~found & answer).sum()), int(answer.sum()))


def measure(detectors: Mapping[str, Detector], texts: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """Precision and recall of detectors, on the texts that are a refusal or an answer.

    Args:
        detectors: by name.
        texts: as :func:`sample` returns it.
        level: confidence level of the intervals.

    Returns:
        ``detector, precision, precision_low, precision_high, recall, recall_low, recall_high, detected, undetermined``;
        precision is NaN where nothing is detected. ``undetermined`` is the share of the undetermined texts that are
        called refusals, NaN where there are none.
    """
    rows = []
    neither = texts[texts["label"] == "undetermined"]
    for name, detector in detectors.items():
        own = counts(detector, texts)
        detected = own.found + own.answers - own.passed
        precision, recall = share(own.found, detected, level), share(own.found, own.refusals, level)
        called = share(int(_found(detector, neither).sum()), len(neither)).value
        rows.append((name, *_ends(precision), *_ends(recall), detected, called))
    return pd.DataFrame(rows, columns=["detector", *_SIDES, "detected", "undetermined"])


def measure_verdicts(readers: Mapping[str, Reader], texts: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """Precision and recall of every verdict, on all texts.

    Args:
        readers: by name.
        texts: as :func:`sample` returns it.
        level: confidence level of the intervals.

    Returns:
        ``reader, verdict, precision, precision_low, precision_high, recall, recall_low, recall_high, said``; ``said``
        is how often the verdict is given.
    """
    rows = []
    for name, reader in readers.items():
        pairs = zip(texts["question"], texts["text"], strict=True)
        verdicts = pd.Series([reader(question, text) for question, text in pairs], index=texts.index)
        for verdict in LABELS:
            said, meant = verdicts == verdict, texts["label"] == verdict
            right = int((said & meant).sum())
            precision, recall = share(right, int(said.sum()), level), share(right, int(meant.sum()), level)
            rows.append((name, verdict, *_ends(precision), *_ends(recall), int(said.sum())))
    return pd.DataFrame(rows, columns=["reader", "verdict", *_SIDES, "said"])


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
