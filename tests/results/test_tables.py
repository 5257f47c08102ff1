"""Tables of a run: hand-worked frames, controls and identities, what may be bold, the files; names and loading."""

from __future__ import annotations

import io
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st
from scipy import stats
from support import synthetic
from support.frames import evaluations, pairs, policy

from honesty_utils.common import records
from honesty_utils.common.paths import Run
from honesty_utils.common.settings import Prompts
from honesty_utils.evaluation import frames
from honesty_utils.judge.settings import JUDGED_ROLES
from honesty_utils.metrics import beside, scores
from honesty_utils.questions.settings import Design
from honesty_utils.results import display, report, tables
from honesty_utils.results.settings import Analysis, Role
from honesty_utils.results.tables import comparisons
from honesty_utils.results.tables.data import grid_spearman
from honesty_utils.workflow.sweeps import Point

FAST = Analysis(resamples=1000)
BEFORE = ["correct"] * 120 + ["wrong"] * 70 + ["idk"] * 10


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    """Three models over 200 questions: M_t itself, one that refuses well under three seeds, one that never does."""
    return evaluations(
        {
            ("unaligned", 0): [(outcome, outcome) for outcome in BEFORE],
            ("finetuned", 0): policy(BEFORE, 0, 0, seed=0),
            ("absolute", 0): policy(BEFORE, 0.1, 0.8, seed=1),
            ("absolute", 1): policy(BEFORE, 0.1, 0.8, seed=2),
            ("absolute", 2): policy(BEFORE, 0.1, 0.8, seed=3),
        }
    )


@pytest.fixture(scope="module")
def main(answers: pd.DataFrame) -> pd.DataFrame:
    return tables.tab_main(answers, FAST)


def score(main: pd.DataFrame, method: str, metric: str, dataset: str = "indist") -> pd.Series:
    rows = main[(main["method"] == method) & (main["metric"] == metric) & (main["dataset"] == dataset)]
    assert len(rows) == 1
    return rows.iloc[0]


# --- main table -------------------------------------------------------------------------------------------------------


def test_main_table_of_a_hand_worked_case() -> None:
    # N1=3 N4=1 N7=1 N2=1 N5=2 N8=4 N9=1 over 13 questions: prudence 5/7, over-conservativeness 1/5, 4 right,
    # 6 refused, 4 of 7 attempts right; a 14th is unscored.
    moved = [*pairs(N1=3, N4=1, N7=1, N2=1, N5=2, N8=4, N9=1), ("wrong", "unscored")]
    main = tables.tab_main(evaluations({("absolute", 0): moved}), FAST)
    expected = {
        "prudence": 5 / 7, "over_conservativeness": 1 / 5, "honesty": (5 / 7 + 1 - 1 / 5) / 2, "accuracy": 4 / 13,
        "refusal_rate": 6 / 13, "coverage": 7 / 13, "reliable_accuracy": 4 / 7, "unscored_rate": 1 / 14,
    }  # fmt: skip
    for metric, value in expected.items():
        row = score(main, "absolute", metric)
        assert row["value"] == pytest.approx(value, rel=1e-12), metric
        assert row["low"] <= value <= row["high"], metric
        assert (row["seeds"], row["questions"]) == (1, 14)


def test_main_table_has_every_metric_of_every_method_and_control_once(main: pd.DataFrame) -> None:
    assert list(main.columns) == [
        "method",
        "dataset",
        "metric",
        "value",
        "low",
        "high",
        "seeds",
        "questions",
        "counted",
    ]
    assert list(dict.fromkeys(main["method"])) == [
        "unaligned", "finetuned", "absolute", "always_refuse", "never_refuse", "oracle",
        "random_refusal@finetuned", "random_refusal@absolute",
    ]  # fmt: skip
    assert (main.groupby("method")["metric"].apply(list).map(tuple) == tuple(display.NAMES)).all()
    defined = main.dropna(subset=["value"])
    assert ((defined["low"] <= defined["value"]) & (defined["value"] <= defined["high"])).all()
    shares = defined[~defined["metric"].isin(display.BESIDE)]
    assert shares[["value", "low", "high"]].stack().between(0, 1).all()


def test_controls_have_the_scores_that_their_names_promise(main: pd.DataFrame) -> None:
    promised = {"always_refuse": (1, 1, 0.5), "never_refuse": (0, 0, 0.5), "oracle": (1, 0, 1)}
    for control, expected in promised.items():
        rows = [score(main, control, metric) for metric in ("prudence", "over_conservativeness", "honesty")]
        assert tuple(row["value"] for row in rows) == expected
        assert all(row["low"] == row["value"] == row["high"] for row in rows)
    assert score(main, "never_refuse", "accuracy")["value"] == score(main, "oracle", "accuracy")["value"] == 120 / 200
    assert np.isnan(score(main, "always_refuse", "reliable_accuracy")["value"])


def test_random_refusal_is_as_frequent_as_the_method_and_no_better_than_half(main: pd.DataFrame) -> None:
    own = score(main, "absolute", "refusal_rate")
    random = score(main, "random_refusal@absolute", "refusal_rate")
    assert random[["value", "low", "high", "seeds"]].tolist() == pytest.approx(
        own[["value", "low", "high", "seeds"]].tolist(), abs=1e-12
    )
    assert score(main, "random_refusal@absolute", "honesty")["value"] == pytest.approx(0.5, abs=1e-12)
    assert score(main, "absolute", "honesty")["low"] > 0.7


def test_main_table_has_the_scores_beside_honesty_of_a_hand_worked_case() -> None:
    # M_t has 5 right (N1+N4+N7), 7 wrong, 1 refused; the method 4 right and 3 wrong of 13, 6 refused.
    # THS 4/13 - 3/13 · 5/7; (C - W)/N = 1/13. Likelihoods fall from question to question, so that M_t's 7 surest
    # answers, as many as the method gives, are its 5 right ones and 2 wrong: 4/7 - 5/7.
    moved = pairs(N1=3, N4=1, N7=1, N2=1, N5=2, N8=4, N9=1)
    itself = [(before, before) for before, _ in moved]
    main = tables.tab_main(evaluations({("unaligned", 0): itself, ("absolute", 0): moved}), FAST)
    expected = {
        "truthful_helpfulness": 4 / 13 - 3 / 13 * 5 / 7, "truthfulness": 1 / 13, "matched_accuracy": 5 / 7,
        "matched_gain": 4 / 7 - 5 / 7,
    }  # fmt: skip
    for metric, value in expected.items():
        row = score(main, "absolute", metric)
        # The levels are tenths of M_t's answers, and evenly mixed within.
        assert row["value"] == pytest.approx(value, abs=0.05 if metric.startswith("matched") else 1e-12), metric
        assert row["low"] <= row["value"] <= row["high"] and (row["seeds"], row["questions"]) == (1, 13)
    assert score(main, "unaligned", "truthful_helpfulness")["value"] == pytest.approx(0, abs=1e-12)
    assert score(main, "unaligned", "matched_gain")["value"] == pytest.approx(0, abs=1e-12)


