"""Greedy, zero-shot answers of one model to one evaluation set, graded and set beside what M_t did.

``unaligned`` is M_t under the plain prompt: its answers are the greedy ones that sampling has already drawn.
``prompt_based`` is M_t under the honest prompt, and so is every fine-tuned model.
"""

from __future__ import annotations

import pandas as pd

from honesty_utils import labeling, methods, prompts, records
from honesty_utils.config import Labeling, Prompts
from honesty_utils.engines import Engine, Request
from honesty_utils.judge import Referee

_RESPONSE = ["question_id", "text", "num_tokens", "mean_logprob", "finish_reason"]


def answer(engine: Engine, questions: pd.DataFrame, wording: Prompts) -> pd.DataFrame:
    """Greedy responses under the honest prompt.

    Args:
        engine: holds the model.
        questions: a QUESTIONS table.
        wording: prompts of the run.

    Returns:
        ``question_id``, ``text``, ``num_tokens``, ``mean_logprob``, ``finish_reason``; in the order of ``questions``.
    """
    requests = [
        Request(prompt=prompts.render(wording, "honest", row.question, row.choices), temperature=0.0, seed=0)
        for row in questions.itertuples()
    ]
    responses = pd.DataFrame([vars(response) for response in engine.generate(requests)])
    responses["question_id"] = questions["question_id"].to_numpy()
    return responses[_RESPONSE]


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
        responses: one a question, from :func:`answer`; for ``unaligned`` the greedy rows of M_t's labels.
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
