"""How training moved the boundary of knowledge, on questions that no row was of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from honesty_utils.common import records
from honesty_utils.common.paths import Run, model_name
from honesty_utils.common.records import OUTCOMES
from honesty_utils.evaluation import frames
from honesty_utils.metrics import intervals
from honesty_utils.metrics.honesty import Floats, ratio
from honesty_utils.metrics.intervals import States
from honesty_utils.questions.settings import Design
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.settings import Analysis
from honesty_utils.results.tables import shares

METRICS = ("lost", "gained", "refused")


def load_drift(
    run: Run, models: Mapping[str, Sequence[int]], dataset: str, design: Design
) -> tuple[pd.DataFrame, dict[tuple[str, int], pd.DataFrame]]:
    """What M_t and aligned models know of a set.

    Args:
        run: where the files are.
        models: methods that were sampled once more, with their seeds.
        dataset: the set that they were asked, no training set: of what a model was trained to say it tells nothing.
        design: what clusters its questions.

    Returns:
        KNOWLEDGE of M_t, with the clusters of its questions, and, by method and seed, of the aligned models.
    """
    before = frames.load_knowledge(run, dataset, design)
    after = {
        (method, seed): records.read(records.KNOWLEDGE, run.knowledge(dataset, model_name(method, seed)))
        for method, seeds in models.items()
        for seed in seeds
    }
    return before, after


def tab_drift(
    before: pd.DataFrame,
    after: Mapping[tuple[str, int], pd.DataFrame],
    analysis: Analysis,
    roster: Roster = PAPER,
) -> pd.DataFrame:
    """What aligned models know under the plain prompt of questions that they were not trained on, against M_t.

    Args:
        before: M_t's KNOWLEDGE of these questions, with their clusters (``frames.load_knowledge``).
        after: KNOWLEDGE of the aligned model of each method and seed.
        analysis: resamples, level and seed of the intervals.
        roster: the methods of the run.

    Returns:
        ``method, metric, value, low, high, seeds, questions``. ``lost``: share of what M_t knew (greedy answer right)
        that the aligned model does not answer right; ``gained``: share of what it did not know that is now right;
        ``refused``: share of all that is refused; ``expected_accuracy_change``: mean difference of expected accuracy.

    Raises:
        ValueError: an aligned model that was not asked the same questions.
    """
    tables = []
    for method in roster.ordered(method for method, _ in after):
        seeds = [table for (name, _), table in after.items() if name == method]
        joined = [_joined(before, table, method) for table in seeds]
        states, units = np.stack([_states(table) for table in joined], axis=1), frames.clusters(joined[0])
        moved = shares.estimate(states, 8, _shares, units, analysis, "drift", method)
        levels, states, kept = _levels(joined)
        rng = intervals.generator(analysis.seed, "drift change", method)
        units = frames.clusters(joined[0][kept])
        drawn = intervals.sample(states, len(levels), _mean_of(levels), analysis.resamples, rng, units)
        change = intervals.estimate(drawn, analysis.confidence_level, rng, lowest=-1.0)
        columns = {
            name: np.concatenate([getattr(moved, name), getattr(change, name)]) for name in ("value", "low", "high")
        }
        metrics = [*METRICS, "expected_accuracy_change"]
        sizes = {"seeds": len(seeds), "questions": len(before)}
        tables.append(pd.DataFrame({"method": method, "metric": metrics, **columns, **sizes}))
    names_of_columns = ["method", "metric", "value", "low", "high", "seeds", "questions"]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=names_of_columns)


def _joined(before: pd.DataFrame, after: pd.DataFrame, method: str) -> pd.DataFrame:
    if set(before["question_id"]) != set(after["question_id"]):
        raise ValueError(f"{method}: asked other questions than M_t; sample them again")
    columns = ["question_id", "greedy_outcome", "expected_accuracy"]
    units = [name for name in ("cluster", "stratum") if name in before]
    both = before[columns + units].merge(after[columns], on="question_id", suffixes=("_before", "_after"))
    return both.sort_values("question_id", ignore_index=True)


def _states(table: pd.DataFrame) -> States:
    known = (table["greedy_outcome_before"] == "correct").to_numpy(dtype=np.int64)
    outcome = table["greedy_outcome_after"].map(OUTCOMES.index).to_numpy(dtype=np.int64)
    return 4 * known + outcome


def _shares(counts: Floats) -> tuple[Floats, Floats]:
    """Lost, gained and refused, shape (…, 3) of each part, from counts of 4 · known before + outcome after."""
    unknown, known = counts[..., :4], counts[..., 4:]
    scored = known[..., :3].sum(axis=-1), unknown[..., :3].sum(axis=-1)
    moved = (known[..., 1:3].sum(axis=-1), unknown[..., 0], known[..., 2] + unknown[..., 2])
    return np.stack(moved, axis=-1), np.stack([*scored, scored[0] + scored[1]], axis=-1)


def _levels(joined: list[pd.DataFrame]) -> tuple[Floats, States, NDArray[np.bool_]]:
    """The distinct changes of expected accuracy, which of them each question has under each seed, and if it has."""
    changes = [(table["expected_accuracy_after"] - table["expected_accuracy_before"]).round(9) for table in joined]
    wide = np.stack([change.to_numpy(dtype=np.float64) for change in changes], axis=1)
    kept = ~np.isnan(wide).any(axis=1)
    levels, states = np.unique(wide[kept], return_inverse=True)
    return levels, states.reshape(-1, len(joined)).astype(np.int64), kept


def _mean_of(levels: Floats) -> intervals.Statistic:
    return lambda counts: ratio(counts @ levels, counts.sum(axis=-1))[..., None]
