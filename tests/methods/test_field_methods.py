"""Rows of the field's fine-tuning methods by hand."""

import math

import numpy as np
import pandas as pd
import pytest

from honesty_utils import evaluation, methods
from honesty_utils.common import records
from honesty_utils.common.paths import Run
from honesty_utils.common.records import GREEDY
from honesty_utils.common.settings import Prompts
from honesty_utils.engines.settings import Model
from honesty_utils.methods.settings import MethodEntry
from honesty_utils.workflow import params as params_file

P = Prompts()
LETTERS = {"c": "correct", "w": "wrong", "i": "idk", "u": "unscored"}


def labels(**outcomes: str) -> pd.DataFrame:
    """A question a name: the first letter is the greedy answer's outcome, the others those of samples."""
    rows = []
    for name, letters in outcomes.items():
        for index, letter in enumerate(letters, start=GREEDY):
            rows.append((name, index, f"{name} {letter}{index}", LETTERS[letter], f"Who is {name}?", [f"{name} gold"]))
    table = pd.DataFrame(rows, columns=["question_id", "sample_index", "text", "outcome", "question", "answers"])
    return table.assign(num_tokens=2, mean_logprob=-1.0, finish_reason="stop", matched=False, choices=None)


def told(table: pd.DataFrame) -> dict[str, str]:
    return dict(zip(table["question_id"], table["completion"], strict=True))


def test_r_tuning_goes_by_the_greedy_answer_alone() -> None:
    # Right samples of a question whose greedy answer was wrong do not count; no samples are needed.
    given = labels(right="cww", wrong="wcc", refused="icc", unread="ucc", alone="c")
    rows = methods.build("r_tuning", given)
    assert told(rows) == {"right": "right c-1", "wrong": P.refusal, "refused": P.refusal, "alone": "alone c-1"}
    assert rows["is_refusal"].tolist() == [False, True, True, False] and rows["confidence"].isna().all()
    assert all(prompt == prompt.strip() or prompt for prompt in rows["prompt"]) and "Who is right?" in rows["prompt"][0]
    gold = methods.build("r_tuning", given, target="gold")
    assert told(gold)["right"] == "Right gold." and told(gold)["wrong"] == P.refusal


def test_se_tuning_needs_no_gold_answer() -> None:
    given = labels(agree="ww", apart="cc", refused="ic", bare="ww")
    entropy = {"agree": 0.0, "apart": -math.log(2) * 2, "refused": 0.0, "bare": np.nan}
    given = given.assign(semantic_entropy=given["question_id"].map(entropy))
    rows = methods.build("entropy_tuning", given)
    # A wrong answer that all samples agree on is taught; a right one that they do not agree on is refused.
    assert told(rows) == {"agree": "agree w-1", "apart": P.refusal, "refused": P.refusal}
    assert told(methods.build("entropy_tuning", given, entropy=2.0))["apart"] == "apart c-1"
    # A threshold that the entropy equals does not refuse.
    assert told(methods.build("entropy_tuning", given, entropy=2 * math.log(2)))["apart"] == "apart c-1"
    # Whatever the verdicts are, but for refusals: no gold answer is looked at.
    other = given.assign(outcome=given["outcome"].replace({"correct": "wrong"}))
    pd.testing.assert_frame_equal(methods.build("entropy_tuning", other), rows)


def test_r_tuning_u_refuses_the_half_whose_samples_differ_most() -> None:
    given = labels(same="wcc", apart="cww", three="cwww", idle="icc", also="wcc")
    entropy = {"same": 0.0, "apart": math.log(2), "three": math.log(3), "idle": 0.0, "also": 0.0}
    given = given.assign(string_entropy=-given["question_id"].map(entropy))
    rows = methods.build("r_tuning_u", given)
    # Two of five are refused, whatever was right; a refusal stays one.
    assert told(rows) == {
        "same": "same w-1", "apart": P.refusal, "three": P.refusal, "idle": P.refusal, "also": "also w-1",
    }  # fmt: skip
    assert told(methods.build("r_tuning_u", given, share=0.2))["apart"] == "apart c-1"
    other = given.assign(outcome=given["outcome"].replace({"correct": "wrong"}))
    pd.testing.assert_frame_equal(methods.build("r_tuning_u", other), rows)
    records.conform(rows, records.SFT, "r_tuning_u")


