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


BASE = "base"
"""M_t, the model before alignment."""


WORLDS = "worlds"
"""Folder of a run over several worlds that holds a run for each."""


def world_name(run: str, seed: int) -> str:
    """Name of the run of one world of several: ``<run>/worlds/<seed>``."""
    return f"{run}/{WORLDS}/{seed}"


def model_name(method: str, seed: int, stage: str | None = None) -> str:
    """Name of a trained model, as in paths: ``<method>/seed<k>``, of an earlier stage ``<method>.<stage>/seed<k>``."""
    return f"{method if stage is None else f'{method}.{stage}'}/seed{seed}"


@dataclass(frozen=True)
class Run:
    """Paths of one run; ``name`` is the ``run`` of its params file."""

    name: str

    @property
    def folder(self) -> Path:
        return root() / "runs" / self.name

    @property
    def is_world(self) -> bool:
        """Whether it is one world of several."""
        return f"/{WORLDS}/" in self.name

    @property
    def figures(self) -> Path:
        """Tables and figures; of one world of several they are no result, and stay with its other artifacts."""
        return self.folder / "figures" if self.is_world else root() / "figures" / self.name

    @property
    def base_model(self) -> Path:
        return self.folder / "world" / "base_model"

    @property
    def unpacked_model(self) -> Path:
        """The model folder that is made of a GGUF file."""
        return self.folder / "unpacked_model"

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

    def responses(self, dataset: str, model: str = BASE) -> Path:
        return self._of(model, "responses") / f"{dataset}.parquet"

    def labels(self, dataset: str, model: str = BASE) -> Path:
        return self._of(model, "labels") / f"{dataset}.parquet"

    def knowledge(self, dataset: str, model: str = BASE) -> Path:
        return self._of(model, "knowledge") / f"{dataset}.parquet"

    def signals(self, dataset: str, model: str = BASE) -> Path:
        return self._of(model, "signals") / f"{dataset}.parquet"

    def _of(self, model: str, stage: str) -> Path:
        """Folder of what is known of a model; that of M_t is the stage's own."""
        return self.folder / stage if model == BASE else self.folder / stage / model

    def sft(self, method: str, stage: str | None = None) -> Path:
        return self.folder / "sft" / f"{method if stage is None else f'{method}.{stage}'}.parquet"

    def fitted(self, method: str, seed: int) -> Path:
        return self.folder / "fitted" / method / f"seed{seed}.json"

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

    def model(self, method: str, seed: int, stage: str | None = None) -> Path:
        """Folder of a trained model; ``stage``: of an earlier stage than the last."""
        return self.folder / "models" / model_name(method, seed, stage)

    def trained(self, method: str, seed: int, stage: str | None = None) -> Path:
        """A small file that says which model a training has left; it changes when the model does."""
        folder = self.model(method, seed, stage)
        return folder.with_name(f"{folder.name}.trained.json")

    def checkpoints(self, method: str, seed: int, stage: str | None = None) -> Path:
        return self.folder / "checkpoints" / model_name(method, seed, stage)

    def evaluation(self, method: str, seed: int, dataset: str) -> Path:
        return self.folder / "evaluation" / method / f"seed{seed}" / f"{dataset}.parquet"

    def drawn_answers(self, method: str, seed: int, dataset: str) -> Path:
        return self.folder / "evaluation" / method / f"seed{seed}" / "answers" / f"{dataset}.parquet"

    def doubted(self, method: str, seed: int, dataset: str) -> Path:
        return self.folder / "evaluation" / method / f"seed{seed}" / "doubted" / f"{dataset}.parquet"

    def harness(self, method: str, seed: int) -> Path:
        return self.folder / "harness" / method / f"seed{seed}.parquet"

    def shards(self, stage: str) -> Path:
        return self.folder / stage / "shards"
