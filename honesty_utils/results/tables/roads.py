"""What is said of roads to honesty beside rows, rewards and merging, held against a run by rules written before any.

A claim is of a paired difference, the first method less the second on the same questions: it *holds* where the interval
lies above minus its margin, is *reversed* where it lies below, and is else *inconclusive*, as it is with fewer than
`TRAININGS` trainings of either method. Nothing is corrected for the number of claims.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from honesty_utils.metrics import edge, intervals
from honesty_utils.metrics.edge import METRICS, NUM_STATES
from honesty_utils.metrics.intervals import Clusters
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.settings import Analysis
from honesty_utils.results.tables.board import HOLDS, OPEN, REVERSED
from honesty_utils.results.tables.comparisons import find
from honesty_utils.results.tables.edges import states_of

TRAININGS = 3
TRUTH_RL, MERGING = "arXiv 2509.25760", "arXiv 2502.06876"
OURS = "ours"


@dataclass(frozen=True)
class Claim:
    """The first entry less the second in a metric of ``tab_tests`` lies above minus the margin."""

    text: str
    source: str
    first: str
    second: str
    metric: str
    margin: float = 0.0


CLAIMS = (
    Claim("Taught to refuse first, rewards do better", OURS, "truth_rl_warm", "truth_rl", "honesty"),
    Claim("Rewards add honesty to what was taught", OURS, "truth_rl_warm", "absolute_half", "honesty"),
    Claim(
        "A refusal worth no more than an error is given up", TRUTH_RL, "truth_rl_warm", "binary_reward", "refusal_rate"
    ),
    Claim(
        "Rewarding a refusal of what is never right adds honesty", TRUTH_RL, "truth_rl_knowledge", "truth_rl_warm",
        "honesty",
    ),
    Claim("Merging does better than mixing the rows", MERGING, "merged", "mixed", "truthful_helpfulness"),
    Claim("Merged, a model is honester than the helpful one", MERGING, "merged", "finetuned", "honesty"),
    Claim("and is right as often, within two points", MERGING, "merged", "finetuned", "accuracy", 0.02),
    Claim(
        "Singular vectors kept apart do better than a plain sum", MERGING, "merged_tsv", "merged_full",
        "truthful_helpfulness",
    ),
)  # fmt: skip
LATER = "The dearer an error, the later a model begins to answer"
MORE = "The dearer an error, the more is refused"


def tab_road_findings(
    evaluations: pd.DataFrame,
    tests: pd.DataFrame,
    dataset: str,
    edges: Mapping[str, float],
    analysis: Analysis,
    roster: Roster = PAPER,
) -> pd.DataFrame:
    """The claims that speak of methods of this run, and its verdicts.

    Args:
        evaluations: as ``frames.load`` returns it.
        tests: ``tab_tests``.
        dataset: the set to look at.
        edges: of each method whose reward has a price, where answering begins to pay; entries of one method with
            neighboring edges are compared.
        analysis: resamples, level and seed of the intervals.
        roster: the methods of the run.

    Returns:
        ``claim, source, method, other, metric, margin, value, low, high, seeds, verdict``.
    """
    states, rows = states_of(evaluations, dataset, roster), list[tuple[object, ...]]()
    for cheap, dear in _neighbors(edges, roster):
        if dear in states and cheap in states:
            later = _later(states[dear], states[cheap], (dataset, dear, cheap), analysis)
            rows.append((LATER, TRUTH_RL, dear, cheap, "tau", 0.0, *later))
            rows += _tested(Claim(MORE, TRUTH_RL, dear, cheap, "refusal_rate"), tests, dataset)
    for claim in CLAIMS:
        rows += _tested(claim, tests, dataset)
    columns = ["claim", "source", "method", "other", "metric", "margin", "value", "low", "high"]
    table = pd.DataFrame(rows, columns=columns)
    seeds = evaluations[evaluations["dataset"] == dataset].groupby("method")["seed"].nunique()
    table["seeds"] = [
        min(seeds[first], seeds[other]) for first, other in zip(table["method"], table["other"], strict=True)
    ]
    told = table[["seeds", "low", "high", "margin"]].itertuples(index=False, name=None)
    return table.assign(verdict=[_said(*row) for row in told])


def _said(seeds: int, low: float, high: float, margin: float) -> str:
    if seeds < TRAININGS:
        return OPEN
    return HOLDS if low > -margin else REVERSED if high < -margin else OPEN


def _tested(claim: Claim, tests: pd.DataFrame, dataset: str) -> Iterator[tuple[object, ...]]:
    test = find(tests, claim.first, claim.second, dataset, claim.metric)
    if test is not None:
        named = (claim.text, claim.source, claim.first, claim.second, claim.metric, claim.margin)
        yield (*named, test.value, test.low, test.high)


def _neighbors(edges: Mapping[str, float], roster: Roster) -> Iterator[tuple[str, str]]:
    """Pairs of entries of one method with neighboring prices of an error, the cheaper one first."""
    kinds: dict[str, list[str]] = {}
    for name in sorted(edges, key=lambda one: edges[one]):
        kinds.setdefault((roster.shown[name].library if name in roster.shown else None) or name, []).append(name)
    for names in kinds.values():
        yield from (pair for pair in pairwise(names) if edges[pair[0]] < edges[pair[1]])


def _later(
    first: tuple[NDArray[np.int64], Clusters],
    second: tuple[NDArray[np.int64], Clusters],
    key: tuple[str, ...],
    analysis: Analysis,
) -> tuple[float, float, float]:
    rng = intervals.generator(analysis.seed, "edges", *key)
    pair = intervals.paired_samples(first[0], second[0], NUM_STATES, edge.scores, analysis.resamples, rng, first[1])
    found = intervals.difference(*pair, analysis.confidence_level)[0]
    at = METRICS.index("tau")
    return float(found.value[at]), float(found.low[at]), float(found.high[at])
