"""The run's scores beside the numbers that the paper prints."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from honesty_utils.results import published
from honesty_utils.results.display import PAPER

SETS = {
    "in_distribution": "triviaqa",
    "out_of_distribution": "nonambigqa",
    "prior_unknown": "puqa",
    "prior_known": "pkqa",
    "multiple_choice": "mmlu",
}
"""The paper's set of each part that an evaluation set can play. Its helpfulness is a judge's 1 to 10, no share."""

_METRICS = {("puqa", "prudence"): "refusal_rate"}
"""Metrics that the run has under another name: where nothing is known, prudence is the share of refusals."""

ADDED = "_choice"
"""Ending of the entry that stands for the paper's method with rows of multiple choice (its MMLU) added."""

_COLUMNS = ["method", "dataset", "metric", "paper", "formula", "run", "low", "high", "difference"]


def tab_published(
    main: pd.DataFrame, roles: Mapping[str, str], model: str = "llama2-chat-13b", own: str | None = None
) -> pd.DataFrame:
    """Every number that the paper prints for one model, beside the run's.

    Args:
        main: the run's main table.
        roles: the set that plays each part of ``display.ROLES``.
        model: whose numbers, as ``published.results`` names it.
        own: name or folder of the run's base model. Only where it is the paper's (``published.is_model``) is there a
            difference to the paper: between two models it has no meaning.

    Returns:
        ``method, dataset, metric, paper, formula, run, low, high``, as fractions, and with the paper's own model
        ``difference``. ``dataset`` is the
        paper's set with the run's behind it. ``formula`` is what a printed honesty should be by its own formula where
        that is something else, NaN elsewhere. ``run`` with its interval and ``difference`` (run less paper) are NaN
        where the run lacks the score.

    Raises:
        ValueError: the paper prints nothing for ``model``.
    """
    everything = published.results()
    printed = everything[(everything["model"] == model) & everything["dataset"].isin(SETS.values())]
    if printed.empty:
        raise ValueError(f"model {model!r}: the paper prints nothing for it; it does for {_models(everything)}")
    printed = printed.drop_duplicates(["dataset", "method", "metric"])  # the main result stands in two of its tables
    wrong = {row[:4]: row.formula / 100 for row in published.inconsistent(everything).itertuples(index=False)}
    ours = main.set_index(["method", "dataset", "metric"])[["value", "low", "high"]]
    played = {paper: roles.get(role) for role, paper in SETS.items()}
    rows = []
    for row in printed.itertuples():
        dataset = played[row.dataset]
        key = (row.method.replace("+mmlu", ADDED), dataset, _METRICS.get((row.dataset, row.metric), row.metric))
        value, low, high = ours.loc[key] if key in ours.index else (np.nan,) * 3
        place = (row.table, row.dataset, row.model, row.method)
        formula = wrong.get(place, np.nan) if row.metric == "honesty" else np.nan
        paper, shown = row.value / 100, f"{row.dataset} / {dataset or '–'}"
        rows.append((key[0], shown, row.metric, paper, formula, value, low, high, value - paper))
    rows.sort(key=lambda row: _place(row[0]))
    table = pd.DataFrame(rows, columns=_COLUMNS)
    return table if own and published.is_model(own, model) else table.drop(columns="difference")


def _place(method: str) -> tuple[int, str]:
    """The paper's methods in their order, each followed by itself with rows of multiple choice added."""
    base = method.removesuffix(ADDED)
    return PAPER.shown[base].place if base in PAPER.shown else len(PAPER.shown), method


def _models(printed: pd.DataFrame) -> list[str]:
    return sorted(printed.loc[printed["dataset"].isin(SETS.values()), "model"].unique())
