"""What all sections share: unknown keys are errors, values never change after loading, names fit into file names."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class ConfigError(ValueError):
    """A params file is missing, is not YAML, or has a key or value that is not allowed."""


class Section(BaseModel):
    """Base of all sections: unknown keys are errors, values are never changed after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


def no_repeats(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same values; a value named twice is an error."""
    if len(set(values)) < len(values):
        raise ValueError(f"{list(values)} repeats a value; name each once")
    return values


Seeds = Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1), AfterValidator(no_repeats)]

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
"""A name that is part of file names and of Snakemake's wildcards."""
