"""The field's scores by hand, their published ends, and their intervals in a table."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

from honesty_utils import metrics
from honesty_utils.metrics import scores
from honesty_utils.results import tables
from honesty_utils.results.settings import Analysis
from honesty_utils.results.tables.field import METRICS, field_scores

COUNTS = st.tuples(*[st.integers(0, 30)] * 3).filter(sum)


def test_by_hand():
    counts = [5, 3, 2]
    assert metrics.rely(counts) == pytest.approx(0.5 + 0.2 - 0.04)
    assert metrics.answer_distance(counts) == pytest.approx(((0.3**2 + 0.5**2) / 2) ** 0.5)
    assert metrics.target_score(counts, 0.5) == pytest.approx((5 - 3) / 10) == metrics.truthfulness(counts)
    assert metrics.target_score(counts, 0.75) == pytest.approx((5 - 3 * 3) / 10)
    assert metrics.target_score(counts, 0.9) == pytest.approx((5 - 9 * 3) / 10)


def test_always_refusing_has_the_published_ends():
    assert metrics.answer_distance([0, 0, 7]) == pytest.approx(0.707, abs=5e-4)
    assert metrics.rely([0, 0, 7]) == 0 and metrics.target_score([0, 0, 7], 0.9) == 0
    # Always answering: AED is the error rate.
    assert metrics.answer_distance([6, 4, 0]) == pytest.approx(0.4)


@given(COUNTS)
def test_identities(counts):
    correct, _, refused = (part / sum(counts) for part in counts)
    assert metrics.rely(counts) == pytest.approx((1 - refused) * (correct + refused) + refused * correct)
    assert metrics.target_score(counts, 0) == pytest.approx(correct)
    assert 0 <= metrics.answer_distance(counts) <= 1


def test_refusing_where_there_is_no_answer():
    # Rows now, columns before: of six that M_t knew one is refused, of five that it did not know three.
    grid = np.array([[4, 1, 0], [1, 1, 0], [1, 2, 1]])
    precision, recall, f1 = metrics.abstain_scores(grid)
    assert (precision, recall) == pytest.approx((3 / 4, 3 / 5)) and f1 == pytest.approx(2 * 3 / (4 + 5))
    assert metrics.truthful_rate(grid) == pytest.approx((4 + 3) / 11)
    assert np.isnan(metrics.abstain_scores(np.zeros((3, 3)))).all() and np.isnan(
        metrics.truthful_rate(np.zeros((3, 3)))
    )


def grid_of(right: int, wrong: int, refused_right: int, refused_wrong: int) -> np.ndarray:
    """Of what M_t got right and wrong so many are refused; M_t has refused seven more, which do not count."""
    return np.array([[right - refused_right, wrong - refused_wrong, 0], [0, 0, 0], [refused_right, refused_wrong, 7]])


def test_refusing_at_random_has_a_refusal_index_of_nothing():
    assert metrics.refusal_index(grid_of(60, 40, 30, 20)) == pytest.approx(0, abs=1e-9)
    # Half and half: the share above both medians is 1/4 + asin(r) / 2π, so that .4 of both gives r = sin(.3 π).
    r = np.sin(0.3 * np.pi)
    assert metrics.refusal_index(grid_of(50, 50, 10, 40)) == pytest.approx(6 / np.pi * np.arcsin(r / 2), abs=1e-9)
    assert metrics.refusal_index(grid_of(50, 50, 40, 10)) == pytest.approx(-6 / np.pi * np.arcsin(r / 2), abs=1e-9)
    # All that is refused is wrong: as high as it can be told, however little is refused.
    assert metrics.refusal_index(grid_of(60, 40, 0, 40)) == pytest.approx(1, abs=1e-6)


def test_the_refusal_index_against_scipy():
    from scipy.stats import multivariate_normal, norm

    for r in (-0.8, -0.3, 0.2, 0.6, 0.95):
        wrong, refused = 0.35, 0.2
        ends = [norm.ppf(wrong), norm.ppf(refused)]
        both = multivariate_normal.cdf(ends, cov=[[1, r], [r, 1]])
        counts = 1e6 * np.array([1 - wrong, wrong, refused - both, both])
        assert metrics.refusal_index(grid_of(*counts)) == pytest.approx(6 / np.pi * np.arcsin(r / 2), abs=2e-3)


def test_the_refusal_index_does_not_change_with_how_much_is_refused():
    """One order of the questions by two noisy views of one difficulty, cut at several places: the same index."""
    rng = np.random.default_rng(0)
    hard = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 200_000)
    wrong = hard[:, 0] > 0.5
    found = []
    for cut in (-0.5, 0.5, 1.5):
        refused = hard[:, 1] > cut
        found.append(float(metrics.refusal_index(grid_of(*map(int, (
            (~wrong).sum(), wrong.sum(), (refused & ~wrong).sum(), (refused & wrong).sum()
        ))))))  # fmt: skip
    assert found == pytest.approx([6 / np.pi * np.arcsin(0.3)] * 3, abs=0.02)


@pytest.mark.parametrize(
    ("counts", "index"),
    [((60, 40, 0, 10), 1), ((90, 10, 0, 5), 1), ((90, 10, 5, 10), 1), ((60, 40, 10, 0), -1), ((20, 80, 20, 70), -1)],
)
def test_where_a_cell_is_empty_the_index_is_at_its_end(counts, index):
    """All that is refused is wrong, or all that is wrong is refused, or the other way round."""
    assert metrics.refusal_index(grid_of(*counts)) == pytest.approx(index, abs=1e-12)


@pytest.mark.parametrize("counts", [(50, 50, 0, 0), (50, 50, 50, 50), (50, 0, 10, 0), (0, 50, 0, 10), (0, 0, 0, 0)])
def test_a_refusal_index_that_cannot_be_told(counts):
    assert np.isnan(metrics.refusal_index(grid_of(*counts)))
    both = metrics.refusal_index(np.stack([grid_of(*counts), grid_of(60, 40, 30, 20)]))
    assert np.isnan(both[0]) and both[1] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("target", [-0.1, 1.0, 2.0])
def test_a_target_that_is_none(target):
    with pytest.raises(ValueError, match=r"target is .*; allowed: at least 0 and below 1"):
        metrics.target_score([1, 1, 1], target)


def test_states_give_the_same_as_counts():
    before, after = (
        ["correct"] * 6 + ["wrong"] * 4 + ["idk"],
        ["correct"] * 4 + ["wrong", "idk", "correct", "wrong", "idk", "idk", "idk"],
    )
    states = scores.states(before, after, [False] * 11)
    found = dict(zip(METRICS, field_scores(np.bincount(states, minlength=32).astype(float)), strict=True))
    grid = metrics.transitions(before, after)
    assert found["rely"] == metrics.rely(grid.sum(axis=1)) and found["truthful_rate"] == metrics.truthful_rate(grid)
    assert found["abstain_recall"] == metrics.abstain_scores(grid)[1] == pytest.approx(3 / 5)


def test_the_table_has_intervals_and_controls_and_leaves_out_what_cannot_be_told():
    ids = [f"q{place:02d}" for place in range(40)]
    rows = pd.DataFrame({"question_id": ids, "outcome": ["correct", "wrong", "idk", "idk"] * 10, "matched": False})
    rows = rows.assign(method="mine", seed=0, dataset="set", before=["correct", "wrong"] * 20)
    found = tables.tab_field(rows, Analysis(resamples=1000)).set_index(["method", "metric"])
    own = found.loc["mine"]
    assert set(own.index) == set(METRICS) and (own["low"] <= own["value"]).all() and (own["value"] <= own["high"]).all()
    assert found.loc[("always_refuse", "answer_distance"), "value"] == pytest.approx(0.707, abs=5e-4)
    assert found.loc[("never_refuse", "answer_distance"), "value"] == pytest.approx(0.5)
    alone = tables.tab_field(rows.assign(before="unscored"), Analysis(resamples=1000))
    assert set(alone["method"]) == {"mine"} and not {"abstain_f1", "truthful_rate"} & set(alone["metric"])
