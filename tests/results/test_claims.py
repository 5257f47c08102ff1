"""Verdicts on the paper's findings: runs built to show each of them, to contradict it, or to lack what it needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support import synthetic
from support.frames import evaluations, policy

from honesty_utils.results import claims, published, tables
from honesty_utils.results.settings import Analysis

SIZE = 600
TAUS = {"absolute": 0.1, "absolute_tau_0.5": 0.5, "absolute_tau_0.9": 0.9}
# Refusal rate where M_t knew and where it did not, by method: as the paper finds them.
PAPER_LIKE = {
    "unaligned": (0.0, 0.0), "finetuned": (0.0, 0.0), "prompt_based": (0.12, 0.34), "absolute": (0.10, 0.48),
    "absolute_tau_0.5": (0.2, 0.6), "absolute_tau_0.9": (0.35, 0.75), "confidence_num": (0.06, 0.62),
    "confidence_verb": (0.02, 0.61), "multisample": (0.10, 0.90), "multisample_choice": (0.40, 0.90),
}  # fmt: skip
BEFORE = {
    "indist": ["correct"] * 300 + ["wrong"] * 300,
    "ood": ["correct"] * 300 + ["wrong"] * 300,
    "unknown": ["wrong"] * SIZE,
    "known": ["correct"] * SIZE,
    "choice": ["correct"] * 300 + ["wrong"] * 300,
    "tasks": ["correct"] * SIZE,
}


def paper_like_run(sets: tuple[str, ...] = tuple(BEFORE), **changed: Mapping[str, tuple[float, float]]) -> pd.DataFrame:
    """A run over ``sets`` that shows the paper's findings, but for the refusal rates of the sets in ``changed``."""
    parts = []
    for dataset in sets:
        before = BEFORE[dataset]
        rates = {**PAPER_LIKE, **changed.get(dataset, {})}
        if dataset == "tasks":
            rates = dict.fromkeys(PAPER_LIKE, (0.0, 0.0)) | dict(changed.get(dataset, {}))
        elif dataset == "choice":
            rates = {**dict.fromkeys(PAPER_LIKE, (0.02, 0.02)), "multisample_choice": (0.4, 0.9)}
            rates |= dict(changed.get(dataset, {}))
        parts.append(evaluations({(m, 0): policy(before, *rate, seed=7) for m, rate in rates.items()}, dataset))
    frame = pd.concat(parts, ignore_index=True)
    forgets = (frame["method"] == "finetuned") & (frame["dataset"] == "known") & (frame.index % 8 == 0)
    frame.loc[forgets, ["outcome", "matched"]] = ["wrong", False]
    return frame


def judge(
    frame: pd.DataFrame,
    roles: dict[str, str] = synthetic.ROLES,
    taus: Mapping[str, float] = TAUS,
    helpfulness: pd.DataFrame | None = None,
) -> pd.DataFrame:
    analysis = Analysis(resamples=1000, roles=roles)
    main, tests = tables.tab_main(frame, analysis), tables.tab_tests(frame, analysis)
    return claims.check(frame, main, tests, taus, analysis, helpfulness)


def verdicts(found: pd.DataFrame) -> dict[int, str]:
    return dict(zip(found["number"], found["verdict"], strict=True))


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    return judge(paper_like_run())


# --- verdicts ---------------------------------------------------------------------------------------------------------


def test_a_run_like_the_papers_reproduces_all_that_one_run_can(found: pd.DataFrame) -> None:
    assert list(found.columns) == ["number", "finding", "verdict", "evidence", "paper", "rule"]
    assert verdicts(found) == {number: "reproduced" for number in range(1, 11)} | {9: "not testable"}


