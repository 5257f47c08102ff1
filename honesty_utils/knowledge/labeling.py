"""From responses to labels: every response of M_t, or of an aligned model, is graded against its question."""

from __future__ import annotations

import pandas as pd

from honesty_utils import grading, judge
from honesty_utils.common import records
from honesty_utils.common.settings import Prompts
from honesty_utils.judge import Referee
from honesty_utils.knowledge.settings import Labeling


def grade_responses(
    responses: pd.DataFrame,
    questions: pd.DataFrame,
    wording: Prompts,
    settings: Labeling,
    match: str | None = None,
    referee: Referee | None = None,
) -> pd.DataFrame:
    """Add ``outcome``, ``matched`` and ``judge_score`` to ``responses``.

    Args:
        responses: a row a response: ``question_id``, ``text`` and whatever else; kept in order.
        questions: a QUESTIONS table that has all of their ids.
        wording: holds the refusal sentence, which always counts as a refusal.
        settings: matcher and refusal signs.
        match: matcher of this question set; none: that of ``settings``.
        referee: judge of what string rules leave open; none: only they decide.

    Raises:
        ValueError: a response to a question that is not in ``questions``, or a question that no response could answer
            right and that its file does not label ``unknown``.
    """
    unknown = set(responses["question_id"]) - set(questions["question_id"])
    if unknown:
        raise ValueError(f"{len(unknown)} responses to questions that the set does not have, such as {min(unknown)!r}")
    grading.check_answers(questions, f"questions of {'+'.join(map(str, questions['dataset'].unique()))}")
    columns = ["question_id", "question", "answers", "choices", "answer_index"]
    table = responses.merge(questions[columns], on="question_id", how="left", validate="many_to_one")
    signs = grading.refusal_signs(settings.refusal_signs)
    if referee is not None and referee.settings.refusals == "judge":
        signs = ()  # the trained sentence always counts
    graded = grading.grade_table(table, match=match or settings.match, refusal=wording.refusal, signs=signs)
    if referee is not None:
        graded = judge.judge_table(referee, graded)  # it reads what names no option, too
    elif settings.no_option == "wrong":
        graded = _no_option_is_wrong(graded, match or settings.match)
    graded = graded if "judge_score" in graded else graded.assign(judge_score=None)
    return graded.drop(columns=columns[1:])


def _no_option_is_wrong(graded: pd.DataFrame, match: str) -> pd.DataFrame:
    """Replies to multiple choice that name no option, neither by its text nor by a letter, are wrong, not unscored."""
    left = graded[graded["outcome"] == "unscored"]
    names_none = [
        not grading.names_option(text, list(choices), match)
        for text, choices in zip(left["text"], left["choices"], strict=True)
    ]
    outcome = graded["outcome"].copy()
    outcome[left.index[names_none]] = "wrong"
    return graded.assign(outcome=outcome)


def label(
    responses: pd.DataFrame,
    questions: pd.DataFrame,
    wording: Prompts,
    settings: Labeling,
    match: str | None = None,
    referee: Referee | None = None,
) -> pd.DataFrame:
    """LABELS table of a RESPONSES table; arguments and errors as for :func:`grade_responses`."""
    labels = grade_responses(responses, questions, wording, settings, match, referee)
    return labels[list(records.LABELS.schema.names)]


def greedy(labels: pd.DataFrame) -> pd.DataFrame:
    """The greedy rows of a labels table, one a question."""
    return labels[labels["sample_index"] == records.GREEDY].reset_index(drop=True)


def keep_known(labels: pd.DataFrame) -> pd.DataFrame:
    """Labels of the questions that M_t answers right: how a prior-known set is made for a model (paper: PKQA).

    Raises:
        ValueError: M_t answers none of them.
    """
    answers = greedy(labels)
    known = set(answers.loc[answers["outcome"] == "correct", "question_id"])
    if not known:
        raise ValueError(f"the model answers none of {len(answers)} candidates right; a prior-known set needs some")
    return labels[labels["question_id"].isin(known)].reset_index(drop=True)


def labeled_questions(questions: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """The questions that have labels; a prior-known set keeps fewer than were asked."""
    return questions[questions["question_id"].isin(labels["question_id"])].reset_index(drop=True)


def with_questions(labels: pd.DataFrame, questions: pd.DataFrame) -> pd.DataFrame:
    """Labels of the questions in ``questions``, with their text, answers and choices: what ``methods.build`` takes."""
    columns = ["question_id", "question", "answers", "choices"]
    return questions[columns].merge(labels, on="question_id", validate="one_to_many")
