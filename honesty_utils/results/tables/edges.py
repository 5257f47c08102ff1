"""Where methods begin to answer, where rewards say that they should, and what that says of rewards."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from honesty_utils.evaluation import frames
from honesty_utils.methods import METHODS
from honesty_utils.methods.settings import MethodEntry
from honesty_utils.metrics import edge, intervals
from honesty_utils.metrics.edge import METRICS, NUM_STATES
from honesty_utils.metrics.intervals import Clusters
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.settings import Analysis
from honesty_utils.results.tables.comparisons import find
from honesty_utils.training.objectives import options_of

COLUMNS = ["method", "dataset", "edge", "metric", "value", "low", "high", "seeds", "questions"]
TRAININGS = 3
"""Trainings of a method without which nothing is said of it."""
HOLDS, REVERSED, OPEN = "holds", "reversed", "inconclusive"
PRICED = ("ternary", "knowledge")
"""Rewards by which answering pays from some expected accuracy on."""
CLAIMS = (
    ("Taught to refuse first, rewards do better", "truth_rl_warm", "truth_rl", "honesty"),
    ("A refusal worth no more than an error is given up", "truth_rl_warm", "binary_reward", "refusal_rate"),
    ("Rewards add honesty to what was taught", "truth_rl_warm", "absolute", "honesty"),
    ("Rewarding a refusal of what is never right adds honesty", "truth_rl_knowledge", "truth_rl_warm", "honesty"),
)
"""Claim, method, the other one, metric: it holds where the interval of the difference lies above 0."""


def edges_of(entries: Mapping[str, MethodEntry]) -> dict[str, float]:
    """Of each method that is trained by a reward with a price, the expected accuracy from which answering pays."""
    found = {}
    for name, entry in entries.items():
        stages = METHODS[entry.method].stages
        if stages and stages[-1].objective == "grpo":
            options = options_of(stages[-1], entry).model_dump()
            if options["reward"] in PRICED and options["wrong"] > -1:
                found[name] = (options["wrong"] + options["refused"]) / (1 + options["wrong"])
    return found


def tab_edges(
    evaluations: pd.DataFrame, dataset: str, edges: Mapping[str, float], analysis: Analysis, roster: Roster = PAPER
) -> pd.DataFrame:
    """At which expected accuracy every method begins to answer.

    Args:
        evaluations: as ``frames.load`` returns it; questions without samples are left out.
        dataset: the set to look at.
        edges: `edges_of` the entries.
        analysis: resamples, level and seed of the intervals.
        roster: the methods of the run.

    Returns:
        The columns `COLUMNS`; metrics are those of ``metrics.edge``, ``edge`` is where a method's reward says that
        answering begins to pay, NaN for others. A method that refuses nothing has no rank, and its ``tau`` is 0.
    """
    tables = []
    for method, (states, clusters) in _states(evaluations, dataset, roster).items():
        rng = intervals.generator(analysis.seed, "edges", dataset, method)
        drawn = intervals.sample(states, NUM_STATES, edge.scores, analysis.resamples, rng, clusters)
        found = intervals.estimate(drawn, analysis.confidence_level, rng)
        ends = {"value": found.value, "low": found.low, "high": found.high}
        facts = {"edge": edges.get(method, math.nan), "seeds": states.shape[1], "questions": len(states)}
        tables.append(pd.DataFrame({"method": method, "dataset": dataset, **facts, "metric": METRICS, **ends}))
    return pd.concat(tables, ignore_index=True)[COLUMNS] if tables else pd.DataFrame(columns=COLUMNS)


def tab_reward_findings(
    evaluations: pd.DataFrame,
    tests: pd.DataFrame,
    dataset: str,
    edges: Mapping[str, float],
    analysis: Analysis,
    roster: Roster = PAPER,
) -> pd.DataFrame:
    """What is said of rewards, held against this run by rules that were written before any.

    A claim *holds* where the interval of a paired difference on the same questions lies above 0, is *reversed* where it
    lies below, and else *inconclusive*, as it is with fewer than `TRAININGS` trainings of either method.

    Args:
        evaluations: as for `tab_edges`.
        tests: ``tab_tests``.
        dataset: the set to look at.
        edges: `edges_of` the entries; methods of one library method with neighboring edges are compared.
        analysis: resamples, level and seed of the intervals.
        roster: the methods of the run.

    Returns:
        ``claim, method, other, metric, value, low, high, seeds, verdict``; ``value`` is the first less the second.
    """
    states = _states(evaluations, dataset, roster)
    rows = []
    for cheap, dear in _neighbors(edges, roster):
        if dear in states and cheap in states:
            difference = _apart(states[dear], states[cheap], (dataset, dear, cheap), analysis)
            rows.append(("The dearer an error, the later a model begins to answer", dear, cheap, "tau", *difference))
            test = find(tests, dear, cheap, dataset, "refusal_rate")
            if test:
                ends = (test.value, test.low, test.high)
                rows.append(("The dearer an error, the more is refused", dear, cheap, "refusal_rate", *ends))
    for text, first, second, metric in CLAIMS:
        test = find(tests, first, second, dataset, metric)
        if test:
            rows.append((text, first, second, metric, test.value, test.low, test.high))
    columns = ["claim", "method", "other", "metric", "value", "low", "high"]
    table = pd.DataFrame(rows, columns=columns)
    seeds = [
        min(states[name][0].shape[1] for name in pair) for pair in zip(table["method"], table["other"], strict=True)
    ]
    said = [
        OPEN if number < TRAININGS else HOLDS if low > 0 else REVERSED if high < 0 else OPEN
        for number, low, high in zip(seeds, table["low"], table["high"], strict=True)
    ]
    return table.assign(seeds=seeds, verdict=said)


def _states(evaluations: pd.DataFrame, dataset: str, roster: Roster) -> dict[str, tuple[NDArray[np.int64], Clusters]]:
    part = evaluations[(evaluations["dataset"] == dataset) & evaluations["expected_accuracy"].notna()]
    part = part.assign(state=edge.states(part["expected_accuracy"], part["outcome"]))
    found = {}
    for method in roster.ordered(part["method"].unique()):
        own = part[part["method"] == method]
        wide = own.pivot(index="question_id", columns="seed", values="state")
        found[method] = wide.to_numpy(dtype=np.int64), frames.clusters(own)
    return found


def _neighbors(edges: Mapping[str, float], roster: Roster) -> Iterator[tuple[str, str]]:
    """Pairs of methods that differ in the price of an error alone, from the cheapest to the dearest."""
    kinds: dict[str, list[str]] = {}
    for name in sorted(edges, key=lambda one: edges[one]):
        kinds.setdefault((roster.shown[name].library if name in roster.shown else None) or name, []).append(name)
    for names in kinds.values():
        yield from pairwise(names)


def _apart(
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
