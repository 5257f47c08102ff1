"""Baselines that train nothing: M_t under the plain prompt, and under the honest one (arXiv 2312.07000)."""

from __future__ import annotations

from honesty_utils.common.settings import Section
from honesty_utils.methods.plan import Answer, Method


class Options(Section):
    """A method that trains nothing has no options."""


UNALIGNED = Method(
    label="UNALIGNED",
    rule="M_t under the plain prompt",
    options=Options,
    answer=Answer(prompt="plain"),
    color="#000000",
    baseline=True,
)
PROMPT_BASED = Method(
    label="PROMPT-BASED",
    rule="M_t under the honest prompt, which says that refusing is fine",
    options=Options,
    answer=Answer(prompt="honest"),
    color="#E69F00",
    baseline=True,
)
