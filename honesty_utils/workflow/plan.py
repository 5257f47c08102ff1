"""All that a run executes: a `Task` for each execution of a notebook, with what it is told, reads and writes.

The order of tasks follows from files: a task waits for those that write what it reads. Snakemake is given this list,
the estimate counts it, and it is tested without either.

    00 world, 01 model > 10 sampling > 20 labeling > 30-34 rows > 40 training > 50 evaluation > 60-63 tables, 70 figures
               (of M_t, or of any model of the run)       25 signals > 45 thresholds ^  56 judging, 57 harness ^
"""

from __future__ import annotations

import contextlib
import difflib
import itertools
import json
import os
import shlex
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

import honesty_utils
from honesty_utils import engines, questions
from honesty_utils.common import manifest, records
from honesty_utils.common.files import atomic
from honesty_utils.common.paths import BASE, Run, model_name
from honesty_utils.common.settings import ConfigError
from honesty_utils.engines import gguf
from honesty_utils.engines.settings import Generation
from honesty_utils.evaluation.deciding import read_of_base
from honesty_utils.knowledge import selection, signals
from honesty_utils.methods import METHODS, check_options
from honesty_utils.methods.plan import Stage, again
from honesty_utils.results import plots, tables
from honesty_utils.training import layouts
from honesty_utils.training.objectives import OBJECTIVES
from honesty_utils.workflow import fingerprint
from honesty_utils.workflow.opened import Scope, base_model, resolved
from honesty_utils.workflow.params import Params, load
from honesty_utils.workflow.prices import edges_of

NOTEBOOKS = "notebooks"
ADAPTERS = "adapters"
"""Name of the task that evaluates all adapters, from one start of an engine that serves them."""
SOURCES = Path(honesty_utils.__file__).parents[1] / NOTEBOOKS
"""The notebooks as they are stored: beside the package, wherever a run's own folders are."""

SFT = "sft"
"""The objective whose rows tables and figures show."""


@dataclass(frozen=True)
class Task:
    """One execution of a notebook.

    Attributes:
        stage: which part of the pipeline, such as "training".
        item: what it is about: sets, a method, a model; empty where a run has one task of the stage.
        notebook: name of the notebook, such as "40_training".
        parameters: what it is told besides ``params``: scalars.
        inputs: files and folders that it reads.
        outputs: files that it writes.
        folders: folders that it writes.
        scope: methods and sets that it is about.
        gpus: of this machine, that its engines or its training take.
        threads: that compute, also where there are fewer cores: their number is part of what comes out.
        models: that it makes or asks: of what could run next, the longest comes first, or it would be the tail.
    """

    stage: str
    item: str
    notebook: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    inputs: Sequence[Path] = ()
    outputs: Sequence[Path] = ()
    folders: Sequence[Path] = ()
    scope: Scope = field(default_factory=Scope)
    gpus: int = 0
    threads: int = 1
    models: int = 0

    @property
    def name(self) -> str:
        """Unique in a run; a rule of that name executes it."""
        return f"{self.stage}_{self.item}" if self.item else self.stage

    @property
    def source(self) -> Path:
        """The notebook, as it is stored."""
        return SOURCES / f"{self.notebook}.ipynb"

    def executed(self, run: Run) -> Path:
        """Where the executed copy goes."""
        stem = f"{self.notebook}_{self.item}" if self.item else self.notebook
        return run.folder / NOTEBOOKS / f"{stem.replace('/', '_')}.ipynb"

    def values(self, run: Run) -> dict[str, Any]:
        """The notebook's parameters."""
        return {"params": str(snapshot(run)), **self.parameters}

    def sections(self) -> list[str]:
        """Sections and views of the params file that the notebook declares to read."""
        content = json.loads(self.source.read_text(encoding="utf-8"))
        return list(content["metadata"].get("honesty", {}).get("sections", []))

    def depends(self, params: Params) -> str:
        """What of the params file it depends on, as text: an edit elsewhere must not run it again."""
        return json.dumps(resolved(params, self.sections(), self.scope), sort_keys=True)

    def code(self, params: Params) -> str:
        """Fingerprint of the code that it reaches."""
        return fingerprint.of_notebook(self.source, _not_reached(params, self.scope))


def snapshot(run: Run) -> Path:
    """The params file of a run as it is executed: with all that it extends, in the run's own folder."""
    return run.folder / "params.yaml"


def write_snapshot(params: Params) -> Path:
    """Write `snapshot`, if it is not there as it would be written; notebooks open it."""
    path = snapshot(Run(params.run))
    text = "# Written by the workflow: the params file of this run with all that it extends.\n" + yaml.safe_dump(
        params.model_dump(mode="json", exclude_unset=True), sort_keys=False, allow_unicode=True
    )
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        with atomic(path) as partial:
            partial.write_text(text, encoding="utf-8")
    return path


