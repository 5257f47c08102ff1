"""A params file as a notebook opens it: the sections that the notebook reads and no other, shown as a table.

What a notebook reads is declared in its metadata (``honesty.sections``); Snakemake compares the resolved text of just
these views, so that an edit re-runs what depends on it and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel

from honesty_utils.common.paths import Run
from honesty_utils.common.settings import ConfigError
from honesty_utils.engines.settings import Model
from honesty_utils.judge.settings import Judge, grading_judge
from honesty_utils.knowledge.settings import Labeling
from honesty_utils.workflow import layers
from honesty_utils.workflow.params import Params, of_content

GRADING = {"match", "refusal_signs", "no_option"}
"""Keys of ``labeling`` that grading depends on; the size of the training subset is no business of the others."""


def base_model(params: Params) -> Model:
    """M_t: the model that the params file names, or the run's own."""
    return params.model.model_copy(update={"name": params.model.name or str(Run(params.run).base_model)})


def _grading(params: Params) -> Labeling:
    return Labeling(**params.labeling.model_dump(include=GRADING))


def _judge(params: Params) -> Judge | None:
    found = grading_judge(params.judge)
    return None if found is None else Judge(**found)


VIEWS: dict[str, Callable[[Params], Any]] = {
    "model": base_model,
    "grading": _grading,
    "grading_judge": _judge,
}
"""What a notebook may read besides a section as it stands: a part of one, or one that is filled in."""


def view(params: Params, name: str) -> Any:
    """A section, or a view of one, by its name.

    Raises:
        ConfigError: no such section (lists those there are).
    """
    if name in VIEWS:
        return VIEWS[name](params)
    if name not in known():
        raise ConfigError(f"section {name!r}: not known; known: {', '.join(known())}")
    return getattr(params, name)


def known() -> list[str]:
    """Names of all sections and views."""
    derived = ["entries", "models", "row_sets", "points"]
    return sorted({*Params.model_fields, *VIEWS, *derived})


def resolved(params: Params, names: Iterable[str]) -> dict[str, Any]:
    """The content of some views as JSON: what of the params file a notebook depends on."""
    return {name: _plain(view(params, name)) for name in sorted(names)}


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

    def __init__(self, params: Params, sections: Iterable[str]) -> None:
        self.run, self.sections, self._params = Run(params.run), tuple(sections), params
        for name in self.sections:
            view(params, name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self.sections:
            raise AttributeError(
                f"{name!r} is none of the sections that this notebook declares: {', '.join(self.sections)}; add it to "
                "open_params(...) and to the notebook's metadata (honesty.sections)"
            )
        return view(self._params, name)

    def resolved(self) -> dict[str, Any]:
        """All that may be read, as JSON: what stands in the manifests of what the notebook makes."""
        return {"run": self.run.name, **resolved(self._params, self.sections)}

    def table(self) -> Any:
        """The sections as a table: key, value, default and meaning; what differs from its default stands in bold."""
        rows = [row for name in self.sections for row in _rows(name, view(self._params, name))]
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
    return [(name, _shown(value), "None" if value is None else "", "")]


def _meaning(value: Any) -> str:
    return (type(value).__doc__ or "").splitlines()[0] if isinstance(value, BaseModel) else ""


def _set_fields(value: Any) -> str:
    """What an entry sets, in the form of the params file."""
    return _shown(value.model_dump(mode="json", exclude_defaults=True) if isinstance(value, BaseModel) else value)


def _default(field: Any) -> str:
    return "" if field.is_required() else _shown(field.get_default(call_default_factory=True))


def _shown(value: Any) -> str:
    value = _plain(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def open_params(path: str | Path, sections: str, change: Mapping[str, Any] | None = None) -> Opened:
    """Open the sections of a params file that a notebook reads.

    Args:
        path: of the params file, or several joined by ``+`` (see `layers.read`).
        sections: names of sections and views, separated by spaces.
        change: what is tried by hand, such as ``{"sampling.samples": 3}``.

    Raises:
        ConfigError: names file, key, value and what is allowed.
    """
    content = layers.read(path)
    for key, value in (change or {}).items():
        part = content
        *above, last = key.split(".")
        for name in above:
            part = part[name] = dict(part.get(name) or {})
        part[last] = value
    return Opened(of_content(content, f"{path}{' with change' if change else ''}"), sections.split())
