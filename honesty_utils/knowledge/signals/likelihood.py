"""How likely the model's own answer is: the log-probability of its greedy answer, summed up, a token, or of the worst.

The sum is what the model assigns to the whole answer, the end token included; it falls with every further token. The
mean, a token, does not: its exponential is the "N-Prob" baseline of EliCal (arXiv 2510.17509).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from honesty_utils.knowledge.signals.signal import Evidence, Values


def total(evidence: Evidence) -> Values:
    """Sum of the natural log-probabilities of an answer's tokens; NaN where the engine has told none."""
    return mean(evidence) * evidence.answers["num_tokens"].to_numpy(np.float64)


def mean(evidence: Evidence) -> Values:
    """Mean of the natural log-probabilities of an answer's tokens; NaN where the engine has told none."""
    return evidence.answers["mean_logprob"].to_numpy(np.float64, na_value=np.nan)


def minimum(evidence: Evidence) -> Values:
    """Natural log-probability of the least likely token of an answer, its end included; NaN for an empty answer.

    The answer is read once more: engines tell sums with their answers and no single tokens. An answer that was cut off
    has no end, where its column ``finish_reason`` says so.
    """
    if evidence.engine is None or evidence.prompts is None:
        raise ValueError("signal 'likelihood_min': needs an engine that scores and the prompts; give both")
    said = evidence.answers["text"].tolist()
    spoken = [place for place, text in enumerate(said) if text]
    told = evidence.engine.logprobs([(evidence.prompts[place], said[place]) for place in spoken])
    reasons = evidence.answers.get("finish_reason", pd.Series("stop", evidence.answers.index)).tolist()
    found = np.full(len(said), np.nan)
    for place, tokens in zip(spoken, told, strict=True):
        found[place] = min(tokens[:-1] or tokens) if reasons[place] == "length" else min(tokens)
    return found
