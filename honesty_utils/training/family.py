"""The trainings of one notebook: all seeds of a method and of the points of its sweeps, one after the other.

A model that is there already, made of the same rows with the same settings by the same code, is not trained again: a
kill loses at most the model that was being trained.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from honesty_utils.common import manifest, records
from honesty_utils.common.files import atomic_folder
from honesty_utils.common.paths import BASE, Run, model_name
from honesty_utils.common.prompts import Style
from honesty_utils.common.settings import Prompts, Section
from honesty_utils.engines import loading
from honesty_utils.engines.settings import Model
from honesty_utils.knowledge.settings import Labeling
from honesty_utils.methods import METHODS, check_options, merged
from honesty_utils.methods.plan import HEAD
from honesty_utils.methods.settings import MethodEntry
from honesty_utils.training import learning, objectives
from honesty_utils.training.job import TrainingResult
from honesty_utils.training.learning import Learning
from honesty_utils.training.settings import Training


@dataclass(frozen=True)
class Grading:
    """How answers are graded that are sampled while a model trains.

    Attributes:
        wording: prompts of the run.
        settings: matcher and refusal signs.
        matchers: matcher of each set of questions; none: that of ``settings``.
        longest: tokens of an answer where the objective names no length.
    """

    wording: Prompts
    settings: Labeling
    matchers: Mapping[str, str | None]
    longest: int

    def parameters(self) -> dict[str, Any]:
        """What stands in the manifest."""
        return {
            "wording": self.wording.model_dump(mode="json"),
            "grading": self.settings.model_dump(mode="json"),
            "matchers": dict(self.matchers),
            "longest": self.longest,
        }


@dataclass(frozen=True)
class Planned:
    """One model to train: a seed of a method, or of one of its stages.

    Attributes:
        method: name of its entry.
        seed: of the training.
        stage: of the method; none: its last.
        rows: table to train on.
        start: the model that is trained.
        settings: its training section.
        objective: how rows become a model.
        options: of the objective.
        run: where everything goes.
        after: folder of the head to begin from; none: of none.
        sets: of questions that the rows are of.
        merged: models that it is made of, where it is merged; ``rows`` are none then, and ``options`` the method's.
    """

    method: str
    seed: int
    stage: str | None
    rows: Path | None
    start: Model
    settings: Training
    objective: str
    options: Section
    run: Run
    after: Path | None = None
    sets: tuple[str, ...] = ("train",)
    merged: tuple[Model, ...] = ()

    @property
    def name(self) -> str:
        """Name of the model."""
        return model_name(self.method, self.seed, self.stage)

    @property
    def target(self) -> Path:
        """Folder of the model."""
        return self.run.model(self.method, self.seed, self.stage)

    @property
    def grades(self) -> bool:
        """Whether answers are graded while it trains."""
        return objectives.OBJECTIVES[self.objective].grades

    def questions(self) -> dict[str, Path]:
        """Files with the questions and their right answers, by set, where answers are graded."""
        if not self.grades:
            return {}
        return {name: self.run.train_questions if name == "train" else self.run.questions(name) for name in self.sets}

    @property
    def inputs(self) -> list[Path]:
        """Files and folders that it is made of, besides the model that it starts from."""
        rows = [] if self.rows is None else [self.rows]
        return [*rows, *self.questions().values(), *(Path(str(model.name)) for model in self.merged)]

    def parameters(self, style: Style) -> dict[str, Any]:
        """What stands in the manifest: all that the model depends on, besides the rows."""
        return {
            "method": self.method,
            "seed": self.seed,
            "stage": self.stage,
            "model": self.start.model_dump(mode="json"),
            "identity": loading.model_digest(self.start),
            **({} if self.after is None else {"after": manifest.content_hash(self.after)}),
            "training": self.settings.model_dump(mode="json", exclude={"seeds", "together"}),
            "objective": {"name": self.objective, **self.options.model_dump(mode="json")},
            "style": style,
        }


@dataclass(frozen=True)
class Trained:
    """A model that is there.

    Attributes:
        planned: what was asked for.
        result: of the training; none: the model was there already.
        learned: whether it learned its rows.
    """

    planned: Planned
    result: TrainingResult | None
    learned: Learning


def plan(
    run: Run,
    base: Model,
    entries: Mapping[str, MethodEntry],
    trainings: Mapping[str, Training],
    stage: str = "",
    seed: int | None = None,
    method: str = "",
) -> list[Planned]:
    """The models of some entries, in their order, with all seeds or with one.

    Args:
        run: paths.
        base: M_t.
        entries: methods of the run.
        trainings: section of each, by the name of the entry and of its stage where that is not the last.
        stage: of methods with several; empty: the last.
        seed: of ``method`` alone; none: all that the sections name, of all entries.
        method: see ``seed``.
    """
    planned = []
    for name, entry in entries.items():
        if seed is not None and name != method:
            continue
        kind = METHODS[entry.method]
        chosen = kind.stage(stage) if stage else kind.stages[-1]
        if objectives.OBJECTIVES[chosen.objective].merges:
            planned += _merged(run, base, name, entry, trainings[name], seed)
            continue
        last = None if chosen is kind.stages[-1] else chosen.name
        settings = trainings[name if last is None else f"{name}.{last}"]
        options = objectives.options_of(chosen, entry, f"methods.{name}.stages.{chosen.name}.objective")
        for one in settings.seeds if seed is None else (seed,):
            start, after = base, None
            if chosen.start != BASE:
                folder = run.model(name, one, None if chosen.start == kind.stages[-1].name else chosen.start)
                # A head is no model: what begins from one reads the states of M_t.
                if kind.stage(chosen.start).objective == HEAD:
                    after = folder
                else:
                    start = base.model_copy(update={"name": str(folder)})
            rows = run.sft(name, last)
            sets = ("train", *entry.rows.sets)
            planned.append(Planned(name, one, last, rows, start, settings, chosen.objective, options, run, after, sets))
    return planned


def _merged(
    run: Run, base: Model, name: str, entry: MethodEntry, settings: Training, seed: int | None
) -> list[Planned]:
    options: Any = check_options(entry.method, entry.options)
    return [
        Planned(
            name, one, None, None, base, settings, "merge", options, run,
            merged=tuple(base.model_copy(update={"name": str(run.model(other, one))}) for other in options.of),
        )
        for one in (settings.seeds if seed is None else (seed,))
    ]  # fmt: skip


def rows_of(planned: Planned) -> pd.DataFrame:
    """The rows that a model is trained on."""
    assert planned.rows is not None, f"{planned.name} is merged, and has no rows"
    return records.read(objectives.OBJECTIVES[planned.objective].rows, planned.rows)


def with_questions(one: Planned, grading: Grading) -> pd.DataFrame:
    """The rows of a model whose answers are graded, with all that grading takes, ``match`` among it."""
    asked = [
        records.read(records.QUESTIONS, path).assign(match=grading.matchers.get(name) or grading.settings.match)
        for name, path in one.questions().items()
    ]
    return rows_of(one).merge(pd.concat(asked), on="question_id", how="left", validate="one_to_one")


def train(planned: list[Planned], style: Style, grading: Grading | None = None) -> Iterator[Trained]:
    """Train or merge one model after the other, each with its manifest and marker; what is there already is kept.

    Args:
        planned: the models.
        style: as for engines.
        grading: for objectives that grade answers.

    Raises:
        TrainingError: see ``training.train`` and ``training.merging.merge``.
    """
    for one in planned:
        assert grading is not None or not one.grades, f"{one.objective} grades answers: give grading"
        parameters = {**one.parameters(style), **(grading.parameters() if grading and one.grades else {})}
        if manifest.is_of(one.target, parameters, one.inputs):
            yield Trained(one, None, learning.NONE)
        else:
            yield _merge(one, parameters) if one.merged else _train(one, style, parameters, grading)
        _mark(one)


def _train(one: Planned, style: Style, parameters: Mapping[str, Any], grading: Grading | None) -> Trained:
    made = manifest.begin(parameters, one.inputs)
    rows = rows_of(one)
    objective = objectives.OBJECTIVES[one.objective]
    assert objective.train is not None, f"{one.objective} trains nothing"
    given: dict[str, Any] = {"style": style, "seed": one.seed}
    if grading is not None and objective.grades:
        rows = with_questions(one, grading)
        given |= {"wording": grading.wording, "grading": grading.settings, "longest": grading.longest}
    if one.after is not None:
        given["after"] = one.after
    work = one.run.checkpoints(one.method, one.seed, one.stage)
    result = objective.train(rows, one.start, one.target, one.settings, one.options, work=work, **given)
    learned = learning.NONE
    if one.objective == "sft":  # the others teach no completion that could be compared
        after = one.start.model_copy(update={"name": str(one.target)})
        learned = learning.report(rows, one.start, after, one.settings, **given)
    return _written(one, made, result, learned)


def _merge(one: Planned, parameters: Mapping[str, Any]) -> Trained:
    from honesty_utils.training import merging

    made, started, how = manifest.begin(parameters, one.inputs), time.monotonic(), one.options
    assert isinstance(how, merged.Options)
    network, tokenizer = merging.merge(one.start, one.merged, how.weights, how.way, how.density, one.seed)
    with atomic_folder(one.target) as partial:
        network.save_pretrained(partial)
        tokenizer.save_pretrained(partial)
    history, seconds = pd.DataFrame(columns=["step", "loss"]), time.monotonic() - started
    result = TrainingResult(one.target, history, rows=0, steps=0, completion_tokens=0, seconds=seconds)
    return _written(one, made, result)


def _written(
    one: Planned, made: manifest.Manifest, result: TrainingResult, learned: Learning = learning.NONE
) -> Trained:
    facts = {name: value for name, value in result.facts().items() if name not in ("folder", "seconds")}
    made.write(one.target, training_seconds=round(result.seconds, 2), **facts, **learned.facts())
    return Trained(one, result, learned)


def _mark(one: Planned) -> None:
    """Say which model stands there: what evaluates it looks at this file, so that one that was kept counts as old."""
    path = one.run.trained(one.method, one.seed, one.stage)
    content = json.dumps({"model": one.name, "begun": manifest.read(one.target)["begun"]}) + "\n"
    if not path.is_file() or path.read_text(encoding="utf-8") != content:
        with records.atomic(path) as partial:
            partial.write_text(content, encoding="utf-8")


def table(trained: list[Trained]) -> pd.DataFrame:
    """A row a model: rows, steps, seconds and the loss at the end; of a model that was kept, nothing but its name."""
    rows = []
    for one in trained:
        row: dict[str, Any] = {"model": one.planned.name, "kept": one.result is None}
        if one.result is not None:
            losses = one.result.history.get("loss", pd.Series(dtype=float))
            loss = losses.iloc[-1] if len(losses) else float("nan")
            row |= {"rows": one.result.rows, "steps": one.result.steps, "tokens": one.result.completion_tokens}
            row |= {"loss": round(float(loss), 3), "seconds": round(one.result.seconds, 1)}
            row |= {
                "resumed at": one.result.resumed_at,
                "left out": len(one.result.left_out),
                "cut": len(one.result.cut),
            }
        rows.append(row)
    return pd.DataFrame(rows).set_index("model")
