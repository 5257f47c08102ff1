"""Memory that a process has let go of and still holds: `variables.MEMORY` keeps it for the next array."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable


def give_back() -> None:
    """Give memory that nothing uses back to the system, between pieces of work of unlike sizes.

    What is kept for arrays of one size is in the way of larger ones, so that a process grows without end. Only GNU's C
    library has a way to say so; elsewhere nothing happens.
    """
    trim = _trim()
    if trim is not None:
        trim(0)


@functools.cache
def _trim() -> Callable[[int], int] | None:
    try:
        found: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # no such function, or a system whose libraries have no common name
        return None
    return found
