"""The signalling bandit: its values by hand, and its questions."""

import json

import numpy as np
import pytest

from honesty_utils.questions import bandit
from honesty_utils.questions.bandit import CONTEXTS, UTTERANCES, Mushroom, Utterance
from honesty_utils.questions.loading import load
from honesty_utils.questions.reading import QuestionError
from honesty_utils.questions.settings import QuestionSet

CONTEXT = (Mushroom("green", "solid"), Mushroom("green", "striped"), Mushroom("blue", "striped"))


def test_four_of_24_sentences_are_true():
    told, useful = bandit.utilities()
    assert told.shape == (24,) and useful.shape == (84, 24)
    true = {one.text() for one, value in zip(UTTERANCES, told, strict=True) if value == 1}
    assert true == {"Green is plus 2", "Blue is minus 2", "Spotted is plus 1", "Striped is minus 1"}
    assert len({one.text() for one in UTTERANCES}) == 24 and len(set(CONTEXTS)) == 84


def test_relevance_by_hand():
    assert [one.worth for one in CONTEXT] == [2, 1, -3]
    # Nothing is spotted: any of the three is picked.
    assert bandit.relevance(CONTEXT, Utterance("spotted", 1)) == pytest.approx(0)
    # Two of three are striped: e^-3 each, against 1 for the solid one.
    weight = np.exp(-3)
    assert bandit.relevance(CONTEXT, Utterance("striped", -1)) == pytest.approx((2 - 2 * weight) / (1 + 2 * weight))
    # With a listener that does not listen nothing that is said matters.
    assert bandit.relevance(CONTEXT, Utterance("solid", 2), listener=0) == pytest.approx(0)


def test_no_true_sentence_helps_more_than_the_best_of_all():
    told, useful = bandit.utilities()
    for number, context in enumerate(CONTEXTS):
        best = UTTERANCES.index(bandit.best(context))
        assert told[best] == 1 and useful[number, best] == useful[number, told == 1].max()
    assert (useful.max(axis=1) > useful[:, told == 1].max(axis=1) + 0.01).sum() == 21


def test_questions():
    table = load("bandit", QuestionSet(source="bandit"))
    assert len(table) == 252 and table["split"].value_counts().to_dict() == dict.fromkeys(bandit.INSTRUCTIONS, 84)
    metas = [json.loads(meta) for meta in table["meta"]]
    assert [meta["context"] for meta in metas[84:87]] == [0, 1, 2]
    for choices, place, answers in table[["choices", "answer_index", "answers"]].itertuples(index=False):
        assert len(choices) == 24 and [choices[int(place)]] == list(answers)
    honest = load("bandit", QuestionSet(source="bandit", split="honest"))
    assert len(honest) == 84 and honest["question"].str.contains("Say only what is true").all()
    with pytest.raises(QuestionError, match="split: 'kind'; allowed: honest, helpful, neutral"):
        load("bandit", QuestionSet(source="bandit", split="honest+kind"))
