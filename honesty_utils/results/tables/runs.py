"""Several runs side by side: the paper's tables of sizes and of other families."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from honesty_utils.results import display
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.tables.layout import FOUR, format_score

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
