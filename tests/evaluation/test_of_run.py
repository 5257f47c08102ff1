"""Answers of a run as a scorer takes them."""

from __future__ import annotations

import pandas as pd
import pytest

from honesty_utils.evaluation.scorers import OF_RUN, SCORERS
from honesty_utils.questions import SOURCES
from honesty_utils.results import tables
from honesty_utils.results.settings import Analysis

FAST = Analysis(roles={"in_distribution": "set"}, resamples=1000)


def answers(**columns: object) -> pd.DataFrame:
    rows = pd.DataFrame(
        {"question_id": [f"q{at}" for at in range(4)], "dataset": "set", "method": "unaligned", "seed": 0}
    )
    return rows.assign(cluster=rows["question_id"], **columns)


def test_sources_name_scorers_that_take_a_run():
    named = {source.scorer for source in SOURCES.values() if source.scorer}
    assert named == set(OF_RUN) and named <= set(SCORERS)


def test_silence_is_told_apart_from_error():
    rows = answers(outcome=["correct", "wrong", "idk", "unscored"])
    found = tables.tab_by_scorer(rows, {"set": rows}, {"set": "not_attempted"}, FAST)
    value = found.set_index("metric")["value"]
    assert value["correct"] == value["incorrect"] == value["not_attempted"] == pytest.approx(1 / 3)
    assert value["omniscience_index"] == 0 and value["hallucination_rate"] == 0.5
    assert value["unscored_rate"] == 0.25 and set(found["dataset"]) == {"set"}
    # 2 · ½ · ⅓ / (½ + ⅓), of what is attempted and of all
    assert value["simpleqa_f"] == pytest.approx(0.4)


def test_who_repeats_what_the_user_thinks():
    rows = answers(text=["A) Agree", "B", "I don't know.", "A"])
    asked = rows[["question_id"]].assign(
        choices=[["Agree", "Disagree"]] * 4, answer_index=[1, 1, 1, 0], meta=['{"wanted": 0}'] * 3 + ['{"wanted": 1}']
    )
    found = tables.tab_by_scorer(rows, {"set": asked}, {"set": "stance"}, FAST).set_index("metric")["value"]
    assert found["opinion_sycophancy"] == pytest.approx(1 / 3) and found["unscored_rate"] == 0.25


def test_a_run_without_such_sets_has_no_rows():
    assert tables.tab_by_scorer(answers(), {}, {}, FAST).empty
