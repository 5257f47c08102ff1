"""Answers of aligned models, graded and set beside what M_t did; all of them as one frame."""

from honesty_utils.evaluation.answering import answers, draw, evaluate, plan
from honesty_utils.evaluation.chosen import Evaluated, models
from honesty_utils.evaluation.deciding import decided, fit, measure, measured, read_of_base
from honesty_utils.evaluation.doubting import replies as doubted_replies, sets as doubted_sets
from honesty_utils.evaluation.harness import measure as by_harness

__all__ = [
    "Evaluated",
    "answers",
    "by_harness",
    "decided",
    "doubted_replies",
    "doubted_sets",
    "draw",
    "evaluate",
    "fit",
    "measure",
    "measured",
    "models",
    "plan",
    "read_of_base",
]
