"""Methods of "Alignment for Honesty" (arXiv 2312.07000) and of its field, as data (`plan`).

Each is a file that ends with its `Method`: what it reads, what it trains on, how it answers, how it is shown. Where a
paper and its released code differ, an option chooses, and its default is the code's, whose numbers are the published
ones. Adding a method is one file and one line in `METHODS`.
"""

from honesty_utils.methods.building import (
    NoRows,
    build,
    check_options,
    stated_confidence,
    well_formed,
    without_confidence,
)
from honesty_utils.methods.deduction import outlook
from honesty_utils.methods.plan import Method, Stage, again
from honesty_utils.methods.registry import METHODS

__all__ = [
    "METHODS",
    "Method",
    "NoRows",
    "Stage",
    "again",
    "build",
    "check_options",
    "outlook",
    "stated_confidence",
    "well_formed",
    "without_confidence",
]