# finding → a set and refusal rates that contradict it, all else as in the paper
CONTRADICTIONS = {
    "it refuses now and then": (1, "indist", {"finetuned": (0.05, 0.05)}),
    "the prompt changes nothing": (2, "indist", {"prompt_based": (0.0, 0.0)}),
    "the prompt is enough": (2, "unknown", {"prompt_based": (0.1, 0.95)}),
    "one method fails out of distribution": (3, "ood", {"confidence_num": (0.3, 0.3)}),
    "ABSOLUTE is as good": (4, "indist", {"absolute": (0.05, 0.62)}),
    "MULTISAMPLE is not the most honest": (5, "indist", {"multisample": (0.10, 0.62)}),
    "CONFIDENCE-VERB is not the most accurate": (5, "indist", {"confidence_verb": (0.20, 0.80)}),
    "prudence falls at the highest τ": (6, "indist", {"absolute_tau_0.9": (0.35, 0.30)}),
    "over-conservativeness does not rise": (6, "indist", {"absolute_tau_0.9": (0.1, 0.75)}),
    "it falls on the way": (6, "indist", {"absolute_tau_0.5": (0.02, 0.55)}),
    "too little refused": (7, "unknown", {"confidence_num": (0.1, 0.4)}),
    "too much refused": (7, "known", {"confidence_verb": (0.3, 0.4)}),
    "multiple choice is honest by itself": (8, "choice", {"absolute": (0.1, 0.6)}),
    "extra rows do nothing": (8, "choice", {"multisample_choice": (0.02, 0.02)}),
    "helpfulness falls": (10, "tasks", {"multisample": (0.2, 0.2)}),
}


NEEDS = {1: ("indist", "known"), 2: ("indist", "unknown"), 3: ("indist", "ood"), 7: ("indist", "unknown", "known"),
         8: ("indist", "choice"), 10: ("indist", "tasks")}  # fmt: skip
"""Sets that a finding speaks of; in distribution alone where it is not listed."""


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_a_run_that_contradicts_a_finding_does_not_reproduce_it(case: str) -> None:
    number, dataset, rates = CONTRADICTIONS[case]
    frame = paper_like_run(NEEDS.get(number, ("indist",)), **{dataset: rates})
    assert verdicts(judge(frame))[number] == "not reproduced"


def test_a_loss_of_accuracy_needs_a_test_to_be_one() -> None:
    frame = paper_like_run(NEEDS[1])
    keeps = (frame["method"] == "finetuned") & (frame["dataset"] == "known")
    frame.loc[keeps, ["outcome", "matched"]] = ["correct", True]
    row = judge(frame).iloc[0]
    assert row["verdict"] == "not reproduced"
    assert "difference +0.0 [-0.5, +0.5], p = 1.000" in row["evidence"]


def test_too_few_questions_do_not_reproduce() -> None:
    frame = paper_like_run(NEEDS[3])
    few = frame[frame["question_id"].str[-4:].astype(int) % 100 < 2]
    assert verdicts(judge(few))[3] == "not reproduced"


# --- not testable -----------------------------------------------------------------------------------------------------


def reason(found: pd.DataFrame, number: int) -> str:
    row = found.set_index("number").loc[number]
    assert row["verdict"] == "not testable"
    return str(row["evidence"])


def test_missing_sets_are_named() -> None:
    found = judge(paper_like_run(("indist",)), roles={"in_distribution": "indist"})
    expected = {1: "prior known", 2: "prior unknown", 3: "out of distribution", 7: "prior unknown",
                8: "multiple choice", 10: "non-knowledge tasks"}  # fmt: skip
    for number, role in expected.items():
        assert reason(found, number) == f"no {role} set in this run"
    assert {verdicts(found)[number] for number in (4, 5, 6)} == {"reproduced"}


def test_missing_methods_are_named() -> None:
    frame = paper_like_run()
    found = judge(frame[frame["method"].isin(["unaligned", "prompt_based"])], taus={})
    assert reason(found, 1) == "FINE-TUNED was not evaluated in this run"
    assert reason(found, 3) == "no method that teaches refusing in this run"
    assert reason(found, 6) == "no ABSOLUTE in this run"
    assert reason(found, 7) == "CONFIDENCE-NUM was not evaluated in this run"
    found = judge(frame[frame["method"].isin(["unaligned", "prompt_based", "absolute"])], taus={"absolute": 0.1})
    assert reason(found, 4) == "no method that uses expected accuracy in this run"
    assert reason(found, 5) == "MULTISAMPLE was not evaluated in this run"
    assert reason(found, 6) == "ABSOLUTE was trained with one τ only"
    assert reason(found, 10) == "neither CONFIDENCE-VERB nor MULTISAMPLE in this run"


def test_multiple_choice_without_such_rows_shows_what_there_is() -> None:
    frame = paper_like_run(NEEDS[8])
    text = reason(judge(frame[frame["method"] != "multisample_choice"]), 8)
    assert text.startswith(
        "no method was trained with multiple-choice rows in this run (without such rows, honesty: ABS"
    )


def test_undefined_scores_are_not_testable() -> None:
    frame = paper_like_run(NEEDS[10])
    frame.loc[frame["dataset"] == "tasks", "outcome"] = "unscored"
    assert reason(judge(frame), 10) == "accuracy of UNALIGNED on 'tasks' is undefined: nothing was counted"


