"""Problems and their twins: checked by solvers that share no code with what makes them."""

import itertools

import pytest
import sympy

from honesty_utils.questions import deduction
from honesty_utils.questions.deduction import UNKNOWN, DeductionError, Equation, Problem, Rule
from honesty_utils.questions.loading import load
from honesty_utils.questions.reading import QuestionError
from honesty_utils.questions.settings import QuestionSet

DIALS = [(depth, distractors) for depth in (1, 2, 3, 5, 8) for distractors in (0, 1, 4)]


def solved(problem: Problem) -> str:
    """The answer by another way: symbols for equations, all worlds for rules."""
    if problem.kind == "linear":
        equations = [part for part in problem.parts if isinstance(part, Equation)]
        symbols = {dish: sympy.Symbol(dish) for each in equations for dish in (each.dish, *each.others)}
        system = [
            sympy.Eq(symbols[each.dish], each.factor * sum(symbols[one] for one in each.others) + each.plus)
            for each in equations
        ]
        (found,) = sympy.linsolve(system, list(symbols.values()))
        value = dict(zip(symbols, found, strict=True))[problem.goal]
        return UNKNOWN if value.free_symbols else str(value)
    rules = [part for part in problem.parts if isinstance(part, Rule)]
    traits = sorted({trait for rule in rules for trait in (rule.when, rule.then) if trait} | {problem.goal})
    said = set()
    for values in itertools.product([False, True], repeat=len(traits)):
        world = dict(zip(traits, values, strict=True))
        if all(world[rule.then] or (rule.when and not world[rule.when]) for rule in rules):
            said.add(world[problem.goal])
    return "yes" if said == {True} else "no" if said == {False} else UNKNOWN


@pytest.mark.parametrize("kind", ["linear", "logic"])
@pytest.mark.parametrize(("depth", "distractors"), DIALS)
def test_every_twin_differs_in_solvability_by_another_solver(kind, depth, distractors):
    for number in range(3 if kind == "logic" and depth + 2 * distractors > 10 else 12):
        whole, twin = deduction.pair(kind, depth, distractors, 0, number)
        assert solved(whole) == whole.answer != UNKNOWN and solved(twin) == twin.answer == UNKNOWN


@pytest.mark.parametrize("kind", ["linear", "logic"])
def test_a_twin_differs_in_one_statement_alone(kind):
    for number in range(50):
        whole, twin = deduction.pair(kind, 3, 2, 0, number)
        assert sum(one != other for one, other in zip(whole.statements, twin.statements, strict=True)) == 1
        assert whole.question == twin.question and len(whole.statements) == 3 + 1 + 2


def test_the_way_leads_to_the_answer_or_says_what_is_lacking():
    for number in range(50):
        whole, twin = deduction.pair("linear", 4, 1, 0, number)
        assert whole.trajectory[-1].endswith(f"{whole.answer}.") and len(whole.trajectory) == 5
        assert twin.trajectory[-1].startswith("Nothing says what the ")
        assert twin.trajectory[:-1] == whole.trajectory[: len(twin.trajectory) - 1]


def test_the_same_twice_and_other_ones_by_seed_and_number():
    assert deduction.pair("linear", 2, 1, 0, 5) == deduction.pair("linear", 2, 1, 0, 5)
    texts = {deduction.pair("linear", 2, 1, seed, number)[0].text() for seed in (0, 1) for number in range(200)}
    assert len(texts) > 390


@pytest.mark.parametrize(
    ("kind", "depth", "distractors"), [("linear", 0, 0), ("linear", 30, 0), ("logic", 2, 11), ("x", 1, 0)]
)
def test_dials_that_no_problem_has(kind, depth, distractors):
    with pytest.raises(DeductionError):
        deduction.pair(kind, depth, distractors, 0, 0)


def test_a_set_of_pairs_is_a_question_set():
    table = load("twins", QuestionSet(source="deduction_linear", split="2-1/test", limit=40))
    assert len(table) == 40 and table["meta"].str.contains('"label": "unknown"').sum() == 20
    assert table["answers"].map(len).tolist().count(0) == 20


@pytest.mark.parametrize(
    ("split", "message"),
    [("2", "write depth-distractors/part"), ("40-1/test", "lower one of them"), ("2-1/dev", "write")],
)
def test_splits_that_there_are_none_of(split, message):
    with pytest.raises(QuestionError, match=message):
        load("twins", QuestionSet(source="deduction_logic", split=split))
