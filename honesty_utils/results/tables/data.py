"""Tables of what M_t knows and of what the methods were trained on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from honesty_utils import questions
from honesty_utils.common import records
from honesty_utils.common.paths import Run
from honesty_utils.evaluation import frames
from honesty_utils.methods import METHODS
from honesty_utils.methods.settings import MethodEntry
from honesty_utils.metrics import intervals
from honesty_utils.metrics.honesty import Floats, ratio
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.settings import Analysis


def tab_knowledge(knowledge: Mapping[str, pd.DataFrame], analysis: Analysis) -> pd.DataFrame:
    """What M_t knows of each set.

    Args:
        knowledge: a KNOWLEDGE table for each set, with its clusters (``frames.load_knowledge``).
        analysis: resamples, level and seed of the interval.

    Returns:
        ``dataset, questions, known, unknown, refused, unscored, expected_accuracy, low, high``: questions by the
        ``known`` column (``unscored`` greedy answers apart), greedy refusals, and the mean expected accuracy with its
        interval over clusters of questions (NaN for a set that was not sampled).
    """
    rows = []
    for dataset, table in knowledge.items():
        unscored = table["greedy_outcome"] == "unscored"
        known = table["known"].astype(bool)
        rows.append(
            {
                "dataset": dataset,
                "questions": len(table),
                "known": int((known & ~unscored).sum()),
                "unknown": int((~known & ~unscored).sum()),
                "refused": int((table["greedy_outcome"] == "idk").sum()),
                "unscored": int(unscored.sum()),
                **_mean_interval(table.dropna(subset="expected_accuracy"), dataset, analysis),
            }
        )
    return pd.DataFrame(rows)


def _mean_interval(table: pd.DataFrame, dataset: str, analysis: Analysis) -> dict[str, float]:
    if table.empty:
        return {"expected_accuracy": np.nan, "low": np.nan, "high": np.nan}
    values = table.sort_values("question_id")["expected_accuracy"]
    levels, states = np.unique(values.to_numpy(dtype=np.float64), return_inverse=True)
    rng = intervals.generator(analysis.seed, "knowledge", dataset)

    def mean(counts: Floats) -> Floats:
        return ratio(counts @ levels, counts.sum(axis=-1))[..., None]

    units = frames.clusters(table)
    drawn = intervals.sample(states[:, None], len(levels), mean, analysis.resamples, rng, units)
    estimate = intervals.estimate(drawn, analysis.confidence_level, rng)
    return {
        "expected_accuracy": float(estimate.value[0]),
        "low": float(estimate.low[0]),
        "high": float(estimate.high[0]),
    }


def tab_overlap(train: pd.DataFrame, sets: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Evaluation questions that the training questions hold, word for word or in other words.

    Args:
        train: a QUESTIONS table, what M_t was asked for training rows.
        sets: a QUESTIONS table for each evaluation set.

    Returns:
        ``dataset, questions, exact, near, share``: questions with the text of a training question, further ones that
        read like one with the same answer (see ``questions.overlap``), and the share of both.
    """
    found = {dataset: questions.overlap(train, table) for dataset, table in sets.items()}
    rows = [
        (dataset, item.questions, item.exact, item.near, len(item.pairs) / max(item.questions, 1))
        for dataset, item in found.items()
    ]
    return pd.DataFrame(rows, columns=["dataset", "questions", "exact", "near", "share"])


def load_rows(run: Run, entries: Mapping[str, MethodEntry]) -> dict[str, pd.DataFrame]:
    """The SFT rows of every method that trains on such, by its name; of an earlier stage by ``<method>.<stage>``.

    Raises:
        RecordError: rows are missing or not of their schema.
    """
    stages = {name: METHODS[entry.method].stages for name, entry in entries.items() if entry.model_of is None}
    files = {
        name if stage is of[-1] else f"{name}.{stage.name}": run.sft(name, None if stage is of[-1] else stage.name)
        for name, of in stages.items()
        for stage in of
        if stage.objective == "sft"
    }
    return {name: records.read(records.SFT, file) for name, file in files.items()}


def tab_sft(sft: Mapping[str, pd.DataFrame], roster: Roster = PAPER) -> pd.DataFrame:
    """What each method is trained on.

    Args:
        sft: the SFT table of each method.
        roster: the methods of the run.

    Returns:
        ``method, rows, questions, refusals, refusal_share, confidence``: the last is the mean stated confidence of the
        rows that state one, NaN when none does.
    """
    rows = [
        {
            "method": method,
            "rows": len(sft[method]),
            "questions": sft[method]["question_id"].nunique(),
            "refusals": int(sft[method]["is_refusal"].sum()),
            "refusal_share": float(sft[method]["is_refusal"].mean()),
            "confidence": float(sft[method]["confidence"].astype("float64").mean()),
        }
        for method in roster.ordered(sft)
    ]
    return pd.DataFrame(rows)


