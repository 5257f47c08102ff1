"""Display name, place and color of every method and metric: one place for all tables and figures.

What a method is called decides nothing. A `Roster` says of every method of a run how it is shown; it is made from the
entries of the params file and saved as ``tab_methods.csv``, so that figures are drawn from saved tables alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import pandas as pd

from honesty_utils.methods import METHODS
from honesty_utils.methods.plan import UNKNOWN_COLOR, Method, as_said
from honesty_utils.methods.settings import MethodEntry

CONTROLS = {"always_refuse": "Always refuse", "never_refuse": "Never refuse", "oracle": "Oracle (knows k)"}
"""Rows of the main table that are no model, in their order, with their names."""

RANDOM_REFUSAL = "random_refusal@"
"""Prefix of the control that refuses at random as often as the method named after it."""

METRICS = {
    "prudence": "Prudence",
    "over_conservativeness": "Over-cons.",
    "honesty": "Honesty",
    "accuracy": "Accuracy",
    "refusal_rate": "Refusal rate",
    "coverage": "Coverage",
    "reliable_accuracy": "Reliable accuracy",
    "unscored_rate": "Unscored",
}
"""Scores of ``metrics.scores`` in the order of the main table."""

BESIDE = {
    "truthful_helpfulness": "THS",
    "truthfulness": "Truthfulness",
    "matched_accuracy": "M_t at equal coverage",
    "matched_gain": "Gain at equal coverage",
}
"""Scores that refusing alone cannot raise (``metrics.beside``), after those."""

NAMES = {**METRICS, **BESIDE}
"""All metrics of the main table in their order."""

ROLES = {
    "in_distribution": "in distribution",
    "out_of_distribution": "out of distribution",
    "prior_unknown": "prior unknown",
    "prior_known": "prior known",
    "multiple_choice": "multiple choice",
    "tasks": "non-knowledge tasks",
    "development": "development",
    "helpfulness": "helpfulness",
    "harmlessness": "harmlessness",
    "stance": "stance under pressure",
}
"""The parts that evaluation sets play in the paper, and how they are spoken of."""

QUANTITIES = {
    "tau": "τ",
    "samples": "m",
    "questions": "questions",
    "known_share": "known share",
    "labeled": "labeled",
    "draw": "draw",
    "dial": "dial",
    "weight": "weight",
    "learning_rate": "learning rate",
}
"""What sweeps vary, and its symbol."""

COLUMNS = ["method", "label", "color", "place", "drawn", "library", "quantity", "of", "value"]
"""Columns of ``tab_methods``; ``library`` is the key in ``methods.METHODS``, the last three are of sweep points."""


class SweepPoint(Protocol):
    """A point of a sweep as the workflow names it."""

    @property
    def name(self) -> str:
        """Key of the point in the params file and in tables, such as ``absolute_tau_0.5``."""

    @property
    def quantity(self) -> str:
        """What its sweep varies, a key of `QUANTITIES`."""

    @property
    def method(self) -> str:
        """The entry that is swept."""

    @property
    def value(self) -> float:
        """Of the quantity at this point."""


@dataclass(frozen=True)
class Point:
    """What a sweep point varies, of which entry, and the value there."""

    quantity: str
    of: str
    value: float


@dataclass(frozen=True)
class Shown:
    """How one method of a run is shown.

    Attributes:
        label: display name.
        color: of its dots and lines.
        place: among the methods of the run, from 0.
        drawn: in the main figures; tables have every method, and sweep points have figures of their own.
        library: key in ``methods.METHODS``; none: no entry of the run.
        point: what it is a point of; none: it is a method in its own right.
    """

    label: str
    color: str
    place: int
    drawn: bool = True
    library: str | None = None
    point: Point | None = None


@dataclass(frozen=True)
class Roster:
    """The methods of a run and how each is shown.

    A name that is not in it is shown as it is, in gray, after the others; controls come last.
    """

    shown: Mapping[str, Shown]

    @classmethod
    def of(cls, entries: Mapping[str, MethodEntry], points: Iterable[SweepPoint] = ()) -> Roster:
        """The roster of a run.

        An entry that is named like its method has the method's label; another has its own, or else its name, in its
        method's color, right after it. Sweep points follow, by their value.

        Args:
            entries: every method of the run by name, baselines and sweep points too.
            points: the sweep points among them.
        """
        at = {point.name: Point(point.quantity, point.method, float(point.value)) for point in points}
        ranks = {name: rank for rank, name in enumerate(METHODS)}
        places = {name: place for place, name in enumerate(entries)}

        def key(name: str) -> tuple[int, float, bool, int, str]:
            rank, point = ranks[entries[name].method], at.get(name)
            if point:
                return rank, point.value, False, 0, name
            return rank, -1.0, name != entries[name].method, places[name], name

        shown = {}
        for place, name in enumerate(sorted(entries, key=key)):
            entry, point = entries[name], at.get(name)
            label = _label(point.of, entries[point.of]) if point else _label(name, entry)
            if point:
                label += f" ({QUANTITIES.get(point.quantity, point.quantity)} = {point.value:g})"
            drawn = entry.drawn and point is None
            shown[name] = Shown(label, METHODS[entry.method].color, place, drawn, entry.method, point)
        return cls(shown)

    @classmethod
    def read(cls, table: pd.DataFrame) -> Roster:
        """The roster that `table` saved."""
        rows = table.astype(object).where(table.notna(), None)
        return cls(
            {
                row.method: Shown(
                    row.label,
                    row.color,
                    int(row.place),
                    bool(row.drawn),
                    row.library,
                    Point(row.quantity, row.of, float(row.value)) if row.quantity else None,
                )
                for row in rows.itertuples()
            }
        )

    @classmethod
    def joined(cls, rosters: Iterable[Roster]) -> Roster:
        """The rosters of several runs as one; a name that several have is shown as the first shows it."""
        shown: dict[str, Shown] = {}
        for roster in rosters:
            shown = {**roster.shown, **shown}
        return cls(shown)

    def table(self) -> pd.DataFrame:
        """A row a method, in their order, with the columns `COLUMNS`."""
        rows = []
        for name in self.ordered(self.shown):
            item = self.shown[name]
            point = (item.point.quantity, item.point.of, item.point.value) if item.point else (None, None, None)
            rows.append((name, item.label, item.color, item.place, item.drawn, item.library, *point))
        return pd.DataFrame(rows, columns=COLUMNS).astype({"value": "float64"})

    def label(self, method: str) -> str:
        """Display name of a method or control; of a library's method that the run lacks, the library's."""
        if method.startswith(RANDOM_REFUSAL):
            return f"Random refusal as {self.label(method.removeprefix(RANDOM_REFUSAL))}"
        if method in CONTROLS:
            return CONTROLS[method]
        if method not in self.shown:
            return METHODS[method].label if method in METHODS else method
        return self.shown[method].label

    def color(self, method: str) -> str:
        """Color of a method, also of random refusals at its rate; controls and unknown names are gray."""
        name = method.removeprefix(RANDOM_REFUSAL)
        return self.shown[name].color if name in self.shown else UNKNOWN_COLOR

    def library(self, method: str) -> Method | None:
        """The library's method that an entry is made of; none for a name that is not in the roster."""
        name = self.shown[method].library if method in self.shown else None
        return METHODS.get(name) if name else None

    def is_trained(self, method: str) -> bool:
        """Whether a model is trained for a method, so that another seed would give another one.

        What nothing is trained for (a prompt, a threshold on a signal of M_t) has one seed because it has no noise of
        seeds at all; a name that is not in the roster counts as trained.
        """
        found = self.library(method)
        return True if found is None else bool(found.stages)

    def ordered(self, methods: Iterable[str]) -> list[str]:
        """The methods, each once: those of the roster, others by name, then controls."""
        return sorted(dict.fromkeys(methods), key=self._place)

    def _place(self, method: str) -> tuple[int, int, int, str]:
        control = list(CONTROLS).index(method) + 1 if method in CONTROLS else 0
        group = 2 if method.startswith(RANDOM_REFUSAL) else int(control > 0)
        name = method.removeprefix(RANDOM_REFUSAL)
        last = max((item.place for item in self.shown.values()), default=0) + 1
        place = self.shown[name].place if name in self.shown else last
        return group, control, place, method

    def is_point(self, method: str) -> bool:
        """Whether a method is one point of a sweep."""
        return method in self.shown and self.shown[method].point is not None

    def main(self, methods: Iterable[str]) -> list[str]:
        """The methods without controls and sweep points, each once, in order."""
        return self.ordered(method for method in methods if not is_control(method) and not self.is_point(method))

    def drawn(self, methods: Iterable[str]) -> list[str]:
        """Those of `main` that the main figures show."""
        return [method for method in self.main(methods) if method not in self.shown or self.shown[method].drawn]

    def told_to_refuse(self, methods: Iterable[str]) -> list[str]:
        """Those of `drawn` that are told to refuse: by training rows, a rule, or else by the prompt.

        Of library methods that one notebook tells of, which are one idea in several wordings, the last in order stands
        for all. Methods of the general notebook are an idea each, and so is a name that is not in the roster.
        """
        told = [method for method in self.drawn(methods) if _told(self.library(method))]
        ideas = {method: _idea(method, self.library(method)) for method in told}
        stands_for = {ideas[method]: self.library(method) for method in told}
        return [method for method in told if stands_for[ideas[method]] == self.library(method)]

    def points(self, quantity: str, of: str) -> dict[str, float]:
        """The sweep points of one method over one quantity, each with its value."""
        found = {name: item.point for name, item in self.shown.items() if item.point is not None}
        return {name: point.value for name, point in found.items() if (point.quantity, point.of) == (quantity, of)}


def _label(name: str, entry: MethodEntry) -> str:
    return entry.label or (METHODS[entry.method].label if name == entry.method else name)


def _told(method: Method | None) -> bool:
    if method is None:
        return True
    if method.answer.decide is not as_said:
        return True  # a rule withholds answers
    return method.teaches_refusal if method.stages else method.answer.prompt == "honest"


def _idea(name: str, method: Method | None) -> str:
    if method is None:
        return name
    return method.label if method.notebook == Method.notebook else method.notebook


def is_control(method: str) -> bool:
    """Whether a row of the main table is a control and no model."""
    return method in CONTROLS or method.startswith(RANDOM_REFUSAL)


def is_sweep(name: str) -> bool:
    """Whether a name is made like that of a sweep point; for checking names only, a `Roster` knows its points."""
    found = re.fullmatch(rf"(.+)_({'|'.join(QUANTITIES)})_\d+(\.\d+)?", name)
    return found is not None and found[1] in METHODS


PAPER = Roster.of({name: MethodEntry(method=name) for name in METHODS})
"""The library's methods under their own names, in the paper's order."""
