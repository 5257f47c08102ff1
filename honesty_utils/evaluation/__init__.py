"""Answers of aligned models, graded and set beside what M_t did; all of them as one frame."""

from honesty_utils.evaluation.answering import Evaluated, answers, draw, evaluate, models, plan
from honesty_utils.evaluation.deciding import decided, fit, measure, measured, read_of_base

__all__ = [
    "Evaluated",
    "answers",
    "decided",
    "draw",
    "evaluate",
    "fit",
    "measure",
    "measured",
    "models",
    "plan",
    "read_of_base",
]
