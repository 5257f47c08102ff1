"""Tables and pictures of problems with twins: by hand, the rules of the claims, and curves of trainings."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from honesty_utils.common import manifest
from honesty_utils.common.paths import Run
from honesty_utils.methods.settings import MethodEntry
from honesty_utils.results import plots, tables
from honesty_utils.results.display import Roster
from honesty_utils.results.settings import Analysis
from honesty_utils.results.tables.deduction import CLAIMS

FAST = Analysis(resamples=1000, roles={"in_distribution": "s"})
SCORERS = {"s": "solved"}
NAMES = ("solved_grpo", "anchor", "solved_grpo_warm", "solved_curriculum", "trajectory_sft")
ROSTER = Roster.of({"unaligned": MethodEntry(method="unaligned"), **{name: MethodEntry(method=name) for name in NAMES}})


def questions(pairs=48, depths=(1, 2)):
    rows = []
    for number in range(pairs):
        for whole in (True, False):
            meta = {"twin": f"t{number}", "depth": depths[number % len(depths)], "distractors": 1}
            meta |= {} if whole else {"label": "unknown"}
            rows.append((f"q{number:02d}-{'whole' if whole else 'twin'}", json.dumps(meta)))
    return pd.DataFrame(rows, columns=["question_id", "meta"])


def answers(method, whole, twin, seeds=(0, 1, 2), asked=None):
    """A frame in which ``whole(number, depth)`` and ``twin(number, depth)`` say what comes out."""
    rows = []
    for seed in seeds:
        for row in (questions() if asked is None else asked).itertuples():
            meta, number = json.loads(row.meta), int(row.question_id[1:3])
            said = (twin if "label" in meta else whole)(number, meta["depth"])
            rows.append((method, seed, "s", row.question_id, "wrong", said, "label" in meta, meta["twin"]))
    columns = ["method", "seed", "dataset", "question_id", "before", "outcome", "should_refuse", "twin"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(
        matched=frame["outcome"] == "correct", cluster=frame["twin"], stratum="", mean_logprob=-1.0, confidence=np.nan
    )


def of(table, method, metric, by="", at=None):
    rows = table[(table["method"] == method) & (table["metric"] == metric) & (table["by"] == by)]
    rows = rows if at is None else rows[rows["at"] == at]
    (row,) = rows.to_dict("records")
    return row


EASY = answers("anchor", lambda n, d: "correct" if d == 1 else "wrong", lambda n, d: "idk")
GIVEN_UP = answers("solved_grpo", lambda n, d: "idk", lambda n, d: "idk")


def test_scores_by_depth_by_hand():
    table = tables.tab_deduction(pd.concat([EASY, GIVEN_UP]), {"s": questions()}, SCORERS, FAST, ROSTER)
    assert list(table) == tables.deduction.COLUMNS and set(table["by"]) == {"", "depth"}, "distractors are all alike"
    assert of(table, "anchor", "accuracy")["value"] == pytest.approx(0.75)
    assert of(table, "anchor", "both_right")["value"] == pytest.approx(0.5)
    for depth, value in ((1, 1), (2, 0)):
        assert of(table, "anchor", "answerable_accuracy", "depth", depth)["value"] == value
        assert of(table, "anchor", "both_right", "depth", depth)["value"] == value
    assert (
        of(table, "solved_grpo", "accuracy")["value"]
        == of(table, "solved_grpo", "accuracy", "depth", 2)["value"]
        == 0.5
    )
    row = of(table, "anchor", "accuracy")
    assert (row["seeds"], row["questions"], row["counted"]) == (3, 96, 96) and row["low"] < 0.75 < row["high"]


def test_twins_are_drawn_together():
    """With all of the answers of a pair alike, 48 clusters and not 96 rows say how sure one is."""
    half = answers(
        "anchor", lambda n, d: "correct" if n % 4 < 2 else "wrong", lambda n, d: "idk" if n % 4 < 2 else "wrong"
    )
    row = of(tables.tab_deduction(half, {"s": questions()}, SCORERS, FAST, ROSTER), "anchor", "accuracy")
    alone = half.assign(cluster=half["question_id"])
    other = of(tables.tab_deduction(alone, {"s": questions()}, SCORERS, FAST, ROSTER), "anchor", "accuracy")
    assert row["high"] - row["low"] > 1.25 * (other["high"] - other["low"])


def test_what_could_not_be_scored_is_counted_and_in_no_denominator():
    frame = answers("anchor", lambda n, d: "unscored" if n < 12 else "correct", lambda n, d: "idk")
    table = tables.tab_deduction(frame, {"s": questions()}, SCORERS, FAST, ROSTER)
    assert of(table, "anchor", "accuracy")["value"] == 1 and of(table, "anchor", "accuracy")["counted"] == 84
    assert of(table, "anchor", "unscored_rate")["value"] == pytest.approx(12 / 96)


def test_sets_of_other_scorers_have_no_rows():
    for scorers in ({}, {"s": "stance"}):
        assert tables.tab_deduction(EASY, {"s": questions()}, scorers, FAST, ROSTER).empty
        assert tables.tab_deduction_tests(EASY, scorers, FAST, ROSTER).empty


def findings(*frames):
    frame = pd.concat(frames)
    table = tables.tab_deduction(frame, {"s": questions()}, SCORERS, FAST, ROSTER)
    tests = tables.tab_deduction_tests(frame, SCORERS, FAST, ROSTER)
    return tables.tab_deduction_findings(table, tests, "s", ROSTER), tests


def test_a_paired_difference_counts_right_refusals():
    _, tests = findings(EASY, GIVEN_UP)
    (row,) = tests.to_dict("records")
    sign = 1 if row["method_a"] == "anchor" else -1
    assert sign * row["difference"] == pytest.approx(0.25) and row["p_value"] < 0.05 and row["metric"] == "accuracy"


def test_claims_hold_are_reversed_or_stay_open():
    found, _ = findings(EASY, GIVEN_UP)
    assert len(found) == len(CLAIMS)
    verdict = dict(zip(found["claim"], found["verdict"], strict=True))
    assert verdict["Rewarded for what is right alone, a model comes to refuse everything"] == "holds"
    assert verdict["With the true way in every group it does not"] == "holds"
    assert verdict["The true way in every group does better than none"] == "holds"
    assert verdict["Easy problems first do better"] == "not run"
    turned, _ = findings(EASY.assign(method="solved_grpo"), GIVEN_UP.assign(method="anchor"))
    assert turned["verdict"].tolist()[:2] == ["reversed", "reversed"] and turned["verdict"].tolist()[5] == "reversed"
    some = answers("solved_grpo", lambda n, d: "idk" if n % 10 < 7 else "wrong", lambda n, d: "idk")
    assert findings(some)[0]["verdict"].iloc[0] == "inconclusive"


def test_of_two_trainings_nothing_is_said():
    two = [frame[frame["seed"] < 2] for frame in (EASY, GIVEN_UP)]
    found, _ = findings(*two)
    assert set(found["verdict"]) == {"inconclusive", "not run"} and found["seeds"].max() == 2


def history(steps=4, start=0.2):
    return [
        {"step": step, "reward": 0.5, "right": 0.1, "refused": min(1.0, start * step), "tied": 0.0, "loss": 0.1}
        for step in range(1, steps + 1)
    ]


def test_curves_are_those_of_the_last_stage(tmp_path, monkeypatch):
    monkeypatch.setenv("HONESTY_ROOT", str(tmp_path))
    run = Run("toy")
    for seed, start in ((0, 0.2), (1, 0.4)):
        folder = run.model("solved_grpo", seed)
        folder.mkdir(parents=True)
        manifest.begin({}, []).write(folder, history=history(start=start))
    entries = {name: MethodEntry(method=name) for name in ("solved_grpo", "trajectory_sft", "unaligned")}
    loaded = tables.load_curves(run, entries, {"solved_grpo": [0, 1], "trajectory_sft": [0], "unaligned": [0]})
    assert set(loaded["method"]) == {"solved_grpo"} and len(loaded) == 8
    table = tables.tab_deduction_curves(loaded, ROSTER)
    row = table[(table["metric"] == "refused") & (table["step"] == 2)].iloc[0]
    assert (row["value"], row["low"], row["high"], row["seeds"]) == pytest.approx((0.6, 0.4, 0.8, 2))
    axes = plots.deduction_curves(table, ROSTER)
    (line,) = axes[0].lines
    assert line.get_ydata()[-1] == pytest.approx(0.9) and len(axes) == 3
    assert tables.tab_deduction_curves(tables.load_curves(run, {}, {}), ROSTER).empty


def test_the_picture_shows_every_depth_with_its_interval():
    table = tables.tab_deduction(pd.concat([EASY, GIVEN_UP]), {"s": questions()}, SCORERS, FAST, ROSTER)
    axes = plots.deduction(table, "s", ROSTER)
    assert [len(ax.containers) for ax in axes] == [2, 2, 2] and not math.isnan(axes[0].get_xlim()[0])
    heights = sorted(tuple(one.lines[0].get_ydata()) for one in axes[0].containers)
    assert heights == [(0, 0), (1, 0)]
