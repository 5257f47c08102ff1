"""What a finished run took, from its manifests and executed notebooks, beside what was estimated."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from honesty_utils.common import manifest
from honesty_utils.common.paths import Run
from honesty_utils.workflow.estimate import work
from honesty_utils.workflow.params import Params

COMPARED = ("answer_tokens", "device_hours", "memory_gib", "disk_gib")
"""Columns of an estimate that a run measures; ``measured_…`` and ``ratio_…`` (measured / estimated) stand beside."""


@dataclass(frozen=True)
class _Notebook:
    """An executed notebook, and the artifacts whose manifests tell of its work.

    ``share`` is that of the artifacts in the notebook's time, where it evaluated several models.
    """

    executed: Path
    artifacts: tuple[Path, ...]
    share: float = 1.0


def beside(table: pd.DataFrame, params: Params) -> pd.DataFrame:
    """The estimate with what was measured; NaN where a row's notebooks have not all run.

    Hours are those of the notebooks, times the devices that each holds; shards that an earlier attempt left are counted
    at the speed of the others.

    Args:
        table: an estimate.
        params: of the run.
    """
    measured = [_measured(list(_notebooks(row.stage, row.item, params)), row.stage) for row in table.itertuples()]
    found = pd.DataFrame(measured, columns=list(COMPARED), dtype=float)
    # A server's devices are not known here: its time is the notebook's.
    found["device_hours"] *= table["devices"].clip(lower=1)
    for column in COMPARED:
        table = table.assign(
            **{f"measured_{column}": found[column], f"ratio_{column}": found[column] / table[column].replace(0, np.nan)}
        )
    return table


def _notebooks(stage: str, item: str, params: Params) -> Iterator[_Notebook]:
    run = Run(params.run)
    executed = run.folder / "notebooks"
    if stage == "sampling":
        names = work.parts(params)[item]
        yield _Notebook(executed / f"10_sampling_{item}.ipynb", tuple(run.responses(name) for name in names))
        return
    for seed in params.training_of(item).seeds if item in params.trained else (0,):
        if stage == "training":
            yield _Notebook(executed / f"40_training_{item}_seed{seed}.ipynb", (run.model(item, seed),))
        elif stage == "drift":
            yield _Notebook(executed / f"55_drift_{item}_seed{seed}.ipynb", (run.drift(item, seed, "responses"),))
        else:
            tables = tuple(run.evaluation(item, seed, name) for name in params.graded_sets())
            tables += tuple(run.answers(item, seed, name) for name in params.request_sets())
            groups = params.evaluation_groups().items()
            ((group, models),) = [(group, models) for group, models in groups if (item, seed) in models]
            yield _Notebook(executed / f"50_evaluation_{group}.ipynb", tables, 1 / len(models))


def _measured(notebooks: list[_Notebook], stage: str) -> tuple[float, float, float, float]:
    """Tokens, hours, GiB of memory (the most), GiB of disk."""
    needed = [(one.executed, *one.artifacts, *map(manifest.path_of, one.artifacts)) for one in notebooks]
    if not all(path.exists() for paths in needed for path in paths):
        return (np.nan,) * 4
    tokens = hours = memory = disk = 0.0
    for one in notebooks:
        facts = [manifest.read(artifact) for artifact in one.artifacts]
        hours += (one.share * _duration(one.executed) + sum(map(_seconds_of_reused, facts))) / 3600
        tokens += sum(fact.get("completion_tokens" if stage == "training" else "tokens", np.nan) for fact in facts)
        memory = max(memory, *map(_peak, facts))
        disk += sum(map(_size, one.artifacts)) + sum(fact.get("shard_bytes", 0) for fact in facts)
    return tokens, hours, memory / 1024, disk / 2**30


def _duration(executed: Path) -> float:
    content = json.loads(executed.read_text(encoding="utf-8"))["metadata"].get("papermill", {})
    return float(content.get("duration") or np.nan)


def _peak(fact: dict[str, Any]) -> float:
    """MiB: of the accelerators where there are any, else of the process."""
    return float(fact.get("peak_device_memory_mib") or fact.get("peak_memory_mib", np.nan))


def _seconds_of_reused(fact: dict[str, Any]) -> float:
    reused = fact.get("tokens", 0) - fact.get("drawn_tokens", fact.get("tokens", 0))
    if not reused:
        return 0.0
    rate = fact.get("tokens_per_second")
    return reused / rate if rate else np.nan


def _size(path: Path) -> int:
    """Bytes of a file and of the answers that lie beside it, or of a folder."""
    if path.is_dir():
        return sum(item.stat().st_size for item in path.rglob("*") if item.is_file())
    answers = path.parent / "answers" / path.name
    return path.stat().st_size + (answers.stat().st_size if answers.is_file() else 0)