def tab_exposures(evaluations: pd.DataFrame, dataset: str, analysis: Analysis) -> pd.DataFrame:
    """Mean expected accuracy of M_t for each number of times that a fact was seen.

    Args:
        evaluations: as ``frames.load`` returns it; needs questions with exposures and samples.
        dataset: the set to look at.
        analysis: resamples, level and seed of the intervals.

    Returns:
        ``exposures, expected_accuracy, low, high, questions``; no rows when the set has no exposures or no samples.
    """
    exposures, accuracies, states, units = _exposure_states(evaluations, dataset)
    columns = ["exposures", "expected_accuracy", "low", "high", "questions"]
    if not len(states):
        return pd.DataFrame(columns=columns)
    shape = (len(exposures), len(accuracies))
    rng = intervals.generator(analysis.seed, "exposures", dataset)

    def means(counts: Floats) -> Floats:
        grid = counts.reshape(*counts.shape[:-1], *shape)
        return ratio(grid @ accuracies, grid.sum(axis=-1))

    drawn = intervals.sample(states, shape[0] * shape[1], means, analysis.resamples, rng, units)
    estimate = intervals.estimate(drawn, analysis.confidence_level, rng)
    questions = np.bincount(states[:, 0] // shape[1], minlength=shape[0])
    content = (exposures, estimate.value, estimate.low, estimate.high, questions)
    return pd.DataFrame(dict(zip(columns, content, strict=True)))


def tab_rank(evaluations: pd.DataFrame, analysis: Analysis) -> pd.DataFrame:
    """Spearman's rank correlation of expected accuracy with exposures on each set that has both.

    Returns:
        ``dataset, spearman, low, high, questions``; NaN where one of the two is constant.
    """
    rows = []
    for dataset in evaluations["dataset"].unique():
        exposures, accuracies, states, units = _exposure_states(evaluations, dataset)
        if not len(states):
            continue
        shape = (len(exposures), len(accuracies))
        rng = intervals.generator(analysis.seed, "rank", dataset)

        def spearman(counts: Floats, shape: tuple[int, int] = shape) -> Floats:
            return grid_spearman(counts.reshape(*counts.shape[:-1], *shape))[..., None]

        drawn = intervals.sample(states, shape[0] * shape[1], spearman, analysis.resamples, rng, units)
        estimate = intervals.estimate(drawn, analysis.confidence_level, rng, lowest=-1.0)
        rows.append((dataset, *np.concatenate([estimate.value, estimate.low, estimate.high]), len(states)))
    return pd.DataFrame(rows, columns=["dataset", "spearman", "low", "high", "questions"])


def _exposure_states(
    evaluations: pd.DataFrame, dataset: str
) -> tuple[Floats, Floats, intervals.States, intervals.Clusters]:
    """Distinct exposures and expected accuracies, for each question its cell of their grid (questions, 1), clusters."""
    part = evaluations[evaluations["dataset"] == dataset].drop_duplicates("question_id")
    part = part.dropna(subset=["exposures", "expected_accuracy"]).sort_values("question_id")
    exposures, row = np.unique(part["exposures"].to_numpy(dtype=np.float64), return_inverse=True)
    accuracies, column = np.unique(part["expected_accuracy"].to_numpy(dtype=np.float64), return_inverse=True)
    return exposures, accuracies, (row * len(accuracies) + column)[:, None], frames.clusters(part)


def grid_spearman(counts: Floats) -> Floats:
    """Spearman's correlation (ties share their mean rank) of pairs counted in a grid of two ordered variables.

    Args:
        counts: shape (…, values of one, values of the other), ascending.

    Returns:
        Shape (…); NaN where a variable is constant.
    """
    rows, columns = _centered_ranks(counts.sum(axis=-1)), _centered_ranks(counts.sum(axis=-2))
    product = (counts * rows[..., :, None] * columns[..., None, :]).sum(axis=(-1, -2))
    squares = (counts.sum(axis=-1) * rows**2).sum(axis=-1) * (counts.sum(axis=-2) * columns**2).sum(axis=-1)
    return ratio(product, np.sqrt(squares))


def _centered_ranks(counts: Floats) -> Floats:
    """Mean rank of each value less the mean of all ranks."""
    return np.cumsum(counts, axis=-1) - counts / 2 - counts.sum(axis=-1, keepdims=True) / 2
