"""Self-consistency and semantic entropy by hand, and what holds for any samples."""

import math

import pandas as pd
import pytest
from hypothesis import given, strategies as st

from honesty_utils.knowledge import signals
from honesty_utils.knowledge.signals import consistency

ASKED = "What is the capital of Sudan?"


def measured(greedy, samples, question=ASKED):
    answers = pd.DataFrame({"question_id": ["q"], "text": [greedy], "num_tokens": [1], "mean_logprob": [-1.0]})
    drawn = pd.DataFrame({"question_id": ["q"] * len(samples), "text": samples})
    names = ["self_consistency", "semantic_entropy"]
    table = signals.measure(names, answers, samples=drawn, questions=[question])
    return table.set_index("signal")["value"].to_dict()


@pytest.mark.parametrize(
    "question, answer, words",
    [
        (ASKED, "The capital of Sudan is Khartoum.", "khartoum"),
        (ASKED, "It's Khartoum!", "it s khartoum"),
        (ASKED, "What is the capital?", "what is capital"),
        ("Is it Oslo?", "Oslo", "oslo"),
        (ASKED, "", ""),
    ],
)
def test_the_own_words_of_an_answer(question, answer, words):
    assert consistency.own_words(question, answer) == words


@pytest.mark.parametrize(
    "first, second, same",
    [
        ("khartoum", "it s khartoum", True),
        ("khartoum", "juba", False),
        ("new york", "york new", False),
        ("art", "party art", True),
        ("art", "party", False),
        ("", "x", False),
        ("", "", True),
    ],
)
def test_answers_agree_by_their_own_words(first, second, same):
    assert consistency.agree(first, second) == consistency.agree(second, first) == same


def test_by_hand():
    samples = ["Khartoum", "It is Khartoum.", "The capital is Juba.", "Juba"]
    found = measured("The capital of Sudan is Khartoum.", samples)
    assert found["self_consistency"] == 0.5
    assert found["semantic_entropy"] == pytest.approx(-math.log(2))
    found = measured("Khartoum", ["Khartoum"] * 3)
    assert found == {"self_consistency": 1.0, "semantic_entropy": 0.0}
    found = measured("Khartoum", ["Juba", "Cairo", "Lagos", "Accra"])
    assert found["self_consistency"] == 0 and found["semantic_entropy"] == pytest.approx(-math.log(4))


def test_without_samples_it_cannot_be_told():
    found = measured("Khartoum", [])
    assert math.isnan(found["self_consistency"]) and math.isnan(found["semantic_entropy"])
    answers = pd.DataFrame({"question_id": ["q"], "text": ["x"], "num_tokens": [1], "mean_logprob": [-1.0]})
    with pytest.raises(ValueError, match="need the samples and the texts of the questions"):
        signals.measure(["self_consistency"], answers)
    assert signals.needs_samples(["likelihood", "semantic_entropy"]) and not signals.needs_samples(["likelihood"])


TEXTS = st.lists(st.text("ab ", max_size=5), min_size=1, max_size=8)


@given(TEXTS, st.text("ab ", max_size=5))
def test_bounds_and_groups(samples, greedy):
    found = measured(greedy, samples, question="?")
    assert 0 <= found["self_consistency"] <= 1
    assert -math.log(len(samples)) - 1e-9 <= found["semantic_entropy"] <= 1e-9
    words = [consistency.own_words("?", text) for text in samples]
    sizes = consistency.groups(words)
    assert sum(sizes) == len(samples)
    assert (found["semantic_entropy"] == pytest.approx(0, abs=1e-9)) == (len(sizes) == 1)


def test_cocoa_by_hand():
    """Two of four samples differ from an answer whose two tokens have log-probability -3 together."""
    answers = pd.DataFrame({"question_id": ["q"], "text": ["Khartoum"], "num_tokens": [2], "mean_logprob": [-1.5]})
    for samples, value in ((["Khartoum", "Juba", "Cairo", "Khartoum"], -1.5), (["Khartoum"] * 3, 0.0)):
        drawn = pd.DataFrame({"question_id": ["q"] * len(samples), "text": samples})
        table = signals.measure(["cocoa"], answers, samples=drawn, questions=[ASKED])
        assert str(table["value"][0]) == str(value)  # and no -0.0


@pytest.mark.parametrize(
    "samples, value",
    [(["Khartoum", "khartoum.", "the Khartoum"], 0.0), (["a b", "c", "c", "d"], -1.5 * math.log(2)), ([], math.nan)],
)
def test_the_entropy_of_strings_by_hand(samples, value):
    answers = pd.DataFrame({"question_id": ["q"], "text": ["x"], "num_tokens": [2], "mean_logprob": [-1.5]})
    drawn = pd.DataFrame({"question_id": ["q"] * len(samples), "text": samples})
    table = signals.measure(["string_entropy"], answers, samples=drawn, questions=[ASKED])
    assert table["value"].tolist() == pytest.approx([value], nan_ok=True)
