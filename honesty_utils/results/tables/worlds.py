"""Tables over several worlds: the world is the replicate, one number a world, intervals by Student's t.

Which methods, sets and metrics there are is what the tables of the worlds have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from honesty_utils.metrics import intervals, replicates, scores
from honesty_utils.results import display
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.origin import LEAST
from honesty_utils.results.tables.comparisons import HIGHER_IS_BETTER, find, holm_within
from honesty_utils.results.tables.layout import PAPER_TABLES, format_score

SHARES = {*scores.RATES, "honesty", "matched_accuracy"}
"""Metrics whose intervals end at 0 and 1; others can be negative."""

_KEYS = ["method", "dataset", "metric"]
_PAIRS = ["dataset", "metric", "method_a", "method_b"]


def tab_worlds_values(mains: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    """The scores of every world, from which all else is made: ``world, method, dataset, metric, value``.

    Args:
        mains: the main table of each world, by its seed.
    """
    tables = [main[[*_KEYS, "value"]].assign(world=seed) for seed, main in mains.items()]
    return pd.concat(tables, ignore_index=True)[["world", *_KEYS, "value"]]


def tab_worlds(mains: Mapping[int, pd.DataFrame], level: float) -> pd.DataFrame:
    """Mean of every score over worlds, with its interval by Student's t.

    Where every world has one and the same share, they say nothing of how worlds vary, and [0, 0] would be too sure: the
    ends are then the mean of the worlds' own ends, over their questions.

    Args:
        mains: the main table of each world, by its seed.
        level: confidence level.

    Returns:
        ``method, dataset, metric, value, low, high, worlds, sd, min, max``; ``worlds`` counts those in which the score
        is defined. Ends are NaN for a single world.
    """
    together = pd.concat([main.assign(world=seed) for seed, main in mains.items()], ignore_index=True)
    rows: list[tuple[Any, ...]] = []
    for (method, dataset, metric), part in together.groupby(_KEYS, sort=False):
        found = replicates.mean(part["value"], level)
        low, high = found.low, found.high
        if found.sd == 0 and metric in SHARES:
            low, high = float(part["low"].mean()), float(part["high"].mean())
        if metric in SHARES:
            low, high = (float(np.clip(end, 0, 1)) for end in (low, high))
        spread = (found.sd, float(part["value"].min()), float(part["value"].max()))
        rows.append((method, dataset, metric, found.value, low, high, found.number, *spread))
    return pd.DataFrame(rows, columns=[*_KEYS, "value", "low", "high", "worlds", "sd", "min", "max"])


def tab_worlds_tests(values: pd.DataFrame, tested: pd.DataFrame, level: float) -> pd.DataFrame:
    """Paired differences over worlds: the methods of a world share its base model and its questions.

    The p-value and the interval are of one t with (worlds - 1) degrees of freedom, so that they agree. Holm's
    correction is over all pairs of a set and metric, the false discovery rate over the whole table.

    Args:
        values: `tab_worlds_values`.
        tested: with ``dataset, metric, method_a, method_b``, a row a pair or several.
        level: confidence level.

    Returns:
        ``dataset, metric, method_a, method_b, difference, low, high, p_value, p_holm, q_value, worlds, sd, min, max``;
        the difference is a - b.
    """
    by_world = values.pivot(index="world", columns=["dataset", "metric", "method"], values="value")
    rows: list[tuple[Any, ...]] = []
    for dataset, metric, a, b in tested[_PAIRS].drop_duplicates().itertuples(index=False):
        if any((dataset, metric, method) not in by_world for method in (a, b)):
            continue
        steps = (by_world[dataset, metric, a] - by_world[dataset, metric, b]).to_numpy(dtype=np.float64)
        steps = steps[~np.isnan(steps)]
        found = replicates.mean(steps, level)
        spread = (found.sd, float(np.min(steps, initial=np.inf)), float(np.max(steps, initial=-np.inf)))
        if found.number:
            ends = (found.value, found.low, found.high, found.p_value)
            rows.append((dataset, metric, a, b, *ends, found.number, *spread))
    columns = [*_PAIRS, "difference", "low", "high", "p_value", "worlds", "sd", "min", "max"]
    table = pd.DataFrame(rows, columns=columns)
    place = columns.index("p_value") + 1
    table.insert(place, "p_holm", holm_within(table))
    table.insert(place + 1, "q_value", intervals.false_discovery(table["p_value"].to_numpy(dtype=np.float64)))
    return table


def pairs_along(methods: Iterable[str], dataset: str, metrics: Iterable[str]) -> pd.DataFrame:
    """What to test of a curve: each point against the one before it, and the last against the first.

    Args:
        methods: the points in their order.
        dataset: the set to test on.
        metrics: those to test.

    Returns:
        ``dataset, metric, method_a, method_b``, as `tab_worlds_tests` takes it.
    """
    order = list(methods)
    pairs = list(zip(order[1:], order[:-1], strict=True))
    if len(order) > 2:
        pairs.append((order[-1], order[0]))
    return pd.DataFrame([(dataset, metric, a, b) for metric in metrics for a, b in pairs], columns=_PAIRS)


def tab_worlds_base(
    values: pd.DataFrame,
    knowledge: Mapping[int, pd.DataFrame],
    roles: Mapping[str, str],
    made: Mapping[int, Mapping[str, str]],
) -> pd.DataFrame:
    """What the base model of each world is like before any method, and what made the world.

    Args:
        values: `tab_worlds_values`.
        knowledge: KNOWLEDGE of the set in distribution, of each world.
        roles: the set that plays each part of the paper.
        made: of each world its ``revision``, and ``other_code``: names of what other code made, empty if none.

    Returns:
        ``world``; ``accuracy`` in distribution; ``wrong_with_right_sample``, the share of questions with a wrong greedy
        answer that have a right sample; ``refusal_honest`` and ``refusal_honest_unknown``, refusal rates under the
        honest prompt in distribution and on what nobody can know; ``revision, other_code``. NaN where a run lacks it.
    """
    score = values.set_index(["world", *_KEYS])["value"].to_dict()
    home, unknown = roles["in_distribution"], roles.get("prior_unknown", "")
    rows = []
    for world, table in knowledge.items():
        wrong = table[(table["greedy_outcome"] == "wrong") & table["expected_accuracy"].notna()]
        rows.append(
            {
                "world": world,
                "accuracy": score.get((world, "unaligned", home, "accuracy"), np.nan),
                "wrong_with_right_sample": float((wrong["expected_accuracy"] > 0).mean()) if len(wrong) else np.nan,
                "refusal_honest": score.get((world, "prompt_based", home, "refusal_rate"), np.nan),
                "refusal_honest_unknown": score.get((world, "prompt_based", unknown, "refusal_rate"), np.nan),
                "revision": made[world]["revision"],
                "other_code": made[world]["other_code"],
            }
        )
    return pd.DataFrame(rows)


def tab_worlds_sweeps(sweeps: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    """The curves of every world: ``world, quantity, method, at, metric, value``.

    Args:
        sweeps: ``tab_sweeps`` of each world, by its seed.
    """
    columns = ["world", "quantity", "method", "at", "metric", "value"]
    tables = [table.assign(world=seed)[columns] for seed, table in sweeps.items() if len(table)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)


def printed_worlds(
    table: pd.DataFrame, tests: pd.DataFrame, roles: Mapping[str, str], roster: Roster = PAPER
) -> dict[str, pd.DataFrame]:
    """The paper's tables over worlds: mean with its interval, in bold what is better than every other method.

    Args:
        table: `tab_worlds`.
        tests: `tab_worlds_tests`.
        roles: the set that plays each part of ``display.ROLES``; parts that are missing are left out.
        roster: the methods of the run.

    Returns:
        By name, ``tab_paper_worlds`` for the main one, a frame of text; random refusals are left out.
    """
    names = {name: name.replace("tab_paper", "tab_paper_worlds").removesuffix("_main") for name in PAPER_TABLES}
    there = set(zip(table["dataset"], table["metric"], strict=True))
    printed = {}
    for name, columns in PAPER_TABLES.items():
        chosen = [(roles[role], metric) for role, metric in columns if (roles.get(role), metric) in there]
        if chosen:
            printed[names[name]] = _printed(table, tests, chosen, roster)
    return printed


def _printed(table: pd.DataFrame, tests: pd.DataFrame, columns: list[tuple[str, str]], roster: Roster) -> pd.DataFrame:
    methods = [*roster.main(table["method"]), *(name for name in display.CONTROLS if (table["method"] == name).any())]
    cells = table.set_index(_KEYS)[["value", "low", "high"]]
    frame: dict[str, list[str]] = {"Method": [roster.label(method) for method in methods]}
    for dataset, metric in columns:
        winner = best_over_worlds(table, tests, dataset, metric, roster)
        texts = []
        for method in methods:
            key = (method, dataset, metric)
            value, low, high = cells.loc[key] if key in cells.index else (np.nan,) * 3
            text = "–" if np.isnan(value) else f"{100 * value:.1f}" if np.isnan(low) else format_score(value, low, high)
            texts.append(f"**{text}**" if method == winner else text)
        frame[f"{dataset}: {display.NAMES.get(metric, metric)}"] = texts
    return pd.DataFrame(frame)


def best_over_worlds(
    table: pd.DataFrame, tests: pd.DataFrame, dataset: str, metric: str, roster: Roster = PAPER
) -> str | None:
    """The method with the best mean, if over worlds it is significantly better than every other; otherwise None.

    Controls and sweep points do not compete, and with fewer worlds than `LEAST` nothing does.
    """
    rows = table[(table["dataset"] == dataset) & (table["metric"] == metric) & table["value"].notna()]
    rows = rows[rows["method"].isin(roster.main(table["method"]))]
    if metric not in HIGHER_IS_BETTER or len(rows) < 2 or rows["worlds"].min() < LEAST:
        return None
    first, *others = rows.sort_values("value", ascending=not HIGHER_IS_BETTER[metric])["method"]
    against = [find(tests, first, other, dataset, metric) for other in others]
    return str(first) if all(test is not None and test.significant for test in against) else None
