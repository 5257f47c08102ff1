"""Which tables a notebook makes of a run, and their files: those of an earlier run do not stay behind."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import pandas as pd

from honesty_utils.results import registry
from honesty_utils.results.tables.layout import save_table
from honesty_utils.results.tables.registry import TABLES


def expected(notebook: str, has: Collection[str] = ()) -> list[str]:
    """Names of the tables that a notebook surely makes of a run.

    Args:
        notebook: such as ``60_scores``.
        has: roles that the run's sets play, and ``labelled`` if a judge is compared with labels.
    """
    return registry.expected(TABLES, notebook, has)


def save_tables(
    frames: Mapping[str, pd.DataFrame], folder: str | Path, notebook: str, feet: Mapping[str, str] | None = None
) -> list[Path]:
    """Write the tables of one notebook, and delete those that it made for an earlier run and does not make now.

    Args:
        frames: the tables by name.
        folder: of the run's results.
        notebook: whose tables they are.
        feet: notes below printed tables, by their name.

    Returns:
        The CSV files; ``.md`` and ``.tex`` stand beside them.

    Raises:
        ValueError: a table without an entry in `TABLES`, or another notebook's.
    """
    registry.claim(TABLES, notebook, frames)
    registry.remove_stale(TABLES, notebook, frames, Path(folder))
    return [save_table(table, folder, name, (feet or {}).get(name, ""))[0] for name, table in frames.items()]
