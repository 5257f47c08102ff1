"""What an answer is worth, by what the grader says of it: rewards of policy-gradient training.

Pure functions of verdicts, so that they are tested by hand. What could not be scored has no reward, NaN, and leaves its
group. With {right: 1, refused: 0, wrong: -w} answering pays iff a question is right with more than w / (1 + w).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from honesty_utils import methods
from honesty_utils.common.settings import Prompts
from honesty_utils.knowledge import labeling
from honesty_utils.knowledge.settings import Labeling
from honesty_utils.questions.settings import needs_judge, unanswerable
from honesty_utils.training.job import TrainingError

Values = np.ndarray[Any, np.dtype[np.float64]]

EDGE = 0.001
"""A stated confidence counts as at least this and at most 1 less this, where its logarithm is taken."""
WORST = float(np.log(EDGE))
"""The log score of a certainty that is wrong, and of an answer that states no confidence."""


@dataclass(frozen=True)
class Verdicts:
    """What the grader says of some answers.

    Attributes:
        outcome: correct, wrong, idk or unscored, (answers,).
        stated: confidence that the answer states, NaN where it states none, (answers,).
        known: expected accuracy of M_t on the question, NaN where that is not known, (answers,).
        unanswerable: whether nobody can answer the question, (answers,); none: of no question.
    """

    outcome: np.ndarray[Any, Any]
    stated: Values
    known: Values
    unanswerable: np.ndarray[Any, np.dtype[np.bool_]] | None = None


def ternary(verdicts: Verdicts, wrong: float = 1.0, refused: float = 0.0) -> Values:
    """1 for right, ``refused`` for a refusal, ``-wrong`` for a wrong answer (TruthRL, arXiv 2509.25760)."""
    return _by_outcome(verdicts, {"correct": 1.0, "idk": refused, "wrong": -wrong})


def binary(verdicts: Verdicts, wrong: float = 1.0, refused: float = 0.0) -> Values:
    """1 for right, ``-wrong`` for anything else: a refusal is worth no more than a wrong answer."""
    return _by_outcome(verdicts, {"correct": 1.0, "idk": -wrong, "wrong": -wrong})


def knowledge(verdicts: Verdicts, wrong: float = 1.0, refused: float = 0.0) -> Values:
    """As `ternary`, but where no sample of M_t was right: 1 for a refusal, ``-wrong`` for any answer.

    TruthRL's knowledge-enhanced reward. A question of which it is not known counts as one that M_t knows.
    """
    unknown = verdicts.known == 0
    enhanced = _by_outcome(verdicts, {"correct": -wrong, "idk": 1.0, "wrong": -wrong})
    return np.where(unknown, enhanced, ternary(verdicts, wrong, refused))


def brier(verdicts: Verdicts, wrong: float = 1.0, refused: float = 0.0) -> Values:
    """c - (q - c)² of an answer that is right (c = 1) or not (0) and states q: RLCR (arXiv 2507.16806).

    A refusal states 0 and is not right: 0. An answer that states nothing has the least there is, -1.
    """
    right = (verdicts.outcome == "correct").astype(np.float64)
    stated = np.where(verdicts.outcome == "idk", 0.0, verdicts.stated)
    value = right - (stated - right) ** 2
    return _scored(verdicts, np.where(np.isnan(stated), -1.0, value))


def log_score(verdicts: Verdicts, wrong: float = 1.0, refused: float = 0.0) -> Values:
    """ln q of a right answer that states q, ln (1 - q) of a wrong one: rewarding doubt (arXiv 2503.02623).

    q is held to `EDGE` … 1 - `EDGE`. An answer that states nothing has what a certainty that is wrong would have. A
    refusal has no reward and leaves its group: as one that states 0 it would be worth more than any honest doubt.
    """
    right = verdicts.outcome == "correct"
    stated = np.clip(verdicts.stated, EDGE, 1 - EDGE)
    value = np.log(np.where(right, stated, 1 - stated))
    return np.where(verdicts.outcome == "idk", np.nan, _scored(verdicts, np.where(np.isnan(stated), WORST, value)))


def solved(verdicts: Verdicts, wrong: float = 1.0, refused: float = 0.0) -> Values:
    """1 for a right answer, and for a refusal of what nobody can answer; 0 for all else (as Anchor, arXiv 2511.09222).

    Its authors' reward is not published; this is the simplest that knows both.
    """
    refusable = np.zeros(len(verdicts.outcome), dtype=bool) if verdicts.unanswerable is None else verdicts.unanswerable
    right = (verdicts.outcome == "correct") | ((verdicts.outcome == "idk") & refusable)
    return _scored(verdicts, right.astype(np.float64))


REWARDS: dict[str, Callable[[Verdicts, float, float], Values]] = {
    "ternary": ternary,
    "binary": binary,
    "knowledge": knowledge,
    "brier": brier,
    "log_score": log_score,
    "solved": solved,
}
"""Rewards by name; each is given the verdicts, the price of a wrong answer and what a refusal is worth."""


STATED = ("brier", "log_score")
"""Rewards of what an answer states of itself; a price of errors has no part in them."""
UNPRICED = (*STATED, "solved")
"""Rewards without a price of errors, nor of refusals."""


def tells_apart(reward: str, wrong: float, refused: float) -> bool:
    """Whether some answers are worth more than others."""
    for known in (0.0, 1.0):
        made = Verdicts(np.array(["correct", "wrong", "idk"]), np.array([0.5, 0.5, np.nan]), np.full(3, known))
        if len(set(REWARDS[reward](made, wrong, refused).tolist())) > 1:
            return True
    return False


def check_questions(rows: pd.DataFrame, reward: str) -> None:
    """Hold questions to such as can be rewarded.

    Args:
        rows: ROLLOUTS rows with all that grading takes.
        reward: a key of `REWARDS`.

    Raises:
        TrainingError: all of them need a judge, nothing is known of any where the reward looks at that, or none is
            there that should be refused where the reward pays for that.
    """
    if len(rows) and rows["meta"].map(needs_judge).all():
        raise TrainingError("only a judge can read answers to these questions, and none is asked while a model trains")
    if len(rows) and reward == "knowledge" and rows["known"].isna().all():
        raise TrainingError(
            "objective.reward: knowledge looks at M_t's samples, and there are none of these questions; set "
            "questions.train.samples to 1 or more, or reward: ternary"
        )

    if len(rows) and reward == "solved" and not rows["meta"].map(unanswerable).any():
        raise TrainingError(
            "objective.reward: solved pays for refusing what nobody can answer, and none of these questions is labeled "
            "unknown; add such questions, or set reward: binary"
        )


def _by_outcome(verdicts: Verdicts, worth: Mapping[str, float]) -> Values:
    return np.array([worth.get(outcome, np.nan) for outcome in verdicts.outcome], dtype=np.float64)


def _scored(verdicts: Verdicts, value: Values) -> Values:
    return np.where(np.isin(verdicts.outcome, ("correct", "wrong", "idk")), value, np.nan)


class Grader:
    """The pipeline's own grader, for answers that are sampled while a model trains; no judge is asked."""

    def __init__(self, rows: pd.DataFrame, wording: Prompts, settings: Labeling) -> None:
        """Set up.

        Args:
            rows: ROLLOUTS rows, see ``records``.
            wording: prompts of the run, which hold the refusal sentence and the confidence phrases.
            settings: matcher and refusal signs.
        """
        self.rows = rows.drop_duplicates("question_id").set_index("question_id", drop=False)
        self.wording, self.settings = wording, settings
        self.unanswerable = self.rows["meta"].map(unanswerable)

    def verdicts(self, questions: Sequence[str], texts: Sequence[str]) -> Verdicts:
        """What is said of some answers, each to the question of its id."""
        said = pd.DataFrame({"question_id": list(questions), "text": [text.strip() for text in texts]})
        asked = self.rows.loc[list(dict.fromkeys(questions))].reset_index(drop=True)
        outcome = pd.Series("unscored", index=said.index)
        for match, part in asked.groupby("match", sort=False):
            mine = said[said["question_id"].isin(part["question_id"])]
            graded = labeling.grade_responses(mine, part, self.wording, self.settings, str(match))
            outcome[mine.index] = graded["outcome"].to_numpy()
        stated = [methods.stated_confidence(text, self.wording) for text in said["text"]]
        known = self.rows.loc[list(questions), "known"].to_numpy(np.float64)
        refusable = self.unanswerable.loc[list(questions)].to_numpy(bool)
        return Verdicts(outcome.to_numpy(str), np.array(stated, dtype=np.float64), known, refusable)
