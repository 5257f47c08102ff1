"""Params files: one YAML is one run, a section per stage, every key checked before any work.

Each section is a pydantic model in the stage that reads it; this module puts
them together and holds them to each other.
"""

from __future__ import annotations

import logging
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from honesty_utils import engines, grading, methods, questions
from honesty_utils.common.paths import BASE
from honesty_utils.common.settings import NAME_START, ConfigError, Name, Prompts, Section, explain
from honesty_utils.engines.settings import Generation, Model
from honesty_utils.evaluation.settings import Drift, Evaluation, Harness
from honesty_utils.judge.settings import JUDGED_ROLES, Judge
from honesty_utils.knowledge.settings import Labeling
from honesty_utils.knowledge.signals import SIGNALS
from honesty_utils.methods.phrases import check_phrases
from honesty_utils.methods.plan import HEAD
from honesty_utils.methods.settings import MethodEntry
from honesty_utils.prior.settings import PriorKnown
from honesty_utils.questions.settings import LIKELIHOOD, REQUESTS, Passages, QuestionSet
from honesty_utils.results import display
from honesty_utils.results.settings import Analysis
from honesty_utils.sampling.settings import Sampling
from honesty_utils.training.objectives import OBJECTIVES, options_of
from honesty_utils.training.settings import Training
from honesty_utils.workflow import layers
from honesty_utils.workflow.sweeps import Point, Sweep, expand
from honesty_utils.world.settings import World, Worlds

logger = logging.getLogger(__name__)

ALIKE = ("source", "path", "split", "part", "longest", "limit", "seed", "only_known", "repeats", "separator")
"""What a question set and its closed-book twin have in common."""

WAYS = (*questions.BY_RULE, "jsonl")
"""Sources of problems with the way to their answer; of a file its ``meta`` says so."""
LONGEST_NAME = 150
"""Characters of a method's name; a file's has some more around it, and 255 is where file systems end."""


