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
LEVELS = 100
"""Different values of a metric that are resampled as they are; intervals of more are those of rounded ones."""


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
        as the harness has them; without M_t there are no differences. Questions of one text are resampled together.

    Raises:
        RecordError: models that differ in the questions that a metric has a number for.
    """
    rows = []
    for (task, metric), part in told.groupby(["task", "metric"], sort=False):
        _same_questions(part, str(task), str(metric))
        low, high = min(0.0, float(part["value"].min())), max(1.0, float(part["value"].max()))
        own = part.assign(cluster=part["question"].where(part["question"] != "", part["question_id"]), stratum="")
        values = Values.of(own.assign(value=_few(own["value"], low, high)), Scale("value", low, high))
        means = own.groupby("method")["value"].mean()
        for name in (metric, f"{metric}{CHANGE}"):
            changed = str(name).endswith(CHANGE)
            if changed and BEFORE not in values.states:
                continue
            for method in roster.ordered(values.states):
                if changed and method == BEFORE:
                    continue
                row = row_of(values, method, "", str(name), str(task), analysis)
                rows.append((*row[:4], means[method] - (means[BEFORE] if changed else 0.0), *row[5:]))
    columns = ["method", "task", "group", "metric", "value", "low", "high", "seeds", "questions", "unscored"]
    return pd.DataFrame(rows, columns=columns).drop(columns=["group", "unscored"])


def _few(values: pd.Series[float], low: float, high: float) -> pd.Series[float]:
    """Values as they are or, where there are many, to the hundredth of their range: resamples count each of them."""
    if values.nunique() <= LEVELS:
        return values
    return low + ((values - low) / (high - low) * LEVELS).round() / LEVELS * (high - low)


def _same_questions(part: pd.DataFrame, task: str, metric: str) -> None:
    asked = {key: set(own["question_id"]) for key, own in part.groupby(["method", "seed"], sort=False)}
    first = next(iter(asked))
    for key, own in asked.items():
        if own != asked[first]:
            raise records.RecordError(
                f"harness: {task}, {metric}: {key[0]}, seed {key[1]}, and {first[0]}, seed {first[1]}, have other "
                f"questions, such as {min(own ^ asked[first])!r}; ask both again"
            )
