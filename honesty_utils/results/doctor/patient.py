"""A run as the doctor reads it: the files that its stages have left, each read when a check first asks for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from honesty_utils.common import manifest, records
from honesty_utils.common.errors import HonestyError
from honesty_utils.common.paths import Run
from honesty_utils.evaluation import frames
from honesty_utils.metrics import scores
from honesty_utils.metrics.honesty import Floats
from honesty_utils.questions.settings import Design
from honesty_utils.training.objectives import OBJECTIVES

Made = TypeVar("Made")

TRAIN = "train"
"""The set whose answers become rows; the others are named by the role that they play."""


class DoctorError(HonestyError, ValueError):
    """A run, a file of it, or a reference that cannot be examined."""


class Absent(Exception):
    """A file that a check reads is not there: its stage has not run yet."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.path = path


@dataclass(frozen=True)
class Taught:
    """How a method is trained, as far as its files tell.

    Attributes:
        seeds: of its models; of a method without training, seed 0.
        objective: of its last stage; none: nothing is trained.
    """

    seeds: Sequence[int] = (0,)
    objective: str | None = None


@dataclass(frozen=True)
class Outline:
    """What a run set out to do.

    Attributes:
        run: its paths.
        roles: the evaluation set that plays each part of the paper.
        methods: by name, baselines too, points of sweeps not.
        designs: what clusters the questions of each set; of others every question stands alone.
        recipe: every value of its params file by its dotted key, but the run's name.
        model: whose name is shown.
    """

    run: Run
    roles: Mapping[str, str]
    methods: Mapping[str, Taught]
    designs: Mapping[str, Design] = field(default_factory=dict)
    recipe: Mapping[str, Any] | None = None
    model: str = ""


class Patient:
    """The run's files.

    A method that reads one raises `Absent` where it is not there, RecordError where it cannot be read or is not of its
    schema, and DoctorError for a manifest that is no JSON.
    """

    def __init__(self, outline: Outline) -> None:
        self.outline, self.run = outline, outline.run
        self._kept: dict[tuple[str, ...], Any] = {}

    def dataset(self, about: str) -> str:
        """The set that a check is about: the training set, or the one that plays a role."""
        return about if about == TRAIN else self.outline.roles[about]

    def questions(self, about: str) -> pd.DataFrame:
        """A QUESTIONS table, whole."""
        path = self.run.questions(self.dataset(about))
        return self._once(lambda: _read(records.QUESTIONS, path), "questions", about)

    def knowledge(self, about: str) -> pd.DataFrame:
        """A KNOWLEDGE table with ``cluster``, what each question is about."""
        path = self.run.knowledge(self.dataset(about))
        return self._once(lambda: self._clustered(_read(records.KNOWLEDGE, path), about), "knowledge", about)

    def responses(self, about: str) -> pd.DataFrame:
        """Length and end of M_t's answers, with ``cluster``."""
        path, names = self.run.responses(self.dataset(about)), ["question_id", "num_tokens", "finish_reason"]
        return self._once(lambda: self._clustered(_columns(records.RESPONSES, path, names), about), "responses", about)

    def labels(self, about: str) -> pd.DataFrame:
        """Outcome of every answer of M_t, greedy and sampled, with ``cluster``."""
        path, names = self.run.labels(self.dataset(about)), ["question_id", "sample_index", "outcome"]
        return self._once(lambda: self._clustered(_columns(records.LABELS, path, names), about), "labels", about)

    def cluster(self, about: str, ids: pd.Series[str]) -> list[str]:
        """What each question of a set is about; a question that the set lacks is about itself."""
        return self._clustered(pd.DataFrame({"question_id": ids}), about)["cluster"].tolist()

    def _clustered(self, table: pd.DataFrame, about: str) -> pd.DataFrame:
        units = self._once(lambda: self._units(about), "clusters", about)
        found = units.reindex(table["question_id"]).reset_index()
        clusters = found["cluster"].where(found["cluster"].notna(), found["question_id"])
        return table.assign(cluster=clusters.to_numpy(), stratum=found["stratum"].fillna("").to_numpy())

    def _units(self, about: str) -> pd.DataFrame:
        dataset, asked = self.dataset(about), self.questions(about)[["question_id"]]
        design = self.outline.designs.get(dataset, Design())
        found = frames.with_clusters(asked, self.run.questions(dataset), dataset, design)
        return found.set_index("question_id")[["cluster", "stratum"]]

    def _once(self, make: Callable[[], Made], *key: str) -> Made:
        """What ``make`` gives, made once: several checks read a table."""
        if key not in self._kept:
            self._kept[key] = make()
        found: Made = self._kept[key]
        return found

    @cached_property
    def subset(self) -> pd.DataFrame:
        """The training questions that rows are made of."""
        return _read(records.QUESTIONS, self.run.train_questions)

    def rows(self, method: str) -> pd.DataFrame:
        """Rows of a method's last stage; columns as its objective has them."""
        table = OBJECTIVES[str(self.outline.methods[method].objective)].rows
        return self._once(lambda: _read(table, self.run.sft(method)), "rows", method)

    def trainings(self, method: str) -> list[dict[str, Any]]:
        """Manifests of a method's trained models that are there, a seed each."""
        return self._once(lambda: self._trainings(method), "trainings", method)

    def _trainings(self, method: str) -> list[dict[str, Any]]:
        paths = [self.run.model(method, seed) for seed in self.outline.methods[method].seeds]
        found = [path for path in paths if manifest.path_of(path).is_file()]
        if not found:
            raise Absent(paths[0])
        return [_manifest(path) for path in found]

    def answers(self, method: str, role: str) -> Answers:
        """A method's graded answers to the set of a role, of all seeds that are there."""
        return self._once(lambda: self._answers(method, role), "answers", method, role)

    def _answers(self, method: str, role: str) -> Answers:
        dataset, seeds = self.dataset(role), self.outline.methods[method].seeds
        there = [seed for seed in seeds if self.run.evaluation(method, seed, dataset).is_file()]
        if not there:
            raise Absent(self.run.evaluation(method, seeds[0], dataset))
        for path in (self.run.questions(dataset), self.run.knowledge(dataset)):
            if not path.is_file():
                raise Absent(path)
        frame = frames.load(self.run, {method: there}, [dataset], self.outline.designs)
        states, ids = frames.states(frame)[method], pd.Series(sorted(frame["question_id"].unique()))
        # The frame has no ends of answers; they are of every row, graded or not.
        ends = [
            _columns(records.EVALUATION, self.run.evaluation(method, seed, dataset), ["question_id", "finish_reason"])
            for seed in there
        ]
        cut = [end.set_index("question_id")["finish_reason"].reindex(ids).eq("length").to_numpy() for end in ends]
        trained = self.outline.methods[method].objective is not None
        return Answers(states, np.stack(cut, axis=1).astype(np.float64), self.cluster(role, ids), trained)


