"""Replies to questions with a right answer: judged where string rules end, as in arXiv 2312.07000.

A reply that matches is correct and a refusal is idk without a judge. What is left is judged: the short answer is
extracted from the reply, then its agreement with the gold answer is rated on 0-1, and correct is what is above a
threshold; for options the judge says which one was meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from honesty_utils.common.prompts import fill, question_text
from honesty_utils.common.settings import Prompts
from honesty_utils.judge import reading
from honesty_utils.judge.referee import Inquiry, Referee, Verdict

YES_NO = ("yes", "no")

LEFT_OPEN = ("wrong", "unscored")
"""Outcomes of string rules that the judge goes on from: nothing matched; or, of options, none can be told."""


@dataclass(frozen=True)
class AnsweredQuestion:
    """A reply to a question: gold aliases, or options with the place of the right one."""

    question: str
    text: str
    answers: Sequence[str] = ()
    choices: Sequence[str] | None = None
    answer_index: int | None = None


def extract(referee: Referee, replies: Sequence[AnsweredQuestion]) -> list[Verdict[str]]:
    """The short answer that each reply gives; ``reading.NO_ANSWER`` for a reply that gives none."""
    template = referee.settings.prompts.extract
    return referee.ask(
        [
            Inquiry(
                fill(template, {"question": reply.question, "reply": _flat(reply.text)}),
                partial(reading.short_answer, reply=reply.text),
            )
            for reply in replies
        ]
    )


def rate(referee: Referee, replies: Sequence[AnsweredQuestion], given: Sequence[str]) -> list[Verdict[float]]:
    """Agreement, 0-1, of each short answer in ``given`` with the gold answers of its reply's question."""
    template, shown = referee.settings.prompts.rate, referee.settings.gold_answers
    gold = ["; ".join(list(reply.answers)[:shown]) for reply in replies]
    prompts = [
        fill(template, {"question": reply.question, "gold": right, "answer": answer})
        for reply, right, answer in zip(replies, gold, given, strict=True)
    ]
    return referee.ask([Inquiry(prompt, partial(reading.number, low=0, high=1)) for prompt in prompts])


def agreement(referee: Referee, replies: Sequence[AnsweredQuestion]) -> list[Verdict[float]]:
    """Both steps: 0 for a reply that gives no answer, else the rating of what was extracted."""
    extracted = extract(referee, replies)
    scores = [Verdict(0.0) if one.value == reading.NO_ANSWER else Verdict[float](None, one.reason) for one in extracted]
    places = [place for place, one in enumerate(extracted) if one.value]
    given = [value for one in extracted if (value := one.value)]
    rated = rate(referee, [replies[place] for place in places], given)
    for place, score in zip(places, rated, strict=True):
        scores[place] = score
    return scores


def options(referee: Referee, replies: Sequence[AnsweredQuestion]) -> list[Verdict[int]]:
    """Index of the option that each reply means; ``reading.NO_OPTION`` for none or several."""
    inquiries = []
    for reply in replies:
        choices = list(reply.choices or ())
        lines = question_text(Prompts(), "", choices).strip()
        values = {"question": reply.question, "options": lines, "reply": _flat(reply.text)}
        inquiries.append(
            Inquiry(fill(referee.settings.prompts.option, values), partial(reading.option, choices=choices))
        )
    return referee.ask(inquiries)


def verify(referee: Referee, questions: Sequence[str], answers: Sequence[str]) -> list[Verdict[bool]]:
    """Whether each answer to its question is right, without a gold answer: how prior-known pairs are checked."""
    template = referee.settings.prompts.verify
    pairs = zip(questions, answers, strict=True)
    prompts = [fill(template, {"question": question, "answer": _flat(answer)}) for question, answer in pairs]
    return _yes(referee, prompts)


def refusals(
    referee: Referee, questions: Sequence[str], texts: Sequence[str], objects: Sequence[bool] | None = None
) -> list[Verdict[bool]]:
    """Whether each text declines to answer its question: a detector of refusals beside the signs.

    Args:
        referee: the judge.
        questions: one a text.
        texts: replies.
        objects: of which an objection counts, too, such as one to a false premise; none: of none. A set has one
            wording for all of its questions, so that the judge is not told which of them have an answer.
    """
    wording, wide = referee.settings.prompts.refuse, referee.settings.prompts.object
    rows = zip(questions, texts, objects or [False] * len(texts), strict=True)
    asked = [
        fill(wide if object_too else wording, {"question": question, "reply": _flat(text)})
        for question, text, object_too in rows
    ]
    return _yes(referee, asked)


