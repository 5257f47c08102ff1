"""Engines that answer prompts: one a file, behind one Protocol, named in `ENGINES`.

An engine is created from ``config.Model`` and answers a list of `Request` with a list of `Response` in the same order.
Each request carries its own seed, so that a response is the same whatever else is asked in the same call; that is what
lets sampling stop and resume, and shards be of any size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from honesty_utils.config import Model
from honesty_utils.engines.loading import ModelError, identity
from honesty_utils.prompts import Style

__all__ = ["ENGINES", "Engine", "ModelError", "Request", "Response", "identity", "load"]


@dataclass(frozen=True)
class Request:
    """One response wanted: user text (from ``prompts.render``), temperature (0 is greedy), seed of its draws."""

    prompt: str
    temperature: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class Response:
    """One response.

    Attributes:
        text: answer without special tokens, stripped.
        num_tokens: generated tokens, the end token included.
        mean_logprob: mean natural log-probability of these tokens under the model at temperature 1; ``None`` where an
            engine cannot tell.
        finish_reason: ``stop`` (the model ended its answer) or ``length`` (it was cut off).
    """

    text: str
    num_tokens: int
    mean_logprob: float | None
    finish_reason: Literal["stop", "length"]


class Engine(Protocol):
    """What sampling and evaluation ask of an engine."""

    def generate(self, requests: Sequence[Request]) -> list[Response]:
        """Answer every request, in order."""
        ...


def _transformers(**options: Any) -> Engine:
    from honesty_utils.engines.transformers import TransformersEngine

    return TransformersEngine(**options)


ENGINES: dict[str, Callable[..., Engine]] = {"transformers": _transformers}
"""Name to factory ``(model, style, max_new_tokens, batch_size) -> Engine``; imports happen when one is called."""


def load(name: str, model: Model, *, style: Style, max_new_tokens: int, batch_size: int) -> Engine:
    """Load a model into the engine called ``name``.

    Raises:
        ModelError: unknown engine, or a model that cannot be loaded.
    """
    if name not in ENGINES:
        raise ModelError(f"engine {name!r} is not known; allowed: {sorted(ENGINES)}")
    return ENGINES[name](model=model, style=style, max_new_tokens=max_new_tokens, batch_size=batch_size)
