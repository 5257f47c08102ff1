"""The signals by name; adding one is one file and one line."""

from __future__ import annotations

from honesty_utils.knowledge.signals import (
    consistency,
    digit,
    head as heads,
    likelihood,
    p_true,
    refusal,
    sure,
    verbalized,
)
from honesty_utils.knowledge.signals.signal import Signal

SIGNALS: dict[str, Signal] = {
    "likelihood": Signal(likelihood.total, asks="nothing", label="Log-likelihood"),
    "likelihood_mean": Signal(likelihood.mean, asks="nothing", label="Mean log-likelihood"),
    "likelihood_min": Signal(likelihood.minimum, asks="score", label="Least likely token"),
    "self_consistency": Signal(
        consistency.self_consistency, asks="nothing", label="Self-consistency", needs_samples=True
    ),
    "semantic_entropy": Signal(
        consistency.semantic_entropy, asks="nothing", label="Semantic entropy, negative", needs_samples=True
    ),
    "string_entropy": Signal(
        consistency.string_entropy, asks="nothing", label="Entropy of strings, negative", needs_samples=True
    ),
    "cocoa": Signal(consistency.cocoa, asks="nothing", label="CoCoA", needs_samples=True),
    "p_true": Signal(p_true.measure, asks="score", label="P(True)"),
    "verbalized": Signal(verbalized.percent, asks="generate", label="Verbalized, percent"),
    "verbalized_words": Signal(verbalized.word, asks="generate", label="Verbalized, words"),
    "verbalized_top": Signal(verbalized.guesses, asks="generate", label="Verbalized, guesses"),
    "digit": Signal(digit.measure, asks="score", label="Stated digit"),
    "sure": Signal(sure.measure, asks="score", label="Sure"),
    "refusal": Signal(refusal.measure, asks="score", label="Refusal unlikely"),
    heads.NAME: Signal(heads.measure, asks="hidden", label="Head"),
}
"""What a method, a params file or a table may name as a signal."""
