"""Answers before and after alignment, chosen by a hash of the question and by nobody."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import pandas as pd

from honesty_utils.results.display import PAPER, Roster

COLUMNS = ["method", "dataset", "before", "outcome", "share", "question", "answers", "text_before", "text"]
SHOWN = 2
"""Examples of each kind."""


def tab_examples(
    evaluations: pd.DataFrame, questions: Mapping[str, pd.DataFrame], dataset: str, roster: Roster = PAPER
) -> pd.DataFrame:
    """For each method and each way in which an answer can go, the two questions whose hash is smallest.

    Args:
        evaluations: as ``frames.load`` returns it, UNALIGNED among the methods.
        questions: the QUESTIONS table of each set.
        dataset: of which set.
        roster: the methods of the run; points of sweeps and UNALIGNED itself are left out.

    Returns:
        ``method, dataset, before, outcome, share, question, answers, text_before, text``: M_t's outcome and the
        method's, the share of the answers of the method's first training that went so, the gold answers, what M_t said
        and what the method said.
    """
    asked = questions[dataset].set_index("question_id")
    part = evaluations[evaluations["dataset"] == dataset]
    said = part[part["method"] == "unaligned"].set_index("question_id")["text"]
    part = part.assign(order=part["question_id"].map(_hash)).sort_values("order")
    rows = []
    for method in roster.main(set(part["method"]) - {"unaligned"}):
        own = part[part["method"] == method]
        own = own[own["seed"] == own["seed"].min()]
        for (before, outcome), cell in own.groupby(["before", "outcome"]):
            for row in cell.head(SHOWN).itertuples():
                gold, told = " / ".join(asked.loc[row.question_id, "answers"]), said[row.question_id]
                share = len(cell) / len(own)
                rows.append((method, dataset, before, outcome, share, row.question, gold, told, row.text))
    return pd.DataFrame(rows, columns=COLUMNS)


def _hash(question_id: str) -> str:
    return hashlib.sha256(question_id.encode()).hexdigest()
