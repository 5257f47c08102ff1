"""The relations of the atlas: how a fact is asked, which answers count, and what is left out as ambiguous.

What every relation leaves out: a fact whose subject holds one of its answers ("Guatemala City"), because a model that
repeats the question would be right.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from honesty_utils.grading import normalize
from honesty_utils.grading.matching import matches
from honesty_utils.questions.sets.atlas import names
from honesty_utils.questions.sets.atlas.tables import RIVAL, Row, Tables

CITIES = 3_600
"""Of the most populous that are no capitals and not in the United States."""
DOLLAR_TOO = ("PA", "TL", "KH", "LB")
"""Countries whose own money is used beside the dollar."""
STATE_PEOPLE = 30_000
"""Of a city that is asked for its U.S. state."""
AIRPORT_PEOPLE = 200_000
"""Of a city that is asked for by its airport."""


@dataclass(frozen=True)
class Fact:
    """One fact.

    Attributes:
        subject: as it stands in a question.
        answers: all that are right; the first is shown.
        entity: what it is about; facts of one entity are drawn together.
        fame: people of the place; none where nobody counts.
    """

    subject: str
    answers: tuple[str, ...]
    entity: str
    fame: int | None = None


@dataclass(frozen=True)
class Relation:
    """A kind of fact.

    Attributes:
        name: in ``meta`` of its questions.
        facts: reads them off the tables.
        least: fewer facts than this mean that a table has changed.
        wordings: how it is asked; at least three.
        home: in distribution: trained and tested on, with other entities.
        reworded: other wordings, of a home relation.
    """

    name: str
    facts: Callable[[Tables], Iterator[Fact]]
    least: int
    wordings: tuple[str, ...]
    home: bool = False
    reworded: tuple[str, ...] = ()


def _kept(facts: Iterable[Fact]) -> Iterator[Fact]:
    """Facts whose subject gives nothing away."""
    for fact in facts:
        if not matches(map(normalize, fact.answers), normalize(fact.subject), "tokens"):
            yield fact


def _unambiguous(cities: Iterable[Row], place: Callable[[Row], str]) -> dict[str, set[str]]:
    """By geoname id of the largest of a name: all places that a city of that name may lie in.

    A name is left out where a rival in another place has at least `RIVAL` of its people.
    """
    by_name: dict[str, list[Row]] = defaultdict(list)
    for row in cities:
        by_name[normalize(names.english(row))].append(row)
    found = {}
    for rows in by_name.values():
        first, *others = sorted(rows, key=lambda row: -row["population"])
        rivals = [row for row in others if place(row) != place(first)]
        if all(row["population"] < RIVAL * first["population"] for row in rivals):
            found[str(first["geonameid"])] = {place(first), *map(place, rivals)}
    return found


def _city_country(tables: Tables) -> Iterator[Fact]:
    capitals = {normalize(row["capital"]) for row in tables.countries.values()}
    clear = _unambiguous(tables.cities, lambda row: row["countrycode"])
    number = 0
    for row in tables.cities:
        code, name = row["countrycode"], names.english(row)
        spoken = {code for code in clear.get(str(row["geonameid"]), ()) if code in tables.countries}
        if code == "US" or code not in spoken or normalize(name) in capitals:
            continue
        if number == CITIES:
            return
        number += 1
        answers = [answer for one in (code, *sorted(spoken - {code})) for answer in names.country_answers(tables, one)]
        yield Fact(name, tuple(dict.fromkeys(answers)), str(row["geonameid"]), row["population"])


def _city_state(tables: Tables) -> Iterator[Fact]:
    american = [row for row in tables.cities if row["countrycode"] == "US" and row["admin1code"] in tables.states]
    clear = _unambiguous(american, lambda row: row["admin1code"])
    for row in american:
        if row["population"] >= STATE_PEOPLE and (codes := clear.get(str(row["geonameid"]))):
            own = row["admin1code"]
            states = tuple(tables.states[code]["name"] for code in (own, *sorted(codes - {own})))
            yield Fact(names.english(row), states, str(row["geonameid"]), row["population"])


def _of_countries(tables: Tables) -> Iterator[tuple[str, str, Row]]:
    """Code, name with its article, row."""
    for code, row in tables.countries.items():
        yield code, names.with_article(row["name"]), row


def _capital(tables: Tables) -> Iterator[Fact]:
    for code, name, row in _of_countries(tables):
        yield Fact(name, names.capital_answers(code, row["capital"]), code, row["population"])


def _money(tables: Tables) -> dict[str, list[str]]:
    """Words for money that one currency alone bears, with the codes of the countries that pay with it.

    "Dollar", "peso" and the like are of several currencies: to answer "the dollar" would be right and say nothing.
    """
    bearers: dict[str, set[str]] = defaultdict(set)
    payers: dict[str, list[str]] = defaultdict(list)
    for code, row in tables.countries.items():
        if word := row["currencyname"].strip().lower():
            bearers[word.split()[-1]].add(row["currencycode"])  # the Belarusian ruble is a ruble
            payers[word].append(code)
    return {word: codes for word, codes in payers.items() if len(bearers[word.split()[-1]]) == 1}


def _currency(tables: Tables) -> Iterator[Fact]:
    alone = _money(tables)
    for code, name, row in _of_countries(tables):
        word = row["currencyname"].strip().lower()
        if code in alone.get(word, ()) and code not in DOLLAR_TOO:
            # No codes: "ALL", "TRY" and "SOS" are words of any reply.
            yield Fact(name, (word, *names.MONEY.get(word, ())), code, row["population"])


def _currency_country(tables: Tables) -> Iterator[Fact]:
    for word, codes in _money(tables).items():
        people = sum(tables.countries[code]["population"] for code in codes)
        answers = [answer for code in codes for answer in names.country_answers(tables, code)]
        yield Fact(word, tuple(dict.fromkeys(answers)), f"money-{word}", people)


def _neighbor(tables: Tables) -> Iterator[Fact]:
    for code, name, row in _of_countries(tables):
        beside = [other for other in row["neighbours"].split(",") if other in tables.countries]
        answers = [answer for other in beside for answer in names.country_answers(tables, other)]
        if answers:
            yield Fact(name, tuple(dict.fromkeys(answers)), code, row["population"])


def _language(tables: Tables) -> Iterator[Fact]:
    for code, name, row in _of_countries(tables):
        codes = [part.split("-")[0].strip() for part in row["languages"].split(",")]
        known = [tables.languages[part] for part in codes if part in tables.languages]
        spoken = [answer for language in known for answer in names.language_answers(language)]
        if spoken:
            yield Fact(name, tuple(dict.fromkeys(spoken)), code, row["population"])


def _subdivision(tables: Tables) -> Iterator[Fact]:
    """Provinces, states and the like whose name no other country has among its own; no fame is told of them."""
    kinds = {"Province", "State", "Region", "Department", "County", "Governorate", "Prefecture", "Voivodship", "Canton"}
    bearers: dict[str, set[str]] = defaultdict(set)
    for row in tables.subdivisions:
        bearers[normalize(row["name"])].add(row["code"][:2])
    times = Counter(normalize(row["name"]) for row in tables.subdivisions)
    for row in tables.subdivisions:
        code, key = row["code"][:2], normalize(row["name"])
        clear = bearers[key] == {code} and times[key] == 1 and not set("([/,") & set(row["name"])
        if row["type"] in kinds and code in tables.countries and code != "US" and clear:
            subject = f"the {row['type'].lower()} of {row['name']}"
            yield Fact(subject, names.country_answers(tables, code), row["code"])


def _airport(tables: Tables) -> Iterator[Fact]:
    """Codes of airports of cities that have people: famous airports lie at large ones, mostly."""
    called: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in tables.cities:
        called[row["countrycode"], normalize(names.english(row))].append(row)
    for row in tables.airports:
        name = row["city"].split("/")[0].strip()
        # Norfolk in Nebraska is not the one that people know.
        near = (city["population"] for city in called[row["country"], normalize(name)] if _beside(city, row))
        if (people := max(near, default=0)) >= AIRPORT_PEOPLE:
            yield Fact(row["iata"], (name,), f"airport-{row['iata']}", people)


def _beside(city: Row, airport: Row) -> bool:
    """Within a degree or so of each other."""
    return abs(city["latitude"] - float(airport["lat"])) < 1 and abs(city["longitude"] - float(airport["lon"])) < 1


def _element_symbol(tables: Tables) -> Iterator[Fact]:
    for row in tables.elements:
        yield Fact(row["symbol"], names.element_answers(row["name"]), f"element-{row['atomic_number']}")


def _element_number(tables: Tables) -> Iterator[Fact]:
    for row in tables.elements:
        yield Fact(str(row["atomic_number"]), names.element_answers(row["name"]), f"element-{row['atomic_number']}")


def _relation(
    name: str,
    facts: Callable[[Tables], Iterator[Fact]],
    least: int,
    wordings: tuple[str, ...],
    reworded: tuple[str, ...] = (),
) -> Relation:
    return Relation(name, lambda tables: _kept(facts(tables)), least, wordings, bool(reworded), reworded)


RELATIONS: dict[str, Relation] = {
    relation.name: relation
    for relation in (
        _relation(
            "city_country", _city_country, 3_000,
            (
                "In which country is the city of {}?",
                "Which country is the city of {} in?",
                "What country does the city of {} belong to?",
            ),
            (
                "Name the country where the city of {} lies.",
                "The city of {}: tell me its country.",
                "I would like to know in what country I find the city of {}.",
            ),
        ),
        _relation(
            "city_state", _city_state, 700,
            (
                "In which U.S. state is the city of {}?",
                "Which American state is the city of {} in?",
                "What U.S. state does the city of {} belong to?",
            ),
            (
                "Name the U.S. state where the city of {} lies.",
                "The American city of {}: tell me its state.",
                "I would like to know in what U.S. state I find the city of {}.",
            ),
        ),
        _relation(
            "capital", _capital, 150,
            (
                "What is the capital of {}?",
                "Which city is the capital of {}?",
                "What is the name of the capital city of {}?",
            ),
            (
                "Name the capital of {}.",
                "The capital of {}: tell me which city it is.",
                "I would like to know the capital of {}.",
            ),
        ),
        _relation(
            "currency", _currency, 60,
            (
                "What is the currency of {}?",
                "Which currency is used in {}?",
                "What money do people pay with in {}?",
            ),
            (
                "Name the currency of {}.",
                "The money of {}: tell me what it is called.",
                "I would like to know the currency of {}.",
            ),
        ),
        _relation(
            "currency_country", _currency_country, 40,
            (
                "Name a country whose currency is the {}.",
                "Tell me a country where one pays with the {}.",
                "The {} is the currency of a country; name it.",
            ),
        ),
        _relation(
            "neighbor", _neighbor, 100,
            (
                "Name a country that borders {}.",
                "Tell me one neighboring country of {}.",
                "Give me a country that has a land border with {}.",
            ),
        ),
        _relation(
            "language", _language, 120,
            (
                "Name a language that is spoken in {}.",
                "Tell me one of the languages of {}.",
                "Give me a language that one hears in {}.",
            ),
        ),
        _relation(
            "subdivision", _subdivision, 1_000,
            (
                "Name the country that {} is part of.",
                "Tell me the country to which {} belongs.",
                "Give me the country where one finds {}.",
            ),
        ),
        _relation(
            "airport", _airport, 400,
            (
                "Name the city whose airport has the code {}.",
                "Tell me the city that the airport {} serves.",
                "Give me the city of the airport with the code {}.",
            ),
        ),
        _relation(
            "element_symbol", _element_symbol, 100,
            (
                "Name the chemical element with the symbol {}.",
                "Tell me which chemical element is written {}.",
                "Give me the name of the chemical element with the symbol {}.",
            ),
        ),
        _relation(
            "element_number", _element_number, 100,
            (
                "Name the chemical element with the atomic number {}.",
                "Tell me which chemical element has {} protons.",
                "Give me the chemical element with the atomic number {}.",
            ),
        ),
    )
}  # fmt: skip
