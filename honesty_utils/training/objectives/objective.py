"""What an objective is: a way in which rows become a model, or a head."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from honesty_utils.common.prompts import Style
from honesty_utils.common.records import Table
from honesty_utils.common.settings import Prompts, Section
from honesty_utils.engines.settings import Model
from honesty_utils.knowledge.settings import Labeling
from honesty_utils.training.job import TrainingResult
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


class GradedTrain(Protocol):
    """`Train` of an objective that grades answers."""

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
        wording: Prompts,
        grading: Labeling,
        longest: int,
    ) -> TrainingResult:
        """Train; ``wording`` are the prompts of the run, ``grading`` says how answers are matched, ``longest`` how many
        tokens they may have."""
        ...


def _nothing(settings: Training, options: Any) -> None:
    """Whatever the training section says, it fits."""


@dataclass(frozen=True)
class Objective:
    """How rows become a model.

    Attributes:
        rows: table that a stage's ``build`` gives.
        options: section of its options.
        train: see `Train`; imports torch when it is called. None: nothing is trained.
        label: display name.
        makes: a ``model`` that an engine loads, or a ``head`` on a model that stays as it is.
        grades: it grades answers while it trains: ``train`` is given ``wording`` and ``grading``, too.
        notebook: that trains by it.
        merges: it takes models of other methods, and no rows.
        check: ``(training section, options)``: raises ValueError where they do not fit together; called before any
            work.
    """

    rows: Table
    options: type[Section]
    train: Train | GradedTrain | None
    label: str
    makes: str = "model"
    grades: bool = False
    notebook: str = "40_training"
    merges: bool = False
    check: Callable[[Training, Any], None] = _nothing
