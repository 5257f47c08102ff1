"""Files of question sets that lie in a public repository: a local copy, or fetched once and held to its hash."""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from honesty_utils.common import paths, records
from honesty_utils.questions.reading import QuestionError, logger
from honesty_utils.questions.settings import QuestionSet

HOST = "https://raw.githubusercontent.com"
SECONDS = 60
"""How long a fetch waits for the server."""


@dataclass(frozen=True)
class Remote:
    """Where the files of a set are kept.

    Attributes:
        repository: ``owner/name`` on GitHub.
        commit: the revision that is read.
        files: path in the repository → SHA-256 of the file at that revision.
        licence: of the data, as the repository states it.
    """

    repository: str
    commit: str
    files: Mapping[str, str]
    licence: str


def file(spec: QuestionSet, data: Path | None, remote: Remote, name: str) -> Path:
    """One file of a set: that of ``spec.path`` (the file, or a folder with it), of the ``data`` folder, or fetched.

    Args:
        spec: the set.
        data: folder with local copies, ``<data>/<source>/<file>``.
        remote: where the set is kept.
        name: path of the file in the repository.

    Raises:
        QuestionError: no such copy, no way to fetch it, or a file of another hash than the documented one.
    """
    base = Path(name).name
    if spec.path is not None:
        named = Path(spec.path)
        found = named / base if named.is_dir() else named
        if not found.is_file():
            raise QuestionError(f"path: no such file: {found}; name {base} of {remote.repository}, or its folder")
        return _looked_at(found, remote, name)
    if data is not None:
        found = data / spec.source / base
        if not found.is_file():
            raise QuestionError(f"data: no {found}; copy {name} of {remote.repository} there, or name it with path")
        return _looked_at(found, remote, name)
    return _fetched(spec.source, remote, name)


def _looked_at(path: Path, remote: Remote, name: str) -> Path:
    """A local copy, with a word where it is not the documented file: it is the user's own, and may be a later one."""
    documented = remote.files.get(name)
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return path  # who reads it says so
    if documented is not None and found != documented:
        logger.warning(
            "%s: SHA-256 %s…, but %s… is documented for %s at %s: numbers of others are of that one",
            path, found[:12], documented[:12], remote.repository, remote.commit,
        )  # fmt: skip
    return path


def _fetched(source: str, remote: Remote, name: str) -> Path:
    target = paths.root() / "runs" / ".questions" / source / remote.commit[:8] / Path(name).name
    if target.is_file():
        return target
    address = f"{os.environ.get('HONESTY_FILES', HOST)}/{remote.repository}/{remote.commit}/{name}"
    remedy = f"give a local copy of {name} with path"
    if os.environ.get("HF_HUB_OFFLINE") == "1":
        raise QuestionError(f"{address}: is not fetched, as HF_HUB_OFFLINE is set; {remedy}")
    try:
        with urllib.request.urlopen(address, timeout=SECONDS) as response:
            content = response.read()
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise QuestionError(f"{address}: cannot be fetched ({error}); {remedy}") from None
    found = hashlib.sha256(content).hexdigest()
    if found != remote.files[name]:
        raise QuestionError(
            f"{address}: SHA-256 {found[:12]}…, but {remote.files[name][:12]}… is documented: not the revision that "
            f"was read before; {remedy} once you have looked at it"
        )
    with records.atomic(target) as partial:
        partial.write_bytes(content)
    return target
