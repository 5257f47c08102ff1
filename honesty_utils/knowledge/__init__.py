"""What M_t knows: labels of its answers, expected accuracy, its boundary, the training subset."""

from honesty_utils.knowledge.boundary import (
    Answered,
    answered,
    expected_accuracy,
    jeffreys_interval,
    knowledge_table,
    subset_sizes,
    training_subset,
)

__all__ = [
    "Answered",
    "answered",
    "expected_accuracy",
    "jeffreys_interval",
    "knowledge_table",
    "subset_sizes",
    "training_subset",
]
