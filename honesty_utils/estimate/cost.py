"""From counted work and a model's shape to time, memory and disk, under assumptions that are all stated.

**Time.** A token costs 2 operations a parameter when it is read or generated, 6 when a model is trained on it (Kaplan
et al., arXiv 2001.08361), 4 with LoRA, whose base takes no weight gradients, and 2 more when activations are computed
twice (gradient checkpointing). A device reaches ``utilisation`` of its operations. Generating one token for a batch
reads all weights once, and takes that time where it is the longer one. Every notebook has a start on top.

**Memory** is a sum of named terms, see `generation_memory` and `training_memory`. Not in it: fragmentation of the
allocator, the context of a GPU (about half a GiB), what an engine reserves beyond its need (vLLM takes 90 % of a GPU).
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from honesty_utils.config import Generation, Training
from honesty_utils.estimate.shape import Shape

if TYPE_CHECKING:
    from honesty_utils.estimate.work import Job

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
TILE = (4096, 32768)
"""Tokens and words of the logits that TRL 1.16 computes at a time; off a GPU, about seven float32 copies of them are
held at once (measured, ``benchmarks/training.py``)."""
FOUR_BITS = 0.56
"""Bytes of a weight of a 4-bit base: NF4 and its scales, quantised themselves."""
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
    """What a job takes: device-hours and bytes of disk of all its models, bytes of memory of one, devices for that."""

    hours: float
    devices: int
    memory: float
    disk: float


def generation(job: Job, shape: Shape, settings: Generation, dtype: str, assumed: Assumptions) -> Cost:
    """Cost of sampling, evaluation or sampling anew (drift)."""
    rate = assumed.device.rate(dtype) * assumed.utilisation
    reading = 2 * shape.parameters * job.prompt_tokens / rate
    weights = shape.parameters * BYTES[dtype] / (assumed.device.bandwidth * assumed.utilisation)
    a_token = max(2 * shape.parameters / rate, weights / settings.batch_size)
    seconds = reading + job.answer_tokens * a_token
    if assumed.tokens_per_second is not None:
        seconds = job.answer_tokens / assumed.tokens_per_second
    memory = sum(generation_memory(shape, settings, dtype, job.longest, assumed).values())
    # Written as shards and again as a table; evaluation writes a graded table, too. Text shrinks to two thirds.
    copies = 3 if job.stage == "evaluation" else 2
    disk = copies * (20 * job.responses + 0.67 * assumed.characters_per_token * job.answer_tokens)
    return _cost(seconds, job, memory, disk, assumed)


def generation_memory(
    shape: Shape, settings: Generation, dtype: str, longest: float, assumed: Assumptions
) -> dict[str, float]:
    """Bytes by term, for a batch whose prompts are all the longest one.

    ``weights``; ``cache``: keys and values of every layer for prompt and answer; ``logits``: float32 logits and shares
    and float64 sums over the vocabulary; ``reading``: what one layer holds while prompts are read; ``process``.
    """
    size, batch = BYTES[dtype], settings.batch_size
    return {
        "weights": shape.parameters * size,
        "cache": 2 * shape.layers * shape.key_value * size * batch * (longest + settings.max_new_tokens),
        "logits": 20 * batch * shape.vocabulary,
        "reading": batch * longest * size * (4 * shape.hidden + 3 * shape.intermediate),
        "process": _process(assumed),
    }


def training(job: Job, shape: Shape, settings: Training, adapter: int, dtype: str, assumed: Assumptions) -> Cost:
    """Cost of fine-tuning; ``adapter`` is the number of trainable parameters with LoRA."""
    operations = (6 if settings.mode == "full" else 4) + (2 if settings.gradient_checkpointing else 0)
    tokens = job.epochs * (job.prompt_tokens + job.answer_tokens)
    seconds = operations * shape.parameters * tokens / (assumed.device.rate(dtype) * assumed.utilisation)
    a_row = (job.prompt_tokens + job.answer_tokens) / max(1, job.responses)
    length = min(settings.max_length, job.longest + job.answer_tokens / max(1, job.responses))
    memory = training_memory(shape, settings, adapter, dtype, max(length, a_row), assumed).peak
    saved = shape.parameters * BYTES[dtype] if settings.mode == "full" else 4 * adapter
    return _cost(seconds, job, memory, job.models * saved, assumed)


@dataclass(frozen=True)
class TrainingMemory:
    """Bytes by term while a model is fine-tuned with AdamW.

    Attributes:
        weights: of the model and of an adapter.
        optimiser: two moments a trainable parameter.
        gradients: of the trainable parameters.
        activations: what the backward pass needs of the forward pass.
        output: of the output layer: tiles of logits, the gradient of its weights in float32.
        process: before there is a model; 0 on a GPU.
        accumulates: whether gradients live through several forward passes.
    """

    weights: float
    optimiser: float
    gradients: float
    activations: float
    output: float
    process: float
    accumulates: bool

    @property
    def peak(self) -> float:
        """The most at any moment: activations go while gradients come, unless these are there from the step before."""
        forward = self.activations + self.output
        moving = forward + self.gradients if self.accumulates else max(forward, self.gradients)
        return self.process + self.weights + self.optimiser + moving


def training_memory(
    shape: Shape, settings: Training, adapter: int, dtype: str, length: float, assumed: Assumptions
) -> TrainingMemory:
    """Memory of fine-tuning.

    Args:
        shape: of the model.
        settings: mode, batch size, gradient accumulation, gradient checkpointing.
        adapter: trainable parameters with LoRA, which are kept in float32.
        dtype: of the arithmetic and, with LoRA, of the base; what is trained is float32.
        length: tokens of the longest row of a batch, to which the others are padded.
        assumed: the device says how attention is computed, see ``training``.
    """
    size, lora = BYTES[dtype], settings.mode != "full"
    stored = {"full": 4.0, "lora": size, "qlora": FOUR_BITS}[settings.mode]
    trainable = adapter if lora else shape.parameters
    tokens = settings.batch_size * length
    layer = tokens * _layer_activations(shape, size, 0 if assumed.device.is_gpu else length)
    # With checkpointing every layer keeps its input, and one at a time all the rest.
    kept = tokens * shape.hidden * size + layer / shape.layers if settings.gradient_checkpointing else layer
    # Float32 weights are cast for a step's arithmetic, and the cast ones kept until its backward pass is over.
    cast = 0 if lora or size == 4 else size * shape.parameters
    tile = (12 if assumed.device.is_gpu else 28) * min(tokens, TILE[0]) * min(shape.vocabulary, TILE[1])
    return TrainingMemory(
        weights=shape.parameters * stored + (4 * adapter if lora else 0),
        optimiser=2 * trainable * 4,
        gradients=trainable * 4,
        activations=shape.layers * kept + 16 * tokens * shape.hidden + cast,
        output=tile + (0 if lora else (4 + size) * shape.vocabulary * shape.hidden),
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


def _cost(seconds: float, job: Job, memory: float, disk: float, assumed: Assumptions) -> Cost:
    devices = math.ceil(memory / (0.9 * assumed.device.memory)) if assumed.device.is_gpu else 1
    return Cost((seconds + job.models * assumed.start_seconds) / 3600, devices, memory, disk)
