"""How long the tests take: ``python benchmarks/suite.py`` runs ``make test`` and writes ``benchmarks/suite.csv``.

What is installed already is not installed again; the time of an installation hangs on the network more than on this
project, its size does not.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import psutil

from honesty_utils.common import manifest

HERE = Path(__file__).resolve().parent
TOP = HERE.parent


def main() -> int:
    started = time.monotonic()
    tests = subprocess.run(["make", "test"], cwd=TOP, capture_output=True, text=True, check=False)
    minutes = (time.monotonic() - started) / 60
    print(tests.stdout[-3000:], tests.stderr[-3000:])
    if tests.returncode:
        return tests.returncode
    counts = dict(re.findall(r"(\d+) (passed|skipped)", tests.stdout.splitlines()[-1]))
    counts = {name: int(number) for number, name in counts.items()}
    used = subprocess.run(["du", "-sm", TOP / ".venv"], capture_output=True, text=True, check=True).stdout.split()[0]
    rows = [
        ("tests passed", counts["passed"], ""),
        ("tests skipped", counts.get("skipped", 0), ""),
        ("wall time", round(minutes, 1), "minutes"),
        ("disk of .venv/, with vLLM for CPUs", round(int(used) / 1024, 1), "GiB"),
        ("processor", f"{psutil.cpu_count()} cores, {manifest.device()}", ""),
    ]
    pd.DataFrame(rows, columns=["quantity", "value", "unit"]).to_csv(HERE / "suite.csv", index=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
