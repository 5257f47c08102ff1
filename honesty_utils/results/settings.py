"""Section on intervals, tests and the sets that figures speak of."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from honesty_utils.common.settings import Section

Role = Literal[
    "in_distribution",
    "out_of_distribution",
    "prior_unknown",
    "prior_known",
    "multiple_choice",
    "tasks",
    "helpfulness",
    "harmlessness",
]
"""Parts that an evaluation set can play: the paper's, and tasks that ask for no knowledge.

The last two are played by sets of requests without right answers, which a judge reads.
"""


class Analysis(Section):
    """Intervals, tests and the sets that figures speak of."""

    resamples: int = Field(10_000, ge=1000)
    confidence_level: float = Field(0.95, gt=0, lt=1)
    seed: int = 0
    roles: dict[Role, str] = Field(
        {"in_distribution": "indist"}, description="which evaluation set plays which part of the paper"
    )
    paper_model: Literal["llama2-chat-7b", "llama2-chat-13b", "llama2-chat-70b"] = Field(
        "llama2-chat-13b", description="whose printed numbers stand beside the run's"
    )
