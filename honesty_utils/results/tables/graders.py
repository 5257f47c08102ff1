"""Table of several graders on the same answers: what each says, whether methods change places, how far they agree."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from honesty_utils.common.records import OUTCOMES
from honesty_utils.metrics import intervals
from honesty_utils.metrics.agreement import agreement
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.settings import Analysis

COLUMNS = ["grader", "digest", "dataset", "method", *OUTCOMES, "rank", "kappa", "low", "high", "changed"]


def tab_graders(
    graded: Mapping[str, tuple[str, pd.DataFrame]], analysis: Analysis, roster: Roster = PAPER
) -> pd.DataFrame:
    """Shares of outcomes under every grader, the rank of each method by right less wrong, and agreement with the first.

    Args:
        graded: digest and frame of each grader, from ``evaluation.stored.by_grader``; the first is compared with.
        analysis: resamples, level and seed of the intervals.
        roster: the methods.

    Returns:
        The columns `COLUMNS`: ``rank`` is 1 for the most right less wrong of a set, equal ones share the better rank;
        ``kappa`` (Cohen's, with ``low`` and ``high``) and ``changed``, the share of outcomes that differ, are over all
        answers of the method to the set. Intervals of kappa take answers as independent.
    """
    _, first = next(iter(graded.values()))
    keys = ["dataset", "method", "seed", "question_id"]
    base = first.set_index(keys)["outcome"]
    rows = []
    for grader, (digest, table) in graded.items():
        own = table.set_index(keys)["outcome"].reindex(base.index)
        for dataset, part in table.groupby("dataset", sort=False):
            shares = part.groupby("method")["outcome"].value_counts(normalize=True).unstack().reindex(columns=OUTCOMES)
            shares = shares.fillna(0.0)
            rank = (shares["correct"] - shares["wrong"]).round(9).rank(ascending=False, method="min").astype(int)
            for method in roster.ordered(shares.index):
                mine, other = (
                    outcome.xs((dataset, method), level=("dataset", "method")).tolist() for outcome in (own, base)
                )
                changed = sum(a != b for a, b in zip(mine, other, strict=True)) / len(mine)
                rng = intervals.generator(analysis.seed, "graders", grader, str(dataset), str(method))
                found = agreement(mine, other, analysis.resamples, analysis.confidence_level, rng)
                kappa = (float(found.value[0]), float(found.low[0]), float(found.high[0]))
                rows.append((grader, digest, dataset, method, *shares.loc[method], rank[method], *kappa, changed))
    return pd.DataFrame(rows, columns=COLUMNS)