@dataclass(frozen=True)
class Answers:
    """Graded answers of one method to one set.

    Attributes:
        states: as ``metrics.scores`` numbers them, shape (questions, seeds).
        cut: 1 where the answer was cut at the most tokens that it may have, the same shape.
        clusters: what each question is about.
        trained: whether the columns are trained models.
    """

    states: np.ndarray[Any, np.dtype[np.int64]]
    cut: Floats
    clusters: list[str]
    trained: bool

    def parts(self, metric: str) -> tuple[Floats, Floats]:
        """What each answer adds to numerator and denominator of one of ``scores.RATES``, shape (questions, seeds)."""
        place = list(scores.RATES).index(metric)
        above, below = scores.rates(np.eye(scores.NUM_STATES))
        return above[self.states, place], below[self.states, place]


def _read(table: records.Table, path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise Absent(path)
    return records.read(table, path)


def _columns(table: records.Table, path: Path, names: list[str]) -> pd.DataFrame:
    """Some columns, checked as a whole table is: texts of long answers need not be held."""
    if not path.is_file():
        raise Absent(path)
    frame: pd.DataFrame = records.read_arrow(table, path).select(names).to_pandas()
    return frame


def _manifest(path: Path) -> dict[str, Any]:
    where = manifest.path_of(path)
    try:
        content = manifest.read(path)
    except (UnicodeDecodeError, TypeError, ValueError) as error:
        raise DoctorError(
            f"{where}: not readable as JSON ({error}); delete the file and train the model again"
        ) from None
    lacking = [key for key in ("parameters", "rows", "steps", "history") if key not in content]
    if lacking:
        raise DoctorError(f"{where}: has no {lacking[0]!r}, so it is not of a training; train the model again")
    return content
