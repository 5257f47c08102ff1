"""The tokenized Brier score of a digit that states how sure one is; see ``training.stating``."""

from __future__ import annotations

from honesty_utils.common.records import STATED
from honesty_utils.common.settings import Section
from honesty_utils.training.objectives.objective import Objective, by_trainer
from honesty_utils.training.settings import Training


class Options(Section):
    """It has none beside the training section."""


def check(settings: Training, options: Options) -> None:
    """Hold the training section to rows that stand alone.

    Raises:
        ValueError: rows that are joined.
    """
    if settings.batches not in ("random", "by_length"):
        raise ValueError(f"batches: {settings.batches!r} is not for digits: set random or by_length")


OBJECTIVE = Objective(rows=STATED, options=Options, train=by_trainer("brier", check), label="Brier", check=check)
