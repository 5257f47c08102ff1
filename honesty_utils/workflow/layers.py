"""Params files as YAML: read, and laid over those that they extend.

``extends: llama2-13b-chat`` names another file beside this one, or a list of them, whose sections are taken first;
what this file says goes on top. Sections are merged key by key, anything else is replaced; so are the options of an
engine by those of another one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from honesty_utils.common.settings import ConfigError

EXTENDS = "extends"


def read(path: Path, above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """The content of a params file with all that it extends.

    Args:
        path: the YAML file.
        above: the files that extend it.

    Raises:
        ConfigError: no such file, no YAML, no mapping, or files that extend each other.
    """
    content = _own(path)
    named = content.pop(EXTENDS, [])
    bases = [named] if isinstance(named, str) else named
    if not isinstance(bases, list) or not all(isinstance(name, str) for name in bases):
        raise ConfigError(f"{path}: {EXTENDS}: {named!r}; name a params file, or a list of them")
    merged: dict[str, Any] = {}
    for name in bases:
        base = path.parent / (name if name.endswith(".yaml") else f"{name}.yaml")
        if base.resolve() in (path.resolve(), *(item.resolve() for item in above)):
            raise ConfigError(f"{path}: {EXTENDS}: {name!r} extends this file in turn; break the circle")
        if not base.is_file():
            raise ConfigError(f"{path}: {EXTENDS}: {base} is not there")
        merged = laid_over(merged, read(base, (*above, path)))
    return laid_over(merged, content)


def laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Two contents as one: mappings are merged key by key, any other value of ``above`` replaces that of ``below``."""
    merged = dict(below)
    if above.get("engine", below.get("engine")) != below.get("engine"):
        merged.pop("engine_options", None)  # one engine's mean nothing to another
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = laid_over(merged[key], value) if both else value
    return merged


def _own(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ConfigError(f"{path}: no such params file; those of this repository are in params/")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: holds {type(content).__name__}; a mapping with the sections of a run is needed")
    return content
