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


# --- clusters ---------------------------------------------------------------------------------------------------------


def test_single_questions_in_one_stratum_are_resampled_as_ever_to_the_byte() -> None:
    # What was written before there were clusters: a multinomial draw over the patterns of states.
    states = np.random.default_rng(0).integers(0, 3, size=(50, 2))
    patterns, frequency = np.unique(states, axis=0, return_counts=True)
    indicator = (patterns[:, :, None] == np.arange(3)).reshape(len(patterns), -1).astype(np.float64)
    rng = intervals.generator(0, "x")
    drawn = [rng.multinomial(50, frequency / 50, size=size) @ indicator for size in (2000, 500)]
    expected = np.concatenate(drawn).reshape(2500, 2, 3)
    one_stratum = intervals.Clusters.of([f"q{i}" for i in range(50)], ["all"] * 50)
    for clusters in (None, intervals.Clusters.single(50), one_stratum):
        found = intervals.resampled_counts(states, 3, 2500, intervals.generator(0, "x"), clusters)
        assert found.tobytes() == expected.tobytes()


def test_clusters_and_strata_of_a_hand_worked_case() -> None:
    # Ada and Eve were seen twice, Bob once, Cid once for one fact and twice for another, Dan (alone) five times.
    names = ["ada", "ada", "bob", "cid", "cid", "dan", "eve"]
    found = intervals.Clusters.of(names, ["2", "2", "1", "1", "2", "5", "2"])
    assert found.label.tolist() == [0, 0, 1, 2, 2, 3, 4]
    # Bob and Dan are alone in theirs and Cid is of two: these three are taken together.
    assert found.stratum.tolist() == [1, 0, 0, 0, 1]
    assert (found.count, found.freedom, found.alone) == (5, 3, False)
    # One left over goes to the smallest of the others.
    assert intervals.Clusters.of(list("abcdef"), list("112223")).stratum.tolist() == [0, 0, 1, 1, 1, 0]
    assert intervals.Clusters.of(["a"], ["1"]).freedom == 0
    assert intervals.Clusters.of(list("abc"), list("123")).stratum.tolist() == [0, 0, 0]


def test_clusters_stay_together_within_their_strata() -> None:
    # Two strata of three people with two questions each: state 0 for the first stratum, 1 and 2 for the second.
    person, stratum = np.repeat(np.arange(6), 2), np.repeat([0, 1], 6)
    states = np.where(stratum == 0, 0, np.tile([1, 2], 6))[:, None]
    counts = intervals.resampled_counts(
        states, 3, 400, intervals.generator(0, "x"), intervals.Clusters.of(person, stratum)
    )[:, 0]
    assert (counts[:, 0] == 6).all(), "the first stratum keeps its size"
    assert (counts[:, 1] == counts[:, 2]).all() and (counts[:, 1] == 3).all(), "both questions of a person come along"


def test_the_variance_over_clusters_is_the_unbiased_one_of_their_sums() -> None:
    # Shares of four people with two questions each: 0, 1/2, 1, 1: variance .2292 of one, over 4 = .0573 of the mean.
    states = np.array([0, 0, 0, 1, 1, 1, 1, 1])[:, None]
    clusters = intervals.Clusters.of(np.repeat(np.arange(4), 2))
    drawn = intervals.sample(states, 2, share, 40_000, intervals.generator(0, "x"), clusters)
    found = intervals.spread(drawn)
    assert found.variance[0] == pytest.approx(np.var([0, 0.5, 1, 1], ddof=1) / 4, rel=0.03)
    assert found.freedom[0] == 3
    # As if they were eight questions: 5/8 · 3/8 / 7 = .0335.
    alone = intervals.spread(intervals.sample(states, 2, share, 40_000, intervals.generator(0, "x")))
    assert alone.variance[0] == pytest.approx(5 / 8 * 3 / 8 / 7, rel=0.03) and alone.freedom[0] == 7


def test_strata_take_out_what_the_design_has_fixed() -> None:
    # Every person of the first stratum is right, none of the second: nothing is left to chance.
    states = np.repeat([0, 1], 20)[:, None]
    clusters = intervals.Clusters.of(np.repeat(np.arange(20), 2), np.repeat([0, 1], 20))
    drawn = intervals.sample(states, 2, share, 200, intervals.generator(0, "x"), clusters)
    assert drawn.replicates == pytest.approx(0.5)
    assert intervals.spread(drawn).variance[0] == 0, "rounding is no variance"


def test_clusters_must_be_of_the_same_questions() -> None:
    with pytest.raises(ValueError, match="clusters of 2 questions for states of 3; they must be the same"):
        intervals.cluster_counts(np.zeros((3, 1), int), 2, intervals.Clusters.single(2))
    with pytest.raises(ValueError, match="1 strata and 2 clusters; one of each a question is needed"):
        intervals.Clusters.of(["a", "b"], ["1"])


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


