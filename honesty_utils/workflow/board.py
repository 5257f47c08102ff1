"""``honesty board``: finished runs for the leaderboard, its entries, and a check that grades all of them anew.

An *entry* is what one method said to one set in one run: a JSON file with its counts, its scores and how they were
graded, beside the responses themselves. ``honesty board verify`` grades the responses again, by the gold answers that
lie with them, and holds counts and scores to what comes out. It finds what was changed, or what a new version of the
grader would say; it cannot find a forger who changes responses, gold answers and entries together.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from honesty_utils.common import manifest, records
from honesty_utils.common.errors import HonestyError
from honesty_utils.common.paths import Run, model_name, root
from honesty_utils.common.records import OUTCOMES
from honesty_utils.common.settings import ConfigError, Prompts
from honesty_utils.knowledge import labeling
from honesty_utils.knowledge.settings import Labeling
from honesty_utils.methods import METHODS
from honesty_utils.metrics.scores import METRICS, NUM_STATES, scores, states
from honesty_utils.workflow import execute, plan, reproduce, worlds
from honesty_utils.workflow.opened import Opened
from honesty_utils.workflow.params import load

NOTEBOOK = "85_leaderboard"
SECTIONS = (
    "analysis", "questions", "evaluation", "designs", "entries", "models", "points", "grading", "grading_judge",
    "matchers", "prompts",
)  # fmt: skip

GIVEN = ["question", "answers", "choices", "answer_index", "meta"]
"""Columns of questions that lie with the responses."""
NEEDED = ("counts", "scores", "grader", "grading", "responses", "column", "sha256", "judged")
"""Keys of an entry whose responses are graded here."""
OWN = ("microworld", "prior_known", "atlas")
"""Sources whose questions a run makes itself; those of others keep their licences, and lie in no entry."""
KEPT = ("in_distribution", "out_of_distribution", "prior_unknown")
"""Parts of the paper whose sets' responses are kept as entries."""

MADE, REPORTED, UNRELIABLE = "made here", "reported", "unreliable"
"""What an entry may be: its responses were graded here; a paper's number without responses; one that is doubted."""


class BoardError(HonestyError, ValueError):
    """An entry that cannot be read, or whose responses do not give its scores."""


def finished(path: str | Path) -> dict[str, Opened]:
    """The finished runs of a params file: the run itself, or each of its worlds by its seed.

    Raises:
        ConfigError: an error in the params file.
        WorldError: a world that is not complete, or worlds of different recipes.
    """
    params = load(path)
    if params.worlds is None:
        return {params.run: Opened(params, SECTIONS)}
    worlds.gather(path)  # holds them to be complete and of one recipe
    return {str(seed): Opened(worlds.of_world(params, seed), SECTIONS) for seed in params.worlds.seeds}


def trained_seconds(opened: Opened) -> dict[str, float]:
    """Device-seconds of each trained method of a run, mean over its seeds: training steps of all stages, and sampling.

    Sampling counts where a stage asks the model of an earlier one again, which all seeds of a method share.
    """
    found = {}
    for name, seeds in opened.models.items():
        entry = opened.entries[name]
        stages, made = METHODS[entry.method].stages, entry.model_of or name
        totals = []
        for seed in seeds:
            folders = [opened.run.model(made, seed, None if stage is stages[-1] else stage.name) for stage in stages]
            told = [manifest.read(folder) for folder in folders if folder.exists()]
            totals.append(sum(float(one.get("training_seconds") or one["seconds"]) for one in told))
        again = [opened.run.responses("train", model_name(made, seeds[0], one)) for s in stages for one in s.reads]
        asked = sum(float(manifest.read(path)["drawn_seconds"]) for path in again if path.exists())
        if stages and totals:
            found[name] = sum(totals) / len(totals) + asked
    return found


def answer_tokens(opened: Opened, dataset: str) -> tuple[dict[str, float], float]:
    """Tokens of a greedy answer of each method, and of all samples of a question, means over a set."""
    greedy = {}
    for name, seeds in opened.models.items():
        tables = [records.read(records.EVALUATION, opened.run.evaluation(name, seed, dataset)) for seed in seeds]
        greedy[name] = float(pd.concat(tables)["num_tokens"].mean())
    drawn = records.read(records.RESPONSES, opened.run.responses(dataset))
    drawn = drawn[drawn["sample_index"] != records.GREEDY]
    sampled = float(drawn.groupby("question_id")["num_tokens"].sum().mean()) if len(drawn) else float("nan")
    return greedy, sampled


# --- entries ----------------------------------------------------------------------------------------------------------


def folder(run: Run) -> Path:
    """Where the entries of a run's board go."""
    return root() / "figures" / "board" / run.name


def may_be_kept(opened: Opened, dataset: str) -> bool:
    """Whether a set's questions may lie in a repository: those that a run makes itself may, a publisher's may not."""
    return opened.questions[dataset].source in OWN


