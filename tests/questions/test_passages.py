"""Passages of question sets: from a file, and made by shares from what a source has to tell."""

import json

import pytest

from honesty_utils import questions
from honesty_utils.questions import QuestionError, passages
from honesty_utils.questions.reading import Item
from honesty_utils.questions.settings import KIND, TEXTS, Passages, QuestionSet

ROW = {"question": "Where was Ada born?", "answers": ["rome"]}


def load(tmp_path, *rows, **options):
    path = tmp_path / "own.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return questions.load("own", QuestionSet(source="jsonl", path=str(path), **options))


def shown(table):
    return [questions.passages_of(meta) for meta in table["meta"]]


def test_a_file_has_passages_where_it_says_so(tmp_path):
    rows = [{**ROW, "passages": ["Ada was born in Rome. ", "She bakes."]}, {**ROW, "question": "Who?"}]
    rows.append({**ROW, "question": "When?", "passages": "One text is a list of one."})
    table = load(tmp_path, *rows)
    assert shown(table) == [("Ada was born in Rome.", "She bakes."), (), ("One text is a list of one.",)]
    alone = load(tmp_path, *rows, passages="none")
    assert shown(alone) == [(), (), ()]
    assert list(alone["question_id"]) == list(table["question_id"])  # the same questions, so that they can be paired


def test_a_cell_of_csv_is_a_list_too(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text('question,answers,passages\nWho?,ada,"[""One."", ""Two.""]"\nWhen?,now,One.|Two.\nWhere?,here,\n')
    table = questions.load("own", QuestionSet(source="jsonl", path=str(path), separator="|"))
    assert shown(table) == [("One.", "Two."), ("One.", "Two."), ()]


@pytest.mark.parametrize("wrong", [[], [""], [1], 7, {"a": "b"}, ["fine", " "]])
def test_what_is_no_list_of_texts_names_its_row(tmp_path, wrong):
    with pytest.raises(QuestionError, match=r"own\.jsonl:1: passages is .*; a list of texts is needed"):
        load(tmp_path, {**ROW, "passages": wrong})


def item(number):
    texts = {
        "right": [f"{number} is right"], "wrong": [f"{number} is wrong", f"{number} is false"],
        "other": [f"{number} and a", f"{number} and b", f"{number} and c"],
    }  # fmt: skip
    return Item(f"row {number}", f"{number}?", ["right"], question_id=f"q{number}", meta={TEXTS: texts, "of": "me"})


ITEMS = [item(number) for number in range(10)]


def given(**options):
    return passages.given(ITEMS, QuestionSet(source="microworld", passages=Passages(**options)))


def test_kinds_are_dealt_by_share_and_each_shows_what_it_says():
    made = given(right=0.5, other=0.2, wrong=0.3, number=2)
    kinds = [one.meta[KIND] for one in made]
    assert {kind: kinds.count(kind) for kind in kinds} == {"right": 5, "other": 2, "wrong": 3}
    for one, kind in zip(made, kinds, strict=True):
        telling = [text for text in one.meta["passages"] if " and " not in text]
        assert len(one.meta["passages"]) == 2 and len(set(one.meta["passages"])) == 2
        assert len(telling) == (kind != "other")
        assert all(("right" in text) == (kind == "right") for text in telling)
        assert TEXTS not in one.meta and one.meta["of"] == "me"
    places = [[" and " in text for text in one.meta["passages"]] for one in given(right=1, other=0, wrong=0)]
    assert [True, False] in places and [False, True] in places  # what tells is not always the first


def test_the_lot_depends_on_the_seed_and_on_no_order():
    ids = [one.question_id for one in ITEMS]
    dealt = passages.dealt(ids, Passages())
    assert dealt == passages.dealt(ids[::-1], Passages())
    assert any(dealt != passages.dealt(ids, Passages(seed=seed)) for seed in range(1, 5))
    assert given(seed=3) == given(seed=3)


def test_texts_of_a_source_are_no_passages_by_themselves():
    alone = passages.given(ITEMS, QuestionSet(source="microworld"))
    assert [one.meta for one in alone] == [{"of": "me"}] * 10


def test_shares_that_are_no_whole_and_texts_that_are_too_few():
    with pytest.raises(ValueError, match=r"right, other, wrong: 0\.5, 0\.5 and 0\.5 are not 1 together"):
        Passages(right=0.5, other=0.5, wrong=0.5)
    with pytest.raises(QuestionError, match=r"row \d: passages: of kind 'other' .* 3 .* and 4 of these are needed"):
        given(right=0, other=1, wrong=0, number=4)
    with pytest.raises(QuestionError, match="the source has no texts about it"):
        passages.given(
            [Item("row 1", "?", ["a"], question_id="q")], QuestionSet(source="microworld", passages=Passages())
        )
