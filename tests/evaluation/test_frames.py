"""Clusters of a frame of answers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from honesty_utils.evaluation import frames
from honesty_utils.metrics.intervals import Clusters


def test_questions_alone_are_numbered_as_their_names_would_be():
    """The short way and the long one agree, in the order of ids and of strata."""
    ids = ["q10", "q9", "b", "q10", "q9", "b"]
    table = pd.DataFrame({"question_id": ids, "cluster": ids, "stratum": "all"})
    found, names = frames.clusters(table), sorted(set(ids))
    long = Clusters.of(np.array(names), np.array(["all"] * 3))
    assert (found.label == long.label).all() and (found.stratum == long.stratum).all()
    # Two strata, or two questions together, are no such case.
    halves = table.assign(stratum=["x", "y", "x", "x", "y", "x"])
    assert frames.clusters(halves).count == 3
    assert frames.clusters(table.assign(cluster="c")).count == 1