# --- what is shown ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "verdict"), [(-0.44, "reproduced"), (-0.46, "not reproduced")]
)  # 5 % of a scale from 1 to 10 are .45
def test_where_a_judge_has_rated_replies_its_ratings_say_whether_helpfulness_changes(low: float, verdict: str) -> None:
    frame = paper_like_run(tasks={"multisample": (0.2, 0.2)})
    rows = [
        ("unaligned", "rating", 8.0, 7.9, 8.1), ("multisample", "rating_change", -0.2, low, 0.0),
        ("confidence_verb", "rating_change", 0.1, 0.0, 0.2),
    ]  # fmt: skip
    told = pd.DataFrame(rows, columns=["method", "metric", "value", "low", "high"]).assign(group="all")
    told = pd.concat([told, told.assign(group="poems", value=1.0)])  # one kind of request is not all of them
    found = judge(frame, helpfulness=told).set_index("number").loc[10]
    assert found["verdict"] == verdict
    assert "1–10: UNALIGNED 8.00 [7.90, 8.10]; changes: CONFIDENCE-VERB +0.10 [+0.00, +0.20]" in found["evidence"]
    assert f"MULTISAMPLE -0.20 [{low}, +0.00]" in found["evidence"]
    unread = judge(frame, helpfulness=told[told["method"] != "multisample"]).set_index("number").loc[10]
    assert (unread["verdict"], unread["evidence"]) == ("not testable", "the judge has rated no reply of MULTISAMPLE")


def test_evidence_has_the_numbers_of_the_tables(found: pd.DataFrame) -> None:
    analysis = Analysis(resamples=1000, roles=synthetic.ROLES)
    frame = paper_like_run()
    main = tables.tab_main(frame, analysis).set_index(["method", "dataset", "metric"])
    row = 100 * main.loc[("prompt_based", "unknown", "prudence"), ["value", "low", "high"]].astype(float)
    shown = f"prior-unknown prudence {row['value']:.1f} [{row['low']:.1f}, {row['high']:.1f}]"
    assert shown in found.loc[1, "evidence"]
    tests = tables.tab_tests(frame, analysis)
    gain = tables.find(tests, "multisample", "absolute", "indist", "honesty")
    assert gain is not None
    shown = f"MULTISAMPLE {100 * gain.value:+.1f} [{100 * gain.low:+.1f}, {100 * gain.high:+.1f}], p < 0.001"
    assert shown in found.loc[3, "evidence"]


def test_the_papers_numbers_stand_beside(found: pd.DataFrame) -> None:
    paper = dict(zip(found["number"], found["paper"], strict=True))
    assert paper[1] == "honesty: FINE-TUNED 50.00; PKQA accuracy 100.00 → 87.70"
    assert "PROMPT-BASED 60.64; PUQA prudence: PROMPT-BASED 28.90" in paper[2]
    assert paper[4] == ("honesty: ABSOLUTE 68.88, CONFIDENCE-NUM 74.37, CONFIDENCE-VERB 74.12, MULTISAMPLE 75.91")
    assert paper[7].endswith("PKQA over-cons.: CONFIDENCE-NUM 5.10, CONFIDENCE-VERB 3.60")
    assert paper[8].endswith("MULTISAMPLE with MMLU rows: honesty 67.17, over-cons. 44.61")
    assert "70B 71.27 (printed 71.27 for llama2-chat-70b; the formula gives 72.47)" in paper[9]
    assert paper[10].startswith("GPT-4: UNALIGNED 8.62, CONFIDENCE-VERB 8.61, MULTISAMPLE 8.56; AUTO-J: UNALIGNED 5.56")


def test_markdown_has_a_row_and_a_rule_for_each_finding(found: pd.DataFrame, tmp_path: Path) -> None:
    path = claims.write(found, "tiny", tmp_path / "claims.md")
    text = path.read_text(encoding="utf-8")
    assert text == claims.markdown(found, "tiny")
    assert text.startswith("# The paper's findings in the run `tiny`\n")
    rows = [line for line in text.splitlines() if line.startswith("| ") and "**" in line]
    assert [int(row.split("|")[1]) for row in rows] == list(range(1, 11))
    assert all(f"{number}. {rule}" in text for number, rule in zip(found["number"], found["rule"], strict=True))
    assert [item.name for item in tmp_path.iterdir()] == ["claims.md"]


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
