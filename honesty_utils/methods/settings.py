"""Section of one method of a run: what it is, its options, the questions it learns from."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from honesty_utils.common.settings import Section, Seeds
from honesty_utils.knowledge.settings import Rows

UNTRAINED = ("unaligned", "prompt_based")
"""Baselines that need no training: M_t under the plain and under the honest prompt."""


class MethodEntry(Section):
    """One method's entry: the builder in honesty_utils.methods, its options and the questions it learns from."""

    builder: str = Field(description="a name in honesty_utils.methods.METHODS")
    options: dict[str, Any] = Field({}, description="fields of the builder's options")
    rows: Rows = Rows()
    training: dict[str, Any] = Field({}, description="keys of the training section to override")
    seeds: Seeds | None = Field(None, description="none: training.seeds")
