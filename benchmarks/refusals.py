"""Precision and recall of refusal detectors on the labeled sample: ``python benchmarks/refusals.py``.

Signs of languages were written and the model was trained on the sample's part ``develop``; figures are of the part
``test``. With 95 % Wilson intervals, in ``benchmarks/``:

- ``refusals.csv``: a row a detector;
- ``refusals_by_family.csv``, ``refusals_by_language.csv``: some of them on the texts of each;
- ``refusals_parts.csv``: these on both parts, which says what was learned by heart;
- ``refusals_by_kind.csv``: the share of each kind of text that is called a refusal;
- ``refusals_verdicts.csv``: each of the three verdicts of the readings;
- ``refusals_paired.csv``: the trained model against the reading, text by text.

A detector is any function of question and response: one by a judge is one more entry of `detectors`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import pandas as pd
from scipy import stats

from honesty_utils import grading
from honesty_utils.grading import detection, learned
from honesty_utils.grading.detection import Detector, Reader
from honesty_utils.grading.languages import CODES, LANGUAGES

HERE = Path(__file__).resolve().parent
PAPER, FAMILY, LANGUAGE = "llama2 (the paper's)", "each family's own", "each language's own"
READ, LEARNED = f"reading, {LANGUAGE}", "trained on characters"
SOME = (PAPER, FAMILY, LANGUAGE, READ, LEARNED)

Signs = Callable[[str, str], tuple[str, ...]]
"""From a question and a response to the signs that are looked for in it."""


def by_signs(question: str, response: str, signs: Signs) -> bool:
    return grading.is_refusal(question, response, signs=signs(question, response))


def by_reading(question: str, response: str, signs: Signs) -> str:
    return grading.read_refusal(question, response, signs(question, response)).verdict


def by_verdict(question: str, response: str, reader: Reader) -> bool:
    return reader(question, response) == "refusal"


def own_signs(texts: pd.DataFrame, column: str, names: Mapping[str, str]) -> Signs:
    """The signs of a text's own family or language."""
    own = [grading.refusal_signs(names.get(value)) for value in texts[column]]
    known = dict(zip(_keys(texts), own, strict=True))
    return lambda question, response: known[question, response]


def readers(texts: pd.DataFrame) -> dict[str, Reader]:
    everything = grading.refusal_signs("all")
    return {
        "reading, all": partial(by_reading, signs=lambda question, response: everything),
        READ: partial(by_reading, signs=own_signs(texts, "language", CODES)),
        LEARNED: learned.reader(),
    }


def detectors(texts: pd.DataFrame, known: Mapping[str, Reader]) -> dict[str, Detector]:
    lists = {"trained sentence only": (), PAPER: grading.PAPER_SIGNS}
    lists |= {family: signs for family, signs in grading.FAMILIES.items() if family != "llama2"}
    lists |= {language: grading.refusal_signs(language) for language in LANGUAGES}
    lists["all"] = grading.refusal_signs("all")
    found: dict[str, Detector] = {
        name: partial(by_signs, signs=lambda question, response, signs=signs: signs) for name, signs in lists.items()
    }
    found[FAMILY] = partial(by_signs, signs=own_signs(texts, "family", {name: name for name in grading.FAMILIES}))
    found[LANGUAGE] = partial(by_signs, signs=own_signs(texts, "language", CODES))
    return found | {name: partial(by_verdict, reader=reader) for name, reader in known.items()}


def by_group(known: Mapping[str, Detector], texts: pd.DataFrame, column: str) -> pd.DataFrame:
    parts = [
        detection.measure(known, part).assign(**{column: name}) for name, part in texts.groupby(column, sort=False)
    ]
    table = pd.concat(parts, ignore_index=True)
    return table[[column, *table.columns.drop(column)]]


def both_parts() -> pd.DataFrame:
    """The same detectors on the part that they were made on and on the other."""
    tables = []
    for part in detection.PARTS:
        texts = detection.sample(part)
        known = detectors(texts, readers(texts))
        tables.append(detection.measure({name: known[name] for name in SOME}, texts).assign(part=part))
    table = pd.concat(tables, ignore_index=True)
    return table[["part", *table.columns.drop("part")]]


def paired(first: Detector, second: Detector, texts: pd.DataFrame) -> pd.DataFrame:
    """McNemar's exact test of two detectors on the texts that are a refusal or an answer."""
    clear = texts[texts["label"] != "undetermined"]
    refused = (clear["label"] == "refusal").tolist()
    right = [
        [detector(*pair) == label for pair, label in zip(_keys(clear), refused, strict=True)]
        for detector in (first, second)
    ]
    only = [sum(a and not b for a, b in zip(*order, strict=True)) for order in (right, right[::-1])]
    p_value = stats.binomtest(only[0], sum(only)).pvalue if sum(only) else 1.0
    row = {"texts": len(clear), "both_right": sum(map(all, zip(*right, strict=True)))}
    return pd.DataFrame([row | {f"only_{LEARNED}": only[0], f"only_{READ}": only[1], "p_value, 1e-4": 1e4 * p_value}])


def _keys(texts: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(texts["question"], texts["text"], strict=True))


if __name__ == "__main__":
    texts = detection.sample("test")
    verdicts = readers(texts)
    known = detectors(texts, verdicts)
    some = {name: known[name] for name in SOME}
    named = texts.assign(language=texts["language"].map(CODES))
    tables = {
        "refusals": detection.measure(known, texts),
        "refusals_by_kind": detection.by_kind(some | {"all": known["all"]}, texts),
        "refusals_by_family": by_group(some, texts, "family"),
        "refusals_by_language": by_group(some, named, "language"),
        "refusals_parts": both_parts(),
        "refusals_verdicts": detection.measure_verdicts(verdicts, texts),
        "refusals_paired": paired(known[LEARNED], known[READ], texts),
    }
    for name, table in tables.items():
        table.round(4).to_csv(HERE / f"{name}.csv", index=False)
        print(name, table.round(4).to_string(index=False), sep="\n", end="\n\n")
