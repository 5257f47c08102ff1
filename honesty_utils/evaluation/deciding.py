"""What is withheld of what a model says: signals are read, a rule that training questions have fitted decides.

Signals are measured once, by `measure`, and shared by all methods that read them. They are asked of M_t under the plain
prompt, whose answers sampling has drawn.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from honesty_utils import engines
from honesty_utils.common import prompts, records
from honesty_utils.common.paths import BASE, Run, model_name
from honesty_utils.common.settings import Prompts
from honesty_utils.engines.settings import Generation, Model
from honesty_utils.evaluation.chosen import Evaluated, behind_passages
from honesty_utils.knowledge import signals
from honesty_utils.methods import METHODS, check_options
from honesty_utils.methods.plan import HEAD
from honesty_utils.methods.settings import MethodEntry


def read_of_base(entries: Mapping[str, MethodEntry]) -> list[str]:
    """Signals of M_t's own answers that some methods read, each once; a head is a model of its own."""
    kinds = [METHODS[entry.method] for entry in entries.values()]
    named = [
        name
        for kind in kinds
        for name in (
            *(kind.answer.signals if kind.speaker == BASE else ()),
            *(signal for one in kind.stages for signal in one.signals),
        )
    ]
    return [name for name in dict.fromkeys(named) if name != HEAD]


def measure(
    run: Run,
    model: str,
    names: list[str],
    asked: Mapping[str, pd.DataFrame],
    base: Model,
    generation: Generation,
    wording: Prompts,
) -> dict[str, pd.DataFrame]:
    """Signals of M_t's greedy answers to some sets, or what a trained head says of their questions.

    Args:
        run: where labels and heads lie.
        model: ``base``, or a trained head such as ``p_ik/seed0``.
        names: signals of ``base``.
        asked: a QUESTIONS table of each set.
        base: M_t.
        generation: the engine that shows hidden states.
        wording: prompts of the run.

    Returns:
        A SIGNALS frame of each set.

    Raises:
        ValueError: no head there, or one of another model.
        ModelError: an engine that shows no hidden states.
    """
    answers = {name: records.read(records.LABELS, run.labels(name), records.GREEDY_ROWS) for name in asked}
    if model == BASE:
        loads = bool(signals.asks(names) & {"score", "generate"})
        teller: Any = engines.load(base, generation, wording.style) if loads else None
        return {
            name: _of_base(run, name, names, table, asked[name], wording, teller) for name, table in answers.items()
        }
    folder = run.folder / "models" / model
    head = signals.heads.load(folder, engines.loading.model_digest(base))
    engine: Any = engines.load(base, generation, wording.style)
    found = {}
    for name, table in answers.items():
        rows = table[["question_id"]].merge(asked[name], on="question_id", validate="one_to_one")
        texts = _prompts(rows, wording)
        said = table["text"].tolist() if head.reads_answers else None
        states = engine.states(texts, head.layer, said)
        if said is not None:
            states[[not text for text in said]] = np.nan  # there is no answer to read
        found[name] = signals.measure([HEAD], table, states, folder)
    return found


def measured(
    run: Run,
    entries: Mapping[str, MethodEntry],
    models: Mapping[str, Sequence[int]],
    sets: Iterable[str],
    refusals: bool = False,
) -> dict[tuple[str, str], pd.DataFrame]:
    """Signals that a run has measured, by model (``base``, a trained head, or one that is asked) and set.

    Args:
        run: where they lie.
        entries: the methods.
        models: seeds of each.
        sets: graded evaluation sets.
        refusals: whether evaluation asked how likely each model's refusal is (``evaluation.refusal_likelihood``).
    """
    names = [BASE] if read_of_base(entries) else []
    asked = [name for name, entry in entries.items() if METHODS[entry.method].told(refusals)]
    names += [model_name(name, seed) for name in asked for seed in models.get(name, ())]
    for name, entry in entries.items():
        kind = METHODS[entry.method]
        if kind.head is not None:
            stage = None if kind.head == kind.stages[-1].name else kind.head
            names += [model_name(name, seed, stage) for seed in models.get(name, ())]
    return {
        (one, dataset): records.read(records.SIGNALS, run.signals(dataset, one)) for dataset in sets for one in names
    }


