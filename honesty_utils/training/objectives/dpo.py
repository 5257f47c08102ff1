"""Direct preference optimization (arXiv 2305.18290) on pairs of replies; see ``training.preference``.

The reference is the model that training starts from. The training section counts as for SFT, but for batches that join
rows and rows that are cut, which pairs cannot be. Pairs of two equal texts are left out, logged, and listed in the
result. With LoRA, an adapter that an earlier stage has made goes on itself; with ``mode: full`` it is merged into its
base first.
"""

from __future__ import annotations

from pydantic import Field

from honesty_utils.common.records import PAIRS
from honesty_utils.common.settings import Section
from honesty_utils.training.objectives.objective import Objective, by_trainer
from honesty_utils.training.settings import Training


class Options(Section):
    """Options of DPO; the defaults are those of Say-I-Don't-Know (arXiv 2401.13275)."""

    beta: float = Field(0.1, gt=0, description="how hard the model is held to where it started: the more, the harder")
    sft_weight: float = Field(0.01, ge=0, description="weight of the mean loss a token of the chosen replies; 0: none")


def check(settings: Training, options: Options) -> None:
    """Hold the training section to pairs.

    Raises:
        ValueError: rows that are joined behind each other, rows that are cut.
    """
    if settings.batches in ("padding_free", "packed"):
        raise ValueError(f"batches: {settings.batches!r} is not for pairs of replies: set random or by_length")
    if settings.too_long == "truncate":
        raise ValueError(
            "too_long: 'truncate' may leave a pair two equal texts: set refuse or drop, or raise max_length"
        )


OBJECTIVE = Objective(rows=PAIRS, options=Options, train=by_trainer("dpo", check), label="DPO", check=check)
