"""A whole run under kills and faults: ``python benchmarks/faults.py``.

The smoke run with two methods is made once undisturbed. Then it is made again while one process of it, or all of them
at once, is killed with SIGKILL at random moments, as often as asked, and started again each time. Then nine kinds of
faults, each in a run of its own that is started again afterwards. In the end tables, models, figures and pages are
compared with those of the undisturbed run, byte by byte. Writes ``benchmarks/faults.csv``, in which rows of earlier
calls stay; exit status 1 if a byte differs, a process is left, or a kill cost more notebooks than were running.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import psutil
import yaml

from honesty_utils.common import manifest

HERE = Path(__file__).resolve().parent
TOP = HERE.parent
OUT = HERE / "faults.csv"
COMPARED = {".parquet", ".csv", ".md", ".tex", ".png", ".pdf", ".html", ".safetensors"}
CORES = 2
VICTIMS = ("all", "snakemake", "execute", "kernel")
# Until the first notebook runs, nothing is lost; lives are counted from there.
PATIENCE = 300.0
PARAMS = {
    "extends": "smoke",
    "run": "faults",
    "without": [
        "prior_known", "sweeps", "drift", "questions.own", "analysis.roles", "evaluation.datasets",
        "questions.train_open", "questions.indist_open",
        *(f"methods.{name}" for name in (
            "confidence_num", "confidence_verb", "multisample", "confidence_verb_choice", "likelihood_threshold",
            "idk_dpo", "p_ik", "elicited", "craft", "r_tuning_sure", "conf_tuner", "idk_hir", "truth_rl_warm", "merged",
            "divide_then_align",
        )),
    ],
    "evaluation": {"datasets": ["indist", "unknown"]},
    "analysis": {"roles": {"in_distribution": "indist", "prior_unknown": "unknown"}},
}  # fmt: skip


class Folder:
    """A place in which the run is made, and the processes that make it."""

    def __init__(self, path: Path) -> None:
        self.path, self.starts = path, 0
        path.mkdir(parents=True)
        shutil.copy(TOP / "params" / "smoke.yaml", path)
        shutil.copy(TOP / "Snakefile", path)
        (path / "faults.yaml").write_text(yaml.safe_dump(PARAMS), encoding="utf-8")
        self.environment = {**os.environ, "HONESTY_ROOT": str(path), "PYTHONPATH": str(TOP), "OMP_NUM_THREADS": "1"}

    def start(self, limits: Callable[[], None] | None = None) -> psutil.Popen:
        """Start the run, or go on with it."""
        command = [sys.executable, "-m", "honesty_utils.workflow.cli", "reproduce", str(self.path / "faults.yaml")]
        self.log = self.path / f"attempt-{self.starts}.log"
        self.starts += 1

        def ready() -> None:
            # A shell has Ctrl-C ignored in what it starts in the background, and what that starts ignores it, too.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            if limits:
                limits()

        with self.log.open("w") as log:
            return psutil.Popen(
                [*command, "--cores", str(CORES)], cwd=TOP, env=self.environment, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=ready,
            )  # fmt: skip

    def finish(self) -> float:
        """Go on until all is made; seconds it took.

        Raises:
            SystemExit: it fails.
        """
        started = time.monotonic()
        self.unlock()
        if self.start().wait():
            sys.exit(f"{self.path.name}: failed:\n{self.log.read_text()[-3000:]}")
        return time.monotonic() - started

    def unlock(self) -> None:
        """What ``make unlock`` does."""
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(TOP / "Snakefile"), "--cores", "1"]
        config = ["--config", f"params={self.path / 'faults.yaml'}", "--unlock"]
        subprocess.run([*command, *config], cwd=TOP, env=self.environment, capture_output=True, check=False)

    def executed(self) -> int:
        """Notebooks that were begun, in all attempts together."""
        logs = [log.read_text(errors="replace") for log in self.path.glob("attempt-*.log")]
        return sum(line.endswith(" starts") for log in logs for line in log.splitlines())

    def results(self) -> dict[str, bytes]:
        """What the run has made, by its place; shards are kept for a run that goes on, and may be deleted."""
        places = [self.path / top / "faults" for top in ("runs", "figures")]
        found = [file for place in places for file in sorted(place.rglob("*")) if "shards" not in file.parts]
        files = [file for file in found if file.suffix in COMPARED]
        return {str(file.relative_to(self.path)): file.read_bytes() for file in files}


def begun(process: psutil.Popen) -> list[psutil.Process]:
    """Wait until a notebook of a run is at work; all of its processes, or none if it is over."""
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        found = family(process)
        if any("ipykernel_launcher" in " ".join(command(one)) for one in found):
            return found
        time.sleep(0.2)
    return []


def family(process: psutil.Popen) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def kind(process: psutil.Process) -> str:
    words = command(process)
    if "snakemake" in words:
        return "snakemake"
    if "execute" in words:
        return "execute"
    return "kernel" if "ipykernel_launcher" in " ".join(words) else "other"


def kill(process: psutil.Popen, victim: str, rng: random.Random) -> bool:
    """Kill one process of a kind, or all; whether there was one."""
    found = family(process)
    chosen = found if victim == "all" else [one for one in found if kind(one) == victim]
    if not chosen:
        return False
    for one in chosen if victim == "all" else [rng.choice(chosen)]:
        try:
            one.kill()
        except psutil.NoSuchProcess:
            continue
    return True


def left(found: Sequence[psutil.Process], seconds: float = 120) -> int:
    """How many of these processes do not end by themselves; those are ended."""
    _, alive = psutil.wait_procs(found, timeout=seconds)
    for one in alive:
        one.kill()
    return len(alive)


@dataclass(frozen=True)
class Row:
    fault: str
    times: int
    same: bool
    left: int
    again: float | None = None

    @property
    def holds(self) -> bool:
        return self.same and not self.left and (self.again is None or self.again <= CORES)


def killed(folder: Folder, whole: dict[str, bytes], notebooks: int, kills: int, seconds: float, seed: int) -> Row:
    """Kill the run ``kills`` times; a run that is over too early is made once more from nothing."""
    rng, done, remaining, rounds = random.Random(seed), 0, 0, 1
    while done < kills:
        folder.unlock()
        process = folder.start()
        found = begun(process)
        life = rng.uniform(0, 4 * seconds / kills)
        deadline = time.monotonic() + life
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        found = family(process) or found
        if process.poll() is None and kill(process, rng.choice(VICTIMS), rng):
            done += 1
        remaining += left(found)
        if process.poll() == 0:
            if folder.results() != whole:
                return Row(KILLS, done, False, remaining)
            rounds += 1
            for top in ("runs", "figures"):
                shutil.rmtree(folder.path / top)
        print(f"{done} of {kills} kills, {rounds} rounds", flush=True)
    folder.finish()
    again = (folder.executed() - rounds * notebooks) / kills
    return Row(KILLS, kills, folder.results() == whole, remaining, round(again, 2))


# --- faults: each disturbs a run of its own, and returns how many processes it left -----------------------------------


def signaled(number: int) -> Callable[[Folder, random.Random], int]:
    def fault(folder: Folder, rng: random.Random) -> int:
        process = folder.start()
        found = begun(process)
        time.sleep(rng.uniform(1, 10))
        found = family(process) or found
        if number == signal.SIGINT:
            os.killpg(process.pid, number)  # what a terminal does
        else:
            process.send_signal(number)
        return left([process, *found], 60)

    return fault


def limited(which: int, most: int) -> Callable[[Folder, random.Random], int]:
    """Every process is held to a limit of the system; the run has to fail, and no more."""

    def fault(folder: Folder, rng: random.Random) -> int:
        process = folder.start(lambda: resource.setrlimit(which, (most, most)))
        found = begun(process)
        status = process.wait()
        if status == 0:
            sys.exit(f"a limit of {most} was not felt")
        return left(found, 60)

    return fault


def twice(folder: Folder, rng: random.Random) -> int:
    first = folder.start()
    found = begun(first)
    second = folder.start()
    if second.wait() == 0 or "make unlock" not in folder.log.read_text():
        sys.exit(f"a second run in the same folder: {folder.log.read_text()[-1000:]}")
    if first.wait():
        sys.exit("the first of two runs did not survive the second")
    return left(found, 60)


def files(folder: Folder) -> list[Path]:
    return [path for path in sorted(folder.path.joinpath("runs").rglob("*")) if path.is_file()]


def jumped(folder: Folder, rng: random.Random) -> int:
    folder.finish()
    for path in files(folder):
        moment = time.time() + rng.uniform(-400, 400) * 86_400
        os.utime(path, (moment, moment))
    return 0


def deleted(folder: Folder, rng: random.Random) -> int:
    folder.finish()
    made = [path for path in [*files(folder), *folder.path.joinpath("figures").rglob("*.*")] if path.suffix in COMPARED]
    for path in rng.sample(made, len(made) // 5):
        path.unlink(missing_ok=True)
    return 0


def damaged(change: Callable[[bytes, random.Random], bytes]) -> Callable[[Folder, random.Random], int]:
    """Tables of a finished run are damaged and its later results deleted: what reads them has to name them."""

    def fault(folder: Folder, rng: random.Random) -> int:
        folder.finish()
        tables = [path for path in files(folder) if path.suffix == ".parquet"]
        for path in rng.sample(tables, 3):
            path.write_bytes(change(path.read_bytes(), rng))
        for _ in range(len(tables)):
            shutil.rmtree(folder.path / "figures", ignore_errors=True)
            folder.unlock()
            if folder.start().wait() == 0:
                break
            said = folder.log.read_text()
            named = [path for path in tables if str(path) in said and path.exists()]
            if not named or "delete it" not in said:
                sys.exit(f"a damaged table was not named: {said[-2000:]}")
            for path in named:
                path.unlink()
        # What nothing has read since is damaged still; a user who deletes it has it made again.
        for path in tables:
            if path.exists() and path.read_bytes() != WHOLE.get(str(path.relative_to(folder.path))):
                path.unlink()
        return 0

    return fault


KILLS = "SIGKILL at random moments"
WHOLE: dict[str, bytes] = {}


def flip(content: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(content))
    return content[:place] + bytes([content[place] ^ 1 << rng.randrange(8)]) + content[place + 1 :]


def cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content))]


FAULTS: dict[str, Callable[[Folder, random.Random], int]] = {
    "Ctrl-C": signaled(signal.SIGINT),
    "SIGTERM": signaled(signal.SIGTERM),
    "no file may grow beyond 32 KB, as on a full disk": limited(resource.RLIMIT_FSIZE, 32 * 1024),
    "1.5 GB of addresses a process, as with short memory": limited(resource.RLIMIT_AS, 1_500_000_000),
    "two runs at once": twice,
    "times of files jump by up to 400 days": jumped,
    "a fifth of the results deleted": deleted,
    "one bit flipped in three tables": damaged(flip),
    "three tables cut": damaged(cut),
}


def measure(place: Path, kills: int, seed: int, chosen: Sequence[str]) -> Iterator[Row]:
    """A row for the kills and for each fault; one that the run does not survive has other bytes."""
    undisturbed = Folder(place / "whole")
    seconds, notebooks = undisturbed.finish(), undisturbed.executed()
    WHOLE.update(undisturbed.results())
    print(f"undisturbed: {seconds:.0f} s, {notebooks} notebooks, {len(WHOLE)} files to compare", flush=True)
    if kills:
        yield killed(Folder(place / "killed"), WHOLE, notebooks, kills, seconds, seed)
    for number, name in enumerate(chosen):
        folder, remaining = Folder(place / f"fault-{number}"), 0
        try:
            remaining = FAULTS[name](folder, random.Random(seed + number))
            folder.finish()
        except SystemExit as problem:
            print(f"{name}: {problem}", flush=True)
        yield Row(name, 1, folder.results() == WHOLE, remaining)


def keep(row: Row, revision: str) -> pd.DataFrame:
    """Put a row into the table, in the place of the one that an earlier call left."""
    told = {
        "fault": row.fault, "times": row.times, "same bytes": "yes" if row.same else "no", "processes left": row.left,
        "notebooks begun again, each time": row.again, "revision": revision,
        "processor": f"{os.cpu_count()} cores, {manifest.device()}",
    }  # fmt: skip
    table = pd.DataFrame([told])
    if OUT.is_file():
        table = pd.concat([pd.read_csv(OUT), table]).drop_duplicates("fault", keep="last")
    order = [KILLS, *FAULTS]
    table = table[table["fault"].isin(order)].sort_values("fault", key=lambda names: names.map(order.index))
    table.to_csv(OUT, index=False)
    return table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, help="none: 50, or with --only 0")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--only", default="", help="faults whose name holds this, or one of several between bars")
    options = parser.parse_args()
    chosen = [name for name in FAULTS if any(part in name for part in options.only.split("|"))]
    kills = (0 if options.only else 50) if options.kills is None else options.kills
    failed = False
    with tempfile.TemporaryDirectory(prefix="faults-") as place:
        for row in measure(Path(place), kills, options.seed, chosen):
            print(keep(row, manifest.git_revision()).to_string(index=False), flush=True)
            failed |= not row.holds
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
