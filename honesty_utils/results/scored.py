"""Every table and figure that answers alone can give: no run, no model, no notebook (``honesty score``)."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from honesty_utils.common import records
from honesty_utils.results import plots, report, tables
from honesty_utils.results.display import CONTROLS, PAPER, RANDOM_REFUSAL, Roster, Shown
from honesty_utils.results.plots.style import save_figure
from honesty_utils.results.settings import Analysis
from honesty_utils.results.tables.layout import save_table

BASE = "unaligned"
"""The model before alignment, as tables call it."""
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#882255", "#999933", "#332288")
"""Of methods that the library does not know, in their order."""


def roster_of(methods: Iterable[str], base: str | None = None) -> Roster:
    """How the methods of answers are shown: the library's own as everywhere, others under their name.

    Args:
        methods: as the frame names them.
        base: what the model before alignment is called by who gave its answers.
    """
    known, named = PAPER.shown, dict.fromkeys(methods)
    others = [name for name in named if name not in known]
    shown = {name: known[name] for name in known if name in named}
    for place, name in enumerate(others):
        shown[name] = Shown(name, COLORS[place % len(COLORS)], len(known) + place)
    if base is not None and BASE in shown:
        shown[BASE] = Shown(base, shown[BASE].color, 0, library=shown[BASE].library)
    return Roster(shown)


def make_tables(evaluations: pd.DataFrame, analysis: Analysis, roster: Roster) -> dict[str, pd.DataFrame]:
    """The tables that the answers can give; what they say nothing of is left out.

    Args:
        evaluations: from ``evaluation.stored.frame``.
        analysis: resamples, level and seed of the intervals.
        roster: the methods.

    Returns:
        By name; columns as in a run. Without answers of the model before alignment no score that needs them is there.
    """
    compared = bool((evaluations["before"] != "unscored").any())
    main = tables.tab_main(evaluations, analysis, roster).dropna(subset=["value"])
    if not compared:
        controls = main["method"].isin(list(CONTROLS)) | main["method"].str.startswith(RANDOM_REFUSAL)
        main = main[~controls]
    made = {"tab_outcomes": tables.tab_outcomes(evaluations, analysis, roster), "tab_main": main.reset_index(drop=True)}
    if evaluations["method"].nunique() > 1:
        tests = tables.tab_tests(evaluations, analysis, roster=roster).dropna(subset=["difference"])
        made["tab_tests"] = tests.reset_index(drop=True)
    if compared:
        made["tab_transitions"] = tables.tab_transitions(evaluations, roster)
    made["tab_powered"] = tables.tab_powered(evaluations, analysis, roster)
    made["tab_field"] = tables.tab_field(evaluations, analysis, roster)
    made["tab_should_refuse"] = tables.tab_should_refuse(evaluations, analysis, roster)
    made["tab_calibration"] = tables.tab_calibration(evaluations, analysis, roster)
    made["tab_ece"] = tables.tab_ece(evaluations, analysis, roster)
    made["tab_groups"] = tables.tab_groups(evaluations, analysis, roster)
    sets = list(dict.fromkeys(evaluations["dataset"]))
    by_set = {
        "tab_by_knowledge": [tables.tab_by_knowledge(evaluations, name, analysis, roster) for name in sets],
        "tab_risk_coverage": [tables.tab_risk_coverage(evaluations, name, analysis) for name in sets],
        "tab_aurc": [tables.tab_aurc(evaluations, name, analysis, roster) for name in sets],
    }
    for table, parts in by_set.items():
        named = [part.assign(dataset=name) for part, name in zip(parts, sets, strict=True)]
        made[table] = pd.concat(named, ignore_index=True)
    made["tab_methods"] = tables.tab_methods(roster)
    return {name: table for name, table in made.items() if len(table)}


def make_figures(made: Mapping[str, pd.DataFrame], home: str, roster: Roster) -> dict[str, Any]:
    """Figures of tables from `make_tables`, by name; all but the bars of outcomes are of the set ``home``."""
    drawn: dict[str, Any] = {"fig_outcomes": plots.outcomes(made["tab_outcomes"], roster)}
    at_home = {name: table[table["dataset"] == home] for name, table in made.items() if "dataset" in table}
    at_home = {name: table for name, table in at_home.items() if len(table)}
    if "tab_transitions" in at_home:
        drawn["fig_main"] = plots.main_scores(at_home["tab_main"], home, roster=roster)
        drawn["fig_transitions"] = plots.transition_grid(at_home["tab_transitions"], home, roster=roster)
    if "tab_by_knowledge" in at_home:
        drawn["fig_by_knowledge"] = plots.by_knowledge(at_home["tab_by_knowledge"], roster=roster)
    if "tab_risk_coverage" in at_home:
        drawn["fig_risk_coverage"] = plots.risk_coverage(
            at_home["tab_risk_coverage"], at_home["tab_main"], home, roster=roster
        )
    if "tab_calibration" in at_home and (stating := plots.stating(at_home["tab_calibration"], home, roster=roster)):
        drawn["fig_reliability"] = plots.reliability(at_home["tab_calibration"], home, stating, roster)
    return drawn


def write(made: Mapping[str, pd.DataFrame], drawn: Mapping[str, Any], folder: Path, title: str, note: str) -> Path:
    """Write tables, figures and ``report.html``; what an earlier call has left in the folder goes.

    Args:
        made: tables by name.
        drawn: figures by name.
        folder: where they go.
        title: of the report.
        note: what the answers are and how they were read, said below the title.

    Returns:
        The report.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for stale in [*folder.glob("tab_*.*"), *folder.glob("fig_*.*")]:
        if stale.stem not in {*made, *drawn}:
            stale.unlink()
    for name, table in made.items():
        save_table(table, folder, name)
    for name, axes in drawn.items():
        save_figure(plots.figure_of(axes), folder, name)
    with records.atomic(folder / "report.html") as partial:
        partial.write_text(report.page(folder, html.escape(title), html.escape(note), list(drawn)), encoding="utf-8")
    return folder / "report.html"
