"""Shares of refusals corrected for the detector's mistakes: by hand, limits, coverage by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from honesty_utils.grading.detection import Counts
from honesty_utils.metrics.corrected import Refused, corrected_honesty, corrected_share, raw_share

GOOD = Counts(found=80, refusals=100, passed=90, answers=100)  # Se .8, Sp .9
HUGE = 10**9
PERFECT = Counts(HUGE, HUGE, HUGE, HUGE)


def test_a_share_by_hand() -> None:
    # (.45 + .9 - 1) / (.8 + .9 - 1) = .35 / .7 = .5: of 200 answers 100 refuse; of these 80 are found, and 10 of the
    # other 100 are taken for refusals: 90 of 200.
    found = corrected_share(Refused(90, 200), GOOD)
    assert (found.raw, found.value, found.unclipped) == pytest.approx((0.45, 0.5, 0.5))
    assert not found.clipped


def test_an_interval_by_hand() -> None:
    # Rates so well known that only q is uncertain: the interval is that of q, moved by the formula. Of 4 in 16, with
    # z = 1.959964 and z² = 3.841459: q = (4 + 1.920729) / 19.841459 = .298402, standard error
    # sqrt(.298402 · .701598 / 19.841459) = .102720, so q is within .298402 ± .201327; less .1, through .7.
    known = Counts(8 * HUGE // 10, HUGE, 9 * HUGE // 10, HUGE)
    found = corrected_share(Refused(4, 16), known)
    assert found.value == pytest.approx((0.25 - 0.1) / 0.7)
    assert found.low == pytest.approx(0.0, abs=1e-3) and found.high == pytest.approx((0.499729 - 0.1) / 0.7, abs=1e-5)


def test_a_value_that_no_share_can_be_is_clipped_and_said() -> None:
    few, many = corrected_share(Refused(2, 100), GOOD), corrected_share(Refused(95, 100), GOOD)
    assert few.clipped and few.value == few.low == 0 and few.unclipped == pytest.approx((0.02 - 0.1) / 0.7)
    assert many.clipped and many.value == many.high == 1 and many.unclipped == pytest.approx(0.85 / 0.7)


def test_honesty_by_hand() -> None:
    # Of 100 unknown questions 66 are called refused, of 100 known ones 24: honesty (.66 + 1 - .24) / 2 = .71.
    # Corrected: (.66 - .1) / .7 = .8 and (.24 - .1) / .7 = .2, honesty (.8 + 1 - .2) / 2 = .8.
    found = corrected_honesty(Refused(24, 100), Refused(66, 100), GOOD)
    assert (found.raw, found.value) == pytest.approx((0.71, 0.8)) and found.low < 0.8 < found.high
    parts = [corrected_share(Refused(number, 100), GOOD).value for number in (66, 24)]
    assert found.value == pytest.approx((parts[0] + 1 - parts[1]) / 2)


def test_a_perfect_detector_changes_nothing() -> None:
    found, raw = corrected_share(Refused(30, 100), PERFECT), raw_share(Refused(30, 100))
    assert (found.value, found.raw, raw.value) == pytest.approx((0.3, 0.3, 0.3))
    assert (found.low, found.high) == pytest.approx((raw.low, raw.high), abs=0.01)
    assert corrected_honesty(Refused(10, 50), Refused(40, 50), PERFECT).value == pytest.approx(0.8)


def test_fewer_labeled_texts_make_the_interval_wider() -> None:
    widths = []
    for scale in (1, 10, 1000):
        found = corrected_share(Refused(450, 1000), Counts(8 * scale, 10 * scale, 9 * scale, 10 * scale))
        assert found.value == pytest.approx(0.5)
        widths.append(found.high - found.low)
    assert widths == sorted(widths, reverse=True) and widths[0] > 3 * widths[2]


def test_rates_that_may_be_chance_leave_everything_open() -> None:
    found = corrected_share(Refused(5, 10), Counts(2, 3, 2, 3))
    assert (found.low, found.high) == (0, 1)
    found = corrected_honesty(Refused(5, 10), Refused(5, 10), Counts(2, 3, 2, 3))
    assert (found.low, found.high) == (0, 1)


@given(
    st.integers(1, 200).flatmap(lambda number: st.tuples(st.integers(0, number), st.just(number))),
    st.integers(51, 100),
    st.integers(51, 100),
)
def test_every_result_is_a_share_within_its_interval(answers: tuple[int, int], found: int, passed: int) -> None:
    result = corrected_share(Refused(*answers), Counts(found, 100, passed, 100))
    assert 0 <= result.low <= result.value <= result.high <= 1
    assert result.clipped == (not 0 <= result.unclipped <= 1)
    mirrored = corrected_share(Refused(answers[1] - answers[0], answers[1]), Counts(passed, 100, found, 100))
    assert (1 - mirrored.value, 1 - mirrored.high, 1 - mirrored.low) == pytest.approx(
        (result.value, result.low, result.high), abs=1e-9
    )


@pytest.mark.parametrize(
    ("share", "sensitivity", "specificity"), [(0.3, 0.8, 0.9), (0.05, 0.9, 0.97), (0.9, 0.6, 0.99)]
)
def test_intervals_cover_as_often_as_they_say(share: float, sensitivity: float, specificity: float) -> None:
    rng, number, labeled = np.random.default_rng(0), 300, 60
    seen = share * sensitivity + (1 - share) * (1 - specificity)
    covered, honest = [], []
    for _ in range(1500):
        detector = Counts(
            int(rng.binomial(labeled, sensitivity)), labeled, int(rng.binomial(labeled, specificity)), labeled
        )
        found = corrected_share(Refused(int(rng.binomial(number, seen)), number), detector)
        covered.append(found.low <= share <= found.high)
        other = int(rng.binomial(number, 1 - specificity))  # known questions, none refused
        both = corrected_honesty(Refused(other, number), Refused(round(found.raw * number), number), detector)
        honest.append(both.low <= (share + 1) / 2 <= both.high)
    assert 0.93 <= np.mean(covered) <= 0.995
    assert 0.93 <= np.mean(honest) <= 0.995


@pytest.mark.parametrize(
    ("detector", "message"),
    [
        (Counts(5, 10, 5, 10), "no better than chance"),
        (Counts(0, 0, 5, 10), "0 of 0 labeled refusals right"),
        (Counts(5, 10, 11, 10), "11 of 10 labeled answers right"),
    ],
)
def test_a_detector_that_corrects_nothing_is_an_error(detector: Counts, message: str) -> None:
    for call in (
        lambda: corrected_share(Refused(1, 2), detector),
        lambda: corrected_honesty(Refused(1, 2), Refused(1, 2), detector),
    ):
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.parametrize("counts", [(1, 0), (0, 0), (3, 2), (-1, 2)])
def test_counts_that_are_no_share_are_errors(counts: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="refused; at least one question"):
        Refused(*counts)
