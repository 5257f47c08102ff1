"""What a run takes, before it runs: questions, tokens, device-hours, memory and disk of each stage.

``work`` counts the tasks of a run, ``shape`` reads the size of the model from its config, ``cost`` turns both into
time, memory and disk under stated assumptions, ``measured`` has what a probe and a finished run tell instead.
``honesty estimate params/x.yaml`` is the `command`.
"""

from __future__ import annotations

import pandas as pd

from honesty_utils.workflow.estimate.cost import Assumptions, cost_of
from honesty_utils.workflow.estimate.shape import EstimateError, Shape, load
from honesty_utils.workflow.estimate.work import workloads
from honesty_utils.workflow.params import Params

__all__ = ["COLUMNS", "Assumptions", "EstimateError", "Shape", "estimate", "load"]

COLUMNS = (
    "stage", "item", "models", "questions", "responses", "prompt_tokens", "answer_tokens", "device_hours", "devices",
    "memory_gib", "disk_gib",
)  # fmt: skip
"""Columns of an estimate. Counts, tokens, hours and disk are of all ``models`` (seeds) together; ``devices`` are those
that the params file gives to one of them, and memory is that of one device."""


def estimate(params: Params, shape: Shape, assumed: Assumptions) -> pd.DataFrame:
    """One row for each part of sampling, each stage's training, each method's evaluation and sampling anew.

    Returns:
        `COLUMNS`; ``responses`` are rows in training, ``answer_tokens`` of training those of its rows, once.

    Raises:
        EstimateError: a question set whose size is not known.
        QuestionError: a question file that is named and not there.
        TrainingError: a layout that is not there.
    """
    rows = []
    for work in workloads(params, assumed):
        hours, devices, memory, disk = cost_of(work, shape, params.model.dtype, assumed)
        counts = (work.models, work.questions, work.responses, round(work.prompt_tokens), round(work.answer_tokens))
        rows.append((work.stage, work.item, *counts, hours, devices, memory / 2**30, disk / 2**30))
    return pd.DataFrame(rows, columns=list(COLUMNS))
