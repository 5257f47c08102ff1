"""From counted work and a model's shape to time, memory and disk, under assumptions that are all stated.

**Time.** A token costs 2 operations a parameter when it is read or generated, 6 when a model is trained on it (Kaplan
et al., arXiv 2001.08361), 4 with LoRA, whose base takes no weight gradients, and 2 more when activations are computed
twice (gradient checkpointing). A device reaches ``utilisation`` of its operations. Generating one token for a batch
reads all weights once, and takes that time where it is the longer one. Every notebook has a start on top.

**Memory** is that of one device, a sum of named terms, see `generation_memory` and `training_memory`. Not in it:
fragmentation of the allocator, the context of a GPU (about half a GiB), what an engine reserves beyond its need (vLLM
takes 90 % of a GPU).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from honesty_utils import engines
from honesty_utils.engines.options import OpenAIOptions, RayOptions, VllmOptions
from honesty_utils.engines.settings import Generation
from honesty_utils.training.layouts import Layout
from honesty_utils.training.settings import Training
from honesty_utils.workflow.estimate.shape import Shape
from honesty_utils.workflow.estimate.workload import Workload

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
TILE = (4096, 32768)
"""Tokens and words of the logits that TRL 1.16 computes at a time; off a GPU, about seven float32 copies of them are
held at once (measured, ``benchmarks/training.py``)."""
FOUR_BITS = 0.56
"""Bytes of a weight of a 4-bit base: NF4 and its scales, quantised themselves."""
QUANTISED = {"fp8": 1.0, "mxfp8": 1.03, "mxfp4": 0.53, "awq": 0.56, "gptq": 0.56}
"""Bytes of a weight by how vLLM's names of a quantisation begin; of any other, that of the number type."""
READ_AT_ONCE = 8192
"""Tokens of prompts that vLLM reads in one step (its ``max_num_batched_tokens``), unless it is told otherwise."""
SEQUENCES = 256
"""Sequences that vLLM answers at a time, unless it is told otherwise; on an H100 it starts with 1,024."""
RAM = 2**30


@dataclass(frozen=True)
class Device:
    """One accelerator, or one core of a processor.

    Attributes:
        name: as shown.
        operations: a second, in bfloat16 for a GPU (dense, as its vendor states), float32 for a core.
        bandwidth: bytes of memory a second.
        memory: bytes.
        is_gpu: float32 runs at a sixteenth of bfloat16, and models live apart from the process.
    """

    name: str
    operations: float
    bandwidth: float
    memory: float
    is_gpu: bool = True

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
    """What cannot be known before a run.

    Attributes:
        device: what it runs on.
        utilisation: share of the device's operations, and of its bandwidth, that is reached.
        answer_tokens: of a mean answer; none: as the world's answers are, or as many as are allowed: an upper bound.
        characters_per_token: of the model's tokenizer.
        chat_tokens: what a chat template adds to a prompt.
        start_seconds: of a notebook until it begins: kernel, imports, model.
        tokens_per_second: generated, of one device; none: from operations and bandwidth.
        process_bytes: held by a process before there is a model.
    """

    device: Device
    utilisation: float = 0.4
    answer_tokens: float | None = None
    characters_per_token: float = 4.0
    chat_tokens: float = 12.0
    start_seconds: float = 8.0
    tokens_per_second: float | None = None
    process_bytes: float = 0.6 * RAM

    def sentences(self) -> list[str]:
        """The assumptions as a reader wants them."""
        answer, rate = "as a world teaches them, else as long as allowed (an upper bound)", "from operations"
        if self.answer_tokens is not None:
            answer = f"of {self.answer_tokens:.1f} tokens"
        if self.tokens_per_second is not None:
            rate = f"{self.tokens_per_second:,.0f} tokens/s, measured"
        return [
            f"device {self.device.name}: {self.device.operations:.3g} operations/s, {self.device.bandwidth / 1e9:,.0f} "
            f"GB/s, {self.device.memory / 1e9:,.0f} GB, of which {self.utilisation:.0%} of the speed is reached",
            f"answers {answer}, {self.characters_per_token:.2g} characters a token; generation {rate}",
        ]


@dataclass(frozen=True)
class Cost:
    """What a job takes: device-hours and bytes of disk of all its models, devices of one, bytes of memory of each."""

    hours: float
    devices: int
    memory: float
    disk: float


@dataclass(frozen=True)
class Serving:
    """How an engine holds a model.

    Attributes:
        devices: of one replica.
        replicas: side by side; 0: none on this machine.
        sequences: that a replica answers at a time.
        weight: bytes of a quantised weight; none: that of the number type.
        context: tokens that the cache has room for in any case.
        reads: tokens of prompts at a time; none: those of all its sequences, each as long as the longest.
    """

    devices: int
    replicas: int
    sequences: int
    weight: float | None = None
    context: int = 0
    reads: int | None = None


