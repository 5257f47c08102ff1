"""Supervised fine-tuning: the loss of the completion's tokens under the prompt; see ``training.train``."""

from __future__ import annotations

from honesty_utils.common.records import SFT
from honesty_utils.common.settings import Section
from honesty_utils.training.objectives.objective import Objective, by_trainer


class Options(Section):
    """Supervised fine-tuning has none beside the training section."""


OBJECTIVE = Objective(rows=SFT, options=Options, train=by_trainer("sft"), label="SFT")