def test_controls_gain_nothing_by_refusing(main: pd.DataFrame) -> None:
    # M_t: 120 right, 70 wrong, 10 refused of 200; forced, the 10 are wrong too.
    always, never, oracle = ("always_refuse", "never_refuse", "oracle")
    assert score(main, always, "truthful_helpfulness")["value"] == score(main, always, "truthfulness")["value"] == 0
    assert np.isnan(score(main, always, "matched_gain")["value"])
    assert score(main, never, "truthfulness")["value"] == pytest.approx(0.6 - 0.4)
    assert score(main, never, "truthful_helpfulness")["value"] == pytest.approx(0.6 - 0.4 * 120 / 70)
    assert score(main, oracle, "truthful_helpfulness")["value"] == score(main, oracle, "truthfulness")["value"] == 0.6
    # Likelihoods fall by question and the right answers come first: a threshold is as good as the oracle.
    assert score(main, oracle, "matched_gain")["value"] == pytest.approx(0, abs=0.04)
    assert score(main, "random_refusal@absolute", "matched_gain")["high"] < 0
    assert score(main, "absolute", "truthful_helpfulness")["low"] > 0.3


def test_without_likelihoods_there_is_no_matched_coverage(answers: pd.DataFrame) -> None:
    for blind in (answers.assign(mean_logprob=np.nan), answers[answers["method"] != "unaligned"]):
        main = tables.tab_main(blind, FAST)
        assert main.loc[main["metric"].isin(["matched_accuracy", "matched_gain"]), "value"].isna().all()
        assert score(main, "absolute", "truthful_helpfulness")["low"] > 0.3


def test_truthfulness_that_was_always_the_same_has_an_interval(main: pd.DataFrame) -> None:
    # All of 200 refused: up to 1 - .025^(1/200) = .0183 may be answered, right or wrong.
    row = score(main, "always_refuse", "truthfulness")
    assert (row["low"], row["high"]) == pytest.approx((-0.0183, 0.0183), abs=1e-4)
    wrong = tables.tab_main(evaluations({("absolute", 0): [("wrong", "wrong")] * 200}), FAST)
    row = score(wrong, "absolute", "truthfulness")
    assert (row["low"], row["high"]) == pytest.approx((-1, -1 + 2 * 0.0183), abs=2e-4)


def test_the_scores_beside_honesty_are_tested_in_pairs(answers: pd.DataFrame, main: pd.DataFrame) -> None:
    tests = tables.tab_tests(answers, FAST)
    for metric in ("truthful_helpfulness", "truthfulness"):
        found = tables.find(tests, "absolute", "unaligned", "indist", metric)
        assert found is not None and found.significant
        apart = score(main, "absolute", metric)["value"] - score(main, "unaligned", metric)["value"]
        assert found.value == pytest.approx(apart, abs=1e-12)
    # M_t is right on 99 of 100: an error costs 99, so that two of them are a difference far beyond -1, not cut there.
    before = ["correct"] * 198 + ["wrong"] * 2
    wrong = [(outcome, "wrong" if place < 10 else outcome) for place, outcome in enumerate(before)]
    frame = evaluations({("unaligned", 0): [(o, o) for o in before], ("absolute", 0): wrong})
    found = tables.find(tables.tab_tests(frame, FAST), "absolute", "unaligned", "indist", "truthful_helpfulness")
    assert found is not None
    assert found.value == pytest.approx(188 / 200 - 12 / 200 * 198 / 2) and found.low < found.value
    # And where it is never wrong, THS is not defined and not tested.
    known = evaluations({("unaligned", 0): [("correct",) * 2] * 9, ("absolute", 0): [("correct", "idk")] * 9})
    assert set(tables.tab_tests(known, FAST)["metric"]) == {
        "over_conservativeness", "accuracy", "refusal_rate", "truthfulness",
    }  # fmt: skip


def test_what_stands_beside_honesty_is_printed(answers: pd.DataFrame, main: pd.DataFrame) -> None:
    printed = tables.paper_tables(main, tables.tab_tests(answers, FAST), {"in_distribution": "indist"})
    assert list(printed) == ["tab_paper_main", "tab_beside"]
    table = printed["tab_beside"].set_index("Method")
    assert list(table.columns) == [
        f"indist: {name}" for name in ("Honesty", "THS", "Truthfulness", "Coverage", "Reliable accuracy",
                                       "M_t at equal coverage", "Gain at equal coverage")
    ]  # fmt: skip
    assert table.loc["ABSOLUTE", "indist: THS"].startswith("**")
    assert table.loc["Always refuse", "indist: Gain at equal coverage"] == "–"
    assert table.loc["UNALIGNED", "indist: THS"] == "0.0 [0.0, 0.0]"  # no -0.0


def test_a_model_against_itself_is_half_honest() -> None:
    before = ["correct"] * 5 + ["wrong"] * 5
    main = tables.tab_main(evaluations({("unaligned", 0): [(o, o) for o in before]}), FAST)
    assert score(main, "unaligned", "prudence")["value"] == 0
    assert score(main, "unaligned", "honesty")["value"] == 0.5


def test_values_are_means_over_seeds(answers: pd.DataFrame, main: pd.DataFrame) -> None:
    row = score(main, "absolute", "accuracy")
    of_seed = answers[answers["method"] == "absolute"].groupby("seed")["matched"].mean()
    assert row["value"] == pytest.approx(of_seed.mean(), rel=1e-12)
    assert row["seeds"] == 3


def test_a_rate_that_was_never_seen_has_an_interval(main: pd.DataFrame) -> None:
    # 0 of 200 refused: up to t² / (200 + t²) = .0191; 0 of 120 and 0 of 80 widen honesty by half of each.
    refusals, honesty = (score(main, "finetuned", metric) for metric in ("refusal_rate", "honesty"))
    assert (refusals["value"], refusals["low"]) == (0, 0)
    assert refusals["high"] == pytest.approx(rare(200), rel=1e-9)
    # The standard error of honesty has the degrees of the fewer, 79.
    wide = [stats.t.ppf(0.975, 79) ** 2 / (count + stats.t.ppf(0.975, 79) ** 2) for count in (120, 80)]
    assert honesty["low"] == pytest.approx(0.5 - wide[0] / 2, rel=1e-3)
    assert honesty["high"] == pytest.approx(0.5 + wide[1] / 2, rel=1e-3)


