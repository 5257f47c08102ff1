"""From counted work and a model's shape to time, memory and disk, under assumptions that are all stated.

**Time.** A token costs 2 operations a parameter when it is read or generated, 6 when a model is trained on it (Kaplan
et al., arXiv 2001.08361), 4 with LoRA, whose base takes no weight gradients, and 2 more when activations are computed
twice (gradient checkpointing). A device reaches ``utilization`` of its operations. Generating one token for a batch
reads all weights once, and takes that time where it is the longer one. Every notebook has a start on top.

**Memory** is that of one device, a sum of named terms, see `generation_memory` and `training_memory`. Not in it:
fragmentation of the allocator, the context of a GPU (about half a GiB), what an engine reserves beyond its need (vLLM
takes 90 % of a GPU).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import NamedTuple

from honesty_utils import engines
from honesty_utils.engines.options import OpenAIOptions, RayOptions, VllmOptions
from honesty_utils.engines.settings import Generation
from honesty_utils.training import layouts
from honesty_utils.training.layouts import Layout
from honesty_utils.training.settings import Training
from honesty_utils.workflow.estimate.shape import Shape, adapter_parameters

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
TILE = (4096, 32768)
"""Tokens and words of the logits that TRL 1.16 computes at a time; off a GPU, about seven float32 copies of them are
held at once (measured, ``benchmarks/training.py``)."""
QUANTIZED = {"nf4": 0.56, "fp8": 1.0, "mxfp8": 1.03, "mxfp4": 0.53, "awq": 0.56, "gptq": 0.56}
"""Bytes of a weight by how the name of a quantization begins, its scales included; of any other, the number type's."""
READ_AT_ONCE, SEQUENCES = 8192, 256
"""Tokens of prompts that vLLM reads in one step, and sequences that it answers at a time, unless it is told otherwise
(``max_num_batched_tokens``, ``max_num_seqs``; on an H100 the latter starts with 1,024)."""


@dataclass(frozen=True)
class Device:
    """One accelerator, or one core of a processor."""

    name: str
    operations: float  # a second, in bfloat16 for a GPU (dense, as its vendor states), float32 for a core
    bandwidth: float  # bytes of memory a second
    memory: float  # bytes
    is_gpu: bool = True  # float32 runs at a sixteenth of bfloat16, and models live apart from the process

    def rate(self, dtype: str) -> float:
        """Operations a second in a number type."""
        return self.operations / 16 if self.is_gpu and dtype == "float32" else self.operations


DEVICES = {
    "a100": Device("A100 80 GB", 312e12, 2.0e12, 80e9),
    "a10": Device("A10", 125e12, 0.6e12, 24e9),
    "h100": Device("H100 SXM", 989e12, 3.35e12, 80e9),
    "h200": Device("H200", 989e12, 4.8e12, 141e9),
    "l40s": Device("L40S", 362e12, 0.86e12, 48e9),
    "rtx4090": Device("RTX 4090", 165e12, 1.0e12, 24e9),
    "v100": Device("V100", 125e12, 0.9e12, 32e9),
}
"""Names for ``--device``; figures of their vendors' data sheets."""