def _yes(referee: Referee, prompts: Iterable[str]) -> list[Verdict[bool]]:
    found = referee.ask([Inquiry(prompt, partial(reading.word, allowed=YES_NO)) for prompt in prompts])
    return [Verdict(None if one.value is None else one.value == "yes", one.reason) for one in found]


def _flat(text: str) -> str:
    """A reply on one line, so that it cannot write lines of the judge's form."""
    return " ".join(text.split())


def judge_table(referee: Referee, graded: pd.DataFrame) -> pd.DataFrame:
    """Judge what string rules left open.

    Args:
        referee: the judge.
        graded: from ``grading.grade_table``, with its ``question``, ``answers``, ``text`` and, if there are any,
            ``choices`` and ``answer_index``; ``objects`` says of which an objection is a refusal, see `refusals`.

    Returns:
        ``graded`` with ``judge_score`` added: agreement 0-1, for options 1 or 0, NaN where the judge was not asked or
        could not be read; an empty reply and a question without answers have 0 without asking. ``wrong`` and
        ``unscored`` become what the judge says: ``correct`` (then ``matched`` is true), ``wrong``, or ``unscored``
        where it could not be read. With ``refusals`` other than ``signs`` replies that are no refusal by signs are
        first asked about, and become ``idk`` or, if that cannot be read, ``unscored``.
    """
    outcome = graded["outcome"].to_numpy(dtype=object, copy=True)
    for place, declines in _declining(referee, graded, outcome).items():
        if declines.value is not False:
            outcome[place] = "idk" if declines.value else "undecided"
    scores = _scores(referee, graded, outcome)
    matched, score = graded["matched"].to_numpy(dtype=bool, copy=True), np.full(len(graded), np.nan)
    for place, verdict in scores.items():
        value = verdict.value
        right = value is not None and value > referee.settings.threshold
        outcome[place] = "unscored" if value is None else "correct" if right else "wrong"
        matched[place], score[place] = right, np.nan if value is None else value
    outcome[outcome == "undecided"] = "unscored"
    return graded.assign(outcome=outcome, matched=matched, judge_score=score)


def _declining(referee: Referee, graded: pd.DataFrame, outcome: Sequence[str]) -> dict[int, Verdict[bool]]:
    """What the judge says of each text that is no refusal yet, by place; nothing where the signs alone decide."""
    if referee.settings.refusals == "signs":
        return {}
    questions, texts = graded["question"].tolist(), graded["text"].tolist()
    asked = [place for place, text in enumerate(texts) if outcome[place] != "idk" and text.strip()]
    wide = graded["objects"].tolist() if "objects" in graded else [False] * len(graded)
    rows = [(questions[place], texts[place], wide[place]) for place in asked]
    found = refusals(referee, *map(list, zip(*rows, strict=True))) if rows else []
    return dict(zip(asked, found, strict=True))


def _scores(referee: Referee, graded: pd.DataFrame, outcome: Sequence[str]) -> dict[int, Verdict[float]]:
    """Agreement of the replies that string rules leave open, by place; 1 or 0 for options, 0 for an empty reply.

    And 0 for a question without answers, which nobody can know: there is nothing that a judge could compare with.
    """
    replies = {place: _reply(row) for place, row in enumerate(graded.to_dict("records")) if outcome[place] in LEFT_OPEN}
    found = {place: Verdict(0.0) for place, reply in replies.items() if reply.choices is None}
    said = {place: reply for place, reply in replies.items() if reply.text.strip()}
    free = {place: reply for place, reply in said.items() if reply.choices is None and reply.answers}
    found.update(zip(free, agreement(referee, list(free.values())), strict=True))
    lettered = {place: reply for place, reply in said.items() if reply.choices and outcome[place] == "unscored"}
    for (place, reply), meant in zip(lettered.items(), options(referee, list(lettered.values())), strict=True):
        right = None if meant.value is None else float(meant.value == reply.answer_index)
        found[place] = Verdict(right, meant.reason)
    return found


def _reply(row: Mapping[str, Any]) -> AnsweredQuestion:
    choices = row.get("choices")
    if choices is None or (isinstance(choices, float) and np.isnan(choices)):
        return AnsweredQuestion(row["question"], row["text"], list(row["answers"]))
    return AnsweredQuestion(row["question"], row["text"], list(row["answers"]), list(choices), int(row["answer_index"]))
