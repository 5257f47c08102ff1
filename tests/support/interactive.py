"""Notebooks with widgets, run without a person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbclient.exceptions import CellTimeoutError

from honesty_utils.workflow.execute import execute


def execute_widgets(notebook: Path, output: Path, values: dict[str, Any]) -> None:
    """Execute a notebook with sliders; once more if a cell waits for ever.

    Seen twice on a busy machine: the kernel is idle and the request of the first ``interact`` cell is lost. A second
    time in a row would be a defect of ours.
    """
    try:
        execute(notebook, output, values, limit=120)
    except CellTimeoutError:
        execute(notebook, output, values, limit=120)
