"""How far a judge can be trusted: its verdicts beside those of people, or of a rule, on the same replies.

A labeled file is JSONL, CSV or Parquet with ``question``, ``answers`` (or ``choices`` and ``answer_index``), the reply
``text`` and its ``label``, which is ``correct`` or ``wrong``::

    {"question": "Capital of France?", "answers": ["Paris"], "text": "The City of Light.", "label": "correct"}
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from honesty_utils.judge.answers import AnsweredQuestion, agreement, options
from honesty_utils.judge.referee import Referee
from honesty_utils.questions import QuestionError
from honesty_utils.questions.sets import jsonl
from honesty_utils.questions.settings import QuestionSet

LABELS = ("correct", "wrong")


def read_labelled(path: str | Path) -> pd.DataFrame:
    """Replies with their labels: ``question``, ``answers``, ``choices``, ``answer_index``, ``text``, ``label``.

    Raises:
        QuestionError: no such file, no rows, or a row without text or with another label; names file and row.
    """
    rows = []
    for item in jsonl.read(QuestionSet(source="jsonl", path=str(path))):
        text, label = item.meta.get("text"), item.meta.get("label")
        if not isinstance(text, str):
            raise QuestionError(f"{item.where}: text is {text!r}; the reply that was labelled is needed")
        if label not in LABELS:
            raise QuestionError(f"{item.where}: label is {label!r}; allowed: {', '.join(LABELS)}")
        rows.append((item.question, list(item.answers), item.choices, item.answer_index, text, label))
    if not rows:
        raise QuestionError(f"{path}: no rows; at least one labelled reply is needed")
    columns = ["question", "answers", "choices", "answer_index", "text", "label"]
    return pd.DataFrame(
        {name: pd.Series(column, dtype=object) for name, column in zip(columns, zip(*rows, strict=True), strict=True)}
    )


def judge_labelled(referee: Referee, labelled: pd.DataFrame) -> pd.DataFrame:
    """LABELLED table: the judge's own verdict on each reply, string rules apart, beside its label."""
    replies = [
        AnsweredQuestion(*row)
        for row in labelled[["question", "text", "answers", "choices", "answer_index"]].itertuples(index=False)
    ]
    verdicts: dict[int, str] = {}
    free = [place for place, reply in enumerate(replies) if reply.choices is None]
    for place, score in zip(free, agreement(referee, [replies[place] for place in free]), strict=True):
        verdicts[place] = _verdict(None if score.value is None else score.value > referee.settings.threshold)
    lettered = [place for place, reply in enumerate(replies) if reply.choices is not None]
    for place, meant in zip(lettered, options(referee, [replies[place] for place in lettered]), strict=True):
        verdicts[place] = _verdict(None if meant.value is None else meant.value == replies[place].answer_index)
    return pd.DataFrame(
        {
            "row": range(len(replies)),
            "label": labelled["label"].tolist(),
            "verdict": [verdicts[i] for i in range(len(replies))],
        }
    )


def _verdict(right: bool | None) -> str:
    return "unscored" if right is None else "correct" if right else "wrong"
