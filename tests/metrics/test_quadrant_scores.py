"""Scores by quadrant: by hand, by identities."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from honesty_utils.common.records import OUTCOMES
from honesty_utils.knowledge.quadrants import QUADRANTS
from honesty_utils.metrics import quadrants
from honesty_utils.metrics.quadrants import METRICS, NUM_STATES, SHARES


def scored(places, outcomes):
    counts = np.bincount(quadrants.states(places, outcomes), minlength=NUM_STATES).astype(float)
    return {key: value for key, value in zip(METRICS, quadrants.scores(counts), strict=True)}


def test_by_hand():
    answers = {
        "kg": ["correct", "correct", "idk"],
        "kn": ["correct", "wrong", "wrong", "unscored"],
        "ug": ["correct", "idk"],
        "un": ["idk", "idk", "wrong", "correct"],
    }
    found = scored(*zip(*((name, one) for name, said in answers.items() for one in said), strict=True))
    by_hand = {
        ("kg", "accuracy"): 2 / 3, ("kg", "refused"): 1 / 3,
        ("kn", "accuracy"): 1 / 3, ("kn", "refused"): 0, ("kn", "denoise_rate"): 1 / 3,  # three could be scored
        ("ug", "accuracy"): 1 / 2, ("ug", "refused"): 1 / 2, ("ug", "context_use"): 1 / 2,
        ("un", "accuracy"): 1 / 4, ("un", "refused"): 1 / 2, ("un", "hallucination"): 1 / 4,
        # Right on kg, kn, ug: 2 + 1 + 1. Refused on un: 2. Twelve could be scored.
        ("all", "quadrant_accuracy"): 6 / 12,
        # Given are 8 answers, 5 of them right; 8 should be given, 4 are right.
        ("all", "precision"): 5 / 8, ("all", "recall"): 4 / 8, ("all", "f1"): 2 * (5 / 8) * (4 / 8) / (5 / 8 + 4 / 8),
        # Four refusals, two of them in un; un has four questions.
        ("all", "abstain_precision"): 2 / 4, ("all", "abstain_recall"): 2 / 4, ("all", "abstain_f1"): 1 / 2,
    }  # fmt: skip
    assert found == pytest.approx(by_hand)


def test_who_always_refuses_and_who_never_does():
    places = ["kg", "kn", "ug", "un"]
    always, never = scored(places, ["idk"] * 4), scored(places, ["wrong"] * 4)
    assert always["all", "quadrant_accuracy"] == 1 / 4 and never["all", "quadrant_accuracy"] == 0
    assert np.isnan(always["all", "precision"]) and always["all", "f1"] == 0
    assert np.isnan(never["all", "abstain_precision"]) and never["all", "abstain_f1"] == 0
    assert (always["un", "hallucination"], never["un", "hallucination"]) == (0, 1)


def test_a_quadrant_without_questions_has_no_score():
    found = scored(["kg", "kg"], ["correct", "unscored"])
    assert found["kg", "accuracy"] == 1 and found["all", "quadrant_accuracy"] == 1
    assert all(np.isnan(found[key]) for key in [("un", "hallucination"), ("ug", "context_use"), ("all", "abstain_f1")])


@given(st.lists(st.tuples(st.sampled_from(QUADRANTS), st.sampled_from(OUTCOMES)), min_size=1, max_size=40))
def test_identities(answers):
    found = scored(*zip(*answers, strict=True))
    for name in QUADRANTS:
        own = [outcome for place, outcome in answers if place == name and outcome != "unscored"]
        if own:
            assert found[name, "accuracy"] == pytest.approx(own.count("correct") / len(own))
            assert found[name, "accuracy"] + found[name, "refused"] <= 1 + 1e-12
    same = [(("kn", "denoise_rate"), ("kn", "accuracy")), (("ug", "context_use"), ("ug", "accuracy"))]
    same += [(("all", "abstain_recall"), ("un", "refused"))]
    for one, other in same:
        np.testing.assert_equal(found[one], found[other])
    # Hallucination is what is neither right nor refused.
    np.testing.assert_allclose(
        found["un", "hallucination"], 1 - found["un", "accuracy"] - found["un", "refused"], atol=1e-12
    )
    shares = [found[key] for key in SHARES if not np.isnan(found[key])]
    assert all(0 <= value <= 1 for value in shares)


def test_bad_input():
    with pytest.raises(ValueError, match="quadrant 'xx'; allowed: kg, kn, ug, un"):
        quadrants.states(["kg", "xx"], ["correct", "idk"])
    with pytest.raises(ValueError, match="2 quadrants and 1 outcomes"):
        quadrants.states(["kg", "un"], ["correct"])
