"""How sure a model says it is of its answer, as one digit: the mean of what it may say, weighted by how likely it is.

The model reads the question with its own greedy answer and is asked for a digit from 0 to 9; nothing is generated. Of
the ten digits their likelihoods as the reply count, without the end that follows, and 9 stands for certain. It is what
ConfTuner trains (arXiv 2508.18847), whose mean says more than its likeliest digit; the wording is this project's own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import softmax

from honesty_utils.common.prompts import Style, completion_ids, fill
from honesty_utils.knowledge.signals.signal import Evidence, Values, after_answers

ASKED = """\
{prompt} {answer}
How sure are you of this answer? Write # and a digit from 0 to 9."""
# Behind a sign a digit is a token by itself; behind a space small vocabularies have some of them as one token with it.
DIGITS = tuple(f"#{number}" for number in range(10))


def asked(prompt: str, answer: str) -> str:
    """What a model is asked after its answer: the whole exchange, and how sure it is."""
    return fill(ASKED, {"prompt": prompt, "answer": " ".join(answer.split())})


def measure(evidence: Evidence) -> Values:
    """Mean of the digit as a share of 9; NaN for an empty answer, of which there is nothing to ask."""
    found = np.full(len(evidence.answers), np.nan)
    for place, told in after_answers(evidence, "digit", asked, DIGITS).items():
        # Whatever tokens stand before the digit stand before all ten of them.
        found[place] = softmax([sum(tokens[:-1]) for tokens in told]) @ np.linspace(0, 1, len(DIGITS))
    return found


def tokens(tokenizer: Any, prompt: str, style: Style) -> tuple[list[int], list[int]]:
    """Tokens that stand before any digit of a reply, and the token of each digit.

    Raises:
        ValueError: digits are not one token each behind the same others.
    """
    found = [completion_ids(tokenizer, prompt, digit, style)[:-1] for digit in DIGITS]
    before, last = [ids[:-1] for ids in found], [ids[-1] for ids in found]
    if len({tuple(ids) for ids in before}) != 1 or len(set(last)) != len(DIGITS):
        raise ValueError(
            f"{tokenizer.name_or_path}: does not write the digits 0 to 9 as one token each, which is what is trained; "
            "leave the method out, or take a model whose tokenizer does"
        )
    return before[0], last
