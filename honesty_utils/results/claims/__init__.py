"""Which findings of the paper a run reproduces."""

from honesty_utils.results.claims.counting import count, count_parts, verdicts_of
from honesty_utils.results.claims.evidence import Evidence, NotTestable
from honesty_utils.results.claims.findings import FINDINGS
from honesty_utils.results.claims.parts import LEAST, Judgment, Outcome, Part, Verdict, detectable, follows
from honesty_utils.results.claims.verdicts import VERDICTS, gather, judged, markdown, part_rows, write

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
    "count",
    "count_parts",
    "detectable",
    "follows",
    "gather",
    "judged",
    "markdown",
    "part_rows",
    "verdicts_of",
    "write",
]