def serving(settings: Generation) -> Serving:
    """What the engine of a stage makes of its options."""
    options = engines.check_options(settings.engine, settings.engine_options)
    if isinstance(options, RayOptions):
        return replace(serving(options.within(settings)), replicas=options.replicas)
    if isinstance(options, OpenAIOptions):
        return Serving(1, 0, settings.batch_size)
    if not isinstance(options, VllmOptions):
        return Serving(1, 1, settings.batch_size)
    return Serving(
        devices=options.gpus,
        replicas=1,
        sequences=options.max_num_seqs or SEQUENCES,
        weight=next((size for name, size in QUANTISED.items() if (options.quantization or "").startswith(name)), None),
        context=options.max_model_len or 0,
        reads=options.max_num_batched_tokens or READ_AT_ONCE,
    )


def generation(job: Workload, shape: Shape, settings: Generation, dtype: str, assumed: Assumptions) -> Cost:
    """Cost of sampling, evaluation or sampling anew (drift)."""
    rate, spread = assumed.device.rate(dtype) * assumed.utilisation, serving(settings)
    reading = 2 * shape.parameters * job.prompt_tokens / rate
    weights = _stored(shape, BYTES[dtype], spread.weight) / (assumed.device.bandwidth * assumed.utilisation)
    a_token = max(2 * shape.parameters / rate, weights / spread.sequences)
    seconds = reading + job.answer_tokens * a_token
    if assumed.tokens_per_second is not None:
        seconds = job.answer_tokens / assumed.tokens_per_second
    # vLLM's cache grows with each sequence; a batch of transformers is padded to its longest prompt.
    prompt = job.longest if spread.reads is None else job.prompt_tokens / max(1, job.questions)
    memory = sum(generation_memory(shape, settings, dtype, prompt, assumed).values()) if spread.replicas else 0.0
    # Written as shards and again as a table; evaluation writes a graded table, too. Text shrinks to two thirds.
    copies = 3 if job.stage == "evaluation" else 2
    disk = copies * (20 * job.responses + 0.67 * assumed.characters_per_token * job.answer_tokens)
    return _cost(seconds, job, memory, disk, spread.devices * spread.replicas, assumed)


def generation_memory(
    shape: Shape, settings: Generation, dtype: str, prompt: float, assumed: Assumptions
) -> dict[str, float]:
    """Bytes of one device by term, for as many prompts of ``prompt`` tokens as are answered at a time.

    ``weights``; ``cache``: keys and values of every layer for prompt and answer; ``logits``: float32 logits and shares
    and float64 sums over the vocabulary; ``reading``: what one layer holds while prompts are read; ``process``.
    Weights and cache are cut across the devices of a replica.
    """
    size, spread = BYTES[dtype], serving(settings)
    cached = max(spread.sequences * (prompt + settings.max_new_tokens), spread.context)
    read = spread.sequences * prompt if spread.reads is None else spread.reads
    return {
        "weights": _stored(shape, size, spread.weight) / spread.devices,
        "cache": 2 * shape.layers * shape.key_value * size * cached / spread.devices,
        "logits": 20 * spread.sequences * shape.vocabulary,
        "reading": read * size * (4 * shape.hidden + 3 * shape.intermediate),
        "process": _process(assumed),
    }


def _stored(shape: Shape, size: float, quantised: float | None) -> float:
    """Bytes of all weights; embedding and output layer are never quantised."""
    if quantised is None:
        return shape.parameters * size
    return shape.parameters * quantised + shape.embedding * (size - quantised)


def training(
    job: Workload,
    shape: Shape,
    settings: Training,
    adapter: int,
    dtype: str,
    assumed: Assumptions,
    layout: Layout | None = None,
) -> Cost:
    """Cost of fine-tuning; ``adapter`` is the number of trainable parameters with LoRA."""
    operations = (6 if settings.mode == "full" else 4) + (2 if settings.gradient_checkpointing else 0)
    tokens = job.epochs * (job.prompt_tokens + job.answer_tokens)
    seconds = operations * shape.parameters * tokens / (assumed.device.rate(dtype) * assumed.utilisation)
    a_row = (job.prompt_tokens + job.answer_tokens) / max(1, job.responses)
    length = min(settings.max_length, job.longest + job.answer_tokens / max(1, job.responses))
    memory = training_memory(shape, settings, adapter, dtype, max(length, a_row), assumed, layout).peak
    saved = shape.parameters * BYTES[dtype] if settings.mode == "full" else 4 * adapter
    return _cost(seconds, job, memory, job.models * saved, layout.processes if layout else 1, assumed)


