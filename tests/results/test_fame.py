"""Knowledge and refusals against fame: hand-worked tenths, the rank correlation beside scipy's, what has no fame."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from support import synthetic
from support.frames import evaluations

from honesty_utils import questions
from honesty_utils.common import records
from honesty_utils.evaluation import frames
from honesty_utils.questions.settings import Design, QuestionSet
from honesty_utils.results import plots, tables
from honesty_utils.results.settings import Analysis

FAST = Analysis(resamples=1000)
HALF = 30
"""Questions in each of two bins: the first are of unknown things, refused; the others of known ones, answered."""

BEFORE = ["wrong"] * HALF + ["correct"] * HALF


@pytest.fixture
def answers() -> pd.DataFrame:
    refuses = [(before, "idk" if before == "wrong" else "correct") for before in BEFORE]
    return evaluations(
        {("unaligned", 0): [(before, before) for before in BEFORE], ("absolute", 0): refuses},
        fame=[*range(100, 100 + HALF), *range(9_000, 9_000 + HALF)],
        expected_accuracy=[0.1] * HALF + [0.9] * HALF,
    )


def test_bins_go_from_the_least_famous_up_with_their_medians(answers):
    table = tables.tab_fame(answers, FAST, synthetic.ROSTER).set_index(["method", "metric", "bin"]).sort_index()
    # 60 questions make three bins of twenty: ten of the middle one are unknown.
    medians = [109.5, (np.median([*range(120, 130), *range(9_000, 9_010)])), 9_019.5]
    assert table.loc[("unaligned", "expected_accuracy"), "fame"].tolist() == pytest.approx(medians)
    assert table.loc[("unaligned", "expected_accuracy"), "value"].tolist() == pytest.approx([0.1, 0.5, 0.9])
    assert table.loc[("absolute", "refusal_rate"), "value"].tolist() == pytest.approx([1, 0.5, 0])
    assert table.loc[("absolute", "accuracy"), "value"].tolist() == pytest.approx([0, 0.5, 1])
    assert (table["questions"] == 20).all() and (table["low"] <= table["value"]).all()
    assert "expected_accuracy" not in table.loc["absolute"].index.get_level_values("metric")


def test_rank_correlation_is_scipys():
    rng = np.random.default_rng(1)
    fame, known = rng.permutation(90) * 1000.0, rng.integers(0, 11, 90) / 10
    frame = evaluations({("unaligned", 0): [("wrong", "wrong")] * 90}, fame=fame, expected_accuracy=known)
    table = tables.tab_fame_rank(frame, FAST)
    assert table["group"].tolist() == ["all"]
    assert table["spearman"].iloc[0] == pytest.approx(stats.spearmanr(fame, known).statistic, abs=1e-12)
    assert table["low"].iloc[0] < table["spearman"].iloc[0] < table["high"].iloc[0]
    kinds = frame.assign(group=["city", "land", "river"] * 30)
    assert set(tables.tab_fame_rank(kinds, FAST)["group"]) == {"all", "city", "land", "river"}


def test_sets_without_fame_and_small_ones_have_no_rows(answers):
    assert tables.tab_fame(answers.assign(fame=np.nan), FAST, synthetic.ROSTER).empty
    few = answers[answers["question_id"] < "indist-0030"]
    assert tables.tab_fame(few, FAST, synthetic.ROSTER).empty
    assert tables.tab_fame_rank(answers.assign(fame=np.nan), FAST).empty


def test_the_figure_has_knowledge_and_a_curve_a_method(answers):
    table, rank = tables.tab_fame(answers, FAST, synthetic.ROSTER), tables.tab_fame_rank(answers, FAST)
    left, right = plots.by_fame(table, "indist", plots.rank_text(rank, "indist"), synthetic.ROSTER)
    assert left.get_xscale() == right.get_xscale() == "log" and "rank correlation 0.8" in left.get_title(loc="left")
    assert {text.get_text() for text in right.get_legend().get_texts()} >= {"ABSOLUTE"}


def test_a_source_says_which_key_is_fame_and_a_params_file_another():
    assert questions.design(QuestionSet(source="popqa")).fame == "s_pop"
    assert questions.design(QuestionSet(source="atlas")).fame == "fame"
    assert questions.design(QuestionSet(source="jsonl", path="x", fame="views")).fame == "views"
    assert questions.design(QuestionSet(source="triviaqa")).fame is None


def test_fame_that_is_no_number_is_named():
    metas = pd.Series([json.dumps({"views": 3}), json.dumps({}), json.dumps({"views": "many"})])
    with pytest.raises(records.RecordError, match=r"questions.mine.fame: 'views' is 'many' in the meta .* a number"):
        frames._fame(metas, "mine", Design(fame="views"))
    found = frames._fame(metas.head(2), "mine", Design(fame="views"))
    assert found[0] == 3 and np.isnan(found[1])