def tasks(params: Params) -> list[Task]:
    """All notebook executions of a run, in the order of the pipeline.

    Raises:
        QuestionError: a question file that is named and not there.
    """
    plan = _Plan(params)
    return [
        *plan.made(),
        *plan.asked(),
        *plan.measured(),
        *plan.taught(),
        *plan.asked_again(),
        *plan.withheld(),
        *plan.answered(),
        *plan.told(),
    ]


def parts(params: Params) -> dict[str, list[str]]:
    """The sets that are sampled together, by the name of the part: to train on, to evaluate, requests."""
    found = {"train": params.row_sets, "evaluation": params.graded_sets(), "requests": params.request_sets()}
    return {part: names for part, names in found.items() if names}


def together(params: Params, methods: Iterable[str]) -> bool:
    """Whether a notebook makes all models of some methods, one after the other.

    A kernel takes longer to start than a small model to train. Large ones have a kernel each: what a device's memory
    holds is given back surely only when a process ends, and a queue can share them out.
    """
    chosen = [params.training_of(name).together for name in methods if name in params.trained]
    if any(value is not None for value in chosen):
        return all(chosen)
    return params.world is not None and all(
        layouts.layout(params.training_of(name)) is None for name in methods if name in params.trained
    )


class Workflow:
    """What the Snakefile asks: the tasks of the params file that its ``--config`` names.

    Attributes:
        run: paths of the run.
        tasks: all notebook executions.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Read and check the params file.

        Raises:
            ValueError: no params file named, or an error in it.
        """
        if "params" not in config:
            raise ConfigError("Snakefile: no params file; add --config params=params/microworld.yaml")
        self._params = load(config["params"], data=config.get("data"))
        if self._params.worlds is not None:
            raise ConfigError(several(config["params"], self._params))
        self.run, self.tasks = Run(self._params.run), tasks(self._params)
        self._made = set(self.targets())
        self._codes = {task.name: task.code(self._params) for task in self.tasks}
        # Under ``report`` a task is held to the code that it counted with when the run last started: no edit runs it
        # again, nor does setting the option.
        held = self._held() if self._params.code_changes == "report" else {}
        self._counted = {name: held.get(name, code) for name, code in self._codes.items()}
        forget_missing(self.tasks)
        set_back(self.tasks)

    def start(self) -> None:
        """Write what the notebooks open: the run's snapshot and the fingerprints. A dry run leaves both as they are."""
        write_snapshot(self._params)
        self._write_codes()

    @property
    def to_run(self) -> Params:
        """The params file as it was read."""
        return self._params

    def fingerprints(self) -> dict[str, str]:
        """What each task's results hang on besides its inputs: its notebook, its params, the code that counts."""
        return {
            task.name: f"{manifest.content_hash(task.source)}:{self.depends(task)(None)}:{task.values(self.run)}"
            for task in self.tasks
        }

    def targets(self) -> list[str]:
        """All that a finished run has: what is deleted of it is made again."""
        return [str(path) for task in self.tasks for path in (*task.outputs, *task.folders)]

    def values(self, task: Task) -> Any:
        """The notebook's parameters, as Snakemake takes them: behind a function, so that braces are no wildcards."""
        text = json.dumps(task.values(self.run), sort_keys=True)
        return lambda wildcards: text

    def depends(self, task: Task) -> Any:
        """What a task depends on besides its inputs: its part of the params file, the code, what is given."""
        content = {"params": task.depends(self._params), "code": self._counted[task.name], "given": self._given(task)}
        text = json.dumps(content)
        return lambda wildcards: text

    def _given(self, task: Task) -> dict[str, str]:
        """Digests of what a task reads that no task makes: Snakemake looks at times, which copies and archives keep."""
        given = [path for path in task.inputs if str(path) not in self._made and path.exists()]
        return {str(path): manifest.content_hash(path) for path in given}

    def _held(self) -> dict[str, str]:
        path = self.run.folder / CODES
        found: dict[str, str] = (
            json.loads(path.read_text(encoding="utf-8")).get("counted", {}) if path.is_file() else {}
        )
        return found

    def _write_codes(self) -> None:
        """Leave the fingerprints where ``execute`` finds them: as a rule's parameter they would count as a change."""
        executed = {task.executed(self.run).stem: self._codes[task.name] for task in self.tasks}
        content = {"code_changes": self._params.code_changes, "codes": executed, "counted": self._counted}
        with atomic(self.run.folder / CODES) as partial:
            partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


CODES = "code.json"
"""File in a run's folder: fingerprint of the code of each executed copy, and that which counts for each task."""


