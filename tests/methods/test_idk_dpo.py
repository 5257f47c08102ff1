"""Pairs of Idk-DPO and the warm-up before them, by hand; rows of P(IK)."""

import logging

import pandas as pd
import pytest

from honesty_utils import methods
from honesty_utils.common import prompts, records
from honesty_utils.common.settings import Prompts
from honesty_utils.methods import absolute

P = Prompts()
OUTCOMES = {"c": "correct", "w": "wrong", "i": "idk", "u": "unscored"}
SPEC = {
    "all": "c cccc",  # known, never wrong: one pair
    "most": "c ccwc",  # 3 of 4
    "none": "w wwww",
    "luck": "c wwww",  # the greedy answer is right, no sample is
    "refuses": "i iiii",  # unknown, and nothing wrong to reject
    "late": "i iiwi",  # unknown, the greedy answer a refusal: sample 2 is wrong
    "unread": "w uuuu",
    "half": "u cuuw",  # 1 of 2 that could be scored
}


def labels(spec):
    rows = [
        (name, index, f"{name}.{index}", OUTCOMES[letter], f"{name}?", ["gold"])
        for name, letters in spec.items()
        for index, letter in enumerate(letters.replace(" ", ""), start=-1)
    ]
    return pd.DataFrame(rows, columns=["question_id", "sample_index", "text", "outcome", "question", "answers"])


ROWS = labels(SPEC)


def told(table):
    shown = table.replace({"chosen": {P.refusal: "-"}, "rejected": {P.refusal: "-"}})
    return [tuple(row) for row in shown[["question_id", "chosen", "rejected"]].itertuples(index=False)]


def pairs(**options):
    return methods.build("idk_dpo", ROWS, stage="dpo", **options)


def test_pairs_at_one_half():
    table = pairs(tau=0.5, target="greedy_first")
    records.conform(table, records.PAIRS, "idk_dpo")
    assert told(table) == [
        ("all", "all.-1", "-"),
        ("most", "most.-1", "-"), ("most", "most.-1", "most.2"),
        ("none", "-", "none.-1"),  # the greedy answer, which M_t would give
        ("luck", "-", table.loc[table["question_id"] == "luck", "rejected"].item()),
        ("late", "-", "late.2"),
        ("half", "half.0", "-"), ("half", "half.0", "half.3"),
    ]  # fmt: skip
    # A right greedy answer does not make it known here, and is not what a refusal is preferred to.
    assert table.set_index("question_id").loc["luck", "rejected"] in {f"luck.{i}" for i in range(4)}
    assert table["is_refusal"].tolist() == [chosen == P.refusal for chosen in table["chosen"]]
    assert set(table["prompt"]) == {prompts.render(P, "honest", f"{name}?") for name in table["question_id"]}


def test_by_default_only_what_is_always_right_is_known_as_in_the_paper():
    table = pairs()
    assert [name for name, chosen, _ in told(table) if chosen != "-"] == ["all"]
    assert ("most", "-", "most.2") in told(table)


def test_without_the_pair_of_rlkf():
    assert [row[0] for row in told(pairs(tau=0.5, right_over_wrong=False))] == [
        "all", "most", "none", "luck", "late", "half",
    ]  # fmt: skip


def test_no_pair_has_two_equal_texts_and_draws_depend_on_the_seed_and_the_question_alone():
    table = pairs(tau=0.25)
    assert (table["chosen"] != table["rejected"]).all()
    turned = methods.build("idk_dpo", labels(dict(reversed(SPEC.items()))), stage="dpo", tau=0.25)
    assert sorted(told(turned)) == sorted(told(table))
    assert any(told(pairs(tau=0.25, seed=seed)) != told(table) for seed in range(1, 5))


def test_what_has_no_pair_is_left_out_and_logged(caplog):
    with caplog.at_level(logging.WARNING):
        pairs()
    assert caplog.messages == [
        "methods.idk_dpo: 2 of 8 questions left out: no sample could be scored, or no answer is wrong that a refusal "
        "could be preferred to"
    ]


def test_the_warm_up_is_absolute_with_this_threshold():
    found = methods.build("idk_dpo", ROWS, stage="warm", tau=0.5, seed=3)
    expected = methods.build("absolute", ROWS, tau=0.5, greedy_suffices=False, target="random_sample", seed=3)
    pd.testing.assert_frame_equal(found, expected)
    refused = absolute.build(ROWS, P, absolute.Options(tau=1.0, greedy_suffices=False))
    assert set(refused.loc[~refused["is_refusal"], "question_id"]) == {"all"}


def test_a_stage_is_named():
    with pytest.raises(ValueError, match=r"methods.idk_dpo: has the stages \['warm', 'dpo'\]; name one"):
        methods.build("idk_dpo", ROWS)


# --- P(IK) ------------------------------------------------------------------------------------------------------------


def test_a_head_learns_expected_accuracy_under_the_plain_prompt():
    table = methods.build("p_ik", ROWS)
    records.conform(table, records.HEAD_ROWS, "p_ik")
    assert dict(zip(table["question_id"], table["target"], strict=True)) == {
        "all": 1, "most": 0.75, "none": 0, "luck": 0, "refuses": 0, "late": 0, "half": 0.5,
    }  # fmt: skip
    assert table["prompt"].tolist() == [prompts.render(P, "plain", f"{name}?") for name in table["question_id"]]


def test_or_whether_the_greedy_answer_is_right():
    table = methods.build("p_ik", ROWS, target="greedy")
    assert dict(zip(table["question_id"], table["target"], strict=True)) == {
        "all": 1, "most": 1, "none": 0, "luck": 1, "refuses": 0, "late": 0, "unread": 0,
    }  # fmt: skip