def _of_base(
    run: Run,
    dataset: str,
    names: list[str],
    answers: pd.DataFrame,
    questions: pd.DataFrame,
    wording: Prompts,
    engine: Any,
) -> pd.DataFrame:
    drawn = None
    if signals.needs_samples(names):
        labels = records.read(records.LABELS, run.labels(dataset))[["question_id", "sample_index", "text"]]
        drawn = labels[labels["sample_index"] != records.GREEDY]
    rows = answers[["question_id"]].merge(questions, on="question_id", how="left", validate="one_to_one")
    texts = rows["question"].tolist()
    shown = [
        prompts.question_text(wording, question, choices)
        for question, choices in rows[["question", "choices"]].itertuples(index=False, name=None)
    ]
    whole = _prompts(rows, wording)
    return signals.measure(
        names,
        answers,
        samples=drawn,
        questions=texts,
        shown=behind_passages(shown, rows, wording),
        engine=engine,
        prompts=whole,
        refusal=wording.refusal,
    )


def _prompts(rows: pd.DataFrame, wording: Prompts) -> list[str]:
    """What M_t was asked: the plain prompt of each of the QUESTIONS rows, behind its passages."""
    texts = [
        prompts.render(wording, "plain", question, choices)
        for question, choices in rows[["question", "choices"]].itertuples(index=False, name=None)
    ]
    return behind_passages(texts, rows, wording)


def fit(run: Run, name: str, seed: int, entry: MethodEntry) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Fit a method's rule on M_t's answers to the training questions.

    Args:
        run: where labels, signals and heads lie.
        name: of the method's entry.
        seed: of its head, where it has one.
        entry: the method.

    Returns:
        The table that it was fitted on (``question_id``, ``outcome``, a column a signal), and what was found.

    Raises:
        ValueError: what the method's ``fit`` raises, such as training answers that are all right.
    """
    kind = METHODS[entry.method]
    assert kind.answer.fit is not None, f"{entry.method} fits nothing"
    trained_on = records.read(records.QUESTIONS, run.train_questions)["question_id"]
    answers = records.read(records.LABELS, run.labels("train"), records.GREEDY_ROWS)
    answers = answers[answers["question_id"].isin(trained_on)][["question_id", "outcome"]]
    for source in _sources(run, name, seed, entry, "train", fitting=True):
        answers = answers.merge(source, on="question_id", how="left", validate="one_to_one")
    return answers, kind.answer.fit(answers, check_options(entry.method, entry.options))


def decided(
    run: Run, one: Evaluated, entry: MethodEntry, dataset: str, responses: pd.DataFrame, refusal: str
) -> pd.DataFrame:
    """What a method says: its model's words, or the refusal where they are withheld.

    Args:
        run: where signals and fitted rules lie.
        one: the model.
        entry: of its method.
        dataset: the set that was asked.
        responses: one a question.
        refusal: what is said in place of what is withheld.

    Returns:
        ``responses`` with ``text`` as it is said, ``withheld`` (the model's words where they are withheld, else none)
        and ``sure`` (confidence of the rule, NaN without one).
    """
    answer = one.kind.answer
    if answer.fit is None and not answer.signals:
        return responses.assign(withheld=None, sure=float("nan"))
    table = responses
    for source in _sources(run, one.method, one.seed, entry, dataset):
        table = table.merge(source, on="question_id", how="left", validate="one_to_one")
    path = run.fitted(one.method, one.seed)
    fitted = json.loads(path.read_text(encoding="utf-8")) if answer.fit is not None else {}
    found = answer.decide(table, fitted)
    held = found["withheld"].to_numpy(bool)
    said = responses["text"].where(~held, refusal)
    return responses.assign(
        text=said, withheld=responses["text"].where(held, None), sure=found["confidence"].to_numpy(float)
    )


def _sources(
    run: Run, name: str, seed: int, entry: MethodEntry, dataset: str, fitting: bool = False
) -> list[pd.DataFrame]:
    """A column a signal, of M_t's own and of the method's head; of questions that the head has learned, out of fold."""
    kind = METHODS[entry.method]
    own = [signal for signal in kind.answer.signals if signal != HEAD]
    found = []
    if own:
        of = BASE if kind.speaker == BASE else model_name(name, seed)
        table = signals.wide(records.read(records.SIGNALS, run.signals(dataset, of)))
        found.append(table[["question_id", *own]])
    if kind.head is not None:
        stage = None if kind.head == kind.stages[-1].name else kind.head
        path: Path = run.model(name, seed, stage)
        frame = (
            signals.heads.out_of_fold(path)
            if fitting
            else records.read(records.SIGNALS, run.signals(dataset, model_name(name, seed, stage)))
        )
        found.append(signals.wide(frame))
    return found
