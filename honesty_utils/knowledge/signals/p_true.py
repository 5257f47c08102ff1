"""P(True): the probability that a model gives to its own answer being right (Kadavath et al., 2022).

The model reads the question, its options too, with its greedy answer as a proposed one, and is asked whether that is
right. What counts is the likelihood of "A" (yes) against that of "B" (no) as its reply; nothing is generated. The
wording is this project's own. Samples are not shown.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from honesty_utils.common.prompts import fill
from honesty_utils.knowledge.signals.signal import Evidence, Values

ASKED = """\
Question: {question}
Proposed answer: {answer}
Is the proposed answer right?
A) Yes
B) No
Reply with the letter."""
YES, NO = "A", "B"


def measure(evidence: Evidence) -> Values:
    """Probability of yes against no; NaN for an empty answer, of which there is nothing to ask."""
    if evidence.engine is None or evidence.shown is None:
        raise ValueError("signal 'p_true': needs an engine that scores and the texts of the questions; give both")
    said = [" ".join(text.split()) for text in evidence.answers["text"].tolist()]
    asked = {
        place: fill(ASKED, {"question": question, "answer": answer})
        for place, (question, answer) in enumerate(zip(evidence.shown, said, strict=True))
        if answer
    }
    told = evidence.engine.logprobs([(prompt, reply) for prompt in asked.values() for reply in (YES, NO)])
    found = np.full(len(said), np.nan)
    for place, yes, no in zip(asked, told[::2], told[1::2], strict=True):
        found[place] = expit(sum(yes) - sum(no))
    return found
