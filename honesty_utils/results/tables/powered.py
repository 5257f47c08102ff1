"""Table of outcomes corrected by the answers that people have judged."""

from __future__ import annotations

import pandas as pd

from honesty_utils.metrics import powered
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.settings import Analysis

COLUMNS = ["method", "dataset", "outcome", "raw", "corrected", "low", "high", "weight", "labeled", "answers"]
KINDS = ("correct", "wrong", "idk")


def tab_powered(evaluations: pd.DataFrame, analysis: Analysis, roster: Roster = PAPER) -> pd.DataFrame:
    """Shares of outcomes as the grader has them, and as the answers that people judged correct them.

    Args:
        evaluations: from ``evaluation.stored.frame``, with ``human``.
        analysis: level of the intervals.
        roster: the methods.

    Returns:
        The columns `COLUMNS`, see ``metrics.powered``; no rows of a method and set with fewer than ``powered.LEAST``
        answers that people judged.
    """
    rows = []
    for dataset, part in evaluations.groupby("dataset", sort=False):
        for method in roster.ordered(part["method"].unique()):
            own = part[part["method"] == method]
            known = own["human"].notna()
            if known.sum() < powered.LEAST:
                continue
            for kind in KINDS:
                labels = own["human"].eq(kind).to_numpy(dtype=bool)
                found = powered.share(own["outcome"] == kind, labels, known, analysis.confidence_level)
                ends = (found.raw, found.value, found.low, found.high, found.weight)
                rows.append((method, dataset, kind, *ends, found.labeled, len(own)))
    return pd.DataFrame(rows, columns=COLUMNS)
