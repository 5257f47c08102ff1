"""Tables of problems and their twins: what is solved and refused, by depth; which method does better; curves."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from honesty_utils.common import manifest
from honesty_utils.common.paths import Run
from honesty_utils.evaluation.scorers import OF_RUN
from honesty_utils.methods import METHODS
from honesty_utils.methods.settings import MethodEntry
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.origin import LEAST
from honesty_utils.results.settings import Analysis
from honesty_utils.results.tables.board import HOLDS, MISSING, OPEN, REVERSED
from honesty_utils.results.tables.comparisons import ALPHA, find, holm_within, tab_tests
from honesty_utils.results.tables.scored import ALL, tab_scored

SOLVED = "solved"
"""The scorer of problems with twins."""
DIALS = ("depth", "distractors")
"""Keys of a problem's ``meta`` by which scores are told."""
COLUMNS = [
    "dataset", "by", "at", "method", "metric", "value", "low", "high", "seeds", "questions", "counted",
]  # fmt: skip
CURVE = ("reward", "right", "refused", "tied")
"""What is told of every logged step of a training by rewards."""
COLLAPSED, APART = 0.9, 0.5
"""A policy has collapsed where it refuses more than `COLLAPSED` of what can be answered, and has not where less than
`APART`."""


def tab_deduction(
    evaluations: pd.DataFrame,
    asked: Mapping[str, pd.DataFrame],
    scorers: Mapping[str, str],
    analysis: Analysis,
    roster: Roster = PAPER,
) -> pd.DataFrame:
    """What is solved and what is refused, over all problems of a set and by each dial that has several values.

    Args:
        evaluations: as ``frames.load`` returns it.
        asked: QUESTIONS of each set.
        scorers: name of the scorer of each set that has one; sets of others are left out.
        analysis: resamples, level and seed of the intervals; twins are drawn together.
        roster: the methods of the run.

    Returns:
        The columns `COLUMNS`: ``by`` is empty and ``at`` NaN over all problems, else a name in `DIALS` and its value.
        ``accuracy`` counts right answers, and refusals of what cannot be solved; ``answerable_refused`` are refusals of
        what can be. What could not be scored is in no denominator and counted by ``unscored_rate``.
    """
    tables = []
    for dataset in (name for name, scorer in scorers.items() if scorer == SOLVED):
        own = evaluations[evaluations["dataset"] == dataset]
        replies = OF_RUN[SOLVED](own, asked[dataset])
        tables.append(tab_scored(replies, SOLVED, analysis, roster).assign(dataset=dataset, by="", at=math.nan))
        for dial in DIALS:
            group = own["question_id"].map(_dial(asked[dataset], dial))
            if group.nunique() > 1:
                found = tab_scored(replies.assign(group=group.to_numpy()), SOLVED, analysis, roster)
                found = found[found["group"] != ALL]
                tables.append(found.assign(dataset=dataset, by=dial, at=found["group"].astype(float)))
    return pd.concat(tables, ignore_index=True)[COLUMNS] if tables else pd.DataFrame(columns=COLUMNS)


def _dial(questions: pd.DataFrame, dial: str) -> dict[str, str]:
    metas = [json.loads(meta) if meta else {} for meta in questions["meta"]]
    return {one: str(meta[dial]) for one, meta in zip(questions["question_id"], metas, strict=True) if dial in meta}


def tab_deduction_tests(
    evaluations: pd.DataFrame, scorers: Mapping[str, str], analysis: Analysis, roster: Roster = PAPER
) -> pd.DataFrame:
    """Paired differences in accuracy as `tab_deduction` counts it, of every two methods on the same problems.

    Args:
        evaluations: as ``frames.load`` returns it.
        scorers: as for `tab_deduction`.
        analysis: resamples, level and seed.
        roster: the methods of the run.

    Returns:
        As ``tab_tests``, whose tests they are; ``p_holm`` is Holm's within a set.
    """
    own = evaluations[evaluations["dataset"].map(scorers) == SOLVED]
    if own.empty:
        return pd.DataFrame(columns=["dataset", "metric", "method_a", "method_b", "difference", "low", "high"])
    told = own.assign(
        before=_as_right(own["before"], own["should_refuse"]), outcome=_as_right(own["outcome"], own["should_refuse"])
    )
    tests = tab_tests(told.assign(matched=told["outcome"] == "correct"), analysis, roster=roster)
    tests = tests[tests["metric"] == "accuracy"].drop(columns="q_value").reset_index(drop=True)
    return tests.assign(p_holm=holm_within(tests))


def _as_right(outcome: pd.Series[str], should_refuse: pd.Series[bool]) -> np.ndarray:
    """``correct`` for a right answer and a right refusal, ``wrong`` for all else that could be scored."""
    right = (outcome == "correct") | ((outcome == "idk") & should_refuse)
    return np.select([outcome == "unscored", right], ["unscored", "correct"], "wrong")


@dataclass(frozen=True)
class Claim:
    """What is claimed of a method, or of one less another; written down before a run was looked at.

    Attributes:
        text: the claim.
        method: that it is about.
        other: that is taken off; none: the method's own score counts.
        metric: of `tab_deduction`.
        holds: it holds where the interval lies between these.
        fails: it is reversed where the interval lies between these.
    """

    text: str
    method: str
    other: str | None
    metric: str
    holds: tuple[float, float]
    fails: tuple[float, float]


