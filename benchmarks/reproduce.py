"""Time, memory and disk of a whole run from nothing: ``python benchmarks/reproduce.py params/microworld.yaml``.

Deletes the run's artifacts, runs ``make reproduce`` and writes ``benchmarks/reproduce_<run>.csv`` (quantity, value,
unit) and ``benchmarks/stages_<run>.csv`` (seconds of each stage, from the executed notebooks). Memory is the highest
sum, over all processes of the run, of their proportional share of memory, read twice a second.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import psutil

from honesty_utils.common import manifest
from honesty_utils.common.paths import Run
from honesty_utils.results import markers
from honesty_utils.workflow import params as params_file

HERE = Path(__file__).resolve().parent


def memory(process: psutil.Process) -> int:
    """Bytes in use by a process and all below it; a page that several share is counted once."""
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += one.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total


def measure(params: str) -> pd.DataFrame:
    run = Run(params_file.load(params).run)
    shutil.rmtree(run.folder, ignore_errors=True)
    subprocess.run(["make", "install", f"PARAMS={params}"], cwd=HERE.parent, check=True)  # what is fetched is not timed
    started, peak = time.monotonic(), 0
    process = psutil.Popen(["make", "reproduce", f"PARAMS={params}"], cwd=HERE.parent)
    while process.poll() is None:
        peak = max(peak, memory(process))
        time.sleep(0.5)
    if process.returncode:
        sys.exit(f"make reproduce PARAMS={params} failed with status {process.returncode}")
    seconds = time.monotonic() - started
    used = subprocess.run(["du", "-sm", run.folder], capture_output=True, text=True, check=True).stdout.split()[0]
    markers.stage_times(run.name).to_csv(HERE / f"stages_{run.name}.csv", index=False)
    rows = [
        ("wall time", round(seconds / 60, 1), "minutes"),
        ("peak memory", round(peak / 2**30, 1), "GiB"),
        ("disk under runs/", int(used), "MiB"),
        ("processor", f"{psutil.cpu_count()} cores, {manifest.device()}", ""),
    ]
    return pd.DataFrame(rows, columns=["quantity", "value", "unit"])


if __name__ == "__main__":
    path = sys.argv[1] if len(sys.argv) > 1 else "params/microworld.yaml"
    table = measure(path)
    table.to_csv(HERE / f"reproduce_{params_file.load(path).run}.csv", index=False)
    print(table.to_string(index=False))
