"""A finished run as its saved tables have it: what figures, comparisons and a person who looks around start from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from honesty_utils.common.paths import Run
from honesty_utils.results.display import Roster
from honesty_utils.results.origin import told
from honesty_utils.results.tables import TABLES, read_table


@dataclass(frozen=True)
class Saved:
    """The tables in ``figures/<run>/``; ``run`` need not have anything else here."""

    run: Run

    def file(self, name: str) -> Path:
        """The CSV of a table, such as ``main``.

        Raises:
            FileNotFoundError: it is not there; says which notebook makes it.
        """
        path = self.run.figures / f"tab_{name}.csv"
        if not path.is_file():
            maker = TABLES[f"tab_{name}"].notebook
            raise FileNotFoundError(f"{path}: not there; run {maker} for run {self.run.name!r} first")
        return path

    def table(self, name: str) -> pd.DataFrame:
        """A tidy table by its name without ``tab_``."""
        return read_table(self.file(name))

    def has(self, name: str) -> bool:
        """Whether the run has a table, such as ``fame``."""
        return (self.run.figures / f"tab_{name}.csv").is_file()

    @property
    def verdicts(self) -> pd.DataFrame | None:
        """Verdicts on the paper's findings, over worlds where the run has several; none: it has no such table."""
        name = next((name for name in ("worlds_claims", "claims") if self.has(name)), None)
        return None if name is None else self.table(name)

    @cached_property
    def roster(self) -> Roster:
        """How the run's methods are shown."""
        return Roster.read(self.table("methods"))

    @cached_property
    def origin(self) -> str:
        """Which world the run is of, in words; empty without one, or of a run that was made before this was said."""
        return told(self.table("origin")) if self.has("origin") else ""

    @cached_property
    def roles(self) -> dict[str, str]:
        """The set that plays each part of the paper."""
        table = self.table("roles")
        return dict(zip(table["role"], table["dataset"], strict=True))

    @property
    def home(self) -> str:
        """Name of the set that stands for the paper's in-distribution one."""
        return self.roles["in_distribution"]
