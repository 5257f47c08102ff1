"""``honesty score ANSWERS``: every score, interval, figure and a report of answers that one already has.

No model, no GPU, no params file. Several files stand side by side, such as a model before and after alignment::

    honesty score base.jsonl aligned.jsonl --before base
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from honesty_utils.common import manifest, records
from honesty_utils.common.records import OUTCOMES
from honesty_utils.common.settings import DEFAULT_REFUSAL
from honesty_utils.evaluation import logs, stored
from honesty_utils.evaluation.stored import Grading, StoredError
from honesty_utils.grading import FAMILIES, LANGUAGES
from honesty_utils.results import scored, tables
from honesty_utils.results.settings import Analysis
from honesty_utils.results.tables.layout import format_score

HONESTYBENCH = "honestybench"
"""Logs that come with confidences of their own, so that `tables.tab_alignment` is made of them."""
PRINTED = ("prudence", "over_conservativeness", "honesty", "recall", "false_alarms", "balanced_accuracy", "both_right")


def score(
    files: Sequence[str | Path],
    folder: Path,
    how: Grading | None = None,
    before: str | None = None,
    analysis: Analysis | None = None,
    kind: str | None = None,
    questions: str | Path | None = None,
    graders: bool = False,
) -> tuple[dict[str, pd.DataFrame], Path]:
    """Read, grade and score answers, and write tables, figures and report.

    Args:
        files: of answers; each is a method unless its rows name one.
        folder: where results go.
        how: of grading; none: that of a run, with the refusal signs of all families.
        before: the method that is the model before alignment.
        analysis: resamples, level and seed of the intervals.
        kind: whose log the files are, a name in ``evaluation.logs.READERS``; none: they are files of answers.
        questions: file of questions for logs that hold replies only.
        graders: also compare what other matchers, and outcomes that are given, make of the same answers.

    Returns:
        The tables by name, and the path of the report.

    Raises:
        StoredError: names file, row, value and what is needed.
    """
    how, analysis = how or Grading(), analysis or Analysis()
    given = {**vars(how), "before": before, "from": kind, **analysis.model_dump(include={"resamples", "seed"})}
    rows = stored.read(files) if kind is None else stored.rows_of(logs.rows(kind, files, questions))
    answers = stored.frame(rows, how, before)
    compared = stored.by_grader(rows, how, before) if graders else {}
    del rows
    roster = scored.roster_of(answers["method"], before)
    made = scored.make_tables(answers, analysis, roster)
    if kind == HONESTYBENCH:
        made["tab_alignment"] = tables.tab_alignment(answers, analysis, roster)
    if compared:
        made["tab_graders"] = tables.tab_graders(compared, analysis, roster)
    drawn = scored.make_figures(made, answers["dataset"].iloc[0], roster)
    report = scored.write(made, drawn, folder, f"Answers: {folder.name}", _note(answers, how))
    read = [Path(path) for path in (*files, questions) if path is not None]
    made_of = {
        "grader": how.digest,
        "options": given,
        "files": {path.name: _digest(path) for path in read},
        "packages": manifest.versions(),
    }
    with records.atomic(folder / "made_of.json") as partial:
        partial.write_text(json.dumps(made_of, indent=1) + "\n", encoding="utf-8")
    return made, report


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _note(answers: pd.DataFrame, how: Grading) -> str:
    signs = how.signs if isinstance(how.signs, str) else "own" if how.signs else "the paper's"
    asked = answers.groupby("dataset", sort=False)["question_id"].nunique()
    sets = ", ".join(f"{name} ({number:,} questions)" for name, number in asked.items())
    return (
        f"{len(answers):,} answers: {sets}. Graded by rules: match {how.match}, refusal {how.refusal!r} and signs "
        f"({signs}); grader {how.digest}. "
    )


def told(made: dict[str, pd.DataFrame]) -> str:
    """What a terminal shows: outcomes of every method and set, and the scores that say most."""
    outcomes = made["tab_outcomes"]
    wide = outcomes.pivot_table(index=["dataset", "method", "questions"], columns="outcome", values="share", sort=False)
    shown = (100 * wide[list(OUTCOMES)]).round(1).rename(columns={"idk": "refused"})
    for name in ("tab_main", "tab_should_refuse"):
        if name not in made:
            continue
        table = made[name][made[name]["metric"].isin(PRINTED)]
        texts = [format_score(*ends) for ends in table[["value", "low", "high"]].itertuples(index=False)]
        cells = table.assign(text=texts).pivot_table(
            index=["dataset", "method"], columns="metric", values="text", aggfunc="first", sort=False
        )
        shown = shown.join(cells[[metric for metric in PRINTED if metric in cells]], on=["dataset", "method"])
    return shown.reset_index().fillna("–").to_string(index=False)


def main(arguments: list[str] | None = None) -> int:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(prog="honesty score", description="Scores of answers that one already has.")
    parser.add_argument("files", nargs="*", metavar="ANSWERS", help="files of answers: JSONL, CSV, Parquet, or logs")
    parser.add_argument("--before", metavar="METHOD", help="the method (file) that is the model before alignment")
    parser.add_argument("--out", type=Path, help="folder for tables, figures and report; none: scores/<first file>")
    parser.add_argument(
        "--match", choices=["contains", "tokens", "exact", "number"], default="contains", help="how answers are found"
    )
    parser.add_argument(
        "--refusal", default=DEFAULT_REFUSAL, help="the sentence that the model was taught to refuse with"
    )
    parser.add_argument(
        "--signs",
        default="all",
        choices=["all", "paper", *sorted({*FAMILIES, *LANGUAGES})],
        help="signs of refusing beside that sentence",
    )
    parser.add_argument("--from", dest="kind", choices=sorted(logs.READERS), help="read logs of another program")
    parser.add_argument("--questions", help="file of questions with ids, for logs that hold replies only")
    parser.add_argument("--resamples", type=int, default=10_000)
    parser.add_argument("--graders", action="store_true", help="compare what several graders make of the same answers")
    parser.add_argument("--schema", action="store_true", help="say what the columns of a file of answers are, and end")
    options = parser.parse_args(arguments)
    if options.schema:
        print(stored.schema())
        return 0
    if not options.files:
        parser.error("name files of answers; --schema says what they hold")
    try:
        how = Grading(options.match, options.refusal, None if options.signs == "paper" else options.signs)
        folder = options.out or Path("scores") / Path(options.files[0]).stem
        made, report = score(
            options.files,
            folder,
            how,
            options.before,
            Analysis(resamples=options.resamples),
            options.kind,
            options.questions,
            options.graders,
        )
    except (ValueError, OSError) as error:
        print(_one(error), file=sys.stderr)
        return 2
    print(told(made))
    print(report)
    return 0


def _one(error: Exception) -> str:
    if isinstance(error, StoredError):
        return str(error)
    first = str(error).splitlines()
    return "\n".join(first[:4]) if first else type(error).__name__
