"""Tables of the numbers that scorers give."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from honesty_utils.evaluation.scorers import OF_RUN, SCORERS, ScorerError, measure
from honesty_utils.evaluation.scorers.reading import METHOD
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.settings import Analysis

COLUMNS = ["method", "group", "metric", "value", "low", "high", "seeds", "questions", "counted"]
ALL = ""
"""``group`` of the rows over all questions."""


def tab_scored(replies: pd.DataFrame, scorer: str, analysis: Analysis, roster: Roster = PAPER) -> pd.DataFrame:
    """The numbers of every method, over all questions and by group where there are several.

    Args:
        replies: with ``method`` and the columns that the scorer needs.
        scorer: a name in ``evaluation.scorers.SCORERS``.
        analysis: resamples, level and seed of the intervals.
        roster: the methods.

    Returns:
        The columns `COLUMNS`; no rows for what nothing is counted of. ``counted``: rows in the denominator.

    Raises:
        ScorerError: replies that the scorer cannot take, or methods that differ in their questions.
    """
    one, tables = SCORERS[scorer], []
    first: tuple[str, set[str]] | None = None
    for method in roster.ordered(replies[METHOD].unique()):
        rows = one.rows(replies[replies[METHOD] == method].reset_index(drop=True))
        asked = set(rows["question_id"])
        first = first or (str(method), asked)
        if asked != first[1]:
            other = min(asked ^ first[1])
            raise ScorerError(
                f"method {method!r} and method {first[0]!r}: question {other!r} is of one of them only; methods are "
                "compared on the same questions: add the reply, or score the files apart"
            )
        groups = rows["group"].unique()
        parts = {ALL: rows} | ({str(name): rows[rows["group"] == name] for name in groups} if len(groups) > 1 else {})
        for group, part in parts.items():
            key = (scorer, str(method), group)
            found = measure(part, one, analysis.resamples, analysis.confidence_level, analysis.seed, *key)
            tables.append(found.assign(method=method, group=group))
    table = pd.concat(tables, ignore_index=True)[COLUMNS]
    return table[table["counted"] > 0].reset_index(drop=True)


def tab_by_scorer(
    evaluations: pd.DataFrame,
    asked: Mapping[str, pd.DataFrame],
    scorers: Mapping[str, str],
    analysis: Analysis,
    roster: Roster = PAPER,
) -> pd.DataFrame:
    """The numbers of the sets of a run that have a scorer of their own.

    Args:
        evaluations: as ``frames.load`` returns it.
        asked: QUESTIONS of each set.
        scorers: of the sets that have one, its name in ``OF_RUN``.
        analysis: resamples, level and seed of the intervals.
        roster: the methods of the run.

    Returns:
        ``dataset, scorer`` and the columns `COLUMNS` without ``group``.
    """
    tables = []
    for dataset, scorer in scorers.items():
        replies = OF_RUN[scorer](evaluations[evaluations["dataset"] == dataset], asked[dataset])
        tables.append(tab_scored(replies, scorer, analysis, roster).assign(dataset=dataset, scorer=scorer))
    names = ["dataset", "scorer", *(name for name in COLUMNS if name != "group")]
    return pd.concat(tables, ignore_index=True)[names] if tables else pd.DataFrame(columns=names)