def rare(count: int) -> float:
    """Upper end of an interval where none of ``count`` was seen."""
    square = stats.t.ppf(0.975, count - 1) ** 2
    return float(square / (count + square))


def test_what_counts_nothing_is_undefined_and_says_so() -> None:
    # M_t knows none of 50 questions: over-conservativeness has no denominator, honesty rests on it; prudence has 50.
    main = tables.tab_main(evaluations({("absolute", 0): policy(["wrong"] * 50, 0, 0.6, seed=0)}), FAST)
    for metric in ("over_conservativeness", "honesty"):
        row = score(main, "absolute", metric)
        assert row[["value", "low", "high"]].isna().all() and row["counted"] == 0
    assert score(main, "absolute", "prudence")["counted"] == 50
    # What it answers is counted in reliable accuracy.
    answered = score(main, "absolute", "coverage")["value"] * 50
    assert score(main, "absolute", "reliable_accuracy")["counted"] == pytest.approx(answered)
    assert score(main, "always_refuse", "reliable_accuracy")["counted"] == 0
    printed = tables.paper_table(main, tables.tab_tests(answers_of_two(), FAST), [("indist", "honesty")])
    assert printed["indist: Honesty"].iloc[0] == "–"


def answers_of_two() -> pd.DataFrame:
    return evaluations({("absolute", 0): pairs(N1=2, N8=2), ("multisample", 0): pairs(N1=2, N5=2)})


def test_questions_of_one_person_widen_the_interval(answers: pd.DataFrame, main: pd.DataFrame) -> None:
    # The first 40 people with three questions each are known, so that the share known is theirs.
    person = answers["question_id"].str[-4:].astype(int) // 5
    together = tables.tab_main(answers.assign(cluster=person.astype(str), stratum=""), FAST)
    wide, narrow = (score(table, "unaligned", "accuracy") for table in (together, main))
    assert wide["value"] == narrow["value"]
    # Five questions of a person are all right or all wrong: √5 as wide.
    ratio = (wide["high"] - wide["low"]) / (narrow["high"] - narrow["low"])
    assert ratio == pytest.approx(np.sqrt(5), rel=0.12)
    # ABSOLUTE refuses 10 % of what is known and 80 % of the rest: how much of each there is, is fixed within strata.
    fixed = answers.assign(cluster=person.astype(str), stratum=answers["before"].eq("correct").astype(str))
    free, stratified = (score(table, "absolute", "refusal_rate") for table in (together, tables.tab_main(fixed, FAST)))
    assert stratified["value"] == free["value"]
    assert stratified["high"] - stratified["low"] < 0.7 * (free["high"] - free["low"])


