"""A params file as a notebook opens it: the sections that the notebook reads and no other, shown as a table.

What a notebook reads is declared in its metadata (``honesty.sections``); Snakemake compares the resolved text of just
these views, so that an edit re-runs what depends on it and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel

from honesty_utils import questions
from honesty_utils.common.paths import Run
from honesty_utils.common.settings import ConfigError
from honesty_utils.engines import gguf
from honesty_utils.engines.settings import Generation, Model
from honesty_utils.evaluation.deciding import read_of_base
from honesty_utils.judge.settings import Judge, grading_judge
from honesty_utils.knowledge.settings import Labeling
from honesty_utils.methods import METHODS
from honesty_utils.methods.settings import MethodEntry
from honesty_utils.questions.settings import Design, QuestionSet
from honesty_utils.training.settings import Training
from honesty_utils.workflow import layers
from honesty_utils.workflow.params import Params, of_content
from honesty_utils.workflow.prices import edges_of
from honesty_utils.world.settings import DEVELOPMENT

GRADING = {"match", "refusal_signs", "no_option"}
"""Keys of ``labeling`` that grading depends on; the size of the training subset is no business of the others."""


@dataclass(frozen=True)
class Scope:
    """What of a run one execution of a notebook is about.

    Attributes:
        methods: names of entries, each with the points of its sweeps; none: all.
        sets: names of question sets; none: all.
    """

    methods: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()

    @classmethod
    def of(cls, method: str = "", sets: str = "") -> Scope:
        """A scope from a notebook's parameters: names separated by commas."""
        return cls(*(tuple(filter(None, (name.strip() for name in text.split(",")))) for text in (method, sets)))


def base_model(params: Params) -> Model:
    """M_t: the model that the params file names, or the run's own: its world's, or what is made of a GGUF file."""
    name, run = params.model.name, Run(params.run)
    if gguf.is_gguf(name):
        name = str(run.unpacked_model)
    return params.model.model_copy(update={"name": name or str(run.base_model)})


def _entries(params: Params, scope: Scope) -> dict[str, MethodEntry]:
    if not scope.methods:
        return params.entries
    unknown = sorted(set(scope.methods) - set(params.entries))
    if unknown:
        raise ConfigError(f"method: {unknown[0]!r} is not in this run; known: {', '.join(params.entries)}")
    return {name: params.entries[name] for method in scope.methods for name in params.family(method)}


def _sets(params: Params, scope: Scope) -> dict[str, QuestionSet]:
    unknown = sorted(set(scope.sets) - set(params.questions))
    if unknown:
        raise ConfigError(f"sets: {unknown[0]!r} is not under questions; known: {', '.join(params.questions)}")
    return {name: params.questions[name] for name in scope.sets or params.questions}


def _without_design(params: Params, scope: Scope) -> dict[str, QuestionSet]:
    """What is asked; what is resampled together is no business of those who ask."""
    return {
        name: spec.model_copy(update={"cluster": None, "strata": None, "fame": None, "scorer": None})
        for name, spec in _sets(params, scope).items()
    }


def _designs(params: Params, scope: Scope) -> dict[str, Design]:
    """What is resampled together in each set; one that a world shows has the clusters of the set it was taken from."""
    shown = (params.world.source or {}) if params.world else {}
    found = {}
    for name, spec in _sets(params, scope).items():
        found[name] = questions.design(spec)
        if name in shown and spec.cluster is None:
            found[name] = found[name].model_copy(update={"cluster": questions.design(shown[name]).cluster})
    return found


def _labeling(params: Params, scope: Scope) -> Labeling:
    """The size of the training subset is no business of other sets."""
    return params.labeling if not scope.sets or "train" in scope.sets else _grading(params, scope)


def _grading(params: Params, scope: Scope) -> Labeling:
    return Labeling(**params.labeling.model_dump(include=GRADING))


def _judge(params: Params, scope: Scope) -> Judge | None:
    found = grading_judge(params.judge)
    return None if found is None else Judge(**found)


def _trainings(params: Params, scope: Scope) -> dict[str, Training]:
    return {
        model: params.training_of(name, stage.name)
        for name, entry in _entries(params, scope).items()
        if entry.model_of is None
        for stage in METHODS[entry.method].stages
        for model in [name if stage is METHODS[entry.method].stages[-1] else f"{name}.{stage.name}"]
    }


VIEWS: dict[str, Callable[[Params, Scope], Any]] = {
    "model": lambda params, scope: base_model(params),
    "model_as_named": lambda params, scope: params.model,
    "style": lambda params, scope: params.prompts.style,
    "grading": _grading,
    "grading_judge": _judge,
    "labeling": _labeling,
    "questions": _without_design,
    "designs": _designs,
    "matchers": lambda params, scope: {
        name: questions.matcher(spec) for name, spec in _sets(params, scope).items() if name in params.graded_sets()
    },
    "row_matchers": lambda params, scope: {name: questions.matcher(params.questions[name]) for name in params.row_sets},
    "scorers": lambda params, scope: {
        name: questions.scorer(spec)
        for name, spec in _sets(params, scope).items()
        if name in params.graded_sets() and questions.scorer(spec)
    },
    "edges": lambda params, scope: edges_of(params.entries),
    "bandits": lambda params, scope: [
        name for name in params.graded_sets() if params.questions[name].source == "bandit"
    ],
    "requests": lambda params, scope: [name for name in params.request_sets() if name in (scope.sets or [name])],
    "generation": lambda params, scope: Generation(
        **params.evaluation.model_dump(exclude={"datasets", "refusal_likelihood", "doubt"})
    ),
    "refusal_likelihood": lambda params, scope: params.evaluation.refusal_likelihood,
    "doubt": lambda params, scope: params.evaluation.doubt,
    "entries": _entries,
    "taught": lambda params, scope: {
        name: entry for name, entry in _entries(params, scope).items() if entry.model_of is None
    },
    "origin": lambda params, scope: {
        "world": params.world.seed if params.world else None,
        "development": params.worlds.development if params.worlds else DEVELOPMENT,
    },
    "signals": lambda params, scope: read_of_base(params.entries),
    "trainings": _trainings,
    "models": lambda params, scope: {name: params.models[name] for name in _entries(params, scope)},
}
"""What a notebook may read besides a section as it stands: a part of one, or one that is filled in."""