def several(path: object, params: Params) -> str:
    """Why a run of several worlds is no single run."""
    seeds = list(params.worlds.seeds) if params.worlds else []
    return (
        f"{path}: has a worlds section, so it is {len(seeds)} runs (seeds {seeds}) and one notebook over all of them; "
        f"write make worlds PARAMS={path}, or take the section out for one world"
    )


def check_rules(params: Params, options: Sequence[str]) -> None:
    """Hold what ``--forcerun`` names to the notebooks of a run.

    Args:
        params: of the run.
        options: Snakemake's own.

    Raises:
        ConfigError: a name that is none of them, nor a file; lists those that are like it.
    """
    forced: list[str] = []
    for place in (place for place, option in enumerate(options) if option in ("--forcerun", "-R")):
        forced += itertools.takewhile(lambda item: not item.startswith("-"), options[place + 1 :])
    known = [task.name for task in tasks(params)]
    for name in forced:
        if name not in known and not Path(name).exists():
            like = difflib.get_close_matches(name, known, n=5, cutoff=0.3) or known[:5]
            raise ConfigError(
                f"FORCE: no notebook {name!r} in run {params.run!r}; there are {len(known)}, such as {like}"
            )


def made_by_other_code(params: Params) -> list[str]:
    """Names of the tasks whose results are there and were made by other code than the notebook reaches now."""
    found = []
    for task in tasks(params):
        made = {_manifest_code(path) for path in (*task.outputs, *task.folders)} - {None}
        if made and made != {task.code(params)}:
            found.append(task.name)
    return found


def _manifest_code(path: Path) -> str | None:
    """Fingerprint in the manifest of an artifact; of a marker, in that of its model."""
    artifact = path.with_name(path.name.removesuffix(".trained.json"))
    if not manifest.path_of(artifact).is_file():
        return None
    with contextlib.suppress(records.RecordError):
        found: str | None = manifest.read(artifact).get("code")
        return found
    return None


FINAL = ("scores", "confidence", "readings", "findings", "signalling", "figures")
"""Stages whose outputs are the results of a run."""

WRITTEN = {
    "scores": "60_scores", "confidence": "61_confidence", "readings": "62_readings", "signalling": "64_signalling",
}  # fmt: skip
"""Whose tables are written as CSV and in no other form."""

OF_A_WORLD = ("scores", "findings")
"""Those of them that one world of several has: results are over all worlds, and are made of its tables alone."""


SKEW = 60.0
"""Seconds that the clock of a file server may be ahead."""


def set_back(planned: Iterable[Task]) -> None:
    """Give what was changed in the future today's date: Snakemake ends where what it makes is older than what it reads.

    Raises:
        ConfigError: a file that is given, which is its owner's to change.
    """
    planned, now = list(planned), time.time()
    made = {path for task in planned for path in (*task.outputs, *task.folders)}
    # In a folder that a rule makes Snakemake keeps its time in a file.
    stamps = [path / ".snakemake_timestamp" for task in planned for path in task.folders]
    for path in (*made, *stamps, *(task.source for task in planned)):
        if path.exists() and path.stat().st_mtime > now:
            os.utime(path, (now, now))
    for path in (path for task in planned for path in task.inputs if path not in made and path.exists()):
        if path.stat().st_mtime > now + SKEW:
            then = time.strftime("%Y-%m-%d %H:%M", time.localtime(path.stat().st_mtime))
            raise ConfigError(
                f"{path}: was changed in the future ({then}), so that all that is made of it would look older; if this "
                f"machine's clock is right, touch the file: touch {shlex.quote(str(path))}"
            )


def forget_missing(planned: Iterable[Task]) -> None:
    """Remove the marker of a model whose folder or weights are gone, so that it is trained again.

    A folder that a notebook has left as a model, without its weights, goes itself: it is made again.
    """
    planned = list(planned)
    for folder in (folder for task in planned for folder in task.folders):
        if folder.is_dir() and not engines.loading.has(folder, "weights"):
            shutil.rmtree(folder)
    for path in (path for task in planned if task.stage == "training" for path in task.outputs):
        folder = path.with_name(path.name.removesuffix(".trained.json"))
        there = engines.loading.has(folder, "weights") or (folder / signals.heads.WEIGHTS).is_file()
        if path.is_file() and not there:
            path.unlink()


