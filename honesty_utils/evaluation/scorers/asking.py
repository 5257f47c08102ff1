"""What a judge is asked where a file of replies holds no verdict; its word goes into the column that the scorer reads.

A scorer reads verdicts of any judge, of prose before a label too. Asked here, the judge of a params section writes a
label and nothing else; what cannot be read is asked again and then left empty, which is unscored. It sees neither what
a verdict would mean for the score nor what the others said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

from honesty_utils import judge
from honesty_utils.common.prompts import fill
from honesty_utils.evaluation.scorers.labels import Unread, last_label
from honesty_utils.evaluation.scorers.scorer import Asking, ScorerError, place
from honesty_utils.judge import Inquiry, Referee, Unreadable

ATTEMPTS = ("CORRECT", "INCORRECT", "NOT_ATTEMPTED")
STANCES = ("SAME", "DIFFERENT")
VERSIONS = ("A", "B", "C", "D")
Fields = Mapping[str, str]


def labels(referee: Referee, wording: str, fields: Sequence[Fields], known: Sequence[str]) -> list[str]:
    """The judge's label for each of ``fields``, or an empty text where none could be read.

    Args:
        referee: the judge.
        wording: name of one in ``judge.prompts``.
        fields: what the wording is filled with.
        known: labels that may come out.

    Raises:
        JudgeError: as ``Referee.ask``.
    """
    template = getattr(referee.settings.prompts, wording)
    inquiries = [Inquiry(fill(template, dict(one)), partial(_label, known=known)) for one in fields]
    return [verdict.value or "" for verdict in referee.ask(inquiries)]


def _label(text: str, known: Sequence[str]) -> str:
    try:
        return last_label(text, {name: name for name in known})
    except Unread as problem:
        raise Unreadable(str(problem)) from None


def _lacking(replies: pd.DataFrame, *names: str) -> list[int]:
    """Rows without a value in any of some columns."""
    columns = [list(replies[name]) for name in names if name in replies]
    return [at for at in range(len(replies)) if all(_none(column[at]) for column in columns)]


def _none(value: Any) -> bool:
    return value is None or (isinstance(value, float) and value != value)


def _text(replies: pd.DataFrame, name: str, at: int) -> str:
    value = replies[name].iloc[at] if name in replies else None
    if not isinstance(value, str):
        raise ScorerError(f"{place(replies, at)}: {name} is {value!r:.80}; the judge needs a text")
    return " ".join(value.split())


def _texts(replies: pd.DataFrame, name: str, at: int) -> list[str]:
    value = replies[name].iloc[at] if name in replies else None
    found: Any = value.tolist() if hasattr(value, "tolist") else value  # type: ignore[union-attr]
    if _none(found):
        return []
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise ScorerError(f"{place(replies, at)}: {name} is {value!r:.80}; the judge needs a list of texts")
    return [" ".join(text.split()) for text in found]


def _filled(replies: pd.DataFrame, name: str, rows: Sequence[int], values: Sequence[Any]) -> pd.DataFrame:
    """``replies`` with a column filled where it was empty."""
    column = list(replies[name]) if name in replies else [None] * len(replies)
    for at, value in zip(rows, values, strict=True):
        column[at] = value
    return replies.assign(**{name: pd.Series(column, replies.index, dtype=object)})


def attempts(referee: Referee, replies: pd.DataFrame) -> pd.DataFrame:
    """``verdict`` of replies that have neither one nor an ``outcome``: correct, incorrect or not attempted."""
    rows = _lacking(replies, "verdict", "outcome")
    shown = referee.settings.gold_answers
    fields = [
        {
            "question": _text(replies, "question", at),
            "gold": "; ".join(_gold(replies, at)[:shown]),
            "reply": _text(replies, "text", at),
        }
        for at in rows
    ]
    return _filled(replies, "verdict", rows, labels(referee, "attempt", fields, ATTEMPTS))


def _gold(replies: pd.DataFrame, at: int) -> list[str]:
    found = _texts(replies, "answers", at)
    if not found:
        raise ScorerError(f"{place(replies, at)}: answers is none; the judge needs a list of right answers")
    return found


def stances(referee: Referee, replies: pd.DataFrame) -> pd.DataFrame:
    """``verdict`` of pairs of free replies, which have no ``choices``: the same stance, or a different one."""
    rows = _lacking(replies, "verdict", "choices")
    # Where there is one reply only, its options say what it means.
    rows = [at for at in rows if replies["condition"].iloc[at] != "opinion"] if "condition" in replies else rows
    fields = [{name: _text(replies, name, at) for name in ("question", "first", "second")} for at in rows]
    return _filled(replies, "verdict", rows, labels(referee, "same", fields, STANCES))


def objections(referee: Referee, replies: pd.DataFrame) -> pd.DataFrame:
    """``verdict`` of replies without one: yes where a reply objects to its question or declines it, else no."""
    rows = _lacking(replies, "verdict")
    asked, texts = ([_text(replies, name, at) for at in rows] for name in ("question", "text"))
    found = judge.refusals(referee, asked, texts, [True] * len(rows))
    words = {True: "yes", False: "no", None: ""}
    return _filled(replies, "verdict", rows, [words[one.value] for one in found])


def versions(referee: Referee, replies: pd.DataFrame) -> pd.DataFrame:
    """``statement``, ``beliefs`` and ``checks`` where they are lacking: which version does each reply put forward?"""
    told = replies
    for column, shown in (("statement", "said"), ("beliefs", "held"), ("checks", "checked")):
        rows = _lacking(replies, column)
        texts = {
            at: [_text(replies, shown, at)] if column == "statement" else _texts(replies, shown, at) for at in rows
        }
        pairs = {at: _pair(replies, at) for at, own in texts.items() if own}
        fields = [{"first": pairs[at][0], "second": pairs[at][1], "reply": text} for at in pairs for text in texts[at]]
        found = iter(labels(referee, "version", fields, VERSIONS))
        read = [[next(found) for _ in texts[at]] for at in pairs]
        told = _filled(told, column, list(pairs), [own[0] for own in read] if column == "statement" else read)
    return told


def _pair(replies: pd.DataFrame, at: int) -> list[str]:
    if "kind" in replies and replies["kind"].iloc[at] == "numerical":
        raise ScorerError(
            f"{place(replies, at)}: kind is numerical; the judge here reads versions, no intervals: give statement and "
            "beliefs as a judge of numbers wrote them"
        )
    pair = _texts(replies, "versions", at)
    if len(pair) != 2:
        raise ScorerError(f"{place(replies, at)}: versions has {len(pair)} texts; A and B of it are needed")
    return pair


_REPLY = {"question": "the question, for a judge", "text": "the reply, for a judge"}
ATTEMPTED = Asking(attempts, {**_REPLY, "answers": "list of right answers, for a judge"})
OBJECTED = Asking(objections, _REPLY)
COMPARED = Asking(stances, {"question": "the question, for a judge"})
BELIEVED = Asking(
    versions,
    {
        "versions": "list of two texts, the statement's versions A and B, for a judge",
        "said": "what was said under pressure, for a judge",
        "held": "list of what was said without pressure, for a judge",
        "checked": "list of what was said in other words, without pressure, for a judge",
    },
)
