"""What the rewards of a run ask for."""

from __future__ import annotations

from collections.abc import Mapping

from honesty_utils.methods import METHODS
from honesty_utils.methods.settings import MethodEntry
from honesty_utils.training.objectives import options_of

PRICED = ("ternary", "knowledge")
"""Rewards by which answering pays from some expected accuracy on."""


def edges_of(entries: Mapping[str, MethodEntry]) -> dict[str, float]:
    """Of each method that is trained by a reward with a price, the expected accuracy from which answering pays."""
    found = {}
    for name, entry in entries.items():
        stages = METHODS[entry.method].stages
        if stages and stages[-1].objective == "grpo":
            options = options_of(stages[-1], entry).model_dump()
            if options["reward"] in PRICED and options["wrong"] > -1:
                found[name] = (options["wrong"] + options["refused"]) / (1 + options["wrong"])
    return found
