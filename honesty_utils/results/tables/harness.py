"""Tasks of lm-evaluation-harness: means over questions with intervals, and what alignment changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from honesty_utils.common import records
from honesty_utils.common.paths import Run
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.settings import Analysis
from honesty_utils.results.tables.judged import BEFORE, Scale, Values, row_of

CHANGE = "_change"


def load_harness(run: Run, models: Mapping[str, Sequence[int]]) -> pd.DataFrame:
    """All HARNESS tables of a run, with ``method`` and ``seed``.

    Args:
        run: where they are.
        models: seeds of each method; those of which the harness was not asked are passed over.

    Raises:
        RecordError: none is there.
    """
    files = {(method, seed): run.harness(method, seed) for method, seeds in models.items() for seed in seeds}
    parts = [
        records.read(records.HARNESS, path).assign(method=method, seed=seed)
        for (method, seed), path in files.items()
        if path.is_file()
    ]
    if not parts:
        raise records.RecordError(f"{run.folder / 'harness'}: nothing of the harness is there; run 57_harness first")
    return pd.concat(parts, ignore_index=True)


def tab_harness(told: pd.DataFrame, analysis: Analysis, roster: Roster = PAPER) -> pd.DataFrame:
    """Every model's mean of every metric of every task, and its difference to M_t on the same questions.

    Args:
        told: rows of HARNESS tables with ``method`` and ``seed``.
        analysis: resamples, level and seed of the intervals.
        roster: the methods of the run.

    Returns:
        ``method, task, metric, value, low, high, seeds, questions``; ``…_change`` is the difference to M_t. Values are
        as the harness has them. Questions of one text are resampled together.
    """
    rows = []
    for (task, metric), part in told.groupby(["task", "metric"], sort=False):
        low, high = min(0.0, float(part["value"].min())), max(1.0, float(part["value"].max()))
        own = part.assign(cluster=part["question"].where(part["question"] != "", part["question_id"]), stratum="")
        values = Values.of(own, Scale("value", low, high))
        for name in (metric, f"{metric}{CHANGE}"):
            for method in roster.ordered(values.states):
                if not (method == BEFORE and name.endswith(CHANGE)):
                    rows.append(row_of(values, method, "", name, task, analysis))
    columns = ["method", "task", "group", "metric", "value", "low", "high", "seeds", "questions", "unscored"]
    return pd.DataFrame(rows, columns=columns).drop(columns=["group", "unscored"])
