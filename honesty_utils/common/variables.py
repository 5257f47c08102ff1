"""Environment variables by which one process of a run tells another what it needs to know."""

import os

EVENTS = "HONESTY_EVENTS"
"""Folder in which whoever started the workflow reads what starts, ends and how far it is."""

PROGRESS = "HONESTY_PROGRESS"
"""File to which a notebook writes how far it is."""

CODE = "HONESTY_CODE"
"""Fingerprint of the code that a notebook reaches (``workflow.fingerprint``)."""

CODE_CHANGES = "HONESTY_CODE_CHANGES"
"""``report`` where what other code has made is kept."""

THREADS = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "10000"}
"""Threads that wait spin for some microseconds and then sleep: spinning ones slow a busy machine down twentyfold, and
asleep at once, several threads train no faster than one (docs/log.md)."""


MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**29), "MALLOC_TRIM_THRESHOLD_": str(2**29)}
"""Memory that is let go is kept for the next array: given back, every logit costs a page of zeros again, which is a
third of the time of sampling from a small chat model (docs/log.md). Of GNU's C library; others do not read it."""


PRODUCTS = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64"}
"""Matrix products of other shapes that oneDNN keeps compiled, with their scratch memory. Every batch has a length of
its own, so that a training which keeps a thousand of them, as is the default, grows by a gigabyte and more, and is no
faster (docs/log.md)."""


def set_for_processes() -> None:
    """Set `THREADS`, `MEMORY` and `PRODUCTS` for the processes that this one starts, unless the user has.

    They are read when a process starts.
    """
    for name, value in {**THREADS, **MEMORY, **PRODUCTS}.items():
        os.environ.setdefault(name, value)


COUNTS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""How many threads compute, to the libraries that do."""


def fix_threads(number: int) -> None:
    """Let the processes that this one starts compute with so many threads, whatever cores are there or free.

    Sums of floats depend on how many threads share them: a run must not come out otherwise on another machine.
    """
    os.environ.update({**dict.fromkeys(COUNTS, str(number)), "MKL_DYNAMIC": "FALSE"})
