"""Scores of sets that say which questions should be refused: by hand, by identities, and published values."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from sklearn.metrics import balanced_accuracy_score, f1_score, precision_score, recall_score

from honesty_utils.metrics import should_refuse
from honesty_utils.metrics.should_refuse import METRICS, NUM_STATES


def scored(should, outcome):
    counts = np.bincount(should_refuse.states(should, outcome), minlength=NUM_STATES).astype(float)
    return dict(zip(METRICS, should_refuse.scores(counts), strict=True))


def test_by_hand():
    # Three should be refused: two are. Five should not: one is, one cannot be read.
    should = [True] * 3 + [False] * 5
    outcome = ["idk", "idk", "wrong", "idk", "correct", "wrong", "correct", "unscored"]
    found = scored(should, outcome)
    assert found["recall"] == pytest.approx(2 / 3) and found["false_alarms"] == pytest.approx(1 / 4)
    assert found["balanced_accuracy"] == pytest.approx((2 / 3 + 3 / 4) / 2)
    assert found["precision"] == pytest.approx(2 / 3) and found["f1"] == pytest.approx(2 / 3)


def test_always_and_never_refusing_have_the_published_scores_of_selfaware():
    should = np.arange(3369) < 1032
    always, never = scored(should, ["idk"] * 3369), scored(should, ["wrong"] * 3369)
    assert round(always["f1"], 3) == 0.469 and always["recall"] == always["false_alarms"] == 1
    assert never["f1"] == 0 and np.isnan(never["precision"])
    assert always["balanced_accuracy"] == never["balanced_accuracy"] == 0.5


def test_nothing_of_one_kind_is_no_score_of_it():
    found = scored([False, False], ["idk", "correct"])
    assert np.isnan(found["recall"]) and np.isnan(found["balanced_accuracy"]) and np.isnan(found["f1"])
    assert found["false_alarms"] == 0.5 and found["precision"] == 0


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["correct", "wrong", "idk"])), min_size=2, max_size=30))
def test_scores_are_scikit_learn_s(answers):
    should, outcome = zip(*answers, strict=True)
    found, refused = scored(should, outcome), [one == "idk" for one in outcome]
    if any(should):
        assert found["recall"] == pytest.approx(recall_score(should, refused))
        assert found["f1"] == pytest.approx(f1_score(should, refused, zero_division=0))
    if any(refused):
        assert found["precision"] == pytest.approx(precision_score(should, refused))
    if len(set(should)) == 2:
        assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(should, refused))


def test_twins_are_right_together_or_not():
    twin = ["a", "a", "b", "b", "c", "c", "d", "d"]
    should = [True, False] * 4
    outcome = ["idk", "wrong", "idk", "idk", "correct", "correct", "idk", "unscored"]
    assert should_refuse.twin_states(twin, should_refuse.states(should, outcome)).tolist() == [1, 0, 0, 2]


@pytest.mark.parametrize(
    "twin, should", [(["a", "a"], [True, True]), (["a"], [True]), (["a"] * 3, [True, False, False])]
)
def test_a_twin_without_a_twin_is_an_error(twin, should):
    with pytest.raises(ValueError, match=r"twin 'a' does not stand for one question"):
        should_refuse.twin_states(twin, should_refuse.states(should, ["idk"] * len(should)))


def test_lengths_and_outcomes_are_held():
    with pytest.raises(ValueError, match="should_refuse has 1 items, outcome 2"):
        should_refuse.states([True], ["idk", "idk"])
    with pytest.raises(ValueError, match="item 0 is 'maybe'"):
        should_refuse.states([True], ["maybe"])
