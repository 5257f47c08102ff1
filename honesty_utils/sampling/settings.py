"""Section on how M_t's answers are drawn."""

from __future__ import annotations

from pydantic import Field

from honesty_utils.engines.settings import Generation


class Sampling(Generation):
    """How M_t's answers are drawn: one greedy response and m samples a question, plain prompt."""

    samples: int = Field(10, ge=1, le=100_000, description="m")
    temperature: float = Field(1.0, gt=0)
    seed: int = 0
