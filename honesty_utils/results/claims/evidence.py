"""What a run has to say about a finding: its scores, its paired tests, and what it lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from honesty_utils.results import display, published
from honesty_utils.results.claims.parts import LEAST, Score
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
    (``tables.tab_judged``), none without a judge. ``roster`` names the methods. ``transitions`` (``tab_transitions``)
    are shown beside a rule that is about lost answers; none: they are not. ``microworld`` says whether the run's base
    model is of a recipe of this project, of which a finding says what was tuned.

    The main table has a column ``seeds`` (trainings of each method), or ``worlds`` where its scores are means over
    several.
    """

    main: pd.DataFrame
    tests: pd.DataFrame
    roles: Mapping[str, str]
    taus: Mapping[str, float]
    tau_tests: pd.DataFrame
    helpfulness: pd.DataFrame | None = None
    roster: Roster = PAPER
    transitions: pd.DataFrame | None = None
    microworld: bool = True

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

    def rating(self, method: str, metric: str) -> Score:
        """What the judge says of a method's replies to all requests, with its interval: points of its scale."""
        assert self.helpfulness is not None, "asked for only where a judge has rated"
        table = self.helpfulness
        rows = table[(table["method"] == method) & (table["metric"] == metric) & (table["group"] == ALL)]
        if rows.empty or rows["value"].isna().all():
            raise NotTestable(f"the judge has rated no reply of {self.roster.label(method)}")
        value, low, high = (float(rows[column].iloc[0]) for column in ("value", "low", "high"))
        return Score(value, low, high, scale=1)

    def moved(self, method: str, role: str) -> str:
        """How many answers a method lost and gained against M_t, means over seeds; empty where it is not known."""
        table = self.transitions
        if table is None:
            return ""
        rows = table[(table["method"] == method) & (table["dataset"] == self.roles.get(role))]
        if rows.empty:
            return ""
        right, before = rows["after"] == "correct", rows["before"] == "correct"
        lost, gained = rows.loc[before & ~right, "count"].sum(), rows.loc[~before & right, "count"].sum()
        return f"{display.ROLES[role]} it lost {lost:.1f} right answers and gained {gained:.1f}"

    def too_few(self, methods: Sequence[str]) -> str:
        """Why the evidence cannot speak of methods: fewer than `LEAST` trainings or worlds; empty where it can."""
        main = self.main
        if "worlds" in main:
            worlds = int(main["worlds"].max())
            return "" if worlds >= LEAST else f"{worlds} of at least {LEAST} worlds"
        seeds = main[main["method"].isin(methods)].groupby("method")["seeds"].min()
        few = [method for method in methods if self.roster.is_trained(method) and seeds.get(method, LEAST) < LEAST]
        if not few:
            return ""
        told = []
        for least in sorted({int(seeds[method]) for method in few}):
            times = "once" if least == 1 else "twice" if least == 2 else f"{least} times"
            of_these = [method for method in self.roster.ordered(few) if seeds[method] == least]
            told.append(f"{', '.join(map(self.roster.label, of_these))} trained {times}")
        return f"{', '.join(told)}, a claim about methods needs {LEAST} trainings"

    def honesty_methods(self) -> list[str]:
        """The honesty methods of the paper that the run has, at least one."""
        present = [method for method in published.HONESTY_METHODS if (self.main["method"] == method).any()]
        if not present:
            raise NotTestable("no method that teaches refusing in this run")
        return present