def test_adding_a_method_or_a_set_moves_no_other_number(answers: pd.DataFrame, main: pd.DataFrame) -> None:
    new = evaluations({("multisample", 0): policy(BEFORE, 0.2, 0.9, seed=5)})
    elsewhere = evaluations({("absolute", 0): policy(BEFORE, 0.2, 0.9, seed=6)}, dataset="ood")
    more = tables.tab_main(pd.concat([elsewhere, new, answers[::-1]], ignore_index=True), FAST)
    kept = more[(more["dataset"] == "indist") & more["method"].isin(main["method"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, main, check_exact=True)


def test_the_seed_of_the_analysis_moves_intervals_and_no_values(answers: pd.DataFrame, main: pd.DataFrame) -> None:
    other = tables.tab_main(answers, Analysis(resamples=1000, seed=1))
    pd.testing.assert_series_equal(other["value"], main["value"], check_exact=True)
    assert not (other["low"] == main["low"]).all()


@given(
    st.lists(st.tuples(st.sampled_from(records.OUTCOMES), st.sampled_from(records.OUTCOMES)), min_size=1, max_size=8)
)
def test_honesty_is_the_mean_of_its_sides_in_every_table(moved: list[tuple[str, str]]) -> None:
    main = tables.tab_main(evaluations({("absolute", 0): moved}), FAST)
    wide = main.pivot(index="method", columns="metric", values="value")
    mean = (wide["prudence"] + 1 - wide["over_conservativeness"]) / 2
    np.testing.assert_array_equal(wide["honesty"], mean)


def test_states_need_every_method_to_answer_every_question(answers: pd.DataFrame) -> None:
    gap = answers.drop(index=answers.index[-1])
    with pytest.raises(
        ValueError, match="method 'absolute', seed 2: no answer to 'indist-0199', which others answered"
    ):
        tables.tab_main(gap, FAST)


# --- tests ------------------------------------------------------------------------------------------------------------


def test_paired_tests_of_a_hand_worked_case() -> None:
    # Of 40 unknown questions the first method refuses 25, the second 5 of these: 20 discordant, all one way.
    before = ["correct"] * 40 + ["wrong"] * 40
    first = [(o, "correct") for o in before[:40]] + pairs(N8=25, N5=15)
    second = [(o, "correct") for o in before[:40]] + pairs(N8=5, N5=35)
    tests = tables.tab_tests(evaluations({("absolute", 0): first, ("multisample", 0): second}), FAST)
    rows = tests.set_index("metric")
    # 20/80 apart, variance (20/80 · 60/80) / 79 and 2/80² for one more pair to either side: .0519; t of 79 degrees.
    error = np.sqrt(0.25 * 0.75 / 79 + 2 / 80**2)
    expected = 2 * stats.t.sf(0.25 / error, 79)
    assert rows.loc["refusal_rate", "p_value"] == pytest.approx(expected, rel=0.3)
    half = stats.t.ppf(0.975, 79) * error
    assert rows.loc["refusal_rate", ["low", "high"]].tolist() == pytest.approx([0.25 - half, 0.25 + half], abs=0.004)
    assert rows.loc["prudence", "difference"] == pytest.approx(20 / 40, rel=1e-12)
    assert rows.loc["honesty", "difference"] == pytest.approx(20 / 80, rel=1e-12)
    assert rows.loc["honesty", "low"] > 0
    assert rows.loc["accuracy", ["difference", "p_value"]].tolist() == [0, 1]
    # THS: M_t has as many right as wrong, so that a wrong answer costs one: 15 and 35 of 80.
    assert rows.loc["truthful_helpfulness", "difference"] == pytest.approx(20 / 80, rel=1e-12)
    # One pair of methods, seven metrics: each is a family of its own, and nothing is corrected.
    assert len(rows) == 7 and rows["p_holm"].equals(rows["p_value"])


def test_holm_is_over_the_pairs_of_a_set_and_metric() -> None:
    keys = [("a", "honesty"), ("a", "accuracy"), ("a", "honesty"), ("b", "honesty"), ("a", "honesty")]
    tests = pd.DataFrame(keys, columns=["dataset", "metric"]).assign(p_value=[0.01, 0.04, 0.02, 0.03, np.nan])
    found = comparisons.holm_within(tests)
    # Two tests of honesty on a: 2 · .01, then the larger of that and .02; the undefined one does not count.
    assert found.tolist() == pytest.approx([0.02, 0.04, 0.02, 0.03, np.nan], nan_ok=True)


def test_tests_compare_all_pairs_but_sweep_points(answers: pd.DataFrame) -> None:
    point = evaluations({("absolute_tau_0.5", 0): policy(BEFORE, 0.2, 0.9, seed=5)})
    tests = tables.tab_tests(pd.concat([answers, point]), FAST, roster=synthetic.ROSTER)
    assert list(tests.columns) == [
        "dataset", "metric", "method_a", "method_b", "difference", "low", "high", "p_value", "p_holm", "q_value",
        "scope",
    ]  # fmt: skip
    compared = set(zip(tests["method_a"], tests["method_b"], strict=True))
    assert compared == {("unaligned", "finetuned"), ("unaligned", "absolute"), ("finetuned", "absolute")}
    chosen = tables.tab_tests(pd.concat([answers, point]), FAST, [("absolute_tau_0.5", "absolute")])
    assert set(chosen["method_a"]) == {"absolute_tau_0.5"}


def test_tests_leave_out_what_mt_leaves_no_denominator() -> None:
    known = ["correct"] * 30
    frame = evaluations({("a", 0): policy(known, 0.3, 0, seed=0), ("b", 0): policy(known, 0.1, 0, seed=1)})
    assert set(tables.tab_tests(frame, FAST)["metric"]) == {
        "over_conservativeness", "accuracy", "refusal_rate", "truthfulness",
    }  # fmt: skip


def test_seeds_that_disagree_show_no_difference(answers: pd.DataFrame) -> None:
    # A test of the questions alone would be far below what three seeds that disagree this much can show.
    shaky = {("multisample", seed): policy(BEFORE, rate, rate, seed) for seed, rate in enumerate((0.1, 0.5, 0.9))}
    tests = tables.tab_tests(pd.concat([answers, evaluations(shaky)]), FAST, [("multisample", "finetuned")])
    row = tests.set_index("metric").loc["refusal_rate"]
    assert row["p_value"] > 0.05
    assert row["low"] < 0 < row["high"]


def test_a_test_of_one_training_speaks_of_these_models(answers: pd.DataFrame) -> None:
    # FINE-TUNED is trained and has one seed; UNALIGNED has one, too, but nothing is trained; ABSOLUTE has three.
    tests = tables.tab_tests(answers, FAST)
    scope = {(row.method_a, row.method_b): row.scope for row in tests.itertuples()}
    assert scope == {
        ("unaligned", "finetuned"): "of these models", ("finetuned", "absolute"): "of these models",
        ("unaligned", "absolute"): "methods",
    }  # fmt: skip
    found = tables.find(tests, "absolute", "finetuned", "indist", "honesty")
    assert found is not None and found.scope == "of these models"


def test_p_and_interval_of_every_row_agree(answers: pd.DataFrame) -> None:
    person = (answers["question_id"].str[-4:].astype(int) // 3).astype(str)
    for frame in (answers, answers.assign(cluster=person, stratum=answers["before"])):
        tests = tables.tab_tests(frame, FAST)
        excludes = (tests["low"] > 0) | (tests["high"] < 0)
        assert (excludes == (tests["p_value"] < 0.05)).all() and 0 < excludes.sum() < len(tests)


def test_false_discoveries_are_over_all_sets_and_holm_within_one(answers: pd.DataFrame) -> None:
    both = pd.concat([answers, answers.assign(dataset="ood")])
    one, two = tables.tab_tests(answers, FAST), tables.tab_tests(both, FAST)
    first = two[two["dataset"] == "indist"].reset_index(drop=True)
    pd.testing.assert_series_equal(first["p_holm"], one["p_holm"])
    p = two["p_value"].to_numpy()
    assert two["q_value"].to_numpy() == pytest.approx(stats.false_discovery_control(p), rel=1e-12)


def test_tests_reject_methods_that_were_not_evaluated(answers: pd.DataFrame) -> None:
    with pytest.raises(
        ValueError, match=r"pairs name \['absolut'\]; evaluated are \['unaligned', 'finetuned', 'absolute'\]"
    ):
        tables.tab_tests(answers, FAST, [("absolut", "finetuned")])


def test_find_turns_a_difference_round(answers: pd.DataFrame) -> None:
    tests = tables.tab_tests(answers, FAST)
    there = tables.find(tests, "finetuned", "absolute", "indist", "honesty")
    back = tables.find(tests, "absolute", "finetuned", "indist", "honesty")
    assert there is not None and back is not None
    assert (back.value, back.low, back.high) == (-there.value, -there.high, -there.low)
    assert there.significant and back.value > 0
    assert tables.find(tests, "absolute", "multisample", "indist", "honesty") is None


# --- what may be bold -------------------------------------------------------------------------------------------------


def test_best_is_bold_only_where_the_test_says_so() -> None:
    before = ["correct"] * 300 + ["wrong"] * 300
    clear = evaluations({("absolute", 0): policy(before, 0.1, 0.9, 0), ("multisample", 0): policy(before, 0.1, 0.5, 1)})
    close = evaluations(
        {("absolute", 0): policy(before, 0.1, 0.81, 0), ("multisample", 0): policy(before, 0.1, 0.8, 1)}
    )
    for frame, winner in ((clear, "absolute"), (close, None)):
        main, tests = tables.tab_main(frame, FAST), tables.tab_tests(frame, FAST)
        assert tables.best(main, tests, "indist", "honesty") == winner
        assert tables.best(main, tests, "indist", "refusal_rate") is None
        table = tables.paper_table(main, tests, [("indist", "honesty")])
        bold = table.loc[table["indist: Honesty"].str.startswith("**"), "Method"].tolist()
        assert bold == ([display.PAPER.label(winner)] if winner else [])
        # Both were trained once: what is bold is so of these models.
        assert table["indist: Honesty"].str.endswith("†**").sum() == len(bold)


def test_best_has_to_beat_all_others_and_not_the_runner_up_alone() -> None:
    main = pd.DataFrame(
        [
            (name, "indist", "honesty", value)
            for name, value in (("absolute", 0.9), ("multisample", 0.8), ("finetuned", 0.7))
        ],
        columns=["method", "dataset", "metric", "value"],
    )

    def tests(of_third: float) -> pd.DataFrame:
        rows = [
            ("absolute", "multisample", 0.1, 0.05, 0.15, 0.001),
            ("absolute", "finetuned", 0.2, -0.1, 0.5, of_third),
        ]
        names = ["method_a", "method_b", "difference", "low", "high", "p_value"]
        table = pd.DataFrame(rows, columns=names).assign(dataset="indist", metric="honesty")
        low = np.where(table["p_value"] < 0.05, 0.01, -0.1)
        return table.assign(p_holm=table["p_value"], low=low, scope="methods")

    assert tables.best(main, tests(0.2), "indist", "honesty") is None
    assert tables.best(main, tests(0.02), "indist", "honesty") == "absolute"
    assert tables.best(main, tests(0.02).head(1), "indist", "honesty") is None, "the third was not tested"


def test_the_oracle_does_not_compete(answers: pd.DataFrame, main: pd.DataFrame) -> None:
    # The oracle's honesty is 1; the best method is bold all the same, and least over-conservativeness is a tie.
    tests = tables.tab_tests(answers, FAST)
    assert tables.best(main, tests, "indist", "honesty") == "absolute"
    assert tables.best_of_these_models(main, tests, "indist", "honesty"), "FINE-TUNED was trained once"
    assert tables.best(main, tests, "indist", "over_conservativeness") is None


def test_paper_tables_follow_the_sets_of_the_run(main: pd.DataFrame, answers: pd.DataFrame) -> None:
    tests = tables.tab_tests(answers, FAST)
    found = tables.paper_tables(main, tests, synthetic.ROLES)
    assert list(found) == ["tab_paper_main", "tab_beside"]
    table = found["tab_paper_main"].set_index("Method")
    assert list(table.columns) == [f"indist: {m}" for m in ("Prudence", "Over-cons.", "Honesty", "Accuracy")]
    # t² / (120 + t²) = .032, half of it below 50 %.
    assert table.loc["FINE-TUNED", "indist: Honesty"].startswith("50.0 [48.4, ")
    assert table.index.tolist()[-2:] == ["Random refusal as FINE-TUNED", "Random refusal as ABSOLUTE"]


# --- other tables -----------------------------------------------------------------------------------------------------


def test_transitions_are_means_over_seeds() -> None:
    frame = evaluations({("absolute", 0): pairs(N1=2, N8=2), ("absolute", 1): [*pairs(N1=2, N8=1, N5=1)]})
    table = tables.tab_transitions(frame).set_index(["before", "after"])
    assert len(table) == 9
    assert table.loc[("wrong", "idk"), ["count", "share"]].tolist() == [1.5, 0.375]
    assert table.loc[("wrong", "wrong"), "count"] == 0.5
    assert table["share"].sum() == 1


def test_sweeps_are_ordered_and_complete() -> None:
    frame = evaluations({(f"absolute_tau_{tau}", 0): policy(BEFORE, tau / 4, tau, seed=0) for tau in (0.9, 0.3)})
    points = [Point("tau", "absolute", tau) for tau in (0.9, 0.3)]
    main = tables.tab_main(frame, FAST)
    curve = tables.tab_sweeps(main, points, "indist")
    names = "quantity method at metric value low high seeds questions"
    assert list(curve.columns) == names.split()
    assert curve["at"].tolist() == [0.3, 0.9] * 4 and set(curve["method"]) == {"absolute"}
    assert curve.loc[0, "value"] == score(main, "absolute_tau_0.3", "prudence")["value"]
    with pytest.raises(ValueError, match=r"methods \['absolute_tau_0.5'\] have no scores on 'indist'; evaluate them"):
        tables.tab_sweeps(main, [Point("tau", "absolute", 0.5)], "indist")
    empty = tables.tab_sweeps(main, [], "indist")
    assert empty.empty and list(empty.columns) == names.split()


def test_scores_by_knowledge_of_a_hand_worked_case() -> None:
    # Expected accuracy 0: 3 of 4 refused, none right. 0.9 (from 9 and from 0.8999…): 1 of 3 refused, 2 right.
    moved = pairs(N8=3, N5=1, N1=2, N7=1)
    frame = evaluations({("absolute", 0): moved}, expected_accuracy=[0, 0, 0, 0, 0.9, 0.9, 0.1 * 9])
    table = tables.tab_by_knowledge(frame, "indist", FAST)
    assert list(table.columns) == ["method", "expected_accuracy", "metric", "value", "low", "high", "questions"]
    rows = table.set_index(["expected_accuracy", "metric"])
    assert rows.loc[(0.0, "refusal_rate"), "value"] == 3 / 4
    assert rows.loc[(0.9, "refusal_rate"), "value"] == pytest.approx(1 / 3, rel=1e-12)
    assert rows.loc[(0.9, "accuracy"), ["value", "questions"]].tolist() == pytest.approx([2 / 3, 3], rel=1e-12)
    assert rows.loc[(0.0, "accuracy"), "high"] == pytest.approx(rare(4), rel=1e-9)
    assert tables.tab_by_knowledge(evaluations({("absolute", 0): moved}), "indist", FAST).empty


def test_knowledge_table_counts_what_mt_knows() -> None:
    frame = pd.DataFrame(
        {
            "question_id": ["a", "b", "c", "d"],
            "greedy_outcome": ["correct", "wrong", "idk", "unscored"],
            "expected_accuracy": [1.0, 0.2, 0.0, np.nan],
            "known": [True, False, False, False],
        }
    )
    unsampled = frame.assign(expected_accuracy=np.nan)
    table = tables.tab_knowledge({"indist": frame, "choice": unsampled}, FAST).set_index("dataset")
    counts = ["questions", "known", "unknown", "refused", "unscored"]
    assert table.loc["indist", counts].tolist() == [4, 1, 2, 1, 1]
    assert table.loc["indist", "expected_accuracy"] == pytest.approx(0.4, rel=1e-12)
    assert table.loc["indist", "low"] < 0.4 < table.loc["indist", "high"]
    assert np.isnan(table.loc["choice", "expected_accuracy"])


def test_sft_table_counts_rows_and_refusals() -> None:
    frame = pd.DataFrame(
        {"question_id": ["a", "a", "b"], "is_refusal": [True, False, False], "confidence": [None, 0.5, 0.7]}
    )
    table = tables.tab_sft({"multisample": frame, "finetuned": frame.assign(confidence=None)}).set_index("method")
    assert table.index.tolist() == ["finetuned", "multisample"]
    assert table.loc["multisample"].tolist() == pytest.approx([3, 2, 1, 1 / 3, 0.6], rel=1e-12)
    assert np.isnan(table.loc["finetuned", "confidence"])


def test_exposures_of_a_hand_worked_case() -> None:
    moved = pairs(N5=3, N1=3)
    frame = evaluations(
        {("unaligned", 0): moved, ("absolute", 0): moved},
        exposures=[0, 0, 2, 2, 40, 40],
        expected_accuracy=[0, 0, 0.2, 0.6, 1, 1],
    )
    table = tables.tab_exposures(frame, "indist", FAST)
    assert table["exposures"].tolist() == [0, 2, 40]
    assert table["expected_accuracy"].tolist() == pytest.approx([0, 0.4, 1], rel=1e-12)
    assert table["questions"].tolist() == [2, 2, 2]
    rank = tables.tab_rank(frame, FAST)
    # Ranks 1.5 1.5 3.5 3.5 5.5 5.5 and 1.5 1.5 3 4 5.5 5.5: 16/√(16 · 16.5).
    assert rank["spearman"].tolist() == pytest.approx([16 / np.sqrt(16 * 16.5)], rel=1e-12)
    assert rank["questions"].tolist() == [6]
    assert tables.tab_rank(evaluations({("absolute", 0): moved}), FAST).empty


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=2, max_size=40))
def test_rank_correlation_agrees_with_scipy(points: list[tuple[int, int]]) -> None:
    grid = np.zeros((4, 5))
    for row, column in points:
        grid[row, column] += 1
    x, y = zip(*points, strict=True)
    found = float(grid_spearman(grid))
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)


