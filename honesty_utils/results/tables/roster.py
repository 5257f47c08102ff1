"""What of a params file its figures need, as tables: the methods and how they are shown, the sets and their parts."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from honesty_utils.results.display import Roster


def tab_methods(roster: Roster) -> pd.DataFrame:
    """The methods of a run and how each is shown, in the order of all tables and figures.

    Returns:
        ``method, label, color, place, drawn, library, quantity, of, value``; ``library`` names the library's method
        that an entry is made of; the last three say what a sweep point is a point of.
    """
    return roster.table()


def tab_roles(roles: Mapping[str, str]) -> pd.DataFrame:
    """Which evaluation set plays which part of the paper.

    Returns:
        ``role, dataset``.
    """
    return pd.DataFrame({"role": list(roles), "dataset": list(roles.values())})
