"""Intervals and paired tests: hand-worked cases, determinism, and coverage on populations whose truth is known."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats

from honesty_utils.metrics import intervals, scores
from honesty_utils.metrics.honesty import ratio

LEVEL = 0.95


def share(counts: np.ndarray) -> np.ndarray:
    """Share of state 1 of two."""
    return ratio(counts[..., 1], counts.sum(axis=-1))[..., None]


def interval(states: np.ndarray, seed: int = 0, resamples: int = 2000) -> intervals.Estimate:
    rng = intervals.generator(seed, "test")
    return intervals.estimate(intervals.sample(states, 2, share, resamples, rng), LEVEL, rng)


# --- generators and resamples -----------------------------------------------------------------------------------------


def test_generators_depend_on_seed_and_names_alone() -> None:
    first = intervals.generator(0, "main", "indist").random(3)
    assert (first == intervals.generator(0, "main", "indist").random(3)).all()
    for seed, names in ((1, ("main", "indist")), (0, ("main", "ood")), (0, ("mainindist",)), (0, ("indist", "main"))):
        assert (first != intervals.generator(seed, *names).random(3)).all()


def test_generators_are_the_same_in_another_process() -> None:
    # Python's own hash of a string differs between processes; this one must not.
    code = "from honesty_utils.metrics import intervals; print(intervals.generator(7, 'a', 'b').integers(10**9))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert int(found) == intervals.generator(7, "a", "b").integers(10**9)


def test_observed_counts_of_a_hand_worked_case() -> None:
    states = np.array([[0, 1], [0, 1], [2, 1]])
    assert intervals.observed_counts(states, 3).tolist() == [[2, 0, 1], [0, 3, 0]]


def test_resamples_keep_questions_together() -> None:
    # Both seeds give every question the same state, so they must in every resample: seeds are not drawn apart.
    column = np.repeat([0, 1, 2], [5, 3, 2])
    counts = intervals.resampled_counts(np.stack([column, column], axis=1), 3, 500, intervals.generator(0, "x"))
    assert counts.shape == (500, 2, 3)
    assert (counts[:, 0] == counts[:, 1]).all()
    assert (counts.sum(axis=-1) == 10).all()


def test_resamples_have_the_mean_and_variance_of_a_multinomial() -> None:
    # 100 questions, 30 in state 1: mean 30, variance 100 · .3 · .7 = 21; the standard error of 20,000 draws is .032.
    states = np.repeat([0, 1], [70, 30])[:, None]
    drawn = intervals.resampled_counts(states, 2, 20_000, intervals.generator(0, "x"))[:, 0, 1]
    assert drawn.mean() == pytest.approx(30, abs=0.13)
    assert drawn.var() == pytest.approx(21, rel=0.04)


def test_the_order_of_questions_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    states = rng.integers(0, 2, size=(40, 3))
    one, other = interval(states), interval(states[rng.permutation(40)])
    assert (one.low, one.high) == (other.low, other.high)


# --- intervals --------------------------------------------------------------------------------------------------------


def test_interval_with_one_seed_is_the_binomial_one() -> None:
    # 300 of 1,000: the percentile interval is within a resample's step of the binomial quantiles.
    found = interval(np.repeat([0, 1], [700, 300])[:, None], resamples=20_000)
    expected = stats.binom.ppf([0.025, 0.975], 1000, 0.3) / 1000
    assert found.value[0] == 0.3
    assert (found.low[0], found.high[0]) == pytest.approx(tuple(expected), abs=0.0015)


def test_seeds_that_differ_widen_the_interval() -> None:
    same = np.repeat([0, 1], [500, 500])[:, None].repeat(3, axis=1)
    apart = np.stack([np.repeat([0, 1], [1000 - ones, ones]) for ones in (400, 500, 600)], axis=1)
    narrow, wide = interval(same), interval(apart)
    assert narrow.value[0] == wide.value[0] == 0.5
    # Between seeds: sd .1, so the t interval of three is .5 ± 4.30 · .1/√3 = .5 ± .248; questions add little.
    assert wide.high[0] - wide.low[0] == pytest.approx(2 * 0.248, rel=0.15)
    assert narrow.high[0] - narrow.low[0] < 0.07


def test_undefined_scores_are_nan_with_nan_ends() -> None:
    def half_undefined(counts: np.ndarray) -> np.ndarray:
        return np.concatenate([np.full((*counts.shape[:-1], 1), np.nan), share(counts)], axis=-1)

    rng = intervals.generator(0, "x")
    drawn = intervals.sample(np.array([[0], [1]]), 2, half_undefined, 100, rng)
    found = intervals.estimate(drawn, LEVEL, rng)
    assert np.isnan([found.value[0], found.low[0], found.high[0]]).all()
    assert found.value[1] == 0.5


def test_a_score_undefined_under_one_seed_is_that_of_the_others() -> None:
    # Reliable accuracy: the first seed refuses everything, the second is right in 3 of 4.
    codes = scores.states(
        ["correct"] * 8, ["idk"] * 4 + ["correct"] * 3 + ["wrong"], [False] * 4 + [True] * 3 + [False]
    )
    states = codes.reshape(2, 4).T
    rng = intervals.generator(0, "x")
    found = intervals.estimate(intervals.sample(states, 32, scores.scores, 500, rng), LEVEL, rng)
    place = scores.METRICS.index("reliable_accuracy")
    assert found.value[place] == 0.75
    assert found.low[place] < 0.75 < found.high[place] <= 1


def test_a_share_of_one_in_every_resample_gets_an_exact_end() -> None:
    # 20 of 20: below it is .025 ** (1 / 20) = .8316 (Clopper and Pearson); a share that varied keeps its interval.
    found = intervals.Estimate(np.array([1.0, 1.0, 0.5]), np.array([1.0, 0.9, 0.5]), np.array([1.0, 1.0, 0.5]))
    exact = intervals.share_with_exact_ends(found, [20, 20, 20], LEVEL)
    assert exact.low == pytest.approx([0.025 ** (1 / 20), 0.9, 0.5]) and exact.high == pytest.approx([1, 1, 0.5])


def test_exact_ends_of_shares_at_the_edge() -> None:
    # 0 of 1,200: 1 - .025^(1/1200) = .003069; scipy's Clopper–Pearson interval agrees. Nothing counted: [0, 1].
    low, high = intervals.exact_ends(np.array([0.0, 1.0, 0.4, 0.0]), np.array([1200.0, 20.0, 10.0, 0.0]), LEVEL)
    assert high[0] == pytest.approx(stats.binomtest(0, 1200).proportion_ci(method="exact").high, rel=1e-9)
    assert low[1] == pytest.approx(stats.binomtest(20, 20).proportion_ci(method="exact").low, rel=1e-9)
    assert (low[0], high[1], low[2], high[2], low[3], high[3]) == (0, 1, 0.4, 0.4, 0, 1)


# --- coverage ---------------------------------------------------------------------------------------------------------

SIMULATIONS = 1200
TOLERANCE = 0.01 + 3 * np.sqrt(0.95 * 0.05 / SIMULATIONS)
"""94 to 96 %, and three standard errors of a share of so many simulations: 92.1 to 97.9 %."""


def coverage(covered: list[bool]) -> float:
    return float(np.mean(covered))


def test_honesty_intervals_cover_the_truth_of_a_known_population() -> None:
    # The 5 likely moves of a question and their probabilities; the truth is the score of the probabilities.
    states = scores.states(
        ["correct", "correct", "wrong", "wrong", "wrong"],
        ["correct", "idk", "correct", "wrong", "idk"],
        [True, False, True, False, False],
    )
    chances = np.array([0.45, 0.15, 0.03, 0.08, 0.29])
    population = np.zeros(scores.NUM_STATES)
    population[states] = chances
    truth = scores.scores(population)
    rng = np.random.default_rng(1)
    covered = []
    for _ in range(SIMULATIONS):
        drawn = intervals.sample(rng.choice(states, size=(400, 1), p=chances), 32, scores.scores, 999, rng)
        found = intervals.estimate(drawn, LEVEL, rng)
        covered.append((found.low <= truth) & (truth <= found.high))
    shares = dict(zip(scores.METRICS, np.mean(covered, axis=0), strict=True))
    for metric in ("prudence", "over_conservativeness", "honesty", "accuracy", "refusal_rate", "reliable_accuracy"):
        assert shares[metric] == pytest.approx(0.95, abs=TOLERANCE), metric


@pytest.mark.parametrize("between_seeds", [0.0, 0.12])
def test_intervals_over_three_seeds_cover_the_mean_of_all_seeds(between_seeds: float) -> None:
    # A question is answered when its ease, the seed's strength and chance add up above 0: half of the time in truth.
    rng = np.random.default_rng(2)
    covered = []
    for _ in range(SIMULATIONS):
        ease, strength = rng.standard_normal((400, 1)), between_seeds * rng.standard_normal((1, 3))
        states = (ease + strength + 0.5 * rng.standard_normal((400, 3)) > 0).astype(np.int64)
        drawn = intervals.sample(states, 2, share, 999, rng)
        found = intervals.estimate(drawn, LEVEL, rng)
        covered.append(bool(found.low[0] <= 0.5 <= found.high[0]))
    assert coverage(covered) == pytest.approx(0.95, abs=TOLERANCE)


def test_paired_differences_cover_theirs_and_reject_as_often_as_they_should() -> None:
    # Methods of equal strength that agree on most questions: the true difference is 0, p < .05 in 5 % of simulations.
    rng = np.random.default_rng(3)
    covered, rejected = [], []
    for _ in range(SIMULATIONS):
        ease = rng.standard_normal((400, 1))
        first, second = ((ease + 0.5 * rng.standard_normal((400, 1)) > 0).astype(np.int64) for _ in range(2))
        samples = intervals.paired_samples(first, second, 2, share, 999, rng)
        found, p_value = intervals.difference(*samples, LEVEL, rng)
        covered.append(bool(found.low[0] <= 0 <= found.high[0]))
        rejected.append(bool(p_value[0] < 0.05))
    assert coverage(covered) == pytest.approx(0.95, abs=TOLERANCE)
    assert coverage(rejected) == pytest.approx(0.05, abs=TOLERANCE)


# --- paired tests -----------------------------------------------------------------------------------------------------


def test_pairing_narrows_the_interval_of_a_difference() -> None:
    # Methods right on the same 500 of 1,000 questions but for 10: unpaired, the half width would be .044.
    first = np.repeat([0, 1], [500, 500])[:, None]
    second = np.repeat([0, 1], [490, 510])[:, None]
    rng = intervals.generator(0, "x")
    found, p_value = intervals.difference(*intervals.paired_samples(first, second, 2, share, 4000, rng), LEVEL, rng)
    assert found.value[0] == pytest.approx(-0.01, rel=1e-9)
    assert found.high[0] - found.low[0] < 0.02
    assert found.high[0] < 0
    # Ten discordant questions: difference .01, standard error √(.01 · .99/1000) = .00315, p = 2(1 - Φ(3.18)) = .0015.
    assert p_value[0] == pytest.approx(0.0015, rel=0.15)


def test_a_method_does_not_differ_from_itself() -> None:
    states = np.random.default_rng(0).integers(0, 2, size=(50, 1))
    rng = intervals.generator(0, "x")
    found, p_value = intervals.difference(*intervals.paired_samples(states, states, 2, share, 500, rng), LEVEL, rng)
    assert (found.value[0], found.low[0], found.high[0], p_value[0]) == (0, 0, 0, 1)


def test_few_seeds_that_differ_make_a_difference_less_certain() -> None:
    rng = np.random.default_rng(0)
    one = rng.integers(0, 2, size=(400, 1))
    steady = np.repeat(np.repeat([0, 1], [100, 300])[:, None], 3, axis=1)
    shaky = np.stack([np.repeat([0, 1], [400 - ones, ones]) for ones in (220, 300, 380)], axis=1)
    p_values = []
    for states in (steady, shaky):
        generator = intervals.generator(0, "x")
        samples = intervals.paired_samples(states, one, 2, share, 2000, generator)
        p_values.append(float(intervals.difference(*samples, LEVEL, generator)[1][0]))
    assert p_values[0] < 1e-6 < 0.01 < p_values[1]


def test_paired_samples_need_the_same_questions() -> None:
    rng = intervals.generator(0, "x")
    with pytest.raises(ValueError, match="3 and 2 questions; a pair needs the same ones in one order"):
        intervals.paired_samples(np.zeros((3, 1), int), np.zeros((2, 1), int), 2, share, 100, rng)


def test_mcnemar_of_a_hand_worked_table() -> None:
    # 8 questions only the first has right, 1 only the second: 2 · (1 + 9)/2⁹ = .0390625; agreement does not count.
    first = np.array([1] * 8 + [0] + [1] * 30 + [0] * 5)[:, None]
    second = np.array([0] * 8 + [1] + [1] * 30 + [0] * 5)[:, None]
    assert intervals.mcnemar(first, second) == pytest.approx(20 / 512, rel=1e-12)
    assert intervals.mcnemar(second, first) == pytest.approx(20 / 512, rel=1e-12)
    assert intervals.mcnemar(first, first) == 1


def test_mcnemar_gives_a_question_one_vote_whatever_its_seeds() -> None:
    # Three seeds that agree are no more evidence than one; pooled they would give .0390625 cubed or so.
    first = np.array([1] * 8 + [0])[:, None]
    second = 1 - first
    assert intervals.mcnemar(first.repeat(3, axis=1), second) == pytest.approx(20 / 512, rel=1e-12)
    # Shares of 2/3 against 1: the question votes for the second method; 1 against 1 does not vote.
    assert intervals.mcnemar([[1, 1, 0], [1, 1, 1]], [[1], [1]]) == 1


def test_mcnemar_leaves_unscored_answers_out() -> None:
    first, second = np.array([[1.0], [1.0], [np.nan]]), np.array([[0.0], [np.nan], [1.0]])
    assert intervals.mcnemar(first, second) == 1  # one vote: p = 1


def test_holm_of_a_hand_worked_case() -> None:
    # Sorted .01, .02, .03, .04: times 4, 3, 2, 1 = .04, .06, .06, .04; never less than the one before.
    assert intervals.holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06], rel=1e-12)
    found = intervals.holm([0.5, np.nan, 0.9])
    assert found[[0, 2]].tolist() == [1, 1] and np.isnan(found[1])
    assert intervals.holm([]).tolist() == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_is_between_no_correction_and_bonferronis(p_values: list[float]) -> None:
    p, adjusted = np.array(p_values), intervals.holm(p_values)
    assert (adjusted >= p).all() and (adjusted <= np.minimum(1, p * len(p)) + 1e-15).all()
    order = np.argsort(p, kind="stable")
    assert (np.diff(adjusted[order]) >= 0).all()
