"""The verdict on one response."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from honesty_utils.common.settings import DEFAULT_REFUSAL
from honesty_utils.grading.families import PAPER_SIGNS
from honesty_utils.grading.matching import NUMBER, check_list, check_match, matches
from honesty_utils.grading.normalizing import normalize
from honesty_utils.grading.numbers import same_number
from honesty_utils.grading.refusals import Refusals


@dataclass(frozen=True, slots=True)
class Grade:
    """Verdict on one response.

    Attributes:
        outcome: ``correct``, ``wrong`` or ``idk``; a refusal is tested first and wins over a right answer beside it.
        matched: the gold answer is present, refusal or not ("loosely correct": only accuracy uses it).
        exact: the response is a gold answer and nothing else, after normalizing.
    """

    outcome: str
    matched: bool
    exact: bool


def grade(
    question: str,
    response: str,
    answers: Sequence[str],
    match: str = "contains",
    *,
    refusal: str = DEFAULT_REFUSAL,
    signs: Sequence[str] = PAPER_SIGNS,
) -> Grade:
    """Grade one response against the gold aliases of its question.

    Args:
        question: the question, without the prompt around it.
        response: the model's text; any text, the empty one included.
        answers: aliases; one that normalizes to nothing never matches.
        match: ``contains`` (the paper's), ``tokens`` (whole words), ``exact`` or ``number`` (the last number).
        refusal: the trained refusal sentence.
        signs: refusal signs beside it.

    Raises:
        ValueError: unknown ``match``, or a refusal or sign that every response would contain.
        TypeError: ``answers`` is a single string.
    """
    check_list(answers)
    check_match(match)
    refused = Refusals(refusal, signs).refuses(question, response)
    normal, aliases = normalize(response), [normalize(alias) for alias in answers]
    matched = same_number(response, answers) if match == NUMBER else matches(aliases, normal, match)
    exact = matches(aliases, normal, "exact")
    return Grade("idk" if refused else "correct" if matched else "wrong", matched, exact)
