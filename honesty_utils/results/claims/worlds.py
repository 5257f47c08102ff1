"""Findings over several worlds: in how many each holds, and what its rule says of means over worlds.

Two answers to two questions. *In single worlds*: each world has a verdict of its own, by the rules of a single run;
they are counted. *Over worlds*: the same rule, applied to means over worlds with intervals and paired tests by
Student's t over worlds (k - 1 degrees of freedom); this is the verdict. With fewer worlds than `LEAST` it is
"inconclusive", whatever the numbers (``Evidence.too_few``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from honesty_utils.common.records import atomic
from honesty_utils.results.claims.evidence import Evidence
from honesty_utils.results.claims.parts import LEAST, Verdict
from honesty_utils.results.claims.verdicts import judged
from honesty_utils.results.origin import sentences
from honesty_utils.results.tables.layout import to_markdown


def over_worlds(single: Mapping[int, pd.DataFrame], evidence: Evidence) -> pd.DataFrame:
    """Verdicts over worlds, with the count of the verdicts in single worlds.

    Args:
        single: ``tab_claims`` of each world, by its seed.
        evidence: the main table and the tests over worlds.

    Returns:
        The columns of ``judged`` and, beside the verdict, ``worlds``: the count in words.
    """
    table = judged(evidence)
    # A world has one training of each method: of methods it says nothing by itself, of its own models it does.
    found = [[str(claims.set_index("number")["models"][n]) for claims in single.values()] for n in table["number"]]
    table.insert(table.columns.get_loc("verdict") + 1, "worlds", [counted(verdicts) for verdicts in found])
    return table


def counted(verdicts: Sequence[str]) -> str:
    """Verdicts of worlds in words, such as "reproduced in 6 of 8 worlds (partly in 1, reversed in 1)"."""
    number = len(verdicts)
    (first, count), *others = Counter(verdicts).most_common()
    text = f"{first} in {count} of {number} world{'s' * (number != 1)}"
    return text + (f" ({', '.join(f'{word} in {times}' for word, times in others)})" if others else "")


def markdown(claims: pd.DataFrame, run: str, foot: str) -> str:
    """The text of ``claims.md`` of several worlds.

    Args:
        claims: as `over_worlds` returns them.
        run: its name.
        foot: of which worlds they are (``origin.foot``).
    """
    table = claims[["number", "finding", "verdict", "worlds", "evidence", "paper"]].copy()
    table.columns = pd.Index(["#", "Finding", "Over worlds", "In single worlds", "Means over worlds", "Paper"])
    table["Over worlds"] = "**" + table["Over worlds"] + "**"
    rules = "\n".join(f"{row.number}. {row.rule}" for row in claims.itertuples())
    return (
        f"# The paper's findings over the worlds of `{run}`\n\n"
        f"{sentences(foot)}\n\n"
        "Percent: means over worlds with intervals by Student's t over worlds; differences are paired within a world, "
        "in percent points. The paper (LLaMA-2-Chat-13B) prints neither seeds nor intervals.\n\n"
        f"{to_markdown(table)}\n"
        "*Over worlds* is what a finding's rule says of these means and tests, *in single worlds* what it says of each "
        f"world's own models. Of fewer than {LEAST} worlds everything is {Verdict.INCONCLUSIVE}. The rules, fixed "
        "beforehand:\n\n"
        f"{rules}\n"
    )


def write_worlds(claims: pd.DataFrame, run: str, path: str | Path, foot: str) -> Path:
    """Write :func:`markdown` to ``path``; the file appears whole or not at all."""
    with atomic(path) as partial:
        partial.write_text(markdown(claims, run, foot), encoding="utf-8", newline="\n")
    return Path(path)
