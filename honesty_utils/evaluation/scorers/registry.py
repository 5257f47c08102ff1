"""The scorers by name; adding one is one file and one line."""

from __future__ import annotations

from honesty_utils.evaluation.scorers import belief, not_attempted, premise, should_refuse, solved, stance
from honesty_utils.evaluation.scorers.scorer import Scorer

SCORERS: dict[str, Scorer] = {
    "should_refuse": should_refuse.SCORER,
    "solved": solved.SCORER,
    "not_attempted": not_attempted.SCORER,
    "premise": premise.SCORER,
    "stance": stance.SCORER,
    "belief": belief.SCORER,
}
"""What a set is scored by."""
