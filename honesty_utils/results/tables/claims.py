"""The verdicts on the paper's findings as a table."""

from __future__ import annotations

import pandas as pd

COLUMNS = ["number", "finding", "verdict", "models", "evidence", "rule"]


def tab_claims(findings: pd.DataFrame) -> pd.DataFrame:
    """Verdicts for a program to read: ``number, finding, verdict, models, evidence, rule``.

    Args:
        findings: as ``claims.judged`` returns them.
    """
    return findings[COLUMNS]


def tab_worlds_claims(findings: pd.DataFrame) -> pd.DataFrame:
    """Verdicts over worlds: ``number, finding, verdict, worlds, evidence, rule``.

    Args:
        findings: as ``claims.over_worlds`` returns them.
    """
    return findings[["worlds" if name == "models" else name for name in COLUMNS]]