@dataclass(frozen=True)
class TrainingMemory:
    """Bytes of one device by term while a model is fine-tuned with AdamW.

    Attributes:
        weights: of the model and of an adapter.
        optimiser: two moments a trainable parameter.
        gradients: of the trainable parameters.
        activations: what the backward pass needs of the forward pass.
        output: of the output layer: tiles of logits, the gradient of its weights in float32.
        gathered: of weights that are cut into pieces, those that are whole for a moment.
        process: before there is a model; 0 on a GPU.
        accumulates: whether gradients live through several forward passes.
    """

    weights: float
    optimiser: float
    gradients: float
    activations: float
    output: float
    gathered: float
    process: float
    accumulates: bool

    @property
    def states(self) -> float:
        """What is there at the end of every backward pass, however few rows there are."""
        return self.weights + self.optimiser + self.gradients

    @property
    def peak(self) -> float:
        """The most at any moment: activations go while gradients come, unless these are there from the step before."""
        forward = self.activations + self.output
        moving = forward + self.gradients if self.accumulates else max(forward, self.gradients)
        return self.process + self.weights + self.optimiser + self.gathered + moving


def training_memory(
    shape: Shape,
    settings: Training,
    adapter: int,
    dtype: str,
    length: float,
    assumed: Assumptions,
    layout: Layout | None = None,
) -> TrainingMemory:
    """Memory of fine-tuning.

    Args:
        shape: of the model.
        settings: mode, batch size, gradient accumulation, gradient checkpointing.
        adapter: trainable parameters with LoRA, which are kept in float32.
        dtype: of the arithmetic and, with LoRA, of the base; what is trained is float32.
        length: tokens of the longest row of a batch, to which the others are padded.
        assumed: the device says how attention is computed, see ``training``.
        layout: over which devices rows, and perhaps weights, are shared out; none: one device.
    """
    size, lora = BYTES[dtype], settings.mode != "full"
    stored = _stored(shape, 4.0 if settings.mode == "full" else size, FOUR_BITS if settings.mode == "qlora" else None)
    trainable = adapter if lora else shape.parameters
    processes, pieces = (layout.processes, layout.pieces) if layout else (1, 1)
    held = 0.0 if layout and layout.offloaded else 1 / pieces
    tokens = max(1.0, settings.batch_size / processes) * length
    layer = tokens * _layer_activations(shape, size, 0 if assumed.device.is_gpu else length)
    # With checkpointing every layer keeps its input, and one at a time all the rest.
    kept = tokens * shape.hidden * size + layer / shape.layers if settings.gradient_checkpointing else layer
    # Float32 weights are cast for a step's arithmetic, and the cast ones kept until its backward pass is over; pieces
    # are cast before they are put together, a layer and the next one at a time, embedding and output layer all along.
    cast = 0 if lora or size == 4 or pieces > 1 else size * shape.parameters
    whole = 2 * (shape.parameters - shape.embedding) / shape.layers + shape.embedding
    tile = (12 if assumed.device.is_gpu else 28) * min(tokens, TILE[0]) * min(shape.vocabulary, TILE[1])
    return TrainingMemory(
        weights=held * (stored + (4 * adapter if lora else 0)),
        optimiser=held * 2 * trainable * 4,
        gradients=held * trainable * 4,
        activations=shape.layers * kept + 16 * tokens * shape.hidden + cast,
        output=tile + (0 if lora else (4 + size) * shape.vocabulary * shape.hidden),
        gathered=size * whole if pieces > 1 else 0,
        process=_process(assumed),
        accumulates=settings.gradient_accumulation > 1,
    )


def _layer_activations(shape: Shape, size: int, eager_length: float) -> float:
    """Bytes a token that one Llama layer keeps for its backward pass.

    Two norms keep their input in float32, what they made of it and what they give; attention keeps queries, keys,
    values and its output, and where it is not fused (``eager_length`` above 0) a row of weights a head; the
    feed-forward part four times its width.
    """
    norms = 2 * shape.hidden * (4 + 2 * size)
    attention = size * (2 * shape.hidden + 2 * shape.key_value)
    scores = shape.heads * eager_length * (4 if size == 4 else 4 + size)
    return norms + attention + scores + 4 * size * shape.intermediate


def _process(assumed: Assumptions) -> float:
    return 0.0 if assumed.device.is_gpu else assumed.process_bytes


def _cost(seconds: float, job: Workload, memory: float, disk: float, devices: int, assumed: Assumptions) -> Cost:
    # While a notebook starts, all of its devices wait.
    return Cost((seconds + job.models * max(1, devices) * assumed.start_seconds) / 3600, devices, memory, disk)
