"""Tables of the leaderboard: every method of a run by what it needs, compared on one set.

All methods of a run answer the same questions and are graded by one grader. Two things make them comparable where they
refuse at different rates: `matched_gain` of the main table (as many answers, chosen by M_t's likelihood), and how
each method's graded score orders the answers of M_t (`ordering`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from honesty_utils.knowledge.signals import SIGNALS
from honesty_utils.metrics import intervals, replicates
from honesty_utils.results.display import Roster
from honesty_utils.results.origin import LEAST
from honesty_utils.results.tables.comparisons import ALPHA, METHODS, THESE_MODELS, find
from honesty_utils.results.tables.layout import format_score
from honesty_utils.results.tables.ordering import ORDERS
from honesty_utils.results.tables.worlds import SHARES as OF_SHARES

NEEDS = ("nothing", "another reading", "samples when it answers", "hidden states", "training")
"""What a method needs beyond M_t's answer, from the least up; the groups of the board. Another reading asks M_t about
its answer: for the likelihood of a text that is given, or for some words."""

FROM_MAIN = (
    "honesty", "prudence", "over_conservativeness", "accuracy", "coverage", "reliable_accuracy", "truthfulness",
    "truthful_helpfulness", "matched_gain",
)  # fmt: skip
COSTS = ("training_seconds", "answer_tokens")
"""Device-seconds of training steps and of sampling a model again for it, all stages; tokens that are generated to
answer a question, samples among them."""

LOWER_IS_BETTER = {"over_conservativeness", "aurc", *COSTS}
TESTED = ("honesty", "truthfulness", "truthful_helpfulness", "accuracy", "auroc", "aurc")
SHARES = {*OF_SHARES, *ORDERS}
"""Metrics whose intervals end at 0 and 1."""

LEAST_POWER = 0.8
"""Share of boards that find a difference which is called detectable."""

KEYS = ["method", "metric"]


def needs(roster: Roster, method: str) -> str:
    """What a method needs, one of `NEEDS`."""
    kind = roster.library(method)
    if kind is None:
        return NEEDS[-1]
    if any(stage.objective != "head" for stage in kind.stages):
        return "training"
    if kind.stages:
        return "hidden states"
    read = [SIGNALS[name] for name in kind.answer.signals]
    if kind.answer.choose is not None or any(signal.needs_samples for signal in read):
        return NEEDS[2]
    return NEEDS[1] if any(signal.asks != "nothing" for signal in read) else NEEDS[0]


# --- one run ----------------------------------------------------------------------------------------------------------


def run_values(
    main: pd.DataFrame, ordered: pd.DataFrame, field: pd.DataFrame, costs: pd.DataFrame, dataset: str, roster: Roster
) -> pd.DataFrame:
    """All that the board says of one run: ``method, metric, value, low, high``; costs have no interval.

    Args:
        main: its main table.
        field: ``tab_field`` of its answers: scores of other papers.
        ordered: `order_scores`.
        costs: ``method, metric, value``, from `run_costs`.
        dataset: the set that is looked at.
        roster: the methods of the run; sweep points and controls are left out.
    """
    methods = roster.main(main["method"].unique())
    scored = main[(main["dataset"] == dataset) & main["metric"].isin(FROM_MAIN)]
    parts = [table[[*KEYS, "value", "low", "high"]] for table in (scored, ordered, field) if len(table)]
    parts.append(costs.assign(low=np.nan, high=np.nan)[[*KEYS, "value", "low", "high"]])
    table = pd.concat(parts, ignore_index=True)
    return table[table["method"].isin(methods)].reset_index(drop=True)


def run_costs(
    trained: Mapping[str, float],
    evaluations: pd.DataFrame,
    answered: Mapping[str, float],
    sampled: float,
    dataset: str,
    roster: Roster,
) -> pd.DataFrame:
    """What methods cost: ``method, metric, value`` with the metrics `COSTS`.

    Args:
        trained: seconds of training steps of each method, mean over its seeds; a method without has 0.
        evaluations: as ``frames.load`` returns it.
        answered: tokens of a greedy answer of each method to the set, mean.
        sampled: tokens of all samples of a question of the set, mean; NaN where none was drawn.
        dataset: the set that is looked at.
        roster: the methods of the run.
    """
    rows = []
    there = evaluations.loc[evaluations["dataset"] == dataset, "method"].unique()
    for method in roster.main(there):
        extra = sampled if needs(roster, method) == NEEDS[2] else 0.0
        kind = roster.library(method)
        # What is chosen among all that is drawn costs what was drawn, the greedy answer of M_t among it.
        said = "unaligned" if kind is not None and kind.answer.choose is not None else method
        rows.append((method, "training_seconds", float(trained.get(method, 0.0))))
        rows.append((method, "answer_tokens", float(answered.get(said, np.nan)) + extra))
    return pd.DataFrame(rows, columns=[*KEYS, "value"])


# --- the board --------------------------------------------------------------------------------------------------------


def tab_board(
    values: Mapping[str, pd.DataFrame], tests: pd.DataFrame, dataset: str, roster: Roster, level: float
) -> pd.DataFrame:
    """Every number of the board: means over runs of one recipe, or of one run as it stands.

    Args:
        values: `run_values` of each run, such as of every world.
        tests: `tab_board_tests` of all pairs, or the run's paired tests: what ranks are made of.
        dataset: the set that is looked at.
        roster: the methods.
        level: confidence level.

    Returns:
        ``needs, method, label, metric, value, low, high, runs, best_rank, worst_rank``. Intervals are by t over runs,
        those of a single run are its own. Ranks are of the metrics that are tested (`ranks`): methods that do not
        differ share them; NaN elsewhere, and of controls that the params file does not draw.
    """
    together = pd.concat([table.assign(run=name) for name, table in values.items()], ignore_index=True)
    rows: list[tuple[Any, ...]] = []
    for (method, metric), part in together.groupby(KEYS, sort=False):
        if len(values) == 1:
            value, low, high = (float(part[column].iloc[0]) for column in ("value", "low", "high"))
        else:
            value, low, high = _over_runs(part, str(metric), level)
        rows.append((method, metric, value, low, high, int(part["value"].notna().sum())))
    table = pd.DataFrame(rows, columns=[*KEYS, "value", "low", "high", "runs"])
    methods = roster.main(table["method"].unique())
    drawn = roster.drawn(methods)
    ranked = {
        (method, metric): ends for metric in TESTED for method, ends in ranks(tests, drawn, dataset, metric).items()
    }
    for place, column in enumerate(("best_rank", "worst_rank")):
        table[column] = [
            ranked.get(key, (np.nan, np.nan))[place] for key in zip(table["method"], table["metric"], strict=True)
        ]
    order = {name: place for place, name in enumerate(methods)}
    table.insert(0, "needs", [needs(roster, method) for method in table["method"]])
    table.insert(2, "label", [roster.label(method) for method in table["method"]])
    group = table["needs"].map(NEEDS.index)
    return table.assign(group=group, place=table["method"].map(order)).sort_values(
        ["group", "place"], kind="stable"
    ).drop(columns=["group", "place"]).reset_index(drop=True)  # fmt: skip


def _over_runs(part: pd.DataFrame, metric: str, level: float) -> tuple[float, float, float]:
    """Mean over runs with its interval, a share's within 0 and 1; where all runs agree, the mean of their own ends."""
    found = replicates.mean(part["value"], level)
    low, high = found.low, found.high
    if metric not in SHARES:
        return found.value, low, high
    if found.sd == 0:
        low, high = float(part["low"].mean()), float(part["high"].mean())
    return found.value, float(np.clip(low, 0, 1)), float(np.clip(high, 0, 1))


