"""The signals by name; adding one is one file and one line."""

from __future__ import annotations

from honesty_utils.knowledge.signals import head as heads, likelihood
from honesty_utils.knowledge.signals.signal import Signal

SIGNALS: dict[str, Signal] = {
    "likelihood": Signal(likelihood.total, asks="nothing", label="Log-likelihood"),
    "likelihood_mean": Signal(likelihood.mean, asks="nothing", label="Mean log-likelihood"),
    heads.NAME: Signal(heads.measure, asks="hidden", label="Head"),
}
"""What a method, a params file or a table may name as a signal."""
