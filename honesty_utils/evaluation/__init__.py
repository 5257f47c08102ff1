"""Answers of aligned models, graded and set beside what M_t did; all of them as one frame."""

from honesty_utils.evaluation.answering import Evaluated, answers, draw, evaluate, models, plan

__all__ = ["Evaluated", "answers", "draw", "evaluate", "models", "plan"]
