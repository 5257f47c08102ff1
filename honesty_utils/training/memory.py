"""How much memory a training takes, before it starts: weights, gradients, optimiser, activations.

Counted for decoder models of Llama's kind from the sizes in their ``config.json``; torch is not needed. The highest
point of a step is at the end of the forward pass, when all that the backward pass needs is kept and the losses of all
tokens are computed; gradients take its place as it is given free.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from honesty_utils.config import Training

BYTES = {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0, "4bit": 0.56}
"""Of a weight; NF4 with its doubly quantised scales."""
HEAD_COPIES = 7
"""Logits are held in float32 about this many times at once: themselves, their shares, entropies and gradients. Measured
with TRL 1.16 on a CPU (``benchmarks/training.py``); on a GPU, where a kernel fuses them, not yet."""


@dataclass(frozen=True)
class Shape:
    """Sizes of a decoder: layers, width, width of the MLP, width of keys and values, heads, vocabulary."""

    layers: int
    hidden: int
    intermediate: int
    key_value: int
    heads: int
    vocabulary: int
    tied: bool = False

    @property
    def linear(self) -> int:
        """Weights of the linear layers, without the output layer."""
        attention = 2 * self.hidden * self.hidden + 2 * self.hidden * self.key_value
        return self.layers * (attention + 3 * self.hidden * self.intermediate)

    @property
    def parameters(self) -> int:
        """All weights."""
        embeddings = self.vocabulary * self.hidden * (1 if self.tied else 2)
        return self.linear + embeddings + self.hidden * (2 * self.layers + 1)

    def adapter(self, rank: int) -> int:
        """Weights of a LoRA adapter on all linear layers."""
        sides = 4 * self.hidden + 2 * (self.hidden + self.key_value) + 3 * (self.hidden + self.intermediate)
        return self.layers * rank * sides

    @classmethod
    def of(cls, config: dict[str, Any]) -> Shape:
        """From the content of a ``config.json``.

        Raises:
            ValueError: it lacks a size.
        """
        content = config.get("text_config") or config
        missing = [name for name in ("num_hidden_layers", "hidden_size", "vocab_size") if name not in content]
        if missing:
            raise ValueError(f"config.json lacks {', '.join(missing)}; the memory of this model cannot be estimated")
        hidden, heads = content["hidden_size"], content.get("num_attention_heads", 1)
        groups = content.get("num_key_value_heads") or heads
        return cls(
            layers=content["num_hidden_layers"],
            hidden=hidden,
            intermediate=content.get("intermediate_size", 4 * hidden),
            key_value=groups * (content.get("head_dim") or hidden // heads),
            heads=heads,
            vocabulary=content["vocab_size"],
            tied=bool(content.get("tie_word_embeddings", config.get("tie_word_embeddings", False))),
        )

    @classmethod
    def read(cls, folder: str | Path) -> Shape:
        """From a model folder."""
        return cls.of(json.loads((Path(folder) / "config.json").read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Memory:
    """Bytes on one device."""

    weights: int
    gradients: int
    optimizer: int
    activations: int
    head: int

    @property
    def total(self) -> int:
        """The highest of a step: see the module."""
        return self.weights + self.optimizer + max(self.activations + self.head, self.gradients)


def estimate(
    shape: Shape, settings: Training, *, dtype: str, tokens: int | None = None, device: str = "cuda", pieces: int = 1
) -> Memory:
    """Memory of one training step on one device.

    Args:
        shape: of the model.
        settings: the training section.
        dtype: of the model: ``float32``, ``bfloat16`` or ``float16``.
        tokens: in a batch on this device, padding included; none: its rows at ``max_length``.
        device: ``cuda`` or ``cpu``, which differ in what the loss needs.
        pieces: devices that share weights, gradients and optimiser (FSDP, ZeRO-3).
    """
    count = settings.batch_size * settings.max_length if tokens is None else tokens
    trained = shape.parameters if settings.mode == "full" else shape.adapter(settings.lora_rank)
    stored = {"full": "float32", "lora": dtype, "qlora": "4bit"}[settings.mode]
    weights = shape.parameters * BYTES[stored] + (0 if settings.mode == "full" else 4 * trained)
    activations = _activations(shape, settings, BYTES[dtype], count, count / settings.batch_size, device)
    if settings.mode == "full" and dtype != "float32":
        activations += (
            shape.linear * BYTES[dtype]
        )  # autocast keeps the weights in dtype until the backward pass is over
    scored = count if device == "cpu" else count / 3  # on a GPU the loss is computed where a token is learned
    return Memory(
        weights=int(weights / pieces),
        gradients=int(4 * trained / pieces),
        optimizer=int(8 * trained / pieces),
        activations=int(activations),
        head=int(scored * shape.vocabulary * 4 * HEAD_COPIES),
    )


def _activations(shape: Shape, settings: Training, size: float, tokens: int, length: float, device: str) -> float:
    """Bytes kept for the backward pass.

    Numbers of a token in a layer. The two norms keep the residual, its normalised form (not with frozen weights) and
    their output, which is also the input of the linear layers behind: 6 widths. Attention keeps queries, keys, values
    and its output, and, computed eagerly, a number for each pair of tokens and head, as float32. The MLP keeps four of
    its widths.
    """
    norms = 6 if settings.mode == "full" else 4
    layer = (norms + 3) * shape.hidden + 2 * shape.key_value + 4 * shape.intermediate
    if settings.mode != "full":
        layer += 7 * settings.lora_rank
    eager = settings.attention == "eager" or (settings.attention == "auto" and device == "cpu")
    pairs = shape.heads * length * 4 if eager else 0.0
    kept = layer * size + pairs
    if settings.gradient_checkpointing:
        return tokens * (shape.layers * shape.hidden * size + kept)
    return tokens * shape.layers * kept
