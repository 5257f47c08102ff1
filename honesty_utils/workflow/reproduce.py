"""``honesty reproduce PARAMS``: the whole run, with a line when a stage starts and one when it ends.

Snakemake orders and executes; what it says goes into ``runs/<run>/workflow.log``. What a person sees is made here: how
long, how many of all, and how far what is running has come, on one line that is rewritten on a terminal and printed
every half minute elsewhere. A failure ends with the notebook's error, its cell and the executed copy.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from honesty_utils.common.paths import Run, root
from honesty_utils.common.variables import EVENTS

EVERY = 30.0
"""Seconds between two lines on what is running, where no line can be rewritten."""
GRACE = 10.0
"""Seconds that Snakemake has after Ctrl-C to end by itself."""

TOTAL = re.compile(r"^total\s+(\d+)", re.MULTILINE)
ALL = re.compile(r"^all\s+\d+", re.MULTILINE)
"""Snakemake's table of what it will run; ``all`` is one of them, unless some rule is named."""


@dataclass
class Watch:
    """What is told while a run goes on.

    Attributes:
        folder: where executions leave events and progress.
        log: what Snakemake says.
        out: the terminal.
        began: time of the start.
    """

    folder: Path
    log: Path
    out: IO[str]
    began: float = field(default_factory=time.time)
    running: dict[str, float] = field(default_factory=dict)
    finished: list[str] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    read: int = 0
    shown: float = field(default_factory=time.time)

    @property
    def ended(self) -> int:
        """How many notebooks are done."""
        return len(self.finished)

    @property
    def terminal(self) -> bool:
        """Whether a line can be rewritten."""
        return self.out.isatty()

    def take(self) -> None:
        """Take note of what has happened since the last time."""
        for event in self._events():
            getattr(self, f"_{event['kind']}")(event)

    def look(self) -> None:
        """Print what has happened since the last look."""
        self.take()
        if not self.running:
            return
        if self.terminal:
            width = shutil.get_terminal_size().columns - 1
            self.out.write("\r\033[K" + self.status()[:width])
            self.out.flush()
        elif time.time() - self.shown >= EVERY:
            self._line(self.status())

    def status(self) -> str:
        """What is running, with its rate and the time that is left, on one line."""
        return f"[{clock(time.time() - self.began)}] … " + " · ".join(
            f"{label} {told(self.folder / f'{label}.json', since)}" for label, since in self.running.items()
        )

    def planned(self) -> int | None:
        """How many notebooks will be executed; None before Snakemake has counted."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.is_file() else ""
        found = TOTAL.findall(text)
        # The rule that asks for everything is counted, too; a run up to some notebook has none.
        return int(found[-1]) - len(ALL.findall(text)[-1:]) if found else None

    def total(self) -> str:
        """`` n of all``, once Snakemake has counted."""
        planned = self.planned()
        return f"{self.ended}" if planned is None else f"{self.ended} of {planned}"

    def _events(self) -> Iterator[dict[str, Any]]:
        path = self.folder / "events.jsonl"
        if path.is_file():
            with path.open(encoding="utf-8") as file:
                file.seek(self.read)
                for line in iter(file.readline, ""):
                    if not line.endswith("\n"):
                        break  # the rest of it is still being written
                    self.read += len(line.encode())
                    yield json.loads(line)

    def _started(self, event: dict[str, Any]) -> None:
        self.running[event["label"]] = event["at"]
        self._line(f"[{clock(event['at'] - self.began)}] {event['label']} starts")

    def _ended(self, event: dict[str, Any]) -> None:
        self.running.pop(event["label"], None)
        self.finished.append(event["label"])
        self._line(
            f"[{clock(event['at'] - self.began)}] {event['label']} done in {event['seconds']} s ({self.total()})"
        )

    def _failed(self, event: dict[str, Any]) -> None:
        self.running.pop(event["label"], None)
        self.failures.append(event)
        self._line(f"[{clock(event['at'] - self.began)}] {event['label']} FAILED")

    def _line(self, text: str) -> None:
        self.out.write(("\r\033[K" if self.terminal else "") + text + "\n")
        self.out.flush()
        self.shown = time.time()


def clock(seconds: float) -> str:
    """``mm:ss``, or ``h:mm:ss`` from an hour on."""
    hours, rest = divmod(int(seconds), 3600)
    return (f"{hours}:" if hours else "") + f"{rest // 60:02d}:{rest % 60:02d}"


def told(path: Path, since: float) -> str:
    """What a progress file says: how far, how fast, how long still; before it says anything, for how long it runs."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return clock(time.time() - since)
    done, total, seconds = found["done"], found["total"], max(time.time() - found["started"], 1e-9)
    text = f"{found['what']}: {done:,} of {total:,} {found['unit']}"
    if not done or done >= total:
        return text
    return f"{text}, {done / seconds:,.3g}/s, {clock((total - done) * seconds / done)} left"


