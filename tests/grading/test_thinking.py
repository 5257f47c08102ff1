"""Thoughts apart from what is said: every mark, nested, repeated, unopened, unfinished."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from honesty_utils.grading.thinking import Spoken, apart

MARKS = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<Thought>", "</Thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
]

# response, said, thought, ended
CASES = [
    ("Paris.", "Paris.", "", True),
    ("", "", "", True),
    (" kept as it is\n", " kept as it is\n", "", True),
    ("<think>a</think>b", "b", "a", True),
    ("<think>\na\n</think>\n\nb\n", "b", "a", True),
    ("<think></think>b", "b", "", True),
    ("<think>a", "", "a", False),
    ("<think>", "", "", False),
    ("b <think>a", "b", "a", False),
    ("a</think>b", "b", "a", True),  # the prompt opened it
    ("<think><think>a</think>b", "b", "a", True),  # the prompt and the model opened it
    ("<think>a<think>b</think>c</think>d", "d", "a\nb\nc", True),  # one within another
    ("<think>a</think>b<think>c</think>d", "b d", "a\nc", True),
    ("<think>a</think>b<think>c", "b", "a\nc", False),
    ("<think>a</think></think>b", "b", "a", True),
    ("<think>a</think><answer>b</answer>", "b", "a", True),
    ("<|begin_of_thought|>a<|end_of_thought|><|begin_of_solution|>b<|end_of_solution|>", "b", "a", True),
    ("<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b<|return|>", "b", "a", True),
    ("I think it is b.", "I think it is b.", "", True),
    ("<b>bold</b>", "<b>bold</b>", "", True),
]


@pytest.mark.parametrize(("response", "said", "thought", "ended"), CASES)
def test_what_is_thought_and_what_is_said(response: str, said: str, thought: str, ended: bool) -> None:
    found = apart(response)
    assert (found.said, found.ended) == (said, ended)
    assert [line.strip() for line in found.thought.splitlines()] == thought.splitlines()


PLAIN = st.text(st.characters(exclude_characters="<>[]|◁▷"), max_size=40)


@given(PLAIN)
def test_a_text_without_marks_is_all_said(text: str) -> None:
    assert apart(text) == Spoken(text, "", True)


@given(st.sampled_from(MARKS), PLAIN, PLAIN)
def test_every_mark_takes_the_two_apart(mark: tuple[str, str], thought: str, said: str) -> None:
    opens, closes = mark
    assert apart(f"{opens}{thought}{closes}{said}") == Spoken(said.strip(), thought.strip(), True)
    assert apart(f"{opens}{thought}") == Spoken("", thought.strip(), False)


@given(st.lists(st.sampled_from(["<think>", "</think>", "a", "b "]), max_size=12))
def test_no_word_is_lost_and_no_mark_is_left(parts: list[str]) -> None:
    found = apart("".join(parts))
    assert "think>" not in found.said + found.thought
    words = sorted("".join(part.strip() for part in parts if "think" not in part))
    assert sorted("".join((found.said + found.thought).split())) == words


@given(st.text(max_size=80))
def test_any_text_can_be_taken_apart(text: str) -> None:
    assert isinstance(apart(text), Spoken)
