"""Options of an objective, checked before any work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from honesty_utils.common.settings import Section, explain
from honesty_utils.methods.plan import Stage
from honesty_utils.methods.settings import MethodEntry
from honesty_utils.training.objectives.registry import OBJECTIVES


def check_options(name: str, options: Mapping[str, Any], where: str | None = None) -> Section:
    """The options of an objective, checked; call it before any work.

    Args:
        name: a key of `OBJECTIVES`.
        options: values by name; what is left out takes its default.
        where: what an error names, such as the key of a params file; none: ``objectives.<name>``.

    Raises:
        ValueError: unknown objective or option (lists those declared), or a value that is not allowed.
    """
    if name not in OBJECTIVES:
        raise ValueError(f"objective {name!r}; known: {sorted(OBJECTIVES)}")
    section = OBJECTIVES[name].options
    try:
        return section(**options)
    except ValidationError as error:
        raise ValueError(explain(error, where or f"objectives.{name}", section)) from None


def options_of(stage: Stage, entry: MethodEntry, where: str | None = None) -> Section:
    """Options of the objective of a stage: as the method gives them, and as the entry of a params file changes them.

    Raises:
        ValueError: see `check_options`.
    """
    changed = entry.stages[stage.name].objective if stage.name in entry.stages else {}
    return check_options(stage.objective, {**stage.given, **changed}, where)
