"""What trainings of every objective share: model, adapter, tokenizer, arguments, order of rows, what is told."""

from __future__ import annotations

import gc
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import peft
import torch
import transformers
from peft import LoraConfig

from honesty_utils.common import memory
from honesty_utils.common.progress import Progress
from honesty_utils.engines import loading
from honesty_utils.engines.settings import Model
from honesty_utils.training import checks
from honesty_utils.training.job import Job, TrainingError
from honesty_utils.training.order import RowOrder
from honesty_utils.training.settings import Training
from honesty_utils.training.shared import ATTENTION

HISTORY = {
    "step": "step",
    "epoch": "epoch",
    "loss": "loss",
    "token_accuracy": "mean_token_accuracy",
    "learning_rate": "learning_rate",
}
"""Columns of a history, and what TRL calls them."""
OPTIONAL = {"kl"}
"""What TRL tells only where something is held against the model that training starts from."""


class Ours:
    """Mixed into TRL's trainers: rows in our order, the loss before the first step, and no card.

    Attributes:
        order: of the rows.
        first_loss: of the first step's rows, by the model that training starts from.
    """

    order: RowOrder
    first_loss: float = 0.0

    def training_step(self, *args: Any, **options: Any) -> Any:
        """TRL's; parts of the first step are added up."""
        loss = super().training_step(*args, **options)  # type: ignore[misc]
        if self.state.global_step == 0:  # type: ignore[attr-defined]
            self.first_loss += float(loss)
        return loss

    def _get_train_sampler(self, train_dataset: Any = None) -> RowOrder:
        return self.order

    def create_model_card(self, *args: Any, **options: Any) -> None:
        """None: `honesty_utils.release.export` writes one that says what was trained."""


class Epochs(transformers.TrainerCallback):
    """Tells the order of rows which epoch begins.

    Accelerate does, but does not reach it where several processes resume within an epoch: it would be the first
    epoch's order again.
    """

    def __init__(self, order: RowOrder) -> None:
        self.order = order

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        """Called before the rows of an epoch are drawn; ``state.epoch`` has a fraction after a resume."""
        self.order.set_epoch(math.floor((state.epoch or 0) + 1e-6))


class Told(transformers.TrainerCallback):
    """Tells whoever started the notebook how far the training is."""

    def __init__(self, what: str) -> None:
        self.what = what

    def on_train_begin(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        """Set up: only now the number of steps is known."""
        self.progress = Progress(self.what, state.max_steps, "steps")

    def on_step_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        """Tell the step."""
        self.progress.at(state.global_step)


class Finite(transformers.TrainerCallback):
    """Ends a training that has diverged: what it would leave is no model."""

    def __init__(self, trainer: Ours, most_loss: float) -> None:
        self.trainer, self.most_loss = trainer, most_loss

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **others: Any) -> None:
        """Raise `TrainingError` where loss or gradient are no numbers; float16's scaler passes over such gradients."""
        for name in ("loss",) if args.fp16 else ("loss", "grad_norm"):
            value = (logs or {}).get(name, 0.0)
            if not math.isfinite(float(value)):
                raise TrainingError(f"step {state.global_step}: {name} is {value}; {_REMEDY}")

    def on_train_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        """Raise `TrainingError` where the loss has grown too much."""
        losses = [entry["loss"] for entry in state.log_history if "loss" in entry]
        first = self.trainer.first_loss or (losses or [0.0])[0]  # a resumed training has not made the first step
        # Below `SMALL` a loss may be a multiple of another and both are of a model that has learned its rows.
        if losses and losses[-1] > self.most_loss * max(first, SMALL):
            raise TrainingError(
                f"the loss went from {first:.4g} to {losses[-1]:.4g}, more than training.most_loss = "
                f"{self.most_loss:g} times as high; {_REMEDY}"
            )


