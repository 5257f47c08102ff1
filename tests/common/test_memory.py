"""Memory that a process keeps for its next array is given back when it is told to."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from honesty_utils.common import memory, variables

PROGRAM = """
import json
from pathlib import Path
import numpy as np
from honesty_utils.common import memory

def held():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

arrays = [np.ones(2**19) for _ in range(64)]  # 4 MiB each
most = held()
del arrays
kept = held()
memory.give_back()
print(json.dumps([most, kept, held()]))
"""


@pytest.mark.skipif(memory._trim() is None or not os.path.exists("/proc/self/statm"), reason="GNU's C library on Linux")
def test_what_nothing_uses_is_kept_until_it_is_given_back():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, **variables.MEMORY},
        capture_output=True,
        text=True,
        check=True,
    )
    most, kept, after = json.loads(done.stdout)
    assert kept > most - 50 and after < kept - 200


def test_elsewhere_nothing_happens(monkeypatch):
    asked = []
    monkeypatch.setattr(memory, "_trim", lambda: asked.append)
    memory.give_back()
    assert asked == [0]
    monkeypatch.setattr(memory, "_trim", lambda: None)
    memory.give_back()
    assert asked == [0]
