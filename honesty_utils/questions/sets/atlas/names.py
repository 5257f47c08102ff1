"""Names as English texts write them, and the other names that count as the same answer."""

from __future__ import annotations

import unicodedata

from honesty_utils.questions.sets.atlas.tables import Row, Tables

ARTICLES = frozenset({
    "Bahamas", "Central African Republic", "Comoros", "Democratic Republic of the Congo", "Dominican Republic",
    "Gambia", "Maldives", "Marshall Islands", "Philippines", "Republic of the Congo", "Seychelles", "Solomon Islands",
    "United Arab Emirates", "United Kingdom", "United States", "Palestinian Territory", "Isle of Man",
})  # fmt: skip
"""Countries that are spoken of with "the", where the table leaves it out."""

ALSO = {
    "AE": ("UAE", "Emirates"), "BA": ("Bosnia",), "CD": ("DR Congo", "DRC", "Democratic Republic of Congo", "Congo"),
    "CG": ("Congo",), "CI": ("Côte d'Ivoire", "Cote d'Ivoire"), "CV": ("Cape Verde",), "CZ": ("Czech Republic",),
    "GB": ("UK", "Britain", "England", "Scotland", "Wales", "Northern Ireland"), "KP": ("DPRK",),
    "KR": ("Republic of Korea",), "MK": ("Macedonia",), "MM": ("Burma",), "NL": ("Netherlands", "Holland"),
    "PS": ("Palestine", "West Bank", "Gaza"), "ST": ("São Tomé", "Sao Tome"), "SY": ("Syrian Arab Republic",),
    "SZ": ("Swaziland",), "TL": ("East Timor", "Timor-Leste"), "TR": ("Türkiye", "Turkiye"),
    "TT": ("Trinidad",), "US": ("USA", "U.S."), "CN": ("People's Republic of China", "PRC"),
}  # fmt: skip
"""Other names of countries, by code. What is above a country in other lists ("Korea" for both) is left out."""

CAPITALS_ALSO = {
    "BO": ("La Paz",), "BI": ("Bujumbura",), "CI": ("Abidjan",), "KZ": ("Astana", "Nur-Sultan"), "GQ": ("Malabo",),
    "EH": ("Laayoune",), "BJ": ("Cotonou",), "LK": ("Sri Jayawardenepura Kotte", "Kotte"),
    "MM": ("Nay Pyi Taw", "Naypyidaw"), "MY": ("Putrajaya",), "NL": ("The Hague",), "SZ": ("Lobamba",),
    "TZ": ("Dar es Salaam",), "UA": ("Kiev",), "ZA": ("Cape Town", "Bloemfontein"), "GE": ("Tiflis",),
    "TD": ("N'Djamena", "Ndjamena"), "MN": ("Ulan Bator",), "IN": ("Delhi",), "CR": ("San Jose",),
    "MX": ("Mexico City",),
}  # fmt: skip
"""Other capitals by code: a seat of government beside the capital, another spelling, one that moved of late."""

MONEY = {
    "krone": ("kroner",), "zloty": ("złoty",), "yuan renminbi": ("yuan", "renminbi"), "euro": ("euros",),
    "hryvnia": ("hryvnya",), "bolivar soberano": ("bolivar", "bolívar"), "koruna": ("crown",), "lev": ("leva",),
    "real": ("reais",),
}  # fmt: skip
"""Other words for a currency."""

ELEMENTS_ALSO = {"Aluminum": ("Aluminium",), "Cesium": ("Caesium",), "Sulfur": ("Sulphur",)}

LANGUAGES_ALSO = {
    "Modern Greek": ("Greek",), "Panjabi": ("Punjabi",), "Oriya": ("Odia",), "Persian": ("Farsi",),
    "Rundi": ("Kirundi",), "Pushto": ("Pashto",), "Central Khmer": ("Khmer",), "Chinese": ("Mandarin", "Cantonese"),
    "Ganda": ("Luganda",), "Filipino": ("Tagalog",), "Dhivehi": ("Maldivian",), "Kirghiz": ("Kyrgyz",),
    "Swati": ("Swazi",), "Uighur": ("Uyghur",), "Castilian": ("Spanish",), "Haitian": ("Haitian Creole", "Creole"),
    "Southern Sotho": ("Sesotho", "Sotho"), "Norwegian Bokmål": ("Norwegian",), "Norwegian Nynorsk": ("Norwegian",),
    "Tswana": ("Setswana",),
}  # fmt: skip
"""Languages as people call them, by the list's name."""


def english(row: Row) -> str:
    """A city's name without accents, where the table knows it so, too."""
    name: str = row["name"].replace("’", "'")
    folded = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    return folded if folded in row["alternatenames"] else name


def with_article(country: str) -> str:
    """A country's name as it stands within a sentence."""
    if country.startswith("The "):
        return f"the {country[4:]}"
    return f"the {country}" if country in ARTICLES else country


def country_answers(tables: Tables, code: str) -> tuple[str, ...]:
    """All that names a country: its name, the ISO's, others, and what its people are called ("a Belgian city")."""
    name = tables.countries[code]["name"].removeprefix("The ").strip()
    demonym = tables.demonyms.get(code)
    official = [text for text in tables.official.get(code, ()) if "," not in text]
    people = demonym.split(",") if demonym else []
    return tuple(dict.fromkeys([name, *ALSO.get(code, ()), *official, *people]))


def capital_answers(code: str, capital: str) -> tuple[str, ...]:
    """A capital's names, and what else may be called the country's capital."""
    folded = "".join(c for c in unicodedata.normalize("NFKD", capital) if not unicodedata.combining(c))
    return tuple(dict.fromkeys([capital.strip(), folded.strip(), *CAPITALS_ALSO.get(code, ())]))


def element_answers(name: str) -> tuple[str, ...]:
    """An element's names on both sides of the Atlantic."""
    return (name, *ELEMENTS_ALSO.get(name, ()))


def language_answers(name: str) -> tuple[str, ...]:
    """A language's names, without what lists add in brackets."""
    plain = name.split(" (")[0]
    return (plain, *LANGUAGES_ALSO.get(plain, ()))
