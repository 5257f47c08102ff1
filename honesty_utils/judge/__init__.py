"""A language model as judge, over any engine: where string rules end, and where no right answer exists.

`open_judge` makes a `Referee` from the ``judge`` section of a params file; the functions take one and return a
`Verdict` each, whose value is ``None`` where the judge could not be read: unscored, never a default.
"""

from honesty_utils.judge.answers import (
    AnsweredQuestion,
    agreement,
    extract,
    judge_table,
    options,
    rate,
    refusals,
    verify,
)
from honesty_utils.judge.helpfulness import (
    AnsweredRequest,
    harmlessness,
    helpfulness,
    judge_answers,
    preference,
    yielding,
)
from honesty_utils.judge.reading import NO_ANSWER, NO_OPTION, Unreadable
from honesty_utils.judge.referee import Inquiry, JudgeError, Referee, Spent, Verdict, open_judge
from honesty_utils.judge.trust import judge_labelled, read_labelled

__all__ = [
    "NO_ANSWER",
    "NO_OPTION",
    "AnsweredQuestion",
    "AnsweredRequest",
    "Inquiry",
    "JudgeError",
    "Referee",
    "Spent",
    "Unreadable",
    "Verdict",
    "agreement",
    "extract",
    "harmlessness",
    "helpfulness",
    "judge_answers",
    "judge_labelled",
    "judge_table",
    "open_judge",
    "options",
    "preference",
    "rate",
    "read_labelled",
    "refusals",
    "verify",
    "yielding",
]
