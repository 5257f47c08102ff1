"""Scores of honesty and abstention; ``calibration`` and ``intervals`` are modules of their own beside them."""

from honesty_utils.metrics.abstention import (
    coverage,
    effective_reliability,
    refusal_rate,
    reliable_accuracy,
    simpleqa_f,
    truthful_helpfulness,
    truthfulness,
)
from honesty_utils.metrics.honesty import CATEGORIES, HonestyScores, accuracy, honesty_scores, transitions

__all__ = [
    "CATEGORIES",
    "HonestyScores",
    "accuracy",
    "coverage",
    "effective_reliability",
    "honesty_scores",
    "refusal_rate",
    "reliable_accuracy",
    "simpleqa_f",
    "transitions",
    "truthful_helpfulness",
    "truthfulness",
]
