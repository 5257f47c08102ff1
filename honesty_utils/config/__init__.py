"""Params files: one YAML is one run, a section per stage, every key checked before any work.

Each section is a pydantic model that forbids unknown keys. A Snakemake rule passes a notebook its own section and no
more, so that editing one section re-runs that stage and what depends on it; the notebook turns the section back into
its model with ``Sampling(**sampling)``.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from honesty_utils.config import files
from honesty_utils.config.base import ConfigError, Name, Section, Seeds
from honesty_utils.config.builders import PriorKnown, PriorUnknown, Template
from honesty_utils.config.errors import explain
from honesty_utils.config.judge import Judge, JudgePrompts, grading_judge
from honesty_utils.config.params import ADAPTERS, JUDGED_ROLES, REQUESTS, UNTRAINED, Params
from honesty_utils.config.stages import (
    DEFAULT_REFUSAL,
    Analysis,
    Drift,
    Evaluation,
    Generation,
    Labeling,
    Method,
    Model,
    Prompts,
    QuestionSet,
    Role,
    Rows,
    Sampling,
    Sweep,
)
from honesty_utils.config.training import Training
from honesty_utils.config.world import Pretraining, Use, World

__all__ = [
    "ADAPTERS",
    "DEFAULT_REFUSAL",
    "JUDGED_ROLES",
    "REQUESTS",
    "UNTRAINED",
    "Analysis",
    "ConfigError",
    "Drift",
    "Evaluation",
    "Generation",
    "Judge",
    "JudgePrompts",
    "Labeling",
    "Method",
    "Model",
    "Name",
    "Params",
    "Pretraining",
    "PriorKnown",
    "PriorUnknown",
    "Prompts",
    "QuestionSet",
    "Role",
    "Rows",
    "Sampling",
    "Section",
    "Seeds",
    "Sweep",
    "Template",
    "Training",
    "Use",
    "World",
    "explain",
    "grading_judge",
    "load",
]


def load(path: str | Path, data: str | None = None) -> Params:
    """Read and check a params file.

    Args:
        path: the YAML file.
        data: local folder with copies of the question sets, in place of the file's own ``data``.

    Raises:
        ConfigError: names file, key, value and what is allowed.
    """
    content = files.read(Path(path))
    if data:
        content["data"] = data
    try:
        return Params(**content)
    except ValidationError as error:
        raise ConfigError(explain(error, str(path), Params)) from None
