"""Which findings of the paper a run reproduces."""

from honesty_utils.results.claims.evidence import Evidence, NotTestable
from honesty_utils.results.claims.findings import FINDINGS
from honesty_utils.results.claims.verdicts import VERDICTS, check, markdown, write

__all__ = ["FINDINGS", "VERDICTS", "Evidence", "NotTestable", "check", "markdown", "write"]
