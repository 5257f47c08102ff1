"""Draws of settings for a search: as many for each method, of the space that its file states (`Method.search`)."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from honesty_utils.methods.registry import METHODS


def draw(method: str, number: int) -> dict[str, Any]:
    """One draw of settings, by the place in an entry of the params file that it changes, such as ``options.tau``.

    Draws are a shuffled list of all combinations. It hangs on the method's name alone, so that nothing that another
    method does changes what is tried.

    Args:
        method: a key of `METHODS`.
        number: of the draw, from 1.

    Raises:
        ValueError: a method without a space, a draw that there is none of.
    """
    space = METHODS[method].search
    if not space:
        raise ValueError(f"{method!r} states no settings to search among; leave it out of the sweep")
    combinations = list(itertools.product(*space.values()))
    if not 1 <= number <= len(combinations):
        raise ValueError(f"{method!r} has draws 1 to {len(combinations)}; got {number}")
    order = np.random.default_rng([zlib.crc32(method.encode()), 4]).permutation(len(combinations))
    return dict(zip(space, combinations[order[number - 1]], strict=True))


def changed(entry: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The top-level fields of an entry that ``settings`` change, with what else they hold."""
    fields: dict[str, Any] = {}
    for place, value in settings.items():
        first, *inner = place.split(".")
        fields.setdefault(first, _copy(entry.get(first, {})))
        _put(fields[first], inner, value)
    return fields


def _copy(value: Any) -> Any:
    return {key: _copy(inner) for key, inner in value.items()} if isinstance(value, Mapping) else value


def _put(table: dict[str, Any], place: Sequence[str], value: Any) -> None:
    for name in place[:-1]:
        table = table.setdefault(name, {})
    table[place[-1]] = value