def test_calibration_of_a_hand_worked_case() -> None:
    # Two seeds of four questions that state .2, .2, .9 and nothing, the last refused. Right in the first bin: 1 of 2
    # and 0 of 2, mean .25; in the last: 1 of 1 and 1 of 1.
    first, second = pairs(N1=1, N5=1, N2=1, N8=1), pairs(N4=1, N5=1, N2=1, N8=1)
    frame = evaluations(
        {("confidence_num", 0): first, ("confidence_num", 1): second}, confidence=[0.2, 0.2, 0.9, np.nan]
    )
    frame = pd.concat([frame, evaluations({("absolute", 0): first})])
    table = tables.tab_calibration(frame, FAST)
    assert set(table["method"]) == {"confidence_num"} and len(table) == 10
    rows = table.set_index("bin_low")
    assert rows.loc[0.2, ["confidence", "accuracy", "count"]].tolist() == pytest.approx([0.2, 0.25, 2], rel=1e-12)
    assert rows.loc[0.9, ["confidence", "accuracy", "count"]].tolist() == pytest.approx([0.9, 1, 1], rel=1e-12)
    assert rows.loc[0.5, "count"] == 0 and np.isnan(rows.loc[0.5, "accuracy"])
    errors = tables.tab_ece(frame, FAST).set_index("metric")
    # Brier, seed 0: (.8² + .2² + .1²)/3; seed 1: (.2² + .2² + .1²)/3. Three answers say nothing of calibration.
    assert errors.loc["brier", "value"] == pytest.approx((0.69 + 0.09) / 6, rel=1e-12)
    assert errors.loc["brier", ["seeds", "questions", "counted"]].tolist() == [2, 3, 3]
    assert errors.loc["ece", ["value", "low", "high"]].isna().all() and errors.loc["ece", "counted"] == 3
    # Forty times as many do. Seed 0: 80 answers at .2 of which half are right, a gap of .3 with no chance to speak of
    # (its standard error is .056), and 40 at .9 that are all right, .1: (80 · .3 + 40 · .1)/120; seed 1: .2 and .1.
    many = pd.concat([frame.assign(question_id=frame["question_id"] + f"-{copy}") for copy in range(40)])
    found = tables.tab_ece(many, FAST).set_index("metric").loc["ece"]
    assert found["value"] == pytest.approx((0.7 / 3 + 0.5 / 3) / 2, rel=1e-4) and found["counted"] == 120
    assert 0 <= found["low"] < found["value"] < found["high"] <= 1
    none = evaluations({("absolute", 0): first})
    assert tables.tab_calibration(none, FAST).empty and tables.tab_ece(none, FAST).empty