DERIVED = ("row_sets", "points", "twins")
"""What is worked out from several sections."""


def view(params: Params, name: str, scope: Scope) -> Any:
    """A section, or a view of one, by its name.

    Raises:
        ConfigError: no such section (lists those there are), or a method or set of the scope that the run lacks.
    """
    if name in VIEWS:
        return VIEWS[name](params, scope)
    if name not in known():
        raise ConfigError(f"section {name!r}: not known; known: {', '.join(known())}")
    return getattr(params, name)


def known() -> list[str]:
    """Names of all sections and views."""
    return sorted({*Params.model_fields, *VIEWS, *DERIVED})


def resolved(params: Params, names: Iterable[str], scope: Scope = Scope()) -> dict[str, Any]:
    """The content of some views as JSON: what of the params file a notebook depends on."""
    return {name: _plain(view(params, name, scope)) for name in sorted(names)}


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {str(getattr(key, "name", key)): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


class Opened:
    """Some sections of a params file, as attributes.

    Attributes:
        run: paths of the run.
        sections: names of the sections and views that may be read.
    """

    def __init__(self, params: Params, sections: Iterable[str], scope: Scope = Scope()) -> None:
        self.run, self.sections = Run(params.run), tuple(sections)
        self._views = {name: view(params, name, scope) for name in self.sections}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self.sections:
            raise AttributeError(
                f"{name!r} is none of the sections that this notebook declares: {', '.join(self.sections)}; add it to "
                "open_params(...) and to the notebook's metadata (honesty.sections)"
            )
        return self._views[name]

    def resolved(self) -> dict[str, Any]:
        """All that may be read, as JSON: what stands in the manifests of what the notebook makes."""
        return {"run": self.run.name, **{name: _plain(content) for name, content in sorted(self._views.items())}}

    def table(self) -> Any:
        """The sections as a table: key, value, default and meaning; what differs from its default stands in bold."""
        rows = [row for name in self.sections for row in _rows(name, self._views[name])]
        frame = pd.DataFrame(rows, columns=["key", "value", "default", "meaning"]).set_index("key")
        differs = frame["value"] != frame["default"]
        bold = frame.style.apply(lambda row: ["font-weight: bold" if differs[row.name] else ""] * len(row), axis=1)
        return bold.set_properties(**{"text-align": "left"})


def _rows(name: str, value: Any) -> list[tuple[str, str, str, str]]:
    """Rows of `Opened.table`: a field of a section, or an entry of a mapping, a row."""
    if isinstance(value, BaseModel):
        return [
            (f"{name}.{key}", _shown(getattr(value, key)), _default(field), field.description or "")
            for key, field in type(value).model_fields.items()
        ]
    if isinstance(value, Mapping):
        return [
            (f"{name}.{getattr(key, 'name', key)}", _set_fields(inner), "", _meaning(inner))
            for key, inner in value.items()
        ]
    return [(name, _shown(value), "none" if value is None else "", "")]


def _meaning(value: Any) -> str:
    return (type(value).__doc__ or "").splitlines()[0] if isinstance(value, BaseModel) else ""


def _set_fields(value: Any) -> str:
    """What an entry sets, in the form of the params file."""
    return _shown(value.model_dump(mode="json", exclude_defaults=True) if isinstance(value, BaseModel) else value)


def _default(field: Any) -> str:
    return "" if field.is_required() else _shown(field.get_default(call_default_factory=True))


def _shown(value: Any) -> str:
    value = _plain(value)
    if value is None or isinstance(value, str):
        return value or "none"
    return json.dumps(value, ensure_ascii=False, default=str)


def open_params(
    path: str | Path, sections: str, change: Mapping[str, Any] | None = None, *, method: str = "", sets: str = ""
) -> Opened:
    """Open the sections of a params file that a notebook reads.

    Args:
        path: of the params file, or several joined by ``+`` (see `layers.read`).
        sections: names of sections and views, separated by spaces.
        change: what is tried by hand, such as ``{"sampling.samples": 3}``.
        method: names of methods, separated by commas, that the notebook is about; none: all.
        sets: names of question sets, likewise.

    Raises:
        ConfigError: names file, key, value and what is allowed.
    """
    content = layers.read(path)
    for key, value in (change or {}).items():
        part = content
        *above, last = key.split(".")
        for name in above:
            inner = dict(part.get(name) or {})
            part[name] = inner
            part = inner
        part[last] = value
    params = of_content(content, f"{path}{' with change' if change else ''}")
    return Opened(params, sections.split(), Scope.of(method, sets))
