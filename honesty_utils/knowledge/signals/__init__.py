"""How sure a model is of its answers, measured in many ways: one measure a file, named in `SIGNALS`.

A signal is a number a question, higher is surer. Where it cannot be told it is missing, in tables null and in frames
NaN. Adding one is a file and a line.
"""

from honesty_utils.knowledge.signals import head as heads
from honesty_utils.knowledge.signals.measuring import ANSWER, asks, measure, needs_samples, wide
from honesty_utils.knowledge.signals.registry import SIGNALS
from honesty_utils.knowledge.signals.signal import Evidence, Signal

__all__ = ["ANSWER", "SIGNALS", "Evidence", "Signal", "asks", "heads", "measure", "needs_samples", "wide"]
