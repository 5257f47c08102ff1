"""What a run has to do, counted from its tasks and question sets: questions, responses or rows, and their tokens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from honesty_utils import questions
from honesty_utils.common import prompts
from honesty_utils.common.paths import Run
from honesty_utils.engines.settings import Generation
from honesty_utils.methods import METHODS
from honesty_utils.methods.plan import HEAD, MERGE
from honesty_utils.questions.settings import QuestionSet, passages_of
from honesty_utils.sampling import samples_of
from honesty_utils.training.objectives import OBJECTIVES, options_of
from honesty_utils.training.settings import Training
from honesty_utils.workflow import plan
from honesty_utils.workflow.estimate.cost import Assumptions, Workload
from honesty_utils.workflow.estimate.shape import EstimateError
from honesty_utils.workflow.params import Params
from honesty_utils.workflow.plan import Task
from honesty_utils.world import people

CHARACTERS = {
    "triviaqa": 80, "nonambigqa": 49, "puqa": 92, "pkqa": 76, "mmlu": 458, "mmlu dev": 386, "nq_open": 49, "popqa": 35
}  # fmt: skip
"""Mean length of a question of public sets, options included (docs/data/), for sets that are not on this machine.
NQ-open has the length of Non-AmbigQA, which is made of it."""
DISTINCT = {("triviaqa", None): 9_960, ("triviaqa", "validation"): 9_960}
"""Questions of splits whose documented size counts repeats, which are dropped."""
STAGES = ("sampling", "training", "evaluation", "drift")
"""Stages of rows, in their order; ``drift`` is the sampling of models that the run has trained."""
TOLD = ("responses", "models", "evaluation", "answers")
"""Folders of a run with a manifest of a model's work beside each artifact."""

DPO, GRPO = "dpo", "grpo"

Group = list[tuple[Task, list[Path]]]
"""The tasks of a row, each with those of its `artifacts` that belong to the row."""


def groups(params: Params) -> dict[tuple[str, str], Group]:
    """What each row is about, by stage and item: a part of sampling, else a method or one of its earlier stages."""
    run, found = Run(params.run), dict[tuple[str, str], Group]()
    # Files of questions need not be there to be counted.
    sets = {name: spec.model_copy(update={"path": None}) for name, spec in params.questions.items()}
    world = params.world and params.world.model_copy(update={"source": None})
    for task in plan.tasks(params.model_copy(update={"questions": sets, "world": world})):
        for path in artifacts(task, run):
            model = _model(path, run)
            stage = "drift" if model and task.stage == "sampling" else task.stage
            item = model[0] if model else task.item
            if stage == "evaluation" and METHODS[params.entries[item].method].reuses_base:
                continue  # M_t's words under the plain prompt are drawn in sampling
            group = found.setdefault((stage, item), [])
            if not group or group[-1][0] is not task:
                group.append((task, []))
            group[-1][1].append(path)
    return {key: found[key] for key in sorted(found, key=lambda key: STAGES.index(key[0]))}


def artifacts(task: Task, run: Run) -> list[Path]:
    """The models and tables of answers that a task leaves; none, if it is none of the `STAGES`, or merges models."""
    paths = task.outputs if task.stage in STAGES and task.notebook != OBJECTIVES[MERGE].notebook else []
    paths = [path.with_name(path.name.removesuffix(".trained.json")) for path in paths]
    return [path for path in paths if path.relative_to(run.folder).parts[0] in TOLD]


def _model(path: Path, run: Run) -> tuple[str, ...]:
    """Name and seed of the model that an artifact is or has answered; of M_t none."""
    inside = path.relative_to(run.folder).parts
    return inside[1:3] if len(inside) > 2 else ()


