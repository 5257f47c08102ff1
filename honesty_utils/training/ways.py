"""True ways to the answers of problems, as replies: what an anchored group holds one of (``training.reinforced``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from honesty_utils.common import prompts
from honesty_utils.questions.deduction import reply
from honesty_utils.questions.settings import depth, way
from honesty_utils.training.job import TrainingError


def check(rows: pd.DataFrame, what: str) -> None:
    """Hold questions to such as have a way.

    Args:
        rows: with ``question_id`` and ``meta``.
        what: asks for it, for the error.

    Raises:
        TrainingError: a question without one; names the first.
    """
    without = [str(one) for one, meta in zip(rows["question_id"], rows["meta"], strict=True) if way(meta) is None]
    if without:
        raise TrainingError(
            f"{what}, and {len(without)} of {len(rows)} questions have no way to their answer (meta.way, a list of "
            f"sentences), such as {without[0]!r}; the sources deduction_linear and deduction_logic have it"
        )


def check_depths(rows: pd.DataFrame) -> None:
    """Raise `TrainingError` where a question has no depth to be ordered by."""
    without = [str(one) for one, meta in zip(rows["question_id"], rows["meta"], strict=True) if depth(meta) is None]
    if without:
        raise TrainingError(
            f"objective.easy_first: true, and {len(without)} of {len(rows)} questions have no depth (meta.depth, a "
            f"whole number), such as {without[0]!r}; the sources deduction_linear and deduction_logic have it"
        )


def encoded(
    rows: pd.DataFrame, tokenizer: Any, style: prompts.Style, refusal: str, longest: int
) -> Mapping[str, list[int]]:
    """Token ids of the true reply to each question, the end token last.

    Args:
        rows: with ``question_id``, ``prompt``, ``answers`` and ``meta``, of questions that `check` has passed.
        tokenizer: of the model that is trained.
        style: ``raw`` or ``chat``.
        refusal: what is said of what cannot be told.
        longest: tokens that an answer may have.

    Raises:
        TrainingError: a reply that is longer; counts them and names the longest.
    """
    found = {}
    for row in rows.itertuples():
        answer = str(row.answers[0]) if len(row.answers) else None
        text = reply(way(row.meta) or [], answer, refusal)
        found[str(row.question_id)] = prompts.completion_ids(tokenizer, row.prompt, text, style)
    long = [name for name, ids in found.items() if len(ids) > longest]
    if long:
        worst = max(long, key=lambda name: len(found[name]))
        raise TrainingError(
            f"objective.max_new_tokens: {longest} (none: evaluation.max_new_tokens), and {len(long)} of {len(found)} "
            f"true ways are longer, such as that of question {worst} with {len(found[worst])} tokens; raise it, or "
            "train on problems of less depth"
        )
    return found
