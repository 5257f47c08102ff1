"""Params files as YAML: read, and laid over those that they extend.

``extends: llama2-13b-chat`` names another file beside this one, or a list of them, whose sections are taken first;
what this file says goes on top. ``llama2-13b-chat+fit/lora-80gb`` in place of a path lays files over each other without
a file that says so. Sections are merged key by key, anything else is replaced; so are the options of an engine by those
of another one. ``without: [methods.p_ik]`` leaves keys of what is extended out.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from honesty_utils.common.paths import root
from honesty_utils.common.settings import ConfigError

EXTENDS, WITHOUT = "extends", "without"


class _Loader(yaml.SafeLoader):
    """YAML's safe loader, for which a key that comes twice is an error: the second would win without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping whose keys all differ."""
        seen: dict[Any, int] = {}
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key, line = key_node.value, key_node.start_mark.line + 1
            if key in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"{key!r} comes twice, in lines {seen[key]} and {line}; put both into one",
                    problem_mark=key_node.start_mark,
                )
            seen[key] = line
        return super().construct_mapping(node, deep)


def read(given: str | Path) -> dict[str, Any]:
    """The content of a params file, or of several joined by ``+``, with all that they extend.

    Args:
        given: path of a YAML file; of several, later ones lie on top; ``.yaml`` and ``params/`` may be left out.

    Raises:
        ConfigError: no such file, no YAML, no mapping, or files that extend each other.
    """
    names = str(given).split("+") if not _located(str(given)).is_file() else [str(given)]
    merged: dict[str, Any] = {}
    for name in names:
        merged = laid_over(merged, _read(_located(name), named=len(names) == 1))
    if len(names) > 1:
        # Each layer has a run of its own; a run of several is named after all of them.
        merged["run"] = "-".join(Path(name).stem for name in names)
    return merged


def _located(name: str) -> Path:
    """The file that a name stands for: a path as it is, or from the top of the checkout, or a name under params/."""
    given = name if name.endswith((".yaml", ".yml")) else f"{name}.yaml"
    places = [Path(name), Path(given)]
    with suppress(FileNotFoundError):
        places += [root() / given, root() / "params" / given]
    return next((place for place in places if place.is_file()), Path(name))


def _read(path: Path, above: tuple[Path, ...] = (), *, named: bool = False) -> dict[str, Any]:
    """The content of one file with all that it extends.

    Args:
        path: the YAML file.
        above: the files that extend it.
        named: it has to name its run itself, and not only by what it extends.

    Raises:
        ConfigError: no such file, no YAML, no mapping, no run of its own, or files that extend each other.
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
        merged = laid_over(merged, _read(base, (*above, path)))
    if named and "run" in merged and "run" not in content:
        raise ConfigError(
            f"{path}: names no run and would overwrite the results of {merged['run']!r}, which it {EXTENDS}; add run: "
            "and a name of its own"
        )
    return laid_over(_left_out(merged, content.pop(WITHOUT, []), path), content)


def _left_out(below: dict[str, Any], keys: object, path: Path) -> dict[str, Any]:
    """What is extended, without the keys that a file leaves out, each written with dots."""
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise ConfigError(f"{path}: {WITHOUT}: {keys!r}; list the keys that are left out, such as [methods.p_ik]")
    for key in keys:
        *sections, last = key.split(".")
        section: Any = below
        for name in sections:
            section = section.get(name) if isinstance(section, dict) else None
        if not isinstance(section, dict) or last not in section:
            raise ConfigError(
                f"{path}: {WITHOUT}: {key!r} is in nothing that this file {EXTENDS}; correct or remove it"
            )
        del section[last]
    return below


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
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # a safe loader, below
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}: line {line} is not UTF-8 text; save the file as UTF-8") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from None
    except RecursionError:
        raise ConfigError(f"{path}: nested too deeply for a params file") from None
    if not isinstance(content, dict):
        held = "is empty" if content is None else f"holds {type(content).__name__}"
        raise ConfigError(f"{path}: {held}; a mapping with the sections of a run is needed")
    odd = next((key for key in content if not isinstance(key, str)), None)
    if odd is not None or None in content:
        raise ConfigError(f"{path}: {odd!r}: no name of a section; a key has to be text (see params/microworld.yaml)")
    return content
