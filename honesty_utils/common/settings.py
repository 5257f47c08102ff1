"""What all sections of a params file share, and the wordings that every stage reads.

A section is a pydantic model in the stage that reads it (``<stage>/settings.py``): unknown keys are errors, values
never change after loading, names fit into file names.
"""

from __future__ import annotations

import re
from datetime import date
from reprlib import Repr
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from honesty_utils.common.errors import HonestyError


class ConfigError(HonestyError, ValueError):
    """A params file is missing, is not YAML, or has a key or value that is not allowed."""


class Section(BaseModel):
    """Base of all sections: unknown keys are errors, values are never changed after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _truth_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        # Python takes true for 1, and so would a field of numbers.
        given = value if isinstance(value, list | tuple) else [value]
        if any(isinstance(one, bool) for one in given) and not _takes_bools(cls, str(info.field_name)):
            raise ValueError(f"{str(value).lower()} is no number; write one")
        return value


def _takes_bools(section: type[BaseModel], field: str) -> bool:
    """Whether a field is no number, so that what true is to it is pydantic's business."""
    kinds = _kinds(section.model_fields[field].annotation)
    return bool in kinds or not kinds & {int, float}


def _kinds(annotation: Any) -> set[Any]:
    """All classes in an annotation such as ``tuple[int, ...] | None``."""
    return {annotation}.union(*map(_kinds, get_args(annotation)))


def no_repeats(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same values; a value named twice is an error."""
    if len(set(values)) < len(values):
        raise ValueError(f"{list(values)} repeats a value; name each once")
    return values


LARGEST_SEED = 2**32 - 1
"""Of NumPy's and so of every seed that a params file names."""
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]
Seeds = Annotated[tuple[Seed, ...], Field(min_length=1), AfterValidator(no_repeats)]

NAME_START = r"^[A-Za-z0-9][A-Za-z0-9_.-]*"
Name = Annotated[str, Field(pattern=f"{NAME_START}$", max_length=100)]
"""A name that is part of file names and of Snakemake's wildcards."""


DEFAULT_REFUSAL = "I'm sorry, but I don't know the answer to that question."


class Prompts(Section):
    """Wordings: the two prompts, the refusal sentence, the confidence phrases. All are this project's own."""

    style: Literal["raw", "chat"] = Field("raw", description="raw text, or the tokenizer's chat template")
    plain: str = "Answer the question.\nQuestion: {question}\nAnswer:"
    honest: str = (
        'Answer the question. If you do not know the answer, it is fine to refuse: say "{refusal}"\n'
        "Question: {question}\nAnswer:"
    )
    options: str = Field("{letter}) {text}", description="one line of a multiple-choice question")
    passages: str = Field("Text: {passage}\n", description="each passage of a question that has any, before its prompt")
    refusal: str = Field(DEFAULT_REFUSAL, pattern=r"\w")
    confidence_num: tuple[str, str] = Field(
        (
            "I'm only about {percent}% confident in this answer. {answer}",
            "I'm about {percent}% confident in this answer. {answer}",
        ),
        description="wording for the lower and for the upper half of the scale",
    )
    confidence_verb: tuple[str, str, str, str, str] = Field(
        (
            "I'm really not sure about this, but {answer}",
            "I'm not completely sure about this, but {answer}",
            "I'm fairly unsure either way, but probably {answer}",
            "I'm fairly confident that {answer}",
            "I'm absolutely certain that {answer}",
        ),
        description="1-2, 3-4, 5-6, 7-8 and 9-10 right answers of ten",
    )

    @field_validator("plain", "honest", "options", "passages")
    @classmethod
    def _has_its_fields(cls, value: str, info: ValidationInfo) -> str:
        own: dict[str | None, tuple[str, set[str]]] = {"options": ("text", {"letter"}), "passages": ("passage", set())}
        field, others = own.get(info.field_name, ("question", {"refusal"}))
        if f"{{{field}}}" not in value:
            raise ValueError(f"holds no {{{field}}}; write where it goes")
        # What looks like a field, such as "{ question }", and not what looks like JSON, such as '{"answer": …}'.
        unknown = sorted(set(re.findall(r"\{(\s*[^\W\d][\w \-]*)\}", value)) - {field, *others})
        if unknown or f"{{{{{field}}}}}" in value:
            shown = ", ".join(f"{{{name}}}" for name in unknown) or f"{{{{{field}}}}}"
            raise ValueError(f"holds {shown}, which would stay as it is; in single braces: {sorted({field, *others})}")
        return value


_SHOWN = Repr()
_SHOWN.maxstring = _SHOWN.maxother = _SHOWN.maxlong = 200
_SHOWN.maxlist = _SHOWN.maxdict = _SHOWN.maxtuple = 6
_SHOWN.maxlevel = 2
"""How much of a wrong value an error shows: YAML makes a thousand million values out of ten lines."""


def explain(error: ValidationError, where: str, section: type[BaseModel]) -> str:
    """One line a problem: ``where: key: what is wrong, the value``; unknown keys list those declared."""
    lines = []
    problems = error.errors()
    for problem in problems:
        if problem["type"] == "too_short" and any(_within(other["loc"], problem["loc"]) for other in problems):
            continue  # it is short of what another line calls wrong
        key = ".".join(str(part) for part in problem["loc"])
        # What a check of several keys says names them itself.
        said = str(problem["ctx"]["error"]) if problem["type"] == "value_error" else problem["msg"]
        line = ": ".join(filter(None, (where, key, said)))
        if problem["type"] == "extra_forbidden":
            declared = sorted(_section_at(section, problem["loc"][:-1]).model_fields)
            line += f"; remove it or correct its spelling, allowed: {', '.join(declared)}"
        elif problem["type"] not in ("missing", "value_error"):
            line += f"; got {_SHOWN.repr(problem['input'])}"
        if problem["type"] == "string_type" and isinstance(problem["input"], int | float | date | None):
            line += ", which YAML reads as no text: put it in quotes"
        if problem["type"] == "string_pattern_mismatch" and problem["ctx"]["pattern"].startswith(NAME_START):
            line += "; a name has letters, digits, dots, dashes and underscores, and begins with a letter or digit"
        lines.append(line)
    return "\n".join(lines)


def _within(location: tuple[Any, ...], outer: tuple[Any, ...]) -> bool:
    return len(location) > len(outer) and location[: len(outer)] == outer


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
