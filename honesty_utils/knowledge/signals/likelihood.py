"""How likely the model's own answer is: the log-probability of its greedy answer, summed up or a token.

The sum is what the model assigns to the whole answer, the end token included; it falls with every further token. The
mean, a token, does not: its exponential is the "N-Prob" baseline of EliCal (arXiv 2510.17509).
"""

from __future__ import annotations

import numpy as np

from honesty_utils.knowledge.signals.signal import Evidence, Values


def total(evidence: Evidence) -> Values:
    """Sum of the natural log-probabilities of an answer's tokens; NaN where the engine has told none."""
    return mean(evidence) * evidence.answers["num_tokens"].to_numpy(np.float64)


def mean(evidence: Evidence) -> Values:
    """Mean of the natural log-probabilities of an answer's tokens; NaN where the engine has told none."""
    return evidence.answers["mean_logprob"].to_numpy(np.float64, na_value=np.nan)
