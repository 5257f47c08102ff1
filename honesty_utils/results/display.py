"""Display name, place and colour of every method and metric: one place for all tables and figures.

A sweep point is named after its method, an option and a value (``absolute_tau_0.5``), a variant after its method
(``multisample_choice``); both stand beside it and share its colour. A name that is not known is shown as it is, in
grey, after the methods of the paper.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Display:
    """How a method is shown: its name and its colour (Okabe and Ito's palette, safe for colour-blind readers)."""

    label: str
    color: str


UNKNOWN_COLOR = "#999999"

METHODS = {
    "unaligned": Display("UNALIGNED", "#000000"),
    "finetuned": Display("FINE-TUNED", "#56B4E9"),
    "prompt_based": Display("PROMPT-BASED", "#E69F00"),
    "absolute": Display("ABSOLUTE", "#0072B2"),
    "confidence_num": Display("CONFIDENCE-NUM", "#CC79A7"),
    "confidence_verb": Display("CONFIDENCE-VERB", "#D55E00"),
    "multisample": Display("MULTISAMPLE", "#009E73"),
}
"""Methods in the paper's order."""

HONESTY_METHODS = ("absolute", "confidence_num", "confidence_verb", "multisample")
"""The methods that teach a model to refuse."""

CONTROLS = {
    "always_refuse": Display("Always refuse", UNKNOWN_COLOR),
    "never_refuse": Display("Never refuse", UNKNOWN_COLOR),
    "oracle": Display("Oracle (knows k)", UNKNOWN_COLOR),
}
RANDOM_REFUSAL = "random_refusal@"
"""Prefix of the control that refuses at random as often as the method named after it."""

METRICS = {
    "prudence": "Prudence",
    "over_conservativeness": "Over-cons.",
    "honesty": "Honesty",
    "accuracy": "Accuracy",
    "refusal_rate": "Refusal rate",
    "coverage": "Coverage",
    "reliable_accuracy": "Reliable accuracy",
    "unscored_rate": "Unscored",
}
"""Metrics of the main table in their order."""

ROLES = {
    "in_distribution": "in distribution",
    "out_of_distribution": "out of distribution",
    "prior_unknown": "prior unknown",
    "prior_known": "prior known",
    "multiple_choice": "multiple choice",
    "tasks": "non-knowledge tasks",
    "helpfulness": "helpfulness",
    "harmlessness": "harmlessness",
}
"""The parts that evaluation sets play in the paper, and how they are spoken of."""

QUANTITIES = {
    "tau": "τ",
    "samples": "m",
    "questions": "questions",
    "known_share": "known share",
    "learning_rate": "learning rate",
}
"""What sweeps vary, and its symbol."""

_SWEEP = re.compile(rf"(?P<base>.+)_(?P<option>{'|'.join(QUANTITIES)})_(?P<value>\d+(?:\.\d+)?)")


@dataclass(frozen=True)
class _Parts:
    base: str
    option: str = ""
    value: float = -1.0
    suffix: str = ""


def _parts(method: str) -> _Parts:
    found = _SWEEP.fullmatch(method)
    if found and found["base"] in METHODS:
        return _Parts(found["base"], found["option"], float(found["value"]))
    for base in sorted(METHODS, key=len, reverse=True):
        if method.startswith(f"{base}_"):
            return _Parts(base, suffix=method.removeprefix(f"{base}_"))
    return _Parts(method)


def is_control(method: str) -> bool:
    """Whether a row of the main table is a control and no model."""
    return method in CONTROLS or method.startswith(RANDOM_REFUSAL)


def is_sweep(method: str) -> bool:
    """Whether a method is one point of a sweep over an option, such as ``absolute_tau_0.5``."""
    return bool(_parts(method).option)


def is_variant(method: str) -> bool:
    """Whether a method of the paper with something added, such as ``multisample_choice``."""
    return bool(_parts(method).suffix)


def main_methods(methods: Iterable[str]) -> list[str]:
    """The methods without controls and sweep points, each once, in the order of tables and figures."""
    return ordered(method for method in methods if not is_control(method) and not is_sweep(method))


def label(method: str) -> str:
    """Display name of a method or control."""
    if method.startswith(RANDOM_REFUSAL):
        return f"Random refusal as {label(method.removeprefix(RANDOM_REFUSAL))}"
    if method in CONTROLS:
        return CONTROLS[method].label
    parts = _parts(method)
    name = METHODS[parts.base].label if parts.base in METHODS else parts.base
    if parts.option:
        return f"{name} ({QUANTITIES[parts.option]} = {parts.value:g})"
    return f"{name} + {parts.suffix.replace('_', ' ')}" if parts.suffix else name


def color(method: str) -> str:
    """Colour of a method; sweep points and variants have that of their method, controls and unknown ones grey."""
    base = _parts(method.removeprefix(RANDOM_REFUSAL)).base
    return METHODS[base].color if base in METHODS else UNKNOWN_COLOR


def ordered(methods: Iterable[str]) -> list[str]:
    """The methods, each once: those of the paper with their variants and sweep points, others, then controls."""
    return sorted(dict.fromkeys(methods), key=_place)


def _place(method: str) -> tuple[int, int, int, float, str]:
    control = list(CONTROLS).index(method) + 1 if method in CONTROLS else 0
    group = 2 if method.startswith(RANDOM_REFUSAL) else int(control > 0)
    parts = _parts(method.removeprefix(RANDOM_REFUSAL))
    rank = list(METHODS).index(parts.base) if parts.base in METHODS else len(METHODS)
    return group, control, rank, parts.value, method
