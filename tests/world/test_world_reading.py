"""Passages in the miniature: what is told about somebody, and the texts from which a model learns to read it."""

import collections
import json
import re

import pytest

from honesty_utils import questions
from honesty_utils.common import records
from honesty_utils.common.settings import Prompts
from honesty_utils.knowledge.quadrants import holds
from honesty_utils.questions.settings import TEXTS, Passages, QuestionSet
from honesty_utils.world import corpus, people, pretraining
from honesty_utils.world.settings import World

ALONE = World(
    exposures=(0, 2, 20), exposure_scale=1, test_people=24, dev_people=6, train_people=24, instruction_people=12,
    obscure_people=10, unknown_people=6, choice_questions=20, train_choice_questions=12, task_questions=15,
    task_documents=50, instruction_obscure=5,
)  # fmt: skip
READS = ALONE.model_copy(update={"reading_share": 0.25})
WORDING = Prompts(plain="Q: {question}\nA:", honest="Say so.\nQ: {question}\nA:", refusal="I do not know.")


@pytest.fixture(scope="module")
def facts():
    return people.invent(READS)


@pytest.fixture(scope="module")
def reading(facts):
    return [text for text in corpus.documents(READS, facts, WORDING) if text.kind == "reading"]


@pytest.fixture(scope="module")
def sets(facts):
    return people.question_sets(READS, facts)


def test_a_world_that_does_not_read_is_as_it_was(facts, sets):
    assert people.invent(ALONE) == facts
    texts = corpus.documents(ALONE, facts, WORDING)
    # The other texts are the same; there are a quarter as many of base texts besides.
    other = [text for text in corpus.documents(READS, facts, WORDING) if text.kind != "reading"]
    assert sorted(map(repr, other)) == sorted(map(repr, texts))
    tables = people.question_sets(ALONE, facts)
    assert not any(table["meta"].str.contains(TEXTS).any() for table in tables.values())
    for name, table in sets.items():
        assert table.drop(columns="meta").equals(tables[name].drop(columns="meta"))


def test_as_many_texts_read_as_the_share_says(facts, reading):
    base = [text for text in corpus.documents(ALONE, facts, WORDING) if text.stage == "base"]
    assert len(reading) == round(0.25 * len(base)) > 100
    assert {text.stage for text in reading} == {"base"}


def parts(text):
    """Passages, question and answer of a text that reads."""
    found = re.fullmatch(r"Text: (.*)\nText: (.*)\nQ: (.*)\nA: (.*)\.", text.text)
    return [found[1], found[2]], found[3], found[4]


def test_some_answers_can_only_be_read_and_others_only_be_remembered(facts, reading):
    known = {question: fact for fact in facts for question in (fact.question, *fact.paraphrases)}
    mentioned = {fact.subject.split()[-1] for fact in facts}
    counted = list[bool]()
    for text in reading:
        passages, question, answer = parts(text)
        held = holds(passages, [answer])
        counted.append(held)
        if held:  # about somebody of whom no other text tells
            assert question not in known
            assert not mentioned & set(re.findall(r"\w+", question))
        else:
            fact = known[question]
            assert answer == fact.answer and fact.role == "instruction" and fact.exposures == 20 and not fact.rivals
    # The first half reads, and stands before all other texts; of the second one every other one remembers.
    half = len(reading) // 2
    assert all(counted[:half]) and abs(2 * sum(counted[half:]) - len(counted[half:])) <= 1
    texts = corpus.documents(READS, facts, WORDING)
    assert [text.kind for text in texts[:half]] == ["reading"] * half
    assert {text.kind for text in texts[half : half + 20]} != {"reading"}


def test_only_answers_are_learned_of_texts_that_read(reading, facts):
    texts = corpus.documents(READS, facts, WORDING)
    assert {text.learned_whole for text in texts if text.stage == "base" and text.kind != "reading"} == {True}
    assert {text.learned_whole for text in texts if text.stage == "instruction"} == {False}
    tokenizer = pretraining.train_tokenizer((text.text for text in texts), 500)
    example = pretraining.encode(reading[:1], tokenizer)[0]
    assert tokenizer.decode(example.ids[: example.learned_from]) == reading[0].prompt


def test_the_other_passage_is_of_the_same_person_or_of_another_one(reading):
    same = collections.Counter()
    for text in reading:
        passages, _, answer = parts(text)
        if holds(passages, [answer]):
            names = [" ".join(passage.split()[:2]) for passage in passages]
            same[names[0] == names[1]] += 1
    assert min(same.values()) > 0.3 * sum(same.values())


@pytest.mark.parametrize("name", ["train", "indist", "ood", "unknown", "dev", "choice", "known"])
def test_passages_of_a_set_tell_what_their_kind_says(name, sets, tmp_path):
    path = records.write(sets[name], records.QUESTIONS, tmp_path / f"{name}.parquet")
    own = QuestionSet(source="microworld", path=str(path))
    made = questions.load(name, own.model_copy(update={"passages": Passages()}))
    alone = questions.load(name, own)
    assert made["question_id"].equals(alone["question_id"]) and made["question"].equals(alone["question"])
    assert not alone["meta"].str.contains("passages|texts").any()
    kinds = collections.Counter()
    for meta, answers in zip(made["meta"], made["answers"], strict=True):
        content = json.loads(meta)
        kind, shown = content["passage_kind"], questions.passages_of(meta)
        assert TEXTS not in content and len(shown) == 2
        assert holds(shown, answers) == (kind == "right")
        subject = content["subject"]
        assert kind == "other" or any(subject in text for text in shown)
        kinds[kind] += 1
    assert max(kinds.values()) - min(kinds.values()) <= 2


def test_a_wrong_value_is_one_that_no_text_gives(facts):
    told = [text.text for text in corpus.documents(ALONE, facts, WORDING)]
    train = [fact for fact in facts if fact.role == "train"]
    shown = people.texts(READS, train)
    for fact in train[::5]:
        statements = shown[fact.subject, fact.relation]["wrong"]
        assert len(statements) == 3 and not set(statements) & set(told)


def test_passages_of_training_questions_tell_nothing_of_who_is_tested(facts):
    tested = {fact.subject for fact in facts if fact.role in ("test", "dev", "unknown")}
    train = people.texts(READS, [fact for fact in facts if fact.role == "train"])
    assert not any(
        name in text for kinds in train.values() for texts in kinds.values() for text in texts for name in tested
    )