def test_r_tuning_sure_teaches_the_gold_answer_and_whether_it_was_known() -> None:
    given = labels(right="c", wrong="w", refused="i", unread="u")
    rows = methods.build("r_tuning_sure", given)
    records.conform(rows, records.SFT, "r_tuning_sure")
    assert rows["completion"].tolist() == ["Right gold.", "I am sure.", "Wrong gold.", "I am unsure."]
    assert rows["question_id"].tolist() == ["right", "right", "wrong", "wrong"] and not rows["is_refusal"].any()
    # The second prompt shows the first one and the answer that is taught, right or not.
    plain = rows["prompt"].tolist()[::2]
    for asked, prompt, said in zip(rows["prompt"].tolist()[1::2], plain, ["Right gold.", "Wrong gold."], strict=True):
        assert asked.startswith(f"{prompt} {said}\n") and asked.endswith("?")
    own = methods.build("r_tuning_sure", given, target="own")
    assert own["completion"].tolist() == ["right c-1", "I am sure.", "wrong w-1", "I am unsure."]
    with pytest.raises(ValueError, match="none of 1 questions makes a row: its greedy answer was a refusal or unscor"):
        methods.build("r_tuning_sure", labels(refused="i"))


def test_r_tuning_sure_withholds_what_is_no_likelier_sure_than_unsure() -> None:
    answer = methods.METHODS["r_tuning_sure"].answer
    found = answer.decide(pd.DataFrame({"sure": [0.51, 0.5, 0.1, None]}), {})
    assert found["withheld"].tolist() == [False, True, True, False]  # what could not be told is no refusal
    assert found["confidence"].tolist()[:3] == [0.51, 0.5, 0.1] and math.isnan(found["confidence"][3])


def test_elicited_learns_shares_that_no_gold_answer_was_asked_for() -> None:
    given = labels(sure="cw", unsure="wc", bare="cu").assign(self_consistency=np.nan)
    given["self_consistency"] = given["question_id"].map({"sure": 1.0, "unsure": 0.5})
    rows = methods.build("elicited", given)
    assert dict(zip(rows["question_id"], rows["target"], strict=True)) == {"sure": 1.0, "unsure": 0.5}
    other = methods.build("elicited", given.assign(outcome="wrong"))
    pd.testing.assert_frame_equal(other, rows)
    records.conform(rows, records.HEAD_ROWS, "elicited")


def test_saplma_learns_of_the_greedy_answer_whether_it_was_right() -> None:
    given = labels(right="c", wrong="wc", refused="ic", unread="uc")
    rows = methods.build("saplma", given)
    records.conform(rows, records.HEAD_ROWS, "saplma")
    assert rows[["question_id", "answer", "target"]].values.tolist() == [
        ["right", "right c-1", 1.0], ["wrong", "wrong w-1", 0.0]
    ]  # fmt: skip
    assert "Who is right?" in rows["prompt"][0] and len(methods.build("saplma", given, labeled=1)) == 1


def test_elical_goes_on_with_the_few_that_have_labels() -> None:
    given = labels(**dict.fromkeys("abcdefgh", "ccw"), unread="cuu").assign(self_consistency=0.5)
    first = methods.build("elical", given, stage="elicit")
    pd.testing.assert_frame_equal(first, methods.build("elicited", given))
    whole = methods.build("elical", given, stage="head")
    pd.testing.assert_frame_equal(whole, methods.build("p_ik", given))
    assert whole["target"].tolist() == [0.5] * 8
    few, fewer = (methods.build("elical", given, stage="head", labeled=number) for number in (5, 2))
    # Few questions are part of more; P(IK) has the same ones, so that the two compare.
    assert len(few) == 5 and len(fewer) == 2 and set(fewer["question_id"]) < set(few["question_id"])
    pd.testing.assert_frame_equal(few, methods.build("p_ik", given, labeled=5))
    drawn = {tuple(methods.build("p_ik", given, labeled=5, seed=seed)["question_id"]) for seed in range(9)}
    assert len(drawn) > 3
    assert methods.build("elical", given, stage="head", labeled=99).equals(whole)
    assert methods.build("elical", given, stage="head", target="greedy")["target"].tolist() == [1.0] * 9


LADDER = labels(
    sure="cccc", most="cccw", half="wccw", few="wcww", none="wwww", also="wwww", unread="wuuu"
)  # expected accuracy 1, 2/3, 2/3, 1/3, 0, 0
AGREEMENT = {"sure": 0.0, "most": -0.2, "half": -0.6, "few": -1.0, "none": -0.1, "also": -1.1, "unread": -1.0}
LADDER = LADDER.assign(semantic_entropy=LADDER["question_id"].map(AGREEMENT))


