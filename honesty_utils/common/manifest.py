"""What made an artifact: a ``<artifact>.manifest.json`` beside every file or folder that a notebook writes."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from honesty_utils.common import paths, records
from honesty_utils.common.variables import CODE, CODE_CHANGES

PACKAGES = (
    "torch",
    "transformers",
    "trl",
    "peft",
    "datasets",
    "pandas",
    "pyarrow",
    "numpy",
    "scipy",
    "papermill",
    "lm_eval",
)


LARGE = 64 * 2**20
"""Bytes from which on the digest of a file or folder is remembered."""
DIGESTS = ".digests.json"
"""File under ``runs/`` where; it may be deleted."""


@dataclass(frozen=True)
class Manifest:
    """Begun when a notebook starts working; written beside each artifact when it is done.

    Attributes:
        parameters: everything that the notebook was told.
        inputs: hashes of the files and folders that it reads, as they were before the work.
    """

    parameters: Mapping[str, Any]
    inputs: Mapping[str, str] = field(default_factory=dict)
    started: float = field(default_factory=time.time)

    def write(self, artifact: str | Path, **facts: Any) -> Path:
        """Write the manifest of ``artifact``; ``facts`` are what only the work itself could tell (tokens, counts)."""
        content = {
            "artifact": Path(artifact).name,
            "parameters": self.parameters,
            "inputs": self.inputs,
            "begun": round(self.started, 3),
            "seconds": round(time.time() - self.started, 2),
            "revision": git_revision(),
            "code": os.environ.get(CODE),
            "packages": versions(),
            "device": device(),
            "peak_memory_mib": _mib(peak_memory()),
            "peak_device_memory_mib": _mib(peak_device_memory()),
            **facts,
        }
        target = path_of(artifact)
        with records.atomic(target) as partial:
            partial.write_text(json.dumps(content, indent=1, default=str) + "\n", encoding="utf-8")
        return target


def begin(parameters: Mapping[str, Any], inputs: Iterable[str | Path] = ()) -> Manifest:
    """Start the clock of a manifest; ``inputs`` must exist."""
    found = tuple(Path(path) for path in inputs)
    missing = [str(path) for path in found if not path.exists()]
    if missing:
        raise FileNotFoundError(f"{', '.join(missing)}: not there; run the notebook that writes it first")
    started = time.time()
    return Manifest(dict(parameters), {_relative(path): content_hash(path) for path in found}, started)


def is_of(artifact: str | Path, parameters: Mapping[str, Any], inputs: Iterable[str | Path]) -> bool:
    """Whether ``artifact`` is there, made with these parameters of these inputs by the code that runs now.

    Code whose fingerprint is not known, on either side, does not count.
    """
    path = path_of(artifact)
    if not Path(artifact).exists() or not path.is_file():
        return False
    try:
        record = read(artifact)
    except records.RecordError:
        return False
    given = json.loads(json.dumps(dict(parameters), default=str))
    now = os.environ.get(CODE)
    return bool(
        record.get("parameters") == given
        and record.get("inputs") == {_relative(Path(path)): content_hash(path) for path in inputs}
        and (now is None or os.environ.get(CODE_CHANGES) == "report" or record.get("code") in (None, now))
    )


def path_of(artifact: str | Path) -> Path:
    """Where an artifact's manifest stands: beside it, ``x.manifest.json`` for ``x.parquet`` and for folder ``x``."""
    artifact = Path(artifact)
    stem = artifact.name.removesuffix(".parquet")
    return artifact.with_name(f"{stem}.manifest.json")


def read(artifact: str | Path, needs: Iterable[str] = ()) -> dict[str, Any]:
    """The manifest that stands beside ``artifact``.

    Args:
        artifact: a file or folder.
        needs: entries that it has to have.

    Raises:
        RecordError: it is not there, was broken, or lacks an entry.
    """
    path = path_of(artifact)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise records.RecordError(f"{path}: not there; delete {artifact} too, and run again: it is made anew") from None
    except (OSError, ValueError) as error:
        raise records.RecordError(
            f"{path}: no manifest that can be read ({error}); delete it and {artifact}, and run again"
        ) from None
    if not isinstance(content, dict):
        raise records.RecordError(f"{path}: holds {type(content).__name__}; delete it and {artifact}, and run again")
    lacking = [name for name in needs if name not in content]
    if lacking:
        raise records.RecordError(f"{path}: lacks {lacking[0]!r}; delete it and {artifact}, and run again")
    return content


def content_hash(path: str | Path) -> str:
    """SHA-256 (16 hex digits) of a file's bytes, or of the names and bytes of a folder's files that are not hidden.

    What is large is read once: its digest is remembered beside each file's size, times and number on the disk, of which
    one changes with any write, whatever time a copy or an archive sets.
    """
    path = Path(path)
    found = [path] if path.is_file() else sorted(_files(path))
    stats = [item.stat() for item in found]
    stamp = [
        [str(item), one.st_size, one.st_mtime_ns, one.st_ctime_ns, one.st_ino]
        for item, one in zip(found, stats, strict=True)
    ]
    # What was written this moment may be written again without another time.
    last = max((one.st_ctime for one in stats), default=0.0)
    large = sum(one.st_size for one in stats) >= LARGE and time.time() - last > 2
    key = str(path.resolve())
    if large and (known := _remembered().get(key)) and known["stamp"] == stamp:
        return str(known["digest"])
    digest = hashlib.sha256()
    for item in found:
        if path.is_dir():
            digest.update(str(item.relative_to(path)).encode())
        with item.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    made = digest.hexdigest()[:16]
    if large:
        with records.atomic(_memory()) as partial:
            partial.write_text(json.dumps({**_remembered(), key: {"stamp": stamp, "digest": made}}), encoding="utf-8")
    return made


def _files(folder: Path) -> Iterator[Path]:
    for item in folder.rglob("*"):
        if item.is_file() and not any(part.startswith(".") for part in item.relative_to(folder).parts):
            yield item


def _memory() -> Path:
    return paths.root() / "runs" / DIGESTS


def _remembered() -> dict[str, Any]:
    try:
        return dict(json.loads(_memory().read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def git_revision() -> str:
    """Commit of the checkout, ``-dirty`` behind it when files differ; ``unknown`` outside a checkout."""
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            capture_output=True, text=True, cwd=paths.root(), check=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip()


def versions() -> dict[str, str]:
    """Python and the packages that shape a result."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def device() -> str:
    """Name of the accelerator if torch is loaded and sees one, else the processor."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    return f"cpu ({platform.machine()}, {_processor()})"


def peak_memory() -> int:
    """Most memory (bytes) that this process has held so far."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        # Not getrusage: a process starts there with the peak of the one that started it.
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak << 10


def peak_device_memory() -> int | None:
    """Most memory (bytes) that torch has held of all its accelerators together so far; none without one."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return None
    return sum(torch.cuda.max_memory_reserved(i) for i in range(torch.cuda.device_count()))


def _mib(size: int | None) -> float | None:
    return None if size is None else round(size / 2**20, 1)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def _relative(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(paths.root().resolve()))
    except ValueError:
        return str(path)
