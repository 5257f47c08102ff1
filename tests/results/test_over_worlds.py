"""Tables, verdicts and figures over worlds, on three worlds worked out by hand and on eight synthetic ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support import synthetic

from honesty_utils.results import claims, origin, plots, report, tables
from honesty_utils.results.claims import Evidence, NotTestable
from honesty_utils.results.claims.findings import Finding
from honesty_utils.results.claims.parts import Judgment, Part, Verdict
from honesty_utils.results.tables import comparisons, worlds

HOME = {"in_distribution": "indist"}


def main_of(**honesty: float) -> pd.DataFrame:
    """A main table of one world: honesty of some methods, and accuracy a tenth below it."""
    rows = [
        (method, "indist", metric, value, max(value - 0.02, 0), min(value + 0.02, 1), 1, 100)
        for method, score in honesty.items()
        for metric, value in (("honesty", score), ("ths", score - 0.9))
    ]
    columns = ["method", "dataset", "metric", "value", "low", "high", "seeds", "questions"]
    return pd.DataFrame(rows, columns=columns)


# ABSOLUTE is above PROMPT-BASED by .2, .3 and .1; UNALIGNED is .5 in every world.
THREE = {
    1: main_of(unaligned=0.5, prompt_based=0.6, absolute=0.8),
    2: main_of(unaligned=0.5, prompt_based=0.5, absolute=0.8),
    3: main_of(unaligned=0.5, prompt_based=0.7, absolute=0.8),
}
PAIRS = pd.DataFrame(
    [
        ("indist", metric, a, b)
        for metric in ("honesty", "ths")
        for a, b in (("prompt_based", "absolute"), ("unaligned", "absolute"), ("unaligned", "prompt_based"))
    ],
    columns=["dataset", "metric", "method_a", "method_b"],
)


def test_means_over_three_worlds():
    table = tables.tab_worlds(THREE, 0.95).set_index(["method", "metric"])
    prompted = table.loc["prompt_based", "honesty"]
    # Mean .6, standard deviation .1: t of 2 degrees of freedom gives ± 4.302653 · .1 / √3.
    assert prompted[["value", "low", "high"]].tolist() == pytest.approx([0.6, 0.351586, 0.848414], abs=1e-6)
    assert prompted[["worlds", "sd", "min", "max"]].tolist() == pytest.approx([3, 0.1, 0.5, 0.7])
    # One share in every world says nothing of how worlds vary: the ends are those over questions.
    assert table.loc["unaligned", "honesty"][["value", "low", "high"]].tolist() == pytest.approx([0.5, 0.48, 0.52])


def test_a_score_that_can_be_negative_is_not_cut_at_nought():
    table = tables.tab_worlds(THREE, 0.95).set_index(["method", "metric"])
    assert table.loc["prompt_based", "ths"]["low"] == pytest.approx(-0.3 - 0.248414, abs=1e-6)
    wide = {seed: main_of(absolute=value) for seed, value in {1: 0.9, 2: 1.0, 3: 0.7}.items()}
    assert tables.tab_worlds(wide, 0.95).set_index("metric").loc["honesty", "high"] == 1


def test_a_world_in_which_a_score_is_undefined_is_not_counted():
    undefined = THREE[3].assign(value=np.where(THREE[3]["metric"] == "ths", np.nan, THREE[3]["value"]))
    table = tables.tab_worlds({**THREE, 3: undefined}, 0.95).set_index(["method", "metric"])
    assert table.loc["absolute", "ths"]["worlds"] == 2 and table.loc["absolute", "honesty"]["worlds"] == 3


def test_paired_differences_over_three_worlds():
    values = tables.tab_worlds_values(THREE)
    assert list(values) == ["world", "method", "dataset", "metric", "value"] and len(values) == 18
    tests = tables.tab_worlds_tests(values, pd.concat([PAIRS, PAIRS]), 0.95)
    assert len(tests) == len(PAIRS), "a pair that every world has tested is one row"
    row = tests[(tests["metric"] == "honesty") & (tests["method_a"] == "prompt_based")].iloc[0]
    # Differences -.2, -.3, -.1: mean -.2, t = .2 / (.1 / √3) = 3.4641, p = 1 - t / √(t² + 2) = 1 - 3.4641 / √14.
    assert row[["difference", "low", "high"]].tolist() == pytest.approx([-0.2, -0.448414, 0.048414], abs=1e-6)
    assert row["p_value"] == pytest.approx(1 - 3.464102 / np.sqrt(14), abs=1e-6)
    assert row[["worlds", "min", "max"]].tolist() == pytest.approx([3, -0.3, -0.1])
    # UNALIGNED is .3 below ABSOLUTE in every world, p = 0: Holm multiplies the next of the three by 2.
    assert row["p_holm"] == pytest.approx(2 * row["p_value"])
    # Over all six tests, of which two are 0: the third and fourth smallest p are equal, times 6 / 4.
    assert row["q_value"] == pytest.approx(min(1.5 * row["p_value"], 1), rel=1e-6)


def test_a_difference_is_tested_in_the_worlds_that_have_both():
    values = tables.tab_worlds_values({**THREE, 4: main_of(absolute=0.9)})
    tests = tables.tab_worlds_tests(values, PAIRS, 0.95)
    assert set(tests["worlds"]) == {3}
    unknown = PAIRS.assign(method_a="gone")
    assert tables.tab_worlds_tests(values, unknown, 0.95).empty


def test_bold_is_what_beats_every_other_method_and_takes_three_worlds():
    def printed(mains):
        table, values = tables.tab_worlds(mains, 0.95), tables.tab_worlds_values(mains)
        return tables.printed_worlds(table, tables.tab_worlds_tests(values, PAIRS, 0.95), HOME)["tab_paper_worlds"]

    column = "indist: Honesty"
    assert not printed(THREE)[column].str.contains("**", regex=False).any(), "PROMPT-BASED may be as good"
    clear = {seed: main_of(unaligned=0.5, prompt_based=0.6 + seed / 99, absolute=0.8 + seed / 90) for seed in (1, 2, 3)}
    assert printed(clear)[column].str.contains("**", regex=False).tolist() == [False, False, True]
    two = {seed: clear[seed] for seed in (1, 2)}
    assert not printed(two)[column].str.contains("**", regex=False).any()
    assert printed({1: clear[1]})[column].tolist()[0] == "50.0"  # one world has no interval


def test_what_is_best_loses_to_a_third_method_that_varies():
    # The runner-up is beaten in every world; the third, whose mean is lower, not: 0.8 less (.6, .82, .3).
    mains = {
        1: main_of(absolute=0.80, prompt_based=0.75, unaligned=0.60),
        2: main_of(absolute=0.81, prompt_based=0.755, unaligned=0.82),
        3: main_of(absolute=0.79, prompt_based=0.735, unaligned=0.30),
    }
    table, values = tables.tab_worlds(mains, 0.95), tables.tab_worlds_values(mains)
    tests = tables.tab_worlds_tests(values, PAIRS, 0.95)
    assert comparisons.find(tests, "absolute", "prompt_based", "indist", "honesty").significant
    assert worlds.best_over_worlds(table, tests, "indist", "honesty") is None


def test_pairs_along_a_curve():
    pairs = tables.pairs_along(["a", "b", "c"], "indist", ["prudence"])
    assert pairs[["method_a", "method_b"]].values.tolist() == [["b", "a"], ["c", "b"], ["c", "a"]]
    assert tables.pairs_along(["a", "b"], "indist", ["prudence"])["method_a"].tolist() == ["b"]
    assert tables.pairs_along([], "indist", ["prudence"]).empty


def test_what_base_models_are_like():
    knowledge = pd.DataFrame(
        {
            # Of four wrong answers, two have a right sample; one was not sampled; one answer is right.
            "greedy_outcome": ["wrong", "wrong", "wrong", "wrong", "wrong", "correct"],
            "expected_accuracy": [0.0, 0.1, 0.3, 0.0, np.nan, 1.0],
        }
    )
    main = main_of(unaligned=0.5, prompt_based=0.6)
    rows = [("unaligned", "indist", "accuracy", 0.7), ("prompt_based", "indist", "refusal_rate", 0.2)]
    values = pd.concat(
        [
            tables.tab_worlds_values({4: main}),
            pd.DataFrame(rows, columns=["method", "dataset", "metric", "value"]).assign(world=4),
        ]
    )
    made = {4: {"revision": "abc", "other_code": ""}}
    table = tables.tab_worlds_base(values, {4: knowledge}, HOME, made)
    assert table.iloc[0][["world", "accuracy", "wrong_with_right_sample", "refusal_honest"]].tolist() == [
        4,
        0.7,
        0.5,
        0.2,
    ]
    assert np.isnan(table["refusal_honest_unknown"].iloc[0])


def verdicts(*words: str) -> dict[int, pd.DataFrame]:
    return {seed: pd.DataFrame({"number": [1], "models": [word]}) for seed, word in enumerate(words, 1)}


def test_verdicts_of_worlds_are_counted_whatever_their_words():
    assert claims.counted(["reproduced"] * 6 + ["partly", "reversed"]) == (
        "reproduced in 6 of 8 worlds (partly in 1, reversed in 1)"
    )
    assert claims.counted(["not testable"] * 3) == "not testable in 3 of 3 worlds"
    assert claims.counted(["a"]) == "a in 1 of 1 world"


@pytest.fixture
def one_finding(monkeypatch):
    """A finding that holds where ABSOLUTE is significantly above PROMPT-BASED."""

    def judge(run: Evidence) -> Judgment:
        gain = run.difference("absolute", "prompt_based", "in_distribution", "honesty")
        outcome, numbers = claims.parts.directed(claims.parts.sign_of(gain)), (gain.value, gain.low, gain.high)
        return Judgment((Part("gain", "", outcome, f"{100 * gain.value:+.1f}", *numbers),))

    finding = Finding(1, "It is better.", "It is above.", judge, lambda: "9.9")
    monkeypatch.setattr(claims.verdicts, "FINDINGS", (finding,))


def evidence(mains) -> Evidence:
    values = tables.tab_worlds_values(mains)
    tests = tables.tab_worlds_tests(values, PAIRS, 0.95)
    return Evidence(tables.tab_worlds(mains, 0.95), tests, HOME, {}, tests.iloc[:0])


def test_a_finding_over_worlds_is_judged_by_its_own_rule(one_finding):
    held, missed = Verdict.REPRODUCED, Verdict.INCONCLUSIVE
    # +.2, +.3, +.1 in single worlds, each significant there; over worlds p = .074.
    table = claims.over_worlds(verdicts(held, held, held), evidence(THREE))
    assert table[["verdict", "worlds"]].values.tolist() == [[missed, f"{held} in 3 of 3 worlds"]]
    clear = {seed: main_of(unaligned=0.5, prompt_based=0.6, absolute=0.8 + seed / 90) for seed in (1, 2, 3)}
    assert claims.over_worlds(verdicts(held, missed, held), evidence(clear))["verdict"].tolist() == [held]


def test_of_two_worlds_every_verdict_is_inconclusive_and_says_so(one_finding):
    two = {seed: main_of(unaligned=0.5, prompt_based=0.6, absolute=0.8 + seed / 9000) for seed in (1, 2)}
    table = claims.over_worlds(verdicts("reproduced", "reproduced"), evidence(two))
    assert table["verdict"].tolist() == ["inconclusive"]
    assert table["evidence"][0].startswith("2 of at least 3 worlds (of these models: reproduced); gain: +20.")
    text = claims.worlds.markdown(table, "x", "2 worlds (seeds 1, 2); fewer than 3: nothing can be concluded")
    assert "2 worlds (seeds 1, 2). Fewer than 3: nothing can be concluded." in text and "**inconclusive**" in text


def test_a_finding_that_cannot_be_tested_stays_so(one_finding):
    lacking = {seed: main_of(unaligned=0.5, absolute=0.8) for seed in (1, 2, 3)}
    word = claims.verdicts._row(Finding(1, "", "", _cannot, lambda: ""), evidence(THREE))[2]
    assert claims.over_worlds(verdicts(word, word, word), evidence(lacking))["verdict"].tolist() == [word]


def _cannot(run: Evidence) -> Judgment:
    raise NotTestable("no such set")


def test_which_worlds_is_said_in_one_way():
    assert origin.told_of_worlds([1, 2, 3]) == "3 worlds (seeds 1 to 3)"
    assert origin.told_of_worlds([9, 4]) == "2 worlds (seeds 4, 9)" and origin.told_of_worlds([5]) == "1 world (seed 5)"
    base = pd.DataFrame({"world": [1, 2], "other_code": [np.nan, "scores"]})
    assert origin.foot(base) == (
        "2 worlds (seeds 1, 2); fewer than 3: nothing can be concluded; world 2 was made by other code in part "
        "(tab_worlds_base)"
    )
    assert origin.sentences("3 worlds; worlds 1, 2 differ") == "3 worlds. Worlds 1, 2 differ."


@pytest.mark.parametrize(
    ("world", "text"),
    [
        (0, "one world (seed 0, the development world)"),
        (4, "one world (seed 4)"),
        (None, ""),
    ],
)
def test_one_world_is_said_to_be_one(world, text, tmp_path):
    table = tables.tab_origin({"world": world, "development": 0})
    assert origin.told(table) == text
    tables.save_table(table, tmp_path, "tab_origin")
    tables.save_table(synthetic.main_table().head(3), tmp_path, "tab_main")
    page = report.render(tmp_path, "x")
    assert (f"This is {text}; what holds in it may not hold in another." in page) == bool(text)
    written = claims.markdown(pd.DataFrame(columns=claims.verdicts.COLUMNS), "x", text)
    assert ("This is one world" in written) == bool(text)
    axes = plots.main_scores(synthetic.main_table(), "indist", roster=synthetic.ROSTER, foot=text)
    (legend,) = plots.figure_of(axes).legends
    assert legend.get_title().get_text() in (text, "")


@pytest.fixture(scope="module")
def eight():
    found = synthetic.worlds()
    mains = {seed: world["main"] for seed, world in found.items()}
    values = tables.tab_worlds_values(mains)
    tested = pd.concat([world["tests"] for world in found.values()])
    sweeps = tables.tab_worlds_sweeps({seed: world["sweeps"] for seed, world in found.items()})
    return values, tables.tab_worlds(mains, 0.95), tables.tab_worlds_tests(values, tested, 0.95), sweeps


def test_every_world_is_a_point(eight):
    values, table, _, _ = eight
    axes = plots.worlds_scores(values, table, "indist", synthetic.ROSTER, "8 worlds")
    assert len(axes) == 4
    honesty = next(ax for ax in axes if ax.get_title(loc="left").startswith("Honesty"))
    drawn = [line.get_xdata() for line in honesty.lines if line.get_marker() == "o"]
    assert len(drawn) == len(synthetic.METHODS) and all(len(points) == 8 for points in drawn)
    absolute = values[
        (values["method"] == "absolute") & (values["dataset"] == "indist") & (values["metric"] == "honesty")
    ]
    assert any(np.allclose(points, absolute["value"]) for points in drawn)
    assert plots.figure_of(axes).legends[0].get_title().get_text() == "8 worlds"


def test_a_score_of_the_printed_table_has_a_panel(eight, monkeypatch):
    values, table, _, _ = eight
    negative = {"metric": "ths", "method": "absolute", "dataset": "indist"}
    more = pd.concat([table, pd.DataFrame([{**negative, "value": -0.4, "low": -0.6, "high": -0.2, "worlds": 8}])])
    points = pd.concat([values, pd.DataFrame([{**negative, "world": w, "value": -0.4} for w in range(1, 9)])])
    main = (*plots.worlds.PAPER_TABLES["tab_paper_main"], ("in_distribution", "ths"))
    monkeypatch.setitem(plots.worlds.PAPER_TABLES, "tab_paper_main", tuple(dict.fromkeys(main)))
    axes = plots.worlds_scores(points, more, "indist", synthetic.ROSTER)
    panel = next(ax for ax in axes if "ths" in ax.get_title(loc="left").lower())
    assert panel.get_xlim()[0] < -0.6


def test_differences_are_set_against_what_the_run_has(eight):
    values, _, tests, _ = eight
    axes = plots.worlds_differences(values, tests, synthetic.ROLES, synthetic.ROSTER)
    assert axes.shape == (2, 2)
    only = plots.worlds_differences(values, tests, HOME, synthetic.ROSTER, against=("gone", "absolute"))
    assert only.shape == (1, 1)
    # The mean that is drawn is the one that is tested, also where the table has the pair turned round.
    found = comparisons.find(tests, "multisample", "absolute", "indist", "honesty")
    lines = [line.get_xdata() for line in only[0, 0].lines]
    assert any(np.allclose(x, found.value) for x in lines) and any(
        np.allclose(x, [found.low, found.high]) for x in lines if len(x) == 2
    )
    with pytest.raises(ValueError, match=r"against: \['gone'\], but there are"):
        plots.worlds_differences(values, tests, HOME, synthetic.ROSTER, against=("gone",))


def test_a_curve_has_a_line_a_world_and_their_mean(eight):
    _, _, _, sweeps = eight
    (ax,) = plots.worlds_sweep(sweeps, "tau", synthetic.ROSTER)
    assert len(ax.lines) == 3 * (8 + 1)
    assert tables.tab_worlds_sweeps({1: sweeps.iloc[:0]}).empty


def test_figures_and_report_over_worlds(eight, tmp_path: Path, monkeypatch):
    values, table, tests, sweeps = eight
    foot = "8 worlds (seeds 1 to 8)"
    drawn = {
        "fig_worlds": plots.worlds_scores(values, table, "indist", synthetic.ROSTER, foot),
        "fig_worlds_tau": plots.worlds_sweep(sweeps, "tau", synthetic.ROSTER, foot),
    }
    plots.save_figures(drawn, tmp_path, "65_worlds")
    printed = tables.printed_worlds(table, tests, synthetic.ROLES, synthetic.ROSTER)
    base = pd.DataFrame({"world": range(1, 9), "revision": "abc", "other_code": ""})
    tables.save_tables(
        {"tab_worlds_base": base, "tab_worlds_values": values, **printed},
        tmp_path,
        "65_worlds",
        dict.fromkeys(printed, foot),
    )
    assert (tmp_path / "tab_paper_worlds.md").read_text().endswith(f"\n\n{foot}\n")
    assert (
        foot in (tmp_path / "tab_paper_worlds.tex").read_text()
        and foot not in (tmp_path / "tab_paper_worlds.csv").read_text()
    )
    page = report.render(tmp_path, "x")
    assert "8 worlds (seeds 1 to 8). Made by notebook 65" in page and 'id="fig_worlds"' in page
    # What a page cannot hold is named.
    monkeypatch.setattr(report, "SHOWN", 10)
    assert f"{len(values):,} rows: tab_worlds_values.csv" in report.render(tmp_path, "x")
