"""Claims of GPUs: locks on files, so that a machine without any GPU can test them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from honesty_utils.workflow.devices import VISIBLE, DeviceError, claimed, visible

HOLD = """
import sys, time
from honesty_utils.workflow.devices import VISIBLE
from honesty_utils.workflow.devices import claimed
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
            assert chosen == ["0", "1", "2", "3"] and os.environ[VISIBLE] == "0,1,2,3"
        assert VISIBLE not in os.environ


def test_nothing_is_claimed_where_there_is_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with claimed(1, total=0, folder=tmp_path) as chosen:
        assert chosen == [] and VISIBLE not in os.environ
    with claimed(0, total=4, folder=tmp_path) as chosen:
        assert chosen == [] and VISIBLE not in os.environ
    for hidden in ("", "-1"):
        monkeypatch.setenv(VISIBLE, hidden)
        with claimed(1, total=4, folder=tmp_path) as chosen:
            assert chosen == [] and os.environ[VISIBLE] == hidden
    monkeypatch.setenv(VISIBLE, "0")
    with claimed(1, total=0, folder=tmp_path) as chosen:
        assert chosen == [] and os.environ[VISIBLE] == "0"
    assert not list(tmp_path.iterdir())


def test_jobs_share_out_the_gpus_that_a_user_has_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VISIBLE, "3,1")
    first, second = (hold(1, tmp_path, 30) for _ in range(2))
    try:
        assert {job.stdout.readline() for job in (first, second) if job.stdout} == {"3\n", "1\n"}
    finally:
        for job in (first, second):
            job.kill()
            job.wait()
    with claimed(2, total=4, folder=tmp_path) as chosen:
        assert chosen == ["3", "1"]
    assert os.environ[VISIBLE] == "3,1"


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        (None, ["0", "1", "2", "3"]),
        ("2, 3", ["2", "3"]),
        ("2,9,3", ["2"]),
        ("1,-1,2", ["1"]),
        ("GPU-8932f937,MIG-GPU-5c1/1/0", ["GPU-8932f937", "MIG-GPU-5c1/1/0"]),
    ],
)
def test_gpus_that_a_process_sees(listed: str | None, expected: list[str]) -> None:
    assert visible(4, listed) == expected


def test_jobs_of_a_queue_do_not_wait_for_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Two jobs on one node, each shown one GPU, which both call 0.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv(VISIBLE, "0")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    with claimed(1, total=1) as first:
        monkeypatch.setenv("SLURM_JOB_ID", "8")
        with claimed(1, total=1) as second:
            assert first == second == ["0"]


def test_more_than_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DeviceError, match="5 GPUs are asked for and this machine has 4"), claimed(5, 4, tmp_path):
        pass
    monkeypatch.setenv(VISIBLE, "2,3")
    with pytest.raises(DeviceError, match="3 GPUs are asked for and CUDA_VISIBLE_DEVICES=2,3 lists 2"):
        claimed(3, 4, tmp_path).__enter__()


@pytest.mark.parametrize(
    ("gpus", "listed", "expected"), [(8, None, "8"), (8, "4,5,6,7", "4"), (8, "", "0"), (0, "0", "0")]
)
def test_make_counts_the_gpus_that_a_user_has_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gpus: int, listed: str | None, expected: str
) -> None:
    driver = tmp_path / "nvidia-smi"
    driver.write_text("#!/bin/sh\n" + "".join(f"echo 'GPU {i}: (UUID: GPU-{i})'\n" for i in range(gpus)))
    driver.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    if listed is not None:
        monkeypatch.setenv(VISIBLE, listed)
    command = ["make", "--silent", "--eval", "show: ; @echo $(GPUS)", "show"]
    shown = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == expected
