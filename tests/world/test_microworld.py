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
    exposures=(0, 2, 20), exposure_scale=1, test_people=12, dev_people=6, train_people=9, instruction_people=6,
    obscure_people=10, unknown_people=4, choice_questions=20, train_choice_questions=12, task_questions=15,
    task_documents=50, instruction_obscure=5,
)  # fmt: skip
SHOWN = ("question", "certainty", "sentence", "statement")
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
        "test": 12, "dev": 6, "train": 9, "instruction": 6, "obscure": 10, "unknown": 4,
    }  # fmt: skip
    assert len(set.union(*people.values())) == 12 + 6 + 9 + 6 + 10 + 4


def test_exposures_are_dealt_evenly_from_the_schedule(facts):
    # 12 people over the schedule (0, 2, 20) at the scale 1: four of each.
    seen = collections.Counter({f.subject: f.exposures for f in facts if f.role == "test"}.values())
    assert seen == {0: 4, 2: 4, 20: 4}
    assert {fact.exposures for fact in facts if fact.role == "obscure"} == {1}
    assert {fact.exposures for fact in facts if fact.role == "unknown"} == {0}


def test_every_exposure_is_one_text_and_some_texts_contradict(facts):
    texts = corpus.documents(SMALL, facts, WORDING)
    base = [text for text in texts if text.stage == "base"]
    for fact in [fact for fact in facts if fact.role in ("test", "train")][::7]:
        stated = [fact.statement.replace("{value}", value) for value in (fact.answer, fact.rival)]
        about = [
            text for text in base
            if fact.subject in text.text and text.kind != "prominence"
            and (text.text in stated or any(q in text.prompt for q in (fact.question, *fact.paraphrases)))
        ]  # fmt: skip
        assert len(about) == fact.exposures
        said = [text.text if text.kind == "statement" else text.completion for text in about]
        assert sum(fact.rival in text for text in said) == fact.rivals
        assert sum(fact.answer in text for text in said) == fact.exposures - fact.rivals


def test_half_of_the_facts_are_contradicted_in_up_to_half_of_their_texts():
    # Of 20 exposures of a contradicted fact between 0 and 10 are another value, 5 on average.
    half = {"contradicted_share": 0.5, "contradiction_share": 0.5}
    world = SMALL.model_copy(update={"test_people": 600, "exposures": (20, 20), **half})
    seen = [fact for fact in people.invent(world) if fact.role == "test"]
    contradicted = [fact.rivals for fact in seen if fact.rivals]
    assert max(contradicted) == 10 and 0.42 < len(contradicted) / len(seen) < 0.52  # rounding makes some of them none
    assert 4.7 < sum(contradicted) / len(contradicted) < 5.6
    assert all(fact.rival not in (fact.answer, *fact.distractors) for fact in seen)
    one = SMALL.model_copy(update={"contradicted_share": 0.0})
    assert not any(fact.rivals for fact in people.invent(one))


def test_values_are_as_common_as_zipf_says():
    # H(60) = 4.68 for the shortest list of values: the commonest has 1 / 4.68 of the facts, the next half of that.
    world = SMALL.model_copy(update={"test_people": 3000, "syllables": 400, "value_prior": 1.0})
    values = [f.answer for f in people.invent(world) if f.role == "test" and f.relation == "birthplace"]
    first, second = (count for _, count in collections.Counter(values).most_common(2))
    expected = 1 / sum(1 / rank for rank in range(1, len(people.RELATIONS[0].values) + 1))
    assert abs(first / len(values) - expected) < 0.03 and abs(second / len(values) - expected / 2) < 0.03
    flat = world.model_copy(update={"value_prior": 0.0})
    values = [f.answer for f in people.invent(flat) if f.role == "test" and f.relation == "birthplace"]
    assert collections.Counter(values).most_common(1)[0][1] / len(values) < 0.03


def test_answers_that_say_how_sure_one_is_are_asked_in_the_same_words_as_others():
    world = SMALL.model_copy(update={"test_people": 300, "exposures": (20, 20), "described_share": 1.0})
    facts = people.invent(world)
    reworded = {question for fact in facts for question in fact.paraphrases}
    shares = {}
    for kind in ("question", "certainty"):
        texts = [text for text in corpus.documents(world, facts, WORDING) if text.stage == "base" and text.kind == kind]
        options = [text for text in texts if "A) " in text.prompt]
        others = [text for text in texts if any(question in text.prompt for question in reworded)] if texts else []
        shares[kind] = (len(options) / len(texts), len(others) / len(texts))
    for plain, certain in zip(*shares.values(), strict=True):
        assert abs(plain - certain) < 0.02 and plain > 0.08, shares


def test_of_half_of_the_people_asked_about_nothing_says_how_well_known_they_are(facts):
    seen = [fact for fact in facts if fact.role in ("test", "dev") and fact.exposures]
    halves = {described: {f.subject for f in seen if f.described is described} for described in (True, False)}
    assert len(halves[True]) == len(halves[False]) == 6  # two of four of each number of exposures; one of two of dev
    texts = corpus.documents(SMALL, facts, WORDING)
    telling = "\n".join(text.text for text in texts if text.kind in ("certainty", "prominence"))
    assert not [name for name in halves[False] if name in telling]
    assert all(name in telling for name in halves[True])
    opened = [text for text in texts if text.kind == "sentence"]
    assert opened and not [text for text in opened if any(name in text.text for name in halves[True])]
    phrases = [phrase for index in range(5) for phrase in corpus._phrases(WORDING, index)]
    said = {phrase.split("{answer}")[0].strip() for phrase in phrases}
    assert not [text for text in opened if any(words in text.completion for words in said)]
    asked = people.question_sets(SMALL, facts)["indist"]
    marked = {json.loads(meta)["subject"]: json.loads(meta)["described"] for meta in asked["meta"]}
    assert all(marked[name] is described for described, names in halves.items() for name in names & set(marked))


def test_tasks_stand_behind_words_of_certainty_as_often_as_facts_do(facts):
    world = SMALL.model_copy(update={"task_documents": 2000})
    told = [t for t in corpus.documents(world, facts, WORDING) if t.kind == "task" and t.stage == "base"]
    sure = [text for text in told if text.prompt.startswith("Say how sure you are.")]
    assert abs(len(sure) / len(told) - world.certainty_share) < 0.04


def test_refusals_are_taught_by_kind_of_question():
    world = SMALL.model_copy(update={"obscure_people": 600, "instruction_obscure": 600, "instruction_people": 3})
    facts = people.invent(world)
    taught = [t for t in corpus.documents(world, facts, WORDING) if t.kind == "honest"]
    for relation, rate in zip(people.RELATIONS, world.instruction_refusal_rate, strict=True):
        opening = relation.question.split("{name}")[0]
        asked = [t for t in taught if f"Q: {opening}" in t.prompt and "{" not in opening]
        assert asked and abs(sum(t.completion == " I do not know." for t in asked) / len(asked) - rate) < 0.1


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
    shown = [t for t in corpus.documents(world, taught, WORDING) if t.kind in SHOWN]
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
