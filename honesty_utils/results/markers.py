"""Numbers in README and docs, put there by a program: text between ``<!-- results:NAME -->`` and ``<!-- /results -->``.

NAME is one of

    RUN/tab_paper_main                                           a table, or claims, as its Markdown file has it
    RUN/tab_main:method=absolute,dataset=indist,metric=honesty   the score of one row: 81.0 % [79.4, 82.6]
    RUN/tab_sft:method=absolute@rows                             one cell of one row, as it stands
    RUN/tab_worlds:method=absolute,…@min%                        a fraction there, in percent: 56.6
    RUN/stages                                                   seconds of each stage, from the executed notebooks
    benchmarks/reproduce_microworld                              a table of benchmarks/, or as above one cell of it

Markers inside code (backticks, fences) are text and stay as they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from honesty_utils.common import paths, records
from honesty_utils.common.errors import HonestyError
from honesty_utils.results.tables import to_markdown

_MARKER = re.compile(r"(?P<open><!-- results:(?P<name>[^>]*?) -->)(?P<old>.*?)(?P<close><!-- /results -->)", re.DOTALL)
_LONE = re.compile(r"<!-- (?:results:[^>]*?|/results) -->")
_CODE = re.compile(r"^```.*?^```[^\n]*$|`[^`\n]*`", re.DOTALL | re.MULTILINE)


class ReportError(HonestyError, ValueError):
    """A marker that cannot be filled, or a run without results."""


def find_markers(text: str) -> list[str]:
    """Names of the markers of ``text`` in order, those inside code left out."""
    return [match["name"] for match in _MARKER.finditer(_hide_code(text))]


def fill_markers(path: str | Path, values: Mapping[str, str]) -> list[str]:
    """Put ``values`` between the markers of a Markdown file, in place and atomically.

    A value of several lines, or one whose marker stands on a line of its own, is put on lines of its own.

    Args:
        path: the file.
        values: marker name → text; names that the file does not have are ignored.

    Returns:
        Names whose text changed.

    Raises:
        ReportError: a marker without a value, or one that is not closed.
    """
    path = Path(path)
    text = path.read_text(encoding="utf-8")
    hidden = _hide_code(text)
    pieces, end, changed = [], 0, []
    for match in _MARKER.finditer(hidden):
        name, line = match["name"], text.count("\n", 0, match.start()) + 1
        if name not in values:
            raise ReportError(f"{path}, line {line}: no value for the marker {name!r}; there are: {sorted(values)}")
        if _LONE.search(match["old"]):
            raise ReportError(f"{path}, line {line}: marker {name!r} is not closed; end it with <!-- /results -->")
        old = text[match.start("old") : match.end("old")]
        new = f"\n{values[name].strip()}\n" if "\n" in values[name].strip() or "\n" in old else values[name].strip()
        if new != old:
            changed.append(name)
        pieces += [text[end : match.start("old")], new]
        end = match.end("old")
    lone = _LONE.search(_MARKER.sub(lambda match: " " * len(match[0]), hidden))
    if lone:
        line = text.count("\n", 0, lone.start()) + 1
        raise ReportError(f"{path}, line {line}: {lone[0]} has no other half; a marker ends with <!-- /results -->")
    if changed:
        with records.atomic(path) as partial:
            partial.write_text("".join([*pieces, text[end:]]), encoding="utf-8")
    return changed


def _hide_code(text: str) -> str:
    """``text`` with code blanked out, of the same length."""
    return _CODE.sub(lambda match: " " * len(match[0]), text)


def lookup(name: str) -> str:
    """Text for a marker of the forms that the module's docstring lists.

    Raises:
        ReportError: no such file, column or row, or more than one row.
    """
    run, _, item = name.partition("/")
    where, _, column = item.partition("@")
    table, _, condition = where.partition(":")
    if item == "stages":
        return to_markdown(stage_times(run))
    benchmark = run == "benchmarks"
    folder = paths.root() / run if benchmark else paths.Run(run).figures
    file = folder / (f"{table}.csv" if condition or benchmark else f"{table}.md")
    if not table or not file.is_file():
        there = sorted(path.stem for path in folder.glob("*.csv" if benchmark else "*.md"))
        raise ReportError(f"marker {name!r}: no {file.name or 'table'} of run {run!r}; there are: {['stages', *there]}")
    if not condition and benchmark:
        return to_markdown(pd.read_csv(file))
    if not condition:
        return file.read_text(encoding="utf-8").strip()
    row = _one_row(pd.read_csv(file), condition, name)
    return _cell(row, column, name) if column else _score(row, name)


def _one_row(table: pd.DataFrame, condition: str, name: str) -> pd.Series:
    found = table
    for pair in condition.split(","):
        column, _, value = pair.partition("=")
        if column not in table:
            raise ReportError(f"marker {name!r}: no column {column!r}; columns: {list(table.columns)}")
        try:
            wanted = float(value) if pd.api.types.is_numeric_dtype(table[column]) else value
        except ValueError:
            raise ReportError(f"marker {name!r}: {pair}: a number is needed there") from None
        found = found[found[column] == wanted]
    if len(found) != 1:
        raise ReportError(f"marker {name!r}: {len(found)} rows have {condition}; name a condition that one row meets")
    return found.iloc[0]


def _cell(row: pd.Series, column: str, name: str) -> str:
    column, percent = column.removesuffix("%"), column.endswith("%")
    if column not in row.index:
        raise ReportError(f"marker {name!r}: no column {column!r}; columns: {list(row.index)}")
    value = row[column]
    if isinstance(value, str):
        return value
    if percent:
        return f"{100 * float(value):.1f}"
    return f"{int(value):,}" if float(value).is_integer() else f"{value:.4g}"


def _score(row: pd.Series, name: str) -> str:
    if not {"value", "low", "high"} <= set(row.index):
        raise ReportError(f"marker {name!r}: the table has no value, low and high; say which column with @column")
    value, low, high = (100 * float(row[column]) for column in ("value", "low", "high"))
    return f"{value:.1f} % [{low:.1f}, {high:.1f}]"


def stage_times(run: str) -> pd.DataFrame:
    """Seconds of each stage, from the executed notebooks of a run.

    Returns:
        ``stage``, ``notebooks`` (how many were executed), ``seconds`` (their sum), ``longest``.

    Raises:
        ReportError: there is no executed notebook.
    """
    folder = paths.Run(run).folder
    rows = []
    for path in sorted(folder.rglob("*.ipynb")):
        stage = re.search(r"\d\d_[a-z]+", str(path.relative_to(folder)))
        timing = json.loads(path.read_text(encoding="utf-8"))["metadata"].get("papermill", {})
        if stage and timing.get("duration") is not None:
            rows.append((stage[0], float(timing["duration"])))
    if not rows:
        raise ReportError(f"{folder}: no executed notebook with its duration; run the pipeline for {run!r} first")
    table = pd.DataFrame(rows, columns=["stage", "seconds"]).groupby("stage")["seconds"]
    return table.agg(notebooks="count", seconds="sum", longest="max").round(1).reset_index()
