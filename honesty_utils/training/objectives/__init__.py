"""How rows become a model: one way a file, named in `OBJECTIVES`. Adding one is a file and a line.

A stage names its objective, which says what columns its rows have, which options it takes, and trains. Nothing here
imports torch until it does.
"""

from honesty_utils.training.objectives.checking import check_options, options_of
from honesty_utils.training.objectives.objective import Objective, Train
from honesty_utils.training.objectives.registry import OBJECTIVES

__all__ = ["OBJECTIVES", "Objective", "Train", "check_options", "options_of"]
