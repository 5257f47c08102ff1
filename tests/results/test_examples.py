"""Examples: a hash deals them out, each kind of answer has its share, points of sweeps stay away."""

from __future__ import annotations

import hashlib

import pandas as pd
import pytest
from support import synthetic
from support.frames import evaluations, pairs

from honesty_utils.results import tables


@pytest.fixture
def found() -> pd.DataFrame:
    moves = pairs(N1=5, N5=3, N8=1, N7=1)
    answers = evaluations(
        {
            ("unaligned", 0): [(before, before) for before, _ in moves],
            ("absolute", 1): moves,
            ("absolute", 0): moves[::-1],
            ("absolute_tau_0.5", 0): moves,
        }
    )
    answers["text"] = answers["method"] + " " + answers["seed"].astype(str) + " " + answers["question_id"]
    questions = pd.DataFrame({"question_id": answers["question_id"].unique()})
    questions["answers"] = [["Paris", "Lutetia"]] * len(questions)
    return tables.tab_examples(answers, {"indist": questions}, "indist", synthetic.ROSTER)


def test_each_way_has_its_share_and_at_most_two_examples_of_the_first_training(found):
    assert set(found["method"]) == {"absolute"}
    kinds = found.groupby(["before", "outcome"])["share"].agg(["first", "size"])
    expected = {("correct", "correct"): (0.5, 2), ("correct", "idk"): (0.1, 1), ("wrong", "idk"): (0.1, 1)}
    expected[("wrong", "wrong")] = (0.3, 2)
    assert {kind: (row["first"], row["size"]) for kind, row in kinds.iterrows()} == expected
    assert found["text"].str.startswith("absolute 0 ").all() and found["text_before"].str.startswith("unaligned").all()
    assert set(found["answers"]) == {"Paris / Lutetia"}


def test_the_hash_of_the_question_chooses(found):
    def order(question: str) -> str:
        return hashlib.sha256(question.encode()).hexdigest()

    # Of the training shown, the last five questions are those that were right and stayed so.
    ids = sorted((f"indist-{number:04d}" for number in range(5, 10)), key=order)[:2]
    right = found[(found["before"] == "correct") & (found["outcome"] == "correct")]
    assert [text.split()[-1] for text in right["text"]] == ids
