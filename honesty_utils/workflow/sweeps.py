"""Sweeps: one quantity at several values, each a method of its own in the tables, built and trained like any other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, Field, PositiveInt

from honesty_utils.common.settings import Section, Seeds, no_repeats
from honesty_utils.methods import METHODS, searching
from honesty_utils.methods.settings import MethodEntry


class Sweep(Section):
    """Values of one quantity at which methods are built, trained and evaluated anew; a dial's are only evaluated."""

    methods: Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(no_repeats)] = Field(
        description="names under `methods`"
    )
    values: Annotated[tuple[float, ...], Field(min_length=1), AfterValidator(no_repeats)]
    seeds: Seeds | None = Field(None, description="none: those of the method")
    questions: PositiveInt | None = Field(
        None, description="training questions at every value, so that points differ in nothing else; none: the method's"
    )


DIAL = "dial"
"""The quantity that is no matter of training: its points answer with the models of their method."""

Change = Callable[[MethodEntry, float], dict[str, Any]]

SWEEPS: dict[str, Change] = {
    # A right greedy answer must not count as knowing, or tau would not decide alone.
    "tau": lambda entry, value: {"options": {**entry.options, "tau": value, "greedy_suffices": False}},
    "samples": lambda entry, value: {
        "rows": _with(entry, samples=_whole("samples", value)),
        **_by_samples_alone(entry),
    },
    "questions": lambda entry, value: {"rows": _with(entry, questions=_whole("questions", value))},
    "known_share": lambda entry, value: {"rows": _with(entry, known_share=value)},
    "draw": lambda entry, value: searching.changed(
        entry.model_dump(), searching.draw(entry.method, _whole("draws", value))
    ),
    "labeled": lambda entry, value: {"options": {**entry.options, "labeled": _whole("labeled questions", value)}},
    "weight": lambda entry, value: {"options": {**entry.options, "weights": (1 - value, value)}},
    DIAL: lambda entry, value: {"options": {**entry.options, _dial(entry): value}},
    "learning_rate": lambda entry, value: {"training": {**entry.training, "learning_rate": value}},
}
"""What can be swept, and what a value changes in a method's entry."""


@dataclass(frozen=True)
class Point:
    """One method of a sweep: what is swept, of which method, at which value."""

    quantity: str
    method: str
    value: float

    @property
    def name(self) -> str:
        """Name of the point in files and tables, such as ``absolute_tau_0.5``."""
        return f"{self.method}_{self.quantity}_{np.format_float_positional(self.value, trim='-')}"


def expand(sweeps: Mapping[str, Sweep], methods: Mapping[str, MethodEntry]) -> dict[Point, MethodEntry]:
    """The entry of every point, in the order of ``sweeps``.

    Raises:
        ValueError: an unknown quantity or method, or a value that the quantity cannot have.
    """
    entries = {}
    for quantity, sweep in sweeps.items():
        if quantity not in SWEEPS:
            raise ValueError(f"sweeps.{quantity}: cannot be swept; known: {sorted(SWEEPS)}")
        for name in sweep.methods:
            if name not in methods:
                raise ValueError(f"sweeps.{quantity}.methods: {name!r} is not under methods; known: {sorted(methods)}")
            if quantity == DIAL and (sweep.seeds or sweep.questions):
                raise ValueError("sweeps.dial: nothing is trained for it; leave seeds and questions out")
            if quantity != DIAL and methods[name].model_of:
                raise ValueError(
                    f"sweeps.{quantity}.methods: {name!r} answers with the models of {methods[name].model_of!r}, and "
                    "nothing would change; sweep that one"
                )
            for value in sweep.values:
                entry = _entry(methods[name], quantity, value, sweep)
                if quantity == DIAL:
                    entry = entry.model_copy(update={"model_of": methods[name].model_of or name})
                entries[Point(quantity, name, value)] = entry
    return entries


def _entry(method: MethodEntry, quantity: str, value: float, sweep: Sweep) -> MethodEntry:
    seeds = {} if sweep.seeds is None else {"seeds": sweep.seeds}
    if sweep.questions is not None:
        method = method.model_copy(update={"rows": method.rows.model_copy(update={"questions": sweep.questions})})
    try:
        return MethodEntry(**{**method.model_dump(), **SWEEPS[quantity](method, value), **seeds})
    except ValueError as error:
        raise ValueError(f"sweeps.{quantity}.values: {value:g}: {error}") from None


def _dial(entry: MethodEntry) -> str:
    found = METHODS[entry.method].answer.dial
    if found is None:
        raise ValueError(f"{entry.method!r} has no dial; leave it out of the sweep")
    return found


def _by_samples_alone(entry: MethodEntry) -> dict[str, Any]:
    # Where a right greedy answer counts as knowing, samples decide little.
    return (
        {"options": {**entry.options, "greedy_suffices": False}}
        if "greedy_suffices" in METHODS[entry.method].options.model_fields
        else {}
    )


def _with(entry: MethodEntry, **changes: Any) -> dict[str, Any]:
    return {**entry.rows.model_dump(), **changes}


def _whole(quantity: str, value: float) -> int:
    if value != int(value):
        raise ValueError(f"{value:g} is no whole number of {quantity}")
    return int(value)
