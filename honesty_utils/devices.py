"""Which GPUs of this machine a job may use: jobs that run side by side each claim their own.

Snakemake counts GPUs (``--resources gpu=8``) and does not say which; without more, eight jobs of one GPU each would all
take the first. A claim is a lock on a file, which the operating system lets go when the process ends, however it ends.
Where ``CUDA_VISIBLE_DEVICES`` is set already, as Slurm does it, nothing is claimed.
"""

from __future__ import annotations

import fcntl
import getpass
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

VISIBLE = "CUDA_VISIBLE_DEVICES"


class DeviceError(RuntimeError):
    """More GPUs are asked for than this machine has."""


def installed() -> int:
    """GPUs of this machine, as its driver lists them; 0 without one."""
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return 0
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines())


@contextmanager
def claimed(count: int, total: int | None = None, folder: str | Path | None = None) -> Iterator[list[int]]:
    """Hold ``count`` GPUs that no other job of this user holds; child processes see these and no others.

    Args:
        count: how many; it waits until as many are free.
        total: GPUs of this machine; none: ask the driver.
        folder: where the locks are; none: one of this user under the machine's folder for temporary files.

    Yields:
        Their numbers; none where there is nothing to claim: no GPU, or others have chosen already.

    Raises:
        DeviceError: the machine has fewer.
    """
    total = installed() if count and total is None and VISIBLE not in os.environ else total or 0
    if not count or not total or VISIBLE in os.environ:
        yield []
        return
    if count > total:
        raise DeviceError(f"{count} GPUs are asked for and this machine has {total}; lower the engine's parallelism")
    place = Path(folder) if folder else Path(tempfile.gettempdir()) / f"honesty-gpus-{getpass.getuser()}"
    place.mkdir(parents=True, exist_ok=True)
    with ExitStack() as locks:
        chosen = _wait_for(count, total, place, locks)
        os.environ[VISIBLE] = ",".join(map(str, chosen))
        try:
            yield chosen
        finally:
            del os.environ[VISIBLE]


def _wait_for(count: int, total: int, place: Path, locks: ExitStack) -> list[int]:
    """Lock ``count`` of the files ``0`` … ``total - 1``; all or none, so that two jobs never wait for each other."""
    while True:
        with ExitStack() as tried, (place / "choosing").open("w") as choosing:
            fcntl.flock(choosing, fcntl.LOCK_EX)
            chosen: list[int] = []
            for number in range(total):
                if len(chosen) < count and _lock(tried.enter_context((place / str(number)).open("w"))):
                    chosen.append(number)
            if len(chosen) == count:
                locks.push(tried.pop_all())
                return chosen
        time.sleep(0.5)


def _lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
