"""``honesty worlds PARAMS``: the same recipe in several worlds, then the tables, verdicts and figures over them.

Each world is a run of its own, ``<run>/worlds/<seed>``, made by Snakemake like any other; all that differs is the seed
of its people, its base model, its samples and the order of its trainings. One world follows another, or two go side by
side where there are four cores. What is complete is not looked at again, and of what was killed at most one notebook
is lost. The last notebook reads the tables of all worlds.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pandas as pd

from honesty_utils.common import manifest, records
from honesty_utils.common.errors import HonestyError
from honesty_utils.common.files import atomic
from honesty_utils.common.paths import Run, world_name
from honesty_utils.common.settings import ConfigError
from honesty_utils.common.variables import EVENTS
from honesty_utils.results import plots, tables
from honesty_utils.results.origin import LEAST
from honesty_utils.results.saved import Saved
from honesty_utils.workflow import plan, reproduce
from honesty_utils.workflow.opened import resolved
from honesty_utils.workflow.params import Params, load, of_content
from honesty_utils.workflow.plan import SOURCES, Task
from honesty_utils.workflow.reproduce import EVERY, Watch, clock

NOTEBOOK = "65_worlds"
COMPLETE = "complete.json"
"""File in the folder of a world, and of the run over them: what made it, and what it has left."""

SEEDS = ("run", "world.seed", "world.pretraining.seed", "sampling.seed", "training.seeds")
"""Keys in which worlds of one recipe differ."""


class WorldError(HonestyError, ValueError):
    """Worlds that are not there, not of one recipe, or in the hands of another process."""


def of_world(params: Params, seed: int) -> Params:
    """The run of one world: the recipe with every seed set to the world's."""
    content = params.model_dump(mode="json", exclude_unset=True)
    content.pop("worlds", None)
    world, sampling, training = (content.get(name) or {} for name in ("world", "sampling", "training"))
    content |= {
        "run": world_name(params.run, seed),
        "world": {**world, "seed": seed, "pretraining": {**(world.get("pretraining") or {}), "seed": seed}},
        "sampling": {**sampling, "seed": seed},
        "training": {**training, "seeds": [seed]},
        "methods": {name: _without_seeds(entry) for name, entry in content["methods"].items()},
        "sweeps": {name: _without_seeds(sweep) for name, sweep in content.get("sweeps", {}).items()},
    }
    return of_content(content, f"{params.run}, world {seed}")


def _without_seeds(entry: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in entry.items() if key != "seeds"}
    return kept | ({"training": _without_seeds(kept["training"])} if kept.get("training") else {})


def recipe(params: Params) -> dict[str, Any]:
    """The params of a world as dotted keys, without its seeds: what worlds of one run have in common."""
    return {key: value for key, value in _flat(params.model_dump(mode="json")) if key not in SEEDS}


