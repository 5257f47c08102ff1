"""What one notebook of a run has to do, in questions, rows and tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Stage = Literal["sampling", "training", "evaluation", "drift"]


@dataclass(frozen=True)
class Workload:
    """What one notebook does, or the notebooks of all seeds of a method.

    Attributes:
        stage: which stage.
        item: part of sampling (see `parts`), else the method.
        models: notebooks of this kind: seeds.
        questions: asked or trained on, of all models together.
        responses: responses, or rows in training.
        prompt_tokens: read once for all samples of a question; in training, of all rows, once.
        answer_tokens: generated; in training, of all rows, once.
        longest: tokens of the longest prompt.
        epochs: passes over the rows, in training.
    """

    stage: Stage
    item: str
    models: int
    questions: int
    responses: int
    prompt_tokens: float
    answer_tokens: float
    longest: float
    epochs: float = 1