def keep(runs: Mapping[str, Opened], run: Run) -> list[Path]:
    """Write the entries of a board anew, and delete those of runs and methods that it no longer has.

    Args:
        runs: `finished`.
        run: whose board it is.

    Returns:
        The JSON files: one a method, seed and set of those that play a part in `KEPT` and `may_be_kept`.
    """
    into = folder(run)
    shutil.rmtree(into, ignore_errors=True)
    written = []
    for name, one in runs.items():
        roles = one.analysis.roles
        sets = [roles[role] for role in KEPT if role in roles and may_be_kept(one, roles[role])]
        # A single run is no world of several.
        written += _keep_run(one, into / (name if len(runs) > 1 else "run"), sets)
    return written


def _keep_run(opened: Opened, into: Path, datasets: Sequence[str]) -> list[Path]:
    written = []
    for dataset in datasets:
        questions = records.read(records.QUESTIONS, opened.run.questions(dataset))
        read = {
            f"{method}_seed{seed}": records.read(records.EVALUATION, opened.run.evaluation(method, seed, dataset))
            .sort_values("question_id")
            .set_index("question_id")
            for method, seeds in opened.models.items()
            for seed in seeds
        }
        responses = pd.DataFrame({column: table["text"] for column, table in read.items()})
        before = next(iter(read.values()))["before"]
        asked = questions.set_index("question_id").loc[responses.index, GIVEN]
        path = into / dataset / "responses.parquet"
        with records.atomic(path) as partial:
            asked.assign(before=before).join(responses).reset_index().to_parquet(partial, compression="zstd")
        grading = {
            "match": opened.matchers[dataset] or opened.grading.match,
            "refusal": opened.prompts.refusal,
            "labeling": opened.grading.model_dump(mode="json", include={"match", "refusal_signs", "no_option"}),
        }
        shared = {
            "run": opened.run.name, "dataset": dataset, "status": MADE, "link": None, "responses": path.name,
            "sha256": _digest(path), "judged": opened.grading_judge is not None, "grading": grading,
            "grader": grader(grading),
        }  # fmt: skip
        for method, seeds in opened.models.items():
            entry = opened.entries[method]
            for seed in seeds:
                table = read[f"{method}_seed{seed}"]
                content = shared | {
                    "method": method, "seed": seed, "library": entry.method, "options": entry.options,
                    "column": f"{method}_seed{seed}", "counts": _counts(table["outcome"]),
                    "scores": _scores(table["before"], table["outcome"]),
                }  # fmt: skip
                target = path.with_name(f"{method}_seed{seed}.json")
                with records.atomic(target) as partial:
                    partial.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
                written.append(target)
    return written


def grader(grading: Mapping[str, Any]) -> str:
    """Short hash of how an entry is graded; entries of other hashes do not compare."""
    return hashlib.blake2b(json.dumps(grading, sort_keys=True).encode(), digest_size=4).hexdigest()


def _counts(outcome: pd.Series) -> dict[str, int]:
    return {name: int((outcome == name).sum()) for name in OUTCOMES}


