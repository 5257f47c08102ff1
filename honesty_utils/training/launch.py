"""Several devices: ``accelerate launch`` as a process of its own, never inside a kernel; its log is the notebook's."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections import deque
from pathlib import Path

from honesty_utils.training import checks
from honesty_utils.training.job import Job, TrainingError, TrainingResult
from honesty_utils.training.layouts import Layout

LAST_LINES = 30
"""Of the log, in the error of a launch that failed."""


def run(job: Job, chosen: Layout) -> TrainingResult:
    """Launch ``job``, print its log as it comes, and wait.

    Raises:
        TrainingError: fewer devices than processes, a batch that cannot be shared out, or a launch that failed; then
            with the error of the process that failed or, if it left none, the last lines of the log.
    """
    kind = checks.check_machine(job.settings, job.model)
    checks.check(job, kind)
    for stale in (job.error, job.result):
        stale.unlink(missing_ok=True)
    status, last = _stream(_command(job.save(), chosen), kind)
    if status or not job.result.is_file():
        message = job.error.read_text(encoding="utf-8") if job.error.is_file() else "\n".join(last)
        raise TrainingError(f"accelerate launch ({chosen.file.name}) failed with status {status}:\n{message}")
    return TrainingResult.load(job.result)


def _command(path: Path, chosen: Layout) -> list[str]:
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(chosen.file)]
    # Port 0: a free one. The usual port would be taken by another training on the same machine.
    sizes = ["--num_processes", str(chosen.processes), "--main_process_port", "0"]
    return [*launcher, *sizes, "-m", "honesty_utils.training", str(path)]


def _stream(command: list[str], kind: str) -> tuple[int, list[str]]:
    """Run ``command`` and print what it prints; it ends when this process does."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    if kind == "cpu":
        environment["ACCELERATE_USE_CPU"] = "true"
    last: deque[str] = deque(maxlen=LAST_LINES)
    # A session of its own, so that all of its processes can be ended together.
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        preexec_fn=_end_with_parent,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        for line in process.stdout:
            last.append(line.rstrip("\n"))
            print(last[-1], flush=True)
        return process.wait(), list(last)
    except BaseException:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        raise


def _end_with_parent() -> None:
    """On Linux, ask for SIGTERM when the parent dies: a killed notebook must not leave a training behind."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # 1: PR_SET_PDEATHSIG
