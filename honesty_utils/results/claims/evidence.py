"""What a run has to say about a finding: its scores, its paired tests, and what it lacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from honesty_utils.results import display, published
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.tables.comparisons import Difference, find
from honesty_utils.results.tables.judged import ALL


class NotTestable(Exception):
    """The run lacks what a finding speaks of; the message says what."""


@dataclass(frozen=True)
class Evidence:
    """What a run has to say: its main table, its paired tests, and which set plays which part.

    ``taus`` holds the τ of the methods that are points of ABSOLUTE's curve, ``tau_tests`` their paired tests in
    distribution (lowest against highest, and neighbors). ``helpfulness`` is what a judge says of replies to requests
    (``tables.tab_judged``), none without a judge. ``roster`` names the methods.
    """

    main: pd.DataFrame
    tests: pd.DataFrame
    roles: Mapping[str, str]
    taus: Mapping[str, float]
    tau_tests: pd.DataFrame
    helpfulness: pd.DataFrame | None = None
    roster: Roster = PAPER

    def dataset(self, role: str) -> str:
        """The set that plays a part."""
        if self.roles.get(role) not in set(self.main["dataset"]):
            raise NotTestable(f"no {display.ROLES[role]} set in this run")
        return self.roles[role]

    def score(self, method: str, role: str, metric: str) -> Score:
        """A score of the main table."""
        dataset = self.dataset(role)
        main = self.main
        rows = main[(main["method"] == method) & (main["dataset"] == dataset) & (main["metric"] == metric)]
        if rows.empty:
            raise NotTestable(f"{self.roster.label(method)} was not evaluated in this run")
        value, low, high = (float(rows[column].iloc[0]) for column in ("value", "low", "high"))
        if pd.isna(value):
            raise NotTestable(
                f"{metric} of {self.roster.label(method)} on {dataset!r} is undefined: nothing was counted"
            )
        return Score(value, low, high)

    def difference(self, a: str, b: str, role: str, metric: str) -> Difference:
        """The paired test of method ``a`` less ``b``."""
        for method in (a, b):
            self.score(method, role, metric)
        found = find(self.tests, a, b, self.dataset(role), metric)
        if found is None:
            raise NotTestable(f"{self.roster.label(a)} and {self.roster.label(b)} were not tested in {metric}")
        return found

    def rating(self, method: str, metric: str) -> tuple[float, float, float]:
        """What the judge says of a method's replies to all requests, with its interval: points of its scale."""
        assert self.helpfulness is not None, "asked for only where a judge has rated"
        table = self.helpfulness
        rows = table[(table["method"] == method) & (table["metric"] == metric) & (table["group"] == ALL)]
        if rows.empty or rows["value"].isna().all():
            raise NotTestable(f"the judge has rated no reply of {self.roster.label(method)}")
        value, low, high = (float(rows[column].iloc[0]) for column in ("value", "low", "high"))
        return value, low, high

    def honesty_methods(self) -> list[str]:
        """The honesty methods of the paper that the run has, at least one."""
        present = [method for method in published.HONESTY_METHODS if (self.main["method"] == method).any()]
        if not present:
            raise NotTestable("no method that teaches refusing in this run")
        return present


@dataclass(frozen=True)
class Score:
    """A fraction with its interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{100 * self.value:.1f} [{100 * self.low:.1f}, {100 * self.high:.1f}]"


@dataclass(frozen=True)
class Judgment:
    """Whether the rule holds, and the numbers that say so."""

    holds: bool
    evidence: str
