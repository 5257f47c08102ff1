"""The labelled refusals and what is measured on them: intervals worked by hand, the data card, empty cases."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from honesty_utils import grading
from honesty_utils.grading import detection, learned
from honesty_utils.grading.languages import CODES

CARD = Path("docs/data/refusals.md")


def test_the_sample_is_large_varied_and_labelled() -> None:
    texts = detection.sample()
    assert list(texts.columns) == list(detection.COLUMNS) and len(texts) >= 800
    assert set(texts["label"]) == set(detection.LABELS)
    assert texts.groupby("kind")["label"].nunique().eq(1).all()
    assert set(texts["family"]) == {*grading.FAMILIES, "trained"} and len(grading.FAMILIES) == 8
    assert set(texts["language"]) == set(CODES) and set(texts["part"]) == set(detection.PARTS)
    assert texts.groupby(["language", "label"]).size().min() >= 20
    assert texts["text"].str.strip().ne("").all() and texts["question"].str.strip().ne("").all()
    assert not texts.duplicated(["question", "text"]).any() and texts["text"].duplicated().sum() <= 1
    # No wording is used over and over: the first five words of a text begin at most a few others.
    openings = texts["text"].str.split().str[:5].str.join(" ")
    assert openings[openings.str.split().str.len() == 5].value_counts().max() <= 4


def test_the_parts_are_halves_of_every_kind_in_every_language() -> None:
    texts = detection.sample()
    sizes = texts.groupby(["language", "kind", "part"]).size().unstack(fill_value=0)
    assert (sizes["develop"] - sizes["test"]).abs().max() <= 1
    develop, test = detection.sample("develop"), detection.sample("test")
    assert len(develop) + len(test) == len(texts) and set(develop["part"]) == {"develop"}
    # No text of one part is in the other, but for "I don't know.", which two families say alike.
    assert len(set(develop["text"]) & set(test["text"])) <= 1
    with pytest.raises(ValueError, match=r"part: 'train'; known: \['develop', 'test'\], or none"):
        detection.sample("train")


def test_the_data_card_counts_what_is_there() -> None:
    texts, card = detection.sample(), CARD.read_text(encoding="utf-8")
    assert f"· {len(texts)} texts ·" in card
    rows = re.findall(r"^\| (refusal|answer|undetermined) \| ([^|]+) \| (\d+) \|", card, re.MULTILINE)
    assert {(label, kind): int(count) for label, kind, count in rows} == texts.groupby(
        ["label", "kind"]
    ).size().to_dict()
    sizes = texts["family"].value_counts()
    assert f"{sizes.drop('trained').min()} to {sizes.drop('trained').max()} texts each" in card
    assert f"`trained` are {sizes['trained']}" in card
    rows = re.findall(r"^\| ([a-z]+) \| ([a-z]{2}) \| (\d+) \| (\d+) \|$", card, re.MULTILINE)
    assert {name: code for name, code, *_ in rows} == {name: code for code, name in CODES.items()}
    parts = texts.groupby(["language", "part"]).size()
    assert {
        (code, part): int(number) for _, code, *both in rows for part, number in zip(detection.PARTS, both, strict=True)
    } == parts.to_dict()


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


def test_undetermined_texts_are_counted_apart() -> None:
    texts = FOUR.assign(label=["refusal", "undetermined", "answer", "undetermined"])

    def detector(question: str, text: str) -> bool:
        return text.startswith("no")

    # Of the clear texts "no" is found and "Ada" passed: no mistake. Of the undetermined ones "no, Ada" is called so.
    assert detection.counts(detector, texts) == detection.Counts(1, 1, 1, 1)
    row = detection.measure({"no": detector}, texts).iloc[0]
    assert row[["precision", "recall", "detected", "undetermined"]].tolist() == [1, 1, 1, 0.5]
    assert np.isnan(detection.measure({"no": detector}, FOUR).iloc[0]["undetermined"])


def test_verdicts_by_hand() -> None:
    texts = FOUR.assign(label=["refusal", "undetermined", "answer", "answer"])
    said = {"no": "refusal", "dunno": "refusal", "Ada": "answer", "no, Ada": "undetermined"}
    table = detection.measure_verdicts({"reader": lambda question, text: said[text]}, texts).set_index("verdict")
    assert table["said"].to_dict() == {"refusal": 2, "answer": 1, "undetermined": 1}
    assert table["precision"].to_dict() == {"refusal": 0.5, "answer": 1, "undetermined": 0}
    assert table["recall"].to_dict() == {"refusal": 1, "answer": 0.5, "undetermined": 0}


def test_the_trained_reader_reads() -> None:
    read = learned.reader()
    assert read("Who?", "I'm sorry, but I don't know who that was.") == "refusal"
    assert read("Who?", "<think>I don't know. Or do I?</think>It was written by Jane Austen in 1813.") == "answer"
    assert read("Who?", "<think>It was Jane") == read("Who?", "") == "undetermined"
    assert learned.reader()("Who?", "Perhaps Ada.") == read("Who?", "Perhaps Ada.")


def test_shares_by_kind() -> None:
    table = detection.by_kind({"no": lambda question, text: "no" in text.split(",")[0].split()}, FOUR)
    assert table.values.tolist() == [
        ["refusal", "plain refusal", 2, 0.5], ["answer", "plain answer", 1, 0.0], ["answer", "hedged answer", 1, 1.0],
    ]  # fmt: skip


def test_the_committed_figures_are_those_of_the_committed_lists_and_sample() -> None:
    table, texts = pd.read_csv("benchmarks/refusals.csv").set_index("detector"), detection.sample("test")
    for name, signs in (
        ("llama2 (the paper's)", grading.PAPER_SIGNS),
        ("german", grading.refusal_signs("german")),
        ("all", grading.refusal_signs("all")),
    ):
        found = detection.measure({name: lambda q, text, s=signs: grading.is_refusal(q, text, signs=s)}, texts)
        pd.testing.assert_series_equal(
            table.loc[name],
            found.set_index("detector").loc[name].round(4),
            check_dtype=False,
            obj="make benchmarks again",
        )


def test_the_trained_reader_is_offered_because_it_beats_signs() -> None:
    row = pd.read_csv("benchmarks/refusals_paired.csv").iloc[0]
    assert row["only_trained on characters"] > row["only_reading, each language's own"] and row["p_value, 1e-4"] < 500