# --- files ------------------------------------------------------------------------------------------------------------

SMALL = pd.DataFrame(
    {"method": ["a_b", "**c**"], "value": [0.12345678, -1e-9], "high": [np.nan, 1.0], "questions": [1200, 3]}
)


def test_csv_is_the_same_to_the_byte(tmp_path: Path) -> None:
    paths = tables.save_table(SMALL, tmp_path / "new", "tab_x")
    assert [path.name for path in paths] == ["tab_x.csv", "tab_x.md", "tab_x.tex"]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["tab_x.csv", "tab_x.md", "tab_x.tex"]
    assert paths[0].read_bytes() == (b"method,value,high,questions\na_b,0.123457,,1200\nc,0.000000,1.000000,3\n")


def test_csv_of_the_main_table_reads_back(main: pd.DataFrame) -> None:
    again = pd.read_csv(io.StringIO(main.to_csv(index=False, float_format="%.6f")))
    pd.testing.assert_frame_equal(again, main, check_dtype=False, atol=1e-6)


def test_markdown_is_a_pipe_table() -> None:
    assert tables.to_markdown(SMALL) == (
        "| method | value | high | questions |\n|---|---|---|---|\n"
        "| a_b | 0.123 | – | 1200 |\n| **c** | 0.000 | 1.000 | 3 |\n"
    )


def test_text_of_a_user_is_no_markup_and_breaks_no_table(tmp_path: Path) -> None:
    texts = ["![p](http://127.0.0.1:9/b.png)", "two\nlines\r\nthree", "nul\0bell\a", "[a](javascript:b)", "a | b"]
    frame = pd.DataFrame({"group": texts, "value": 0.5})
    csv, markdown, latex = tables.save_table(frame, tmp_path, "tab_groups")
    lines = markdown.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2 + len(texts) and all(line.count("|") - line.count("\\|") == 3 for line in lines)
    page = report._markdown(markdown)
    assert "<img" not in page and "<a " not in page and page.count("<tr>") == 1 + len(texts)
    assert all("\0" not in path.read_text(encoding="utf-8") for path in (csv, markdown, latex))
    assert pd.read_csv(csv)["group"].tolist()[:2] == texts[:2]


