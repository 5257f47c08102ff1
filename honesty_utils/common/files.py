"""Files and folders that appear whole or not at all, and the removal of what killed processes left half-written.

Work is done under a temporary name beside the target, ``.<name>.<host>-<pid>.<random>.partial``, and renamed. The name
says who writes it, so that the next start can tell what a dead process left from what another one is writing.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SUFFIX = ".partial"
_OWNER = re.compile(r"\.(?P<host>[^.]*)-(?P<pid>\d+)\.[^.]*\.partial$")
_DAY = 24 * 3600.0
_OF_A_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)  # full, no quota, too large, broken


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Yields a temporary path beside ``path`` and renames it there unless the body raises.

    Raises:
        OSError: the disk is full, or of another reason why the file cannot be written; names it.
    """
    path = Path(path)
    handle, name = tempfile.mkstemp(dir=_cleaned_folder(path), prefix=_prefix(path), suffix=SUFFIX)
    os.close(handle)
    partial = Path(name)
    partial.chmod(0o644)
    try:
        with _named(path):
            yield partial
            _to_disk(partial)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """The same for a folder, which replaces the one that may be there."""
    path = Path(path)
    partial = Path(tempfile.mkdtemp(dir=_cleaned_folder(path), prefix=_prefix(path), suffix=SUFFIX))
    try:
        with _named(path):
            yield partial
            for file in partial.rglob("*"):
                if file.is_file():
                    _to_disk(file)
        shutil.rmtree(path, ignore_errors=True)
        partial.chmod(0o755)
        partial.rename(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def remove_partials(folder: str | Path, name: str = "") -> list[Path]:
    """Delete the partial files and folders in ``folder`` of processes that are dead.

    A process of this machine is dead if it does not run; of another machine nothing can be known, so what it writes is
    left alone for a day.

    Args:
        folder: looked at without its subfolders; need not exist.
        name: only those of the artifact of this name; none: all.

    Returns:
        What was deleted.
    """
    stale = [path for path in Path(folder).glob(f".*{SUFFIX}") if path.name.startswith(f".{name}") and _dead(path)]
    for path in stale:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return stale


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Give an error of the disk the name of the file: a write to one that is open says only that there is no room."""
    try:
        yield
    except OSError as error:
        if error.errno in _OF_A_DISK and error.filename is None:
            error.filename = str(path)
        raise


def _to_disk(path: Path) -> None:
    """Have a file's content written: after a power cut a name may be there whose content never was."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _cleaned_folder(path: Path) -> Path:
    """The folder of ``path``, made if it is not there, without what earlier attempts at ``path`` left in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_partials(path.parent, f"{path.name}.")
    return path.parent


def _prefix(path: Path) -> str:
    return f".{path.name}.{_host()}-{os.getpid()}."


def _host() -> str:
    return socket.gethostname().split(".")[0]


def _dead(path: Path) -> bool:
    owner = _OWNER.search(path.name)
    try:
        if owner is None or owner["host"] != _host():
            return time.time() - path.stat().st_mtime > _DAY
        os.kill(int(owner["pid"]), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except (FileNotFoundError, PermissionError):  # gone meanwhile; or it runs, under another user
        return False
    return False