class GivesBack(transformers.TrainerCallback):
    """Gives memory that lies between arrays back at every logged step: batches of unlike lengths leave gaps."""

    def on_log(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        """Give it back."""
        memory.give_back()


SMALL = 0.1
"""Nats a token."""
_REMEDY = "the training has diverged: lower learning_rate, or look at the rows"


def check_weights(trainer: Any) -> None:
    """Raise `TrainingError` where a trained weight is no number."""
    for name, weight in trainer.model.named_parameters():
        if weight.requires_grad and not torch.isfinite(weight).all():
            raise TrainingError(f"{name}: holds weights that are not finite; {_REMEDY}")


class Lines(transformers.TrainerCallback):
    """Prints a line a logged step: what a launched process tells the notebook."""

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **others: Any) -> None:
        """Print step and loss."""
        if logs and "loss" in logs and state.is_world_process_zero:
            print(f"step {state.global_step} of {state.max_steps}: loss {logs['loss']:.4f}", flush=True)


def tokenizer(model: Model) -> Any:
    """The model's tokenizer, with a padding token."""
    found = transformers.AutoTokenizer.from_pretrained(model.name, revision=model.revision, trust_remote_code=False)
    if found.pad_token is None:
        found.pad_token = found.eos_token
    return found


def drawn(rows: pd.DataFrame, settings: Training, seed: int) -> pd.DataFrame:
    """All rows, or ``max_rows`` of them, drawn with the seed."""
    rows = rows.reset_index(drop=True)
    if settings.max_rows is not None and settings.max_rows < len(rows):
        rows = rows.sample(settings.max_rows, random_state=seed)
    return rows


def adapter_folder(model: Model) -> Path | None:
    """Folder of the adapter that training starts from; none: it starts from a whole model."""
    folder = loading.model_folder(model.name)
    return folder if folder is not None and loading.is_adapter(folder) else None


def network(model: Model, settings: Training, device: str) -> Any:
    """The model that training starts from, ready to be trained.

    All weights are trained in float32 whatever the model is saved in, with the arithmetic in ``dtype`` (autocast): at
    the paper's learning rate of 1e-6 an update is smaller than the distance between two bfloat16 numbers, and would be
    rounded away. An adapter's weights are float32 too; its base is not trained and stays as it is.

    An adapter of an earlier stage is merged where all weights are trained, and goes on itself where an adapter is.

    With ``settings.layers`` what is below them stays as it is, and in ``dtype``: no gradient goes there.
    """
    dtype = "float32" if settings.mode == "full" else model.dtype
    # For models of a million parameters on a CPU the plain attention is the faster one.
    attention: str = settings.attention
    if settings.batches == "shared":
        attention = ATTENTION
    elif attention == "auto":
        attention = "eager" if device == "cpu" else "sdpa"
    options: dict[str, Any] = {"dtype": getattr(torch, dtype), "attn_implementation": attention}
    if settings.mode == "qlora":
        options["quantization_config"] = transformers.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
        options["device_map"] = {"": int(os.environ.get("LOCAL_RANK", "0"))}
    base = loading.base_of(model)
    found = transformers.AutoModelForCausalLM.from_pretrained(
        base.name, revision=base.revision, **options, trust_remote_code=False
    )
    folder = adapter_folder(model)
    if folder is not None and settings.mode != "full":
        return peft.PeftModel.from_pretrained(found, str(folder), is_trainable=True)
    if folder is not None:
        # PEFT has frozen what it was put on.
        found = peft.PeftModel.from_pretrained(found, str(folder)).merge_and_unload().requires_grad_(True)
    if settings.mode == "full" and settings.layers is not None:
        _freeze(found, checks.last_layers(found, settings.layers), getattr(torch, model.dtype))
    return found


def _freeze(network: Any, trained: Sequence[Any], dtype: torch.dtype) -> None:
    """Leave the ``trained`` layers and the final norm to be trained, and the rest in the number type of the model."""
    layers = network.get_decoder().layers
    below = layers[: len(layers) - len(trained)]
    for module in filter(None, [network.get_input_embeddings(), network.get_output_embeddings(), *below]):
        module.requires_grad_(False).to(dtype)


