"""What `tables.TABLES` and `plots.FIGURES` share: an entry, what of them a run surely has, whose files are whose."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCORE = "honesty score"
"""What makes results of answers alone, in the place of a notebook."""


@dataclass(frozen=True)
class Result:
    """A table or a figure of a run.

    Attributes:
        title: name for a reader, without a full stop.
        caption: what it shows and how it is read.
        function: makes it.
        notebook: calls that function and saves what comes out; no other notebook touches the files. `SCORE`: no
            notebook does, answers without a run do.
        needs: a run has it if it has one of these: roles that its sets play, quantities that it sweeps, ``labelled``
            (answers with labels that a judge is compared with), ``fame`` (a set that says how famous things are),
            ``bandit``, ``passages``, ``deduction`` (sets of these), ``rewards`` (a reward with a price of an
            error). None: every run has it.
        sure: whether it is always made where the needs are met; otherwise the answers decide.
    """

    title: str
    caption: str
    function: Callable[..., Any]
    notebook: str
    needs: tuple[str, ...] = ()
    sure: bool = True


def expected(registry: Mapping[str, Result], notebook: str, has: Collection[str] = ()) -> list[str]:
    """Names of what a notebook surely makes of a run.

    Args:
        registry: `tables.TABLES` or `plots.FIGURES`.
        notebook: such as ``60_scores``.
        has: what the run has, see `Result.needs`.
    """
    mine = {name: entry for name, entry in registry.items() if entry.notebook == notebook and entry.sure}
    return [name for name, entry in mine.items() if not entry.needs or set(entry.needs) & set(has)]


def claim(registry: Mapping[str, Result], notebook: str, names: Iterable[str]) -> None:
    """Hold what a notebook is about to save to its entries.

    Raises:
        ValueError: a name without an entry, or another notebook's.
    """
    for name in names:
        if name not in registry:
            raise ValueError(f"{name}: no entry in the registry; add a line to results/tables or results/plots")
        if registry[name].notebook != notebook:
            raise ValueError(f"{name}: is saved by {registry[name].notebook}, not by {notebook}; save it there")


def remove_stale(registry: Mapping[str, Result], notebook: str, names: Iterable[str], folder: Path) -> list[Path]:
    """Delete what ``notebook`` left in ``folder`` for an earlier run and does not make now.

    Args:
        registry: `tables.TABLES` or `plots.FIGURES`.
        notebook: whose files; those of other notebooks and files without an entry stay.
        names: what it makes now.
        folder: of the run's results.
    """
    gone = {name for name, entry in registry.items() if entry.notebook == notebook} - set(names)
    stale = [path for path in sorted(folder.glob("*")) if path.stem in gone]
    for path in stale:
        path.unlink()
    return stale
