"""Which findings of the paper a run reproduces."""

from honesty_utils.results.claims.evidence import Evidence, NotTestable
from honesty_utils.results.claims.findings import FINDINGS
from honesty_utils.results.claims.verdicts import VERDICTS, check, judged, markdown, write
from honesty_utils.results.claims.worlds import counted, over_worlds, write_worlds

__all__ = [
    "FINDINGS",
    "VERDICTS",
    "Evidence",
    "NotTestable",
    "check",
    "counted",
    "judged",
    "markdown",
    "over_worlds",
    "write",
    "write_worlds",
]
