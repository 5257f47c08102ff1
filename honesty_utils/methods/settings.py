"""Section of one method of a run: what it is, its options, the questions it learns from, how it is shown."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from honesty_utils.common.settings import Section, Seeds
from honesty_utils.knowledge.settings import Rows


class StageEntry(Section):
    """What one stage of a method changes."""

    training: dict[str, Any] = Field({}, description="keys of the training section to override, after the method's")
    objective: dict[str, Any] = Field({}, description="fields of the options of the stage's objective")


class MethodEntry(Section):
    """One method's entry: which method, its options and the questions it learns from."""

    method: str = Field(description="a name in honesty_utils.methods.METHODS")
    options: dict[str, Any] = Field({}, description="fields of the method's options")
    rows: Rows = Rows()
    training: dict[str, Any] = Field({}, description="keys of the training section to override")
    stages: dict[str, StageEntry] = Field({}, description="of a method with several stages: what one of them changes")
    seeds: Seeds | None = Field(None, description="none: training.seeds")
    model_of: str | None = Field(
        None,
        description="an entry of the same method whose models answer here, at another place of the method's dial: "
        "nothing is trained; none: it has models of its own",
    )
    label: str | None = Field(None, min_length=1, description="display name; none: the method's own, or the entry's")
    drawn: bool = Field(True, description="shown in the main figures; tables have every method")
