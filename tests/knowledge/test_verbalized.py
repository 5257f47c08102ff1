"""What a model says in words of its own answer: readings by hand, what cannot be told, what is asked."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from honesty_utils.engines import Response
from honesty_utils.knowledge import signals
from honesty_utils.knowledge.signals import verbalized

ANSWERS = pd.DataFrame(
    {"question_id": ["a", "b", "c"], "text": ["Paris.", "Rome", ""], "num_tokens": 1, "mean_logprob": -1.0}
)
SHOWN = ["Capital of France?", "Capital of {answer}?", "Where?"]


class Speaker:
    """Replies in turn, and keeps what it was asked."""

    def __init__(self, *replies: str, cut: bool = False) -> None:
        self.replies, self.asked, self.cut = replies, [], cut

    def generate(self, requests):
        self.asked = [request.prompt for request in requests]
        assert all(request.temperature == 0 for request in requests)
        return [Response(text, 1, -1.0, "length" if self.cut else "stop") for text in self.replies]


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("85", 0.85), ("85%", 0.85), ("I am 85 percent sure.", 0.85), ("85/100", 0.85), ("85 out of 100", 0.85),
        ("About 0.85", 0.85), (".5", 0.5), ("0,85", 0.85), ("100", 1.0), ("0", 0.0), ("1", 0.01), ("0.5%", 0.005),
        ("In 1990 it was so: 80%", 0.8), ("80%, yes 80 percent", 0.8), ("<think>10%? no</think>90%", 0.9),
    ],
)  # fmt: skip
def test_a_percentage_is_read(text, share):
    assert verbalized.read_percent(text) == pytest.approx(share)


@pytest.mark.parametrize(
    "text",
    ["", "Very sure.", "60-70%", "60 or 70", "150", "2024", "-5", "-5%", "<think>90%", "x85", "Paris has 3 of 4"],
)
def test_what_states_no_single_percentage_is_missing(text):
    assert math.isnan(verbalized.read_percent(text))


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("Likely.", 0.7), ("unlikely", 0.2), ("It is highly unlikely", 0.05), ("Almost certain!", 0.95),
        ("probably not", 0.25), ("ALMOST NO CHANCE", 0.02), ("very likely, very likely", 0.9),
    ],
)  # fmt: skip
def test_the_longest_expression_is_read(text, share):
    assert verbalized.read_word(text) == share


@pytest.mark.parametrize("text", ["", "Yes", "not likely", "isn't very likely", "likely or unlikely", "<think>likely"])
def test_what_is_no_one_expression_is_missing(text):
    assert math.isnan(verbalized.read_word(text))


def test_guesses_are_lines_with_a_probability():
    lines = ["Here they are:", "guess | percent", "1. Paris | 70%", "- The Lyon | 20", "* Nice | about 5 percent"]
    text = "\n".join([*lines, "Metz | high", "| 5 |"])
    assert verbalized.read_guesses(text) == [("paris", 0.7), ("lyon", 0.2), ("nice", 0.05)]


def test_the_guess_that_agrees_counts():
    engine = Speaker("Lyon | 20\nIt is Paris | 70%", "Milan | 60")
    table = signals.measure(["verbalized_top"], ANSWERS, shown=SHOWN, engine=engine)
    assert table["value"].tolist()[:2] == [0.7, 0.0] and math.isnan(table["value"][2])
    silent = signals.measure(["verbalized_top"], ANSWERS, shown=SHOWN, engine=Speaker("no", "x | 1"))
    assert silent["value"].isna().tolist() == [True, False, True]


def test_the_answer_is_shown_and_an_empty_one_is_not_asked_about():
    engine = Speaker("90%", "no idea")
    table = signals.measure(["verbalized"], ANSWERS, shown=SHOWN, engine=engine)
    assert table["value"][0] == 0.9 and table["value"].isna().tolist() == [False, True, True]
    assert len(engine.asked) == 2 and "Proposed answer: Paris." in engine.asked[0]
    assert "Capital of {answer}?" in engine.asked[1]  # what stands in a question is not filled in
    words = Speaker("Likely", "unlikely")
    found = signals.measure(["verbalized_words"], ANSWERS, shown=SHOWN, engine=words)
    assert found["value"].tolist()[:2] == [0.7, 0.2] and all(name in words.asked[0] for name in verbalized.WORDS)


def test_what_was_cut_off_is_not_read():
    cut = Speaker("Lyon | 10\nParis | 8", "8", cut=True)
    assert signals.measure(["verbalized_top"], ANSWERS, shown=SHOWN, engine=cut)["value"].tolist()[0] == 0.0
    assert (
        signals.measure(["verbalized"], ANSWERS, shown=SHOWN, engine=Speaker("8", "9", cut=True))["value"].isna().all()
    )


def test_guesses_at_a_question_with_options_tell_nothing_of_a_letter():
    engine = Speaker("Paris | 90", "Rome | 80")
    asked = [f"{SHOWN[0]}\nA) Paris\nB) Bonn", *SHOWN[1:]]
    found = signals.measure(["verbalized_top"], ANSWERS, questions=SHOWN, shown=asked, engine=engine)["value"]
    assert found.isna().tolist() == [True, False, True] and found[1] == 0.8


@pytest.mark.parametrize("name", ["verbalized", "verbalized_words", "verbalized_top"])
def test_what_it_lacks_is_named(name):
    with pytest.raises(ValueError, match="a verbalized signal: needs an engine and the texts of the questions"):
        signals.measure([name], ANSWERS, shown=SHOWN)


# --- readings of a given text -----------------------------------------------------------------------------------------


class Teller:
    """Tells the log-probabilities of a text's tokens, by hand."""

    def logprobs(self, pairs):
        self.pairs = list(pairs)
        return [[-0.5, -2.0, -0.25] if text != "I am unsure." else [-0.5, -3.0] for _, text in pairs]


def test_the_least_likely_token_is_the_minimum():
    engine = Teller()
    found = signals.measure(["likelihood_min"], ANSWERS, engine=engine, prompts=["Ask A", "Ask B", "Ask C"])["value"]
    assert found.tolist()[:2] == [-2.0, -2.0] and math.isnan(found[2])
    assert engine.pairs == [("Ask A", "Paris."), ("Ask B", "Rome")]


def test_an_answer_that_was_cut_off_has_no_end_to_be_unlikely():
    class Ends:
        def logprobs(self, pairs):
            return [[-0.5, -0.7, -9.0] for _ in pairs]

    cut = ANSWERS.assign(finish_reason=["length", "stop", "stop"])
    found = signals.measure(["likelihood_min"], cut, engine=Ends(), prompts=["A", "B", "C"])["value"]
    assert found.tolist()[:2] == [-0.7, -9.0]


def test_sure_is_weighed_against_unsure():
    engine = Teller()
    found = signals.measure(["sure"], ANSWERS, engine=engine, prompts=["Ask A", "Ask B", "Ask C"])["value"]
    assert found[0] == pytest.approx(1 / (1 + math.exp(-3.5 + 2.75))) and math.isnan(found[2])
    assert engine.pairs[0][0].startswith("Ask A Paris.\n") and engine.pairs[0][1] == "I am sure."


@pytest.mark.parametrize("name", ["likelihood_min", "sure"])
def test_a_reading_without_an_engine(name):
    with pytest.raises(ValueError, match=f"signal '{name}': needs an engine that scores and the prompts; give both"):
        signals.measure([name], ANSWERS)
