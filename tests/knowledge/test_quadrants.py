"""Quadrants by hand: what is known, and whether passages hold the answer."""

import pytest

from honesty_utils.knowledge.quadrants import QUADRANTS, holds, quadrant


def test_the_four_and_none_where_it_is_not_told():
    cases = {(True, True): "kg", (True, False): "kn", (False, True): "ug", (False, False): "un"}
    assert {key: quadrant(*key) for key in cases} == cases
    assert set(cases.values()) == set(QUADRANTS)
    assert quadrant(None, True) is None and quadrant(None, False) is None


@pytest.mark.parametrize(
    ("passages", "answers", "expected"),
    [
        (["Ada Bol was born in Rome."], ["Paris", "rome"], True),  # any answer, whatever its case
        (["Ada Bol was born in Oslo.", "Rome is a city."], ["rome"], True),  # any passage, for any reason
        (["Ada Bol likes romero."], ["rome"], False),  # a part of a word is none
        (["Ada Bol was born in New York City."], ["New York"], True),
        (["New. York"], ["New York"], True),  # punctuation is not looked at
        ([], ["rome"], False),
        (["Rome"], [], False),  # nobody can know
        (["anything"], ["the"], False),  # nothing is left of it
    ],
)
def test_passages_hold_an_answer_word_by_word(passages, answers, expected):
    assert holds(passages, answers) is expected
