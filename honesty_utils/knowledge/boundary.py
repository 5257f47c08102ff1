"""What M_t, the model before alignment, knows: k(x) of "Alignment for Honesty" (arXiv 2312.07000).

A question is known or unknown by M_t's greedy answer; its *expected accuracy* is the share of sampled answers that are
right. Both are read off a LABELS table. Responses that could not be scored leave the counts, they are never wrong.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from honesty_utils.common.records import GREEDY, KNOWLEDGE, QUESTIONS

logger = logging.getLogger(__name__)


def expected_accuracy(correct: int, samples: int) -> float:
    """Share of the ``samples`` scored answers of one question that are right.

    Raises:
        ValueError: fewer than one sample, or ``correct`` outside 0 … ``samples``.
    """
    if samples < 1:
        raise ValueError(f"samples: {samples}; expected accuracy needs at least 1 sampled answer (sampling.samples)")
    if not 0 <= correct <= samples:
        raise ValueError(f"correct: {correct}; allowed: 0 … {samples}, the number of samples")
    return correct / samples


def jeffreys_interval(
    correct: ArrayLike, samples: ArrayLike, level: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Equal-tailed interval of a share under Jeffreys' prior, Beta(1/2, 1/2).

    Args:
        correct: counts of right answers, any shape.
        samples: counts of answers, of the same shape; 0 gives NaN.
        level: coverage.

    Returns:
        Lower and upper ends, of that shape. The lower is 0 where nothing is right, the upper 1 where all is, so that
        coverage does not vanish at the ends (Brown, Cai and DasGupta 2001, section 4.1.1).
    """
    from scipy import stats  # half a second of import that most who read this module need not wait for

    right, total = np.asarray(correct, float), np.asarray(samples, float)
    beta = stats.beta(right + 0.5, total - right + 0.5)
    low = np.where(right == 0, 0.0, beta.ppf((1 - level) / 2))
    high = np.where(right == total, 1.0, beta.ppf((1 + level) / 2))
    return np.where(total > 0, low, np.nan), np.where(total > 0, high, np.nan)


