"""The settings that a search has found: one grid and one rule for every method, on development questions only."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from honesty_utils.methods.searching import draw
from honesty_utils.methods.settings import MethodEntry
from honesty_utils.results.display import SweepPoint
from honesty_utils.results.tables.scores import tab_sweeps

MARGIN = 0.005
"""Honesty within this of the best counts as good as the best."""

COLUMNS = ["library", "method", "quantity", "at", "setting", "honesty", "accuracy", "questions", "chosen"]
DRAW = "draw"


def tab_search(
    main: pd.DataFrame,
    points: Collection[SweepPoint],
    entries: Mapping[str, MethodEntry],
    roles: Mapping[str, str],
) -> pd.DataFrame:
    """Every setting that was tried, and the one that a method is given elsewhere.

    The rule: of the points within `MARGIN` of a method's highest honesty on the development set, those of the highest
    accuracy; of these the lowest value, and the entry that comes first. Entries of one ``method`` compete. An entry
    that names its own learning rate takes part with it; of draws, each entry does as it stands, as draw 0.

    Args:
        main: the main table.
        points: what was tried, with their names in ``main``.
        entries: of the params file, to tell which entries are one method.
        roles: ``development`` names the set; without it there was no search.

    Returns:
        ``library`` (the method), ``method`` (its entry), ``quantity``, ``at``, ``setting`` (what a draw changes),
        ``honesty`` and ``accuracy`` on the development set, ``questions``, ``chosen``. No rows without a development
        set.
    """
    if "development" not in roles:
        return pd.DataFrame(columns=COLUMNS)
    long = tab_sweeps(main, [*points, *_own(points, entries)], roles["development"])
    keys = ["method", "quantity", "at", "questions"]
    wide = long.pivot_table(index=keys, columns="metric", values="value", sort=False).reset_index()
    wide["library"] = wide["method"].map(lambda name: entries[name].method)
    order = {name: place for place, name in enumerate(entries)}
    ranked = wide.assign(
        close=wide["honesty"] >= wide.groupby("library")["honesty"].transform("max") - MARGIN,
        place=wide["method"].map(order),
    ).sort_values(["close", "accuracy", "at", "place"], ascending=[False, False, True, True], kind="stable")
    best = ranked.groupby("library").head(1).index
    settings = zip(wide["library"], wide["quantity"], wide["at"], strict=True)
    wide["setting"] = [_setting(*one) for one in settings]
    return wide.assign(chosen=wide.index.isin(best))[COLUMNS]


def _setting(library: str, quantity: str, at: float) -> str:
    if quantity != DRAW:
        return f"{quantity}: {at:g}"
    changes = draw(library, int(at)) if at else {}
    return "; ".join(f"{place}: {value:g}" for place, value in changes.items()) or "as it stands"


@dataclass(frozen=True)
class _Own:
    """An entry as it stands, as if it were a point of its sweep: its learning rate, or draw 0."""

    name: str
    value: float
    quantity: str = "learning_rate"

    @property
    def method(self) -> str:
        return self.name


def _own(points: Collection[SweepPoint], entries: Mapping[str, MethodEntry]) -> Iterator[SweepPoint]:
    swept = {point.name for point in points}
    drawn = {point.method for point in points if point.quantity == DRAW}
    for name, entry in entries.items():
        if name in drawn:
            yield _Own(name, 0.0, DRAW)
        elif name not in swept and "learning_rate" in entry.training:
            yield _Own(name, float(entry.training["learning_rate"]))
