"""The base of the package's errors: one class to catch where a command prints what went wrong and ends."""

from __future__ import annotations


class HonestyError(Exception):
    """Something that the user can put right: where it is, what value, what is allowed, what to do.

    Each room's own error has a builtin base beside it, mostly ValueError, so that it is also caught as one. A defect of
    the package is none of these and shows its traceback.
    """
