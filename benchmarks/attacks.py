"""What came of the faults and bad inputs that were tried: ``python benchmarks/attacks.py``.

Counts the cases of ``tests/data/hostile/attacks.csv`` by what came of them in the first attempt and what comes of them
now, and writes ``benchmarks/attacks.csv``.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

HERE = Path(__file__).resolve().parent
TRIED = HERE.parent / "tests" / "data" / "hostile" / "attacks.csv"
VERDICTS = ["ok", "weak", "bad", "not tried", "not tried again"]


def cases(text: str) -> int:
    """How many cases a row stands for: one, two with a comma between, or a range."""
    total = 0
    for part in text.split(", "):
        first, _, last = part.partition("–")
        numbers = [int(re.sub(r"\D", "", one)) for one in (first, last) if one]
        total += numbers[-1] - numbers[0] + 1
    return total


def counts(table: pd.DataFrame) -> pd.DataFrame:
    """Cases by what came of them then (rows) and now (columns)."""
    wide = table.assign(cases=table["case"].map(cases)).pivot_table(
        index="then", columns="now", values="cases", aggfunc="sum", fill_value=0
    )
    rows = [verdict for verdict in VERDICTS if verdict in wide.index]
    columns = [verdict for verdict in VERDICTS if verdict in wide.columns]
    return wide.loc[rows, columns].astype(int).rename_axis(columns=None).reset_index()


if __name__ == "__main__":
    table = counts(pd.read_csv(TRIED, keep_default_na=False))
    table.to_csv(HERE / "attacks.csv", index=False)
    print(table.to_string(index=False))
