"""From responses to labels: every response of M_t, or of an aligned model, is graded against its question."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from honesty_utils import grading, judge
from honesty_utils.common import records
from honesty_utils.common.settings import Prompts
from honesty_utils.judge import Referee
from honesty_utils.knowledge.boundary import knowledge_table
from honesty_utils.knowledge.settings import Labeling
from honesty_utils.questions.settings import answered_at_all, needs_judge, objects, passages_of


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
            right, as it has no answer with words or one that is the refusal sentence, and that its file does not label
            ``unknown``.
    """
    unknown = set(responses["question_id"]) - set(questions["question_id"])
    if unknown:
        raise ValueError(f"{len(unknown)} responses to questions that the set does not have, such as {min(unknown)!r}")
    names = "+".join(map(str, questions["dataset"].unique()))
    grading.check_answers(questions, f"questions of {names}", wording.refusal)
    columns = ["question_id", "question", "answers", "choices", "answer_index"]
    table = responses.merge(questions[columns], on="question_id", how="left", validate="many_to_one")
    signs = grading.refusal_signs(settings.refusal_signs)
    if referee is not None and referee.settings.refusals == "judge":
        signs = ()  # the trained sentence always counts
    graded = grading.grade_table(table, match=match or settings.match, refusal=wording.refusal, signs=signs)
    if referee is not None:
        wide = questions["question_id"][questions["meta"].map(objects)] if "meta" in questions else []
        graded = judge.judge_table(referee, graded.assign(objects=graded["question_id"].isin(wide)))
        graded = graded.drop(columns="objects")
    elif settings.no_option == "wrong":
        graded = _no_option_is_wrong(graded, match or settings.match)
    if "meta" in questions:
        graded = _as_expected(graded, questions, referee)
    graded = graded if "judge_score" in graded else graded.assign(judge_score=None)
    return graded.drop(columns=columns[1:])


def _as_expected(graded: pd.DataFrame, questions: pd.DataFrame, referee: Referee | None) -> pd.DataFrame:
    """Replies to questions of which only is known whether they should be answered (`grading.as_expected`)."""
    ids, metas = questions["question_id"], questions["meta"]
    any_will_do = metas.map(answered_at_all) & (questions["answers"].map(len) == 0) & questions["choices"].isna()
    # A judge that is asked for answers alone has read no refusal.
    unread = metas.map(needs_judge) & (referee is None or referee.settings.refusals == "signs")
    rows = graded["question_id"]
    return grading.as_expected(graded, rows.isin(ids[any_will_do]), rows.isin(ids[unread]))


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


@dataclass(frozen=True)
class Labeled:
    """What labeling a question set has found.

    Attributes:
        rows: labels that were written.
        outcomes: how many responses had which outcome, whether or not their question is kept.
        asked: questions that have responses.
        knowledge: KNOWLEDGE table of the questions that are kept.
    """

    rows: int
    outcomes: pd.Series
    asked: int
    knowledge: pd.DataFrame


def label_file(
    responses: Path,
    labels: Path,
    questions: pd.DataFrame,
    wording: Prompts,
    settings: Labeling,
    match: str | None = None,
    referee: Referee | None = None,
    *,
    only_known: bool = False,
) -> Labeled:
    """Label a file of responses into a file of labels, part by part: memory is that of a part and of the questions.

    Args:
        responses: a RESPONSES table, the rows of a question behind each other.
        labels: where the LABELS table goes.
        questions: as are the further arguments, see :func:`label`.
        wording: see there.
        settings: see there.
        match: see there.
        referee: see there.
        only_known: keep the questions that M_t answers right (paper: PKQA).

    Raises:
        ValueError: as :func:`label` and :func:`keep_known`; a question without responses.
        JudgeError: too many of the judge's verdicts are missing.
    """
    rows, asked, outcomes, known = 0, 0, Counter[str](), []
    with records.writing(records.LABELS, labels) as writer:
        for part in records.parts(records.RESPONSES, responses, together="question_id"):
            ids = part["question_id"].unique()
            # Of a set that lacks one of them, `label` says which.
            about = questions[questions["question_id"].isin(ids)]
            found = label(part, about if len(about) == len(ids) else questions, wording, settings, match, referee)
            asked += len(ids)
            outcomes.update(found["outcome"])
            found = _of_known(found) if only_known else found
            rows += len(found)
            if len(found):
                writer.write(records.conform(found, records.LABELS, str(labels)))
                known.append(knowledge_table(found))
        if asked < len(questions):
            raise ValueError(f"{responses}: {len(questions) - asked} of {len(questions)} questions have no response")
        if rows == 0:
            raise ValueError(_none_known(asked))
        if referee is not None:
            referee.settled()  # with too many verdicts missing there is no result
    return Labeled(rows, pd.Series(outcomes, dtype=int), asked, pd.concat(known, ignore_index=True))


def greedy(labels: pd.DataFrame) -> pd.DataFrame:
    """The greedy rows of a labels table, one a question."""
    return labels[labels["sample_index"] == records.GREEDY].reset_index(drop=True)


def keep_known(labels: pd.DataFrame) -> pd.DataFrame:
    """Labels of the questions that M_t answers right: how a prior-known set is made for a model (paper: PKQA).

    Raises:
        ValueError: M_t answers none of them.
    """
    kept = _of_known(labels)
    if not len(kept):
        raise ValueError(_none_known(labels["question_id"].nunique()))
    return kept


def _of_known(labels: pd.DataFrame) -> pd.DataFrame:
    answers = greedy(labels)
    known = answers.loc[answers["outcome"] == "correct", "question_id"]
    return labels[labels["question_id"].isin(known)].reset_index(drop=True)


def _none_known(asked: int) -> str:
    return f"the model answers none of {asked} candidates right; a prior-known set needs some"


def labeled_questions(questions: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """The questions that have labels; a prior-known set keeps fewer than were asked."""
    return questions[questions["question_id"].isin(labels["question_id"])].reset_index(drop=True)


def with_questions(labels: pd.DataFrame, questions: pd.DataFrame) -> pd.DataFrame:
    """Labels of the questions in ``questions``, with what is known of each: what ``methods.build`` takes.

    ``passages`` stand beside where some question has them.
    """
    columns = ["question_id", "question", "answers", "choices", "meta"]
    passages = questions["meta"].map(passages_of)
    if passages.map(bool).any():
        questions, columns = questions.assign(passages=passages), [*columns, "passages"]
    return questions[columns].merge(labels, on="question_id", validate="one_to_many")