_ABOVE, _BELOW = (0.0, math.inf), (-math.inf, 0.0)
CLAIMS = (
    Claim(
        "Rewarded for what is right alone, a model comes to refuse everything",
        "solved_grpo", None, "answerable_refused", (COLLAPSED, math.inf), (-math.inf, APART),
    ),
    Claim(
        "With the true way in every group it does not",
        "anchor", None, "answerable_refused", (-math.inf, APART), (COLLAPSED, math.inf),
    ),
    Claim("Easy problems first do better", "solved_curriculum", "solved_grpo", "accuracy", _ABOVE, _BELOW),
    Claim("Taught the ways first, rewards do better", "solved_grpo_warm", "solved_grpo", "accuracy", _ABOVE, _BELOW),
    Claim("Rewards add to what was taught", "solved_grpo_warm", "trajectory_sft", "accuracy", _ABOVE, _BELOW),
    Claim("The true way in every group does better than none", "anchor", "solved_grpo", "accuracy", _ABOVE, _BELOW),
    Claim("It does better than teaching the ways first", "anchor", "solved_grpo_warm", "accuracy", _ABOVE, _BELOW),
)  # fmt: skip


def tab_deduction_findings(table: pd.DataFrame, tests: pd.DataFrame, dataset: str, roster: Roster) -> pd.DataFrame:
    """What is said of rewards on problems that may have no answer (Anchor, arXiv 2511.09222), held against this run.

    A claim *holds* where the interval lies within one range, is *reversed* where within another, and is else
    *inconclusive*: it *holds* for a difference where that is above 0 and its test says so. Of methods that were trained
    fewer than `LEAST` times all is inconclusive.

    Args:
        table: `tab_deduction`.
        tests: `tab_deduction_tests`.
        dataset: the set that is looked at.
        roster: the methods.

    Returns:
        ``claim, method, other, metric, value, low, high, seeds, verdict``.
    """
    over = table[(table["dataset"] == dataset) & (table["by"] == "")].set_index(["method", "metric"])
    rows = []
    for claim in CLAIMS:
        value = low = high = math.nan
        names = [claim.method, *([] if claim.other is None else [claim.other])]
        there = all((name, claim.metric) in over.index for name in names)
        seeds = min((int(over.loc[(name, claim.metric), "seeds"]) for name in names), default=0) if there else 0
        clear = True
        if there and claim.other is None:
            value, low, high = over.loc[(claim.method, claim.metric), ["value", "low", "high"]].astype(float)
        elif there and (test := find(tests, claim.method, str(claim.other), dataset, claim.metric)) is not None:
            value, low, high = test.value, test.low, test.high
            clear = test.p_value < ALPHA
        verdict = MISSING if math.isnan(value) else OPEN
        if seeds >= LEAST and clear and verdict == OPEN:
            verdict = (
                HOLDS if _inside(low, high, claim.holds) else REVERSED if _inside(low, high, claim.fails) else OPEN
            )
        labels = [roster.label(name) if there else name for name in names]
        rows.append((claim.text, labels[0], *(labels[1:] or [""]), claim.metric, value, low, high, seeds, verdict))
    columns = ["claim", "method", "other", "metric", "value", "low", "high", "seeds", "verdict"]
    return pd.DataFrame(rows, columns=columns)


def _inside(low: float, high: float, ends: tuple[float, float]) -> bool:
    return low > ends[0] and high < ends[1]


def load_curves(run: Run, entries: Mapping[str, MethodEntry], models: Mapping[str, Sequence[int]]) -> pd.DataFrame:
    """What trainings by rewards told while they went on, of the last stage of each method that has one.

    Returns:
        ``method, seed, step`` and the columns `CURVE`.
    """
    tables = []
    for name, entry in entries.items():
        stages = METHODS[entry.method].stages
        if entry.model_of is not None or not stages or stages[-1].objective != "grpo":
            continue
        for seed in models[name]:
            history = pd.DataFrame(manifest.read(run.model(name, seed))["history"])
            if len(history):
                tables.append(history[["step", *CURVE]].assign(method=name, seed=seed))
    columns = ["method", "seed", "step", *CURVE]
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


def tab_deduction_curves(history: pd.DataFrame, roster: Roster = PAPER) -> pd.DataFrame:
    """Training by rewards, tidy: mean over seeds with the least and the most of them.

    Args:
        history: `load_curves`.
        roster: the methods of the run.

    Returns:
        ``method, step, metric, value, low, high, seeds``; ``low`` and ``high`` are no intervals but ends.
    """
    long = history.melt(["method", "seed", "step"], list(CURVE), "metric")
    long["value"] = long["value"].astype(float)
    groups = long.groupby(["method", "step", "metric"], sort=False)["value"]
    table = groups.agg(value="mean", low="min", high="max", seeds="size").reset_index()
    place = {method: number for number, method in enumerate(roster.ordered(table["method"].unique()))}
    order = table.assign(place=table["method"].map(place)).sort_values(["place", "metric", "step"])
    return order.drop(columns="place").reset_index(drop=True)