def test_the_ladder_keeps_the_surest_answers_and_the_least_sure_refusals() -> None:
    rows = methods.build("corcer_rait", LADDER, keep=0.67, share=0.5)
    # Of three to answer two are kept, and as many refused: those of whose samples fewest agree.
    assert told(rows) == {"sure": "sure c-1", "most": "most c-1", "few": P.refusal, "also": P.refusal}
    assert rows["is_refusal"].tolist() == [False, False, True, True]
    # Four to one: of all three to answer there is one refusal, rounded up from three quarters.
    assert told(methods.build("corcer_rait", LADDER, keep=1.0)) == {
        "sure": "sure c-1", "most": "most c-1", "half": "half c0", "also": P.refusal,
    }  # fmt: skip


def test_by_correctness_alone_rows_are_drawn_whatever_agrees() -> None:
    rows = methods.build("cor_rait", LADDER, keep=0.67, share=0.5)
    assert rows["is_refusal"].sum() == 2 and len(rows) == 4
    assert set(rows.loc[~rows["is_refusal"], "question_id"]) < {"sure", "most", "half"}
    other = LADDER.assign(semantic_entropy=0.0)
    again = methods.build("cor_rait", other, keep=0.67, share=0.5)
    assert told(again) == told(rows), "agreement does not decide"
    drawn = {frozenset(told(methods.build("cor_rait", LADDER, keep=0.67, share=0.5, seed=seed))) for seed in range(9)}
    assert len(drawn) > 1


def test_flow_refuses_nothing_that_rehearsing_made_better_known() -> None:
    after = {"sure": 1.0, "most": 0.0, "half": 1.0, "few": 0.9, "none": 0.5, "also": 0.0, "unread": 0.0}
    given = LADDER.assign(expected_accuracy_rehearsal=LADDER["question_id"].map(after))
    rows = methods.build("craft", given, stage="craft", keep=0.67, share=0.5)
    # `few` and `none` have risen: only `also`, which stays at nought, is refused, though there is room for two.
    assert told(rows) == {"sure": "sure c-1", "most": "most c-1", "also": P.refusal}
    with pytest.raises(ValueError, match="craft: 2 questions to answer and none to refuse, of 6"):
        methods.build("craft", given.assign(expected_accuracy_rehearsal=np.nan), stage="craft")
    with pytest.raises(ValueError, match="labels lack the column 'expected_accuracy_rehearsal'"):
        methods.build("craft", LADDER, stage="craft")


def test_the_rehearsal_is_of_what_is_surely_known_under_the_plain_prompt() -> None:
    rows = methods.build("craft", LADDER, stage="rehearsal")
    assert told(rows) == {"sure": "sure c-1"} and not rows["is_refusal"].any()
    assert rows["prompt"].tolist() == [P.plain.replace("{question}", "Who is sure?")]
    # As sure in number, but one sample says it in other words.
    apart = LADDER.assign(semantic_entropy=LADDER["semantic_entropy"] - 0.1)
    with pytest.raises(ValueError, match="none of 7 questions makes a row: it is not surely known"):
        methods.build("craft", apart, stage="rehearsal")


def test_rows_fit_their_schema_and_what_is_lacking_is_named() -> None:
    given = labels(right="cww", wrong="wcc").assign(semantic_entropy=-0.5)
    for name in ("r_tuning", "entropy_tuning"):
        records.conform(methods.build(name, given), records.SFT, name)
    with pytest.raises(ValueError, match=r"methods.entropy_tuning: labels lack the signals \['semantic_entropy'\]"):
        methods.build("entropy_tuning", given.drop(columns="semantic_entropy"))
    with pytest.raises(ValueError, match="none of 1 questions makes a row: its greedy answer could not be scored"):
        methods.build("r_tuning", labels(unread="ucc"))


