"""One process of a training: TRL's SFTTrainer with our token ids, our order of rows and our checkpoints."""

from __future__ import annotations

import gc
import math
import os
import time
from collections.abc import Sequence
from typing import Any

import datasets
import pandas as pd
import torch
import transformers
import trl
from peft import LoraConfig

from honesty_utils.common.progress import Progress
from honesty_utils.engines.settings import Model
from honesty_utils.training import checkpoint, checks, saving
from honesty_utils.training.job import Job, TrainingResult
from honesty_utils.training.order import RowOrder
from honesty_utils.training.rows import IGNORED, Tokenized, tokenize
from honesty_utils.training.settings import Training


class SFTTrainer(trl.SFTTrainer):
    """TRL's trainer that takes rows in our order and writes no card of its own."""

    def __init__(self, *args: Any, order: RowOrder, learned_only: bool = False, **options: Any) -> None:
        self.order, self.learned_only = order, learned_only
        super().__init__(*args, **options)

    def _get_train_sampler(self, train_dataset: Any = None) -> RowOrder:
        return self.order

    def create_model_card(self, *args: Any, **options: Any) -> None:
        """None: `honesty_utils.release.export` writes one that says what was trained."""

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """TRL's loss or, with ``learned_only``, the same with logits only where a row of the batch learns a token."""
        if not self.learned_only or return_outputs:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        labels = inputs["labels"][:, 1:]
        places = (labels != IGNORED).any(0).nonzero()[:, 0]
        given = {name: value for name, value in inputs.items() if name != "labels"}
        logits = model(**given, use_cache=False, logits_to_keep=places).logits
        labels = labels[:, places]
        learned = labels != IGNORED
        logits, targets = logits[learned].float(), labels[learned]
        count = num_items_in_batch if num_items_in_batch is not None else learned.sum()
        loss = torch.nn.functional.cross_entropy(logits, targets, reduction="sum") / torch.as_tensor(count).clamp(min=1)
        right = torch.stack([(logits.argmax(-1) == targets).sum(), learned.sum()])
        right = self.accelerator.reduce(right.float(), "sum")
        self._metrics["train"]["mean_token_accuracy"].append(float(right[0] / right[1].clamp(min=1)))
        # The count is of all processes, and their gradients are averaged.
        return loss * self.accelerator.num_processes if num_items_in_batch is not None else loss


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


class Lines(transformers.TrainerCallback):
    """Prints a line a logged step: what a launched process tells the notebook."""

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **others: Any) -> None:
        """Print step and loss."""
        if logs and "loss" in logs and state.is_world_process_zero:
            print(f"step {state.global_step} of {state.max_steps}: loss {logs['loss']:.4f}", flush=True)


def run(job: Job) -> TrainingResult:
    """Train what ``job`` says in this process, as one of however many accelerate has started.

    Raises:
        TrainingError: see ``training.train``.
    """
    started = time.monotonic()
    device = checks.device(job.model)
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    per_device = checks.rows_a_device(job.settings, processes)
    network = checks.check(job, device)
    tokenizer = _tokenizer(job.model)
    rows = _rows(job, tokenizer, checks.context(network))
    trainer = _trainer(job, tokenizer, rows, device, processes, per_device)
    folder = job.work / checkpoint.key(job, rows, processes, device)
    trainer.args.output_dir = str(folder)
    resumed = checkpoint.latest(job.work, folder.name)
    trainer.add_callback(checkpoint.Checkpoints(folder, job.settings.save_steps, job.settings.save_minutes))
    if int(os.environ.get("RANK", "0")) == 0:
        trainer.add_callback(Told("/".join(job.output.parts[-2:])))
    if processes > 1:
        trainer.add_callback(Lines)
    trainer.train(resume_from_checkpoint=None if resumed is None else str(resumed))
    saving.save(trainer, tokenizer, job)
    result = TrainingResult(
        folder=job.output,
        history=_history(trainer.state.log_history),
        rows=len(rows.items),
        steps=trainer.state.global_step,
        completion_tokens=rows.completion_tokens,
        seconds=time.monotonic() - started,
        left_out=rows.left_out,
        cut=rows.cut,
        resumed_at=0 if resumed is None else checkpoint.step(resumed),
        processes=processes,
    )
    _release(trainer)
    return result


def _tokenizer(model: Model) -> Any:
    tokenizer = transformers.AutoTokenizer.from_pretrained(model.name, revision=model.revision)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def _rows(job: Job, tokenizer: Any, context: int | None) -> Tokenized:
    rows, settings = job.rows.reset_index(drop=True), job.settings
    if settings.max_rows is not None and settings.max_rows < len(rows):
        rows = rows.sample(settings.max_rows, random_state=job.seed)
    return tokenize(rows, tokenizer, job.style, settings.max_length, context=context, too_long=settings.too_long)


