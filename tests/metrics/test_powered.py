"""Shares corrected by labels: by hand, coverage on simulated populations, what labels are worth."""

import numpy as np
import pytest

from honesty_utils.metrics import powered


def population(seed, size, labeled, share=0.3, sensitivity=0.8, specificity=0.9):
    rng = np.random.default_rng(seed)
    true = rng.random(size) < share
    said = np.where(true, rng.random(size) < sensitivity, rng.random(size) >= specificity)
    return said, true, np.arange(size) < labeled


def test_a_grader_that_is_right_is_believed_and_narrows_the_interval():
    said, true, known = population(0, 4000, 200, sensitivity=1.0, specificity=1.0)
    found = powered.share(said, true, known)
    # λ is 1 / (1 + n / N) where both agree, up to the chance in 200 labels.
    assert found.weight == pytest.approx(1 / (1 + 200 / 3800), abs=0.1)
    assert found.value == pytest.approx(true.mean(), abs=0.01)
    alone = powered.share(said[:200], true[:200], known[:200])
    assert found.high - found.low < 0.5 * (alone.high - alone.low)


def test_a_grader_that_says_nothing_is_left_aside():
    rng = np.random.default_rng(1)
    true, said, known = rng.random(2000) < 0.4, rng.random(2000) < 0.9, np.arange(2000) < 400
    found = powered.share(said, true, known)
    assert found.weight < 0.1 and found.value == pytest.approx(true[:400].mean(), abs=0.02)
    assert found.raw == pytest.approx(0.9, abs=0.02) and found.labeled == 400
    constant = powered.share(np.ones(2000, bool), true, known)
    assert constant.weight == 0 and constant.value == true[:400].mean()


def test_intervals_hold_the_truth_and_the_raw_share_does_not():
    covered, raw = 0, []
    for seed in range(300):
        said, true, known = population(seed, 1000, 150)
        found = powered.share(said, true, known)
        covered += found.low <= 0.3 <= found.high
        raw.append(found.raw)
    # 95 % of 300 is 285, three standard errors are 11; the grader's own share is .8 * .3 + .1 * .7 on average.
    assert 274 <= covered <= 296
    assert np.mean(raw) == pytest.approx(0.31, abs=0.003)


def test_labels_that_all_agree_leave_an_interval():
    said, known = np.zeros(500, bool), np.arange(500) < 50
    found = powered.share(said, said, known)
    assert found.value == 0 and found.low == 0 and 0 < found.high < 0.1


def test_too_few_labels_and_other_shapes():
    with pytest.raises(ValueError, match="5 labeled answers; 20 are needed"):
        powered.share([True] * 50, [True] * 50, np.arange(50) < 5)
    with pytest.raises(ValueError, match="one of each an answer is needed"):
        powered.share([True], [True, False], [True])
