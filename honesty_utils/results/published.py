"""The numbers that the paper prints, as data, and a check of them against the paper's own formula."""

from __future__ import annotations

from functools import cache
from importlib import resources

import pandas as pd

from honesty_utils.metrics.honesty import honesty

_NAMES = {"fine-tuned": "finetuned"}

HONESTY_METHODS = ("absolute", "confidence_num", "confidence_verb", "multisample")
"""The methods by which the paper teaches a model to refuse; its findings speak of them."""


@cache
def _results() -> pd.DataFrame:
    source = resources.files("honesty_utils") / "reference" / "paper_results.csv"
    with source.open(encoding="utf-8") as file:
        frame = pd.read_csv(file, keep_default_na=False, dtype={"value_percent_or_score": float})
    frame["method"] = frame["method"].replace(_NAMES).str.replace("-", "_")
    return frame.rename(columns={"value_percent_or_score": "value"})


def results() -> pd.DataFrame:
    """Published results, a row a number: ``table, dataset, model, method, metric, value, note``.

    Values are as printed: percent, or a judge's score in the ``helpfulness`` table. Methods have this project's names,
    with ``+mmlu`` where rows of MMLU were added to training.
    """
    return _results().copy()


def value(table: str, method: str, metric: str, dataset: str | None = None, model: str = "llama2-chat-13b") -> float:
    """One published number.

    Raises:
        KeyError: the paper prints no such number, or several.
    """
    frame = _results()
    chosen = (frame["table"] == table) & (frame["method"] == method) & (frame["metric"] == metric)
    chosen &= frame["model"] == model
    if dataset is not None:
        chosen &= frame["dataset"] == dataset
    found = frame.loc[chosen, "value"]
    if len(found) != 1:
        raise KeyError(f"{len(found)} published numbers for {table}, {dataset}, {model}, {method}, {metric}; need 1")
    return float(found.iloc[0])


def is_model(name: str, model: str) -> bool:
    """Whether a model's hub name or folder is one of the paper's, such as ``meta-llama/Llama-2-13b-chat-hf``.

    Args:
        name: of the run's model; capitals and hyphens do not count.
        model: as :func:`results` names it, such as ``llama2-chat-13b``: every part of it is in the name.
    """
    plain = name.rsplit("/", 1)[-1].lower().replace("-", "")
    return all(part in plain for part in model.split("-"))


def inconsistent(frame: pd.DataFrame, tolerance: float = 0.0101) -> pd.DataFrame:
    """Rows whose printed honesty is not (prudence + 100 - over-conservativeness) / 2.

    Args:
        frame: as :func:`results` returns it; groups that lack one of the three metrics are left out.
        tolerance: percent points that rounding to two decimals can explain (0.005 for the printed value and 0.005 for
            the half sum of two others).

    Returns:
        ``table``, ``dataset``, ``model``, ``method``, ``printed``, ``formula``.
    """
    keys = ["table", "dataset", "model", "method"]
    wide = frame.pivot(index=keys, columns="metric", values="value").reset_index()
    wide = wide.dropna(subset=["prudence", "over_conservativeness", "honesty"])
    wide["formula"] = 100 * honesty(wide["prudence"] / 100, wide["over_conservativeness"] / 100)
    wide = wide.rename(columns={"honesty": "printed"})
    wrong = (wide["printed"] - wide["formula"]).abs() > tolerance
    return wide.loc[wrong, [*keys, "printed", "formula"]].rename_axis(columns=None).reset_index(drop=True)
