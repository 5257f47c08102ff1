"""Precision and recall of refusal detectors on the labelled sample: ``python benchmarks/refusals.py``.

Writes ``benchmarks/refusals.csv`` (a row a detector, with 95 % Wilson intervals), ``refusals_by_kind.csv`` (share of
each kind of text that it calls a refusal) and ``refusals_by_family.csv`` (the first on each family's texts). A detector
is any function of question and response: one by a judge is one more entry of `detectors`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pandas as pd

from honesty_utils import grading
from honesty_utils.grading import detection
from honesty_utils.grading.detection import Detector

HERE = Path(__file__).resolve().parent


def by_signs(question: str, response: str, signs: tuple[str, ...]) -> bool:
    return grading.is_refusal(question, response, signs=signs)


def by_own_signs(question: str, response: str, family_of: Mapping[tuple[str, str], str]) -> bool:
    family = family_of[question, response]
    return by_signs(question, response, grading.refusal_signs(None if family == "trained" else family))


def detectors(texts: pd.DataFrame) -> dict[str, Detector]:
    lists = {"trained sentence only": (), "llama2 (the paper's)": grading.PAPER_SIGNS}
    lists |= {family: signs for family, signs in grading.FAMILIES.items() if family != "llama2"}
    lists["all"] = grading.refusal_signs("all")
    family_of = dict(zip(zip(texts["question"], texts["text"], strict=True), texts["family"], strict=True))
    known: dict[str, Detector] = {name: partial(by_signs, signs=signs) for name, signs in lists.items()}
    return {**known, "each family's own": partial(by_own_signs, family_of=family_of)}


def by_family(known: Mapping[str, Detector], texts: pd.DataFrame) -> pd.DataFrame:
    parts = [
        detection.measure(known, part).assign(family=family) for family, part in texts.groupby("family", sort=False)
    ]
    table = pd.concat(parts, ignore_index=True)
    return table[["family", *table.columns.drop("family")]]


if __name__ == "__main__":
    texts = detection.sample()
    known = detectors(texts)
    table = detection.measure(known, texts).round(4)
    table.to_csv(HERE / "refusals.csv", index=False)
    kinds = detection.by_kind(known, texts).round(4)
    kinds.to_csv(HERE / "refusals_by_kind.csv", index=False)
    families = by_family({name: known[name] for name in ("llama2 (the paper's)", "each family's own")}, texts).round(4)
    families.to_csv(HERE / "refusals_by_family.csv", index=False)
    print(*(frame.to_string(index=False) for frame in (table, kinds, families)), sep="\n\n")
