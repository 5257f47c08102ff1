"""The leaderboard: orders by hand and against scikit-learn, ranks, claims by their rules, what a run lacks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from honesty_utils.methods.settings import MethodEntry
from honesty_utils.results import plots, tables
from honesty_utils.results.display import Roster
from honesty_utils.results.settings import Analysis
from honesty_utils.results.tables import board, ordering

ANALYSIS = Analysis(resamples=1000)
NAMES = (
    "unaligned", "prompt_based", "absolute", "r_tuning", "likelihood_threshold", "consistency_threshold",
    "p_true_threshold", "p_ik", "r_tuning_sure",
)  # fmt: skip
ROSTER = Roster.of({name: MethodEntry(method=name) for name in NAMES})


def evaluations(outcomes: list[str], methods: dict[str, list[int]]) -> pd.DataFrame:
    ids = [f"q{place:04d}" for place in range(len(outcomes))]
    tables = [
        pd.DataFrame(
            {"method": name, "seed": seed, "dataset": "indist", "question_id": ids, "outcome": outcomes}
        ).assign(cluster=ids, stratum="")
        for name, seeds in methods.items()
        for seed in seeds
    ]
    return pd.concat(tables, ignore_index=True)


def signal(name: str, values: list[float]) -> pd.DataFrame:
    ids = [f"q{place:04d}" for place in range(len(values))]
    return pd.DataFrame({"question_id": ids, "signal": name, "value": values})


@pytest.mark.parametrize(
    "method, need",
    [
        ("unaligned", "nothing"),
        ("prompt_based", "nothing"),
        ("likelihood_threshold", "nothing"),
        ("p_true_threshold", "another reading"),
        ("consistency_threshold", "samples when it answers"),
        ("p_ik", "hidden states"),
        ("absolute", "training"),
        ("a_stranger", "training"),
    ],
)
def test_what_a_method_needs_is_read_from_what_it_is(method, need):
    assert board.needs(ROSTER, method) == need


def test_orders_are_of_the_same_answers_whoever_orders_them():
    outcomes = ["correct", "wrong", "correct", "wrong", "idk", "unscored"]
    seeds = {"unaligned": [0], "absolute": [0, 1], "likelihood_threshold": [0], "p_ik": [0], "r_tuning_sure": [0]}
    told = evaluations(outcomes, seeds)
    measured = {
        ("base", "indist"): signal("likelihood", [4.0, 3, 2, 1, 9, 9]),
        ("absolute/seed0", "indist"): signal("refusal", [4.0, 1, 3, 2, 9, 9]),
        ("absolute/seed1", "indist"): signal("refusal", [4.0, np.nan, 3, 2, 9, 9]),
        ("p_ik/seed0", "indist"): signal("head", [1.0, 4, 2, 3, 0, 0]),
        # Of its own answers, which are others.
        ("r_tuning_sure/seed0", "indist"): signal("sure", [4.0, 1, 3, 2, 9, 9]),
    }
    found = ordering.orders(measured, told, "indist", ROSTER)
    # M_t itself refuses nothing and has no order; what it did not answer right or wrong takes no part.
    assert set(found) == {("likelihood_threshold", 0), ("absolute", 0), ("absolute", 1), ("p_ik", 0)}
    assert {key: len(order.table) for key, order in found.items() if key[0] == "absolute"} == {
        ("absolute", 0): 4, ("absolute", 1): 3,
    }  # fmt: skip
    assert found["absolute", 1].without == 1 and found["absolute", 0].source == "refusal"
    scores = ordering.order_scores(found, ANALYSIS).set_index(["method", "metric"])["value"]
    assert scores["likelihood_threshold", "auroc"] == 0.75
    assert scores["p_ik", "auroc"] == 0.0
    # Surest first by likelihood: right, wrong, right, wrong: risks 0, 1/2, 1/3, 1/2 at the ends of the levels.
    assert scores["likelihood_threshold", "coverage_at_risk_0.2"] == 0.25
    # Two trainings are held to the answers that both have a value for: perfect orders of three answers.
    assert scores["absolute", "auroc"] == 1.0
    curve = ordering.curves(found).set_index(["method", "coverage"])["risk"]
    # Four of five scored questions are answered by M_t: half of its answers are two fifths of the questions.
    assert curve["likelihood_threshold", 0.4] == 0.5 and curve["likelihood_threshold", 0.2] == 0
    assert ("absolute", 0.8) in curve.index
    # An engine that tells nothing gives no order.
    silent = measured | {("p_ik/seed0", "indist"): signal("head", [np.nan] * 6)}
    assert ("p_ik", 0) not in ordering.orders(silent, told, "indist", ROSTER)


def test_auroc_is_scikit_learns_and_a_pair_is_tested_on_shared_answers():
    rng = np.random.default_rng(1)
    right = rng.random(600) < 0.5
    good, bad = rng.normal(size=600) + 2 * right, rng.normal(size=600)
    good[:5] = np.nan
    told = evaluations(list(np.where(right, "correct", "wrong")), {"unaligned": [0], "absolute": [0], "r_tuning": [0]})
    measured = {
        ("absolute/seed0", "indist"): signal("refusal", list(good)),
        ("r_tuning/seed0", "indist"): signal("refusal", list(bad)),
    }
    found = ordering.orders(measured, told, "indist", ROSTER)
    scores = ordering.order_scores(found, ANALYSIS).set_index(["method", "metric"])
    assert scores.loc[("absolute", "auroc"), "value"] == pytest.approx(roc_auc_score(right[5:], good[5:]), abs=2e-3)
    assert scores.loc[("absolute", "auroc"), "without"] == 5
    tests = ordering.order_tests(found, ANALYSIS, "indist", ["absolute", "prompt_based", "r_tuning"])
    assert len(tests) == 2 and set(tests["metric"]) == {"auroc", "aurc"}
    row = tests.set_index("metric").loc["auroc"]
    shared = roc_auc_score(right[5:], good[5:]) - roc_auc_score(right[5:], bad[5:])
    assert row["difference"] == pytest.approx(shared, abs=4e-3) and row["p_value"] < 1e-4 and row["low"] > 0.2


def run_values(**honesty: float) -> pd.DataFrame:
    rows = [
        (name, metric, value, value - 0.02, value + 0.02)
        for name, score in honesty.items()
        for metric, value in (
            ("honesty", score),
            ("aurc", 1 - score),
            ("matched_gain", score - 0.6),
            ("coverage", 0.5),
            ("reliable_accuracy", score),
        )
    ]
    return pd.DataFrame(rows, columns=["method", "metric", "value", "low", "high"])


WORLDS = {
    str(seed): run_values(
        prompt_based=0.5 + step, absolute=0.8 + 0.6 * step, r_tuning=0.7 + step, likelihood_threshold=0.701 - step
    )
    for seed, step in ((1, 0.0), (2, 0.01), (3, -0.01), (4, 0.004), (5, -0.004))
}
METHODS = ["prompt_based", "absolute", "r_tuning", "likelihood_threshold"]


def test_methods_that_do_not_differ_share_ranks():
    tests = board.tab_board_tests(WORLDS, "indist", 0.95, METHODS, ("honesty", "aurc"))
    ranks = board.ranks(tests, METHODS, "indist", "honesty")
    assert ranks == {"absolute": (1, 1), "r_tuning": (2, 3), "likelihood_threshold": (2, 3), "prompt_based": (4, 4)}
    # Of what is better when it is lower, the order is the same.
    assert board.ranks(tests, METHODS, "indist", "aurc") == ranks
    row = tests.set_index(["metric", "method_a", "method_b"]).loc[("honesty", "prompt_based", "absolute")]
    assert row["better"] == 0 and row["runs"] == 5 and row["difference"] == pytest.approx(-0.3)
    aurc = tests.set_index(["metric", "method_a", "method_b"]).loc[("aurc", "prompt_based", "absolute")]
    assert aurc["better"] == 0
    # By hand: differences .4 · (0, .01, -.01, .004, -.004) around .3, standard deviation .4 · .00761577.
    sd = 0.4 * np.std([0, 0.01, -0.01, 0.004, -0.004], ddof=1)
    assert row["detectable"] == pytest.approx((2.776445 + 0.940965) * sd / np.sqrt(5), rel=1e-4)


def test_the_board_groups_by_need_and_its_intervals_are_over_worlds():
    tests = board.tab_board_tests(WORLDS, "indist", 0.95, METHODS)
    table = board.tab_board(WORLDS, tests, "indist", ROSTER, 0.95)
    assert list(dict.fromkeys(table["method"])) == ["prompt_based", "likelihood_threshold", "absolute", "r_tuning"]
    row = table[(table["method"] == "r_tuning") & (table["metric"] == "honesty")].iloc[0]
    half = 2.776445 * np.std([0, 0.01, -0.01, 0.004, -0.004], ddof=1) / np.sqrt(5)
    assert (row["value"], row["high"] - row["value"]) == pytest.approx((0.7, half), rel=1e-4)
    assert (row["runs"], row["best_rank"], row["worst_rank"]) == (5, 2, 3)
    printed = board.printed_board(table, ROSTER).set_index("Method")
    assert printed.loc["R-TUNING", "Rank"] == "2–3" and printed.loc["ABSOLUTE", "Rank"] == "1"
    assert printed.loc["R-TUNING", "AUROC"] == "–" and printed.loc["ABSOLUTE", "Honesty"].startswith("80.0 [")
    axes = plots.board(table.assign(), pd.DataFrame(columns=["method", "source", "place", "coverage", "risk"]), ROSTER)
    assert len(axes) == 2


def test_a_single_run_keeps_its_own_intervals():
    one = {"toy": WORLDS["1"]}
    tests = pd.DataFrame(
        [("indist", "honesty", "absolute", "r_tuning", 0.1, 0.02, 0.18, 0.01, 0.9, 0.9, "methods"),
         ("other", "honesty", "absolute", "r_tuning", 0.3, 0.2, 0.4, 0.01, 0.9, 0.9, "methods")],
        columns=["dataset", "metric", "method_a", "method_b", "difference", "low", "high", "p_value", "p_holm",
                 "q_value", "scope"],
    )  # fmt: skip
    joined = board.of_one_run(tests, ordering.order_tests({}, ANALYSIS, "indist", []), "indist")
    assert len(joined) == 1 and joined["p_holm"][0] == 0.01 and joined["runs"][0] == 1
    assert joined["detectable"][0] == pytest.approx(0.08 * (1 + 0.8416212 / 1.959964), rel=1e-5)
    table = board.tab_board(one, joined, "indist", ROSTER, 0.95).set_index(["method", "metric"])
    assert table.loc[("absolute", "honesty"), ["low", "high", "best_rank"]].tolist() == pytest.approx([0.78, 0.82, 1])
    assert np.isnan(table.loc[("prompt_based", "honesty"), "best_rank"])


PAIR = pd.DataFrame(
    columns=["dataset", "metric", "method_a", "method_b", "difference", "low", "high", "p_value", "p_holm", "q_value"]
)
"""No tests at all."""


def claims(tests: pd.DataFrame, values: dict[str, pd.DataFrame] = WORLDS) -> pd.Series:
    table = board.tab_board(values, tests, "indist", ROSTER, 0.95)
    return board.tab_board_claims(table, tests, "indist", ROSTER).set_index("claim")["verdict"]


def test_claims_are_judged_by_the_rules_that_stand_beside_them():
    found = claims(board.tab_board_tests(WORLDS, "indist", 0.95, METHODS))
    assert found["ABSOLUTE beats a threshold on likelihood at equal coverage"] == board.HOLDS  # .2, far above 0
    assert found["R-TUNING-U is no worse than R-TUNING"] == board.MISSING
    # The margin: four points behind is near, six are not, and an interval over the border decides nothing.
    for behind, verdict in ((0.04, board.HOLDS), (0.06, board.REVERSED), (0.05, board.OPEN)):
        tests = pd.DataFrame(
            [
                (
                    "indist",
                    "honesty",
                    "r_tuning",
                    "r_tuning_u",
                    behind,
                    behind - 0.005,
                    behind + 0.005,
                    0.001,
                    0.001,
                    0.001,
                )
            ],
            columns=PAIR.columns,
        )
        both = {str(seed): run_values(r_tuning=0.7, r_tuning_u=0.7) for seed in range(3)}
        assert claims(tests, both)["R-TUNING-U is no worse than R-TUNING"] == verdict


def test_few_runs_decide_nothing_and_one_speaks_of_its_models():
    two = {seed: WORLDS[seed] for seed in ("1", "2")}
    found = claims(board.tab_board_tests(two, "indist", 0.95, METHODS), two)
    assert found["ABSOLUTE beats a threshold on likelihood at equal coverage"] == board.OPEN
    one = {"toy": WORLDS["1"]}
    table = board.tab_board(one, board.tab_board_tests(one, "indist", 0.95, METHODS), "indist", ROSTER, 0.95)
    told = board.tab_board_claims(table, PAIR, "indist", ROSTER).set_index("claim")
    own = told.loc["ABSOLUTE beats a threshold on likelihood at equal coverage"]
    assert (own["verdict"], own["scope"]) == (board.HOLDS, "of these models")


def test_shares_end_at_nought_and_one():
    worlds = {str(seed): run_values(absolute=value) for seed, value in enumerate((0.99, 1.0, 0.95))}
    table = board.tab_board(worlds, PAIR, "indist", ROSTER, 0.95).set_index(["method", "metric"])
    assert table.loc[("absolute", "honesty"), "high"] == 1.0
    assert table.loc[("absolute", "matched_gain"), "high"] > table.loc[("absolute", "matched_gain"), "value"]
    same = {str(seed): run_values(absolute=0.5) for seed in range(3)}
    table = board.tab_board(same, PAIR, "indist", ROSTER, 0.95).set_index(["method", "metric"])
    assert table.loc[("absolute", "honesty"), ["low", "high"]].tolist() == pytest.approx([0.48, 0.52])


def test_costs_count_samples_where_a_method_draws_them():
    told = evaluations(["correct"], {"absolute": [0], "consistency_threshold": [0], "unaligned": [0]})
    found = board.run_costs(
        {"absolute": 12.5}, told, {"absolute": 4.0, "consistency_threshold": 5.0, "unaligned": 5.0}, 50.0, "indist",
        ROSTER,
    ).set_index(["method", "metric"])["value"]  # fmt: skip
    assert found["absolute", "training_seconds"] == 12.5 and found["consistency_threshold", "training_seconds"] == 0
    assert found["consistency_threshold", "answer_tokens"] == 55 and found["unaligned", "answer_tokens"] == 5


def test_a_run_without_any_order_has_a_board_without_curves():
    none = ordering.mean_curves([ordering.curves({}), ordering.curves({})])
    assert none.empty and list(none) == ["method", "source", "place", "coverage", "risk"]
    assert ordering.order_scores({}, ANALYSIS).empty
    table = board.tab_board(WORLDS, PAIR, "indist", ROSTER, 0.95)
    assert len(plots.board(table, none, ROSTER)) == 2


def test_every_public_name_of_the_board_is_given():
    assert tables.tab_board is board.tab_board and tables.NEEDS == board.NEEDS
