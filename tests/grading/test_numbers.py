"""The last number of a response: by hand, and in a table as alone."""

import pandas as pd
import pytest

from honesty_utils import grading
from honesty_utils.grading.numbers import last_number


@pytest.mark.parametrize(
    "text, number",
    [
        ("He has 9 books and 46 magazines, so 460 in total.", 460),
        ("It costs $1,234.50.", 1234.5),
        ("1,234", 1234),
        ("The answer is -5", -5),
        ("−5", -5),
        ("12,34", 34),
        ("room 7B", None),
        ("x2", None),
        ("3.", 3),
        ("about 0.5 liters", 0.5),
        ("€12", 12),
        ("none", None),
        ("", None),
    ],
)
def test_the_last_number_of_a_text(text, number):
    assert last_number(text) == number


@pytest.mark.parametrize(
    "response, outcome",
    [
        ("9 + 46 = 55, times 10 is 460", "correct"),
        ("460 books, of which 46 are red", "wrong"),
        ("460.0", "correct"),
        ("four hundred and sixty", "wrong"),
        ("I don't know; maybe 460", "idk"),
    ],
)
def test_a_response_is_right_by_its_last_number(response, outcome):
    signs = ("i don't know",)
    alone = grading.grade("How many?", response, ["460"], "number", signs=signs)
    table = pd.DataFrame({"question": ["How many?"], "answers": [["460"]], "text": [response]})
    graded = grading.grade_table(table, match="number", signs=signs)
    assert alone.outcome == graded["outcome"].iloc[0] == outcome
    assert alone.matched == graded["matched"].iloc[0] == (outcome != "wrong")


def test_options_are_read_as_ever(tmp_path):
    row = {"question": ["q"], "answers": [["4"]], "text": ["B"], "choices": [["2", "4"]], "answer_index": [1]}
    assert grading.grade_table(pd.DataFrame(row), match="number")["outcome"].tolist() == ["correct"]
