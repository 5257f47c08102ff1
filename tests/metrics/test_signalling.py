"""What a speaker minds: found again of speakers that were made to mind it."""

import numpy as np
import pandas as pd
import pytest

from honesty_utils.metrics import signalling
from honesty_utils.metrics.signalling import METRICS, NUM_STATES, STRENGTHS, UNREAD, WEIGHTS
from honesty_utils.questions import bandit
from honesty_utils.questions.loading import load
from honesty_utils.questions.settings import QuestionSet
from honesty_utils.results import plots, tables
from honesty_utils.results.settings import Analysis

TOLD, USEFUL = bandit.utilities()
FAST = Analysis(resamples=1000)
ALL = np.arange(NUM_STATES)


def spoken(weight, strength, times=1, seed=0):
    """Numbers of sentences that a speaker with these says in every context."""
    rng, minded = np.random.default_rng(seed), weight * USEFUL + (1 - weight) * TOLD
    chance = np.exp(strength * minded)
    chance /= chance.sum(axis=1, keepdims=True)
    return np.array([rng.choice(24, times, p=row) for row in chance])


def scores(said):
    contexts = np.repeat(np.arange(84), said.shape[1])
    counts = np.bincount(signalling.states(contexts, said.ravel()), minlength=NUM_STATES).astype(float)
    return dict(zip(METRICS, signalling.scores(counts, ALL), strict=True))


@pytest.mark.parametrize(("weight", "strength"), [(0.0, 2.0), (0.3, 2.0), (0.6, 4.0), (1.0, 2.0)])
def test_the_speaker_is_found_again(weight, strength):
    found = scores(spoken(weight, strength, times=30))
    assert found["weight_of_relevance"] == pytest.approx(weight, abs=0.06)
    assert found["strength"] == pytest.approx(strength, rel=0.2)


def test_the_likeliest_by_another_way():
    said = spoken(0.4, 3.0)[:, 0]
    best = (-np.inf, 0.0, 0.0)
    for weight in WEIGHTS[::10]:
        for strength in STRENGTHS[::5]:
            minded = strength * (weight * USEFUL + (1 - weight) * TOLD)
            likely = sum(row[one] - np.log(np.exp(row).sum()) for row, one in zip(minded, said, strict=True))
            best = max(best, (likely, weight, strength))
    found = scores(said[:, None])
    assert found["weight_of_relevance"] == pytest.approx(best[1], abs=0.1)
    assert found["strength"] == pytest.approx(best[2], rel=0.9)


def test_shares_by_hand():
    true, false = int(np.flatnonzero(TOLD == 1)[0]), int(np.flatnonzero(TOLD == -1)[0])
    states = signalling.states(np.array([0, 1, 2, 3]), np.array([true, false, false, -1]))
    assert states.tolist() == [true, 24 + false, 48 + false, UNREAD]
    counts = np.bincount(states, minlength=NUM_STATES).astype(float)
    found = signalling.scores(counts, ALL)
    assert found[0] == pytest.approx(1 / 3)
    assert found[1] == pytest.approx((USEFUL[0, true] + USEFUL[1, false] + USEFUL[2, false]) / 3)
    top, number = signalling.shares(counts, ALL)
    assert (top.tolist(), number.tolist()) == ([1.0], [3.0])
    # The same of the states that were seen alone.
    assert signalling.scores(counts[states], states) == pytest.approx(found)
    assert np.isnan(signalling.scores(np.eye(NUM_STATES)[UNREAD], ALL)).all()


@pytest.fixture(scope="module")
def told():
    """M_t says what is useful, ABSOLUTE what is true, and both mind the instruction or do not."""
    questions = load("mushrooms", QuestionSet(source="bandit"))
    texts = [one.text() for one in bandit.UTTERANCES]
    weights = {
        "unaligned": {"honest": 0.2, "helpful": 0.9, "neutral": 0.6},
        "absolute": dict.fromkeys(bandit.INSTRUCTIONS, 0.0),
    }
    rows = []
    for place, (method, of) in enumerate(weights.items()):
        said = np.concatenate([spoken(of[name], 5.0, seed=10 * place + at)[:, 0] for at, name in enumerate(of)])
        frame = pd.DataFrame({"question_id": questions["question_id"], "text": [texts[one] for one in said]})
        rows.append(frame.assign(method=method, seed=0, dataset="mushrooms", outcome="wrong"))
    answers = pd.concat(rows, ignore_index=True)
    answers.loc[answers.index[-1], ["text", "outcome"]] = "I don't know.", "idk"
    answers.loc[answers.index[-2], "text"] = "I would say that green is plus 2."
    return tables.tab_signalling(answers, {"mushrooms": questions}, FAST)


def test_table(told):
    value = told.set_index(["method", "instruction", "metric"]).sort_index()
    assert (told["low"] <= told["value"]).all() and (told["value"] <= told["high"]).all()
    assert value["value"]["absolute", "honest", "true_share"] > 0.95
    shift = value.loc[("unaligned", "helpful less honest", "weight_of_relevance")]
    assert shift["value"] == pytest.approx(0.7, abs=0.15) and shift["low"] > 0.3
    same = value.loc[("absolute", "helpful less honest", "weight_of_relevance")]
    assert same["low"] <= 0 <= same["high"] and same["low"] > -0.3
    changed = value.loc[("absolute", "helpful", "true_share_change")]
    assert changed["value"] == pytest.approx(
        value["value"]["absolute", "helpful", "true_share"] - value["value"]["unaligned", "helpful", "true_share"]
    )
    assert changed["low"] > 0 and "true_share_change" not in value.loc["unaligned"].index.get_level_values("metric")
    # The refusal is in no number; a sentence within another one is read.
    assert value["unread"]["absolute", "neutral", "true_share"] == 1 and set(told["contexts"]) == {84}
    assert value["unread"].drop(("absolute", "neutral")).eq(0).all()


def test_figure(told):
    axes = plots.signalling(told, "mushrooms")
    assert len(axes) == 3 and [tick.get_text() for tick in axes[0].get_yticklabels()] == ["UNALIGNED", "ABSOLUTE"]
