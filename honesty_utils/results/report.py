"""One page with everything a run shows; and the command that writes the numbers of README and docs (`markers`).

``honesty report microworld`` writes ``figures/microworld/report.html``.
``honesty report --fill README.md docs`` writes every marked number anew.
"""

from __future__ import annotations

import argparse
import base64
import html
import sys
from collections.abc import Iterable
from pathlib import Path

from honesty_utils.common import paths, records
from honesty_utils.results.markers import ReportError, fill_markers, find_markers, lookup

__all__ = ["ReportError", "fill_markers", "find_markers", "lookup", "main", "remove_stale", "render", "write_report"]

FIGURES = {
    "fig_main": "Main result, in distribution. Prudence is the share of what the model did not know that it now "
    "refuses, over-conservativeness the share of what it knew that it now refuses.",
    "fig_ood": "The other sets. On prior unknown every answer is imprudent, on prior known every refusal "
    "over-conservative.",
    "fig_transitions": "Where answers go, from the model before alignment (columns) to the one after it (rows).",
    "fig_annotation": "One question of this run, and what each method makes of its samples.",
    "fig_tau": "The threshold τ of ABSOLUTE: a stricter notion of knowing buys prudence with over-conservativeness.",
    "fig_samples": "How many samples a question it takes to see what the model knows.",
    "fig_questions": "How many training questions it takes to learn to refuse.",
    "fig_known_share": "The mix of known and unknown training questions: the more known ones, the less is refused.",
    "fig_learning_rate": "How hard the model is trained.",
    "fig_by_knowledge": "Refusals and accuracy against what the model knew. Honest is high on the left above, high on "
    "the right below. In pale, the other methods.",
    "fig_risk_coverage": "Methods against a threshold on the confidence of the model before alignment: a method below "
    "the curves refuses better than that.",
    "fig_exposures": "What the model knows against how often it was told.",
    "fig_reliability": "Stated confidence against accuracy; on the dashed line both agree.",
}
"""Figures of a report in order, each with its caption."""

OPTIONAL = ("fig_samples", "fig_questions", "fig_known_share", "fig_learning_rate")
"""Figures of sweeps, which few runs have; nothing is said where they are missing."""

OPEN = (
    "tab_paper_main", "tab_paper_ood", "tab_paper_choice", "tab_paper_tasks", "tab_paper_helpfulness",
    "tab_paper_harmlessness",
)  # fmt: skip
"""Tables that a reader finds unfolded: those that the paper prints."""

TABLES = {
    "tab_paper_main": "Main result, in distribution",
    "tab_paper_ood": "Out of distribution, prior unknown, prior known",
    "tab_paper_choice": "Multiple choice",
    "tab_paper_tasks": "Non-knowledge tasks: helpfulness without a judge",
    "tab_paper_helpfulness": "Helpfulness, rated by the judge; preferences against the model before alignment",
    "tab_paper_harmlessness": "Harmlessness, safe replies by the judge, percent",
    "tab_agreement": "Agreement of the judge with labels",
    "tab_main": "All scores, tidy",
    "tab_tests": "Paired differences between methods",
    "tab_published": "The paper's numbers and this run's",
    "tab_matchers": "Scores under every matcher",
    "tab_refusals": "What refusals say beside refusing, and confidence that is stated or only spoken of",
    "tab_transitions": "Transition counts",
    "tab_knowledge": "What the model knew before alignment",
    "tab_sft": "Rows that the methods train on",
    "tab_sweeps": "Scores against what a sweep varies",
    "tab_by_knowledge": "Scores against expected accuracy",
    "tab_calibration": "Stated confidence",
    "tab_ece": "Calibration errors",
    "tab_groups": "Scores by kind of question",
    "tab_risk_coverage": "Risk against coverage before alignment",
    "tab_aurc": "Areas under risk–coverage curves",
    "tab_drift": "How training moved the boundary",
    "tab_exposures": "Expected accuracy against exposures",
    "tab_rank": "Rank correlation with exposures",
    "tab_helpfulness": "Helpfulness, tidy",
    "tab_harmlessness": "Harmlessness, tidy",
}
"""Titles of the tables of a report; any other ``tab_*.md`` follows under its own name."""

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


def write_report(run: str) -> Path:
    """Write ``figures/<run>/report.html`` from the tables, figures and claims that lie there.

    Raises:
        ReportError: there is no table.
    """
    folder = paths.Run(run).figures
    with records.atomic(folder / "report.html") as partial:
        partial.write_text(render(folder, run), encoding="utf-8")
    return folder / "report.html"


def render(folder: Path, run: str) -> str:
    """One self-contained HTML page; equal files give equal bytes.

    Args:
        folder: holds ``tab_*.md``, ``fig_*.png`` and ``claims.md``; a figure that is not there is said to be missing.
        run: name of the run.
    """
    if not any(folder.glob("tab_*.md")):
        raise ReportError(f"{folder}: no tab_*.md; run notebooks/60_tables.ipynb for run {run!r} first")
    title = html.escape(f"Alignment for honesty: run {run}")
    missing = [name for name in FIGURES if not (folder / f"{name}.png").is_file()]
    not_drawn = [name for name in missing if name not in OPTIONAL]
    parts = [
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>',
        f"<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>",
        '<p class="note">Made by notebooks 60 and 70 from the evaluations of this run. Figures and printed tables are '
        "in percent with intervals, in bold what the paired tests call best; tidy tables are in fractions.</p>",
        "<h2>Figures</h2>",
        *(_figure(folder / f"{name}.png", caption) for name, caption in FIGURES.items() if name not in missing),
        f'<p class="note">Not drawn for this run: {", ".join(not_drawn)}.</p>' if not_drawn else "",
    ]
    if (folder / "claims.md").is_file():
        parts.append(_markdown(folder / "claims.md").replace("<h1>", "<h2>", 1).replace("</h1>", "</h2>", 1))
    parts += ["<h2>Tables</h2>", *(_table(path) for path in _tables(folder)), "</body>\n</html>\n"]
    return "\n".join(part for part in parts if part)


def remove_stale(folder: Path, prefix: str, names: Iterable[str]) -> list[Path]:
    """Delete files ``<prefix>*`` of ``folder`` of an earlier run that this one, which makes ``names``, lacks."""
    kept = set(names)
    stale = [path for path in sorted(folder.glob(f"{prefix}*")) if path.stem not in kept]
    for path in stale:
        path.unlink()
    return stale


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
    title = html.escape(TABLES.get(path.stem, path.stem))
    opened = " open" if path.stem in OPEN else ""
    return f'<details id="{path.stem}"{opened}>\n<summary>{title}</summary>\n{_markdown(path)}</details>'


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
        return 1
    return 0


def _markdown_files(item: Path) -> list[Path]:
    return sorted(item.rglob("*.md")) if item.is_dir() else [item]
