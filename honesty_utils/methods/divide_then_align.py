"""DIVIDE-THEN-ALIGN: answer by knowledge or by passages, refuse where neither has the answer.

Sun et al. (arXiv 2505.20871, ACL 2025) divide questions into quadrants: known without passages or not, passages with
the answer or without (`knowledge.quadrants`). Each has preferences of its own, which DPO learns with the mean loss of
the preferred reply added in full (beta 0.1, weight 1):

| quadrant | preferred | to |
|---|---|---|
| kg | the right answer, if M_t is right with and without passages | the refusal |
| kn | the right answer | the refusal, or a wrong answer with passages (WA1) |
| ug | the right answer | the refusal, WA1, or a wrong answer without passages (WA2) |
| un | the refusal | the right answer, WA1, or WA2 |

A question has one of its pairs, by lot. Seven of ten are of `un`, the others share the rest alike, as in the authors'
script. The right answer is M_t's own where it has one, as with the other methods here; wrong ones are all its own.
Whether passages hold the answer is told by words, where the authors ask a large model.

The paper has a third loss, of a head that tells the quadrant. In its released code the head is made outside the model
that the optimizer is given, so that it stays as it was drawn at random, and it reads the reply without its prompt: all
that it does is to push the model through random weights. It is not built here; this method is theirs without it.

The set that has passages is named by ``rows.open_book``. ABSOLUTE's rows of the same set are the baseline that divides
nothing: refuse what M_t gets wrong *with* passages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from pydantic import Field

from honesty_utils.common import prompts as wording
from honesty_utils.common.records import PAIRS
from honesty_utils.common.settings import Prompts, Section
from honesty_utils.knowledge import Answered, answered
from honesty_utils.knowledge.quadrants import KG, KN, QUADRANTS, UG, UN, holds, quadrant
from honesty_utils.knowledge.selection import BOOK, CLOSED, OPEN
from honesty_utils.methods import absolute
from honesty_utils.methods.finetuned import gold_sentence
from honesty_utils.methods.lots import lot
from honesty_utils.methods.plan import TRAINED, Method, Stage

REFUSAL, RIGHT, WRONG_OPEN, WRONG_CLOSED = "refusal", "right", "wrong with passages", "wrong without"
PAIRED: Mapping[str, tuple[tuple[str, str], ...]] = {
    KG: ((RIGHT, REFUSAL),),
    KN: ((RIGHT, REFUSAL), (RIGHT, WRONG_OPEN)),
    UG: ((RIGHT, REFUSAL), (RIGHT, WRONG_OPEN), (RIGHT, WRONG_CLOSED)),
    UN: ((REFUSAL, RIGHT), (REFUSAL, WRONG_OPEN), (REFUSAL, WRONG_CLOSED)),
}
"""Preferred reply and the other one, of each quadrant."""


Pairs = list[tuple[str, str, str | None, str | None, bool]]
"""Rows of PAIRS."""


class Options(Section):
    """Options of DIVIDE-THEN-ALIGN; the defaults are those of its paper and script."""

    tau: float = Field(1.0, ge=0, le=1, description="known iff expected accuracy without passages is at least this")
    share: float | None = Field(
        0.7, gt=0, lt=1, description="of the pairs that are of un, the others share the rest alike; none: as they come"
    )
    every_pair: bool = Field(False, description="all pairs of a question in place of one, where questions are few")
    capitalize: bool = Field(True, description="the first letter of a gold answer, where M_t has no right one")
    seed: int = Field(0, ge=0, description="of what is drawn by lot")

    def known(self) -> absolute.Options:
        """ABSOLUTE with this threshold, where a right greedy answer makes nothing known."""
        return absolute.Options(tau=self.tau, greedy_suffices=False, seed=self.seed)


@dataclass(frozen=True)
class Read:
    """A question with what M_t said to it with passages and without, and its quadrant."""

    quadrant: str
    opened: Answered
    closed: Answered

    def replies(self, refusal: str, capitalize: bool) -> dict[str, str | None]:
        """What pairs are made of, by name; none where there is no such answer."""
        right = self.opened.greedy or self.closed.greedy or next(iter((*self.opened.right, *self.closed.right)), None)
        right = right or gold_sentence(self.opened, capitalize)
        return {REFUSAL: refusal, RIGHT: right, WRONG_OPEN: _wrong(self.opened), WRONG_CLOSED: _wrong(self.closed)}

    @property
    def agrees(self) -> bool:
        """Whether M_t is right with passages and without."""
        return self.opened.greedy is not None and self.closed.greedy is not None


def read(labels: pd.DataFrame, options: Options) -> list[Read]:
    """Questions with their quadrants, in the order in which they first appear; without those that cannot be told.

    Args:
        labels: as for `pairs`.
        options: what counts as known.
    """
    closed = {item.question_id: item for item in answered(labels[labels[BOOK] == CLOSED])}
    shown = labels[labels[BOOK] == OPEN]
    passages = dict(zip(shown["question_id"], shown["passages"], strict=True))
    found = []
    for item in answered(shown):
        known = absolute.is_known(closed[item.question_id], options.known())
        place = quadrant(known, holds(passages[item.question_id], item.answers))
        if place is not None:
            found.append(Read(place, item, closed[item.question_id]))
    return found


def looked_at(labels: pd.DataFrame, options: Options) -> pd.DataFrame:
    """Each question with its quadrant and M_t's greedy outcomes ``without`` passages and ``with`` them, for a look."""
    rows = [
        (one.opened.question_id, one.opened.question, one.quadrant, one.closed.outcome, one.opened.outcome)
        for one in read(labels, options)
    ]
    return pd.DataFrame(rows, columns=["question_id", "question", "quadrant", "without", "with"])


