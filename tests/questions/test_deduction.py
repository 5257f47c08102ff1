"""Problems and their twins: checked by solvers that share no code with what makes them."""

import itertools

import pytest
import sympy

from honesty_utils.questions import deduction
from honesty_utils.questions.deduction import UNKNOWN, DeductionError, Equation, Problem, Rule
from honesty_utils.questions.loading import load
from honesty_utils.questions.reading import QuestionError
from honesty_utils.questions.sets import deduction as sets
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
        # Five statements from the goal down, four sums upwards.
        down, up = whole.trajectory[:5], whole.trajectory[5:]
        assert set(down) <= set(whole.statements) and down[0].startswith(f"The {whole.goal} costs")
        assert (
            up[-1].endswith(f"= {whole.answer}.") and up[-1].startswith(f"So the {whole.goal} costs") and len(up) == 4
        )
        *told, lacking = twin.trajectory
        assert lacking.startswith("Nothing says what the ") and set(told) <= set(twin.statements)
        assert told[:-1] == list(down[: len(told) - 1]) and told[-1] not in whole.statements


def test_a_way_by_hand():
    """x = 3, y = 2 x + 1, z = y + x: from z down, then up; of the twin down to what is nowhere priced."""
    for number in range(200):
        whole, _ = deduction.pair("linear", 2, 0, 9, number)
        first, second, third = whole.trajectory[:3]
        if "together" in first and " more" in second and "times" in second:
            break
    price = int(third.split()[-1].strip("."))
    factor, plus = int(second.split("costs ")[1].split()[0]), int(second.split(" and ")[1].split()[0])
    middle = factor * price + plus
    assert whole.trajectory[3].endswith(f" costs {factor} · {price} + {plus} = {middle}.")
    assert whole.trajectory[4].endswith(f" costs {middle} + {price} = {middle + price}.")
    assert whole.answer == str(middle + price) and len(whole.trajectory) == 5


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


def stated(*parts: Equation, answer: str, goal: str = "tea") -> Problem:
    texts = tuple(part.text() for part in parts)
    return Problem("linear", texts, f"What does the {goal} cost?", answer, (), 1, 0, parts, goal)


SOUP = Equation("soup", (), 1, 3)
BY_HAND = {
    "solved": (stated(SOUP, Equation("tea", ("soup",), 2, 1), answer="7"), None),
    "of two": (stated(SOUP, Equation("pie", (), 1, 4), Equation("tea", ("soup", "pie"), 1, 0), answer="7"), None),
    "rightly unknown": (stated(SOUP, Equation("tea", ("pie",), 2, 1), answer=UNKNOWN), None),
    "no solution": (stated(SOUP, Equation("soup", (), 1, 4), answer="3", goal="soup"), "has no solution, for its"),
    "no solution in a circle": (
        stated(Equation("tea", ("pie",), 1, 1), Equation("pie", ("tea",), 1, 1), answer=UNKNOWN), "has no solution",
    ),
    "two solutions": (stated(SOUP, Equation("tea", ("pie",), 2, 1), answer="7"), "has more than one solution"),
    "another answer": (stated(SOUP, Equation("tea", ("soup",), 2, 1), answer="8"), "answer is '8', and '7' follows"),
    "solved, and unknown": (stated(SOUP, Equation("tea", ("soup",), 2, 1), answer=UNKNOWN), "and '7' follows"),
    "a rule": (
        Problem("logic", ("Ada is calm.",), "Is Ada kind?", "yes", (), 1, 0, (Rule("", "calm"),), "kind"),
        "has more than one solution, and its answer is 'yes'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BY_HAND)
def test_a_problem_has_its_one_solution_or_says_that_there_is_none(name):
    problem, message = BY_HAND[name]
    if message is None:
        deduction.check(problem)
    else:
        with pytest.raises(DeductionError, match=message):
            deduction.check(problem)


def test_a_true_reply_is_the_way_and_the_answer():
    whole, twin = deduction.pair("linear", 1, 0, 0, 3)
    assert (
        deduction.reply(whole.trajectory, whole.answer, "No.")
        == f"{' '.join(whole.trajectory)} Answer: {whole.answer}."
    )
    assert deduction.reply(twin.trajectory, None, "No.") == f"{' '.join(twin.trajectory)} No."


@pytest.mark.parametrize("kind", ["linear", "logic"])
def test_pairs_apart_are_in_no_part(kind):
    asked = {
        text for part in ("train", "test")
        for text in load("x", QuestionSet(source=f"deduction_{kind}", split=f"1-0/{part}"))["question"]
    }  # fmt: skip
    drawn = list(itertools.islice(sets.apart(kind, 1, 0), 300))
    assert not asked & {problem.text() for both in drawn for problem in both}
    assert drawn == list(itertools.islice(sets.apart(kind, 1, 0), 300))
