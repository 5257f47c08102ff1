"""Ways to score a set whose answers are not just right or wrong; each is one file and one line in `SCORERS`."""

from honesty_utils.evaluation.scorers.labels import Unread, last_label
from honesty_utils.evaluation.scorers.of_run import OF_RUN
from honesty_utils.evaluation.scorers.registry import SCORERS
from honesty_utils.evaluation.scorers.scorer import SCORED, Metric, Scorer, ScorerError, measure

__all__ = ["OF_RUN", "SCORED", "SCORERS", "Metric", "Scorer", "ScorerError", "Unread", "last_label", "measure"]
