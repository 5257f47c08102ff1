"""Which findings of the paper a run reproduces."""

from honesty_utils.results.claims.evidence import Evidence, NotTestable
from honesty_utils.results.claims.findings import FINDINGS
from honesty_utils.results.claims.parts import LEAST, Judgment, Outcome, Part, Verdict, detectable, follows
from honesty_utils.results.claims.verdicts import VERDICTS, gather, judged, markdown, part_rows, write
from honesty_utils.results.claims.worlds import counted, over_worlds, write_worlds

__all__ = [
    "FINDINGS",
    "LEAST",
    "VERDICTS",
    "Evidence",
    "Judgment",
    "NotTestable",
    "Outcome",
    "Part",
    "Verdict",
    "counted",
    "detectable",
    "follows",
    "gather",
    "judged",
    "markdown",
    "over_worlds",
    "part_rows",
    "write",
    "write_worlds",
]
