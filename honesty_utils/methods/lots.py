"""Which questions are drawn: by a number that depends on a question's id and a seed, and on no other question."""

from __future__ import annotations

import zlib

import numpy as np


def lot(question_id: str, seed: int, stream: int) -> float:
    """A number in [0, 1) for a question.

    Args:
        question_id: of the question.
        seed: of the draw.
        stream: tells draws of one seed apart, a number for each use.
    """
    return float(np.random.default_rng([seed, zlib.crc32(question_id.encode()), stream]).random())