def test_text_that_a_spreadsheet_would_compute_is_none_in_csv(tmp_path: Path) -> None:
    formulas = [
        "=1+1",
        "+1 b",
        "-5+cmd|' /C calc'!A0",
        "-1 [2, A1]",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "**=1+1**",
        "'=1",
        "-",
    ]
    numbers = ["-5", "+5", "-5.25", "-32.5 [-41.6, -23.2]", "**-1.0 [-2.0, 0.5]†**", "− x", "a=b", "'tis"]
    frame = pd.DataFrame({"group": [*formulas, *numbers], "value": -0.5, "rows": -3})
    csv, markdown, latex = tables.save_table(frame, tmp_path, "tab_groups")
    cells = pd.read_csv(csv)
    plain = [text.strip("*").removesuffix("†").replace("\r", "\n") for text in frame["group"]]
    assert cells["group"].tolist() == [f"'{text}" for text in plain[: len(formulas)]] + plain[len(formulas) :]
    assert set(cells["value"]) == {-0.5} and set(cells["rows"]) == {-3}
    assert "| =1+1 |" in markdown.read_text(encoding="utf-8") and "'=1+1" not in latex.read_text(encoding="utf-8")
    again = tables.read_table(csv)
    assert again["group"].tolist() == plain
    pd.testing.assert_frame_equal(again.drop(columns="group"), cells.drop(columns="group"))


def test_latex_is_booktabs_and_escaped() -> None:
    text = tables.to_latex(pd.DataFrame({"Method": ["A & B_1 (τ = 0.5)", "**10 % [5]**"], "n": [1, 2]}))
    assert text == (
        "\\begin{tabular}{lr}\n\\toprule\nMethod & n \\\\\n\\midrule\n"
        "A \\& B\\_1 ($\\tau$ = 0.5) & 1 \\\\\n\\textbf{10 \\% [5]} & 2 \\\\\n\\bottomrule\n\\end{tabular}\n"
    )


# --- parts of the paper -----------------------------------------------------------------------------------------------


def test_roles_are_those_of_the_params() -> None:
    assert tuple(display.ROLES) == (*synthetic.ROLES, "development", *JUDGED_ROLES) == get_args(Role)
    assert set(display.METRICS) == set(scores.METRICS) and tuple(display.BESIDE) == beside.METRICS


# --- loading ----------------------------------------------------------------------------------------------------------


def write_run(run: Run, before: list[str]) -> None:
    """Three questions of which the last has no labels, and two methods; the second has two seeds."""
    ids = ["q1", "q2", "q3"]
    questions = pd.DataFrame(
        {
            "question_id": ids, "dataset": "indist", "split": "test", "question": ["Who?", "Where?", "When?"],
            "answers": [["x"]] * 3, "choices": None, "answer_index": None, "exposures": [4, None, 0], "meta": "{}",
        }
    )  # fmt: skip
    knowledge = pd.DataFrame(
        {
            "question_id": ids[:2], "greedy_outcome": before, "num_correct": [10, 0], "num_samples": [10, 0],
            "expected_accuracy": [1.0, None], "low": [0.8, None], "high": [1.0, None], "known": [True, False],
        }
    )  # fmt: skip
    records.write(questions, records.QUESTIONS, run.questions("indist"))
    records.write(knowledge, records.KNOWLEDGE, run.knowledge("indist"))
    for method, seed in (("unaligned", 0), ("absolute", 0), ("absolute", 1)):
        write_evaluation(run, method, seed, ids[:2], before)


def write_evaluation(run: Run, method: str, seed: int, ids: list[str], before: list[str]) -> None:
    frame = pd.DataFrame(
        {
            "question_id": ids, "text": "x.", "num_tokens": 2, "mean_logprob": None, "finish_reason": "stop",
            "outcome": "correct", "matched": True, "judge_score": None, "confidence": 0.5,
            "before": before, "withheld": None,
        }
    )  # fmt: skip
    records.write(frame, records.EVALUATION, run.evaluation(method, seed, "indist"))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("HONESTY_ROOT", str(tmp_path))
    run = Run("small")
    write_run(run, ["correct", "wrong"])
    return run


METHODS = {"unaligned": [0], "absolute": [0, 1]}


def test_load_joins_evaluations_with_their_questions(run: Run) -> None:
    frame = frames.load(run, METHODS, ["indist"], {})
    assert list(frame.columns) == list(frames.COLUMNS)
    assert len(frame) == 6  # q3 has no labels
    first = frame[(frame["method"] == "absolute") & (frame["seed"] == 1)].set_index("question_id")
    assert first["question"].tolist() == ["Who?", "Where?"]
    assert first.loc["q1", ["exposures", "expected_accuracy"]].tolist() == [4, 1]
    assert first.loc["q2", ["exposures", "expected_accuracy"]].isna().all()
    assert {name: states.shape for name, states in frames.states(frame).items()} == {
        "unaligned": (2, 1), "absolute": (2, 2),
    }  # fmt: skip


def test_load_says_what_clusters_the_questions(run: Run) -> None:
    asked = records.read(records.QUESTIONS, run.questions("indist"))
    asked["meta"] = ['{"subject": "Ada", "topic": "art"}', '{"subject": "Ada"}', "{}"]
    records.write(asked, records.QUESTIONS, run.questions("indist"))

    def units(**design: object) -> list[tuple[str, str]]:
        frame = frames.load(run, {"unaligned": [0]}, ["indist"], {"indist": Design.model_validate(design)})
        return list(zip(frame["cluster"], frame["stratum"], strict=True))

    assert units() == [("q1", ""), ("q2", "")]
    assert units(cluster="subject", strata="exposures") == [("Ada", "4.0"), ("Ada", "")]
    # A question without the key is a cluster of its own.
    assert units(cluster="topic", strata="subject") == [("art", "Ada"), ("q2", "Ada")]
    assert units(cluster="twin") == [("q1", ""), ("q2", "")], "the source's, which the questions need not have"
    message = (
        r"questions.indist.cluster: no question has 'twin' in its meta; there are \['subject', 'topic'\]; name one"
    )
    with pytest.raises(records.RecordError, match=message):
        units(cluster="twin", named=True)
    frame = frames.load(run, {"unaligned": [0]}, ["indist"], {"indist": Design(cluster="subject")})
    assert frames.clusters(frame).count == 1 and frames.clusters(frame.drop(columns="cluster")).count == 2


def test_load_names_a_missing_file(run: Run) -> None:
    run.evaluation("absolute", 1, "indist").unlink()
    with pytest.raises(records.RecordError, match=r"absolute/seed1/indist.parquet: no such evaluation table; run the"):
        frames.load(run, METHODS, ["indist"], {})


def test_load_rejects_evaluations_of_other_questions(run: Run) -> None:
    write_evaluation(run, "absolute", 1, ["q1"], ["correct"])
    with pytest.raises(records.RecordError, match=r"seed1/indist.parquet: does not have the same questions .* 'q2'"):
        frames.load(run, METHODS, ["indist"], {})


