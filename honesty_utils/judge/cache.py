"""What a judge has replied, kept on disk: a re-run costs nothing, a kill loses at most one file.

Replies are kept, not verdicts: another threshold or a stricter reading needs no new reply. A file holds the replies of
one batch and is written whole or not at all; it is named by its content's questions, so that processes that share the
folder never write into each other's files. What a judge replies is decided by the prompt, temperature and seed of a
request and by the judge's identity (model, engine and its options), which has a folder of its own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa

from honesty_utils.common import records
from honesty_utils.engines import Request

REPLIES = records.Table(
    "judge's replies",
    pa.schema(
        [
            pa.field("prompt", pa.string(), nullable=False),
            pa.field("temperature", pa.float64(), nullable=False),
            pa.field("seed", pa.int64(), nullable=False),
            pa.field("text", pa.string(), nullable=False),
            pa.field("num_tokens", pa.int32(), nullable=False),
            pa.field("finish_reason", pa.string(), nullable=False),
        ]
    ),
    key=("prompt", "temperature", "seed"),
    allowed=(("finish_reason", ("stop", "length")),),
)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a judge wrote, and whether it was cut off."""

    text: str
    num_tokens: int
    finish_reason: str


class Replies:
    """The replies of one judge."""

    def __init__(self, folder: str | Path, identity: str) -> None:
        """Open, or begin, the folder of a judge.

        Args:
            folder: may hold the replies of several judges.
            identity: ``engines.identity`` of this one.
        """
        self.folder = Path(folder) / hashlib.sha256(identity.encode()).hexdigest()[:16]
        self._read: set[str] = set()
        self._known: dict[bytes, Reply] = {}
        described = self.folder / "judge.json"
        if not described.is_file():
            with records.atomic(described) as partial:
                partial.write_text(identity + "\n", encoding="utf-8")

    def refresh(self) -> None:
        """Read the files that this or another process has written since the last time.

        Raises:
            RecordError: a file that is no table of replies; delete it, its replies are asked for again.
        """
        for path in sorted(self.folder.glob("*.parquet")):
            if path.name not in self._read:
                for row in records.read(REPLIES, path).itertuples(index=False):
                    key = _key(Request(row.prompt, row.temperature, row.seed))
                    self._known.setdefault(key, Reply(row.text, row.num_tokens, row.finish_reason))
                self._read.add(path.name)

    def get(self, request: Request) -> Reply | None:
        """The reply to ``request`` if it was read or added."""
        return self._known.get(_key(request))

    def add(self, replies: Mapping[Request, Reply]) -> None:
        """Keep replies; they are on disk when this returns."""
        rows = [
            (request.prompt, request.temperature, request.seed, reply.text, reply.num_tokens, reply.finish_reason)
            for request, reply in replies.items()
        ]
        keys = [_key(request) for request in replies]
        path = self.folder / f"{hashlib.sha256(b''.join(keys)).hexdigest()[:24]}.parquet"
        records.write(pd.DataFrame(rows, columns=REPLIES.schema.names), REPLIES, path)
        self._read.add(path.name)
        for key, reply in zip(keys, replies.values(), strict=True):
            self._known.setdefault(key, reply)


def _key(request: Request) -> bytes:
    content = json.dumps([request.prompt, request.temperature, request.seed])
    return hashlib.sha256(content.encode()).digest()[:16]
