"""Sections on models and on how they are asked."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, PositiveInt

from honesty_utils.common.settings import Section


class Model(Section):
    """The model before alignment, M_t: a folder or a hub name, read with ``transformers``."""

    name: str | None = Field(None, description="folder or hub name; none: the run's own microworld model")
    revision: str | None = None
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    threads: PositiveInt | None = Field(
        None, description="that compute, on a CPU; none: as suits a miniature, one or two (docs/benchmarks.md)"
    )
    device: str = Field("auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$", description="auto, cpu, mps, cuda, cuda:1, …")


class Generation(Section):
    """Which engine answers, and how long and how many answers at a time; what sampling and evaluation share."""

    engine: str = Field("transformers", description="a name in honesty_utils.engines.ENGINES")
    engine_options: dict[str, Any] = Field({}, description="fields of that engine's options")
    max_new_tokens: PositiveInt = 64
    batch_size: PositiveInt = Field(64, description="sequences at a time, for engines that do not see to it themselves")
    shard_size: PositiveInt = Field(1000, description="questions a shard; a kill loses at most one")
