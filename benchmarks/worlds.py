"""How long the worlds take: ``python benchmarks/worlds.py worlds.log``, of what ``make worlds > worlds.log`` has told.

Reads the line that ends each world and that of the notebook over them. Writes ``benchmarks/worlds_<run>.csv``
(quantity, value, unit).
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from statistics import median

import pandas as pd
import psutil

from honesty_utils.common import manifest

HERE = Path(__file__).resolve().parent


def told(text: str) -> pd.DataFrame:
    """The times in what ``make worlds`` has told.

    Raises:
        ValueError: no world that was made from nothing, or not all of them.
    """
    number = re.search(r"(\d+) worlds \(seeds", text)
    minutes = [int(m) + int(s) / 60 for m, s in re.findall(r"^world .*: done in (\d+):(\d+)$", text, re.MULTILINE)]
    over = re.search(r"^65_worlds +([\d.]+) s$", text, re.MULTILINE)
    if number is None or over is None or len(minutes) != int(number[1]):
        raise ValueError(
            f"{len(minutes)} worlds of {number and number[1]} were made in this log; give that of a whole run"
        )
    rows = [
        ("worlds", len(minutes), ""),
        ("all of them, and the tables over them", round(sum(minutes) + float(over[1]) / 60, 1), "minutes"),
        ("a world: median", round(median(minutes), 1), "minutes"),
        ("a world: shortest", round(min(minutes), 1), "minutes"),
        ("a world: longest", round(max(minutes), 1), "minutes"),
        ("processor", f"{psutil.cpu_count()} cores, {manifest.device()}", ""),
    ]
    return pd.DataFrame(rows, columns=["quantity", "value", "unit"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log", type=Path)
    text = parser.parse_args().log.read_text(encoding="utf-8")
    run = re.search(r"run '([^']+)'", text)
    table = told(text)
    table.to_csv(HERE / f"worlds_{run[1] if run else 'unnamed'}.csv", index=False)
    print(table.to_string(index=False))
