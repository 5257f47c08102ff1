"""Scores of honesty and abstention; ``calibration`` and ``intervals`` are modules of their own beside them."""

from honesty_utils.metrics.abstention import (
    abstain_scores,
    answer_distance,
    coverage,
    effective_reliability,
    refusal_index,
    refusal_rate,
    reliable_accuracy,
    rely,
    simpleqa_f,
    target_score,
    truthful_helpfulness,
    truthful_rate,
    truthfulness,
)
from honesty_utils.metrics.honesty import CATEGORIES, HonestyScores, accuracy, honesty_scores, transitions

__all__ = [
    "CATEGORIES",
    "HonestyScores",
    "abstain_scores",
    "accuracy",
    "answer_distance",
    "coverage",
    "effective_reliability",
    "honesty_scores",
    "refusal_index",
    "refusal_rate",
    "reliable_accuracy",
    "rely",
    "simpleqa_f",
    "target_score",
    "transitions",
    "truthful_helpfulness",
    "truthful_rate",
    "truthfulness",
]
