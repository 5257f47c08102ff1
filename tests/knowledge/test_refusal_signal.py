"""How unlikely a refusal is: by hand, and of a real model that evaluation asks."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from honesty_utils.knowledge import signals

ANSWERS = pd.DataFrame({"question_id": ["a", "b"], "text": ["x", "y"], "num_tokens": 1, "mean_logprob": -1.0})


class Teller:
    """Knows how likely a refusal is after each prompt."""

    def logprobs(self, pairs):
        first = {"Ask A": 0.9, "Ask B": 0.2}
        assert all(reply == "I don't know." for _, reply in pairs)
        return [[math.log(first[prompt]), math.log(0.01)] for prompt, _ in pairs]


def test_the_whole_refusal_counts():
    given = {"engine": Teller(), "prompts": ["Ask A", "Ask B"], "refusal": "I don't know."}
    table = signals.measure(["refusal"], ANSWERS, **given)
    assert table["value"].tolist() == pytest.approx([-math.log(0.9 * 0.01), -math.log(0.2 * 0.01)])


@pytest.mark.parametrize("lacking", ["engine", "prompts", "refusal"])
def test_what_it_lacks_is_named(lacking):
    given = {"engine": Teller(), "prompts": ["Ask A", "Ask B"], "refusal": "I don't know.", lacking: None}
    with pytest.raises(ValueError, match="signal 'refusal': needs an engine that scores, the prompts and the refusal"):
        signals.measure(["refusal"], ANSWERS, **given)
