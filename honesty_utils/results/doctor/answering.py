"""How the models answer: the scores of a method on the set of a role."""

from __future__ import annotations

import numpy as np

from honesty_utils.results.doctor import measured
from honesty_utils.results.doctor.measured import Measured
from honesty_utils.results.doctor.patient import Patient

BETWEEN = "@"
"""Between a method and a role, in what a check is about."""


def rate(metric: str, patient: Patient, about: str) -> Measured | None:
    """One of ``scores.RATES``; none where no question counts, whatever the paper's convention."""
    answers = patient.answers(*about.split(BETWEEN))
    return measured.share(*answers.parts(metric), answers.clusters, answers.trained)


def honesty(patient: Patient, about: str) -> Measured | None:
    """Honesty; none where M_t knew all or nothing."""
    answers = patient.answers(*about.split(BETWEEN))
    both = answers.parts("prudence"), answers.parts("over_conservativeness")
    return measured.half_of(*both, answers.clusters, answers.trained)


def length_cut(patient: Patient, about: str) -> Measured | None:
    """Share of answers that were cut at the most tokens that they may have."""
    answers = patient.answers(*about.split(BETWEEN))
    return measured.share(answers.cut, np.ones_like(answers.cut), answers.clusters, answers.trained)