@pytest.mark.parametrize(
    "options, error", [({"entropy": -1}, "entropy: .*greater than or equal to 0"), ({"tau": 1}, "unknown options")]
)
def test_options_are_held(options: dict, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        methods.check_options("entropy_tuning", options)


# --- best of n --------------------------------------------------------------------------------------------------------


def drawn(*rows: tuple[str, int, float | None, int]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["question_id", "sample_index", "mean_logprob", "num_tokens"])
    return table.assign(text=[f"{name}{index}" for name, index, *_ in rows], finish_reason="stop")


def test_the_likeliest_as_a_whole_is_the_answer() -> None:
    # Of b: sums -4, -3 and -3.5, though the second's tokens are the least likely. Of a: a tie, the greedy one.
    given = drawn(
        ("b", GREEDY, -1.0, 4), ("b", 0, -1.5, 2), ("b", 1, -0.5, 7),
        ("a", GREEDY, -2.0, 1), ("a", 0, -1.0, 2), ("c", GREEDY, -9.0, 1),
    )  # fmt: skip
    chosen = methods.METHODS["best_of_n"].answer.choose(given)
    assert chosen["text"].tolist() == ["b0", "a-1", "c-1"] and list(chosen.columns) == list(given.columns)


def test_an_answer_that_was_cut_off_is_no_whole_one() -> None:
    given = drawn(("a", GREEDY, -2.0, 3), ("a", 0, -0.1, 9), ("b", GREEDY, -2.0, 3), ("b", 0, -1.0, 3))
    given = given.assign(finish_reason=["stop", "length", "length", "length"])
    assert methods.METHODS["best_of_n"].answer.choose(given)["text"].tolist() == ["a-1", "b0"]


def test_without_likelihoods_nothing_is_chosen() -> None:
    with pytest.raises(ValueError, match="response 0 to question 'a' has no log-probability; set sampling"):
        methods.METHODS["best_of_n"].answer.choose(drawn(("a", GREEDY, -1.0, 3), ("a", 0, None, 1)))


def test_answers_are_chosen_from_all_that_was_drawn(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HONESTY_ROOT", str(tmp_path))
    run = Run("r")
    given = drawn(("a", GREEDY, -2.0, 2), ("a", 0, -1.0, 2), ("b", GREEDY, -1.0, 2), ("b", 0, -3.0, 2))
    table = given.assign(outcome=["wrong", "correct", "wrong", "wrong"], matched=False, judge_score=None)
    records.write(table, records.LABELS, run.labels("mine"))
    (one,) = evaluation.models(
        run, {"best_of_n": MethodEntry(method="best_of_n")}, [("best_of_n", 0)], Model(name="o/m")
    )
    assert not one.asked
    assert evaluation.answers(run, one, ["mine"])["mine"]["text"].tolist() == ["a0", "b-1"]


def test_nothing_to_choose_from_is_said() -> None:
    content = {
        "run": "r",
        "model": {"name": "o/m"},
        "questions": {"train": {"source": "triviaqa"}, "mine": {"source": "mmlu", "samples": 0}},
        "methods": {"best_of_n": None},
        "evaluation": {"datasets": ["mine"]},
        "analysis": {"roles": {"in_distribution": "mine"}},
    }
    message = r"methods\.best_of_n: chooses among sampled answers, but questions\.mine\.samples is 0"
    with pytest.raises(ValueError, match=message):
        params_file.of_content(content, "p.yaml")
    message = r"methods\.best_of_n: chooses the likeliest of sampled answers, and sampling\.engine 'vllm' does not tell"
    with pytest.raises(ValueError, match=message):
        params_file.of_content({**content, "sampling": {"engine": "vllm"}}, "p.yaml")


# --- CONFTUNER and IDK-HIR --------------------------------------------------------------------------------------------


def test_conftuner_asks_of_the_greedy_answer_whether_it_was_right() -> None:
    given = labels(right="ccw", wrong="wcw", refused="icc", unread="ucc", bare="c")
    rows = methods.build("conf_tuner", given)
    records.conform(rows, records.STATED, "conf_tuner")
    assert dict(zip(rows["question_id"], rows["target"], strict=True)) == {"right": 1.0, "wrong": 0.0, "bare": 1.0}
    assert (
        "Who is right?" in rows["prompt"][0] and "right c-1" in rows["prompt"][0] and "from 0 to 9" in rows["prompt"][0]
    )
    soft = methods.build("conf_tuner", given, target="expected_accuracy")
    assert dict(zip(soft["question_id"], soft["target"], strict=True)) == {"right": 0.5, "wrong": 0.5}


def test_conftuner_withholds_what_it_states_to_be_no_likelier_right_than_wrong() -> None:
    answer = methods.METHODS["conf_tuner"].answer
    told_of = pd.DataFrame({"question_id": list("abcd"), "text": "x", "digit": [0.5, 0.51, 0.0, np.nan]})
    said = answer.decide(told_of, {})
    assert said["withheld"].tolist() == [True, False, True, False]
    assert said["confidence"].tolist()[:3] == [0.5, 0.51, 0.0]


def test_idk_hir_teaches_every_question_at_every_place_of_the_dial() -> None:
    given = labels(always="c" + "c" * 10, thrice="w" + "c" * 3 + "w" * 7, never="w" * 11, unread="cu")
    rows = methods.build("idk_hir", given)
    records.conform(rows, records.SFT, "idk_hir")
    assert rows.groupby("question_id", sort=False).size().to_dict() == {"always": 11, "thrice": 11, "never": 11}
    answers = rows[~rows["is_refusal"]].groupby("question_id")["prompt"].agg(list)
    # tau is 1.1 - dial: three of ten are enough from .8 on, all ten from .1 on; at 0 everything is refused.
    assert [prompt.split()[1] for prompt in answers["thrice"]] == ["0.8", "0.9", "1"]
    assert len(answers["always"]) == 10 and "never" not in answers
    assert set(rows.loc[rows["is_refusal"], "completion"]) == {P.refusal}
    assert set(rows.loc[~rows["is_refusal"], "completion"]) <= set(given.loc[given["outcome"] == "correct", "text"])
    assert rows["prompt"].str.startswith("Boldness ").all() and rows["prompt"].str.contains("Who is ").all()


def test_a_question_may_be_taught_at_some_places_that_lots_choose() -> None:
    given = labels(**{name: "c" + "c" * 5 + "w" * 5 for name in "abcdef"})
    rows = methods.build("idk_hir", given, places=3)
    whole = methods.build("idk_hir", given)
    assert (rows.groupby("question_id").size() == 3).all() and set(rows["prompt"]) <= set(whole["prompt"])
    drawn = rows["prompt"].str.split().str[1].groupby(rows["question_id"]).agg(tuple)
    assert drawn.nunique() > 1 and not rows.equals(methods.build("idk_hir", given, places=3, seed=1))


def test_the_dial_is_told_when_it_answers() -> None:
    kind = methods.METHODS["idk_hir"]
    options = methods.check_options("idk_hir", {"dial": 0.25, "words": "{prompt} Be {dial} bold."})
    assert kind.answer.words is not None and kind.answer.words("Who {dial}?", options) == "Who {dial}? Be 0.25 bold."
    assert kind.answer.dial == "dial"


# --- rewards ----------------------------------------------------------------------------------------------------------


def test_what_is_rewarded_is_asked_with_what_is_known_of_it() -> None:
    given = labels(half="wcw", never="www", alone="c", unread="cuu")
    given.loc[given["question_id"] == "never", "answers"] = pd.Series([[]] * 3, index=[3, 4, 5])
    rows = methods.build("truth_rl", given)
    records.conform(rows, records.ROLLOUTS, "truth_rl")
    # A question that nobody can answer rewards its refusal; what no sample shows is not known.
    assert rows["question_id"].tolist() == ["half", "never", "alone", "unread"]
    assert rows["known"].tolist()[:2] == [0.5, 0.0] and rows["known"].isna().tolist() == [False, False, True, True]
    assert "Who is half?" in rows["prompt"][0]


def test_a_warm_start_is_absolute_at_one_half_or_confidence_num() -> None:
    given = labels(known="w" + "cc" + "ww", unknown="c" + "c" + "www")
    warm = methods.build("truth_rl_warm", given, stage="warm")
    pd.testing.assert_frame_equal(warm, methods.build("absolute", given, tau=0.5, greedy_suffices=False))
    pd.testing.assert_frame_equal(methods.build("rlcr", given, stage="warm"), methods.build("confidence_num", given))
    stages = {name: methods.METHODS[name].stage("grpo").given for name in ("truth_rl_warm", "binary_reward", "rlcr")}
    assert [one.get("reward") for one in stages.values()] == [None, "binary", "brier"]
    assert methods.METHODS["truth_rl"].stage("grpo").start == "base"


def test_mixed_teaches_the_rows_of_both() -> None:
    given = labels(known="c" + "cc" + "ww", unknown="w" + "wwww")
    rows = methods.build("mixed", given, tau=0.5, greedy_suffices=False)
    honest = methods.build("absolute", given, tau=0.5, greedy_suffices=False)
    helpful = methods.build("finetuned", given)
    pd.testing.assert_frame_equal(rows, pd.concat([honest, helpful], ignore_index=True))
    assert told(honest)["unknown"] == P.refusal and told(helpful)["unknown"] == "Unknown gold."


@pytest.mark.parametrize(
    "options, error",
    [
        ({"weights": [1]}, "weights: 1 for 2 models"),
        ({"way": "slerp", "of": list("abc"), "weights": [1, 1, 1]}, "slerp is between two models"),
        ({"way": "linear", "weights": [1, -1]}, "have the sum 0"),
        ({"of": ["absolute"], "weights": [1]}, "at least 2"),
        ({"of": ["a", "a"]}, "a"),
    ],
)
def test_what_cannot_be_merged_is_said(options: dict, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        methods.check_options("merged", options)
