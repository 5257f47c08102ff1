"""One page with everything a run shows; and the command that writes the numbers of README and docs (`markers`).

``honesty report microworld`` writes ``figures/microworld/report.html``.
``honesty report --fill README.md docs`` writes every marked number anew.
"""

from __future__ import annotations

import argparse
import base64
import html
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from honesty_utils.common import paths, records
from honesty_utils.results import origin
from honesty_utils.results.display import ROLES
from honesty_utils.results.markers import ReportError, fill_markers, find_markers, lookup
from honesty_utils.results.plots import FIGURES
from honesty_utils.results.tables import TABLES

__all__ = ["ReportError", "fill_markers", "find_markers", "lookup", "main", "render", "write_report"]

ALONE = (
    '<meta http-equiv="Content-Security-Policy" '
    "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">"
)
"""A page asks no other host for anything, whatever a text in it holds."""

STYLE = """
:root { color-scheme: light; }
body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem; font: 16px/1.5 system-ui, sans-serif; color: #222; }
h1 { font-size: 1.7rem; } h2 { margin-top: 2.5rem; font-size: 1.25rem; border-bottom: 1px solid #ddd; }
figure { margin: 2rem 0; } figcaption, .note { color: #555; font-size: .9rem; }
img { max-width: 100%; height: auto; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .6rem; text-align: left; vertical-align: top; border-bottom: 1px solid #eee; }
thead th { border-bottom: 1px solid #222; }
details { margin: .6rem 0; overflow-x: auto; } summary { cursor: pointer; font-weight: 600; }
"""


SHOWN = 3000
"""Rows of the longest table that a page shows; of a longer one it names the file."""

OVER_WORLDS = "65_worlds"
"""The notebook whose figures and tables are of several worlds."""


def write_report(run: str) -> Path:
    """Write ``figures/<run>/report.html`` from the tables, figures and claims that lie there.

    Raises:
        ReportError: there is no table.
    """
    folder = paths.Run(run).figures
    page = render(folder, run)  # first: of a run that is not there no folder stays behind
    with records.atomic(folder / "report.html") as partial:
        partial.write_text(page, encoding="utf-8")
    return folder / "report.html"


def render(folder: Path, run: str) -> str:
    """One self-contained HTML page; equal files give equal bytes.

    Args:
        folder: holds ``tab_*.md``, ``fig_*.png`` and ``claims.md``; a figure that is not there is said to be missing.
        run: name of the run.
    """
    if not any(folder.glob("tab_*.md")):
        raise ReportError(f"{folder}: no tab_*.md; run notebooks/60_scores.ipynb for run {run!r} first")
    worlds = (folder / "tab_worlds_base.csv").is_file()
    figures = {n: entry for n, entry in FIGURES.items() if entry.notebook == (OVER_WORLDS if worlds else "70_figures")}
    # Of figures of sweeps, rewards and the like, which few runs have, nothing is said where they are missing.
    named = [
        name for name, entry in figures.items() if (folder / f"{name}.png").is_file() or set(entry.needs) <= set(ROLES)
    ]
    return page(folder, html.escape(f"Alignment for honesty: run {run}"), html.escape(_origin(folder, worlds)), named)


def page(folder: Path, title: str, note: str, figures: Sequence[str]) -> str:
    """One self-contained HTML page of what lies in a folder.

    Args:
        folder: holds ``tab_*.md``, ``fig_*.png`` and perhaps ``claims.md``.
        title: in HTML.
        note: in HTML, below the title: what the results are of.
        figures: names of those that are shown; one that is not there is said to be missing.
    """
    missing = [name for name in figures if not (folder / f"{name}.png").is_file()]
    parts = [
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n{ALONE}\n<title>{title}</title>',
        f"<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>",
        f'<p class="note">{note}Figures and printed tables are '
        "in percent with intervals, in bold what the paired tests call best; tidy tables are in fractions.</p>",
        "<h2>Figures</h2>",
        *(_figure(folder / f"{name}.png", FIGURES[name].caption) for name in figures if name not in missing),
        f'<p class="note">Not drawn for this run: {", ".join(missing)}.</p>' if missing else "",
    ]
    if (folder / "claims.md").is_file():
        parts.append(_markdown(folder / "claims.md").replace("<h1>", "<h2>", 1).replace("</h1>", "</h2>", 1))
    parts += ["<h2>Tables</h2>", *(_table(path) for path in _tables(folder)), "</body>\n</html>\n"]
    return "\n".join(part for part in parts if part)


def _origin(folder: Path, worlds: bool) -> str:
    """What the results are of: several worlds or one."""
    if worlds:
        said = origin.sentences(origin.foot(pd.read_csv(folder / "tab_worlds_base.csv")))
        return f"{said} Made by notebook 65 from the tables of each world. "
    path = folder / "tab_origin.csv"
    one = origin.told(pd.read_csv(path)) if path.is_file() else ""
    said = f"This is {one}; what holds in it may not hold in another. " if one else ""
    return f"{said}Made by notebooks 60 to 70 from the evaluations of this run. "


def _tables(folder: Path) -> list[Path]:
    order = {name: place for place, name in enumerate(TABLES)}
    return sorted(folder.glob("tab_*.md"), key=lambda path: (order.get(path.stem, len(order)), path.stem))


def _figure(path: Path, caption: str) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    text = html.escape(caption)
    return (
        f'<figure id="{path.stem}">\n<img alt="{path.stem}" src="data:image/png;base64,{data}">\n'
        f"<figcaption>{text}</figcaption>\n</figure>"
    )


def _table(path: Path) -> str:
    entry = TABLES.get(path.stem)
    title = html.escape(entry.title if entry else path.stem)
    caption = f'<p class="note">{html.escape(entry.caption)}</p>\n' if entry else ""
    rows = path.read_text(encoding="utf-8").count("\n") - 2
    content = _markdown(path) if rows <= SHOWN else f'<p class="note">{rows:,} rows: {path.stem}.csv</p>'
    opened = " open" if path.stem.startswith(("tab_paper_", "tab_beside")) else ""  # those that are printed
    return f'<details id="{path.stem}"{opened}>\n<summary>{title}</summary>\n{caption}{content}</details>'


def _markdown(path: Path) -> str:
    import mistune  # only a report needs it

    to_html = mistune.create_markdown(escape=True, plugins=["table"])
    return str(to_html(path.read_text(encoding="utf-8")))


def main(arguments: list[str] | None = None) -> int:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(prog="honesty report", description="Report, or numbers in text.")
    parser.add_argument("run", nargs="?", help="write figures/<run>/report.html")
    parser.add_argument("--fill", nargs="+", default=[], metavar="PATH", help="Markdown files, or folders of them")
    options = parser.parse_args(arguments)
    if not options.run and not options.fill:
        parser.error("name a run, or files with --fill")
    try:
        if options.run:
            print(write_report(options.run))
        for path in (file for item in options.fill for file in _markdown_files(Path(item))):
            names = find_markers(path.read_text(encoding="utf-8"))
            changed = fill_markers(path, {name: lookup(name) for name in names})
            print(f"{path}: {len(names)} markers, {len(changed)} changed")
    except (ReportError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _markdown_files(item: Path) -> list[Path]:
    if not item.exists():
        raise ReportError(f"--fill {item}: not there; name a Markdown file or a folder of them")
    return sorted(item.rglob("*.md")) if item.is_dir() else [item]
