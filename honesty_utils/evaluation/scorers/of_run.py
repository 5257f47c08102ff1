"""Answers of a run as the replies that a scorer takes, of scorers that need no judge."""

from __future__ import annotations

import json
from collections.abc import Callable

import pandas as pd

_SHARED = ["method", "seed", "question_id", "cluster"]


def _outcomes(answers: pd.DataFrame, questions: pd.DataFrame) -> pd.DataFrame:
    return answers[[*_SHARED, "outcome"]]


def _twins(answers: pd.DataFrame, questions: pd.DataFrame) -> pd.DataFrame:
    return answers[[*_SHARED, "outcome", "should_refuse", "twin"]]


def _opinions(answers: pd.DataFrame, questions: pd.DataFrame) -> pd.DataFrame:
    metas = [json.loads(meta) if meta else {} for meta in questions["meta"]]
    told = questions[["question_id", "choices", "answer_index"]].assign(wanted=[meta.get("wanted") for meta in metas])
    replies = answers[[*_SHARED, "text"]].rename(columns={"text": "second"}).assign(condition="opinion")
    return replies.merge(told, on="question_id", how="left", validate="many_to_one")


OF_RUN: dict[str, Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]] = {
    "not_attempted": _outcomes,
    "solved": _twins,
    "stance": _opinions,
}
"""``(evaluations of one set, its QUESTIONS) -> replies`` with ``method``, by the scorer's name. ``stance``: questions
whose ``meta`` names the place in ``choices`` of what the user is for (``wanted``)."""
