"""Engines by name, and how one is checked and loaded. Adding one is a file, its options and a line in `ENGINES`."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from honesty_utils.common.prompts import Style
from honesty_utils.engines import loading
from honesty_utils.engines.loading import ModelError
from honesty_utils.engines.options import RayOptions, check_options
from honesty_utils.engines.protocol import Asks, Engine, Request, Response
from honesty_utils.engines.settings import Generation, Model


@dataclass(frozen=True)
class EngineKind:
    """An engine's factory, and what it can do; its options are those of the same name in `OPTIONS`.

    Attributes:
        create: ``(model, style, max_new_tokens, batch_size, options) -> Engine``; what is heavy to import is imported
            when it is called. One that serves adapters also takes ``adapters``, the folders that requests may name.
        serves_adapters: answers requests of many LoRA adapters of one model from one start.
        lets_go: gives a model's memory back, so that one process may load several, one after the other.
        gives: what can be asked of it; its options may withhold some of that, see `can`.
    """

    create: Callable[..., Engine]
    serves_adapters: bool = False
    lets_go: bool = True
    gives: frozenset[Asks] = frozenset({"nothing", "generate"})


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

    return RayEngine(load=load, **arguments)


ENGINES: dict[str, EngineKind] = {
    "transformers": EngineKind(_transformers, gives=frozenset({"nothing", "generate", "score", "hidden"})),
    "vllm": EngineKind(_vllm, serves_adapters=True, lets_go=False),
    "openai": EngineKind(_openai),
    "ray": EngineKind(_ray),
}


def can(generation: Generation, asks: Asks, where: str = "engine") -> bool:
    """Whether the engine of ``generation`` gives what is asked of it; nothing is loaded.

    Args:
        generation: engine and its options. A server that is not to tell log-probabilities gives "nothing" no more.
        asks: see `protocol.Asks`.
        where: the section, for errors.

    Raises:
        ModelError: unknown engine or option.
    """
    options = check_options(generation.engine, generation.engine_options, where)
    if asks not in ENGINES[generation.engine].gives - options.withheld:
        return False
    return can(options.within(generation), asks) if isinstance(options, RayOptions) else True


def gpus(*stages: Generation | None) -> int:
    """GPUs of this machine that a process takes which loads the engines of ``stages``, a judge's among them.

    Raises:
        ModelError: as `check_options`.
    """
    found = [check_options(stage.engine, stage.engine_options).gpus for stage in stages if stage is not None]
    return max(found, default=0)


def check(model: Model | None, generation: Generation) -> None:
    """Look at what can be known before any work: the engine is installed, the model one that it takes, keys are there.

    Args:
        model: none: the run makes it.
        generation: engine and its options.

    Raises:
        ModelError: says what is missing.
    """
    options = check_options(generation.engine, generation.engine_options)
    options.check_installed()
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
    options.check_installed()
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


def in_turn(models: Sequence[Model], generation: Generation, style: Style) -> Iterator[tuple[Model, Engine]]:
    """Each model with its engine: from one start where that holds them all, else one after the other.

    Raises:
        ModelError: as `load_all`; several models of an engine that holds one in a process.
    """
    if len(models) > 1 and ENGINES[generation.engine].lets_go:
        for model in models:
            engine = load(model, generation, style)
            yield model, engine
            del engine
            gc.collect()
        return
    yield from zip(models, load_all(models, generation, style), strict=True)


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
        """Tokens of a prompt as the model reads it, the template's own included."""
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
