"""Options of the engines: what a params file may set under ``engine_options``. Nothing heavy is imported here."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, NonNegativeFloat, PositiveInt, field_validator

from honesty_utils.config import Section


class EngineOptions(Section):
    """Base of an engine's options."""

    @property
    def gpus(self) -> int:
        """GPUs that one process with the engine takes."""
        return 1

    def content(self) -> dict[str, Any]:
        """The options that responses depend on; an engine leaves out those that only say how the work is spread."""
        return self.model_dump(mode="json")


class TransformersOptions(EngineOptions):
    """The engine on ``transformers`` has no options."""


class VllmOptions(EngineOptions):
    """Options of vLLM, under vLLM's own names; ``None`` leaves a choice to vLLM."""

    tensor_parallel_size: PositiveInt = Field(1, description="GPUs that share each layer of the model")
    pipeline_parallel_size: PositiveInt = Field(1, description="groups of GPUs that share the layers between them")
    data_parallel_size: PositiveInt = Field(1, description="1; an engine is one replica, see its error for more")
    distributed_executor_backend: Literal["mp", "ray"] | None = None
    quantization: str | None = Field(None, description="awq, gptq, fp8, bitsandbytes, …; none: as the model says")
    kv_cache_dtype: str = Field("auto", description="number type of the cache; auto: that of the model")
    max_model_len: PositiveInt | None = Field(None, description="tokens, prompt and answer; none: the model's own")
    gpu_memory_utilization: float = Field(0.9, gt=0, le=1, description="share of a GPU's memory that vLLM may fill")
    kv_cache_memory_bytes: PositiveInt | None = Field(
        None, description="size of the cache; none: what is left of the GPU's memory, on a CPU 1 GiB"
    )
    cpu_offload_gb: NonNegativeFloat = Field(0, description="GiB of weights a GPU that stay in main memory")
    block_size: PositiveInt | None = Field(None, description="tokens a block of the cache")
    enable_prefix_caching: bool | None = Field(None, description="read what prompts share once; none: yes")
    max_num_seqs: PositiveInt | None = Field(None, description="sequences at a time; batch_size is not used")
    max_num_batched_tokens: PositiveInt | None = None
    enforce_eager: bool | None = Field(None, description="no compiled graphs: starts sooner; none: yes on a CPU only")
    load_format: str = "auto"
    trust_remote_code: bool = False
    max_lora_rank: PositiveInt | None = Field(None, description="none: the highest rank among the adapters")
    max_loras: PositiveInt | None = Field(None, description="adapters in one batch; none: all, at most 8")

    @property
    def gpus(self) -> int:
        """GPUs that one process with the engine takes."""
        return self.tensor_parallel_size * self.pipeline_parallel_size

    @field_validator("data_parallel_size")
    @classmethod
    def _one_replica(cls, value: int) -> int:
        if value > 1:
            raise ValueError(
                f"{value}: vLLM's offline engine is one replica a process; to have more, spread it with the engine "
                "'ray', or start 'vllm serve --data-parallel-size' and ask it through the engine 'openai'"
            )
        return value

    def content(self) -> dict[str, Any]:
        """Numbers and lengths count; how memory and GPUs are shared out does not."""
        return self.model_dump(mode="json", include={"quantization", "kv_cache_dtype", "max_model_len"})
