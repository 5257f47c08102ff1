"""What a params file asks for, counted: questions, responses or rows, and their tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from honesty_utils import questions
from honesty_utils.common import prompts
from honesty_utils.common.paths import Run
from honesty_utils.methods.settings import UNTRAINED
from honesty_utils.questions.settings import QuestionSet
from honesty_utils.workflow.estimate.cost import Assumptions
from honesty_utils.workflow.estimate.shape import EstimateError
from honesty_utils.workflow.estimate.workload import Workload
from honesty_utils.workflow.params import Params
from honesty_utils.world import people

PUBLISHED: dict[tuple[str, str | None], tuple[int, int]] = {
    ("triviaqa", None): (9960, 80),
    ("triviaqa", "validation"): (9960, 80),
    ("nonambigqa", None): (5325, 49),
    ("puqa", None): (1000, 92),
    ("pkqa", None): (1000, 76),
    ("mmlu", None): (14042, 458),
    ("mmlu", "test"): (14042, 458),
    ("mmlu", "dev"): (285, 386),
    ("nq_open", None): (3610, 49),
    ("popqa", None): (14267, 35),
}
"""Questions of the public sets by source and split (docs/data/), and their mean length in characters, options included;
for sets that are not on this machine. NQ-open has the length of Non-AmbigQA, which is made of it."""


@dataclass(frozen=True)
class Asked:
    """One question set: how many questions, and the characters of a prompt around them and of an answer."""

    questions: int
    plain: float
    honest: float
    longest: float
    answer: float | None = None


def jobs(params: Params, assumed: Assumptions) -> Iterator[Workload]:
    """The jobs of a run in the order of its stages.

    Raises:
        EstimateError: a set of unknown size.
    """
    sets = {name: asked(name, params) for name in dict.fromkeys([*params.row_sets, *params.evaluation.datasets])}
    tokens = _counter(params, assumed)
    for part, names in parts(params).items():
        yield _sampling(part, names, params, sets, tokens)
    for name in params.trained:
        yield _training(name, params, sets, tokens)
    for name in (UNTRAINED[1], *params.trained):
        yield _evaluation(name, params, sets, tokens)
    for name in params.drift.methods if params.drift else ():
        yield _drift(name, params, sets["train"], tokens)


def parts(params: Params) -> dict[str, list[str]]:
    """The sets of each part of sampling, which is a notebook of its own: ``train``, ``evaluation``, ``requests``."""
    found = {"train": params.row_sets, "evaluation": params.graded_sets(), "requests": params.request_sets()}
    return {part: names for part, names in found.items() if names}


@dataclass(frozen=True)
class _Counter:
    """Characters to tokens, and the length of answers."""

    text: Callable[[float], float]
    answer: Callable[[Asked, int], float]


def _counter(params: Params, assumed: Assumptions) -> _Counter:
    around = assumed.chat_tokens if params.prompts.style == "chat" else 1

    def text(characters: float) -> float:
        return characters / assumed.characters_per_token + around

    def answer(asked: Asked, most: int) -> float:
        if assumed.answer_tokens is not None:
            return min(assumed.answer_tokens, most)
        # A world's model answers as it was taught; of any other no more is known than where it is cut off.
        return most if asked.answer is None else min(most, asked.answer / assumed.characters_per_token + 1)

    return _Counter(text, answer)


def samples_of(name: str, params: Params) -> int:
    """m of one question set; of requests the greedy reply is judged and no other."""
    if name in params.request_sets():
        return 0
    own = params.questions[name].samples
    return params.sampling.samples if own is None else own


def _sampling(part: str, names: list[str], params: Params, sets: dict[str, Asked], tokens: _Counter) -> Workload:
    most = params.sampling.max_new_tokens
    responses = {name: sets[name].questions * (1 + samples_of(name, params)) for name in names}
    return Workload(
        "sampling",
        part,
        1,
        sum(sets[name].questions for name in names),
        sum(responses.values()),
        sum(sets[name].questions * tokens.text(sets[name].plain) for name in names),
        sum(responses[name] * tokens.answer(sets[name], most) for name in names),
        max(tokens.text(sets[name].longest) for name in names),
    )


def _training(method: str, params: Params, sets: dict[str, Asked], tokens: _Counter) -> Workload:
    entry, settings = params.trained[method], params.training_of(method)
    balanced = params.labeling.train_known + params.labeling.train_unknown
    parts = {"train": min(balanced, sets["train"].questions, entry.rows.questions or balanced)}
    parts |= {name: sets[name].questions for name in entry.rows.sets}
    rows = {name: count * _rows_a_question(method, name, params) for name, count in parts.items()}
    total = sum(rows.values())
    share = min(1.0, (settings.max_rows or total) / total)
    most, seeds = params.sampling.max_new_tokens, len(settings.seeds)
    return Workload(
        "training",
        method,
        seeds,
        sum(parts.values()) * seeds,
        round(total * share) * seeds,
        seeds * share * sum(rows[name] * tokens.text(sets[name].honest) for name in parts),
        seeds * share * sum(rows[name] * tokens.answer(sets[name], most) for name in parts),
        max(tokens.text(sets[name].longest) for name in parts),
        settings.epochs,
    )


def _rows_a_question(method: str, name: str, params: Params) -> int:
    """MULTISAMPLE makes a row of every sample, all others one of a question."""
    entry = params.trained[method]
    return (entry.rows.samples or samples_of(name, params)) if entry.builder == "multisample" else 1


def _evaluation(method: str, params: Params, sets: dict[str, Asked], tokens: _Counter) -> Workload:
    seeds = len(params.training_of(method).seeds) if method in params.trained else 1
    names, most = params.evaluation.datasets, params.evaluation.max_new_tokens
    count = sum(sets[name].questions for name in names) * seeds
    return Workload(
        "evaluation",
        method,
        seeds,
        count,
        count,
        seeds * sum(sets[name].questions * tokens.text(sets[name].honest) for name in names),
        seeds * sum(sets[name].questions * tokens.answer(sets[name], most) for name in names),
        max(tokens.text(sets[name].longest) for name in names),
    )


def _drift(method: str, params: Params, train: Asked, tokens: _Counter) -> Workload:
    """The questions that were trained on, sampled once more from every model of a method."""
    assert params.drift is not None
    seeds = len(params.training_of(method).seeds)
    count = seeds * min(train.questions, params.labeling.train_known + params.labeling.train_unknown)
    responses = count * (1 + (params.drift.samples or params.sampling.samples))
    most = params.sampling.max_new_tokens
    sizes = (count * tokens.text(train.plain), responses * tokens.answer(train, most), tokens.text(train.longest))
    return Workload("drift", method, seeds, count, responses, *sizes)


def asked(name: str, params: Params) -> Asked:
    """Size of one question set: counted where it is on this machine or can be made, else as published.

    Raises:
        EstimateError: neither; says how to name a size.
    """
    spec = params.questions[name]
    if spec.source == "microworld" and spec.path is None:
        return _of_world(name, params)
    if spec.source == "prior_known" and spec.path is None:
        return _of_own(name, params)
    if _is_here(spec, params.data):
        return _of_table(questions.load(name, spec, params.data), params)
    return _published(name, spec, params)


def _of_own(name: str, params: Params) -> Asked:
    """The set that M_t writes: counted once it is written, before that at most as large as it may be."""
    assert params.prior_known is not None  # a params file without the section has no such set
    spec, written = params.questions[name], Run(params.run).prior_known
    if written.is_file():
        return _of_table(questions.load(name, spec.model_copy(update={"path": str(written)})), params)
    return _published(name, spec.model_copy(update={"limit": spec.limit or params.prior_known.size}), params)


def _is_here(spec: QuestionSet, data: str | None) -> bool:
    places = [Path(spec.path)] if spec.path else []
    if data:
        places += [Path(data) / place for place in places]
    return any(place.exists() for place in places) or (data is not None and spec.path is None)


def _of_world(name: str, params: Params) -> Asked:
    spec, world = params.questions[name], params.world
    assert world is not None  # a params file without a world has no such set
    written = Run(params.run).world_questions(name)
    if written.is_file():
        return _of_table(questions.load(name, spec.model_copy(update={"path": str(written)})), params)
    if world.source is None or name == "tasks":
        facts = people.invent(world)
        return _limited(_of_table(people.question_sets(world, facts)[name], params), spec)
    taught = world.source[name]
    here = _is_here(taught, params.data)
    found = _of_table(questions.load(name, taught, params.data), params) if here else _published(name, taught, params)
    return _limited(found, spec)


def _published(name: str, spec: QuestionSet, params: Params) -> Asked:
    count, characters = PUBLISHED.get((spec.source, spec.split), (spec.limit, 80))
    if count is None:
        raise EstimateError(
            f"questions.{name}: how many questions {spec.source!r} has is not known here; set its limit, or name a "
            "local copy with path or data"
        )
    text = "x" * min(characters, spec.longest or characters)
    plain, honest = (len(prompts.render(params.prompts, kind, text)) for kind in ("plain", "honest"))
    return _limited(Asked(count, plain, honest, honest + 2 * characters), spec)


def _limited(found: Asked, spec: QuestionSet) -> Asked:
    count = round(found.questions * (spec.part[1] - spec.part[0]))
    return Asked(min(count, spec.limit or count), found.plain, found.honest, found.longest, found.answer)


def _of_table(table: pd.DataFrame, params: Params) -> Asked:
    def lengths(kind: prompts.Kind) -> list[int]:
        rows: list[tuple[str, Any]] = list(table[["question", "choices"]].itertuples(index=False, name=None))
        return [len(prompts.render(params.prompts, kind, question, choices)) for question, choices in rows]

    plain, honest = lengths("plain"), lengths("honest")
    answers = [len(answers[0]) + 2 for answers in table["answers"] if answers] if params.world else []
    return Asked(
        len(table),
        sum(plain) / len(plain),
        sum(honest) / len(honest),
        max(plain + honest),
        sum(answers) / len(answers) if answers else None,
    )
