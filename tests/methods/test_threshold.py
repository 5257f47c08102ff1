"""A threshold on a signal by hand: the best cut, ties, what cannot be judged, confidence."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

from honesty_utils import methods
from honesty_utils.methods.threshold import best, decide, fit_on, logistic

LETTERS = {"c": "correct", "w": "wrong", "i": "idk", "u": "unscored"}


def answers(outcomes: str, values: list[float | None]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "question_id": [f"q{i}" for i in range(len(outcomes))],
            "text": "x",
            "outcome": [LETTERS[letter] for letter in outcomes],
            "likelihood": values,
        }
    )


def fit(outcomes: str, values: list[float | None]) -> dict:
    return fit_on("likelihood")(answers(outcomes, values), None)


CASES = [
    # Parted without a fault between -4 and -2: the middle.
    ("wwcc", [-5, -4, -2, -1], -3, 1.0),
    # Below -2.5: 2 of 3 wrong withheld, 2 of 2 right kept: (2/3 + 1) / 2.
    ("wwcwc", [-5, -3, -2, -1, -1], -2.5, 5 / 6),
    # The same value on both sides of no cut: -2 is right and wrong. Below -2 goes a wrong one, of two.
    ("wwcc", [-3, -2, -2, -1], -2.5, 0.75),
    # Two cuts at .75: below -2.5 (1 of 2 wrong out, both right stay), below -.5 (both out, 1 of 2 stays): the lower.
    ("wcwc", [-3, -2, -1, 0], -2.5, 0.75),
    # The wrong way round: no cut is better than none; the lowest value withholds nothing.
    ("ccww", [-4, -3, -2, -1], -4, 0.5),
    # All alike: no cut.
    ("cw", [-1, -1], -1, 0.5),
    # Refusals, what was not scored and what has no value take no part: as the first case.
    ("wiwcucwc", [-5, -9, -4, -2, -9, -1, None, None], -3, 1.0),
]


@pytest.mark.parametrize(("outcomes", "values", "threshold", "honesty"), CASES)
def test_the_best_threshold(outcomes, values, threshold, honesty):
    found = fit(outcomes, values)
    assert found["threshold"] == threshold and found["honesty"] == pytest.approx(honesty)
    assert json.loads(json.dumps(found)) == found


@given(st.lists(st.tuples(st.integers(-5, 5), st.booleans()), min_size=2, max_size=12))
def test_no_threshold_is_better(pairs):
    value, right = np.array([value for value, _ in pairs], float), np.array([right for _, right in pairs])
    if right.all() or not right.any():
        return

    def honesty(threshold):
        return ((value[~right] < threshold).mean() + (value[right] >= threshold).mean()) / 2

    threshold, found = best(value, right)
    assert found == pytest.approx(honesty(threshold))
    assert found >= max(honesty(other) for other in np.arange(-6, 7) + 0.5) - 1e-12


def test_numbers_between_which_there_is_none():
    low = 1.0
    high = np.nextafter(low, 2)
    threshold, honesty = best(np.array([low, high]), np.array([False, True]))
    assert threshold == high and honesty == 1
    assert best(np.array([-math.inf, 0.0]), np.array([False, True])) == (0.0, 1.0)


ONE_KIND = [
    ("cc", [-1, -2], "2 right and 0 wrong of 2"),
    ("wwi", [-1, -2, -3], "0 right and 2 wrong of 3"),
    ("cwu", [-1, None, -3], "1 right and 0 wrong of 3"),
    ("cw", [None, None], "0 right and 0 wrong of 2"),
]


@pytest.mark.parametrize(("outcomes", "values", "counts"), ONE_KIND)
def test_it_takes_right_and_wrong_answers(outcomes, values, counts):
    message = rf"threshold on 'likelihood': {counts} training answers have a value; it takes some of both: give other"
    with pytest.raises(ValueError, match=message):
        fit(outcomes, values)


def test_what_is_below_is_withheld_and_what_cannot_be_judged_is_not():
    fitted = fit("wwcc", [-5, -4, -2, -1])
    asked = answers("cccc", [-3.1, -3, None, 0]).set_index(pd.Index([7, 5, 3, 1]))
    found = decide(asked, fitted)
    assert found["withheld"].tolist() == [True, False, False, False] and found.index.tolist() == [7, 5, 3, 1]
    confidence = found["confidence"].tolist()
    assert math.isnan(confidence[2]) and confidence[0] < confidence[1] < confidence[3] < 1


def test_confidence_is_the_share_that_is_right_where_the_signal_says_no_more():
    # Two values, 8 of 10 and 2 of 10 right: a logistic curve goes through both shares, but for Platt's smoothing.
    value = np.array([1.0] * 10 + [0.0] * 10)
    right = np.array([True] * 8 + [False] * 2 + [True] * 2 + [False] * 8)
    slope, intercept = logistic(value, right)
    high, low = 11 / 12, 1 / 12  # (10 + 1) / (10 + 2): his targets of ten right and ten wrong ones
    shares = [(8 * high + 2 * low) / 10, (2 * high + 8 * low) / 10]
    assert [1 / (1 + math.exp(-(slope * x + intercept))) for x in (1, 0)] == pytest.approx(shares, abs=1e-4)


def test_confidence_stays_within_bounds_where_a_threshold_makes_no_mistake_and_never_falls():
    slope, intercept = logistic(np.array([-300.0, -200, -20, -10]), np.array([False, False, True, True]))
    assert 0 < slope < 1 and math.isfinite(intercept)
    assert logistic(np.array([-4.0, -3, -2, -1]), np.array([True, True, False, False]))[0] == 0
    assert logistic(np.array([-1.0, -1]), np.array([True, False])) == pytest.approx((0, 0), abs=1e-6)


def test_both_thresholds_are_the_same_functions_on_different_signals():
    likelihood, p_ik = methods.METHODS["likelihood_threshold"].answer, methods.METHODS["p_ik"].answer
    assert likelihood.decide is p_ik.decide is decide
    assert likelihood.fit(answers("wc", [-2, -1]), None)["signal"] == "likelihood"
    assert p_ik.fit(answers("wc", [0.2, 0.6]).rename(columns={"likelihood": "head"}), None)["threshold"] == 0.4
