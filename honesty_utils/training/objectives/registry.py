"""The objectives by name; adding one is one file and one line."""

from __future__ import annotations

from honesty_utils.training.objectives import brier, dpo, grpo, head, merge, sft
from honesty_utils.training.objectives.objective import Objective

OBJECTIVES: dict[str, Objective] = {
    "sft": sft.OBJECTIVE,
    "dpo": dpo.OBJECTIVE,
    "brier": brier.OBJECTIVE,
    "grpo": grpo.OBJECTIVE,
    "head": head.OBJECTIVE,
    "merge": merge.OBJECTIVE,
}
"""What a stage may name as its objective."""
