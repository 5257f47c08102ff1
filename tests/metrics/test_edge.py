"""Where a method begins to answer: by hand, against scikit-learn, and of methods that were made to begin somewhere."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st
from sklearn.metrics import roc_auc_score

from honesty_utils.methods.settings import MethodEntry
from honesty_utils.metrics import edge
from honesty_utils.metrics.edge import METRICS, NUM_STATES
from honesty_utils.results import plots, tables
from honesty_utils.results.display import PAPER, Roster, Shown
from honesty_utils.results.settings import Analysis
from honesty_utils.results.tables import roads
from honesty_utils.workflow.params import load
from honesty_utils.workflow.prices import edges_of

FAST = Analysis(resamples=1000)


def scores(expected, outcomes):
    counts = np.bincount(edge.states(expected, outcomes), minlength=NUM_STATES).astype(float)
    return dict(zip(METRICS, edge.scores(counts), strict=True))


def test_by_hand():
    # Refused at 0, .1 and .4, answered at .3, .5 and 1: no boundary has all six on its right side.
    found = scores([0, 0.1, 0.4, 0.3, 0.5, 1, 0.2], ["idk", "idk", "idk", "wrong", "correct", "correct", "unscored"])
    assert found["answered"] == pytest.approx(3 / 6) and found["agreement"] == pytest.approx(5 / 6)
    assert found["rank"] == pytest.approx(8 / 9)
    # Five are with boundaries at .15, .25 and .45: of the refusal at .4 and the answer at .3 one is wrong.
    assert found["tau"] == pytest.approx((0.15 + 0.25 + 0.45) / 3)


def test_ends():
    everything = scores([0, 0.5, 1], ["wrong", "correct", "correct"])
    assert (everything["answered"], everything["tau"], everything["agreement"]) == (1, 0, 1) and np.isnan(
        everything["rank"]
    )
    nothing = scores([0, 0.5, 1], ["idk"] * 3)
    assert (nothing["answered"], nothing["tau"]) == (0, 1)
    assert np.isnan(list(scores([0.5], ["unscored"]).values())).all()


@given(st.lists(st.tuples(st.integers(0, 10), st.booleans()), min_size=2, max_size=40))
def test_rank_is_scikit_learns(rows):
    level, answered = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    found = scores(level / 10, np.where(answered, "correct", "idk"))
    if answered.all() or not answered.any():
        assert np.isnan(found["rank"])
    else:
        assert found["rank"] == pytest.approx(roc_auc_score(answered, level))
    # No boundary is right more often than the best.
    fits = [(answered == (level / 10 > at)).mean() for at in (-1, *(np.arange(10) / 10 + 0.05), 2)]
    assert found["agreement"] == pytest.approx(max(fits))


def entry(**objective):
    return MethodEntry(method="truth_rl_warm", stages={"grpo": {"objective": objective}} if objective else {})


ENTRIES = {
    "unaligned": MethodEntry(method="unaligned"),
    "truth_rl_quarter": entry(wrong=0.25),
    "truth_rl_warm": entry(),
    "truth_rl_four": entry(wrong=4.0),
    "rlcr": MethodEntry(method="rlcr"),
}


def test_where_answering_pays():
    assert edges_of(ENTRIES) == {"truth_rl_quarter": 0.2, "truth_rl_warm": 0.5, "truth_rl_four": 0.8}


@pytest.fixture(scope="module")
def answers():
    """Of 300 questions each answers what is known better than its edge, the dearest one the same as the second."""
    rng = np.random.default_rng(0)
    known = rng.integers(0, 11, 300) / 10
    begins = {"unaligned": -1, "truth_rl_quarter": 0.2, "truth_rl_warm": 0.5, "truth_rl_four": 0.5}
    rows = []
    for method, edge_of in begins.items():
        for seed in range(3):
            wrong = rng.random(300) < 0.05
            said = np.where((known > edge_of) ^ (wrong & (edge_of >= 0)), "wrong", "idk")
            frame = pd.DataFrame({"question_id": [f"q{n:03d}" for n in range(300)], "expected_accuracy": known})
            rows.append(frame.assign(outcome=said, method=method, seed=seed, dataset="home", before="wrong"))
    return pd.concat(rows, ignore_index=True)


ROSTER = Roster(
    {name: Shown(name.upper(), "#000000", at, library=ENTRIES[name].method) for at, name in enumerate(ENTRIES)}
)


def test_table_and_figure(answers):
    edges = edges_of(ENTRIES)
    table = tables.tab_edges(answers, "home", edges, FAST, ROSTER)
    cells = table.set_index(["method", "metric"])
    for method, begins in (("truth_rl_quarter", 0.2), ("truth_rl_warm", 0.5)):
        row = cells.loc[(method, "tau")]
        assert row["value"] == pytest.approx(begins + 0.05) and row["edge"] == begins and row["seeds"] == 3
        assert cells.loc[(method, "rank"), "low"] > 0.8
    assert cells.loc[("unaligned", "answered"), "value"] == 1 and np.isnan(cells.loc[("unaligned", "tau"), "edge"])
    axes = plots.edges(table, "home", ROSTER)
    assert len(axes) == 2 and len(axes[0].containers) == 3


def test_findings_follow_the_rule(answers):
    edges = edges_of(ENTRIES)
    tests = pd.DataFrame(
        {
            "dataset": "home", "metric": "refusal_rate", "method_a": ["truth_rl_warm", "truth_rl_warm"],
            "method_b": ["truth_rl_quarter", "truth_rl_four"], "difference": [0.3, 0.0], "low": [0.2, -0.1],
            "high": [0.4, 0.1], "p_value": [0.0, 1.0], "p_holm": [0.0, 1.0],
        }
    )  # fmt: skip
    found = tables.tab_road_findings(answers, tests, "home", edges, FAST, ROSTER).set_index(["method", "metric"])
    assert found["verdict"].to_dict() == {
        ("truth_rl_warm", "tau"): "holds", ("truth_rl_warm", "refusal_rate"): "holds",
        ("truth_rl_four", "tau"): "inconclusive", ("truth_rl_four", "refusal_rate"): "inconclusive",
    }  # fmt: skip
    assert found["value"]["truth_rl_warm", "tau"] == pytest.approx(0.3)
    once = tables.tab_road_findings(answers[answers["seed"] == 0], tests, "home", edges, FAST, ROSTER)
    assert set(once["verdict"]) == {"inconclusive"} and set(once["seeds"]) == {1}
    assert tables.tab_road_findings(answers, tests, "home", {}, FAST, PAPER).empty


def test_what_costs_the_same_is_not_called_dearer(answers):
    same = {"truth_rl_quarter": 0.5, "truth_rl_warm": 0.5, "truth_rl_four": 0.8}
    tests = pd.DataFrame(columns=["dataset", "metric", "method_a", "method_b", "difference", "low", "high"])
    found = tables.tab_road_findings(answers, tests, "home", same, FAST, ROSTER)
    assert found[["method", "other", "metric"]].to_numpy().tolist() == [["truth_rl_four", "truth_rl_warm", "tau"]]


def test_every_claim_speaks_of_entries_of_a_preset():
    """A claim whose entries no preset has would never be tested."""
    presets = [set(load(Path(f"params/{name}.yaml")).entries) for name in ("rewards", "merging")]
    for claim in roads.CLAIMS:
        assert any({claim.first, claim.second} <= entries for entries in presets), claim.text