def workloads(params: Params, assumed: Assumptions) -> Iterator[Workload]:
    """What each row of an estimate has to do."""
    run = Run(params.run)
    sets = {name: asked(name, params) for name in dict.fromkeys([*params.row_sets, *params.evaluation.datasets])}
    around = assumed.chat_tokens if params.prompts.style == "chat" else 1

    def text(characters: float) -> float:
        return characters / assumed.characters_per_token + around

    def answer(size: Asked, most: int) -> float:
        # A world's model answers as it was taught; of any other no more is known than where it is cut off.
        known = most if size.answer is None else size.answer / assumed.characters_per_token + 1
        return min(most, known if assumed.answer_tokens is None else assumed.answer_tokens)

    for (stage, item), group in groups(params).items():
        references = _references(stage, item, params)
        settings, prompt, counts, replies = _counts(stage, item, group[0][0], params, sets)
        most = (params.evaluation if stage == "evaluation" else params.sampling).max_new_tokens
        questions_of = {name: count for name, (count, _) in counts.items()}
        rows = {name: count * times for name, (count, times) in counts.items()}
        total = sum(rows.values())
        taken = min(total, settings.max_rows or total) if isinstance(settings, Training) else total
        models = len({_model(path, run) for _, paths in group for path in paths})
        # All samples of a question share a prompt; of rows each has its own.
        read = rows if stage == "training" else questions_of
        share = models * taken / total
        # How likely its refusal is, or how sure it is, is asked by another reading of each prompt.
        times = max(1, replies)
        if stage == "evaluation" and item in params.entries:
            times += len(METHODS[params.entries[item].method].told(params.evaluation.refusal_likelihood))
        yield Workload(
            stage=stage,
            item=item,
            settings=settings,
            models=models,
            notebooks=sum(len(paths) / len(artifacts(task, run)) for task, paths in group),
            questions=models * sum(questions_of.values()),
            responses=models * taken,
            prompt_tokens=share * times * sum(read[one] * text(getattr(sets[one], prompt)) for one in read),
            answer_tokens=share * replies * sum(rows[one] * answer(sets[one], most) for one in rows),
            longest=max(text(sets[name].longest) for name in counts),
            replies=replies,
            references=references,
        )


def _counts(
    stage: str, item: str, task: Task, params: Params, sets: Mapping[str, Asked]
) -> tuple[Generation | Training, str, dict[str, tuple[int, int]], int]:
    """Settings, which prompt asks, of each set its questions and the responses or rows of each, replies to a prompt."""
    labeling, whole = params.labeling, sets["train"].questions
    trained_on = whole if labeling.train_whole else min(whole, labeling.train_known + labeling.train_unknown)
    drawn = {name: samples_of(params.questions[name], params.sampling) for name in sets}
    if stage == "sampling":
        names = task.parameters["sets"].split(",")
        return params.sampling, "plain", {name: (sets[name].questions, 1 + drawn[name]) for name in names}, 1
    if stage == "drift":
        names, home = task.parameters["sets"].split(","), params.analysis.home
        again = {home: params.drift.samples or params.sampling.samples} if params.drift else {}
        replies = {name: 1 + {**drawn, **again}[name] for name in names}
        return params.sampling, "plain", {name: (sets[name].questions, replies[name]) for name in names}, 1
    name = item if item in params.entries else item.rpartition(".")[0]
    method, rows = METHODS[params.entries[name].method], params.entries[name].rows
    if stage == "evaluation":
        twice = params.evaluation.doubt.datasets if params.evaluation.doubt else ()
        asks = {name: (sets[name].questions, 1 + (name in twice)) for name in params.evaluation.datasets}
        return params.evaluation, method.answer.prompt, asks, 1
    part = method.stages[-1] if item == name else method.stage(item.rpartition(".")[2])
    counts = {name: sets[name].questions for name in rows.sets} | {
        "train": min(trained_on, rows.questions or trained_on)
    }
    each = part.rows_per_question
    how: Any = options_of(part, params.entries[name])
    # A group's answers are rows of a batch; that they are sampled first is not counted.
    group = how.group if part.objective == GRPO else 1
    times = {name: group * ((rows.samples or drawn[name]) if part.rows_per_sample else each) for name in counts}
    asks = {name: (counts[name], times[name]) for name in counts}
    if part.objective == HEAD:  # M_t reads the prompts once, and what learns from its states costs nothing beside that
        return Generation(max_new_tokens=1), method.answer.prompt, asks, 0
    return params.training_of(name, part.name), "honest", asks, 2 if part.objective == DPO else 1