def run(command: Sequence[str], run_folder: Path, out: IO[str]) -> int:
    """Run Snakemake and tell how it goes.

    Args:
        command: Snakemake's.
        run_folder: of the run; its log goes there.
        out: the terminal.

    Returns:
        Its exit status.
    """
    run_folder.mkdir(parents=True, exist_ok=True)
    log = run_folder / "workflow.log"
    with tempfile.TemporaryDirectory(prefix="honesty-") as folder, log.open("w", encoding="utf-8") as file:
        watch = Watch(Path(folder), log, out)
        environment = {**os.environ, EVENTS: folder}
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=subprocess.STDOUT)
        stop = signal.signal(signal.SIGTERM, lambda *_: end(process.pid))
        try:
            while process.poll() is None:
                watch.look()
                time.sleep(0.3)
        except KeyboardInterrupt:
            interrupted(process)
        finally:
            signal.signal(signal.SIGTERM, stop)
        watch.look()
        return finish(watch, process.returncode)


def interrupted(process: subprocess.Popen[bytes]) -> None:
    """Wait for Snakemake, which has had the signal, too, and waits for its jobs: one that began just then has not."""
    while True:
        try:
            process.wait(GRACE)
            return
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            end(process.pid)


def end(pid: int) -> None:
    """Have a process and all below it end: Snakemake alone would wait for the notebooks that run."""
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        top = psutil.Process(pid)
        for process in [top, *top.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()


def finish(watch: Watch, status: int) -> int:
    """Say how it ended: what failed and why, or what Snakemake itself could not do."""
    for event in watch.failures:
        watch.out.write(f"\n{event['label']}: {event['problem']}\nExecuted copy: {event['copy']}\n")
    if status and not watch.failures:
        watch.out.write(f"\n{own_words(watch.log)}\nAll of it: {watch.log}\n")
    watch.out.flush()
    return status


def other_code(names: Sequence[str]) -> str:
    """What is said of results that other code has made and that stay (``code_changes: report``)."""
    if not names:
        return ""
    shown = "\n".join(f"  {name}" for name in names)
    return f"Made by other code, and kept; FORCE=<name> makes one again with what follows:\n{shown}\n"


def own_words(log: Path) -> str:
    """The last thing that Snakemake said, with the remedy where it is known."""
    text = log.read_text(encoding="utf-8", errors="replace").strip()
    if "LockException" in text or "Directory cannot be locked" in text:
        return "Another run works in this folder, or one was killed in it; if none is running: make unlock"
    return "\n".join(text.splitlines()[-12:])


def main(arguments: list[str] | None = None) -> int:
    """Command line: a params file; what follows ``--`` is Snakemake's."""
    parser = argparse.ArgumentParser(prog="honesty reproduce", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("params", help="params file, or several joined by +")
    parser.add_argument("--data", help="local folder with copies of the question sets")
    parser.add_argument("--cores", default="all", help="how many notebooks run at a time, or all")
    options, rest = parser.parse_known_args(arguments)
    if options.cores != "all" and not (options.cores.isdecimal() and int(options.cores) > 0):
        parser.error(f"--cores {options.cores}: a number of at least 1 is needed, or all")
    # What is checked is imported only here: a mistyped option need not wait for it.
    from honesty_utils.workflow import plan
    from honesty_utils.workflow.params import load
    from honesty_utils.workflow.preflight import check

    status = check(options.params, options.data)
    if status:
        return status
    params = load(options.params, options.data)
    if params.worlds is not None:
        print(plan.several(options.params, params), file=sys.stderr)
        return 2
    try:
        plan.check_rules(params, rest)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if params.code_changes == "report":
        print(other_code(plan.made_by_other_code(params)), end="")
    command = snakemake(options.params, options.data, options.cores, rest)
    return run(command, Run(params.run).folder, sys.stdout)


def snakemake(params: str | Path, data: str | None, cores: str | int, rest: Sequence[str]) -> list[str]:
    """Snakemake's command for one run.

    Args:
        params: the params file.
        data: local folder with copies of the question sets.
        cores: how many, or "all".
        rest: options of Snakemake's own, perhaps behind ``--``.
    """
    config = [f"params={params}", *([f"data={data}"] if data else [])]
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(root() / "Snakefile"), "--cores", str(cores)]
    return [*command, "--config", *config, "--rerun-incomplete", *(item for item in rest if item != "--")]