def lora(settings: Training, model: Model) -> LoraConfig | None:
    """The adapter that is made; none where all weights are trained, or an adapter is there already."""
    if settings.mode == "full" or adapter_folder(model) is not None:
        return None
    targets: Any = settings.lora_target_modules
    if settings.layers is not None:
        targets = tuple(checks.adapted(checks.skeleton(model), targets, settings.layers))
    return LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules=targets if isinstance(targets, str) else list(targets),
        task_type="CAUSAL_LM",
        revision=model.revision,  # of the base; the folder alone says so to whoever loads it
    )


def order(lengths: Sequence[int], job: Job, processes: int, *, fill: bool = True) -> RowOrder:
    """The order of rows of these many tokens; ``fill`` as for `RowOrder`."""
    settings = job.settings
    return RowOrder(
        lengths,
        settings.batch_size,
        job.seed,
        devices=processes,
        group=settings.batch_size * settings.gradient_accumulation if settings.batches == "by_length" else None,
        fill=fill,
    )


def arguments(kind: Any, job: Job, rows: int, device: str, per_device: int, **own: Any) -> Any:
    """Arguments for a trainer of TRL.

    Args:
        kind: class of the arguments.
        job: what is trained.
        rows: of an epoch.
        device: where.
        per_device: rows at a time, on each device.
        **own: arguments of this trainer alone.
    """
    settings = job.settings
    made = kind(
        output_dir=str(job.work),
        per_device_train_batch_size=per_device,
        gradient_accumulation_steps=settings.gradient_accumulation,
        num_train_epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        warmup_steps=warmup_steps(rows, settings),
        lr_scheduler_type=settings.scheduler,
        max_grad_norm=settings.max_grad_norm,
        gradient_checkpointing=settings.gradient_checkpointing,
        bf16=job.model.dtype == "bfloat16",
        fp16=job.model.dtype == "float16",
        use_cpu=device == "cpu",
        seed=job.seed,
        data_seed=job.seed,
        ddp_find_unused_parameters=False,
        save_strategy="no",
        logging_steps=own.pop("logging_steps", 10),
        logging_nan_inf_filter=False,  # or a loss that is no number is logged as if it were
        disable_tqdm=True,
        report_to=list(settings.report_to) or "none",
        run_name="/".join(job.output.parts[-3:]),
        **own,
    )
    if made.n_gpu > 1:
        # Without a launch one device trains, however many are there: TRL refuses torch's own way of using them all.
        made._n_gpu = 1
    return made


def warmup_steps(rows: int, settings: Training) -> int:
    """Steps of rising learning rate: a share of all steps, rounded up."""
    steps = math.ceil(rows / (settings.batch_size * settings.gradient_accumulation)) * settings.epochs
    return math.ceil(settings.warmup_ratio * steps)


def history(log: Sequence[dict[str, Any]], columns: Mapping[str, str] = HISTORY) -> pd.DataFrame:
    """A row a logged step; ``columns`` by the name that TRL gives them."""

    def value(entry: dict[str, Any], key: str) -> Any:
        return entry.get(key) if key in OPTIONAL else entry[key]

    rows = [{name: value(entry, key) for name, key in columns.items()} for entry in log if "loss" in entry]
    return pd.DataFrame(rows, columns=list(columns))


def let_go(trainer: Any) -> None:
    """Give back what only steps need, gradients and states, before a copy of the weights is made to save them.

    Where processes share out a model, the weights are collected by what shares them: nothing is done there.
    """
    accelerator = trainer.accelerator
    if accelerator.num_processes > 1 or trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled:
        return
    _forget_states(trainer)
    trainer.model.zero_grad(set_to_none=True)
    accelerator.free_memory()
    gc.collect()
    memory.give_back()


def _forget_states(trainer: Any) -> None:
    """Optimizer and schedule are held by the trainer and by what calls its callbacks."""
    for holder in (trainer, trainer.callback_handler):
        holder.optimizer = holder.lr_scheduler = None


def release(trainer: Any) -> None:
    """Give the device's memory back: what is next in this process may be the model's evaluation."""
    trainer.model = trainer.model_wrapped = None
    _forget_states(trainer)
    trainer.accelerator.free_memory()
    gc.collect()
    memory.give_back()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
