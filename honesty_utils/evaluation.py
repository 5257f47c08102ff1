"""Greedy, zero-shot answers of one model to one evaluation set, graded and set beside what M_t did.

``unaligned`` is M_t under the plain prompt: its answers are the greedy ones that sampling has already drawn.
``prompt_based`` is M_t under the honest prompt, and so is every fine-tuned model.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from honesty_utils import labeling, methods, prompts, records, shards
from honesty_utils.config import Labeling, Prompts
from honesty_utils.engines import Request
from honesty_utils.judge import Referee
from honesty_utils.shards import Shard

_RESPONSE = ["question_id", "text", "num_tokens", "mean_logprob", "finish_reason"]


def plan(questions: pd.DataFrame, wording: Prompts, shard_size: int) -> list[Shard]:
    """Shards of ``shard_size`` questions, each asked once, greedily, under the honest prompt.

    Raises:
        ValueError: no questions, or two of one id.
    """

    def requests(question_id: str, question: str, choices: Sequence[str] | None) -> list[tuple[int, Request]]:
        return [(records.GREEDY, Request(prompts.render(wording, "honest", question, choices)))]

    return shards.plan(questions, requests, shard_size)


def evaluate(
    responses: pd.DataFrame,
    questions: pd.DataFrame,
    before: pd.DataFrame,
    wording: Prompts,
    settings: Labeling,
    match: str | None = None,
    referee: Referee | None = None,
) -> pd.DataFrame:
    """EVALUATION table: ``responses`` graded, with the confidence they state and M_t's outcome beside.

    Args:
        responses: one a question, to :func:`plan`; for ``unaligned`` the greedy rows of M_t's labels.
        questions: a QUESTIONS table with the same ids.
        before: M_t's labels (plain prompt) of the same questions; the greedy row counts.
        wording: prompts of the run.
        settings: how answers are matched.
        match: matcher of this set; none: that of ``settings``.
        referee: judge of what string rules leave open; none: only they decide.
    """
    table = labeling.grade_responses(responses[_RESPONSE], questions, wording, settings, match, referee)
    table["confidence"] = [methods.stated_confidence(text, wording) for text in table["text"]]
    outcomes = labeling.greedy(before)[["question_id", "outcome"]].rename(columns={"outcome": "before"})
    table = table.merge(outcomes, on="question_id", how="left", validate="one_to_one")
    return table[list(records.EVALUATION.schema.names)]