def _references(stage: str, item: str, params: Params) -> int:
    """Models that a training reads beside its own: the one that it started from, where that is held against it."""
    if stage != "training":
        return 0
    name = item if item in params.entries else item.rpartition(".")[0]
    method = METHODS[params.entries[name].method]
    part = method.stages[-1] if item == name else method.stage(item.rpartition(".")[2])
    how: Any = options_of(part, params.entries[name])
    return int(part.objective == DPO or (part.objective == GRPO and how.beta > 0))


class Asked(NamedTuple):
    """One question set: how many questions, and the mean characters of its prompts and answers."""

    questions: int
    plain: float
    honest: float
    longest: float  # prompt of either kind
    answer: float | None = None  # none: not known


def asked(name: str, params: Params) -> Asked:
    """Size of one question set."""
    spec, world = params.questions[name], params.world
    made = questions.located(Run(params.run), name, spec)
    if made.path == spec.path or Path(str(made.path)).is_file():
        return _given(name, made, params)
    if world is None or spec.source == "prior_known":  # before M_t has written the set it is as large as it may be
        most = params.prior_known.size if params.prior_known else None
        return _published(name, spec.model_copy(update={"limit": spec.limit or most}), params)
    if world.source is None or name == "tasks":
        return _limited(_of_table(people.question_sets(world, people.invent(world))[name], params), spec)
    return _limited(_given(name, world.source[name], params), spec)


def _given(name: str, spec: QuestionSet, params: Params) -> Asked:
    folders = [Path(), *([Path(params.data)] if params.data else [])]
    here = any((folder / spec.path).exists() for folder in folders) if spec.path else params.data is not None
    if here:
        return _of_table(questions.load(name, spec, params.data), params)
    return _published(name, spec, params)


def _published(name: str, spec: QuestionSet, params: Params) -> Asked:
    documented = questions.SOURCES[spec.source].documented(spec.split)
    count = DISTINCT.get((spec.source, spec.split), documented) or spec.limit
    if count is None:
        raise EstimateError(
            f"questions.{name}: how many questions {spec.source!r} has is not known here; set its limit, or name a "
            "local copy with path or data"
        )
    characters = CHARACTERS.get(f"{spec.source} {spec.split}", CHARACTERS.get(spec.source, 80))
    text = "x" * min(characters, spec.longest or characters)
    plain, honest = (len(prompts.render(params.prompts, kind, text)) for kind in ("plain", "honest"))
    return _limited(Asked(count, plain, honest, honest + 2 * characters), spec)


def _limited(found: Asked, spec: QuestionSet) -> Asked:
    count = round(found.questions * (spec.part[1] - spec.part[0]))
    return found._replace(questions=min(count, spec.limit or count))


def _of_table(table: pd.DataFrame, params: Params) -> Asked:
    given = list(zip(table["question"], table["choices"], table["meta"].map(passages_of), strict=True))
    plain, honest = (
        pd.Series(
            [
                len(prompts.with_passages(wording, prompts.render(wording, kind, question, choices), passages))
                for question, choices, passages in given
            ]
        )
        for kind in ("plain", "honest")
        for wording in [params.prompts]
    )
    answers = [len(answers[0]) + 2 for answers in table["answers"] if answers] if params.world else []
    answer = sum(answers) / len(answers) if answers else None
    return Asked(len(table), float(plain.mean()), float(honest.mean()), max(plain.max(), honest.max()), answer)
