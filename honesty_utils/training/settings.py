"""How models are fine-tuned; the defaults are the paper's optimizer settings for full fine-tuning (AdamW, 1e-6)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt

from honesty_utils.common.settings import Section, Seeds


class Training(Section):
    """Supervised fine-tuning with TRL and PEFT."""

    mode: Literal["full", "lora", "qlora"] = Field(
        "full", description="all weights, an adapter, or an adapter on a base of 4-bit weights (needs CUDA)"
    )
    learning_rate: float = Field(1.0e-6, gt=0)
    epochs: float = Field(2, gt=0, le=10_000)
    batch_size: PositiveInt = Field(8, description="rows at a time, over all devices; with `packed`, packs")
    gradient_accumulation: PositiveInt = Field(1, description="such batches a step")
    weight_decay: float = Field(0.1, ge=0)
    warmup_ratio: float = Field(0.05, ge=0, le=1)
    scheduler: Literal["linear", "cosine", "constant", "constant_with_warmup"] = "linear"
    max_grad_norm: float = Field(1.0, ge=0, description="longer gradients are cut to this; 0: never")
    most_loss: float = Field(
        3.0,
        gt=1,
        description="a training whose last loss is above this many times that before it has diverged: an error",
    )
    max_length: PositiveInt = Field(1024, description="tokens of the longest row, and of a pack")
    too_long: Literal["refuse", "drop", "truncate"] = Field(
        "refuse", description="rows over max_length or the model's context: an error, left out, or cut at their end"
    )
    max_rows: PositiveInt | None = Field(None, description="train on this many rows, drawn with the seed")
    batches: Literal["random", "by_length", "padding_free", "packed", "shared"] = Field(
        "random",
        description="how rows come together: at random; those of like length; at random and joined without padding; "
        "as many as fit into max_length; at random and joined behind the words that all begin with, read once",
    )
    attention: Literal["auto", "eager", "sdpa", "flash_attention_2"] = Field(
        "auto", description="auto: eager on a CPU, else sdpa; batches: shared has its own"
    )
    logits: Literal["all", "learned"] = Field(
        "all", description="on a CPU: of all tokens, as TRL has it, or where one is learned; a GPU does that anyway"
    )
    gradient_checkpointing: bool = Field(False, description="compute activations twice and keep few: less memory")
    layers: PositiveInt | None = Field(
        None, description="train, or adapt, the last so many layers alone, which is faster and lighter; none: all"
    )
    lora_rank: PositiveInt = 8
    lora_alpha: PositiveInt = 16
    lora_dropout: float = Field(0.0, ge=0, lt=1)
    lora_target_modules: tuple[str, ...] | Literal["all-linear"] = "all-linear"
    launch: str | None = Field(
        None, description="a layout in params/launch/, or a file for accelerate; none: this process, one device"
    )
    together: bool | None = Field(
        None, description="all seeds of a method in one notebook; none: where the run makes its own small model"
    )
    processes: PositiveInt | None = Field(None, description="none: as many as the layout says")
    save_steps: PositiveInt | None = Field(None, description="a checkpoint every so many steps")
    save_minutes: PositiveFloat | None = Field(30, description="and every so many minutes")
    report_to: tuple[str, ...] = Field((), description="trackers that get the loss, such as tensorboard, wandb, mlflow")
    report_rows: int = Field(200, ge=0, description="rows on which the learning report is made; 0: none")
    seeds: Seeds = (0,)
