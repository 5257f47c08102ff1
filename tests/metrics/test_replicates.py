"""Means over replicates: Student's t by hand, what is undefined, the false discovery rate."""

from __future__ import annotations

import math

import numpy as np
import pytest

from honesty_utils.metrics import replicates


def test_three_worlds_by_hand():
    found = replicates.mean([0.5, 0.6, 0.7], 0.95)
    # Standard error 0.1 / √3 = 0.057735; t of 2 degrees of freedom at 97.5 % is 4.302653.
    assert found.value == pytest.approx(0.6) and found.sd == pytest.approx(0.1) and found.number == 3
    assert (found.low, found.high) == pytest.approx((0.6 - 0.248414, 0.6 + 0.248414), abs=1e-6)
    # With 2 degrees of freedom the tail has a closed form: p = 1 - t / √(t² + 2), t = 0.6 / 0.057735 = 10.3923.
    assert found.p_value == pytest.approx(1 - 10.392305 / math.sqrt(110), abs=1e-7)


def test_interval_and_p_value_agree():
    rng = np.random.default_rng(0)
    for values in rng.normal(0.5, 1, (300, 8)):
        found = replicates.mean(values, 0.95)
        assert (found.low > 0 or found.high < 0) == (found.p_value < 0.05)


def test_what_a_replicate_lacks_is_left_out():
    with_gap, without = replicates.mean([0.2, np.nan, 0.4, 0.3], 0.95), replicates.mean([0.2, 0.4, 0.3], 0.95)
    assert with_gap == without and with_gap.number == 3
    one, none = replicates.mean([0.3], 0.95), replicates.mean([np.nan], 0.95)
    assert one.value == 0.3 and one.number == 1 and np.isnan([one.low, one.high, one.p_value, one.sd]).all()
    assert none.number == 0 and np.isnan(none.value)


def test_equal_replicates_have_no_spread():
    zero, same = replicates.mean([0.0] * 4, 0.95), replicates.mean([0.1] * 3, 0.95)
    assert (zero.value, zero.low, zero.high, zero.p_value) == (0, 0, 0, 1)
    assert (same.value, same.low, same.high, same.sd, same.p_value) == (0.1, 0.1, 0.1, 0.0, 0.0)


def test_intervals_cover_means_as_often_as_they_say():
    rng = np.random.default_rng(1)
    found = [replicates.mean(values, 0.95) for values in rng.normal(0.3, 0.1, (2000, 8))]
    assert 0.935 < np.mean([item.low <= 0.3 <= item.high for item in found]) < 0.965
