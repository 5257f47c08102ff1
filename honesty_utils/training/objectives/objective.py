"""What an objective is: a way in which rows become a model, or a head."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from honesty_utils.common.prompts import Style
from honesty_utils.common.records import Table
from honesty_utils.common.settings import Section
from honesty_utils.engines.settings import Model
from honesty_utils.training import running
from honesty_utils.training.job import Job, TrainingError, TrainingResult
from honesty_utils.training.settings import Training


class Train(Protocol):
    """Trains, and leaves the folder ``output``, whole or not at all."""

    def __call__(
        self,
        rows: pd.DataFrame,
        model: Model,
        output: str | Path,
        settings: Training,
        options: Any,
        *,
        style: Style,
        seed: int,
        work: str | Path | None = None,
    ) -> TrainingResult:
        """Train.

        Args:
            rows: a table of the objective's ``rows``.
            model: that training starts from: M_t, or what an earlier stage left.
            output: folder to write.
            settings: the training section; a head has no use for it.
            options: section of the objective's ``options``.
            style: ``raw`` or ``chat``, as for engines.
            seed: of the order of rows, of new weights, of folds.
            work: folder of checkpoints, which is removed once ``output`` is there; none: beside ``output``.

        Raises:
            TrainingError: rows, model, options, settings and machine do not fit together.
        """
        ...


def _nothing(settings: Training, options: Any) -> None:
    """Whatever the training section says, it fits."""


@dataclass(frozen=True)
class Objective:
    """How rows become a model.

    Attributes:
        rows: table that a stage's ``build`` gives.
        options: section of its options.
        train: see `Train`; imports torch when it is called. A head may be given ``after``, the folder of the head to
            begin from; what grades is given ``wording``, ``grading`` and ``longest``. None: nothing is trained.
        label: display name.
        makes: a ``model`` that an engine loads, or a ``head`` on a model that stays as it is.
        grades: it grades answers while it trains.
        notebook: that trains by it.
        merges: it takes models of other methods, and no rows.
        check: ``(training section, options)``: raises ValueError where they do not fit together; called before any
            work.
    """

    rows: Table
    options: type[Section]
    train: Callable[..., TrainingResult] | None
    label: str
    makes: str = "model"
    grades: bool = False
    notebook: str = "40_training"
    merges: bool = False
    check: Callable[[Training, Any], None] = _nothing


def by_trainer(name: str, check: Callable[[Training, Any], None] = _nothing) -> Train:
    """`Train` of an objective that ``training.trainer`` knows by its name and whose options are all that it takes."""

    def train(
        rows: pd.DataFrame,
        model: Model,
        output: str | Path,
        settings: Training,
        options: Any,
        *,
        style: Style,
        seed: int,
        work: str | Path | None = None,
    ) -> TrainingResult:
        """See `Train`."""
        fits(check, settings, options)
        output = Path(output)
        folder = running.working_folder(output, work)
        return running.run(Job(rows, model, output, settings, style, seed, folder, name, options.model_dump()))

    return train


def fits(check: Callable[[Training, Any], None], settings: Training, options: Any) -> None:
    """Raise `TrainingError` where the training section and the options do not fit together."""
    try:
        check(settings, options)
    except ValueError as error:
        raise TrainingError(f"training.{error}") from None