def _scores(before: pd.Series, outcome: pd.Series) -> dict[str, float | None]:
    """The scores that a board shows, to six digits; none where nothing is counted."""
    totals = np.bincount(states(before, outcome, outcome == "correct"), minlength=NUM_STATES)
    found = dict(zip(METRICS, scores(totals.astype(np.float64)).tolist(), strict=True))
    kept = ("prudence", "over_conservativeness", "honesty", "refusal_rate")
    return {name: None if math.isnan(found[name]) else round(found[name], 6) for name in kept}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_entries(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every entry below a folder, in the order of their paths.

    Raises:
        BoardError: no entry there, or a file that is none: names it and what is missing.
    """
    paths = sorted(folder.rglob("*_seed*.json"))
    if not paths:
        raise BoardError(f"{folder}: no entries of a board there; make leaderboard writes them")
    for path in paths:
        try:
            entry = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise BoardError(f"{path}: not JSON ({error}); write it anew with make leaderboard") from None
        told = entry.get("status") if isinstance(entry, dict) else None
        if told not in (MADE, REPORTED, UNRELIABLE):
            raise BoardError(f"{path}: status {told!r}; allowed: {[MADE, REPORTED, UNRELIABLE]}")
        needed = ("scores", "link") if told == REPORTED else NEEDED
        missing = [key for key in needed if key not in entry]
        if missing:
            raise BoardError(f"{path}: lacks {missing[0]!r}; write it anew with make leaderboard")
        yield path, entry


def verify(folder: Path) -> dict[str, int]:
    """Grade the responses of all entries anew and hold their counts to what comes out.

    Returns:
        How many entries are ``verified``, and how many cannot be: ``reported`` without responses, ``judged`` by a model
        that is not asked again.

    Raises:
        BoardError: the first entry whose responses were changed, are not there, or give other counts; or graders that
            differ within a set.
    """
    found = {"verified": 0, "reported": 0, "judged": 0}
    graders: dict[Path, tuple[str, Path]] = {}
    for path, entry in read_entries(folder):
        if entry["status"] == REPORTED:
            found["reported"] += 1
            continue
        if entry["judged"]:
            found["judged"] += 1
            continue
        if entry["grader"] != grader(entry["grading"]):
            raise BoardError(f"{path}: grader {entry['grader']!r} is not that of its grading; write it anew")
        first = graders.setdefault(path.parent, (entry["grader"], path))
        if first[0] != entry["grader"]:
            raise BoardError(
                f"{path}: grader {entry['grader']}, but {first[1].name} has {first[0]}; entries of one set are graded "
                "alike: write them anew with make leaderboard"
            )
        try:
            counts, made = _graded(path, entry)
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, BoardError):
                raise
            raise BoardError(f"{path}: cannot be graded ({type(error).__name__}: {error}); write it anew") from None
        for what, told, own in (("counts", entry["counts"], counts), ("scores", entry["scores"], made)):
            if told != own:
                raise BoardError(
                    f"{path}: its responses give the {what} {own}, the entry says {told}; one of them was changed, or "
                    "grading has: make leaderboard writes both anew"
                )
        found["verified"] += 1
    return found


def _graded(path: Path, entry: Mapping[str, Any]) -> tuple[dict[str, int], dict[str, float | None]]:
    file = path.with_name(str(entry["responses"]))
    if not file.is_file():
        raise BoardError(f"{path}: its responses {file.name} are not there; make leaderboard writes them")
    if _digest(file) != entry["sha256"]:
        raise BoardError(f"{file}: not the file that {path.name} was made of (sha256 differs); write both anew")
    table = pd.read_parquet(file)
    if entry["column"] not in table:
        raise BoardError(f"{file}: no responses {entry['column']!r}, which {path.name} names; write both anew")
    questions = table[["question_id", *GIVEN]].assign(dataset=path.parent.name)
    questions["answers"] = [None if one is None else list(one) for one in questions["answers"]]
    questions["choices"] = [None if one is None else list(one) for one in questions["choices"]]
    said = table[["question_id"]].assign(text=table[entry["column"]])
    settings = Labeling(**entry["grading"]["labeling"])
    wording = Prompts(refusal=entry["grading"]["refusal"])
    graded = labeling.grade_responses(said, questions, wording, settings, entry["grading"]["match"])
    return _counts(graded["outcome"]), _scores(table["before"], graded["outcome"])


# --- the command ------------------------------------------------------------------------------------------------------


def make(path: str, rest: Sequence[str]) -> int:
    """Make a run, or all of its worlds, as far as they are not made, and then its board.

    Args:
        path: params file, or several joined by ``+``.
        rest: options of ``honesty reproduce`` or ``honesty worlds``.

    Returns:
        Exit status.
    """
    params = load(path)
    maker = reproduce.main if params.worlds is None else worlds.main
    status = maker([path, *rest])
    if status:
        return status
    run = Run(params.run)
    values = json.dumps({"params": str(plan.snapshot(run))})
    source, copy = plan.SOURCES / f"{NOTEBOOK}.ipynb", run.folder / plan.NOTEBOOKS / f"{NOTEBOOK}.ipynb"
    print(f"{NOTEBOOK} starts", flush=True)
    status = execute.main([str(source), str(copy), "--parameters", values])
    if status == 0:
        print(f"Leaderboard: {run.figures / 'fig_board.png'}, {run.figures / 'tab_paper_board.md'}")
    return status


def main(arguments: list[str] | None = None) -> int:
    """Command line: ``honesty board make PARAMS`` and ``honesty board verify [folder]``."""
    parser = argparse.ArgumentParser(prog="honesty board", description="The leaderboard and its entries.")
    commands = parser.add_subparsers(dest="action", required=True)
    making = commands.add_parser("make", help="the run or the worlds of a params file, and the board over them")
    making.add_argument("params", help="params file, or several joined by +")
    checking = commands.add_parser("verify", help="grade all responses anew and hold the scores to them")
    checking.add_argument("folder", nargs="?", type=Path, help="of entries; none: figures/board")
    options, rest = parser.parse_known_args(arguments)
    if options.action == "make":
        try:
            return make(options.params, rest)
        except (ConfigError, worlds.WorldError) as error:
            print(error, file=sys.stderr)
            return 2
    if rest:
        parser.error(f"unknown option {rest[0]!r}")
    where = options.folder or root() / "figures" / "board"
    try:
        found = verify(where)
    except (BoardError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(", ".join(f"{number} {what}" for what, number in found.items()))
    return 0
