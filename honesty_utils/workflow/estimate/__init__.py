"""What a run takes, before it runs: questions, tokens, device-hours, memory and disk of each stage.

``work`` counts what a params file asks for, ``shape`` reads the size of the model from its config, ``cost`` turns both
into time, memory and disk under stated assumptions, ``probe`` replaces some of these by measurements, ``truth`` sets
beside them what a finished run took. ``honesty estimate params/x.yaml`` is the command (`command`).
"""

from __future__ import annotations

import pandas as pd

from honesty_utils.training import layouts
from honesty_utils.workflow.estimate import cost, work
from honesty_utils.workflow.estimate.cost import Assumptions
from honesty_utils.workflow.estimate.shape import EstimateError, Shape, adapter_parameters, load
from honesty_utils.workflow.params import Params

__all__ = ["COLUMNS", "Assumptions", "EstimateError", "Shape", "estimate", "load"]

COLUMNS = (
    "stage", "item", "models", "questions", "responses", "prompt_tokens", "answer_tokens", "device_hours", "devices",
    "memory_gib", "disk_gib",
)  # fmt: skip
"""Columns of an estimate. Counts, tokens, hours and disk are of all ``models`` (seeds) together; ``devices`` are those
that the params file gives to one of them, and memory is that of one device."""


def estimate(params: Params, shape: Shape, assumed: Assumptions) -> pd.DataFrame:
    """One row for each part of sampling, each method's training, each model's evaluation and sampling anew.

    Args:
        params: a checked params file.
        shape: of the model, from `load`.
        assumed: what cannot be known before, all of it replaceable.

    Returns:
        `COLUMNS`; ``responses`` are rows in training, ``answer_tokens`` of training those of its rows, once.

    Raises:
        EstimateError: a question set whose size is not known.
        TrainingError: a layout that is not there.
    """
    rows = []
    for job in work.jobs(params, assumed):
        if job.stage == "training":
            training = params.training_of(job.item)
            adapter = adapter_parameters(shape, training) if training.mode != "full" else 0
            layout = layouts.layout(training)
            spent = cost.training(job, shape, training, adapter, params.model.dtype, assumed, layout)
        else:
            generation = params.evaluation if job.stage == "evaluation" else params.sampling
            spent = cost.generation(job, shape, generation, params.model.dtype, assumed)
        counts = (job.models, job.questions, job.responses, round(job.prompt_tokens), round(job.answer_tokens))
        rows.append(
            (job.stage, job.item, *counts, spent.hours, spent.devices, spent.memory / 2**30, spent.disk / 2**30)
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))
