"""Several runs side by side: the paper's tables of sizes and of other families."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from honesty_utils.results import display
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.tables.layout import FOUR, format_score

FINDINGS = ["number", "finding", "run", "verdict", "evidence"]
PUBLISHED = "paper"
"""In the place of a run: what the paper prints."""
COLUMNS = ["run", "method", "dataset", "metric", "value", "low", "high", "seeds", "questions"]


def tab_runs(mains: Mapping[str, pd.DataFrame], datasets: Mapping[str, str], roster: Roster = PAPER) -> pd.DataFrame:
    """The four scores of every method in every run, in distribution.

    Runs ask different questions as a rule (each trains on its own and may keep its own), so that nothing is paired: two
    runs differ where their intervals are apart.

    Args:
        mains: the main table of each run, by a name to show; their order is kept.
        datasets: each run's set in distribution.
        roster: the methods of all runs.

    Returns:
        ``run`` and the columns of the main table; controls and sweep points are left out.

    Raises:
        ValueError: a run without its set, or with none that ``mains`` has.
    """
    tables = []
    for run, main in mains.items():
        if datasets.get(run) not in set(main["dataset"]):
            raise ValueError(
                f"run {run!r}: has no set {datasets.get(run)!r}; name one of {sorted(main['dataset'].unique())}"
            )
        chosen = main["dataset"].eq(datasets[run]) & main["metric"].isin(FOUR)
        rows = main[chosen & main["method"].isin(roster.main(main["method"]))]
        tables.append(rows.assign(run=run))
    if not tables:
        raise ValueError("no run; name at least one")
    return pd.concat(tables, ignore_index=True)[COLUMNS]


def printed_runs(table: pd.DataFrame, roster: Roster = PAPER) -> pd.DataFrame:
    """`tab_runs` as the paper prints it: run and method against the scores, percent with intervals."""
    rows = []
    for (run, method), scores in table.groupby(["run", "method"], sort=False):
        cells = {row.metric: format_score(row.value, row.low, row.high) for row in scores.itertuples()}
        shown = {display.METRICS[metric]: cells.get(metric, "–") for metric in FOUR}
        rows.append({"Run": run, "Method": roster.label(str(method)), **shown})
    return pd.DataFrame(rows)


def tab_findings(verdicts: Mapping[str, pd.DataFrame], published: Mapping[int, str]) -> pd.DataFrame:
    """The paper's findings in every run, and what the paper prints.

    Args:
        verdicts: table of verdicts of each run, as ``tab_claims`` or ``tab_worlds_claims`` has them.
        published: what the paper prints, by number of the finding.

    Returns:
        ``number, finding, run, verdict, evidence``: a row a finding and run, and one of ``run`` "paper" without a
        verdict.
    """
    rows = [table.assign(run=run)[FINDINGS] for run, table in verdicts.items()]
    if not rows:
        return pd.DataFrame(columns=FINDINGS)
    once = pd.concat(rows).drop_duplicates("number")
    paper = once.assign(run=PUBLISHED, verdict="", evidence=once["number"].map(published))
    return pd.concat([*rows, paper]).sort_values("number", kind="stable", ignore_index=True)


def printed_findings(table: pd.DataFrame) -> pd.DataFrame:
    """`tab_findings` to be read: a finding against the verdict in each run, and what the paper prints."""
    rows = []
    for (number, finding), part in table.groupby(["number", "finding"], sort=False):
        told = part.set_index("run")
        runs = {str(run): told.loc[run, "verdict"] for run in told.index if run != PUBLISHED}
        rows.append(
            {"#": number, "Finding": finding, **runs, "Paper (LLaMA-2-Chat-13B)": told.loc[PUBLISHED, "evidence"]}
        )
    return pd.DataFrame(rows)
