"""Risk and coverage: worked by hand, against a direct computation, and identities."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from honesty_utils.metrics import selective

# Three levels, ascending: the least sure 1 wrong of 1, then 1 wrong of 2, the surest 0 wrong of 1.
COUNTS = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


def test_risk_by_hand() -> None:
    # The surest quarter is right; half of them holds half of the middle level, so half an error of two answers.
    assert selective.risk_at(COUNTS, [0.25, 0.5, 0.75, 1.0]) == pytest.approx([0, 0.5 / 2, 1 / 3, 2 / 4])


def test_areas_by_hand() -> None:
    # Errors as a function of answers x: 0 up to 1, (x - 1) / 2 up to 3, then 1 + (x - 3).
    # AURC: (int_1^3 (1/2 - 1/(2x)) dx + int_3^4 (1 - 2/x) dx) / 4 = (1 - ln(3) / 2 + 1 - 2 ln(4/3)) / 4
    aurc = (2 - np.log(3) / 2 - 2 * np.log(4 / 3)) / 4
    # In a perfect order the two errors come last: int_2^4 (1 - 2/x) dx / 4 = (2 - 2 ln 2) / 4.
    best = (2 - 2 * np.log(2)) / 4
    # AUGRC: (0 + (0 + 1) / 2 * 2 + (1 + 2) / 2 * 1) / 16
    assert selective.areas(COUNTS) == pytest.approx([aurc, aurc - best, 2.5 / 16])


def test_coverage_at_a_risk_by_hand() -> None:
    assert [float(selective.coverage_at(COUNTS, risk)) for risk in (0.0, 0.3, 0.34, 0.5)] == [0.25, 0.25, 0.75, 1.0]
    assert selective.coverage_at(np.array([[1.0, 0.0]]), 0.5) == 0


levels = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=6)


@given(levels)
def test_areas_agree_with_the_curve(pairs: list[tuple[int, int]]) -> None:
    counts = np.array(pairs, dtype=float)
    if counts.sum() == 0:
        assert np.isnan(selective.areas(counts)).all()
        return
    grid = (np.arange(20_000) + 0.5) / 20_000
    risk = selective.risk_at(counts, grid)
    aurc, excess, augrc = selective.areas(counts)
    assert aurc == pytest.approx(risk.mean(), abs=1e-3)
    assert augrc == pytest.approx((risk * grid).mean(), abs=1e-3)
    assert excess >= -1e-9


@given(levels)
def test_at_full_coverage_risk_is_the_share_of_errors_whatever_the_order(pairs: list[tuple[int, int]]) -> None:
    counts = np.array(pairs, dtype=float)
    expected = counts[:, 0].sum() / counts.sum() if counts.sum() else np.nan
    for order in (counts, counts[::-1]):
        assert selective.risk_at(order, [1.0])[0] == pytest.approx(expected, nan_ok=True)


def test_one_level_has_the_same_risk_everywhere() -> None:
    assert selective.risk_at(np.array([[3.0, 1.0]]), [0.1, 0.5, 1.0]) == pytest.approx([0.75] * 3)
    assert selective.areas(np.array([[3.0, 1.0]]))[0] == pytest.approx(0.75)


def test_leading_axes_are_kept() -> None:
    both = np.stack([COUNTS, COUNTS[::-1]])
    assert selective.risk_at(both, [0.5, 1.0]).shape == (2, 2) and selective.areas(both).shape == (2, 3)
    assert selective.areas(both)[0] == pytest.approx(selective.areas(COUNTS))
