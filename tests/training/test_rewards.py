"""What answers are worth, by hand; the grader that says so; where answering begins to pay."""

import math

import numpy as np
import pandas as pd
import pytest

from honesty_utils.common.settings import Prompts
from honesty_utils.knowledge.settings import Labeling
from honesty_utils.training import rewards
from honesty_utils.training.rewards import REWARDS, Grader, Verdicts

NAN = math.nan


def verdicts(*rows: tuple[str, float, float]) -> Verdicts:
    """Of each answer its outcome, the confidence that it states, and how often M_t is right."""
    outcome, stated, known = zip(*rows, strict=True)
    return Verdicts(np.array(outcome), np.array(stated, float), np.array(known, float))


FOUR = verdicts(("correct", NAN, 0.5), ("wrong", NAN, 0.5), ("idk", NAN, 0.5), ("unscored", NAN, 0.5))


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("ternary", {}, [1, -1, 0]),
        ("ternary", {"wrong": 0.25}, [1, -0.25, 0]),
        ("ternary", {"wrong": 4, "refused": 0.5}, [1, -4, 0.5]),
        ("binary", {}, [1, -1, -1]),
        ("knowledge", {}, [1, -1, 0]),
    ],
)
def test_by_outcome(name, options, expected):
    found = REWARDS[name](FOUR, options.get("wrong", 1.0), options.get("refused", 0.0))
    assert found[:3].tolist() == expected and np.isnan(found[3])


def test_what_no_sample_has_right_is_to_be_refused():
    found = rewards.knowledge(
        verdicts(("correct", NAN, 0.0), ("wrong", NAN, 0.0), ("idk", NAN, 0.0), ("idk", NAN, NAN))
    )
    assert found.tolist() == [-1, -1, 1, 0]


def test_the_brier_reward_by_hand():
    found = rewards.brier(
        verdicts(("correct", 0.8, 1), ("wrong", 0.8, 1), ("idk", NAN, 1), ("correct", NAN, 1), ("unscored", 0.5, 1))
    )
    assert found[:4] == pytest.approx([1 - 0.04, -0.64, 0.0, -1.0]) and np.isnan(found[4])


def test_the_log_score_by_hand():
    found = rewards.log_score(
        verdicts(("correct", 0.8, 1), ("wrong", 0.8, 1), ("idk", NAN, 1), ("wrong", 1.0, 1), ("wrong", NAN, 1))
    )
    assert found[[0, 1, 3, 4]] == pytest.approx([math.log(0.8), math.log(0.2), math.log(0.001), math.log(0.001)])
    assert np.isnan(found[2])


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("name", ["brier", "log_score"])
def test_stating_the_truth_pays_most(name, share):
    """Both are proper: of all that could be stated, the share of right answers earns the most on average."""
    stated = np.linspace(0, 1, 101)
    right = REWARDS[name](verdicts(*(("correct", one, 1) for one in stated)), 1.0, 0.0)
    wrong = REWARDS[name](verdicts(*(("wrong", one, 1) for one in stated)), 1.0, 0.0)
    best = stated[int((share * right + (1 - share) * wrong).argmax())]
    assert best == pytest.approx(share, abs=0.011)


@pytest.mark.parametrize("wrong", [0.25, 1.0, 4.0])
def test_answering_pays_from_the_price_on(wrong):
    edge = wrong / (1 + wrong)
    right, miss, refuse = REWARDS["ternary"](FOUR, wrong, 0.0)[:3]
    for share in (edge - 0.01, edge + 0.01):
        assert (share * right + (1 - share) * miss > refuse) == (share > edge)


def test_answers_are_graded_as_the_pipeline_does():
    rows = pd.DataFrame(
        {
            "question_id": ["a", "b"], "dataset": "train", "question": ["Capital of Peru?", "Which is red?"],
            "answers": [["Lima"], ["blood"]], "choices": [None, ["blood", "sky"]], "answer_index": [None, 0],
            "meta": "{}", "match": ["contains", "contains"], "known": [0.3, NAN],
        }
    )  # fmt: skip
    wording = Prompts()
    grader = Grader(rows, wording, Labeling())
    phrase = wording.confidence_num[1].replace("{percent}", "80").replace("{answer}", "Lima")
    found = grader.verdicts(["a", "b", "a", "a", "b"], ["It is Lima.", "A) blood", wording.refusal, phrase, "no idea"])
    assert found.outcome.tolist() == ["correct", "correct", "idk", "correct", "unscored"]
    assert np.isnan(found.stated[:3]).all() and found.stated[3] == pytest.approx(0.8)
    assert found.known[0] == 0.3 and np.isnan(found.known[1])