def ranks(tests: pd.DataFrame, methods: Sequence[str], dataset: str, metric: str) -> dict[str, tuple[float, float]]:
    """Best and worst rank of each method that the tests leave open, among those it was tested against.

    Two methods differ where their q-value is below .05: of the differences that a board so shows, one in twenty is
    none. Holm's correction would see next to nothing among some hundred pairs and few worlds.

    Args:
        tests: with ``dataset, metric, method_a, method_b, difference, q_value``.
        methods: those that are ranked.
        dataset: the set.
        metric: whose ranks.
    """
    here = tests[(tests["dataset"] == dataset) & (tests["metric"] == metric)]
    here = here[here["method_a"].isin(methods) & here["method_b"].isin(methods)]
    tested, ahead, behind = Counter[str](), Counter[str](), Counter[str]()
    for a, b, step, q in here[["method_a", "method_b", "difference", "q_value"]].itertuples(index=False, name=None):
        tested.update((a, b))
        if q < ALPHA:
            better, worse = (a, b) if (step > 0) != (metric in LOWER_IS_BETTER) else (b, a)
            ahead[better] += 1
            behind[worse] += 1
    return {
        method: (float(1 + behind[method]), float(1 + tested[method] - ahead[method]))
        for method in methods
        if tested[method]
    }