def shares_of(states: np.ndarray, clusters: intervals.Clusters | None = None) -> intervals.Estimate:
    def parts(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return counts[..., 1:2], counts.sum(axis=-1, keepdims=True)

    drawn = intervals.sample(states, 2, share, 4000, intervals.generator(0, "x"), clusters)
    return intervals.shares(drawn, intervals.counted(states, 2, parts, clusters), LEVEL)


def test_a_share_of_single_questions_has_wilsons_interval() -> None:
    # 15 of 50; the bootstrap's variance p(1 - p) / (n - 1) makes them 49, t of 49 degrees stands for 1.96.
    found = shares_of(np.repeat([0, 1], [35, 15])[:, None])
    t = stats.t.ppf(0.975, 49)
    middle = (0.3 + t**2 / 98) / (1 + t**2 / 49)
    half = t * np.sqrt(0.3 * 0.7 / 49 + t**2 / (4 * 49**2)) / (1 + t**2 / 49)
    assert (found.low[0], found.high[0]) == pytest.approx((middle - half, middle + half), abs=0.004)
    known = stats.binomtest(15, 50).proportion_ci(method="wilson")
    assert (found.low[0], found.high[0]) == pytest.approx((known.low, known.high), abs=0.01)


@pytest.mark.parametrize("each", [1, 3])
def test_ends_near_0_and_1_move_with_the_count(each: int) -> None:
    # 0, 1, 2, … of 50 people: t² / (50 + t²) = .0747 at none, where Clopper and Pearson have .0711.
    person = np.repeat(np.arange(50), each)
    found = [
        shares_of((person < count)[:, None].astype(np.int64), intervals.Clusters.of(person))
        for count in (0, 1, 2, 3, 5, 10)
    ]
    tops, floors = [one.high[0] for one in found], [one.low[0] for one in found]
    assert tops[0] == pytest.approx(stats.t.ppf(0.975, 49) ** 2 / (50 + stats.t.ppf(0.975, 49) ** 2), rel=1e-9)
    assert (np.diff(tops) > 0).all() and (np.diff(floors) > 0).all() and floors[0] == 0
    turned = shares_of((person >= 2)[:, None].astype(np.int64), intervals.Clusters.of(person))
    assert (turned.low[0], turned.high[0]) == pytest.approx((1 - tops[2], 1 - floors[2]), abs=0.004)


def test_one_of_many_questions_says_no_more_than_none_of_them() -> None:
    # One question of one person in 50: its variance is that of 150 independent questions, but people are 50.
    person = np.repeat(np.arange(50), 3)
    none, one = (
        shares_of((np.arange(150) < count)[:, None].astype(np.int64), intervals.Clusters.of(person)) for count in (0, 1)
    )
    assert one.high[0] >= none.high[0] and one.low[0] > 0


def test_a_share_of_nothing_is_undefined() -> None:
    def parts(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return counts[..., 1:2], counts[..., 1:3].sum(axis=-1, keepdims=True)

    states = np.zeros((5, 1), dtype=np.int64)
    drawn = intervals.sample(states, 3, lambda counts: ratio(*parts(counts)), 100, intervals.generator(0, "x"))
    found = intervals.shares(drawn, intervals.counted(states, 3, parts), LEVEL)
    assert np.isnan([found.value[0], found.low[0], found.high[0]]).all()


def test_the_mean_of_numbers_has_the_t_interval_of_their_clusters() -> None:
    # Sums less the mean .5: -.2 and .2; variance 2 · .08 over 4²: .01; t of 1 degree is 12.7, so that it is cut off.
    values = [0.3, 0.5, 0.5, 0.7]
    found = intervals.mean_of(values, LEVEL, intervals.Clusters.of(["a", "a", "b", "b"]))
    assert (found.value[0], found.low[0], found.high[0]) == pytest.approx((0.5, 0, 1))
    alone = intervals.mean_of(values, LEVEL, intervals.Clusters.single(4))
    assert alone.high[0] - 0.5 == pytest.approx(stats.t.ppf(0.975, 3) * np.std(values, ddof=1) / 2)


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
        found = scores.estimate(drawn, np.full(7, 400.0), LEVEL)
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
        found, p_value = intervals.difference(*samples, LEVEL)
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
    found, p_value = intervals.difference(*intervals.paired_samples(first, second, 2, share, 4000, rng), LEVEL)
    assert found.value[0] == pytest.approx(-0.01, rel=1e-9)
    assert found.high[0] - found.low[0] < 0.02
    assert found.high[0] < 0
    # Ten discordant questions: difference .01, standard error √(.01 · .99/1000) = .00315, p = 2(1 - Φ(3.18)) = .0015.
    assert p_value[0] == pytest.approx(0.0015, rel=0.15)


def test_a_method_does_not_differ_from_itself() -> None:
    states = np.random.default_rng(0).integers(0, 2, size=(50, 1))
    rng = intervals.generator(0, "x")
    found, p_value = intervals.difference(*intervals.paired_samples(states, states, 2, share, 500, rng), LEVEL)
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
        p_values.append(float(intervals.difference(*samples, LEVEL)[1][0]))
    assert p_values[0] < 1e-6 < 0.01 < p_values[1]


def test_paired_samples_need_the_same_questions() -> None:
    rng = intervals.generator(0, "x")
    with pytest.raises(ValueError, match="3 and 2 questions; a pair needs the same ones in one order"):
        intervals.paired_samples(np.zeros((3, 1), int), np.zeros((2, 1), int), 2, share, 100, rng)


def verdict(above: int, below: int, questions: int = 400) -> tuple[float, float]:
    """p-values of this test and of the exact McNemar test, of so many discordant pairs to either side."""
    apart = np.repeat([1, -1, 0], [above, below, questions - above - below])
    # The variance that the bootstrap estimates, without its chance.
    variance = np.array([apart.var(ddof=1) / questions])
    pair = intervals.discordant(apart[:, None] / questions, np.array([float(questions)]))
    found = intervals.Spread(variance + 2 * pair, np.array([questions - 1.0]))
    p_value = 2 * stats.t.sf(abs(apart.mean()) / np.sqrt(found.variance), found.freedom)
    return float(p_value[0]), float(stats.binomtest(above, above + below).pvalue)


def test_few_discordant_pairs_are_judged_as_by_the_exact_test() -> None:
    differ = []
    for total in range(1, 61):
        for above in range((total + 1) // 2, total + 1):
            own, exact = verdict(above, total - above)
            if (own < 0.05) != (exact < 0.05):
                differ.append((above, total - above, exact))
    # Never stricter; where it is less strict, the exact p is just above .05, and there are 14 pairs or more.
    assert differ and min(a + b for a, b, _ in differ) == 14
    assert all(0.05 < exact < 0.065 for _, _, exact in differ)
    # One more table a total: of the totals the exact test, in steps, rejects in no more than 6.4 %.
    assert len({a + b for a, b, _ in differ}) == len(differ)


def test_what_one_discordant_cluster_adds() -> None:
    # Three of ten questions differ, by 1/10 each: 1/100 whichever way; none of 20: as one question of 20 would.
    added = np.zeros((10, 2))
    added[:3, 0] = [0.1, -0.1, 0.1]
    assert intervals.discordant(added, np.array([10.0, 20.0])) == pytest.approx([0.01, 1 / 400])


def test_two_questions_that_differ_are_no_evidence() -> None:
    first, second = np.ones((2, 1), int), np.zeros((2, 1), int)
    samples = intervals.paired_samples(first, second, 2, share, 200, intervals.generator(0, "x"))
    assert intervals.difference(*samples, LEVEL)[1][0] == 0, "without a discordant pair added, nothing varies"
    found, p_value = intervals.difference(*samples, LEVEL, np.array([0.25]))
    assert p_value[0] > 0.3 and found.low[0] < 0


@given(
    seed=st.integers(0, 10_000),
    people=st.integers(2, 12),
    each=st.integers(1, 3),
    seeds=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    strata=st.integers(1, 3),
    ease=st.floats(0.02, 0.98),
    level=st.sampled_from([0.8, 0.95, 0.99]),
)
def test_p_is_below_alpha_where_the_interval_excludes_0_and_nowhere_else(
    seed: int, people: int, each: int, seeds: tuple[int, int], strata: int, ease: float, level: float
) -> None:
    rng, person = np.random.default_rng(seed), np.repeat(np.arange(people), each)
    clusters = intervals.Clusters.of(person, person % strata)
    first = (rng.random((len(person), seeds[0])) < ease).astype(np.int64)
    second = (rng.random((len(person), seeds[1])) < rng.random()).astype(np.int64)
    samples = intervals.paired_samples(first, second, 2, share, 60, rng, clusters)
    found, p_value = intervals.difference(*samples, level, rng.choice([0.0, 0.01]))
    excludes = found.low[0] > 0 or found.high[0] < 0
    assert (p_value[0] < 1 - level) == excludes
    assert found.low[0] <= found.value[0] <= found.high[0]


def test_false_discoveries_of_a_hand_worked_case() -> None:
    # Sorted .01, .02, .03, .04 of four: times 4/1, 4/2, 4/3, 4/4 = .04 each; what is undefined is no test.
    assert intervals.false_discovery([0.04, 0.01, np.nan, 0.03, 0.02])[[0, 1, 3, 4]] == pytest.approx([0.04] * 4)
    assert np.isnan(intervals.false_discovery([0.5, np.nan])).tolist() == [False, True]
    assert intervals.false_discovery([]).tolist() == []


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


def test_false_discoveries_that_are_not_in_order():
    # Of four tests, sorted .01 .03 .04 .20: times 4 / rank .04 .06 .0533 .20, then the least from the right.
    q = intervals.false_discovery([0.01, 0.04, np.nan, 0.03, 0.20])
    assert q == pytest.approx([0.04, 0.16 / 3, np.nan, 0.16 / 3, 0.20], nan_ok=True)
    assert np.isnan(intervals.false_discovery([np.nan])).all()
