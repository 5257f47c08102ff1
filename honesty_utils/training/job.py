"""What a training is asked to do and what it did, both as files: how a launched process is told, and tells."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from honesty_utils.common import records
from honesty_utils.common.errors import HonestyError
from honesty_utils.common.prompts import Style
from honesty_utils.engines.settings import Model
from honesty_utils.training.settings import Training

ROWS = {
    "sft": ("question_id", "prompt", "completion"),
    "dpo": ("question_id", "prompt", "chosen", "rejected"),
    "brier": ("question_id", "prompt", "target"),
    "grpo": (
        "question_id",
        "prompt",
        "known",
        "dataset",
        "question",
        "answers",
        "choices",
        "answer_index",
        "meta",
        "match",
    ),
}
"""Columns that an objective trains on."""


class TrainingError(HonestyError, ValueError):
    """Rows, model, settings and machine do not fit together."""


@dataclass(frozen=True)
class TrainingResult:
    """What a training run did.

    Attributes:
        folder: where the model is.
        history: a row a logged step (step, epoch, loss, token_accuracy, learning_rate).
        rows: trained on.
        steps: of the optimizer, those before a resume included.
        completion_tokens: that were learned, each epoch's once.
        seconds: of this process; what was done before a kill is not in it.
        left_out: question ids of rows that were too long and dropped.
        cut: question ids of rows that were too long and cut.
        equal: question ids of pairs that were left out because their two texts are equal.
        resumed_at: step of the checkpoint that it went on from; 0: it began at the beginning.
        processes: that trained side by side.
    """

    folder: Path
    history: pd.DataFrame
    rows: int
    steps: int
    completion_tokens: int
    seconds: float
    left_out: list[str] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    equal: list[str] = field(default_factory=list)
    resumed_at: int = 0
    processes: int = 1

    def facts(self) -> dict[str, Any]:
        """All but the folder, for a manifest or a file."""
        return {**vars(self), "folder": str(self.folder), "history": self.history.to_dict("records")}

    def save(self, path: Path) -> None:
        """Write to ``path``; the file appears whole or not at all."""
        with records.atomic(path) as partial:
            partial.write_text(json.dumps(self.facts()), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> TrainingResult:
        """The result that a process of a launch left beside its job with `save`."""
        content = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**content, "folder": Path(content["folder"]), "history": pd.DataFrame(content["history"])})


@dataclass(frozen=True)
class Job:
    """One training: see ``training.train``.

    Attributes:
        work: folder of its checkpoints.
        objective: how rows become a model, a key of `ROWS`.
        options: of the objective, by name.
    """

    rows: pd.DataFrame
    model: Model
    output: Path
    settings: Training
    style: Style
    seed: int
    work: Path
    objective: str = "sft"
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def result(self) -> Path:
        """Where a launched process leaves its result."""
        return self.work / "result.json"

    @property
    def error(self) -> Path:
        """Where a launched process leaves the error that ended it."""
        return self.work / "error.txt"

    def save(self) -> Path:
        """Write the job into ``work``.

        Returns:
            The path to give to ``python -m honesty_utils.training``.
        """
        self.work.mkdir(parents=True, exist_ok=True)
        self.rows[list(ROWS[self.objective])].to_parquet(self.work / "rows.parquet")
        content = {
            "model": self.model.model_dump(mode="json"),
            "output": str(self.output),
            "settings": self.settings.model_dump(mode="json"),
            "style": self.style,
            "seed": self.seed,
            "objective": self.objective,
            "options": dict(self.options),
        }
        path = self.work / "job.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    @classmethod
    def load(cls, path: str | Path) -> Job:
        """The job that `save` wrote, with its rows; what every process of a launch begins with."""
        path = Path(path)
        content = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            rows=pd.read_parquet(path.parent / "rows.parquet"),
            model=Model(**content["model"]),
            output=Path(content["output"]),
            settings=Training(**content["settings"]),
            style=content["style"],
            seed=content["seed"],
            work=path.parent,
            objective=content["objective"],
            options=content["options"],
        )