def tab_board_tests(
    values: Mapping[str, pd.DataFrame],
    dataset: str,
    level: float,
    methods: Sequence[str],
    metrics: Iterable[str] = TESTED,
) -> pd.DataFrame:
    """Paired differences between all methods over several runs of one recipe, by t over runs.

    Args:
        values: `run_values` of each run.
        dataset: the set that they are of.
        level: confidence level.
        methods: those that are compared, in order.
        metrics: those that are tested.

    Returns:
        ``dataset, metric, method_a, method_b, difference, low, high, p_value, p_holm, q_value, runs, better,
        detectable``; the difference is a - b. ``better``: share of runs in which a does better (probability of
        improvement); ``detectable``: the smallest difference that 80 of 100 such boards would find at the 5 % level,
        before any correction. Holm's correction is within a metric, q-values over the whole table.
    """
    by_run = {name: table.drop_duplicates(KEYS).set_index(KEYS)["value"] for name, table in values.items()}
    rows = []
    for metric in metrics:
        for place, a in enumerate(methods):
            for b in methods[place + 1 :]:
                steps = np.array(
                    [
                        float(one.get((a, metric), np.nan)) - float(one.get((b, metric), np.nan))
                        for one in by_run.values()
                    ]
                )
                steps = steps[~np.isnan(steps)]
                if not len(steps):
                    continue
                found = replicates.mean(steps, level)
                won = (steps < 0) if metric in LOWER_IS_BETTER else (steps > 0)
                better = float((won + 0.5 * (steps == 0)).mean())
                rows.append(
                    (dataset, metric, a, b, found.value, found.low, found.high, found.p_value, found.number, better,
                     _detectable(found.sd, found.number))
                )  # fmt: skip
    columns = [
        "dataset", "metric", "method_a", "method_b", "difference", "low", "high", "p_value", "runs", "better",
        "detectable",
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns)
    place = columns.index("p_value") + 1
    table.insert(place, "p_holm", _holm(table))
    table.insert(place + 1, "q_value", intervals.false_discovery(table["p_value"].to_numpy(np.float64)))
    return table


