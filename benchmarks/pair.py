"""The workflow of an earlier commit against today's: ``python benchmarks/pair.py 9686007 params/smoke.yaml``.

Both run the params file of the earlier commit from nothing on all cores, the earlier one in a worktree of its own, one
after the other in a round; every second round begins with today's. Both run in this environment, so the libraries are
the same. Figures and tables that both make are compared byte by byte. Writes ``benchmarks/pair_<run>.csv`` (quantity,
before, after, ratio).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import pandas as pd
import psutil

from honesty_utils.common import manifest, variables
from honesty_utils.workflow import params as params_file

HERE = Path(__file__).resolve().parent
TOP = HERE.parent
# What make sets: waiting threads sleep.
QUIET = {"TOKENIZERS_PARALLELISM": "false", **variables.THREADS}


def minutes(code: Path, folder: Path, params: Path) -> float:
    """Wall time of a whole run of a params file by the code in ``code``, made from nothing in ``folder``."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "snakemake", "--cores", "all", "--directory", folder]
    command += ["--snakefile", code / "Snakefile", "--config", f"params={params}"]
    environment = {**os.environ, **QUIET, "HONESTY_ROOT": str(folder), "PYTHONPATH": str(code)}
    started = time.monotonic()
    command = list(map(str, command))
    done = subprocess.run(command, cwd=code, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{code}: the run failed with status {done.returncode}\n{done.stderr[-3000:]}")
    return (time.monotonic() - started) / 60


def figures(folder: Path, run: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "figures" / run).iterdir() if path.is_file()}


def kernels(folder: Path, run: str) -> int:
    return len(list((folder / "runs" / run).rglob("*.ipynb")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit")
    parser.add_argument("params", nargs="?", default="params/smoke.yaml", help="a file of the earlier commit")
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        codes = {"before": Path(scratch) / "code", "after": TOP}
        add = ["git", "worktree", "add", "--detach", codes["before"], arguments.commit]
        subprocess.run(list(map(str, add)), cwd=TOP, check=True, capture_output=True)
        params = codes["before"] / arguments.params
        run = params_file.load(params).run
        try:
            times: dict[str, list[float]] = {"before": [], "after": []}
            for number in range(arguments.rounds):
                for which in list(codes)[:: -1 if number % 2 else 1]:
                    times[which].append(minutes(codes[which], Path(scratch) / which, params))
                    print(f"{which}: {times[which][-1]:.2f} minutes", flush=True)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", codes["before"]], cwd=TOP, check=True)
        made = {which: figures(Path(scratch) / which, run) for which in codes}
        count = {which: kernels(Path(scratch) / which, run) for which in codes}
    common = sorted(made["before"].keys() & made["after"].keys())
    differ = [name for name in common if made["before"][name] != made["after"][name]]
    before, after = (round(median(times[which]), 2) for which in codes)
    columns = ["quantity", "before", "after", "after / before"]
    rows = [
        ("wall time, minutes", before, after, round(after / before, 2)),
        ("executed notebooks", count["before"], count["after"], round(count["after"] / count["before"], 2)),
        ("tables and figures", len(made["before"]), len(made["after"]), ""),
        ("of those in both, other bytes", "", f"{len(differ)} of {len(common)}: {', '.join(differ) or 'none'}", ""),
        ("processor", "", f"{psutil.cpu_count()} cores, {manifest.device()}", ""),
    ]
    table = pd.DataFrame(rows, columns=columns)
    table.to_csv(HERE / f"pair_{run}.csv", index=False)
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
