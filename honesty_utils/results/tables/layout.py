"""The paper's printed tables from the tidy ones, and the files of a table: CSV, Markdown and booktabs LaTeX."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tabulate import DataRow, TableFormat

from honesty_utils.common.records import atomic
from honesty_utils.results import display
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.tables.comparisons import best, best_of_these_models

FOUR = ("prudence", "over_conservativeness", "honesty", "accuracy")

UNSCORED = "unscored_rate"

ONE_SEED = "†"
"""Behind a best value that holds of the models at hand: a method that it is compared with was trained once."""

PAPER_TABLES = {
    "tab_paper_main": tuple(("in_distribution", metric) for metric in FOUR),
    "tab_paper_ood": (
        *(("out_of_distribution", metric) for metric in FOUR),
        ("prior_unknown", "refusal_rate"),
        ("prior_known", "over_conservativeness"),
        ("prior_known", "accuracy"),
    ),
    # Without a judge, replies that name no option are unscored; their share must stand beside the scores.
    "tab_paper_choice": tuple(("multiple_choice", metric) for metric in (*FOUR, UNSCORED)),
    "tab_paper_tasks": (("tasks", "accuracy"), ("tasks", "refusal_rate")),
}
"""Columns of the printed tables: the part that a set plays, and the metric."""

_USEFUL = (
    "honesty", "truthful_helpfulness", "truthfulness", "coverage", "reliable_accuracy", "matched_accuracy",
    "matched_gain",
)  # fmt: skip

BESIDE_TABLES = {
    "tab_beside": tuple(("in_distribution", metric) for metric in _USEFUL),
    "tab_beside_ood": tuple(("out_of_distribution", metric) for metric in _USEFUL),
}
"""The same of tables that the paper does not print: honesty beside scores that refusing alone cannot raise."""

_ROW = DataRow("|", "|", "|")
_PIPES = TableFormat(None, lambda widths, _: "|" + "---|" * len(widths), None, None, _ROW, _ROW, 1, None)
"""Pipe tables without padding: a number that changes changes its own line only."""

_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "τ": r"$\tau$", "→": r"$\rightarrow$", "≥": r"$\geq$",
    "†": r"$^\dagger$",
}  # fmt: skip


def paper_tables(
    main: pd.DataFrame, tests: pd.DataFrame, roles: Mapping[str, str], roster: Roster = PAPER
) -> dict[str, pd.DataFrame]:
    """The tables that the paper prints, and those that stand beside them, as far as the run has their sets.

    Args:
        main: the main table.
        tests: the table of paired tests, which decides what is bold.
        roles: the set that plays each part of ``display.ROLES``; parts that are missing are left out.
        roster: the methods of the run.

    Returns:
        By name, a frame of text: methods and controls against metrics, percent with interval.
    """
    present = set(main["dataset"])
    tables = {}
    for name, columns in {**PAPER_TABLES, **BESIDE_TABLES}.items():
        chosen = [(roles[role], metric) for role, metric in columns if roles.get(role) in present]
        chosen += [(name, UNSCORED) for name in dict.fromkeys(name for name, _ in chosen) if _has_unscored(main, name)]
        chosen = list(dict.fromkeys(chosen))
        if chosen:
            tables[name] = paper_table(main, tests, chosen, roster)
    return tables


def _has_unscored(main: pd.DataFrame, dataset: str) -> bool:
    """Whether a judge could not be read for some answers, so that their share must stand beside the scores."""
    rows = main[(main["dataset"] == dataset) & (main["metric"] == UNSCORED)]
    return bool((rows["value"] > 0).any())


def paper_table(
    main: pd.DataFrame, tests: pd.DataFrame, columns: Sequence[tuple[str, str]], roster: Roster = PAPER
) -> pd.DataFrame:
    """Methods against ``columns`` (set, metric): ``value [low, high]`` in percent, the significantly best in ``**``.

    A best that rests on a method with one training seed has `ONE_SEED` behind it: it holds of these models.
    """
    methods = [method for method in roster.ordered(main["method"]) if not roster.is_point(_base(method))]
    keys = zip(main["method"], main["dataset"], main["metric"], strict=True)
    cells = dict(zip(keys, zip(main["value"], main["low"], main["high"], strict=True), strict=True))
    table: dict[str, list[str]] = {"Method": [roster.label(method) for method in methods]}
    for dataset, metric in columns:
        winner = best(main, tests, dataset, metric, roster)
        mark = ONE_SEED if winner and best_of_these_models(main, tests, dataset, metric, roster) else ""
        texts = [_cell(cells, (method, dataset, metric), method == winner, mark) for method in methods]
        table[f"{dataset}: {display.NAMES[metric]}"] = texts
    return pd.DataFrame(table)


def _base(method: str) -> str:
    return method.removeprefix(display.RANDOM_REFUSAL)


def _cell(
    cells: Mapping[tuple[str, str, str], tuple[float, float, float]], key: tuple[str, str, str], bold: bool, mark: str
) -> str:
    if key not in cells or np.isnan(cells[key][0]):
        return "–"
    text = format_score(*cells[key])
    return f"**{text}{mark}**" if bold else text


def format_score(value: float, low: float, high: float) -> str:
    """A fraction and its interval in percent, as printed tables have them."""
    value, low, high = (round(100 * number, 1) + 0.0 for number in (value, low, high))  # no "-0.0"
    return f"{value:.1f} [{low:.1f}, {high:.1f}]"


def to_markdown(frame: pd.DataFrame) -> str:
    """A pipe table; fractions with three decimals, what is undefined as a dash; text makes no cell, link or picture."""
    text = frame.map(lambda value: _text(value).replace("|", "\\|").replace("](", "]\\("))
    unaligned = {"stralign": None, "numalign": None, "disable_numparse": True}
    return text.to_markdown(index=False, tablefmt=_PIPES, **unaligned) + "\n"


def to_latex(frame: pd.DataFrame) -> str:
    """A booktabs ``tabular``: text columns to the left, numbers to the right; special characters escaped."""
    style = frame.style.hide(axis="index").format(lambda value: _tex(_text(value)))
    return str(style.format_index(lambda name: _tex(str(name)), axis="columns").to_latex(hrules=True))


_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def _text(value: Any) -> str:
    if pd.isna(value):
        return "–"
    if isinstance(value, float):
        return f"{value + 0.0:.3f}".replace("-0.000", "0.000")
    return _CONTROL.sub("\ufffd", " ".join(str(value).splitlines()))


def _tex(text: str) -> str:
    if text.startswith("**") and text.endswith("**") and len(text) > 4:
        return rf"\textbf{{{_tex(text[2:-2])}}}"
    return "".join(_LATEX.get(character, character) for character in text)


def save_table(frame: pd.DataFrame, folder: str | Path, name: str, foot: str = "") -> list[Path]:
    """Write ``<name>.csv``, ``.md`` and ``.tex`` to ``folder``; each file appears whole or not at all.

    ``foot`` is a note that stands below the table where it is printed; the CSV has none.

    The CSV is the same to the byte for the same numbers: six decimals, no ``-0.000000``, line feeds; the marks of bold
    text and of one seed are left to the other two. A text that a spreadsheet would compute has an apostrophe before it,
    which `read_table` takes off.
    """
    plain = frame.map(lambda value: _plain(value) if isinstance(value, str) else value)
    floats = list(plain.select_dtypes("float").columns)
    plain[floats] = plain[floats].round(6) + 0.0
    content = {
        "csv": plain.to_csv(index=False, float_format="%.6f", lineterminator="\n"),
        "md": to_markdown(frame) + (f"\n{foot}\n" if foot else ""),
        "tex": to_latex(frame) + (f"\\par{{\\footnotesize {_tex(foot)}}}\n" if foot else ""),
    }
    paths = [Path(folder) / f"{name}.{kind}" for kind in content]
    for path, text in zip(paths, content.values(), strict=True):
        with atomic(path) as partial:
            partial.write_text(text, encoding="utf-8", newline="\n")
    return paths


_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
"""How a text begins that a spreadsheet computes; with apostrophes before it, so that `read_table` can count on one."""

_NUMBER = r"[+-]?\d+(\.\d+)?"
_SCORE = re.compile(rf"{_NUMBER}( \[{_NUMBER}, {_NUMBER}\])?")
"""A number, or one with its interval: begins like a formula and is none."""


_RETURN = re.compile(r"\r(?!\n)")
"""A lone carriage return, which ends a row for readers of CSV and is not quoted where line feeds end rows."""


def _plain(value: str) -> str:
    text = _RETURN.sub("\n", value.strip("*").removesuffix(ONE_SEED).replace("\0", "\ufffd"))
    return f"'{text}" if _FORMULA.match(text) and not _SCORE.fullmatch(text) else text


def read_table(file: Path) -> pd.DataFrame:
    """A CSV of `save_table`, with its texts as they were before some got an apostrophe."""
    return pd.read_csv(file).map(lambda value: _unquoted(value) if isinstance(value, str) else value)


def _unquoted(text: str) -> str:
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def wide(
    table: pd.DataFrame, columns: str | list[str], index: str | list[str] = "method", **where: Any
) -> pd.DataFrame:
    """A tidy table to look at: ``index`` against ``columns``, both in the order in which they first appear.

    Args:
        table: with a column ``value``.
        columns: what stands side by side.
        index: what stands below each other.
        **where: value, or list of values, that a column must have.
    """
    for column, wanted in where.items():
        table = table[table[column].isin(wanted if isinstance(wanted, list) else [wanted])]
    found = table.pivot(index=index, columns=columns, values="value")
    rows, heads = (
        pd.MultiIndex.from_frame(table[keys].drop_duplicates())
        if isinstance(keys, list)
        else table[keys].drop_duplicates()
        for keys in (index, columns)
    )
    return found.reindex(index=rows, columns=heads)


def keep_exact(frame: pd.DataFrame, folder: str | Path, name: str) -> Path:
    """Write ``<name>.parquet``, unrounded, for a notebook that goes on from a table: rounding twice shows in print."""
    path = Path(folder) / f"{name}.parquet"
    with atomic(path) as partial:
        frame.to_parquet(partial, index=False)
    return path


def read_exact(folder: str | Path, name: str) -> pd.DataFrame:
    """A table as `keep_exact` wrote it.

    Raises:
        FileNotFoundError: it is not there.
    """
    path = Path(folder) / f"{name}.parquet"
    if not path.is_file():
        raise FileNotFoundError(f"{path}: not there; run the notebook that makes {name} first (results.tables.TABLES)")
    return pd.read_parquet(path)
