"""Params files: one YAML is one run, a section per stage, every key checked before any work.

Each section is a pydantic model in the stage that reads it; this module puts
them together and holds them to each other.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator, model_validator

from honesty_utils import engines, grading, methods, questions
from honesty_utils.common.settings import ConfigError, Name, Prompts, Section, explain
from honesty_utils.engines.settings import Generation, Model
from honesty_utils.evaluation.settings import Drift, Evaluation
from honesty_utils.judge.settings import JUDGED_ROLES, Judge
from honesty_utils.knowledge.settings import Labeling
from honesty_utils.methods import confidence
from honesty_utils.methods.settings import UNTRAINED, MethodEntry
from honesty_utils.prior.settings import PriorKnown
from honesty_utils.questions.settings import REQUESTS, QuestionSet
from honesty_utils.results import display
from honesty_utils.results.settings import Analysis
from honesty_utils.sampling.settings import Sampling
from honesty_utils.training.settings import Training
from honesty_utils.workflow import layers
from honesty_utils.workflow.sweeps import Point, Sweep, expand
from honesty_utils.world.settings import World

ADAPTERS = "adapters"
"""Name of the group of models that are evaluated together."""


class Params(Section):
    """A whole params file."""

    run: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", description="name of the folders under runs/ and figures/"
    )
    data: str | None = Field(None, description="local folder with copies of the question sets; none: from the hub")
    world: World | None = Field(None, description="a microworld to build; none: `model` exists already")
    model: Model = Model()
    prompts: Prompts = Prompts()
    questions: dict[Name, QuestionSet]
    prior_known: PriorKnown | None = Field(None, description="let M_t write a set of what it knows; none: it does not")
    sampling: Sampling = Sampling()
    labeling: Labeling = Labeling()
    judge: Judge | None = Field(None, description="a model that reads what string rules leave open; none: only they")
    methods: dict[Name, MethodEntry] = Field(min_length=1)
    sweeps: dict[str, Sweep] = Field({}, description="a quantity in honesty_utils.workflow.sweeps.SWEEPS -> its values")
    training: Training = Training()
    evaluation: Evaluation
    drift: Drift | None = None
    analysis: Analysis = Analysis()

    @field_validator("methods", mode="before")
    @classmethod
    def _default_builder(cls, value: Any) -> Any:
        """A method named like its builder needs no ``builder`` key."""
        if isinstance(value, dict):
            return {
                name: {"builder": name, **(entry or {})} if isinstance(entry, dict | None) else entry
                for name, entry in value.items()
            }
        return value

    @model_validator(mode="after")
    def _names_agree(self) -> Params:
        if "train" not in self.questions:
            raise ValueError("questions: has no set named 'train'; fine-tuning rows are built from it")
        for name in self.evaluation.datasets:
            if name not in self.questions:
                raise ValueError(
                    f"evaluation.datasets: {name!r} is not under questions; known: {sorted(self.questions)}"
                )
        for name in self.drift.methods if self.drift else ():
            if name not in self.trained:
                raise ValueError(f"drift.methods: {name!r} is not trained; known: {sorted(self.trained)}")
        if "in_distribution" not in self.analysis.roles:
            raise ValueError(
                "analysis.roles: in_distribution is missing; name the evaluation set that is like training"
            )
        for role, name in self.analysis.roles.items():
            if name not in self.evaluation.datasets:
                raise ValueError(f"analysis.roles.{role}: {name!r} is not in {list(self.evaluation.datasets)}")
        for point in self.points:
            if point.name in self.methods:
                raise ValueError(
                    f"methods.{point.name}: sweeps.{point.quantity} makes a method of that name; choose another"
                )
        for name, method in self.trained.items():
            self._check_method(name, method)
        self._check_names_of_code()
        self._check_trained_models_can_be_asked()
        self._check_refusals()
        self._check_world_sets()
        self._check_requests()
        confidence.check_phrases(self.prompts)
        if self.world is None and self.model.name is None:
            raise ValueError("model.name: none, and there is no world section that would make a model; name one")
        return self

    def _check_names_of_code(self) -> None:
        stages = {
            "sampling": self.sampling,
            "evaluation": self.evaluation,
            "prior_known": self.prior_known,
            "judge": self.judge,
        }
        for key, stage in ((key, stage) for key, stage in stages.items() if stage is not None):
            engines.check_options(stage.engine, stage.engine_options, where=key)
        taught = self.world.source or {} if self.world else {}
        for key, sets in (("questions", self.questions), ("world.source", taught)):
            for name, spec in sets.items():
                if spec.source not in questions.SOURCES:
                    raise ValueError(f"{key}.{name}.source: {spec.source!r}; known: {sorted(questions.SOURCES)}")

    def _check_trained_models_can_be_asked(self) -> None:
        """What a run trains lies in its own folder: a server does not know it, and would say so after the training."""
        here = sorted(set(engines.ENGINES) - {"openai"})
        asking: dict[str, tuple[Generation, str]] = {
            "evaluation": (self.evaluation, "sampling, prior_known and judge may ask a server")
        }
        if self.drift:
            asking["sampling"] = (self.sampling, "or leave the drift section out, which asks trained models by it")
        for key, (stage, remedy) in asking.items():
            if engines.check_options(stage.engine, stage.engine_options, where=key).served:
                raise ValueError(
                    f"{key}.engine: {stage.engine!r} asks a server, which has no model that this run trains; write one "
                    f"of {here} that loads models by itself; {remedy}"
                )

    def _check_refusals(self) -> None:
        """The signs are known, and what the world teaches its model to say as a refusal is recognised as one."""
        try:
            signs = grading.refusal_signs(self.labeling.refusal_signs)
        except ValueError as error:
            raise ValueError(f"labeling.{error}") from None
        for text in self.world.refusals if self.world else ():
            if not grading.is_refusal("", text, self.prompts.refusal, signs):
                raise ValueError(
                    f"world.refusals: {text!r} is neither prompts.refusal nor has it one of labeling.refusal_signs, "
                    "so it would be graded wrong; add a sign for it"
                )

    def _check_world_sets(self) -> None:
        made = self.world.sets() if self.world else []
        for name, spec in self.questions.items():
            if spec.source == "microworld" and spec.path is None and name not in made:
                raise ValueError(f"questions.{name}: the world writes no such set; it writes {made}")
            if spec.source == "prior_known" and spec.path is None and self.prior_known is None:
                raise ValueError(
                    f"questions.{name}: source prior_known needs a prior_known section (topics, prompt, …)"
                )

    def _check_requests(self) -> None:
        """Sets without right answers are read by a judge, and only for what a judge can say of them."""
        judged = self.request_sets()
        if judged and self.judge is None:
            raise ValueError(f"evaluation.datasets: {judged[0]!r} has no right answers; add a judge section to read it")
        for role, name in self.analysis.roles.items():
            if (role in JUDGED_ROLES) != (name in judged):
                needed = f"a set of source {REQUESTS!r}" if role in JUDGED_ROLES else "a set with right answers"
                raise ValueError(
                    f"analysis.roles.{role}: {name!r} is of source {self.questions[name].source!r}; {needed} is needed"
                )
        for name in judged:
            if name not in self.analysis.roles.values():
                raise ValueError(f"analysis.roles: {name!r} plays no role; name it as {' or '.join(JUDGED_ROLES)}")
        for name in self.row_sets:
            if self.questions[name].source == REQUESTS:
                raise ValueError(f"questions.{name}.source: requests have no right answers to train on; name another")

    def request_sets(self) -> list[str]:
        """The evaluation sets of requests that have no right answers."""
        return [name for name in self.evaluation.datasets if self.questions[name].source == REQUESTS]

    def graded_sets(self) -> list[str]:
        """The evaluation sets of questions with right answers."""
        return [name for name in self.evaluation.datasets if name not in self.request_sets()]

    def _check_method(self, name: str, method: MethodEntry) -> None:
        if name in UNTRAINED or name in display.CONTROLS:
            raise ValueError(f"methods.{name}: that name belongs to a row that every run has; choose another")
        if method.builder not in methods.METHODS:
            raise ValueError(f"methods.{name}.builder: {method.builder!r}; known: {sorted(methods.METHODS)}")
        try:
            methods.check_options(method.builder, method.options)
        except ValueError as error:
            raise ValueError(f"methods.{name}.options: {error}") from None
        for dataset in ("train", *method.rows.sets):
            self._check_rows(name, method, dataset)
        try:
            self.training_of(name)
        except ValidationError as error:
            raise ValueError(explain(error, f"methods.{name}.training", Training)) from None

    def _check_rows(self, name: str, method: MethodEntry, dataset: str) -> None:
        if dataset not in self.questions:
            raise ValueError(f"methods.{name}.rows.sets: {dataset!r} is not under questions; {sorted(self.questions)}")
        if dataset in self.evaluation.datasets:
            raise ValueError(f"methods.{name}.rows.sets: {dataset!r} is evaluated; train on questions of their own")
        drawn = self.questions[dataset].samples
        drawn = self.sampling.samples if drawn is None else drawn
        if methods.METHODS[method.builder].needs_samples and drawn == 0:
            raise ValueError(
                f"methods.{name}: needs sampled answers, but questions.{dataset}.samples is 0; set it to 1 or more"
            )
        if method.rows.samples is not None and method.rows.samples > drawn:
            raise ValueError(
                f"methods.{name}.rows.samples: {method.rows.samples}, but {drawn} are drawn for {dataset!r}; "
                "ask for fewer, or raise sampling.samples"
            )

    @cached_property
    def points(self) -> dict[Point, MethodEntry]:
        """The points of all sweeps."""
        return expand(self.sweeps, self.methods)

    @cached_property
    def trained(self) -> dict[str, MethodEntry]:
        """Every method that is trained: those under ``methods``, then the points of the sweeps."""
        return {**self.methods, **{point.name: entry for point, entry in self.points.items()}}

    @property
    def row_sets(self) -> list[str]:
        """Sets that rows are built from: the training set, and those that some method adds."""
        return list(dict.fromkeys(["train", *(name for entry in self.trained.values() for name in entry.rows.sets)]))

    def evaluation_groups(self) -> dict[str, list[tuple[str, int]]]:
        """Models that one process evaluates, as ``(method, seed)``, by the name of their executed notebook.

        All adapters, LoRA or QLoRA, share a start of an engine that serves them; any other model is a group of its own.
        """
        shared = engines.ENGINES[self.evaluation.engine].serves_adapters
        groups: dict[str, list[tuple[str, int]]] = {f"{name}_seed0": [(name, 0)] for name in UNTRAINED}
        for name in self.trained:
            training = self.training_of(name)
            for seed in training.seeds:
                group = ADAPTERS if shared and training.mode != "full" else f"{name}_seed{seed}"
                groups.setdefault(group, []).append((name, seed))
        return groups

    def training_of(self, method: str) -> Training:
        """Training section of one method: the common one with the method's overrides."""
        entry = self.trained[method]
        merged = {**self.training.model_dump(), **entry.training}
        if entry.seeds is not None:
            merged["seeds"] = entry.seeds
        return Training(**merged)


def load(path: str | Path, data: str | None = None) -> Params:
    """Read and check a params file.

    Args:
        path: the YAML file.
        data: local folder with copies of the question sets, in place of the file's own ``data``.

    Raises:
        ConfigError: names file, key, value and what is allowed.
    """
    content = layers.read(Path(path))
    if data:
        content["data"] = data
    try:
        return Params(**content)
    except ValidationError as error:
        raise ConfigError(explain(error, str(path), Params)) from None
