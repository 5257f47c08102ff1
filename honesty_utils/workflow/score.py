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
from pydantic import ValidationError

from honesty_utils import engines
from honesty_utils.common import manifest, records
from honesty_utils.common.errors import HonestyError
from honesty_utils.common.records import OUTCOMES
from honesty_utils.common.settings import DEFAULT_REFUSAL, ConfigError, explain
from honesty_utils.evaluation import logs, stored
from honesty_utils.evaluation.scorers import SCORERS, ScorerError
from honesty_utils.evaluation.scorers.reading import read as read_replies
from honesty_utils.evaluation.stored import Grading, StoredError
from honesty_utils.grading import FAMILIES, LANGUAGES
from honesty_utils.judge import open_judge
from honesty_utils.judge.settings import Judge
from honesty_utils.results import scored, tables
from honesty_utils.results.settings import Analysis
from honesty_utils.results.tables.layout import format_score
from honesty_utils.workflow import layers

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
    _write_made_of(folder, given, read, grader=how.digest)
    return made, report


def score_by(
    scorer: str,
    files: Sequence[str | Path],
    folder: Path,
    analysis: Analysis | None = None,
    settings: Judge | None = None,
) -> tuple[pd.DataFrame, Path]:
    """Score replies by a scorer, and write the table and a report.

    Args:
        scorer: a name in ``evaluation.scorers.SCORERS``.
        files: of replies with the columns that it needs; each is a method unless its rows name one.
        folder: where results go.
        analysis: resamples, level and seed of the intervals.
        settings: a judge, asked for what the files lack; its replies are kept in ``folder``/judge. None: nobody.

    Returns:
        The table, and the path of the report.

    Raises:
        ScorerError: names file, row, value and what is needed.
        ModelError: the judge's engine or model is not there.
        JudgeError, ServerError: the judge is gone, refuses what it is asked, or could not be read too often.
    """
    analysis = analysis or Analysis()
    replies, by = read_replies(files, SCORERS[scorer]), ""
    if settings is not None:
        replies, by = _judged(scorer, replies, settings, folder)
    roster = scored.roster_of(replies["method"])
    made = tables.tab_scored(replies, scorer, analysis, roster)
    note = f"{len(replies):,} replies, scored by {scorer}{by}. What could not be read is unscored: in no other number. "
    report = scored.write({"tab_scored": made}, {}, folder, f"Replies: {folder.name}", note)
    given = {
        "scorer": scorer,
        "judge": settings and settings.model_dump(mode="json"),
        **analysis.model_dump(include={"resamples", "seed"}),
    }
    _write_made_of(folder, given, [Path(path) for path in files])
    return made, report


def _judged(scorer: str, replies: pd.DataFrame, settings: Judge, folder: Path) -> tuple[pd.DataFrame, str]:
    """Replies with what a judge says where they said nothing, and a word on it for the report."""
    asking = SCORERS[scorer].asking
    if asking is None:
        raise ScorerError(
            f"--judge: the scorer {scorer} reads outcomes, which no judge here is asked for; leave it out"
        )
    engines.check(settings.model, settings)
    referee = open_judge(settings, folder / "judge")
    assert referee is not None, "there are settings"
    filled = asking.ask(referee, replies)
    return filled, f", judged by {settings.model.name}: {referee.settled()}"


def read_judge(path: str | Path) -> Judge:
    """A judge out of a file that holds a ``judge`` section, alone or among others as a params file does.

    Raises:
        ConfigError: no such file, no section, or what is wrong with it.
    """
    content = layers.read(path)
    alone = "model" in content and not {"run", "questions"} & set(content)
    section = content.get("judge", content if alone else None)
    if not isinstance(section, dict):
        raise ConfigError(f"{path}: no judge section; write judge: {{model: {{name: …}}}}")
    try:
        return Judge(**section)
    except ValidationError as error:
        raise ConfigError(explain(error, f"{path}: judge", Judge)) from None


def _write_made_of(folder: Path, options: dict[str, object], read: Sequence[Path], **more: str) -> None:
    """Say which files, by hash, and options the results are of."""
    made_of = {
        **more,
        "options": options,
        "files": {path.name: _digest(path) for path in read},
        "packages": manifest.versions(),
    }
    with records.atomic(folder / "made_of.json") as partial:
        partial.write_text(json.dumps(made_of, indent=1) + "\n", encoding="utf-8")


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
    parser.add_argument(
        "--scorer", choices=sorted(SCORERS), help="score replies whose answers are not just right or wrong"
    )
    parser.add_argument("--judge", metavar="FILE", help="judge section: asked, with --scorer, for what the files lack")
    parser.add_argument("--schema", action="store_true", help="say what the columns of a file of answers are, and end")
    options = parser.parse_args(arguments)
    if options.schema:
        print(SCORERS[options.scorer].schema() if options.scorer else stored.schema())
        return 0
    if not options.files:
        parser.error("name files of answers; --schema says what they hold")
    folder = options.out or Path("scores") / Path(options.files[0]).stem
    try:
        if options.scorer:
            _only_with_answers(parser, options)
            settings = read_judge(options.judge) if options.judge else None
            analysis = Analysis(resamples=options.resamples)
            table, report = score_by(options.scorer, options.files, folder, analysis, settings)
            print(told_by(table))
            print(report)
            return 0
        if options.judge:
            raise ScorerError("--judge: is for --scorer; answers are graded by rules here, give outcome for others")
        how = Grading(options.match, options.refusal, None if options.signs == "paper" else options.signs)
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
    except (HonestyError, ValueError, OSError) as error:
        print(_one(error), file=sys.stderr)
        return 2
    print(told(made))
    print(report)
    return 0


def _only_with_answers(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """A scorer takes its replies as they are: what says how answers are graded would be passed over."""
    given = ("before", "match", "refusal", "signs", "kind", "questions", "graders")
    strange = [name for name in given if getattr(options, name) != parser.get_default(name)]
    if strange:
        raise ScorerError(
            f"--{'from' if strange[0] == 'kind' else strange[0]}: is for answers, not for --scorer; leave it out"
        )


def told_by(table: pd.DataFrame) -> str:
    """What a terminal shows of a scorer's table: the numbers of every method, over all questions."""
    whole = table[table["group"] == ""]
    texts = [format_score(*ends) for ends in whole[["value", "low", "high"]].itertuples(index=False)]
    shown = whole.assign(text=texts).pivot_table(
        index="metric", columns="method", values="text", aggfunc="first", sort=False
    )
    return shown.fillna("–").to_string()


def _one(error: Exception) -> str:
    if isinstance(error, StoredError | ScorerError):
        return str(error)
    first = str(error).splitlines()
    return "\n".join(first[:4]) if first else type(error).__name__