def pairs(labels: pd.DataFrame, prompts: Prompts, options: Options) -> pd.DataFrame:
    """Preferences by quadrant.

    Args:
        labels: LABELS columns with ``question``, ``answers``, ``passages`` and ``book``: M_t's answers to the same
            questions with passages ("open") and without ("closed"); with sampled responses.
        prompts: holds the honest prompt and the refusal sentence.
        options: threshold and mix.

    Returns:
        PAIRS columns, questions in the order in which they first appear. A question whose lot is a pair that it lacks,
        as M_t gave no wrong answer, has the next one of its quadrant.

    Raises:
        ValueError: a share of `un` where there is nothing of `un`, or of nothing else.
    """
    made: list[tuple[str, Pairs]] = []
    for one in read(labels, options):
        if one.quadrant == KG and not one.agrees:
            continue
        item, said = one.opened, one.replies(prompts.refusal, options.capitalize)
        prompt = wording.render(prompts, "honest", item.question, item.choices)
        listed = [
            (item.question_id, prompt, said[better], said[worse], better == REFUSAL)
            for better, worse in _in_turn(PAIRED[one.quadrant], lot(item.question_id, options.seed, 0))
            if said[better] is not None and said[worse] is not None
        ]
        made.append((one.quadrant, listed if options.every_pair else listed[:1]))
    kept = _mixed(made, options)
    return pd.DataFrame([row for _, rows in kept for row in rows], columns=PAIRS.schema.names)


def _in_turn(kinds: Sequence[tuple[str, str]], number: float) -> list[tuple[str, str]]:
    """The pairs of a quadrant, from the one on that a number in [0, 1) draws."""
    first = int(number * len(kinds))
    return [*kinds[first:], *kinds[:first]]


def _mixed(made: Sequence[tuple[str, Pairs]], options: Options) -> list[tuple[str, Pairs]]:
    """The questions whose pairs are kept: the most that the share of `un` allows, drawn by lot."""
    if options.share is None:
        return list(made)
    numbers = {name: sum(len(rows) for place, rows in made if place == name) for name in QUADRANTS}
    shares = {name: options.share if name == UN else (1 - options.share) / 3 for name in QUADRANTS}
    total = min(numbers[name] / shares[name] for name in QUADRANTS)
    if total * min(shares.values()) < 1:
        raise ValueError(
            f"divide_then_align: pairs by quadrant are {numbers}, of which no mix with {options.share:g} of un can be "
            "made: give more training questions or other passages, or set share: null"
        )
    left = {name: round(total * shares[name]) for name in QUADRANTS}
    kept = []
    for place in sorted(range(len(made)), key=lambda place: lot(_key(made[place]), options.seed, 1)):
        name, rows = made[place]
        taken = rows[: left[name]]
        left[name] -= len(taken)
        kept.append((place, (name, taken)))
    return [question for _, question in sorted(kept, key=lambda one: one[0])]


def _key(question: tuple[str, Pairs]) -> str:
    return str(question[1][0][0]) if question[1] else ""


def _wrong(item: Answered) -> str | None:
    """M_t's wrong answer: the greedy one, else its first wrong sample."""
    if item.outcome == "wrong" and item.said:
        return item.said
    return next((text for text, outcome in item.samples if outcome == "wrong" and text), None)


METHOD = Method(
    label="DIVIDE-THEN-ALIGN",
    rule="preferences by whether M_t knows a question and its passages hold the answer; refuse where neither",
    options=Options,
    stages=(
        Stage(
            pairs,
            objective="dpo",
            closed_book=True,
            rows_per_question=3,
            given={"beta": 0.1, "sft_weight": 1.0},
            lacking="no sample could be scored, M_t gave no wrong answer, or the mix of quadrants has no room for it",
        ),
    ),
    color="#8C510A",
    notebook="43_retrieval",
    search={
        **TRAINED,
        "training.learning_rate": (3e-6, 1e-5, 3e-5, 1e-4),
        "options.share": (0.3, 0.5, 0.7),
        "stages.aligned.objective.beta": (0.05, 0.1, 0.3),
    },
)