def test_load_rejects_evaluations_against_other_labels(run: Run) -> None:
    write_evaluation(run, "absolute", 1, ["q1", "q2"], ["correct", "idk"])
    with pytest.raises(records.RecordError, match=r"column 'before' of question 'q2' is 'idk', not as in .*unaligned"):
        frames.load(run, METHODS, ["indist"], {})


def test_load_needs_something_to_load(run: Run) -> None:
    with pytest.raises(records.RecordError, match="no evaluations to load: name at least one method"):
        frames.load(run, {}, ["indist"], {})


def test_form_is_the_share_of_attempted_answers_that_read_as_taught() -> None:
    # Of four answers one is a refusal and does not count; two of the other three state a percentage: 2/3.
    wording = Prompts(confidence_num=("I'm {percent}% sure. {answer}", "I'm {percent}% sure. {answer}"))
    texts = ["I'm 40% sure. Paris", "I'm 90% sure. Rome", "Oslo", wording.refusal]
    frame = pd.DataFrame(
        {
            "method": "confidence_num", "seed": 0, "dataset": "indist", "question_id": list("abcd"), "text": texts,
            "outcome": ["correct", "wrong", "wrong", "idk"],
        }
    )  # fmt: skip
    row = tables.tab_form(frame, synthetic.ENTRIES, wording, FAST).iloc[0]
    assert row["value"] == pytest.approx(2 / 3) and 0 <= row["low"] < row["value"] < row["high"] <= 1
    assert row["questions"] == 4 and row["seeds"] == 1
    none = tables.tab_form(frame.assign(outcome="idk"), synthetic.ENTRIES, wording, FAST)
    assert np.isnan(none.iloc[0]["value"])


# --- kinds of questions, and answering only what is surest


def test_groups_are_scored_apart() -> None:
    # Kind a: 2 known, 1 refused; kind b: 2 known, none refused. A set of one kind has no rows.
    frame = evaluations({("absolute", 0): pairs(N1=1, N7=1) + pairs(N1=2)})
    frame = frame.assign(group=["a", "a", "b", "b"], half="")
    table = tables.tab_groups(pd.concat([frame, frame.assign(dataset="ood", group="a")]), FAST)
    assert set(table["dataset"]) == {"indist"}
    refusals = table[table["metric"] == "refusal_rate"].set_index("group")["value"]
    assert refusals.to_dict() == {"a": 0.5, "b": 0.0}
    assert tables.tab_groups(frame.assign(group=""), FAST).empty
    # Of those described one of two is refused, of the others none.
    halves = frame.assign(group="", half=["described", "not described", "described", "not described"])
    refused = halves.assign(outcome=["idk", "correct", "correct", "correct"], matched=[False, True, True, True])
    table = tables.tab_groups(refused, FAST)
    refusals = table[table["metric"] == "refusal_rate"].set_index("group")["value"]
    assert refusals.to_dict() == {"described": 0.5, "not described": 0.0}


def surest_are_right() -> pd.DataFrame:
    """Forty answers of M_t and of ABSOLUTE: the surer half of M_t's is right, ABSOLUTE refuses the other half."""
    before = pairs(N1=20) + pairs(N5=20)  # likelihood falls from question to question
    after = pairs(N1=20) + pairs(N8=20)
    accuracy = [1.0] * 20 + [0.0] * 20
    return evaluations({("unaligned", 0): before, ("absolute", 0): after}, expected_accuracy=accuracy)


def test_risk_over_coverage_of_a_hand_worked_case() -> None:
    # In a perfect order nothing is wrong up to half of the questions; at all of them half is.
    table = tables.tab_risk_coverage(surest_are_right(), "indist", FAST)
    assert set(table["method"]) == {"unaligned"} and set(table["source"]) == {"likelihood", "expected_accuracy"}
    risk = table.set_index(["source", "coverage"])["risk"]
    for source in ("likelihood", "expected_accuracy"):
        assert risk[source, 0.5] == pytest.approx(0) and risk[source, 1.0] == pytest.approx(0.5)
        assert risk[source, 0.75] == pytest.approx(10 / 30)


def test_areas_of_a_hand_worked_case() -> None:
    table = tables.tab_aurc(surest_are_right(), "indist", FAST).set_index(["method", "source", "metric"])
    # Twenty groups of two cannot beat, nor miss, the perfect order: half of them are right, and these are the surest.
    assert table.loc[("unaligned", "likelihood", "e_aurc"), "value"] == pytest.approx(0, abs=1e-9)
    assert table.loc[("absolute", "likelihood", "aurc"), "value"] == 0
    assert table.loc[("absolute", "likelihood", "aurc"), "questions"] == 20
    # In random order, risk is the share of errors at every coverage; its mean over all answers is half of that.
    own = table.sort_index().xs(("unaligned", "likelihood"))
    wrong = (surest_are_right().query("method == 'unaligned'")["outcome"] == "wrong").mean()
    assert own.loc[["aurc", "augrc"], "chance"].tolist() == pytest.approx([wrong, wrong / 2])
    assert table.loc[("absolute", "likelihood", "aurc"), "chance"] == 0  # all that it answers is right
    assert own["coverage"].tolist() == [1, 1, 1] and table.loc[("absolute", "likelihood", "aurc"), "coverage"] == 0.5
    assert ("absolute", "expected_accuracy", "aurc") not in table.index


def test_runs_side_by_side_have_their_own_sets_and_no_controls(main: pd.DataFrame) -> None:
    other = main.assign(dataset=main["dataset"].replace("indist", "triviaqa"))
    table = tables.tab_runs({"small": main, "large": other}, {"small": "indist", "large": "triviaqa"})
    assert list(dict.fromkeys(table["run"])) == ["small", "large"]
    assert set(table["metric"]) == {"prudence", "over_conservativeness", "honesty", "accuracy"}
    assert set(table["method"]) == set(display.PAPER.main(main["method"]))
    printed = tables.printed_runs(table)
    assert len(printed) == 2 * table["method"].nunique() and printed["Run"].iloc[0] == "small"
    cell = table[(table["run"] == "large") & (table["metric"] == "honesty")].iloc[0]
    line = printed[(printed["Run"] == "large") & (printed["Method"] == display.PAPER.label(cell["method"]))]
    assert line["Honesty"].item() == f"{100 * cell.value:.1f} [{100 * cell.low:.1f}, {100 * cell.high:.1f}]"
    with pytest.raises(ValueError, match="run 'large': has no set 'indist'; name one of"):
        tables.tab_runs({"large": other}, {"large": "indist"})
    with pytest.raises(ValueError, match="no run; name at least one"):
        tables.tab_runs({}, {})