class Params(Section):
    """A whole params file."""

    run: str = Field(
        pattern=rf"{NAME_START}(/worlds/\d+)?$",
        max_length=100,
        description="name of the folders under runs/ and figures/; <run>/worlds/<seed> is one world of several",
    )
    data: str | None = Field(None, description="local folder with copies of the question sets; none: from the hub")
    world: World | None = Field(None, description="a microworld to build; none: `model` exists already")
    worlds: Worlds | None = Field(None, description="several worlds of this recipe, by `make worlds`; none: this one")
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
    harness: Harness | None = Field(None, description="tasks of lm-evaluation-harness (extra `harness`); none: none")
    drift: Drift | None = None
    code_changes: Literal["rerun", "report"] = Field(
        "rerun", description="what other code has made is made again, or only said (where hours of GPUs are at stake)"
    )
    analysis: Analysis = Analysis()

    @field_validator("methods", mode="before")
    @classmethod
    def _default_method(cls, value: Any) -> Any:
        """An entry that is named like its method needs no ``method`` key; ``builder`` is its old name."""
        if not isinstance(value, dict):
            return value
        entries = {}
        for name, entry in value.items():
            if isinstance(entry, dict) and "builder" in entry and "method" not in entry:
                logger.warning("methods.%s.builder: is called `method` now; write method: %s", name, entry["builder"])
                entry = {"method" if key == "builder" else key: content for key, content in entry.items()}
            entries[name] = {"method": name, **(entry or {})} if isinstance(entry, dict | None) else entry
        return entries

    @model_validator(mode="after")
    def _names_agree(self) -> Params:
        if "train" not in self.questions:
            raise ValueError("questions: has no set named 'train'; fine-tuning rows are built from it")
        for name in self.evaluation.datasets:
            if name not in self.questions:
                raise ValueError(
                    f"evaluation.datasets: {name!r} is not under questions; known: {sorted(self.questions)}"
                )
        if "in_distribution" not in self.analysis.roles:
            raise ValueError(
                "analysis.roles: in_distribution is missing; name the evaluation set that is like training"
            )
        for role, name in self.analysis.roles.items():
            if name not in self.evaluation.datasets:
                raise ValueError(f"analysis.roles.{role}: {name!r} is not in {list(self.evaluation.datasets)}")
        for point in self.points:
            if len(point.name) > LONGEST_NAME:
                raise ValueError(
                    f"sweeps.{point.quantity}.values: {point.value:g} makes a name of {len(point.name)} characters, "
                    f"which file names do not take; at most {LONGEST_NAME}"
                )
            if point.name in self.methods:
                raise ValueError(
                    f"methods.{point.name}: sweeps.{point.quantity} makes a method of that name; choose another"
                )
        for name, entry in self.entries.items():
            self._check_method(name, entry)
        for name in self.drift.methods if self.drift else ():
            if name not in self.trained:
                raise ValueError(f"drift.methods: {name!r} is not trained; known: {sorted(self.trained)}")
        if self.drift and self.questions[self.analysis.home].only_known:
            raise ValueError(
                f"drift: asks the set in distribution, {self.analysis.home!r}, of which only_known keeps what M_t "
                "knows; leave only_known out, or the drift section"
            )
        self._check_labels()
        self._check_names_of_code()
        self._check_trained_models_can_be_asked()
        self._check_refusals()
        self._check_passages()
        self._check_world_sets()
        self._check_worlds()
        self._check_requests()
        self._check_choosing()
        self._check_refusal_likelihood()
        self._check_doubt()
        self._check_harness()
        check_phrases(self.prompts)
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
                if spec.source in questions.REFUSED:
                    raise ValueError(f"{key}.{name}: {spec.source!r} is not offered: {questions.REFUSED[spec.source]}")
                if spec.source not in questions.SOURCES:
                    raise ValueError(f"{key}.{name}.source: {spec.source!r}; known: {sorted(questions.SOURCES)}")
                dialog = questions.SOURCES[spec.source].dialog
                if dialog is not None:  # a run asks once, and would ask half of it
                    raise ValueError(f"{key}.{name}: source {spec.source!r} is asked in several turns; {dialog}")

    def _check_trained_models_can_be_asked(self) -> None:
        """What a run trains lies in its own folder: a server does not know it, and would say so after the training."""
        here = sorted(set(engines.ENGINES) - {"openai"})
        asking: dict[str, tuple[Generation, str]] = {
            "evaluation": (self.evaluation, "sampling, prior_known and judge may ask a server")
        }
        again = [
            name
            for name, entry in self.methods.items()
            if entry.method in methods.METHODS and any(stage.reads for stage in methods.METHODS[entry.method].stages)
        ]
        if again:
            asking["sampling"] = (self.sampling, f"or leave methods.{again[0]} out, which asks a trained model by it")
        if self.drift:
            asking["sampling"] = (self.sampling, "or leave the drift section out, which asks trained models by it")
        for key, (stage, remedy) in asking.items():
            if engines.check_options(stage.engine, stage.engine_options, where=key).served:
                raise ValueError(
                    f"{key}.engine: {stage.engine!r} asks a server, which has no model that this run trains; write one "
                    f"of {here} that loads models by itself; {remedy}"
                )

    def _check_refusals(self) -> None:
        """The signs are known, and what the world teaches its model to say as a refusal is recognized as one."""
        try:
            signs = grading.refusal_signs(self.labeling.refusal_signs)
        except ValueError as error:
            raise ValueError(f"labeling.{error}") from None
        if not grading.normalize(self.prompts.refusal):
            raise ValueError(
                f"prompts.refusal: {self.prompts.refusal!r} is nothing once articles and punctuation are left out, so "
                "that every answer would hold it; write a sentence"
            )
        short = [
            sign
            for sign in signs
            if sign.isascii() and (sum(map(str.isalnum, sign)) < 3 or not grading.normalize(sign))
        ]
        if short:
            raise ValueError(
                f"labeling.refusal_signs: {short} is a part of most answers, which would all be refusals; write words"
            )
        for text in self.world.refusals if self.world else ():
            if not grading.is_refusal("", text, self.prompts.refusal, signs):
                raise ValueError(
                    f"world.refusals: {text!r} is neither prompts.refusal nor has it one of labeling.refusal_signs, "
                    "so it would be graded wrong; add a sign for it"
                )

    def _check_world_sets(self) -> None:
        made = self.world.sets() if self.world else []
        for name, spec in self.questions.items():
            if spec.source == "microworld" and spec.path is None and (spec.closed or name) not in made:
                raise ValueError(f"questions.{name}: the world writes no such set; it writes {made}")
            if spec.source == "prior_known" and spec.path is None and self.prior_known is None:
                raise ValueError(
                    f"questions.{name}: source prior_known needs a prior_known section (topics, prompt, …)"
                )

    def _check_passages(self) -> None:
        """Passages come from sources that have texts, and a twin asks the same questions without them."""
        for name, spec in self.questions.items():
            where = f"questions.{name}.passages"
            if isinstance(spec.passages, Passages) and not questions.SOURCES[spec.source].texts:
                able = [source for source, has in questions.SOURCES.items() if has.texts]
                raise ValueError(
                    f"{where}: shares of kinds, but source {spec.source!r} has no texts about its questions; {able} "
                    "have; write passages into the file of a set of your own"
                )
            told = spec.path is not None or (self.world and self.world.source is None and self.world.reading_share)
            if isinstance(spec.passages, Passages) and spec.source == "microworld" and not told:
                raise ValueError(
                    f"{where}: the world's model has never read a passage; set world.reading_share, such as 0.2 (a "
                    "world of real sets has no texts about its questions: leave passages out)"
                )
            if spec.closed is not None:
                self._check_twin(name, spec)

    def _check_twin(self, name: str, spec: QuestionSet) -> None:
        """A closed-book twin has the same questions, is asked where its set is, and has no passages."""
        where = f"questions.{name}.closed"
        twin = self.questions.get(str(spec.closed))
        if twin is None or twin.closed is not None or twin is spec:
            able = [other for other, has in self.questions.items() if has.closed is None and other != name]
            raise ValueError(f"{where}: {spec.closed!r} is no set that is asked without passages; known: {able}")
        if isinstance(twin.passages, Passages):
            raise ValueError(f"{where}: {spec.closed!r} is asked with passages; leave out its own")
        for key in ALIKE:
            own, other = getattr(spec, key), getattr(twin, key)
            if own != other:
                raise ValueError(
                    f"questions.{name}.{key}: {own!r}, but its closed-book twin {spec.closed!r} has {other!r}; the two "
                    "ask the same questions: give both the same"
                )
        for sets, what in ((self.evaluation.datasets, "evaluation.datasets"), (self.row_sets, "the training sets")):
            if name in sets and spec.closed not in sets:
                raise ValueError(
                    f"{where}: {spec.closed!r} is not in {what}, {name!r} is; what is known without passages is read "
                    "there: add it"
                )

    def _check_open_book(self, name: str, entry: MethodEntry) -> None:
        """Rows of an open book are of the training questions, and who reads both books has an open one."""
        opened, reads = entry.rows.open_book, any(one.closed_book for one in methods.METHODS[entry.method].stages)
        where = f"methods.{name}.rows.open_book"
        if opened is None and reads:
            able = [other for other, has in self.questions.items() if has.closed == "train"]
            raise ValueError(
                f"{where}: none, and {entry.method!r} learns from questions with passages; name a set that has "
                f"closed: train and passages; known: {able}"
            )
        if opened is None:
            return
        if opened not in self.questions or self.questions[opened].closed != "train":
            raise ValueError(f"{where}: {opened!r} is no set whose closed-book twin is 'train'; give it closed: train")
        if reads and entry.rows.sets:
            raise ValueError(f"methods.{name}.rows.sets: {entry.method!r} learns from one set; leave sets out")
        if opened in entry.rows.sets:
            raise ValueError(f"methods.{name}.rows.sets: {opened!r} is rows.open_book already; leave it out")

    def _check_worlds(self) -> None:
        """Each world is made anew, and trains every method once, with its own seed."""
        if self.worlds is None:
            return
        if self.world is None:
            raise ValueError("worlds: there is no world section, of which they would be made; add one, or leave it out")
        if self.harness is not None:
            raise ValueError("harness: no table is made of it over worlds; leave it out, or the worlds section")
        for name in self.trained:
            seeds = self.training_of(name).seeds
            if len(seeds) > 1:
                raise ValueError(
                    f"methods.{name}: is trained with the seeds {list(seeds)}, but worlds are the replicates, and in "
                    "each a method is trained once, with the world's seed; write training.seeds: [0], and no others"
                )

    def _check_requests(self) -> None:
        """Sets without right answers are read by a judge, and only for what a judge can say of them."""
        judged = self.request_sets()
        if judged and self.judge is None:
            raise ValueError(f"evaluation.datasets: {judged[0]!r} has no right answers; add a judge section to read it")
        for role, name in self.analysis.roles.items():
            if (role in JUDGED_ROLES) != (name in judged):
                needed = (
                    f"a set of requests, such as of source {REQUESTS!r},"
                    if role in JUDGED_ROLES
                    else "a set with right answers"
                )
                raise ValueError(
                    f"analysis.roles.{role}: {name!r} is of source {self.questions[name].source!r}; {needed} is needed"
                )
        for name in judged:
            if name not in self.analysis.roles.values():
                raise ValueError(f"analysis.roles: {name!r} plays no role; name it as {', '.join(JUDGED_ROLES)}")
        for name in self.row_sets:
            if questions.are_requests(self.questions[name]):
                raise ValueError(f"questions.{name}.source: requests have no right answers to train on; name another")

    def request_sets(self) -> list[str]:
        """The evaluation sets of requests that have no right answers."""
        return [name for name in self.evaluation.datasets if questions.are_requests(self.questions[name])]

    def _check_choosing(self) -> None:
        """Options are chosen by likelihood where engines can tell it; nothing is sampled of such a set."""
        for name, spec in self.questions.items():
            if spec.choose != LIKELIHOOD:
                continue
            if spec.samples != 0:
                raise ValueError(f"questions.{name}.choose: likelihood; nothing can be sampled then: set samples: 0")
            for stage, section in (("sampling", self.sampling), ("evaluation", self.evaluation)):
                if not engines.can(section, "score"):
                    able = [engine for engine, given in engines.ENGINES.items() if "score" in given.gives]
                    raise ValueError(
                        f"questions.{name}.choose: likelihood, but {stage}.engine {section.engine!r} does not tell how "
                        f"likely a given text is; write one of {able}, or choose: letter"
                    )

    def _check_refusal_likelihood(self) -> None:
        section = self.evaluation
        if section.refusal_likelihood and not engines.can(section, "score"):
            able = [engine for engine, given in engines.ENGINES.items() if "score" in given.gives]
            raise ValueError(
                f"evaluation.refusal_likelihood: true, but evaluation.engine {section.engine!r} does not tell how "
                f"likely a given text is; write one of {able}, or false"
            )

    def _check_harness(self) -> None:
        """The harness loads M_t by itself, which a server's model cannot be."""
        if (
            self.harness is not None
            and engines.check_options(self.sampling.engine, self.sampling.engine_options, where="sampling").served
        ):
            raise ValueError(
                f"harness: loads the model by itself, and sampling.engine {self.sampling.engine!r} asks a server; name "
                "another engine, or leave harness out"
            )

    @cached_property
    def twins(self) -> dict[str, str]:
        """The evaluated sets with passages, each with its closed-book twin."""
        return {name: str(self.questions[name].closed) for name in self.graded_sets() if self.questions[name].closed}

    def _check_doubt(self) -> None:
        doubt = self.evaluation.doubt
        for name in doubt.datasets if doubt else ():
            if name not in self.graded_sets():
                raise ValueError(f"evaluation.doubt.datasets: {name!r} is not in {self.graded_sets()}")
            if self.questions[name].choose == LIKELIHOOD:
                raise ValueError(
                    f"evaluation.doubt.datasets: {name!r} has choose: likelihood, which says nothing that could be "
                    "doubted; leave it out, or write choose: letter"
                )
        if doubt and self.prompts.style != "chat":
            raise ValueError(
                "evaluation.doubt: is a conversation, and prompts.style: raw knows no turns; write prompts.style: "
                "chat, or leave doubt out"
            )

    def graded_sets(self) -> list[str]:
        """The evaluation sets of questions with right answers."""
        return [name for name in self.evaluation.datasets if name not in self.request_sets()]

    def _check_method(self, name: str, entry: MethodEntry) -> None:
        if name in display.CONTROLS:
            raise ValueError(f"methods.{name}: that name belongs to a row that every run has; choose another")
        if name in self.methods and display.is_sweep(name):
            raise ValueError(f"methods.{name}: points of sweeps are named so; choose another name")
        if entry.method not in methods.METHODS:
            raise ValueError(f"methods.{name}.method: {entry.method!r}; known: {sorted(methods.METHODS)}")
        if name in methods.METHODS and name != entry.method:
            raise ValueError(f"methods.{name}.method: {entry.method!r}, but {name!r} names another method; rename it")
        try:
            methods.check_options(entry.method, entry.options)
        except ValueError as error:
            raise ValueError(f"methods.{name}.options: {error}") from None
        kind = methods.METHODS[entry.method]
        stages = {stage.name for stage in kind.stages}
        unknown = sorted(set(entry.stages) - stages)
        if unknown:
            raise ValueError(f"methods.{name}.stages: {unknown[0]!r}; {entry.method} has {sorted(stages) or 'none'}")
        self._check_signals(name, entry)
        self._check_model_of(name, entry)
        self._check_merged(name, entry)
        if not stages or entry.model_of:
            return
        self._check_open_book(name, entry)
        for dataset in filter(None, ("train", entry.rows.open_book, *entry.rows.sets)):
            self._check_rows(name, entry, dataset)
        for stage in kind.stages:
            if stage.objective not in OBJECTIVES:
                raise ValueError(
                    f"methods.{name}.method: stage {stage.name!r} has the objective {stage.objective!r}; "
                    f"known: {sorted(OBJECTIVES)}"
                )
        if any(stage.needs_ways for stage in kind.stages):
            self._check_ways(name, entry)
        for name_of in (None, *entry.stages):
            where = f"methods.{name}.training" if name_of is None else f"methods.{name}.stages.{name_of}.training"
            try:
                self.training_of(name, name_of)
            except ValidationError as error:
                raise ValueError(explain(error, where, Training)) from None
        for stage in kind.stages:
            where = f"methods.{name}.stages.{stage.name}"
            options = options_of(stage, entry, f"{where}.objective")
            try:
                OBJECTIVES[stage.objective].check(self.training_of(name, stage.name), options)
            except ValueError as error:
                raise ValueError(f"{where}.training.{error}") from None

    def _check_ways(self, name: str, entry: MethodEntry) -> None:
        """What learns from ways to an answer needs sets that have them."""
        for dataset in ("train", *entry.rows.sets):
            source = self.questions[dataset].source
            if source not in WAYS:
                raise ValueError(
                    f"methods.{name}: learns from problems with the way to their answer (meta.way, meta.depth), and "
                    f"questions.{dataset}.source is {source!r}, which has none; name one of {list(WAYS)}"
                )

    def _check_model_of(self, name: str, entry: MethodEntry) -> None:
        """What answers with another entry's models is trained for nothing and differs in its dial alone."""
        if entry.model_of is None:
            return
        where, kind, others = f"methods.{name}.model_of", methods.METHODS[entry.method], self.methods
        other = others.get(entry.model_of)
        if other is None or other.method != entry.method or other.model_of:
            able = [one for one, has in others.items() if has.method == entry.method and not has.model_of]
            raise ValueError(f"{where}: {entry.model_of!r} has no models of {entry.method!r}; known: {able}")
        if kind.answer.dial is None:
            dials = [one for one, has in methods.METHODS.items() if has.answer.dial]
            raise ValueError(f"{where}: {entry.method!r} has no dial by which it could answer otherwise; {dials} have")
        changed = {key: value for key, value in entry.options.items() if key != kind.answer.dial}
        if changed != {key: value for key, value in other.options.items() if key != kind.answer.dial}:
            raise ValueError(
                f"{where}: options other than {kind.answer.dial!r} are not those of {entry.model_of!r}, whose models "
                "were trained with them; leave them alike, or model_of out"
            )
        own = [key for key in ("rows", "training", "stages", "seeds") if key in entry.model_fields_set]
        if name in self.methods and own:
            raise ValueError(
                f"methods.{name}.{own[0]}: answers with the models of {entry.model_of!r}, and none is trained for it; "
                f"leave {own[0]} out, or model_of"
            )

    def _check_merged(self, name: str, entry: MethodEntry) -> None:
        """What is merged is trained by other entries, with the same seeds."""
        kind = methods.METHODS[entry.method]
        if not any(OBJECTIVES[stage.objective].merges for stage in kind.stages if stage.objective in OBJECTIVES):
            return
        able = [
            other
            for other, has in self.methods.items()
            if has.method in methods.METHODS and has.model_of is None and _is_model(methods.METHODS[has.method])
        ]
        for key in ("rows", "training", "stages"):
            if name in self.methods and key in entry.model_fields_set:
                raise ValueError(f"methods.{name}.{key}: nothing is trained where models are merged; leave it out")
        idle = [point for point in self.points if point.method == name and point.quantity != "weight"]
        if idle:
            raise ValueError(f"sweeps.{idle[0].quantity}: changes nothing of {name!r}, which is merged; sweep `weight`")
        options: Any = methods.check_options(entry.method, entry.options)
        for other in options.of:
            if other not in able:
                raise ValueError(f"methods.{name}.options.of: {other!r} trains no model of this run; known: {able}")
            own, theirs = self.training_of(name).seeds, self.training_of(other).seeds
            if not set(own) <= set(theirs):
                raise ValueError(
                    f"methods.{name}: merges models of the seeds {list(own)}, and {other!r} has {list(theirs)}; set "
                    f"methods.{name}.seeds to those that all of them have"
                )

    def _check_signals(self, name: str, entry: MethodEntry) -> None:
        """Signals are asked of M_t, and by an engine that can give what they ask for."""
        kind = methods.METHODS[entry.method]
        read_by_stages = [signal for stage in kind.stages for signal in stage.signals]
        read = [*kind.answer.signals, *read_by_stages]
        for signal in read:
            if signal not in SIGNALS:
                raise ValueError(
                    f"methods.{name}: {entry.method!r} reads the signal {signal!r}; known: {sorted(SIGNALS)}"
                )
            asks = SIGNALS[signal].asks
            stage = "sampling" if signal in read_by_stages or kind.speaker == BASE else "evaluation"
            section = getattr(self, stage)
            if not engines.can(section, asks, stage):
                able = [engine for engine, given in engines.ENGINES.items() if asks in given.gives]
                raise ValueError(
                    f"methods.{name}: reads the signal {signal!r}, which asks an engine for {asks!r}, and "
                    f"{stage}.engine {section.engine!r} does not give it; write one of {able}, or leave the "
                    "method out"
                )
        self._check_sampled(name, entry)
        if kind.answer.signals and kind.speaker == BASE and not kind.reuses_base:
            raise ValueError(
                f"methods.{name}.method: {entry.method!r} reads signals of M_t's answers under the honest prompt; they "
                "are measured under the plain prompt only: let it answer with the prompt `plain`"
            )
        fitted = kind.answer.fit is not None or HEAD in kind.answer.signals
        if kind.answer.signals and kind.speaker != BASE and fitted:
            raise ValueError(
                f"methods.{name}.method: {entry.method!r} fits a rule on signals of a trained model, which answers no "
                "training questions: let it decide without fitting, or speak as `base`"
            )
        sampled = [signal for signal in kind.answer.signals if SIGNALS[signal].needs_samples]
        if sampled and kind.speaker != BASE:
            raise ValueError(
                f"methods.{name}.method: {entry.method!r} reads the signal {sampled[0]!r} of sampled answers, and a "
                "trained model answers once: let it speak as `base`, or read another signal"
            )

    def _check_sampled(self, name: str, entry: MethodEntry) -> None:
        """Signals of samples need some of the sets that a method trains on and, to answer by, of those it answers.

        A threshold is fitted on training questions, so that the others need as many: entropy grows with their number.
        """
        kind = methods.METHODS[entry.method]
        if kind.answer.choose is not None:
            chosen = engines.check_options(self.sampling.engine, self.sampling.engine_options, where="sampling")
            if not chosen.tells_samples:
                raise ValueError(
                    f"methods.{name}: chooses the likeliest of sampled answers, and sampling.engine "
                    f"{self.sampling.engine!r} does not tell how likely they are; set sample_logprobs: true (vllm) or "
                    "logprobs: true (openai) among its engine_options"
                )
            open_sets = [one for one in self.graded_sets() if self.questions[one].choose != LIKELIHOOD]
            few = [one for one in open_sets if self._drawn(one) == 0]
            if few:
                raise ValueError(
                    f"methods.{name}: chooses among sampled answers, but questions.{few[0]}.samples is 0; set it to 1 "
                    "or more, or leave the method out"
                )
        taught = [signal for stage in kind.stages for signal in stage.signals if SIGNALS[signal].needs_samples]
        asked = [signal for signal in kind.answer.signals if SIGNALS[signal].needs_samples]
        sets = ["train", *entry.rows.sets, *(self.graded_sets() if asked else [])] if taught or asked else []
        drawn = {dataset: self._drawn(dataset) for dataset in sets}
        for dataset, number in drawn.items():
            if number < 2:
                raise ValueError(
                    f"methods.{name}: reads the signal {[*taught, *asked][0]!r} of sampled answers, but questions."
                    f"{dataset}.samples is {number}; set it to 2 or more, or leave the method out"
                )
            if asked and dataset in self.graded_sets() and number != drawn["train"]:
                raise ValueError(
                    f"methods.{name}: reads the signal {asked[0]!r}, whose threshold is fitted on {drawn['train']} "
                    f"samples a question, but questions.{dataset}.samples is {number}; set both alike"
                )

    def _drawn(self, dataset: str) -> int:
        own = self.questions[dataset].samples if dataset in self.questions else None
        return self.sampling.samples if own is None else own

    def _check_rows(self, name: str, entry: MethodEntry, dataset: str) -> None:
        if dataset not in self.questions:
            raise ValueError(f"methods.{name}.rows.sets: {dataset!r} is not under questions; {sorted(self.questions)}")
        if dataset in self.evaluation.datasets:
            raise ValueError(f"methods.{name}.rows.sets: {dataset!r} is evaluated; train on questions of their own")
        drawn = self.questions[dataset].samples
        drawn = self.sampling.samples if drawn is None else drawn
        if methods.METHODS[entry.method].needs_samples and drawn == 0:
            raise ValueError(
                f"methods.{name}: needs sampled answers, but questions.{dataset}.samples is 0; set it to 1 or more"
            )
        if entry.rows.samples is not None and entry.rows.samples > drawn:
            raise ValueError(
                f"methods.{name}.rows.samples: {entry.rows.samples}, but {drawn} are drawn for {dataset!r}; "
                "ask for fewer, or raise sampling.samples"
            )

    @cached_property
    def points(self) -> dict[Point, MethodEntry]:
        """The points of all sweeps."""
        return expand(self.sweeps, self.methods)

    def _check_labels(self) -> None:
        """What is shown must tell methods apart."""
        shown: dict[str, str] = {}
        for name in self.methods:
            label = self.label_of(name)
            if label in shown:
                raise ValueError(f"methods.{name}.label: {label!r} is that of {shown[label]!r}, too; give it another")
            shown[label] = name

    def label_of(self, name: str) -> str:
        """Display name of an entry: its own, that of the method it is named after, or its name."""
        entry = self.entries[name]
        return entry.label or (methods.METHODS[entry.method].label if name == entry.method else name)

    @cached_property
    def entries(self) -> dict[str, MethodEntry]:
        """Every method of the run: baselines, those under ``methods``, then the points of the sweeps."""
        baselines = {name: MethodEntry(method=name) for name, method in methods.METHODS.items() if method.baseline}
        return {**baselines, **self.methods, **{point.name: entry for point, entry in self.points.items()}}

    @cached_property
    def trained(self) -> dict[str, MethodEntry]:
        """Those that some stage trains a model for."""
        return {
            name: entry
            for name, entry in self.entries.items()
            if methods.METHODS[entry.method].stages and entry.model_of is None
        }

    @cached_property
    def models(self) -> dict[str, list[int]]:
        """Every method of the run with its seeds; what nothing is trained for has seed 0."""
        made_of = {name: entry.model_of or name for name, entry in self.entries.items()}
        return {
            name: list(self.training_of(made).seeds) if made in self.trained else [0] for name, made in made_of.items()
        }

    @property
    def row_sets(self) -> list[str]:
        """Sets that rows are built from: the training set, and those that some method adds."""
        added = [name for entry in self.trained.values() for name in (entry.rows.open_book, *entry.rows.sets) if name]
        return list(dict.fromkeys(["train", *added]))

    def family(self, method: str) -> list[str]:
        """A method and the points of its sweeps: they differ in little, and a notebook may make them together."""
        return [method, *(point.name for point in self.points if point.method == method)]

    def training_of(self, method: str, stage: str | None = None) -> Training:
        """Training section of one method, or of one of its stages: the common one with their overrides."""
        entry = self.entries[method]
        changed = entry.stages[stage].training if stage in entry.stages else {}
        merged = {**self.training.model_dump(), **entry.training, **changed}
        if entry.seeds is not None:
            merged["seeds"] = entry.seeds
        return Training(**merged)


def _is_model(kind: methods.plan.Method) -> bool:
    """Whether a method's last stage trains a model: no head, and none that is merged itself."""
    last = OBJECTIVES.get(kind.stages[-1].objective) if kind.stages else None
    return last is not None and last.makes == "model" and not last.merges


def load(path: str | Path, data: str | None = None) -> Params:
    """Read and check a params file.

    Args:
        path: the YAML file; several joined by ``+`` are laid over each other, the last on top.
        data: local folder with copies of the question sets, in place of the file's own ``data``.

    Raises:
        ConfigError: names file, key, value and what is allowed.
    """
    return of_content(layers.read(path), str(path), data)


def of_content(content: dict[str, Any], where: str, data: str | None = None) -> Params:
    """Check the content of a params file; see `load`."""
    if data:
        content = {**content, "data": data}
    try:
        return Params(**content)
    except ValidationError as error:
        raise ConfigError(explain(error, where, Params)) from None
