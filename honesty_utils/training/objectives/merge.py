"""Merging: models that are there already become one; see ``training.merging`` and ``training.family``."""

from __future__ import annotations

from honesty_utils.common.records import SFT
from honesty_utils.common.settings import Section
from honesty_utils.training.objectives.objective import Objective


class Options(Section):
    """None: what is merged and how are options of the method."""


OBJECTIVE = Objective(rows=SFT, options=Options, train=None, label="Merging", notebook="42_merging", merges=True)
