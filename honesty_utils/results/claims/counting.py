"""Verdicts and parts counted over worlds (or runs), from the saved table of parts alone."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from honesty_utils.results.claims.findings import FINDINGS
from honesty_utils.results.claims.parts import Outcome, Verdict, follows


def verdicts_of(parts: pd.DataFrame) -> dict[int, Verdict]:
    """The verdict on the models of one run, by number of the finding.

    Args:
        parts: ``tab_claim_parts``; a finding without a row is not testable.
    """
    found = {finding.number: Verdict.NOT_TESTABLE for finding in FINDINGS}
    for number, rows in parts.groupby("number"):
        pairs = zip(map(Outcome, rows["outcome"]), rows["core"].astype(bool), strict=True)
        found[int(str(number))] = follows(pairs)
    return found


def count(runs: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    """In how many worlds each finding has which verdict.

    Args:
        runs: ``tab_claim_parts`` of each world, by its seed.

    Returns:
        ``number, finding, worlds`` and a column a verdict: a row a finding.

    Raises:
        ValueError: no worlds.
    """
    if not runs:
        raise ValueError("no worlds to count; give the parts of at least one")
    verdicts = [verdicts_of(parts) for parts in runs.values()]
    rows = []
    for finding in FINDINGS:
        here = [found[finding.number] for found in verdicts]
        rows.append((finding.number, finding.claim, len(here), *(here.count(verdict) for verdict in Verdict)))
    return pd.DataFrame(rows, columns=["number", "finding", "worlds", *(verdict.value for verdict in Verdict)])


def count_parts(runs: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    """In how many worlds each part of a rule has which outcome.

    Args:
        runs: as for `count`.

    Returns:
        ``number, part, core, worlds, holds, reversed, open``: a row a part, in the order of the rules; ``worlds`` are
        those in which it could be tested.

    Raises:
        ValueError: no worlds.
    """
    if not runs:
        raise ValueError("no worlds to count; give the parts of at least one")
    together = pd.concat(list(runs.values()), ignore_index=True)
    keys = ["number", "part", "core"]
    rows = []
    for key, here in together.groupby(keys, sort=False):
        outcomes = here["outcome"].tolist()
        rows.append((*key, len(outcomes), *(outcomes.count(outcome.value) for outcome in Outcome)))
    columns = [*keys, "worlds", *(outcome.value for outcome in Outcome)]
    return pd.DataFrame(rows, columns=columns).sort_values("number", kind="stable", ignore_index=True)
