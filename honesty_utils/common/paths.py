"""Where the artifacts of a run live. Every notebook and rule takes its paths from here."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


def root() -> Path:
    """Top of the checkout: ``HONESTY_ROOT`` if set, else the nearest parent folder that holds ``pyproject.toml``."""
    if "HONESTY_ROOT" in os.environ:
        return Path(os.environ["HONESTY_ROOT"])
    here = Path.cwd().resolve()
    for folder in (here, *here.parents):
        if (folder / "pyproject.toml").is_file():
            return folder
    raise FileNotFoundError(f"{here}: not inside a checkout (no pyproject.toml above it); set HONESTY_ROOT to its top")


@dataclass(frozen=True)
class Run:
    """Paths of one run; ``name`` is the ``run`` of its params file."""

    name: str

    @property
    def folder(self) -> Path:
        return root() / "runs" / self.name

    @property
    def figures(self) -> Path:
        return root() / "figures" / self.name

    @property
    def base_model(self) -> Path:
        return self.folder / "world" / "base_model"

    @property
    def train_questions(self) -> Path:
        return self.folder / "train_questions.parquet"

    def world_questions(self, dataset: str) -> Path:
        return self.folder / "world" / "questions" / f"{dataset}.parquet"

    @property
    def prior_known(self) -> Path:
        return self.folder / "prior_known" / "questions.parquet"

    def questions(self, dataset: str) -> Path:
        return self.folder / "questions" / f"{dataset}.parquet"

    def responses(self, dataset: str) -> Path:
        return self.folder / "responses" / f"{dataset}.parquet"

    def labels(self, dataset: str) -> Path:
        return self.folder / "labels" / f"{dataset}.parquet"

    def knowledge(self, dataset: str) -> Path:
        return self.folder / "knowledge" / f"{dataset}.parquet"

    def sft(self, method: str) -> Path:
        return self.folder / "sft" / f"{method}.parquet"

    @property
    def judge(self) -> Path:
        return self.folder / "judge"

    @property
    def labelled(self) -> Path:
        return self.folder / "judged" / "labelled.parquet"

    def answers(self, method: str, seed: int, dataset: str) -> Path:
        return self.folder / "answers" / method / f"seed{seed}" / f"{dataset}.parquet"

    def judged(self, method: str, seed: int, dataset: str) -> Path:
        return self.folder / "judged" / method / f"seed{seed}" / f"{dataset}.parquet"

    def model(self, method: str, seed: int) -> Path:
        return self.folder / "models" / method / f"seed{seed}"

    def drift(self, method: str, seed: int, table: str) -> Path:
        return self.folder / "drift" / method / f"seed{seed}" / f"{table}.parquet"

    def checkpoints(self, method: str, seed: int) -> Path:
        return self.folder / "checkpoints" / method / f"seed{seed}"

    def evaluation(self, method: str, seed: int, dataset: str) -> Path:
        return self.folder / "evaluation" / method / f"seed{seed}" / f"{dataset}.parquet"

    def drawn_answers(self, method: str, seed: int, dataset: str) -> Path:
        return self.folder / "evaluation" / method / f"seed{seed}" / "answers" / f"{dataset}.parquet"

    def shards(self, stage: str) -> Path:
        return self.folder / stage / "shards"
