"""Which GPUs of this machine a job may use: jobs that run side by side each claim their own.

Snakemake counts GPUs (``--resources gpu=8``) and does not say which; without more, eight jobs of one GPU each would all
take the first. A claim is a lock on a file, which the operating system lets go when the process ends, however it ends.
Where ``CUDA_VISIBLE_DEVICES`` is set already, by a user or by Slurm, claims are among those that it lists.
"""

from __future__ import annotations

import getpass
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import takewhile
from pathlib import Path

from filelock import FileLock, Timeout

from honesty_utils.common.errors import HonestyError

VISIBLE = "CUDA_VISIBLE_DEVICES"

QUEUES = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID")
"""What tells a queue's job from others: each may count its own GPUs from 0, so its claims are its own business."""


class DeviceError(HonestyError, RuntimeError):
    """More GPUs are asked for than this machine has."""


def installed() -> int:
    """GPUs of this machine, as its driver lists them; 0 without one."""
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return 0
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines())


@contextmanager
def claimed(count: int, total: int | None = None, folder: str | Path | None = None) -> Iterator[list[str]]:
    """Hold ``count`` GPUs that no other job of this user holds; child processes see these and no others.

    Args:
        count: how many; it waits until as many are free.
        total: GPUs of this machine; none: ask the driver.
        folder: where the locks are; none: one of this user under the machine's folder for temporary files.

    Yields:
        Their names as in ``CUDA_VISIBLE_DEVICES``, numbers as a rule; none where there is nothing to claim.

    Raises:
        DeviceError: there are fewer.
    """
    before = os.environ.get(VISIBLE)
    listed = visible(installed() if total is None else total, before) if count else []
    if not listed:
        yield []
        return
    if count > len(listed):
        there = f"this machine has {len(listed)}" if before is None else f"{VISIBLE}={before} lists {len(listed)}"
        raise DeviceError(f"{count} GPUs are asked for and {there}; lower the engine's parallelism")
    place = Path(folder) if folder else _folder()
    place.mkdir(parents=True, exist_ok=True)
    with ExitStack() as locks:
        chosen = _wait_for(count, listed, place, locks)
        os.environ[VISIBLE] = ",".join(chosen)
        try:
            yield chosen
        finally:
            if before is None:
                del os.environ[VISIBLE]
            else:
                os.environ[VISIBLE] = before


def visible(total: int, listed: str | None) -> list[str]:
    """Names of the GPUs that a process sees, of ``total``, where ``CUDA_VISIBLE_DEVICES`` is ``listed``.

    As CUDA reads it: names behind one that is none, such as -1, do not count.
    """
    if not total or listed is None:
        return [str(number) for number in range(total)]
    names = [name.strip() for name in listed.split(",")]
    return list(takewhile(lambda name: int(name) < total if name.isdigit() else name[:1].isalpha(), names))


def _folder() -> Path:
    job = next((f"-{os.environ[name]}" for name in QUEUES if name in os.environ), "")
    return Path(tempfile.gettempdir()) / f"honesty-gpus-{getpass.getuser()}{job}"


def _wait_for(count: int, listed: list[str], place: Path, locks: ExitStack) -> list[str]:
    """Lock ``count`` files named like GPUs; all or none, so that two jobs never wait for each other."""
    while True:
        with ExitStack() as tried, _lock(place / "choosing"):
            chosen: list[str] = []
            for name in listed:
                lock = _lock(place / name.replace("/", "_"))  # of a part of a GPU (MIG)
                if len(chosen) < count:
                    with suppress(Timeout):
                        tried.enter_context(lock.acquire(blocking=False))
                        chosen.append(name)
            if len(chosen) == count:
                locks.push(tried.pop_all())
                return chosen
        time.sleep(0.5)


def _lock(path: Path) -> FileLock:
    # The soft kind, a file that is there or not, would outlive a killed process.
    return FileLock(path, fallback_to_soft=False)
