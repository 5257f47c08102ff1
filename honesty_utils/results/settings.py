"""Section on intervals, tests and the sets that figures speak of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from honesty_utils.common.settings import Section
from honesty_utils.judge.settings import JUDGED_ROLES

Role = Literal[
    "in_distribution",
    "out_of_distribution",
    "prior_unknown",
    "prior_known",
    "multiple_choice",
    "tasks",
    "development",
    "helpfulness",
    "harmlessness",
    "stance",
]
"""Parts that an evaluation set can play: the paper's, tasks that ask for no knowledge, and questions that settings are
chosen by.

The last three are played by sets of requests without right answers, which a judge reads.
"""


class Analysis(Section):
    """Intervals, tests and the sets that figures speak of."""

    resamples: int = Field(10_000, ge=1000, le=1_000_000)
    confidence_level: float = Field(0.95, gt=0, lt=1)
    seed: int = 0
    roles: dict[Role, str] = Field(
        {"in_distribution": "indist"}, description="which evaluation set plays which part of the paper"
    )
    paper_model: Literal["llama2-chat-7b", "llama2-chat-13b", "llama2-chat-70b"] = Field(
        "llama2-chat-13b", description="whose printed numbers stand beside the run's"
    )

    @property
    def home(self) -> str:
        """Name of the set that stands for the paper's in-distribution one."""
        return self.roles["in_distribution"]

    @property
    def judged(self) -> dict[str, str]:
        """The sets of requests that a judge reads, by the part that they play."""
        return {role: name for role, name in self.roles.items() if role in JUDGED_ROLES}

    def graded(self, datasets: Sequence[str]) -> list[str]:
        """Those of the evaluation sets whose questions have right answers, in their order."""
        return [name for name in datasets if name not in self.judged.values()]
