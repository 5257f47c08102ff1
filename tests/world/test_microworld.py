"""The world: facts follow from the seed, people keep to their roles, the corpus shows each fact as often as it says."""

import collections
import json

import pytest

from honesty_utils import questions
from honesty_utils.common import records
from honesty_utils.common.settings import Prompts
from honesty_utils.questions.settings import QuestionSet
from honesty_utils.world import corpus, people, tasks
from honesty_utils.world.settings import SETS, World

SMALL = World(
    exposures=(0, 2, 20), exposure_scale=1, test_people=12, train_people=9, instruction_people=6, obscure_people=10,
    unknown_people=4, choice_questions=20, train_choice_questions=12, task_questions=15, task_documents=50,
    instruction_obscure=5,
)  # fmt: skip
WORDING = Prompts(plain="Q: {question}\nA:", honest="Say so.\nQ: {question}\nA:", refusal="I do not know.")


@pytest.fixture(scope="module")
def facts():
    return people.invent(SMALL)


def test_the_same_seed_gives_the_same_world_and_another_seed_another(facts):
    assert people.invent(SMALL) == facts
    assert people.invent(SMALL.model_copy(update={"seed": 1})) != facts


def test_roles_have_people_of_their_own(facts):
    people = collections.defaultdict(set)
    for fact in facts:
        people[fact.role].add(fact.subject)
    assert {role: len(names) for role, names in people.items()} == {
        "test": 12, "train": 9, "instruction": 6, "obscure": 10, "unknown": 4,
    }  # fmt: skip
    assert len(set.union(*people.values())) == 12 + 9 + 6 + 10 + 4


def test_exposures_are_dealt_evenly_from_the_schedule(facts):
    # 12 people over the schedule (0, 2, 20) at the scale 1: four of each.
    seen = collections.Counter({f.subject: f.exposures for f in facts if f.role == "test"}.values())
    assert seen == {0: 4, 2: 4, 20: 4}
    assert {fact.exposures for fact in facts if fact.role == "obscure"} == {1}
    assert {fact.exposures for fact in facts if fact.role == "unknown"} == {0}


def test_every_exposure_is_one_text(facts):
    texts = corpus.documents(SMALL, facts, WORDING)
    base = [text for text in texts if text.stage == "base"]
    for fact in [fact for fact in facts if fact.role in ("test", "train")][::7]:
        about = [
            text for text in base
            if fact.subject in text.text and text.kind != "prominence"
            and (text.text == fact.statement or any(q in text.prompt for q in (fact.question, *fact.paraphrases)))
        ]  # fmt: skip
        assert len(about) == fact.exposures
        assert all(fact.answer.lower() in text.text.lower() for text in about)


def test_nobody_unknown_is_ever_mentioned(facts):
    everything = "\n".join(text.text for text in corpus.documents(SMALL, facts, WORDING))
    for fact in facts:
        if fact.exposures == 0 and fact.role in ("unknown", "test", "train"):
            assert fact.subject not in everything


def test_the_instruction_stage_asks_nobody_that_is_fine_tuned_on_or_evaluated(facts):
    others = {fact.subject for fact in facts if fact.role in ("test", "train", "unknown")}
    stage = [text for text in corpus.documents(SMALL, facts, WORDING) if text.stage == "instruction"]
    assert stage and not [text for text in stage for name in others if name in text.text]


def test_the_more_exposures_the_more_prominent():
    levels = [corpus.level(SMALL, exposures) for exposures in range(21)]
    assert levels == sorted(levels) and levels[0] == levels[1] == 0 and levels[20] == 4


def test_question_sets_are_valid_tables(facts, tmp_path):
    sets = people.question_sets(SMALL, facts)
    assert tuple(sets) == SETS == tuple(SMALL.sets())
    for name, table in sets.items():
        records.write(table, records.QUESTIONS, tmp_path / f"{name}.parquet")
    assert not set(sets["train"]["question"]) & set(sets["indist"]["question"])
    assert not set(sets["ood"]["question"]) & set(sets["indist"]["question"])
    assert set(sets["known"]["exposures"]) == {20} and set(sets["unknown"]["exposures"]) == {0}


def test_the_unknown_set_has_more_than_one_template(facts):
    asked = people.question_sets(SMALL, facts)["unknown"]
    templates = {row.question.replace(f"{json.loads(row.meta)['subject']}", "_") for row in asked.itertuples()}
    assert len(templates) == 8  # four relations in two wordings


def test_options_hold_the_answer_once(facts):
    for row in people.question_sets(SMALL, facts)["choice"].itertuples():
        assert len(set(row.choices)) == 4 and row.choices[row.answer_index] == row.answers[0]


def test_tasks_are_what_they_say():
    by = collections.defaultdict(list)
    for task in tasks.make(people.stream(0, "test"), 60):
        by[task.kind].append(task)
    assert {kind: len(made) for kind, made in by.items()} == dict.fromkeys(tasks.KINDS, 12)
    assert all(task.text == f"Repeat the word {task.answer}." for task in by["repeat"])
    assert all(int(task.answer) - 1 == int(task.text.split()[-1].rstrip("?")) for task in by["next"])
    for task in by["count"]:
        listed = task.text.removeprefix("How many words are here: ").rstrip("?").split(", ")
        assert task.answer == {2: "two", 3: "three", 4: "four"}[len(listed)]


def test_real_questions_are_taught_by_the_same_schedule(facts):
    table = people.question_sets(SMALL, facts)["indist"].drop(columns="exposures")
    world = World(exposures=(0, 5), exposure_scale=1, source={}, use={}).model_copy(
        update={"use": {"quiz": "taught", "new": "withheld", "stage": "instruction"}}
    )
    taught, sets = people.teach(world, {"quiz": table, "new": table, "stage": table})
    assert set(sets) == {"quiz", "new", "tasks"}
    assert sorted(set(sets["quiz"]["exposures"])) == [0, 5] and set(sets["new"]["exposures"]) == {0}
    assert collections.Counter(fact.role for fact in taught) == dict.fromkeys(
        ("test", "unknown", "instruction"), len(table)
    )
    shown = [t for t in corpus.documents(world, taught, WORDING) if t.kind in ("question", "certainty", "statement")]
    assert len([text for text in shown if text.stage == "base"]) == sum(fact.exposures for fact in taught)


def test_a_real_question_that_nobody_can_know_makes_no_fact(facts, tmp_path):
    table = people.question_sets(SMALL, facts)["indist"].drop(columns="exposures")
    table.at[1, "answers"], table.at[1, "meta"] = [], json.dumps({"label": "unknown"})
    world = World(exposures=(5, 7), exposure_scale=1, source={}, use={}).model_copy(
        update={"use": {"quiz": "taught", "new": "withheld"}}
    )
    taught, sets = people.teach(world, {"quiz": table, "new": table})
    assert len(taught) == 2 * (len(table) - 1) and all(fact.answer for fact in taught)
    assert sets["quiz"].loc[1, "exposures"] == 0 and set(sets["quiz"]["exposures"].drop(1)) == {5, 7}
    path = records.write(sets["new"], records.QUESTIONS, tmp_path / "new.parquet")
    loaded = questions.load("new", QuestionSet(source="microworld", path=str(path)))
    assert len(loaded) == len(table) and loaded["answers"].tolist()[1] == []