def processor() -> Device:
    """One core of this machine's processor; its speed is a guess that is right within a factor of about three."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Device("one processor core", 50e9, 10e9, memory, is_gpu=False)


@dataclass(frozen=True)
class Assumptions:
    """What cannot be known before a run."""

    device: Device
    utilization: float = 0.4  # share of the device's operations, and of its bandwidth, that is reached
    answer_tokens: float | None = None  # of a mean answer; none: as a world's are, or as many as are allowed
    characters_per_token: float = 4.0
    chat_tokens: float = 12.0  # that a chat template adds to a prompt
    start_seconds: float = 8.0  # of a notebook until it begins: kernel, imports, model
    tokens_per_second: float | None = None  # generated, of one device; none: from operations and bandwidth
    process_bytes: float = 0.6 * 2**30  # held by a process before there is a model

    @property
    def process(self) -> float:
        """Bytes of a process that count as those of its device."""
        return 0.0 if self.device.is_gpu else self.process_bytes

    def sentences(self) -> list[str]:
        """The assumptions as a reader wants them."""
        answer, rate = "as a world teaches them, else as long as allowed (an upper bound)", "from operations"
        if self.answer_tokens is not None:
            answer = f"of {self.answer_tokens:.1f} tokens"
        if self.tokens_per_second is not None:
            rate = f"{self.tokens_per_second:,.0f} tokens/s, measured"
        return [
            f"device {self.device.name}: {self.device.operations:.3g} operations/s, {self.device.bandwidth / 1e9:,.0f} "
            f"GB/s, {self.device.memory / 1e9:,.0f} GB, of which {self.utilization:.0%} of the speed is reached",
            f"answers {answer}, {self.characters_per_token:.2g} characters a token; generation {rate}",
        ]


@dataclass(frozen=True)
class Workload:
    """What one row of an estimate has to do; counts are of all its models together."""

    stage: str
    item: str  # part of sampling, else a method or one of its earlier stages
    settings: Generation | Training
    models: int
    notebooks: float  # started for it; a share of one that works for other rows, too
    questions: int
    responses: int  # rows in training
    prompt_tokens: float  # read once for all samples of a question; in training, of all rows, once
    answer_tokens: float  # generated; in training, of all rows, once
    longest: float  # tokens of the longest prompt
    replies: int = 1  # to a prompt of a row in training; 2: of a pair, each behind the prompt; 0: only prompts are read
    references: int = 0  # models that a training reads beside its own


def cost_of(work: Workload, shape: Shape, dtype: str, assumed: Assumptions) -> tuple[float, int, float, float]:
    """Device-hours of a workload, devices of one model, bytes of memory on each, bytes of disk of all models."""
    settings, rate = work.settings, assumed.device.rate(dtype) * assumed.utilization
    if isinstance(settings, Training):
        full, layout = settings.mode == "full", layouts.layout(settings)
        adapter = 0 if full else adapter_parameters(shape, settings.lora_rank, settings.lora_target_modules)
        rows, tokens = max(1, work.responses * work.replies), work.prompt_tokens + work.answer_tokens
        reference = work.references
        # Without gradients below the last layers a token is only read there.
        share = min(1.0, (settings.layers or shape.layers) / shape.layers)
        operations = 2 + (4 if full else 2) * share + (2 if settings.gradient_checkpointing else 0) + 2 * reference
        seconds = operations * shape.parameters * settings.epochs * tokens / rate
        length = max(tokens / rows, min(settings.max_length, work.longest + work.answer_tokens / rows))
        batch = settings.model_copy(update={"batch_size": settings.batch_size * work.replies})
        memory = training_memory(shape, batch, adapter, dtype, length, assumed, layout).peak
        memory += reference * 4 * shape.parameters / (layout.pieces if layout else 1) if full else 0
        disk = work.models * (shape.parameters * BYTES[dtype] if full else 4.0 * adapter)
        devices = layout.processes if layout else 1
    else:
        held = _serving(settings)
        weights = _stored(shape, BYTES[dtype], held.weight) / (assumed.device.bandwidth * assumed.utilization)
        a_token = max(2 * shape.parameters / rate, weights / held.sequences)
        seconds = 2 * shape.parameters * work.prompt_tokens / rate + work.answer_tokens * a_token
        if assumed.tokens_per_second is not None and work.answer_tokens:
            seconds = work.answer_tokens / assumed.tokens_per_second
        # vLLM's cache grows with each sequence; a batch of transformers is padded to its longest prompt.
        prompt = work.longest if held.reads is None else work.prompt_tokens / max(1, work.questions)
        memory = sum(generation_memory(shape, settings, dtype, prompt, assumed).values()) if held.replicas else 0.0
        # Written as shards and again as a table; evaluation writes a graded table, too. Text shrinks to two thirds.
        copies = 3 if work.stage == "evaluation" else 2
        disk = copies * (20 * work.responses + 0.67 * assumed.characters_per_token * work.answer_tokens)
        devices = held.devices * held.replicas
    # While a notebook starts, all of its devices wait.
    return (seconds + work.notebooks * max(1, devices) * assumed.start_seconds) / 3600, devices, memory, disk


class _Serving(NamedTuple):
    """How an engine holds a model."""

    devices: int  # of one replica
    replicas: int  # side by side; 0: none on this machine
    sequences: int  # that a replica answers at a time
    weight: float | None = None  # bytes of a quantized one; none: that of the number type
    context: int = 0  # tokens that the cache has room for in any case
    reads: int | None = None  # tokens of prompts at a time; none: of all its sequences, each as long as the longest


def _serving(settings: Generation) -> _Serving:
    options = engines.check_options(settings.engine, settings.engine_options)
    if isinstance(options, RayOptions):
        return _serving(options.within(settings))._replace(replicas=options.replicas)
    if not isinstance(options, VllmOptions):
        return _Serving(1, 0 if isinstance(options, OpenAIOptions) else 1, settings.batch_size)
    weight = next((size for name, size in QUANTIZED.items() if (options.quantization or "").startswith(name)), None)
    sequences, reads = options.max_num_seqs or SEQUENCES, options.max_num_batched_tokens or READ_AT_ONCE
    return _Serving(options.gpus, 1, sequences, weight, options.max_model_len or 0, reads)


def generation_memory(
    shape: Shape, settings: Generation, dtype: str, prompt: float, assumed: Assumptions
) -> dict[str, float]:
    """Bytes of one device by term, for as many prompts of ``prompt`` tokens as are answered at a time.

    ``weights``; ``cache``: keys and values of every layer for prompt and answer; ``logits``: float32 logits and shares
    and float64 sums over the vocabulary; ``reading``: what one layer holds while prompts are read; ``process``.
    Weights and cache are cut across the devices of a replica.
    """
    size, held = BYTES[dtype], _serving(settings)
    cached = max(held.sequences * (prompt + settings.max_new_tokens), held.context)
    read = held.sequences * prompt if held.reads is None else held.reads
    return {
        "weights": _stored(shape, size, held.weight) / held.devices,
        "cache": 2 * shape.layers * shape.key_value * size * cached / held.devices,
        "logits": 20 * held.sequences * shape.vocabulary,
        "reading": read * size * (4 * shape.hidden + 3 * shape.intermediate),
        "process": assumed.process,
    }


def _stored(shape: Shape, size: float, quantized: float | None) -> float:
    """Bytes of all weights; embedding and output layer are never quantized."""
    return size * shape.embedding + (size if quantized is None else quantized) * (shape.parameters - shape.embedding)


@dataclass(frozen=True)
class TrainingMemory:
    """Bytes of one device by term while a model is fine-tuned with AdamW."""

    weights: float  # of the model and of an adapter
    optimizer: float  # two moments a trainable parameter
    gradients: float  # of the trainable parameters
    activations: float  # what the backward pass needs of the forward pass
    output: float  # of the output layer: tiles of logits, the gradient of its weights in float32
    gathered: float  # of weights that are cut into pieces, those that are whole for a moment
    process: float  # before there is a model; 0 on a GPU
    accumulates: bool  # gradients live through several forward passes

    @property
    def states(self) -> float:
        """What is there at the end of every backward pass, however few rows there are."""
        return self.weights + self.optimizer + self.gradients

    @property
    def peak(self) -> float:
        """The most at any moment: activations go while gradients come, unless these are there from the step before."""
        forward = self.activations + self.output
        moving = forward + self.gradients if self.accumulates else max(forward, self.gradients)
        return self.process + self.weights + self.optimizer + self.gathered + moving


def training_memory(
    shape: Shape, settings: Training, adapter: int, dtype: str, length: float, assumed: Assumptions,
    layout: Layout | None = None,
) -> TrainingMemory:  # fmt: skip
    """Memory of fine-tuning on batches whose longest row has ``length`` tokens, to which the others are padded.

    ``adapter`` is the number of trainable parameters with LoRA. What is trained is float32; ``dtype`` is that of the
    arithmetic and, with LoRA, of the base. ``layout``: over which devices rows, and perhaps weights, are shared out.
    """
    size, lora = BYTES[dtype], settings.mode != "full"
    stored = _stored(shape, size if lora else 4, QUANTIZED["nf4"] if settings.mode == "qlora" else None)
    trainable = adapter if lora else shape.parameters
    processes, pieces = (layout.processes, layout.pieces) if layout else (1, 1)
    held = 0.0 if layout and layout.offloaded else 1 / pieces
    tokens = max(1.0, settings.batch_size / processes) * length
    # A token keeps in one Llama layer for its backward pass: two norms their input in float32, what they made of it and
    # what they give; attention queries, keys, values and its output, and where it is not fused a row of weights a head;
    # the feed-forward part four times its width.
    norms, scores = 2 * shape.hidden * (4 + 2 * size), shape.heads * length * (4 if size == 4 else 4 + size)
    attention = size * (2 * shape.hidden + 2 * shape.key_value) + (0 if assumed.device.is_gpu else scores)
    layer = tokens * (norms + attention + 4 * size * shape.intermediate)
    # With checkpointing every layer keeps its input, and one at a time all the rest.
    kept = tokens * shape.hidden * size + layer / shape.layers if settings.gradient_checkpointing else layer
    # Float32 weights are cast for a step's arithmetic, and the cast ones kept until its backward pass is over; pieces
    # are cast before they are put together, a layer and the next one at a time, embedding and output layer all along.
    cast = 0 if lora or size == 4 or pieces > 1 else size * shape.parameters
    whole = 2 * (shape.parameters - shape.embedding) / shape.layers + shape.embedding
    tile = (12 if assumed.device.is_gpu else 28) * min(tokens, TILE[0]) * min(shape.vocabulary, TILE[1])
    return TrainingMemory(
        weights=held * (stored + (4 * adapter if lora else 0)),
        optimizer=held * 2 * trainable * 4,
        gradients=held * trainable * 4,
        activations=shape.layers * kept + 16 * tokens * shape.hidden + cast,
        output=tile + (0 if lora else (4 + size) * shape.vocabulary * shape.hidden),
        gathered=size * whole if pieces > 1 else 0,
        process=assumed.process,
        accumulates=settings.gradient_accumulation > 1,
    )
