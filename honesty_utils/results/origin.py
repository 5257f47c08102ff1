"""Of how many worlds results are: one place says it for reports, figures and claims alike.

A world is one draw of people, texts and base model. What holds in one need not hold in the next, whatever the intervals
over its questions are, so results say what they are of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

COLUMNS = ["world", "development"]

LEAST = 3
"""Worlds that it takes to claim anything: of fewer, nothing is called better, and every finding is inconclusive."""


def tab_origin(origin: Mapping[str, Any]) -> pd.DataFrame:
    """Which world a run is of: ``world, development``, the seeds of both; no row where a run makes no world.

    Args:
        origin: the seed of the run's ``world``, None without one, and that of the ``development`` world.
    """
    rows = [] if origin["world"] is None else [(origin["world"], origin["development"])]
    return pd.DataFrame(rows, columns=COLUMNS).astype("int64")


def told(table: pd.DataFrame) -> str:
    """`tab_origin` in words, such as "one world (seed 0, the development world)"; empty without a world."""
    if table.empty:
        return ""
    world, development = (int(table[column].iloc[0]) for column in COLUMNS)
    return f"one world (seed {world}{', the development world' if world == development else ''})"


def told_of_worlds(seeds: Sequence[int]) -> str:
    """Several worlds in words, such as "8 worlds (seeds 1 to 8)"."""
    order = sorted(seeds)
    row = len(order) > 2 and order == list(range(order[0], order[-1] + 1))
    listed = f"{order[0]} to {order[-1]}" if row else ", ".join(map(str, order))
    return f"{len(order)} world{'s' * (len(order) != 1)} (seed{'s' * (len(order) != 1)} {listed})"


def foot(base: pd.DataFrame) -> str:
    """What is said below every table and figure over worlds: how many, whether they suffice, which other code has made.

    Args:
        base: ``tab_worlds_base``, of which ``world`` and ``other_code`` are read.
    """
    parts = [told_of_worlds([int(world) for world in base["world"]])]
    if len(base) < LEAST:
        parts.append(f"fewer than {LEAST}: nothing can be concluded")
    other = base.loc[base["other_code"].fillna("") != "", "world"].astype(str).tolist()
    if other:
        made = f"world{'s' * (len(other) > 1)} {', '.join(other)} {'were' if len(other) > 1 else 'was'}"
        parts.append(f"{made} made by other code in part (tab_worlds_base)")
    return "; ".join(parts)


def sentences(text: str) -> str:
    """The parts of a `foot` as sentences."""
    return " ".join(f"{part[0].upper()}{part[1:]}." for part in text.split("; "))
