"""The parts of the rules behind the verdicts on the paper's findings, as a table."""

from __future__ import annotations

import pandas as pd

COLUMNS = ["number", "part", "core", "outcome", "value", "low", "high", "p_value", "detectable"]


def tab_claim_parts(parts: pd.DataFrame) -> pd.DataFrame:
    """What each part of a rule says, for a program to read and to count over worlds.

    Args:
        parts: as ``claims.part_rows`` returns them.

    Returns:
        ``number, part, core, outcome, value, low, high, p_value, detectable``; ``outcome`` is "holds", "reversed" or
        "open", ``core`` whether the part states the finding or guards it.
    """
    return parts[COLUMNS]
