"""Measures signals of answers, and lays their values out a column each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from honesty_utils.common import records
from honesty_utils.engines import Asks, ScoringEngine, States
from honesty_utils.knowledge.signals.registry import SIGNALS
from honesty_utils.knowledge.signals.signal import Evidence, Signal

ANSWER = ("question_id", "text", "num_tokens", "mean_logprob")
"""Columns of an answer that signals may look at."""


def asks(names: Iterable[str]) -> set[Asks]:
    """What the signals ``names`` ask of an engine; see ``engines.can``.

    Raises:
        ValueError: an unknown signal.
    """
    return {_signal(name).asks for name in names}


def needs_samples(names: Iterable[str]) -> bool:
    """Whether one of the signals ``names`` looks at sampled answers.

    Raises:
        ValueError: an unknown signal.
    """
    return any(_signal(name).needs_samples for name in names)


def measure(
    names: Iterable[str],
    answers: pd.DataFrame,
    states: States | None = None,
    head: str | Path | None = None,
    samples: pd.DataFrame | None = None,
    questions: Sequence[str] | None = None,
    shown: Sequence[str] | None = None,
    engine: ScoringEngine | None = None,
    prompts: Sequence[str] | None = None,
    refusal: str | None = None,
) -> pd.DataFrame:
    """Measure signals.

    Args:
        names: keys of `SIGNALS`.
        answers: a row a question: ``question_id``, ``text``, ``num_tokens`` and ``mean_logprob``; others are ignored.
        states: hidden states of the questions' prompts, (questions, width), in the order of ``answers``, of the
            layer of ``heads.load(head)``; for signals that ask "hidden".
        head: folder of a trained head.
        samples: sampled answers, ``question_id`` and ``text``; for signals that need them.
        questions: text of the question of each answer; for the same.
        shown: the same with their options, as they are asked; for signals that ask about an answer.
        engine: holds the model; for signals that ask "score" or "generate".
        prompts: what each answer was the answer to, whole; for signals that read it anew.
        refusal: the sentence that refuses; for the same.

    Returns:
        A SIGNALS frame: questions in order, one signal after the other; NaN where a signal cannot be told.

    Raises:
        ValueError: an unknown signal, missing columns, a repeated question, states that are missing or not one a
            question.
    """
    chosen = {name: _signal(name) for name in names}
    missing = sorted(set(ANSWER) - set(answers.columns))
    if missing:
        raise ValueError(f"signals: answers lack the columns {missing}; give RESPONSES rows")
    repeated = answers["question_id"].duplicated()
    if repeated.any():
        question = answers.loc[repeated, "question_id"].iloc[0]
        raise ValueError(f"signals: {repeated.sum()} questions have a second answer, such as {question!r}; give one")
    if states is not None and len(states) != len(answers):
        raise ValueError(f"signals: {len(states)} hidden states for {len(answers)} answers; give one each, in order")
    folder = None if head is None else Path(head)
    evidence = Evidence(answers, states, folder, samples, questions, shown, engine, prompts, refusal)
    ids = answers["question_id"].to_numpy()
    parts = [
        pd.DataFrame({"question_id": ids, "signal": name, "value": signal.measure(evidence)})
        for name, signal in chosen.items()
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=records.SIGNALS.schema.names)


def wide(frame: pd.DataFrame) -> pd.DataFrame:
    """One row a question and one column a signal: ``question_id`` first, both in the order of ``frame``.

    Args:
        frame: SIGNALS rows. A signal that a question has no row of is NaN there.
    """
    ids, names = frame["question_id"].drop_duplicates(), frame["signal"].drop_duplicates().tolist()
    table = frame.set_index(["question_id", "signal"])["value"].astype(float).unstack()
    table = table.reindex(index=ids, columns=names)
    table.columns.name = None
    return table.reset_index()


def _signal(name: str) -> Signal:
    if name not in SIGNALS:
        raise ValueError(f"signal {name!r}; known: {sorted(SIGNALS)}")
    return SIGNALS[name]
