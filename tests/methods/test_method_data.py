"""Methods as data hold together: what they name is there, and comes before what needs it."""

import pytest

from honesty_utils import methods
from honesty_utils.knowledge.signals import SIGNALS
from honesty_utils.methods.plan import BASE, LAST, Answer, Method, as_said
from honesty_utils.training.objectives import OBJECTIVES

NAMED = methods.METHODS.items()


@pytest.mark.parametrize(("name", "method"), NAMED)
def test_stages_name_what_is_there_and_comes_before_them(name, method):
    made, heads = [BASE], list[str]()
    for stage in method.stages:
        assert stage.objective in OBJECTIVES and set(stage.signals) <= set(SIGNALS)
        # A head may begin from a head; a model may not.
        assert (
            stage.start in (made + heads if stage.objective == "head" else made)
            and set(stage.reads) <= set(made)
            and stage.name not in (*made, LAST)
        )
        if OBJECTIVES[stage.objective].makes == "model":
            made.append(stage.name)
        else:
            heads.append(stage.name)
    assert method.speaker in made
    assert method.head is None or method.stage(method.head).objective == "head"


@pytest.mark.parametrize(("name", "method"), NAMED)
def test_answers_are_decided_by_what_was_fitted(name, method):
    answer = method.answer
    assert set(answer.signals) <= set(SIGNALS)
    assert not any(SIGNALS[signal].needs_gold for signal in answer.signals)
    # A rule is fitted on M_t's answers to training questions; a trained model decides by what it was taught, if at all.
    assert (not answer.signals) == (answer.decide is as_said)
    assert (answer.fit is not None) == (bool(answer.signals) and method.speaker == BASE)
    assert ("head" in answer.signals) == (method.head is not None)


def test_every_method_is_shown_by_a_label_and_a_color_of_its_own():
    shown = list(methods.METHODS.values())
    for field in ("label", "color", "rule"):
        assert len({getattr(method, field) for method in shown}) == len(shown), field


def test_who_speaks_and_which_head_is_read():
    p_ik, idk = methods.METHODS["p_ik"], methods.METHODS["idk_dpo"]
    assert (p_ik.speaker, p_ik.head, p_ik.reuses_base) == (BASE, "head", True)
    assert (idk.speaker, idk.head, idk.reuses_base) == ("dpo", None, False)
    likelihood = methods.METHODS["likelihood_threshold"]
    assert (likelihood.speaker, likelihood.head, likelihood.reuses_base) == (BASE, None, True)
    # A head that no signal reads is not the answer's.
    bare = Method("X", "x", p_ik.options, p_ik.stages, Answer(speaks=BASE))
    assert bare.head is None


def test_a_method_can_be_a_key():
    """Models that are evaluated are keys of tables, and hold their method."""
    assert len(set(methods.METHODS.values())) == len(methods.METHODS)
