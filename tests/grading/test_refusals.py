"""Refusal signs by family, and what a refusal goes on to say."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from honesty_utils import grading
from honesty_utils.common.settings import DEFAULT_REFUSAL

FAMILIES = sorted(grading.FAMILIES)


def test_the_default_and_llama2_are_the_papers() -> None:
    assert grading.refusal_signs(None) == grading.refusal_signs("llama2") == grading.PAPER_SIGNS
    assert len(grading.PAPER_SIGNS) == 9
    assert grading.refusal_signs(["No idea"]) == ("No idea",)
    assert grading.refusal_signs([]) == ()


def test_an_unknown_family_names_the_known_ones() -> None:
    with pytest.raises(
        ValueError, match=r"refusal_signs: no family or language 'gpt'; known: \['baichuan', .*'all'\]; or list the"
    ):
        grading.refusal_signs("gpt")


def test_a_language_has_signs_and_all_is_every_familys() -> None:
    assert "das nicht sagen" in grading.refusal_signs("german")
    assert set(grading.refusal_signs("all")) == {sign for signs in grading.FAMILIES.values() for sign in signs}
    assert not set(grading.LANGUAGES) & {*grading.FAMILIES, "all"}


@pytest.mark.parametrize("family", FAMILIES)
def test_signs_are_lower_case_distinct_and_in_the_list_of_all(family: str) -> None:
    signs = grading.FAMILIES[family]
    assert all(sign == sign.lower().strip() and len(sign) >= 2 for sign in signs)
    assert len(set(signs)) == len(signs) and set(signs) <= set(grading.refusal_signs("all"))


# family, a refusal in its manner, an answer that its list must leave alone
MANNERS = [
    ("llama2", "I apologize, but I cannot say.", "It was Paris, I think."),
    ("llama3", "I couldn’t verify who that was.", "It couldn't be anyone but Paris."),
    ("llama3", "I could not verify who that was.", "He could verify it: Paris."),
    ("qwen", "抱歉，我没有找到答案。", "答案是巴黎。"),
    ("qwen", "As of my last update, I do not have any record of it.", "Paris, as of 1900."),
    ("internlm", "很抱歉，我无法回答这个问题。", "这个问题的答案是巴黎。"),
    ("baichuan", "There is no relevant information.", "There is: Paris."),
    ("mistral", "Without more context I cannot tell.", "Paris, in that context."),
    ("gemma", "The provided text does not say.", "The provided text says Paris."),
    ("deepseek", "I don’t recognize that name.", "He did not recognize his own name: Paris."),
]


@pytest.mark.parametrize(("family", "refusal", "answer"), MANNERS)
def test_a_family_refuses_in_its_manner(family: str, refusal: str, answer: str) -> None:
    signs = grading.refusal_signs(family)
    assert grading.is_refusal("Who?", refusal, signs=signs)
    assert not grading.is_refusal("Who?", answer, signs=signs)
    assert grading.is_refusal("Who?", DEFAULT_REFUSAL, signs=signs)
    assert grading.grade("Who?", answer, ["Paris", "巴黎"], signs=signs).outcome in ("correct", "wrong")


# question, response, what is left: the sentences that hold neither the trained sentence nor a sign
BEYOND = [
    ("Who?", DEFAULT_REFUSAL, ""),
    ("Who?", f"{DEFAULT_REFUSAL} Perhaps  Ada?", "Perhaps Ada?"),
    ("Who?", f"Ada. {DEFAULT_REFUSAL}", "Ada."),
    ("Who?", "I apologize for the delay.\nAda\nor Eve", "Ada or Eve"),
    ("Who?", "I apologize, but it was Ada.", ""),  # in one sentence with the sign
    ("Who?", "I apologize. ... !", ""),  # no words
    ("Who sang I Apologize?", "I apologize is by Ada. I'm not able to say more.", "I apologize is by Ada."),
    ("谁？", "I apologize。是艾达。", "是艾达。"),
    ("Who?", "Ada", "Ada"),
    ("Who?", "", ""),
]


@pytest.mark.parametrize(("question", "response", "left"), BEYOND)
def test_what_a_refusal_goes_on_to_say(question: str, response: str, left: str) -> None:
    assert grading.beyond_refusal(question, response) == left


@given(st.text(max_size=60), st.sampled_from(["all", *FAMILIES]))
def test_what_is_left_is_no_refusal_sentence_by_sentence(text: str, family: str) -> None:
    signs = grading.refusal_signs(family)
    left = grading.beyond_refusal("", text, signs=signs)
    assert len(left) <= len(text) and (not left or grading.normalize(left))
    if not grading.is_refusal("", text, signs=signs):
        assert grading.normalize(left) == grading.normalize(text)
