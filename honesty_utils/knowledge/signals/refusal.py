"""How unlikely a refusal is as the reply: the graded score of a model that only ever answers or refuses.

What counts is the whole refusal sentence, its end too, under the prompt that the model answers. Its first token alone
would not do: "I" begins answers as well, with a confidence phrase for one. A model that was taught to refuse gives the
sentence much where it would refuse, so that its refusals can be had at any rate, and methods be compared at the same
one.
"""

from __future__ import annotations

import numpy as np

from honesty_utils.knowledge.signals.signal import Evidence, Values


def measure(evidence: Evidence) -> Values:
    """Minus the log-probability, in nats, of the refusal sentence; 0 where nothing else is possible."""
    if evidence.engine is None or evidence.prompts is None or not evidence.refusal:
        raise ValueError("signal 'refusal': needs an engine that scores, the prompts and the refusal; give all three")
    told = evidence.engine.logprobs([(prompt, evidence.refusal) for prompt in evidence.prompts])
    return np.array([-sum(tokens) for tokens in told], dtype=np.float64)