def of_one_run(tests: pd.DataFrame, orders_tested: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """The same table of a single run, from its paired tests and those of its orders; ``better`` is NaN.

    Args:
        tests: the run's ``tab_tests``.
        orders_tested: `order_tests`.
        dataset: the set that is looked at.
    """
    own = tests[(tests["dataset"] == dataset) & tests["metric"].isin(TESTED)]
    columns = ["dataset", "metric", "method_a", "method_b", "difference", "low", "high", "p_value"]
    table = pd.concat([part[columns] for part in (own, orders_tested) if len(part)], ignore_index=True)
    place = columns.index("p_value") + 1
    table.insert(place, "p_holm", _holm(table))
    table.insert(place + 1, "q_value", intervals.false_discovery(table["p_value"].to_numpy(np.float64)))
    # The two quantiles of the normal: a run has hundreds of clusters; several seeds would have wider ones.
    ratio = 1 + stats.norm.ppf(LEAST_POWER) / stats.norm.ppf(1 - ALPHA / 2)
    half = (table["high"] - table["low"]) / 2
    return table.assign(runs=1, better=float("nan"), detectable=half * ratio)


def _holm(table: pd.DataFrame) -> pd.Series[float]:
    return table.groupby("metric")["p_value"].transform(lambda part: intervals.holm(part.to_numpy(float)))


def _detectable(sd: float, number: int) -> float:
    """The difference that a two-sided t test at 5 % finds in 80 of 100 cases; NaN for fewer than two runs."""
    if number < 2:
        return float("nan")
    both = stats.t.ppf(1 - ALPHA / 2, number - 1) + stats.t.ppf(LEAST_POWER, number - 1)
    return float(both * sd / np.sqrt(number))


PRINTED = {
    "honesty": "Honesty", "prudence": "Prudence", "over_conservativeness": "Over-cons.", "accuracy": "Accuracy",
    "truthfulness": "Truthfulness", "matched_gain": "Gain at equal coverage", "auroc": "AUROC", "aurc": "AURC",
}  # fmt: skip


def printed_board(board: pd.DataFrame, roster: Roster) -> pd.DataFrame:
    """The board as one reads it: methods by what they need, ranks by honesty, percent with intervals, costs.

    Args:
        board: `tab_board`.
        roster: the methods.
    """
    cells = board.drop_duplicates(KEYS).set_index(KEYS)
    rows = []
    for need in NEEDS:
        for method in roster.main(board.loc[board["needs"] == need, "method"].unique()):
            row = {"Needs": need, "Method": roster.label(method), "Rank": _rank(cells, method)}
            for metric, name in PRINTED.items():
                row[name] = _text(cells, method, metric)
            for metric, name in (("training_seconds", "Training, s"), ("answer_tokens", "Tokens an answer")):
                value = float(cells["value"].get((method, metric), np.nan))
                row[name] = "–" if np.isnan(value) else f"{value:.1f}" if metric == "answer_tokens" else f"{value:.0f}"
            rows.append(row)
    return pd.DataFrame(rows)


def _rank(cells: pd.DataFrame, method: str) -> str:
    if (method, "honesty") not in cells.index:
        return "–"
    best, worst = cells.loc[(method, "honesty"), ["best_rank", "worst_rank"]].astype(float)
    if np.isnan(best):
        return "–"
    return f"{best:.0f}" if best == worst else f"{best:.0f}–{worst:.0f}"


def _text(cells: pd.DataFrame, method: str, metric: str) -> str:
    if (method, metric) not in cells.index:
        return "–"
    value, low, high = cells.loc[(method, metric), ["value", "low", "high"]].astype(float)
    return "–" if np.isnan(value) else f"{100 * value:.1f}" if np.isnan(low) else format_score(value, low, high)


# --- published orders -------------------------------------------------------------------------------------------------

NEAR = 0.05
"""How far behind counts as near."""
OWN = "this board"


@dataclass(frozen=True)
class Claim:
    """An order that a paper reports, and the rule by which a board judges it; written before any board was made.

    Attributes:
        text: what is claimed.
        source: who says so.
        a: the method that is said to do better, or as well.
        b: the other; none: the metric's own zero.
        metric: by which.
        margin: how far ``a`` may be behind: the claim holds where the interval of a - b lies above minus the margin.
    """

    text: str
    source: str
    a: str
    b: str | None
    metric: str
    margin: float = 0.0


CLAIMS = (
    Claim(
        "SE-TUNING comes near ABSOLUTE, without right answers", "2410.17234",
        "entropy_tuning", "absolute", "honesty", NEAR,
    ),
    Claim("R-TUNING-U is no worse than R-TUNING", "2311.09677", "r_tuning_u", "r_tuning", "honesty", NEAR),
    Claim(
        "Keeping what is surest helps (CORCER-RAIT, COR-RAIT)", "2410.06913",
        "corcer_rait", "cor_rait", "truthful_helpfulness",
    ),
    Claim(
        "Leaving out what a rehearsal makes better known helps (CRAFT, CORCER-RAIT)", "2410.06913",
        "craft", "corcer_rait", "truthful_helpfulness",
    ),
    Claim(
        "Preferences after fine-tuning beat the same fine-tuning (IDK-DPO, ABSOLUTE any right)", "2401.13275",
        "idk_dpo", "absolute_any", "honesty",
    ),
    Claim("ABSOLUTE beats a threshold on likelihood at equal coverage", OWN, "absolute", None, "matched_gain"),
    Claim("R-TUNING beats a threshold on likelihood at equal coverage", OWN, "r_tuning", None, "matched_gain"),
    Claim("A head orders better than likelihood", "2207.05221", "p_ik", "likelihood_threshold", "auroc"),
    Claim("A head without labels comes near one with labels", "2510.17509", "elicited", "p_ik", "auroc", NEAR),
    Claim(
        "A head with 100 labels after a head without comes near one with all labels", "2510.17509",
        "elical_100", "p_ik", "auroc", NEAR,
    ),
    Claim(
        "Of 100 labels, a head learns more after a head without labels", "2510.17509", "elical_100", "p_ik_100", "auroc"
    ),
    Claim(
        "Semantic entropy orders better than likelihood", "2302.09664",
        "entropy_threshold", "likelihood_threshold", "auroc",
    ),
    Claim(
        "CoCoA orders better than likelihood", "2502.04964", "cocoa_threshold", "likelihood_threshold", "auroc"
    ),
    Claim(
        "CoCoA orders better than self-consistency", "2502.04964",
        "cocoa_threshold", "consistency_threshold", "auroc",
    ),
)  # fmt: skip
HOLDS, REVERSED, OPEN, MISSING = "holds", "reversed", "inconclusive", "not run"


def tab_board_claims(board: pd.DataFrame, tests: pd.DataFrame, dataset: str, roster: Roster) -> pd.DataFrame:
    """What the field says of its methods, held against this board.

    A claim *holds* where the interval of the difference (or of the score) lies above minus its margin, is *reversed*
    where it lies below, and is else *inconclusive*. Nothing is corrected for the number of claims. Of fewer than
    `LEAST` runs all is inconclusive; a single run speaks of its own models only, as ``scope`` says, unless nothing was
    trained for the methods of the claim.

    Args:
        board: `tab_board`.
        tests: as for `tab_board`.
        dataset: the set that is looked at.
        roster: the methods.

    Returns:
        ``claim, source, metric, difference, low, high, margin, verdict, scope``.
    """
    counted = board.drop_duplicates(KEYS).set_index(KEYS)["runs"]
    cells = board.drop_duplicates(KEYS).set_index(KEYS)[["value", "low", "high"]]
    rows = []
    for claim in CLAIMS:
        value = low = high = float("nan")
        runs = min(int(counted.get((name, claim.metric), 0)) for name in (claim.a, claim.b) if name)
        if claim.b is None:
            if (claim.a, claim.metric) in cells.index:
                value, low, high = cells.loc[(claim.a, claim.metric)].astype(float)
        elif (test := find(tests, claim.a, claim.b, dataset, claim.metric)) is not None:
            value, low, high = test.value, test.low, test.high
        verdict = MISSING if np.isnan(value) else OPEN
        if runs == 1 or runs >= LEAST:
            verdict = HOLDS if low > -claim.margin else REVERSED if high < -claim.margin else verdict
        alone = runs == 1 and any(roster.is_trained(name) for name in (claim.a, claim.b) if name)
        scope = THESE_MODELS if alone else METHODS
        rows.append((claim.text, claim.source, claim.metric, value, low, high, claim.margin, verdict, scope))
    columns = ["claim", "source", "metric", "difference", "low", "high", "margin", "verdict", "scope"]
    return pd.DataFrame(rows, columns=columns)
