"""Errors of a params file as a reader needs them: a line a problem, with the keys that are allowed."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel, ValidationError


def explain(error: ValidationError, where: str, section: type[BaseModel]) -> str:
    """One line a problem: ``where: key: what is wrong, the value``; unknown keys list those declared."""
    lines = []
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"])
        line = f"{where}: {key or section.__name__.lower()}: {problem['msg']}"
        if problem["type"] == "extra_forbidden":
            declared = sorted(_section_at(section, problem["loc"][:-1]).model_fields)
            line += f"; remove it or correct its spelling, allowed: {', '.join(declared)}"
        elif problem["type"] not in ("missing", "value_error"):
            line += f"; got {problem['input']!r}"
        lines.append(line)
    return "\n".join(lines)


def _section_at(section: type[BaseModel], location: tuple[Any, ...]) -> type[BaseModel]:
    """The section that a key's location leads to; keys of dictionaries are stepped over."""
    for key in location:
        if key in section.model_fields:
            section = _inner_section(section.model_fields[key].annotation) or section
    return section


def _inner_section(annotation: Any) -> type[BaseModel] | None:
    """The section class in an annotation such as ``dict[str, QuestionSet] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_inner_section, get_args(annotation))), None)
