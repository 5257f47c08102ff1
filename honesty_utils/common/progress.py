"""How far a notebook is: one small file that whoever started it reads while it works.

``HONESTY_PROGRESS`` names the file; without it nothing is written. A file, since a notebook's output reaches its
executed copy when a cell is done, and a person wants to know before.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from honesty_utils.common.variables import PROGRESS

EVERY = 0.5
"""Seconds between two writes."""


class Progress:
    """Tells how much of one piece of work is done."""

    def __init__(self, what: str, total: int, unit: str) -> None:
        """Set up.

        Args:
            what: is worked on, such as "indist".
            total: how much there is to do.
            unit: what is counted, such as "steps".
        """
        self.what, self.total, self.unit = what, total, unit
        self.started, self.written = time.time(), 0.0

    def at(self, done: int) -> None:
        """Say that ``done`` of the total is done; cheap, may be called at every step."""
        path = os.environ.get(PROGRESS)
        now = time.time()
        if not path or (now - self.written < EVERY and done < self.total):
            return
        self.written = now
        content = {"what": self.what, "done": done, "total": self.total, "unit": self.unit, "started": self.started}
        partial = Path(f"{path}.partial")
        try:
            partial.write_text(json.dumps(content), encoding="utf-8")
            partial.replace(path)
        except OSError:
            pass  # nobody may be looking any more, and work goes on without
