"""What a signal of sureness is, and what its measure is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from honesty_utils.engines import Asks, ScoringEngine, States

Values = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Evidence:
    """What is known of the questions that a signal is measured on.

    Attributes:
        answers: a row a question: ``question_id``, ``text``, ``num_tokens`` and ``mean_logprob``.
        states: hidden states, shape (questions, width), in the order of ``answers``; for signals that ask "hidden".
        head: folder of a trained head, see `head.Head`; for the signal `head`.
        samples: ``question_id`` and ``text`` of sampled answers; for signals that need them.
        questions: text of the question of each answer, in their order; for the same.
        shown: the same with their options, as they are asked; for signals that ask about an answer.
        engine: holds the model whose answers these are; for signals that ask "score" or "generate".
        prompts: what each answer was the answer to, whole; for signals that read it anew.
        refusal: the sentence that refuses; for the same.
    """

    answers: pd.DataFrame
    states: States | None = None
    head: Path | None = None
    samples: pd.DataFrame | None = None
    questions: Sequence[str] | None = None
    shown: Sequence[str] | None = None
    engine: ScoringEngine | None = None
    prompts: Sequence[str] | None = None
    refusal: str | None = None


@dataclass(frozen=True)
class Signal:
    """How sure a model is of its answers: a number a question, higher is surer.

    Attributes:
        measure: ``Evidence -> values`` (questions,), NaN where it cannot be told; never a value that stands for that.
        asks: of the engine, see ``engines.Asks``.
        label: display name.
        needs_gold: looks at gold answers, so it is a bound and no way of answering.
        needs_samples: looks at sampled answers, which a question then has to have.
    """

    measure: Callable[[Evidence], Values]
    asks: Asks
    label: str
    needs_gold: bool = False
    needs_samples: bool = False


def after_answers(
    evidence: Evidence, signal: str, ask: Callable[[str, str], str], replies: Sequence[str]
) -> dict[int, list[list[float]]]:
    """How likely some replies are to what a model is asked after its own answer.

    Args:
        evidence: an engine that scores, answers and their prompts.
        signal: that asks, for errors.
        ask: ``(prompt, answer) -> prompt`` of what is asked.
        replies: compared with each other.

    Returns:
        Log-probabilities of the tokens of each reply, by the place of the answer; empty answers, of which there is
        nothing to ask, have none.

    Raises:
        ValueError: no engine, or no prompts.
    """
    if evidence.engine is None or evidence.prompts is None:
        raise ValueError(f"signal {signal!r}: needs an engine that scores and the prompts; give both")
    said = zip(evidence.prompts, evidence.answers["text"].tolist(), strict=True)
    texts = {place: ask(prompt, answer) for place, (prompt, answer) in enumerate(said) if answer.strip()}
    told = evidence.engine.logprobs([(text, reply) for text in texts.values() for reply in replies])
    return {place: told[at * len(replies) : (at + 1) * len(replies)] for at, place in enumerate(texts)}
