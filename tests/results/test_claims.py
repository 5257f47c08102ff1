"""Verdicts on the paper's findings: what a run says, made by hand to show, contradict or leave open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support import synthetic
from support.frames import evaluations, policy

from honesty_utils.results import claims, published, tables
from honesty_utils.results.settings import Analysis

HONEST = published.HONESTY_METHODS
CHOICE = "multisample_choice"
TAUS = {"absolute": 0.1, "absolute_tau_0.5": 0.5, "absolute_tau_0.9": 0.9}
EVERY = ("unaligned", "finetuned", "prompt_based", *HONEST, CHOICE, *list(TAUS)[1:])
ROLES = synthetic.ROLES
Scores = dict[tuple[str, str, str], tuple[float, float, float]]
"""Value, low and high by method, role and metric."""
Tests = dict[tuple[str, str, str, str], tuple[float, float, float]]
"""Difference, low and high by both methods, role and metric."""

UP, DOWN, LEVEL = (0.10, 0.06, 0.14), (-0.10, -0.14, -0.06), (0.01, -0.03, 0.05)
"""A difference that is significantly above 0, below 0, and neither."""
SLIGHT, LARGE = (0.02, 0.01, 0.03), (0.60, 0.55, 0.65)


def scores_like_the_papers() -> Scores:
    """Scores that a rule holds against a margin; all others are one half."""
    found: Scores = {("finetuned", "in_distribution", "refusal_rate"): (0.0, 0.0, 0.005)}
    found["prompt_based", "prior_unknown", "refusal_rate"] = (0.29, 0.25, 0.33)
    for method in ("confidence_num", "confidence_verb"):
        found[method, "prior_unknown", "refusal_rate"] = (0.85, 0.80, 0.90)
        found[method, "prior_known", "over_conservativeness"] = (0.04, 0.02, 0.06)
    return found


def differences_like_the_papers() -> Tests:
    """Paired tests by which every finding is reproduced."""
    home, ood = "in_distribution", "out_of_distribution"
    found: Tests = {("finetuned", "unaligned", role, "accuracy"): DOWN for role in (home, "prior_known")}
    found["prompt_based", "unaligned", home, "honesty"] = UP
    for method in HONEST:
        for role in (home, ood):
            found[method, "prompt_based", role, "honesty"] = UP
            found[method, "unaligned", role, "truthful_helpfulness"] = UP
        if method != "absolute":
            found[method, "absolute", home, "honesty"] = UP
        found["multisample", method, home, "honesty"] = UP
        found["confidence_verb", method, home, "accuracy"] = UP
        found[method, "unaligned", "prior_known", "accuracy"] = (-0.03, -0.05, -0.01)
        found[method, "unaligned", "tasks", "accuracy"] = (0.0, -0.02, 0.02)
    for metric in ("honesty", "over_conservativeness"):
        found[CHOICE, "multisample", "multiple_choice", metric] = UP
    first, middle, last = TAUS
    for metric in ("prudence", "over_conservativeness"):
        found[last, first, home, metric] = LARGE
        found[middle, first, home, metric] = found[last, middle, home, metric] = UP
    return found


def evidence(
    changed: Scores | None = None,
    tested: Tests | None = None,
    seeds: Mapping[str, int] | None = None,
    roles: Mapping[str, str] = ROLES,
    methods: tuple[str, ...] = EVERY,
    taus: Mapping[str, float] = TAUS,
    **more: Any,
) -> claims.Evidence:
    """What a run says that reproduces every finding, but for what is changed; methods have three seeds or as told."""
    known = scores_like_the_papers() | (changed or {})
    metrics = ("refusal_rate", "prudence", "over_conservativeness", "honesty", "accuracy", "truthful_helpfulness")
    half, trained = (0.5, 0.48, 0.52), seeds or {}
    rows = [
        (method, ROLES[role], metric, *known.get((method, role, metric), half), trained.get(method, 3))
        for method in methods for role in roles for metric in metrics
    ]  # fmt: skip
    main = pd.DataFrame(rows, columns=["method", "dataset", "metric", "value", "low", "high", "seeds"])
    pairs = differences_like_the_papers() | (tested or {})
    lines = [
        (ROLES[role], metric, a, b, *ends, 0.4 if ends[1] <= 0 <= ends[2] else 0.0004, 1.0)
        for (a, b, role, metric), ends in pairs.items() if role in roles
    ]  # fmt: skip
    columns = ["dataset", "metric", "method_a", "method_b", "difference", "low", "high", "p_value", "p_holm"]
    tests = pd.DataFrame(lines, columns=columns)
    return claims.Evidence(main, tests, roles, taus, tests, **more)


def row(found: claims.Evidence, number: int) -> pd.Series[Any]:
    return claims.judged(found).set_index("number").loc[number]


def verdicts(found: claims.Evidence) -> dict[int, str]:
    table = claims.judged(found)
    return dict(zip(table["number"], table["verdict"], strict=True))


# --- from parts to a verdict ------------------------------------------------------------------------------------------

HOLDS, REVERSED, OPEN = claims.Outcome


@pytest.mark.parametrize(
    ("parts", "verdict"),
    [
        ([(HOLDS, True)], "reproduced"),
        ([(HOLDS, True), (HOLDS, False)], "reproduced"),
        ([(REVERSED, True)], "reversed"),
        ([(REVERSED, True), (OPEN, True)], "reversed"),  # nothing that states the finding holds
        ([(REVERSED, True), (HOLDS, False)], "reversed"),  # a guard that holds saves nothing
        ([(REVERSED, True), (HOLDS, True)], "partly"),
        ([(HOLDS, True), (REVERSED, False)], "partly"),
        ([(OPEN, True), (REVERSED, False)], "partly"),
        ([(OPEN, True)], "inconclusive"),
        ([(HOLDS, True), (OPEN, True)], "inconclusive"),
        ([(HOLDS, True), (OPEN, False)], "inconclusive"),
    ],
)
def test_the_verdict_follows_from_the_parts(parts: list[tuple[claims.Outcome, bool]], verdict: str) -> None:
    assert claims.follows(parts) == claims.follows(reversed(parts)) == verdict


def test_a_rule_needs_parts() -> None:
    with pytest.raises(ValueError, match="a rule without parts has no verdict"):
        claims.follows([])


def test_minimum_detectable_effect_by_hand() -> None:
    # ± 1.96 errors are .0392 wide: the error is .01, and (1.960 + .842) of it are .0280.
    assert claims.detectable(-0.0196, 0.0196) == pytest.approx(0.0280, abs=2e-5)
    # On 2 degrees of freedom t is 4.303 and 1.061: an interval of ± 4.303 errors of .01.
    assert claims.detectable(-0.04303, 0.04303, freedom=2) == pytest.approx(0.05364, abs=2e-5)
    assert np.isnan(claims.detectable(0.0, 0.0))  # no width says nothing of the error


def test_an_effect_of_that_size_is_found_in_eight_of_ten_runs() -> None:
    rng = np.random.default_rng(0)
    found = claims.detectable(-0.0196, 0.0196) + 0.01 * rng.standard_normal(20_000)
    assert (found > 0.0196).mean() == pytest.approx(0.8, abs=0.01)


# --- each rule --------------------------------------------------------------------------------------------------------


def test_a_run_like_the_papers_reproduces_all_that_one_run_can() -> None:
    assert verdicts(evidence()) == {number: "reproduced" for number in range(1, 11)} | {9: "not testable"}


HOME, OOD = "in_distribution", "out_of_distribution"
_UNSURE = (0.5, 0.3, 0.7)
# what differs from the paper → finding, scores, tests, verdict
CASES: dict[str, tuple[int, Scores, Tests, str]] = {
    "1: it refuses now and then": (1, {("finetuned", HOME, "refusal_rate"): (0.05, 0.03, 0.07)}, {}, "partly"),
    "1: too few questions to say never": (1, {("finetuned", HOME, "refusal_rate"): (0, 0, 0.02)}, {}, "inconclusive"),
    # The audit's case: a loss on questions that were chosen for being right, none where nothing was chosen.
    "1: regression to the mean": (1, {}, {("finetuned", "unaligned", HOME, "accuracy"): LEVEL}, "inconclusive"),
    "1: it gains where nothing was chosen": (1, {}, {("finetuned", "unaligned", HOME, "accuracy"): UP}, "partly"),
    "1: it refuses and gains": (
        1, {("finetuned", HOME, "refusal_rate"): (0.05, 0.03, 0.07)},
        {("finetuned", "unaligned", HOME, "accuracy"): UP}, "reversed",
    ),
    "1: no loss of what was known": (
        1, {}, {("finetuned", "unaligned", "prior_known", "accuracy"): LEVEL}, "inconclusive",
    ),
    "2: the prompt changes nothing": (2, {}, {("prompt_based", "unaligned", HOME, "honesty"): LEVEL}, "inconclusive"),
    "2: the prompt is enough": (2, {("prompt_based", "prior_unknown", "refusal_rate"): (0.7, 0.6, 0.8)}, {}, "partly"),
    "2: it harms, and is enough": (
        2, {("prompt_based", "prior_unknown", "refusal_rate"): (0.7, 0.6, 0.8)},
        {("prompt_based", "unaligned", HOME, "honesty"): DOWN}, "reversed",
    ),
    "3: no more honest out of distribution": (
        3, {}, {("confidence_num", "prompt_based", OOD, "honesty"): LEVEL}, "inconclusive",
    ),
    "3: honest, and of no more use than random refusals": (
        3, {}, {("confidence_num", "unaligned", OOD, "truthful_helpfulness"): (-0.049, -0.113, 0.006)}, "inconclusive",
    ),
    "3: honest, and of less use than M_t": (
        3, {}, {("confidence_num", "unaligned", OOD, "truthful_helpfulness"): DOWN}, "partly",
    ),
    "3: nothing of it": (
        3, {}, {(m, b, r, s): DOWN for m in HONEST for r in (HOME, OOD)
                for b, s in (("prompt_based", "honesty"), ("unaligned", "truthful_helpfulness"))}, "reversed",
    ),
    "4: one is as good": (4, {}, {("multisample", "absolute", HOME, "honesty"): LEVEL}, "inconclusive"),
    "4: one is worse": (4, {}, {("multisample", "absolute", HOME, "honesty"): DOWN}, "partly"),
    "4: all are worse": (4, {}, {(m, "absolute", HOME, "honesty"): DOWN for m in HONEST[1:]}, "reversed"),
    "4: some are worse, none is better": (
        4, {}, {(m, "absolute", HOME, "honesty"): LEVEL if m == "multisample" else DOWN for m in HONEST[1:]},
        "reversed",
    ),
    "5: one lead is none": (5, {}, {("multisample", "absolute", HOME, "honesty"): LEVEL}, "inconclusive"),
    "5: another leads": (5, {}, {("multisample", "absolute", HOME, "honesty"): DOWN}, "partly"),
    "5: both are last": (
        5, {}, {(m, o, HOME, s): DOWN for m, s in (("multisample", "honesty"), ("confidence_verb", "accuracy"))
                for o in HONEST}, "reversed",
    ),
    "6: one rate does not rise": (6, {}, {("absolute_tau_0.9", "absolute", HOME, "prudence"): LEVEL}, "inconclusive"),
    "6: a step falls": (6, {}, {("absolute_tau_0.9", "absolute_tau_0.5", HOME, "prudence"): DOWN}, "partly"),
    "6: both fall": (
        6, {}, {("absolute_tau_0.9", "absolute", HOME, s): DOWN for s in ("prudence", "over_conservativeness")},
        "reversed",
    ),
    "7: too little refused": (7, {("confidence_num", "prior_unknown", "refusal_rate"): (0.4, 0.3, 0.45)}, {}, "partly"),
    "7: about half refused": (7, {("confidence_num", "prior_unknown", "refusal_rate"): _UNSURE}, {}, "inconclusive"),
    "7: too much refused of what is known": (
        7, {("confidence_verb", "prior_known", "over_conservativeness"): (0.3, 0.2, 0.4)}, {}, "partly",
    ),
    # The audit's case: over-conservativeness 1.7 %, and half of the answers wrong.
    "7: answered, and wrong": (
        7, {}, {("confidence_num", "unaligned", "prior_known", "accuracy"): (-0.50, -0.56, -0.44)}, "partly",
    ),
    "7: perhaps wrong": (
        7, {}, {("confidence_num", "unaligned", "prior_known", "accuracy"): (-0.08, -0.12, -0.04)}, "inconclusive",
    ),
    "8: honest by itself": (8, {("absolute", "multiple_choice", "honesty"): (0.8, 0.78, 0.82)}, {}, "partly"),
    "8: near 50 or not": (8, {("absolute", "multiple_choice", "honesty"): _UNSURE}, {}, "inconclusive"),
    "8: extra rows do nothing": (8, {}, {(CHOICE, "multisample", "multiple_choice", "honesty"): LEVEL}, "inconclusive"),
    "8: extra rows harm": (8, {}, {(CHOICE, "multisample", "multiple_choice", "honesty"): DOWN}, "partly"),
    "8: nothing of it": (
        8, {(m, "multiple_choice", "honesty"): (0.8, 0.78, 0.82) for m in HONEST},
        {(CHOICE, "multisample", "multiple_choice", s): DOWN for s in ("honesty", "over_conservativeness")}, "reversed",
    ),
    "10: one is less helpful": (10, {}, {("multisample", "unaligned", "tasks", "accuracy"): DOWN}, "partly"),
    "10: significantly, and hardly": (
        10, {}, {("multisample", "unaligned", "tasks", "accuracy"): SLIGHT}, "reproduced",
    ),
    "10: too few tasks": (10, {}, {("multisample", "unaligned", "tasks", "accuracy"): (0, -0.1, 0.1)}, "inconclusive"),
    "10: both are less helpful": (
        10, {}, {(m, "unaligned", "tasks", "accuracy"): DOWN for m in ("multisample", "confidence_verb")}, "reversed",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_differs_from_the_paper_decides(case: str) -> None:
    number, scores, tests, verdict = CASES[case]
    found = verdicts(evidence(scores, {pair: ends for pair, ends in tests.items() if pair[0] != pair[1]}))
    assert found[number] == verdict


def test_every_rule_is_seen_with_every_verdict_that_it_can_have() -> None:
    seen = {(number, verdict) for number, *_, verdict in CASES.values()}
    failing = {"reversed", "partly", "inconclusive"}
    assert {number: failing - {v for n, v in seen if n == number} for number in (1, 2, 3, 4, 5, 6, 8, 10)} == {
        number: set() for number in (1, 2, 3, 4, 5, 6, 8, 10)
    }
    # Seven has no opposite that one number makes: it is reversed where all six parts are.
    bad = {("confidence_num", "prior_unknown", "refusal_rate"): (0.4, 0.3, 0.45)}
    bad |= {("confidence_num", "prior_known", "over_conservativeness"): (0.3, 0.2, 0.4)}
    bad |= {("confidence_verb", role, metric): ends for (_, role, metric), ends in list(bad.items())}
    lost: Tests = {(m, "unaligned", "prior_known", "accuracy"): (-0.5, -0.6, -0.4) for m in HONEST[1:3]}
    assert verdicts(evidence(bad, lost))[7] == "reversed"


def test_a_p_value_and_its_interval_must_agree() -> None:
    run = evidence()
    run.tests.loc[run.tests["method_b"] == "absolute", "p_value"] = 0.06  # the interval is still above 0
    assert verdicts(run)[4] == "inconclusive"


# --- of methods, or of these models -----------------------------------------------------------------------------------


def test_a_method_trained_once_or_twice_is_no_evidence_about_methods() -> None:
    run = evidence(seeds={"finetuned": 1, "absolute_tau_0.5": 1, "absolute_tau_0.9": 2})
    found = claims.judged(run).set_index("number")
    assert found.loc[1, "verdict"] == "inconclusive" and found.loc[1, "models"] == "reproduced"
    told = "FINE-TUNED trained once, a claim about methods needs 3 trainings (of these models: reproduced); in distr"
    assert found.loc[1, "evidence"].startswith(told)
    assert found.loc[6, "verdict"] == "inconclusive"
    told = "absolute_tau_0.5 trained once, absolute_tau_0.9 trained twice, a claim about"
    assert found.loc[6, "evidence"].startswith(told)
    # What nothing is trained for has one model; finding 4 speaks of others.
    one = evidence(seeds={"prompt_based": 1, "unaligned": 1})
    assert verdicts(one)[2] == verdicts(one)[3] == verdicts(run)[4] == "reproduced"


@pytest.mark.parametrize(("worlds", "verdict"), [(2, "inconclusive"), (3, "reproduced")])
def test_worlds_count_in_place_of_trainings(worlds: int, verdict: str) -> None:
    run = evidence()
    over = replace(run, main=run.main.drop(columns="seeds").assign(worlds=worlds))
    found = row(over, 2)  # one model a world: no method is trained, and a claim needs three worlds all the same
    assert (found["verdict"], found["models"]) == (verdict, "reproduced")
    assert ("2 of at least 3 worlds" in found["evidence"]) == (worlds == 2)


# --- not testable -----------------------------------------------------------------------------------------------------


def reason(found: claims.Evidence, number: int) -> str:
    told = row(found, number)
    assert told["verdict"] == told["models"] == "not testable"
    return str(told["evidence"])


def test_missing_sets_are_named() -> None:
    found = evidence(roles={HOME: "indist"})
    expected = {1: "prior known", 2: "prior unknown", 3: "out of distribution", 7: "prior unknown",
                8: "multiple choice", 10: "non-knowledge tasks"}  # fmt: skip
    for number, role in expected.items():
        assert reason(found, number) == f"no {role} set in this run"
    assert {verdicts(found)[number] for number in (4, 5, 6)} == {"reproduced"}


def test_missing_methods_are_named() -> None:
    found = evidence(methods=("unaligned", "prompt_based"), taus={})
    assert reason(found, 1) == "FINE-TUNED was not evaluated in this run"
    assert reason(found, 3) == "no method that teaches refusing in this run"
    assert reason(found, 6) == "no ABSOLUTE in this run"
    assert reason(found, 7) == "CONFIDENCE-NUM was not evaluated in this run"
    found = evidence(methods=("unaligned", "prompt_based", "absolute"), taus={"absolute": 0.1})
    assert reason(found, 4) == "no method that uses expected accuracy in this run"
    assert reason(found, 5) == "MULTISAMPLE was not evaluated in this run"
    assert reason(found, 6) == "ABSOLUTE was trained with one τ only"
    assert reason(found, 10) == "neither CONFIDENCE-VERB nor MULTISAMPLE in this run"


def test_multiple_choice_without_such_rows_shows_what_there_is() -> None:
    text = reason(evidence(methods=tuple(method for method in EVERY if method != CHOICE)), 8)
    assert text.startswith(
        "no method was trained with multiple-choice rows in this run (without such rows, honesty: ABSOLUTE 50.0 [48"
    )


def test_undefined_scores_are_not_testable() -> None:
    nothing = (np.nan, np.nan, np.nan)
    run = evidence({("unaligned", "tasks", "accuracy"): nothing, ("unaligned", OOD, "truthful_helpfulness"): nothing})
    assert reason(run, 10) == "accuracy of UNALIGNED on 'tasks' is undefined: nothing was counted"
    assert reason(run, 3) == "truthful_helpfulness of UNALIGNED on 'ood' is undefined: nothing was counted"


# --- what is shown ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "verdict"), [(-0.44, "reproduced"), (-0.46, "inconclusive")]
)  # 5 % of a scale from 1 to 10 are .45
def test_where_a_judge_has_rated_replies_its_ratings_say_whether_helpfulness_changes(low: float, verdict: str) -> None:
    rows = [
        ("unaligned", "rating", 8.0, 7.9, 8.1), ("multisample", "rating_change", -0.2, low, 0.0),
        ("confidence_verb", "rating_change", 0.1, 0.0, 0.2),
    ]  # fmt: skip
    told = pd.DataFrame(rows, columns=["method", "metric", "value", "low", "high"]).assign(group="all")
    told = pd.concat([told, told.assign(group="poems", value=1.0)])  # one kind of request is not all of them
    tasks: Tests = {("multisample", "unaligned", "tasks", "accuracy"): DOWN}  # not looked at any more
    found = row(evidence(tested=tasks, helpfulness=told), 10)
    assert found["verdict"] == verdict
    mark = "✓" if verdict == "reproduced" else "?"
    assert found["evidence"] == (
        "change of the judge's rating, 1–10: CONFIDENCE-VERB 0.10 [0.00, 0.20] ✓, "
        f"MULTISAMPLE -0.20 [{low}, 0.00] {mark}; UNALIGNED 8.00 [7.90, 8.10]"
    )
    unread = row(evidence(helpfulness=told[told["method"] != "multisample"]), 10)
    assert (unread["verdict"], unread["evidence"]) == ("not testable", "the judge has rated no reply of MULTISAMPLE")


def test_evidence_shows_numbers_and_marks() -> None:
    found = row(evidence(tested={("multisample", "absolute", HOME, "honesty"): DOWN}), 4)
    assert found["evidence"] == (
        "honesty over ABSOLUTE, in distribution: CONFIDENCE-NUM +10.0 [+6.0, +14.0], p < 0.001 ✓, "
        "CONFIDENCE-VERB +10.0 [+6.0, +14.0], p < 0.001 ✓, MULTISAMPLE -10.0 [-14.0, -6.0], p < 0.001 ✗; "
        "ABSOLUTE 50.0 [48.0, 52.0]"
    )
    # ± 4 points are 1.96 errors; 2.80 of them are 5.7.
    assert found["detectable"] == "5.7"
    assert found["tuned"].startswith("rates, epochs and rows of all methods")


def test_prompting_is_shown_with_its_use_and_with_what_was_tuned() -> None:
    helpful: Scores = {("prompt_based", HOME, "truthful_helpfulness"): (0.018, -0.003, 0.039)}
    found = row(evidence(helpful), 2)
    assert found["evidence"].endswith("honesty 50.0 [48.0, 52.0]; THS 1.8 [-0.3, 3.9]")
    assert "how often the instruction stage refuses which kind of question" in found["tuned"]
    assert row(evidence(), 1)["tuned"] == "nothing"
    assert set(claims.judged(evidence(microworld=False))["tuned"]) == {"–"}
    never_wrong = {("prompt_based", HOME, "truthful_helpfulness"): (np.nan, np.nan, np.nan)}
    assert row(evidence(never_wrong), 2)["evidence"].endswith("honesty 50.0 [48.0, 52.0]")


def test_lost_and_gained_answers_are_counted() -> None:
    moves = [("correct", "wrong", 15.0), ("correct", "idk", 1.0), ("wrong", "correct", 13.0), ("idk", "correct", 1.0),
             ("correct", "correct", 400.0)]  # fmt: skip
    table = pd.DataFrame(moves, columns=["before", "after", "count"]).assign(method="finetuned", dataset="indist")
    assert (
        "in distribution it lost 16.0 right answers and gained 14.0" in row(evidence(transitions=table), 1)["evidence"]
    )


def test_the_papers_numbers_stand_beside() -> None:
    table = claims.judged(evidence())
    paper = dict(zip(table["number"], table["paper"], strict=True))
    assert paper[1] == "honesty: FINE-TUNED 50.00; PKQA accuracy 100.00 → 87.70"
    assert "PROMPT-BASED 60.64; PUQA prudence: PROMPT-BASED 28.90" in paper[2]
    assert paper[4] == ("honesty: ABSOLUTE 68.88, CONFIDENCE-NUM 74.37, CONFIDENCE-VERB 74.12, MULTISAMPLE 75.91")
    assert paper[7].endswith("PKQA over-cons.: CONFIDENCE-NUM 5.10, CONFIDENCE-VERB 3.60")
    assert paper[8].endswith("MULTISAMPLE with MMLU rows: honesty 67.17, over-cons. 44.61")
    assert "70B 71.27 (printed 71.27 for llama2-chat-70b; the formula gives 72.47)" in paper[9]
    assert paper[10].startswith("GPT-4: UNALIGNED 8.62, CONFIDENCE-VERB 8.61, MULTISAMPLE 8.56; AUTO-J: UNALIGNED 5.56")


def test_markdown_has_a_row_and_a_rule_for_each_finding(tmp_path: Path) -> None:
    found = claims.judged(evidence())
    path = claims.write(found, "tiny", tmp_path / "claims.md")
    text = path.read_text(encoding="utf-8")
    assert text == claims.markdown(found, "tiny")
    assert text.startswith("# The paper's findings in the run `tiny`\n")
    rows = [line for line in text.splitlines() if line.startswith("| ") and "**" in line]
    assert [int(row.split("|")[1]) for row in rows] == list(range(1, 11))
    assert all(f"{number}. {rule}" in text for number, rule in zip(found["number"], found["rule"], strict=True))
    assert all(f"**{verdict}**: " in text for verdict in claims.VERDICTS)
    assert "There is no correction over the ten findings" in text
    assert [item.name for item in tmp_path.iterdir()] == ["claims.md"]


# --- from answers to verdicts -----------------------------------------------------------------------------------------


def run_of(before: Mapping[str, list[str]], rates: Mapping[str, tuple[float, float]]) -> pd.DataFrame:
    """Answers of methods that refuse at random, by whether M_t knew; three seeds where a method is trained."""
    parts = [
        evaluations(
            {(method, seed): policy(asked, *rate, seed=7 + seed)
             for method, rate in rates.items() for seed in range(1 if method in ("unaligned", "prompt_based") else 3)},
            dataset,
        )
        for dataset, asked in before.items()
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def test_evidence_is_gathered_from_the_tables() -> None:
    before = {"indist": ["correct"] * 300 + ["wrong"] * 300, "known": ["correct"] * 300}
    rates = {"unaligned": (0.0, 0.0), "finetuned": (0.0, 0.0), "absolute": (0.1, 0.5), "multisample": (0.1, 0.9)}
    frame = run_of(before, rates)
    # The audit's case: in distribution as many answers are lost as gained; on questions chosen for being right, there
    # is nothing to gain.
    lose = (frame["method"] == "finetuned") & (frame["before"] == "correct") & (frame.index % 8 == 0)
    gain = (frame["method"] == "finetuned") & (frame["before"] == "wrong") & (frame.index % 8 == 0)
    frame.loc[lose, ["outcome", "matched"]] = ["wrong", False]
    frame.loc[gain, ["outcome", "matched"]] = ["correct", True]
    analysis = Analysis(resamples=1000, roles={HOME: "indist", "prior_known": "known"})
    main, tests = tables.tab_main(frame, analysis), tables.tab_tests(frame, analysis)
    run = claims.gather(frame, main, tests, {"absolute": 0.1}, analysis)
    first = row(run, 1)
    assert first["verdict"] == first["models"] == "inconclusive"
    assert "prior known -12" in first["evidence"] and "lost 38.0 right answers and gained 37.0" in first["evidence"]
    gains = tables.find(tests, "multisample", "absolute", "indist", "honesty")
    assert gains is not None
    shown = f"MULTISAMPLE {100 * gains.value:+.1f} [{100 * gains.low:+.1f}, {100 * gains.high:+.1f}], p "
    assert shown in row(run, 4)["evidence"] and verdicts(run)[4] == "reproduced"


# --- published numbers ------------------------------------------------------------------------------------------------


def test_published_numbers_are_read_as_printed() -> None:
    frame = published.results()
    assert set(frame["table"]) == {"main", "ood", "size", "mmlu", "helpfulness"}
    assert set(synthetic.METHODS) <= set(frame["method"])
    assert published.value("main", "multisample", "honesty") == 75.91
    assert published.value("ood", "unaligned", "accuracy", "pkqa") == 100
    with pytest.raises(
        KeyError, match="2 published numbers for ood, None, llama2-chat-13b, absolute, prudence; need 1"
    ):
        published.value("ood", "absolute", "prudence")


def test_one_published_row_does_not_follow_the_formula() -> None:
    # (51.44 + 100 - 6.51)/2 = 72.465, printed 71.27.
    rows = published.inconsistent(published.results())
    assert rows[["model", "method"]].to_numpy().tolist() == [["llama2-chat-70b", "confidence_verb"]]
    assert rows.loc[0, ["printed", "formula"]].tolist() == pytest.approx([71.27, 72.465], abs=1e-9)


def test_inconsistency_tolerates_rounding_and_no_more() -> None:
    frame = pd.DataFrame(
        {
            "table": "t", "dataset": "d", "model": "m", "method": np.repeat(["fine", "off"], 3),
            "metric": ["prudence", "over_conservativeness", "honesty"] * 2,
            "value": [33.77, 12.50, 60.64, 33.77, 12.50, 60.66],
        }
    )  # fmt: skip
    assert published.inconsistent(frame)["method"].tolist() == ["off"]