@dataclass(frozen=True)
class _Plan:
    params: Params

    @property
    def run(self) -> Run:
        return Run(self.params.run)

    @property
    def base(self) -> list[Path]:
        """A model's folder, the run's own or a user's, is an input of whatever loads it; a hub name is none."""
        name = str(base_model(self.params).name)
        made = {str(self.run.base_model), str(self.run.unpacked_model)}
        return [Path(name)] if name in made or Path(name).is_dir() else []

    def _threads(self, miniature: int) -> int:
        """Threads of a task that loads a model: what the params file says, else as suits a miniature."""
        return self.params.model.threads or miniature

    def made(self) -> Iterator[Task]:
        """The world, the model out of its file, and the set that M_t writes itself."""
        params, run = self.params, self.run
        if gguf.is_gguf(params.model.name):
            yield Task(
                "model", "", "01_model", inputs=[gguf.find(str(params.model.name))], folders=[run.unpacked_model]
            )
        if params.world:
            yield Task(
                "world", "", "00_world",
                inputs=questions.files((params.world.source or {}).values(), params.data),
                outputs=[run.world_questions(name) for name in params.world.sets()],
                folders=[run.base_model],
                threads=params.world.pretraining.threads,
            )  # fmt: skip
        if params.prior_known:
            yield Task(
                "prior_known", "", "05_prior_known",
                inputs=self.base,
                outputs=[run.prior_known],
                gpus=engines.gpus(params.prior_known, params.judge),
                threads=self._threads(2),
            )  # fmt: skip

    def asked(self) -> Iterator[Task]:
        """Sampling and labeling of M_t, a task a part."""
        for part, names in parts(self.params).items():
            yield self._sampling(part, names, BASE, [*self.base, *self._sources(names)])
            if part != "requests":
                yield self._labeling(part, names, BASE)

    def asked_again(self) -> Iterator[Task]:
        """Sampling and labeling of trained models: did training move the boundary that it was labelled with?"""
        drifted = self.params.drift.methods if self.params.drift else ()
        for method in drifted:
            for item, models in self._models(method, points=False):
                trained = [self.run.trained(name, seed) for name, seed in models]
                names = [model_name(name, seed) for name, seed in models]
                asked = self.params.analysis.home
                yield self._sampling(item, [asked], ",".join(names), [*trained, self.run.questions(asked)])
                yield self._labeling(item, [asked], ",".join(names))

    def _sampling(self, item: str, names: list[str], models: str, inputs: list[Path]) -> Task:
        run, own = self.run, models == BASE
        outputs = [run.responses(name, model) for model in models.split(",") for name in names]
        return Task(
            "sampling", item, "10_sampling",
            parameters={"sets": ",".join(names), "model": models},
            inputs=inputs,
            outputs=[*outputs, *(run.questions(name) for name in names if own)],
            scope=Scope(sets=tuple(names)),
            gpus=engines.gpus(self.params.sampling),
            threads=self._threads(2 if own else 1),
            models=0 if own else len(models.split(",")),
        )  # fmt: skip

    def _labeling(self, item: str, names: list[str], models: str) -> Task:
        run, own = self.run, models == BASE
        listed = [(name, model) for model in models.split(",") for name in names]
        outputs = [path(*pair) for pair in listed for path in (run.labels, run.knowledge)]
        asked = [run.questions(name) for name in names]
        return Task(
            "labeling", item, "20_labeling",
            parameters={"sets": ",".join(names), "model": models},
            inputs=[*(run.responses(*pair) for pair in listed), *asked],
            outputs=[*outputs, *([run.train_questions] if own and "train" in names else [])],
            scope=Scope(sets=tuple(names)),
            gpus=engines.gpus(self.params.judge),
        )  # fmt: skip

    def _sources(self, names: list[str]) -> list[Path]:
        """Files that question sets are read from: those that the run makes and those of the user."""
        specs = {name: self.params.questions[name] for name in names}
        made = [questions.located(self.run, name, spec) for name, spec in specs.items()]
        pairs = zip(made, specs.values(), strict=True)
        own = [Path(str(spec.path)) for spec, given in pairs if given.path != spec.path]
        return list(dict.fromkeys([*own, *questions.files(specs.values(), self.params.data)]))

    def taught(self) -> Iterator[Task]:
        """Rows and trainings, a stage of a method after the other."""
        for method in (name for name in self.params.methods if name in self.params.trained):
            kind = METHODS[self.params.entries[method].method]
            for stage in kind.stages:
                last = None if stage is kind.stages[-1] else stage.name
                for earlier in stage.reads:
                    yield from self._read_again(method, earlier)
                if not OBJECTIVES[stage.objective].merges:
                    yield self._rows(method, stage, last)
                yield from self._trainings(method, stage, last)

    def _read_again(self, method: str, earlier: str) -> Iterator[Task]:
        """The training questions, asked of the model of an earlier stage: that of the method's first training."""
        run, family = self.run, self._taught(method)
        first = [(name, self.params.models[name][0]) for name in family]
        names = ",".join(model_name(*one, earlier) for one in first)
        rows = [self.params.entries[name].rows for name in family]
        sets = list(dict.fromkeys(one for each in rows for one in (each.open_book or "train", *each.sets)))
        trained = [run.trained(*one, earlier) for one in first]
        item = f"{method}.{earlier}"
        yield self._sampling(item, sets, names, [*trained, *(run.questions(name) for name in sets)])
        yield self._labeling(item, sets, names)

    def _rows(self, method: str, stage: Stage, last: str | None) -> Task:
        run, family = self.run, self._taught(method)
        kind = METHODS[self.params.entries[method].method]
        rows = {name: self.params.entries[name].rows for name in family}
        inputs = [
            path
            for name, entry in rows.items()
            for path in selection.files(run, entry, stage.signals, again(name, self.params.models[name], stage))
        ]
        only = len(kind.stages) == 1
        return Task(
            "rows", method if only else f"{method}.{stage.name}", kind.notebook,
            parameters={"method": method, **({} if only else {"stage": stage.name})},
            inputs=list(dict.fromkeys(inputs)),
            outputs=[run.sft(name, last) for name in family],
            scope=Scope(methods=(method,)),
            models=sum(len(self.params.models[name]) for name in family),
        )  # fmt: skip

    def _trainings(self, method: str, stage: Stage, last: str | None) -> Iterator[Task]:
        run, params = self.run, self.params
        kind = METHODS[params.entries[method].method]
        for item, models in self._models(method, trained=True):
            start = [] if stage.start == BASE else [run.trained(*model, stage.start) for model in models]
            names = list(dict.fromkeys(name for name, _ in models))
            yield Task(
                "training", item if last is None else f"{item}.{last}", OBJECTIVES[stage.objective].notebook,
                parameters={
                    "method": names[0],
                    **({"seed": models[0][1]} if not self._shared(method) else {}),
                    **({} if len(kind.stages) == 1 else {"stage": stage.name}),
                },
                inputs=[
                    *self.base, *start,
                    *([] if OBJECTIVES[stage.objective].merges else [run.sft(name, last) for name in names]),
                    *self._merged(models, stage),
                    *(self._graded_questions(names) if OBJECTIVES[stage.objective].grades else []),
                ],
                outputs=[run.trained(*model, last) for model in models],
                scope=Scope(methods=(names[0],)),
                gpus=layouts.devices(params.training_of(names[0], stage.name)),
                threads=self._threads(1),
                models=len(models),
            )  # fmt: skip

    def _merged(self, models: Iterable[tuple[str, int]], stage: Stage) -> list[Path]:
        """Markers of the models that some are merged of."""
        if not OBJECTIVES[stage.objective].merges:
            return []
        found = []
        for name, seed in models:
            entry = self.params.entries[name]
            options: Any = check_options(entry.method, entry.options)
            found += [self.run.trained(other, seed) for other in options.of]
        return list(dict.fromkeys(found))

    def _graded_questions(self, names: Iterable[str]) -> list[Path]:
        """Questions with right answers, of what is graded while a model trains."""
        sets = [one for name in names for one in self.params.entries[name].rows.sets]
        return [self.run.train_questions, *(self.run.questions(one) for one in dict.fromkeys(sets))]

    def _taught(self, method: str) -> list[str]:
        """A method and the points of its sweeps that models are trained for."""
        return [name for name in self.params.family(method) if name in self.params.trained]

    def _shared(self, method: str) -> bool:
        made = self.params.entries[method].model_of or method
        return together(self.params, self.params.family(made))

    def _models(
        self, method: str, points: bool = True, trained: bool = False
    ) -> list[tuple[str, list[tuple[str, int]]]]:
        """Models of a method that one kernel makes or asks, with the name of that task."""
        names = self._taught(method) if trained else self.params.family(method) if points else [method]
        models = [(name, seed) for name in names for seed in self.params.models[name]]
        if self._shared(method):
            return [(method, models)]
        return [(f"{name}_seed{seed}", [(name, seed)]) for name, seed in models]

    def _signals(self, methods: Iterable[str]) -> list[str]:
        return read_of_base({name: self.params.entries[name] for name in methods})

    def measured(self) -> Iterator[Task]:
        """Signals of M_t's own answers, once for all methods that read them."""
        run, entries = self.run, self.params.entries
        names = self._signals(entries)
        if names:
            # Some are asked of the model, others are known already.
            loads = signals.asks(names) != {"nothing"}
            sets = list(dict.fromkeys([*self.params.row_sets, *self.params.graded_sets()]))
            yield Task(
                "signals", "", "25_signals",
                parameters={"sets": ",".join(sets)},
                inputs=[
                    *(self.base if loads else []),
                    *(path(name) for name in sets for path in (run.labels, run.questions)),
                ],
                outputs=[run.signals(name) for name in sets],
                scope=Scope(sets=tuple(sets)),
                gpus=engines.gpus(self.params.sampling) if loads else 0,
                threads=self._threads(1) if loads else 1,
            )  # fmt: skip

    def withheld(self) -> Iterator[Task]:
        """What trained heads say, and the rules by which methods withhold answers."""
        run, params = self.run, self.params
        for method in params.entries:
            kind = METHODS[params.entries[method].method]
            models = [(method, seed) for seed in params.models[method]]
            stage = None if kind.head is None or kind.head == kind.stages[-1].name else kind.head
            heads = [run.trained(*model, stage) for model in models] if kind.head else []
            if heads:
                names = [model_name(*model, stage) for model in models]
                sets = params.graded_sets()
                yield Task(
                    "signals", method, "25_signals",
                    parameters={"sets": ",".join(sets), "model": ",".join(names)},
                    inputs=[*heads, *self.base, *(path(name) for name in sets for path in (run.labels, run.questions))],
                    outputs=[run.signals(name, model) for model in names for name in sets],
                    scope=Scope(sets=tuple(sets)),
                    gpus=engines.gpus(params.sampling),
                    threads=self._threads(1),
                )  # fmt: skip
            if kind.answer.fit is not None:
                own = [run.signals("train")] if self._signals([method]) else []
                yield Task(
                    "thresholds", method, "45_thresholds",
                    parameters={"method": method},
                    inputs=[run.train_questions, run.labels("train"), *own, *heads],
                    outputs=[run.fitted(*model) for model in models],
                    scope=Scope(methods=(method,)),
                )  # fmt: skip

    def answered(self) -> Iterator[Task]:
        """Evaluations, and the judge's reading of requests."""
        shares = engines.ENGINES[self.params.evaluation.engine].serves_adapters
        adapters: list[tuple[str, int]] = []
        for method in (name for name in self.params.entries if name not in self._points()):
            made = self.params.entries[method].model_of or method
            stages = METHODS[self.params.entries[made].method].stages
            whole = any(OBJECTIVES[stage.objective].merges for stage in stages)
            adapter = made in self.params.trained and not whole and self.params.training_of(made).mode != "full"
            for item, models in self._models(method):
                if shares and adapter:
                    adapters += models
                else:
                    yield self._evaluation(item, models, None if self._shared(method) else models[0][1])
        if adapters:
            yield self._evaluation(ADAPTERS, adapters, None)
        yield from self._judging()
        yield from self._harness()

    def _points(self) -> set[str]:
        return {point.name for point in self.params.points}

    def _evaluation(self, item: str, models: list[tuple[str, int]], seed: int | None) -> Task:
        run, params = self.run, self.params
        graded, requests = params.graded_sets(), params.request_sets()
        names = list(dict.fromkeys(name for name, _ in models))
        asked = names if seed is not None else [name for name in names if name not in self._points()]
        trained = [model for model in models if METHODS[params.entries[model[0]].method].speaker != BASE]
        return Task(
            "evaluation", item, "50_evaluation",
            parameters={"method": ",".join(asked), **({} if seed is None else {"seed": seed})},
            inputs=[
                *self._files_of(trained),
                *(self.base if len(trained) < len(models) else []),
                *self._deciding(models),
                *(run.questions(name) for name in [*graded, *requests]),
                *(run.labels(name) for name in graded),
                *(run.responses(name) for name in requests),
            ],
            outputs=[
                *self._of_models(models, run.evaluation, graded),
                *self._of_models(models, run.answers, requests),
                *self._own_signals(models),
                *self._doubted(models),
            ],
            scope=Scope(methods=tuple(asked)),
            gpus=engines.gpus(params.evaluation, params.judge),
            threads=self._threads(1),
            models=len(models),
        )  # fmt: skip

    def _files_of(self, models: list[tuple[str, int]]) -> list[Path]:
        """Markers of the trained models that speak."""
        made = [(self.params.entries[name].model_of or name, seed) for name, seed in models]
        return list(dict.fromkeys(self.run.trained(*model) for model in made))

    def _own_signals(self, models: list[tuple[str, int]]) -> list[Path]:
        """What models tell of their own answers: signals that they decide by, how likely a refusal is."""
        refusals = self.params.evaluation.refusal_likelihood
        asked = [one for one in models if METHODS[self.params.entries[one[0]].method].told(refusals)]
        return [self.run.signals(name, model_name(*one)) for one in asked for name in self.params.graded_sets()]

    def _doubted(self, models: list[tuple[str, int]]) -> list[Path]:
        """Second answers, of sets that are doubted."""
        doubt = self.params.evaluation.doubt
        able = [one for one in models if METHODS[self.params.entries[one[0]].method].can_be_doubted]
        return self._of_models(able, self.run.doubted, doubt.datasets if doubt else ())

    def _deciding(self, models: list[tuple[str, int]]) -> list[Path]:
        """Signals and fitted rules that the models' methods read when they answer."""
        run, found = self.run, list[Path]()
        for name, seed in models:
            kind = METHODS[self.params.entries[name].method]
            if kind.answer.fit is not None:
                found.append(run.fitted(name, seed))
            if self._signals([name]) and kind.answer.signals:
                found += [run.signals(dataset) for dataset in self.params.graded_sets()]
            if kind.head is not None:
                stage = None if kind.head == kind.stages[-1].name else kind.head
                found += [run.signals(item, model_name(name, seed, stage)) for item in self.params.graded_sets()]
        return list(dict.fromkeys(found))

    def _compared(self) -> list[tuple[str, int]]:
        """Points of sweeps are not judged: a judge costs more than string rules."""
        return [model for model in self._all_models() if model[0] not in self._points()]

    def _all_models(self) -> list[tuple[str, int]]:
        return [(name, seed) for name, seeds in self.params.models.items() for seed in seeds]

    def _judging(self) -> Iterator[Task]:
        run, requests = self.run, self.params.request_sets()
        judge = self.params.judge
        labelled = [Path(judge.labelled)] if judge and judge.labelled else []
        outputs = self._of_models(self._compared(), run.judged, requests) + ([run.labelled] if labelled else [])
        if outputs:
            yield Task(
                "judging", "", "56_judging",
                inputs=[
                    *self._of_models(self._compared(), run.answers, requests),
                    *(run.questions(name) for name in requests),
                    *labelled,
                ],
                outputs=outputs,
                gpus=engines.gpus(judge),
            )  # fmt: skip

    def _harness(self) -> Iterator[Task]:
        """Tasks of lm-evaluation-harness, asked of M_t once and of what is trained."""
        if self.params.harness is None:
            return
        asked = self._asked_by_harness()
        shared = {name: self._shared(name) for name, _ in asked}
        for item, models in [
            *((name, [one for one in asked if one[0] == name]) for name in shared if shared[name]),
            *((f"{name}_seed{seed}", [(name, seed)]) for name, seed in asked if not shared[name]),
        ]:
            trained = [self.run.trained(*one) for one in models if one[0] in self.params.trained]
            given = self.params.harness.include
            yield Task(
                "harness", item, "57_harness",
                parameters={"method": models[0][0], **({} if shared[models[0][0]] else {"seed": models[0][1]})},
                inputs=[*(trained or self.base), *([Path(given)] if given else [])],
                outputs=[self.run.harness(*one) for one in models],
                scope=Scope(methods=(models[0][0],)),
                gpus=engines.gpus(self.params.evaluation),
                threads=self._threads(1),
                models=len(models),
            )  # fmt: skip

    def _asked_by_harness(self) -> list[tuple[str, int]]:
        """M_t and every trained model, but for the points of sweeps."""
        if self.params.harness is None:
            return []
        entries = self.params.entries.items()
        able = {name for name, entry in entries if entry.model_of is None and METHODS[entry.method].of_harness}
        return [one for one in self._compared() if one[0] in able]

    def _of_models(self, models: Sequence[tuple[str, int]], path: Any, sets: Iterable[str]) -> list[Path]:
        return [path(name, seed, item) for name, seed in models for item in sets]

    def told(self) -> Iterator[Task]:
        """Tables, verdicts, figures and the report; of one world of several no more than those over worlds read."""
        rated = ("readings",) if "helpfulness" in self.params.analysis.roles else ()
        wanted = (*OF_A_WORLD, *rated) if self.run.is_world else FINAL
        return (task for task in self._told() if task.stage in wanted)

    def _told(self) -> Iterator[Task]:
        run, params = self.run, self.params
        graded = params.graded_sets()
        evaluated = self._of_models(self._all_models(), run.evaluation, graded)
        asked = [path(name) for name in graded for path in (run.questions, run.knowledge)]
        trained_on = [path(name) for name in params.row_sets for path in (run.questions, run.knowledge)]
        taught = [
            run.sft(name) for name, entry in params.trained.items() if METHODS[entry.method].stages[-1].objective == SFT
        ]
        kept = [run.folder / "tables" / f"{name}.parquet" for name in ("tab_main", "tab_tests")]
        judged = [path for task in self._judging() for path in task.outputs]
        rated = "helpfulness" in params.analysis.roles
        helpfulness = [run.folder / "tables" / "tab_helpfulness.parquet"] if rated else []
        drifted = params.drift.methods if params.drift else ()
        home = params.analysis.home
        again = [run.knowledge(home, model_name(name, seed)) for name in drifted for seed in params.models[name]]
        yield self._tables("scores", "60_scores", [*evaluated, *asked, *trained_on, *taught], kept)
        told = [path for path in self._deciding(self._all_models()) if path.suffix == ".parquet"]
        told += self._own_signals(self._all_models())
        yield self._tables("confidence", "61_confidence", [*evaluated, *asked, *told])
        labels = [run.labels(name) for name in graded]
        inputs = [*evaluated, *asked, *labels, *again, *judged, *self._doubted(self._all_models())]
        inputs += [run.harness(*one) for one in self._asked_by_harness()]
        yield self._tables("readings", "62_readings", inputs, helpfulness)
        if bandits := self._of_source("bandit"):
            played = [*self._of_models(self._all_models(), run.evaluation, bandits), *map(run.questions, bandits)]
            pictures = [run.figures / f"fig_signalling.{kind}" for kind in ("pdf", "png")]
            yield self._tables("signalling", "64_signalling", played, pictures)
        yield self._tables("findings", "63_findings", [*kept, *helpfulness, *evaluated], [run.figures / "claims.md"])
        yield Task(
            "figures", "", "70_figures",
            inputs=[
                *(path for stage in FINAL[:-1] for path in self._written(stage)),
                run.labels("train"), run.knowledge("train"), run.train_questions, *taught,
            ],
            outputs=[
                *(
                    run.figures / f"{name}.{kind}"
                    for name in plots.expected("70_figures", self._has())
                    for kind in ("pdf", "png")
                ),
                run.figures / "report.html",
            ],
        )  # fmt: skip

    def _tables(self, stage: str, notebook: str, inputs: list[Path], besides: Sequence[Path] = ()) -> Task:
        return Task(
            stage, "", notebook,
            inputs=list(dict.fromkeys(inputs)),
            outputs=[*self._csv(notebook), *besides],
            models=int(stage == "scores"),
        )  # fmt: skip

    def _csv(self, notebook: str) -> list[Path]:
        names = tables.expected(notebook, self._has())
        return [self.run.figures / f"{name}.{kind}" for name in names for kind in ("csv", "md", "tex")]

    def _written(self, stage: str) -> list[Path]:
        """Tables that a stage writes as CSV, and the verdicts."""
        notebook = WRITTEN.get(stage)
        if notebook is None:
            return [
                *(path for path in self._csv("63_findings") if path.suffix == ".csv"),
                self.run.figures / "claims.md",
            ]
        return [path for path in self._csv(notebook) if path.suffix == ".csv"]

    def _of_source(self, source: str) -> list[str]:
        """The evaluation sets of a source."""
        return [name for name in self.params.graded_sets() if self.params.questions[name].source == source]

    def _has(self) -> set[str]:
        """What of tables and figures depends on the run: roles of its sets, sweeps, labels for a judge, fame."""
        params = self.params
        labelled = {"labelled"} if params.judge and params.judge.labelled else set()
        famous = {"fame" for name in params.graded_sets() if questions.design(params.questions[name]).fame}
        twins = {"deduction" for name in params.graded_sets() if questions.scorer(params.questions[name]) == "solved"}
        scored = {"scorer" for name in params.graded_sets() if questions.scorer(params.questions[name])}
        doubted = {"doubt"} if params.evaluation.doubt else set()
        others = {"harness"} if params.harness else set()
        others |= {"rewards"} if edges_of(params.entries) else set()
        others |= {"bandit"} if self._of_source("bandit") else set()
        # A curve has two points.
        drawn = {quantity for quantity, sweep in params.sweeps.items() if len(sweep.values) > 1}
        opened = {"passages"} if params.twins else set()
        return {*params.analysis.roles, *drawn, *labelled, *famous, *doubted, *scored, *twins, *others, *opened}


def _not_reached(params: Params, scope: Scope) -> list[str]:
    """Modules that registries name and a task does not use."""
    chosen = scope.methods or tuple(params.entries)
    methods = {params.entries[name].method for name in chosen}
    sources = {spec.source for spec in params.questions.values()}
    stages: list[Generation | None] = [params.sampling, params.evaluation, params.prior_known, params.judge]
    used = {str(name) for stage in stages if stage for name in (stage.engine, stage.engine_options.get("engine"))}
    kept = {_module(METHODS[name].options) for name in methods} | {_module(questions.SOURCES[s].read) for s in sources}
    listed = [_module(method.options) for method in METHODS.values()]
    listed += [_module(source.read) for source in questions.SOURCES.values()]
    listed += [f"engines.{name}" for name in engines.ENGINES if name not in used | {"transformers"}]
    return sorted({name for name in listed if name not in kept})


def _module(item: Any) -> str:
    return str(item.__module__).removeprefix("honesty_utils.")
