"""Claims of GPUs: locks on files, so that a machine without any GPU can test them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from honesty_utils.devices import VISIBLE, DeviceError, claimed

HOLD = """
import sys, time
from honesty_utils.devices import VISIBLE, claimed
import os
with claimed(int(sys.argv[1]), total=4, folder=sys.argv[2]) as chosen:
    print(os.environ[VISIBLE], flush=True)
    time.sleep(float(sys.argv[3]))
"""


@pytest.fixture(autouse=True)
def nothing_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VISIBLE, raising=False)


def hold(count: int, folder: Path, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLD, str(count), str(folder), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_jobs_side_by_side_have_gpus_of_their_own(tmp_path: Path) -> None:
    jobs = [hold(count, tmp_path, 30) for count in (2, 1, 1)]
    try:
        seen = [job.stdout.readline().strip().split(",") for job in jobs if job.stdout]
        assert sorted(map(len, seen)) == [1, 1, 2]
        assert sorted(number for numbers in seen for number in numbers) == list("0123")
    finally:
        for job in jobs:
            job.kill()
            job.wait()


def test_a_job_waits_for_gpus_and_takes_those_of_a_killed_one(tmp_path: Path) -> None:
    first = hold(3, tmp_path, 60)
    assert first.stdout and first.stdout.readline() == "0,1,2\n"
    second = hold(2, tmp_path, 0)
    time.sleep(1)
    assert second.poll() is None  # one is free, two are asked for
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert second.communicate(timeout=30)[0] == "0,1\n"


def test_claims_end_with_the_block(tmp_path: Path) -> None:
    for _ in range(2):
        with claimed(4, total=4, folder=tmp_path) as chosen:
            assert chosen == [0, 1, 2, 3] and os.environ[VISIBLE] == "0,1,2,3"
        assert VISIBLE not in os.environ


def test_nothing_is_claimed_where_others_have_chosen_or_there_is_no_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with claimed(1, total=0, folder=tmp_path) as chosen:
        assert chosen == [] and VISIBLE not in os.environ
    with claimed(0, total=4, folder=tmp_path) as chosen:
        assert chosen == [] and VISIBLE not in os.environ
    monkeypatch.setenv(VISIBLE, "5")
    with claimed(1, total=4, folder=tmp_path) as chosen:
        assert chosen == [] and os.environ[VISIBLE] == "5"
    assert not list(tmp_path.iterdir())


def test_more_than_there_are(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="5 GPUs are asked for and this machine has 4"), claimed(5, 4, tmp_path):
        pass
