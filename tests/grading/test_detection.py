"""The labelled refusals and what is measured on them: intervals worked by hand, the data card, empty cases."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from honesty_utils import grading
from honesty_utils.grading import detection

CARD = Path("docs/data/refusals.md")


def test_the_sample_is_large_varied_and_labelled() -> None:
    texts = detection.sample()
    assert list(texts.columns) == list(detection.COLUMNS) and len(texts) >= 300
    assert set(texts["label"]) == set(detection.LABELS)
    assert texts.groupby("kind")["label"].nunique().eq(1).all()
    assert set(texts["family"]) == {*grading.FAMILIES, "trained"}
    assert texts["text"].str.strip().ne("").all() and texts["question"].str.strip().ne("").all()
    assert not texts.duplicated(["question", "text"]).any() and texts["text"].duplicated().sum() <= 1
    # No wording is used over and over: the first five words of a text begin at most a few others.
    openings = texts["text"].str.split().str[:5].str.join(" ")
    assert openings[openings.str.split().str.len() == 5].value_counts().max() <= 4


def test_the_data_card_counts_what_is_there() -> None:
    texts, card = detection.sample(), CARD.read_text(encoding="utf-8")
    assert f"· {len(texts)} texts ·" in card
    rows = re.findall(r"^\| (refusal|answer) \| ([^|]+) \| (\d+) \|", card, re.MULTILINE)
    assert {(label, kind): int(count) for label, kind, count in rows} == texts.groupby(
        ["label", "kind"]
    ).size().to_dict()
    sizes = texts["family"].value_counts()
    assert f"{sizes.drop('trained').min()} to {sizes.drop('trained').max()} texts each" in card
    assert f"`trained` are {sizes['trained']}" in card


FOUR = pd.DataFrame(
    {
        "family": "llama2", "question": "Who?",
        "kind": ["plain refusal", "plain refusal", "plain answer", "hedged answer"],
        "label": ["refusal", "refusal", "answer", "answer"], "text": ["no", "dunno", "Ada", "no, Ada"],
    }
)  # fmt: skip


def test_precision_and_recall_of_a_hand_worked_case() -> None:
    # "no" is found in two texts, one of them a refusal; of two refusals one is found: both 1 of 2. The Wilson interval
    # of 1 of 2 is 1/2 ± z sqrt(1/8 + z²/16) / (1 + z²/2) with z = 1.959964: [0.0945, 0.9055].
    table = detection.measure({"no": lambda question, text: "no" in text.split(",")[0].split()}, FOUR)
    row = table.iloc[0]
    assert row[["precision", "recall", "detected"]].tolist() == [0.5, 0.5, 2]
    ends = row[["precision_low", "precision_high", "recall_low", "recall_high"]].tolist()
    assert ends == pytest.approx([0.0945312, 0.9054688] * 2, abs=1e-6)


def test_a_detector_that_finds_nothing_has_no_precision() -> None:
    row = detection.measure({"never": lambda question, text: False}, FOUR).iloc[0]
    assert np.isnan(row["precision"]) and np.isnan(row["precision_low"]) and row["recall"] == 0
    assert row["recall_low"] == 0 and 0 < row["recall_high"] < 1


def test_shares_by_kind() -> None:
    table = detection.by_kind({"no": lambda question, text: "no" in text.split(",")[0].split()}, FOUR)
    assert table.values.tolist() == [
        ["refusal", "plain refusal", 2, 0.5], ["answer", "plain answer", 1, 0.0], ["answer", "hedged answer", 1, 1.0],
    ]  # fmt: skip


def test_the_committed_figures_are_those_of_the_committed_lists_and_sample() -> None:
    table = pd.read_csv("benchmarks/refusals.csv").set_index("detector")
    for name, signs in (("llama2 (the paper's)", grading.PAPER_SIGNS), ("all", grading.refusal_signs("all"))):
        found = detection.measure(
            {name: lambda q, text, s=signs: grading.is_refusal(q, text, signs=s)}, detection.sample()
        )
        pd.testing.assert_series_equal(
            table.loc[name],
            found.set_index("detector").loc[name].round(4),
            check_dtype=False,
            obj="make benchmarks again",
        )