def _flat(content: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def check_recipes(recipes: Mapping[str, Mapping[str, Any]]) -> None:
    """Hold recipes to each other.

    Args:
        recipes: `recipe` of each world, under what it is called in an error, such as "world 3".

    Raises:
        WorldError: names the first key that differs, and both values.
    """
    (first, known), *others = recipes.items()
    for name, found in others:
        for key in [*known, *(key for key in found if key not in known)]:
            if known.get(key) != found.get(key):
                raise WorldError(
                    f"{first} and {name} are of different recipes: {key} is {known.get(key)!r} in {first} and "
                    f"{found.get(key)!r} in {name}; nothing can be said over them together: make worlds makes anew "
                    "what differs from the params file"
                )


@dataclass(frozen=True)
class Gathered:
    """The finished worlds, by their seeds.

    Attributes:
        worlds: the finished runs.
        knowledge: KNOWLEDGE of the set in distribution.
        made: ``revision``, and ``other_code``: what other code than the present made, names separated by commas.
    """

    worlds: Mapping[int, Saved]
    knowledge: Mapping[int, pd.DataFrame]
    made: Mapping[int, Mapping[str, str]]

    def tables(self, name: str) -> dict[int, pd.DataFrame]:
        """A table of every world."""
        return {seed: saved.table(name) for seed, saved in self.worlds.items()}

    def files(self, *names: str) -> list[Path]:
        """The files of these tables."""
        return [saved.file(name) for saved in self.worlds.values() for name in names]


def gather(path: str | Path) -> Gathered:
    """The tables of all worlds of a params file.

    Raises:
        ConfigError: an error in the params file, or it has no worlds section.
        WorldError: a world that is not complete, or worlds of different recipes.
    """
    params = load(path)
    seeds = _seeds(path, params)
    found = {seed: _record(Run(world_name(params.run, seed))) for seed in seeds}
    missing = [seed for seed, record in found.items() if not record]
    if missing:
        raise WorldError(
            f"{path}: of the worlds {list(seeds)}, {missing} are not complete; make worlds PARAMS={path} completes them"
        )
    check_recipes({f"world {seed}": record["recipe"] for seed, record in found.items()})
    first = of_world(params, seeds[0])
    check_recipes({f"world {seeds[0]}": found[seeds[0]]["recipe"], "the params file": _as_json(recipe(first))})
    runs = {seed: Run(world_name(params.run, seed)) for seed in seeds}
    home = params.analysis.home
    return Gathered(
        {seed: Saved(run) for seed, run in runs.items()},
        {seed: records.read(records.KNOWLEDGE, run.knowledge(home)) for seed, run in runs.items()},
        {seed: _made(of_world(params, seed), record) for seed, record in found.items()},
    )


def _seeds(path: object, params: Params) -> tuple[int, ...]:
    if params.worlds is None:
        raise ConfigError(
            f"{path}: has no worlds section; make reproduce PARAMS={path} runs its one world, "
            "worlds: {seeds: [1, 2, 3]} asks for several"
        )
    return params.worlds.seeds


def _record(run: Run) -> dict[str, Any]:
    path = run.folder / COMPLETE
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def _made(params: Params, record: Mapping[str, Any]) -> dict[str, str]:
    """Which revision made a world's tables, and what of the world was made by other code than is here now."""
    last = [task for task in plan.tasks(params) if task.stage in plan.OF_A_WORLD]
    other = plan.made_by_other_code(params)
    other += [task.name for task in last if record["codes"].get(task.name) != task.code(params)]
    revision = manifest.read(Run(params.run).folder / "tables")["revision"]
    return {"revision": revision, "other_code": ", ".join(dict.fromkeys(other))}


def _as_json(content: Mapping[str, Any]) -> dict[str, Any]:
    return dict(json.loads(json.dumps(content)))


def is_complete(params: Params) -> bool:
    """Whether a world is there as it would be made now: same params, code and notebooks, every file untouched."""
    record = _record(Run(params.run))
    if not record or record["recipe"] != _as_json(recipe(params)):
        return False
    return record["tasks"] == _workflow(params).fingerprints() and _untouched(record["files"])


def _workflow(params: Params) -> plan.Workflow:
    """As Snakemake reads it from the world's snapshot."""
    with tempfile.TemporaryDirectory(prefix="honesty-") as folder:
        path = Path(folder) / "params.yaml"
        path.write_text(json.dumps(params.model_dump(mode="json", exclude_unset=True)), encoding="utf-8")
        return plan.Workflow({"params": path})


def _state(paths: Sequence[Path]) -> dict[str, list[int]]:
    return {str(path): [path.stat().st_size, path.stat().st_mtime_ns] for path in paths}


def _untouched(files: Mapping[str, list[int]]) -> bool:
    return all(Path(path).is_file() and _state([Path(path)])[path] == state for path, state in files.items())


def complete(params: Params) -> None:
    """Leave the record by which a finished world is known."""
    workflow = _workflow(params)
    outputs = [path for task in workflow.tasks for path in task.outputs]
    content = {
        "recipe": recipe(params),
        "tasks": workflow.fingerprints(),
        "codes": {task.name: task.code(params) for task in workflow.tasks},
        "files": _state(outputs),
    }
    _write(workflow.run, content)


def _write(run: Run, content: Mapping[str, Any]) -> None:
    with atomic(run.folder / COMPLETE) as partial:
        partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def over(params: Params) -> Task:
    """The notebook over all worlds."""
    run, has = Run(params.run), {*params.analysis.roles, *params.sweeps}
    worlds = [Run(world_name(params.run, seed)) for seed in (params.worlds.seeds if params.worlds else ())]
    drawn = [run.figures / f"{name}.{kind}" for name in plots.expected(NOTEBOOK, has) for kind in ("pdf", "png")]
    written = [
        run.figures / f"{name}.{kind}" for name in tables.expected(NOTEBOOK, has) for kind in ("csv", "md", "tex")
    ]
    return Task(
        "worlds", "", NOTEBOOK,
        inputs=[world.folder / COMPLETE for world in worlds],
        outputs=[*written, *drawn, run.figures / "claims.md", run.figures / "report.html"],
    )  # fmt: skip


class _Quiet(Watch):
    """A run of which nothing is printed; how it stands is asked for."""

    def _line(self, text: str) -> None:
        pass


@dataclass
class Going:
    """One world that is being made.

    Attributes:
        place: among all worlds, from 1.
        of: how many there are.
        seed: the world's.
        params: its run.
        notebooks: how many executions its run has.
        usual: seconds that an executed copy has taken in other worlds, by its name.
        began: time of the start.
    """

    place: int
    of: int
    seed: int
    params: Params
    notebooks: int
    usual: Mapping[str, float]
    began: float = field(default_factory=time.time)

    def start(self, command: Sequence[str]) -> None:
        """Start Snakemake.

        Raises:
            WorldError: another process makes this world.
        """
        folder = Run(self.params.run).folder
        folder.mkdir(parents=True, exist_ok=True)
        self.lock = (folder / "lock").open("w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.lock.close()
            raise WorldError(
                f"{self.name}: another process works in {folder}; wait until it has ended, or end it (make worlds)"
            ) from None
        (folder / COMPLETE).unlink(missing_ok=True)
        self.events = Path(tempfile.mkdtemp(prefix="honesty-"))
        self.log = (folder / "workflow.log").open("w", encoding="utf-8")
        self.watch = _Quiet(self.events, folder / "workflow.log", sys.stdout, self.began)
        environment = {**os.environ, EVENTS: str(self.events)}
        # The lock is held by Snakemake, too: should this process be killed, nobody else starts in this world before
        # Snakemake has ended.
        self.process = subprocess.Popen(
            command, env=environment, stdout=self.log, stderr=subprocess.STDOUT, pass_fds=(self.lock.fileno(),)
        )

    def end(self) -> int:
        """Close what was opened; the exit status."""
        self.watch.take()
        status = self.process.wait()
        self.log.close()
        self.lock.close()
        shutil.rmtree(self.events, ignore_errors=True)
        return status

    @property
    def name(self) -> str:
        """How the world is called, such as "world 3 of 8 (seed 3)"."""
        return f"world {self.place} of {self.of} (seed {self.seed})"

    def line(self, now: float) -> str:
        """How it stands: what runs, how many notebooks are done, how long it has gone and will still go."""
        running = ", ".join(self.watch.running) or ("goes on" if self.watch.ended else "starts")
        to_run = self.watch.planned()
        done = self.watch.ended + (0 if to_run is None else max(self.notebooks - to_run, 0))
        left = self.left(now)
        return f"{self.name}: {running}, {done} of {self.notebooks} notebooks, {clock(now - self.began)} gone" + (
            "" if left is None else f", {clock(left)} left"
        )

    def left(self, now: float) -> float | None:
        """Seconds that it still takes; None while nothing can be known.

        What other worlds took for each notebook weighs what is done against what is not; without other worlds every
        notebook weighs the same.
        """
        to_run = self.watch.planned()
        if to_run is None or not self.watch.ended:
            return None
        mean = sum(self.usual.values()) / len(self.usual) if self.usual else 1.0
        everything = sum(self.usual.values()) if self.usual and to_run == self.notebooks else mean * to_run
        done = sum(self.usual.get(label, mean) for label in self.watch.finished)
        if self.usual:
            done += sum(min(now - since, self.usual.get(label, mean)) for label, since in self.watch.running.items())
        return max(everything - done, 0.0) * (now - self.began) / done

    def failure(self) -> str:
        """What went wrong: the notebook, its cell, the error and the executed copy, or Snakemake's own words."""
        told = [
            f"{self.name}, {event['label']}: {event['problem']}\nExecuted copy: {event['copy']}"
            for event in self.watch.failures
        ]
        return "\n\n".join(told) or f"{self.name}: {reproduce.own_words(self.watch.log)}\nAll of it: {self.watch.log}"


@dataclass
class Board:
    """The lines of the worlds that are being made: rewritten on a terminal, printed every half minute elsewhere."""

    out: IO[str]
    lines: int = 0
    shown: float = field(default_factory=time.time)

    def show(self, texts: Sequence[str]) -> None:
        """Show how the worlds stand, a line each."""
        if self.out.isatty():
            width = shutil.get_terminal_size().columns - 1
            self.out.write(self._up() + "".join(f"{text[:width]}\n" for text in texts))
            self.lines = len(texts)
        elif time.time() - self.shown >= EVERY:
            self.out.write("".join(f"{text}\n" for text in texts))
            self.shown = time.time()
        self.out.flush()

    def keep(self, text: str) -> None:
        """Print a line that stays."""
        self.out.write(f"{self._up()}{text}\n")
        self.lines = 0
        self.out.flush()

    def _up(self) -> str:
        return f"\033[{self.lines}F\033[J" if self.lines else ""


def durations(params: Params) -> dict[str, float]:
    """Seconds of each executed copy of a world that is complete, by its name."""
    run, found = Run(params.run), {}
    for task in plan.tasks(params):
        path = task.executed(run)
        if path.is_file():
            timing = json.loads(path.read_text(encoding="utf-8"))["metadata"].get("papermill", {})
            found[path.stem] = float(timing.get("duration") or 0)
    return found


def make(params: Params, cores: int, rest: Sequence[str], out: IO[str]) -> int:
    """Make all worlds that are not complete.

    Args:
        params: with a worlds section.
        cores: to share out; from four on, two worlds go side by side.
        rest: options of Snakemake's own.
        out: the terminal.

    Returns:
        Exit status: 0 if all worlds are complete. After a failure no other world is started.
    """
    assert params.worlds is not None, "checked before"
    seeds, board = params.worlds.seeds, Board(out)
    at_once = 2 if cores >= 4 else 1
    usual: dict[str, float] = {}
    waiting: list[Going] = []
    for place, seed in enumerate(seeds, start=1):
        one = of_world(params, seed)
        world = Going(place, len(seeds), seed, one, len(plan.tasks(one)), usual)
        if is_complete(one):
            board.keep(f"{world.name}: complete")
            usual.update(durations(one))
        else:
            waiting.append(world)
    going: list[Going] = []
    failures: list[str] = []

    def terminate(*_: object) -> None:
        for world in going:
            world.process.terminate()

    previous = signal.signal(signal.SIGTERM, terminate)
    try:
        while going or (waiting and not failures):
            while waiting and len(going) < at_once and not failures:
                world = waiting.pop(0)
                snapshot = plan.write_snapshot(world.params)
                world.began = time.time()
                # Our own lock is enough, and is gone with whoever held it.
                world.start([*reproduce.snakemake(snapshot, None, max(cores // at_once, 1), rest), "--nolock"])
                going.append(world)
            time.sleep(0.3)
            for world in list(going):
                world.watch.take()
                if world.process.poll() is None:
                    continue
                going.remove(world)
                if world.end():
                    failures.append(world.failure())
                    board.keep(f"{world.name}: FAILED after {clock(time.time() - world.began)}")
                    continue
                complete(world.params)
                usual.update(durations(world.params))
                board.keep(f"{world.name}: done in {clock(time.time() - world.began)}")
            if going:
                board.show([world.line(time.time()) for world in going])
    except KeyboardInterrupt:
        for world in going:
            reproduce.interrupted(world.process)
            world.end()
        return 130
    except BaseException:
        terminate()
        for world in going:
            world.end()
        raise
    finally:
        signal.signal(signal.SIGTERM, previous)
    if failures:
        out.write("\n" + "\n\n".join(failures) + "\n")
    return int(bool(failures or waiting))


def conclude(path: str, params: Params, out: IO[str]) -> int:
    """Execute the notebook over all worlds, unless it has been with these worlds, this code and these params."""
    task, run = over(params), Run(params.run)
    snapshot = plan.write_snapshot(params)
    code = task.code(params)
    made_of = {
        "depends": json.dumps(resolved(params, task.sections(), task.scope), sort_keys=True),
        "code": f"{manifest.content_hash(task.source)}:{code}",
        "worlds": {str(file): manifest.content_hash(file) for file in task.inputs},
    }
    record = _record(run)
    if record and record["made_of"] == made_of and _untouched(record["files"]):
        out.write(f"{NOTEBOOK}: complete\n")
        return 0
    with atomic(run.folder / plan.CODES) as partial:
        codes = {"code_changes": params.code_changes, "codes": {NOTEBOOK: code}, "counted": {}}
        partial.write_text(json.dumps(codes, indent=1) + "\n", encoding="utf-8")
    out.write(f"{NOTEBOOK} starts\n")
    out.flush()
    values = json.dumps({"params": str(snapshot)})
    command = [sys.executable, "-m", "honesty_utils.workflow.cli", "execute", str(SOURCES / f"{NOTEBOOK}.ipynb")]
    status = subprocess.run([*command, str(task.executed(run)), "--parameters", values], check=False).returncode
    if status == 0:
        _write(run, {"made_of": made_of, "files": _state(list(task.outputs))})
        out.write(f"Results over worlds: {run.figures / 'report.html'}\n")
    return status


def _cores() -> int:
    """Those that this process may use; not every system can tell, and then all that there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def main(arguments: list[str] | None = None) -> int:
    """Command line: a params file with a worlds section; what follows ``--`` is Snakemake's."""
    parser = argparse.ArgumentParser(prog="honesty worlds", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("params", help="params file with a worlds section, or several joined by +")
    parser.add_argument("--data", help="local folder with copies of the question sets")
    parser.add_argument("--cores", default="all", help="a number, or all")
    options, rest = parser.parse_known_args(arguments)
    if options.cores != "all" and not (options.cores.isdecimal() and int(options.cores)):
        parser.error(f"--cores: {options.cores!r}; write a number of 1 or more, or all")
    from honesty_utils.workflow.preflight import check

    status = check(options.params, options.data)
    if status:
        return status
    params = load(options.params, options.data)
    try:
        seeds = _seeds(options.params, params)
        cores = _cores() if options.cores == "all" else int(options.cores)
        if len(seeds) < LEAST:
            print(f"{options.params}: {len(seeds)} of at least {LEAST} worlds: every verdict will be inconclusive")
        return make(params, cores, rest, sys.stdout) or conclude(options.params, params, sys.stdout)
    except (ConfigError, WorldError) as error:
        print(error, file=sys.stderr)
        return 2