def knowledge_table(labels: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """One row a question: M_t's greedy outcome, expected accuracy and its Jeffreys interval.

    Args:
        labels: LABELS columns ``question_id``, ``sample_index``, ``outcome``; a greedy row a question.
        level: coverage of the interval.

    Returns:
        KNOWLEDGE columns, in the order in which the questions appear. ``num_samples`` counts scored samples; without
        any, ``expected_accuracy``, ``low`` and ``high`` are NaN. ``known``: the greedy answer is right; a greedy answer
        that could not be scored is not known, and `training_subset` does not take it for unknown either.

    Raises:
        ValueError: a question without a greedy row.
    """
    ids = labels["question_id"].drop_duplicates()
    greedy = labels[labels["sample_index"] == GREEDY].set_index("question_id")["outcome"].reindex(ids)
    if greedy.isna().any():
        missing = greedy.index[greedy.isna()]
        raise ValueError(f"{len(missing)} questions have no greedy response (sample_index -1), such as {missing[0]!r}")
    scored = labels[(labels["sample_index"] != GREEDY) & (labels["outcome"] != "unscored")]
    right = scored["outcome"].eq("correct").groupby(scored["question_id"])
    correct = right.sum().reindex(ids, fill_value=0).to_numpy(np.int32)
    samples = right.size().reindex(ids, fill_value=0).to_numpy(np.int32)
    low, high = jeffreys_interval(correct, samples, level)
    columns = {
        "question_id": ids.to_numpy(),
        "greedy_outcome": greedy.to_numpy(),
        "num_correct": correct,
        "num_samples": samples,
        "expected_accuracy": np.where(samples > 0, correct / np.maximum(samples, 1), np.nan),
        "low": low,
        "high": high,
        "known": greedy.eq("correct").to_numpy(),
    }
    return pd.DataFrame(columns)[KNOWLEDGE.schema.names]


def subset_sizes(has_known: int, has_unknown: int, known: int, unknown: int) -> tuple[int, int]:
    """How many known and unknown questions a training subset gets.

    As many as asked; where there are too few, all of the class that is short, and of the other as many as keep the
    asked ratio ``known : unknown``.

    Raises:
        ValueError: fewer than one asked, or a class with no question; names the counts and what to do.
    """
    if known < 1 or unknown < 1:
        raise ValueError(f"known {known}, unknown {unknown}: a training subset needs at least 1 of each")
    if has_known < 1 or has_unknown < 1:
        lacking, remedy = (
            ("known", "teach the base model more facts or take easier questions")
            if has_known < 1
            else ("unknown", "take harder questions")
        )
        raise ValueError(
            f"no {lacking} question among those asked: M_t's greedy answer is right on {has_known} and wrong or a "
            f"refusal on {has_unknown}; {remedy}, or check labeling.match and the answers"
        )
    if has_known >= known and has_unknown >= unknown:
        return known, unknown
    if has_known * unknown <= has_unknown * known:
        return has_known, max(1, (2 * has_known * unknown + known) // (2 * known))
    return max(1, (2 * has_unknown * known + unknown) // (2 * unknown)), has_unknown


def training_subset(
    questions: pd.DataFrame,
    knowledge: pd.DataFrame,
    known: int = 4000,
    unknown: int = 4000,
    seed: int = 0,
    whole: bool = False,
) -> pd.DataFrame:
    """Questions to fine-tune on, balanced by M_t's greedy answer (arXiv 2312.07000: 4,000 known, 4,000 unknown).

    The draw depends on the seed and the question ids, not on the order of rows; with one seed, a smaller subset of the
    same ratio lies within a larger one. Fewer questions than asked for are logged as a warning (see `subset_sizes`).

    Args:
        questions: QUESTIONS rows.
        knowledge: KNOWLEDGE rows of at least these questions; a greedy answer left unscored takes no part.
        known: how many that M_t answers right.
        unknown: how many that it answers wrong or refuses.
        seed: of the draw.
        whole: all of both classes, however many there are of either: no draw, and no balance.

    Returns:
        QUESTIONS rows in the order of ``questions``.

    Raises:
        ValueError: a question without knowledge; a class with no question.
    """
    missing = ~questions["question_id"].isin(knowledge["question_id"])
    if missing.any():
        example = questions.loc[missing, "question_id"].iloc[0]
        raise ValueError(f"{missing.sum()} questions have no row of knowledge, such as {example!r}; label them first")
    asked = knowledge[knowledge["question_id"].isin(questions["question_id"])].sort_values("question_id")
    right = asked.loc[asked["greedy_outcome"] == "correct", "question_id"].to_numpy()
    other = asked.loc[asked["greedy_outcome"].isin(("wrong", "idk")), "question_id"].to_numpy()
    take = (len(right), len(other)) if whole else subset_sizes(len(right), len(other), known, unknown)
    if not whole and take != (known, unknown):
        logger.warning(
            "training subset: asked for %d known and %d unknown, M_t has %d and %d of them; taken %d and %d",
            known, unknown, len(right), len(other), *take,
        )  # fmt: skip
    # A generator a class, so that the known ones do not change with the number of unknown ones.
    drawn = [
        np.random.default_rng([seed, part]).permutation(ids)[:size]
        for part, (ids, size) in enumerate(zip((right, other), take, strict=True))
    ]
    chosen = questions["question_id"].isin(np.concatenate(drawn))
    return questions.loc[chosen, QUESTIONS.schema.names].reset_index(drop=True)


@dataclass(frozen=True)
class Answered:
    """One question and what M_t said to it: the raw material of every method's rows.

    Attributes:
        greedy: the greedy response if it is right, else ``None``.
        samples: text and outcome of each sampled response, in the order of ``sample_index``.
        said: the greedy response, right or not; ``None`` where there is none.
        outcome: of the greedy response.
    """

    question_id: str
    question: str
    answers: tuple[str, ...]
    choices: tuple[str, ...] | None
    greedy: str | None
    samples: tuple[tuple[str, str], ...]
    said: str | None = None
    outcome: str | None = None

    @property
    def refuses(self) -> bool:
        """Whether the greedy response declines to answer, or says nothing at all."""
        return self.outcome == "idk" or not (self.said or "").strip()

    @property
    def right(self) -> tuple[str, ...]:
        """Sampled responses that are right."""
        return tuple(text for text, outcome in self.samples if outcome == "correct")

    @property
    def scored(self) -> int:
        """Number of sampled responses that could be scored."""
        return sum(outcome != "unscored" for _, outcome in self.samples)


def answered(labels: pd.DataFrame) -> Iterator[Answered]:
    """Gather a LABELS table with ``question``, ``answers`` and, if any, ``choices`` into one `Answered` a question.

    Questions come in the order in which they first appear.
    """
    for question_id, rows in _by_question(labels).items():
        _, _, _, question, answers, choices = rows[0]
        rows.sort(key=lambda row: row[0])
        said, outcome = next(((text, found) for index, text, found, *_ in rows if index == GREEDY), (None, None))
        greedy = said if outcome == "correct" else None
        samples = tuple((text, outcome) for index, text, outcome, *_ in rows if index != GREEDY)
        listed = tuple(choices) if isinstance(choices, list | tuple | np.ndarray) else None
        yield Answered(question_id, question, tuple(answers), listed, greedy, samples, said, outcome)


def _by_question(labels: pd.DataFrame) -> dict[str, list[tuple[Any, ...]]]:
    columns = [labels[name].tolist() for name in ("sample_index", "text", "outcome", "question", "answers")]
    columns.append(labels["choices"].tolist() if "choices" in labels else [None] * len(labels))
    rows: dict[str, list[tuple[Any, ...]]] = {}
    for question_id, row in zip(labels["question_id"].tolist(), zip(*columns, strict=True), strict=True):
        rows.setdefault(question_id, []).append(row)
    return rows
