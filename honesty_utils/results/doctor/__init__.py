"""What is wrong with a run: its quantities, stage by stage, beside the paper's, an earlier run's, or several runs'.

`references.measure` reads what the stages wrote, `references` says what is expected, `examining.examine` compares, and
`writing` shows it. The checks are data: `checks.CHECKS`. The command is ``honesty doctor`` (``workflow/doctor.py``).
"""

from honesty_utils.results.doctor.checks import CHECKS, STAGES
from honesty_utils.results.doctor.examining import Report, examine
from honesty_utils.results.doctor.patient import DoctorError, Outline, Patient, Taught
from honesty_utils.results.doctor.references import Reference

__all__ = ["CHECKS", "STAGES", "DoctorError", "Outline", "Patient", "Reference", "Report", "Taught", "examine"]