def _trainer(job: Job, tokenizer: Any, rows: Tokenized, device: str, processes: int, per_device: int) -> SFTTrainer:
    settings = job.settings
    items = _packed(rows, settings) if settings.batches == "packed" else rows.items
    order = RowOrder(
        [len(item["input_ids"]) for item in items],
        settings.batch_size,
        job.seed,
        devices=processes,
        group=settings.batch_size * settings.gradient_accumulation if settings.batches == "by_length" else None,
    )
    if order.fillers:
        items = [*items, _filler(items[0], tokenizer)]
    transformers.set_seed(job.seed)
    trainer = SFTTrainer(
        model=_network(job.model, settings, device),
        args=_arguments(job, len(order), device, per_device),
        train_dataset=datasets.Dataset.from_list(items),
        processing_class=tokenizer,
        peft_config=None if settings.mode == "full" else _lora(settings, job.model),
        order=order,
        # On a GPU TRL's own loss does so, in a fused kernel.
        learned_only=settings.logits == "learned" and device == "cpu",
    )
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.add_callback(Epochs(order))
    return trainer


def _packed(rows: Tokenized, settings: Training) -> list[dict[str, Any]]:
    """Rows joined until ``max_length`` is full; attention does not look from one to the next."""
    packed = trl.pack_dataset(datasets.Dataset.from_list(rows.items), settings.max_length, "bfd")
    return list(packed)


def _filler(item: dict[str, Any], tokenizer: Any) -> dict[str, Any]:
    """A row without anything to learn."""
    ids = {"input_ids": [tokenizer.pad_token_id] * 2, "labels": [IGNORED] * 2}
    return {**ids, "seq_lengths": [2]} if "seq_lengths" in item else ids


def _network(model: Model, settings: Training, device: str) -> Any:
    """M_t, ready to be trained.

    All weights are trained in float32 whatever the model is saved in, with the arithmetic in ``dtype`` (autocast): at
    the paper's learning rate of 1e-6 an update is smaller than the distance between two bfloat16 numbers, and would be
    rounded away. An adapter's weights are float32 too; its base is not trained and stays as it is.
    """
    dtype = "float32" if settings.mode == "full" else model.dtype
    # For models of a million parameters on a CPU the plain attention is the faster one.
    attention = ("eager" if device == "cpu" else "sdpa") if settings.attention == "auto" else settings.attention
    options: dict[str, Any] = {"dtype": getattr(torch, dtype), "attn_implementation": attention}
    if settings.mode == "qlora":
        options["quantization_config"] = transformers.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
        options["device_map"] = {"": int(os.environ.get("LOCAL_RANK", "0"))}
    return transformers.AutoModelForCausalLM.from_pretrained(model.name, revision=model.revision, **options)


def _arguments(job: Job, rows: int, device: str, per_device: int) -> trl.SFTConfig:
    settings = job.settings
    arguments = trl.SFTConfig(
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
        max_length=None,
        padding_free=settings.batches in ("padding_free", "packed"),
        dataset_kwargs={"skip_prepare_dataset": True},
        ddp_find_unused_parameters=False,
        save_strategy="no",
        logging_steps=10,
        disable_tqdm=True,
        report_to=list(settings.report_to) or "none",
        run_name="/".join(job.output.parts[-3:]),
    )
    if arguments.n_gpu > 1:
        # Without a launch one device trains, however many are there: TRL refuses torch's own way of using them all.
        arguments._n_gpu = 1
    return arguments


def warmup_steps(rows: int, settings: Training) -> int:
    """Steps of rising learning rate: a share of all steps, rounded up."""
    steps = math.ceil(rows / (settings.batch_size * settings.gradient_accumulation)) * settings.epochs
    return math.ceil(settings.warmup_ratio * steps)


def _lora(settings: Training, model: Model) -> LoraConfig:
    targets = settings.lora_target_modules
    return LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules=targets if isinstance(targets, str) else list(targets),
        task_type="CAUSAL_LM",
        revision=model.revision,  # of the base; the folder alone says so to whoever loads it
    )


def _history(log: Sequence[dict[str, Any]]) -> pd.DataFrame:
    names = {"step": "step", "epoch": "epoch", "loss": "loss", "token_accuracy": "mean_token_accuracy"}
    names["learning_rate"] = "learning_rate"
    rows = [{name: entry[key] for name, key in names.items()} for entry in log if "loss" in entry]
    return pd.DataFrame(rows, columns=list(names))


def _release(trainer: SFTTrainer) -> None:
    """Give the device's memory back: what is next in this process may be the model's evaluation."""
    trainer.model = trainer.model_wrapped = trainer.optimizer = trainer.lr_scheduler = None
    trainer.accelerator.free_memory()
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
