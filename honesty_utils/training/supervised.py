"""Supervised fine-tuning: TRL's SFTTrainer with our token ids and our order of rows."""

from __future__ import annotations

from typing import Any

import datasets
import torch
import transformers
import trl

from honesty_utils.engines.tokens import common_prefix
from honesty_utils.training import building
from honesty_utils.training.building import HISTORY as HISTORY
from honesty_utils.training.job import Job, TrainingError
from honesty_utils.training.order import RowOrder
from honesty_utils.training.rows import IGNORED, Tokenized, tokenize
from honesty_utils.training.settings import Training
from honesty_utils.training.shared import joined


class SFTTrainer(building.Ours, trl.SFTTrainer):
    """TRL's trainer that takes rows in our order and writes no card of its own."""

    def __init__(
        self, *args: Any, order: RowOrder, learned_only: bool = False, shared: int | None = None, **options: Any
    ) -> None:
        self.order, self.learned_only, self.shared = order, learned_only, shared
        super().__init__(*args, **options)

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """TRL's loss or, with ``learned_only``, the same with logits only where a row of the batch learns a token."""
        if self.shared is not None:
            inputs = joined(inputs, self.shared)
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


def encode(job: Job, tokenizer: Any, context: int | None) -> Tokenized:
    """Token ids of the rows that are trained on."""
    rows, settings = building.drawn(job.rows, job.settings, job.seed), job.settings
    return tokenize(rows, tokenizer, job.style, settings.max_length, context=context, too_long=settings.too_long)


def trainer(job: Job, tokenizer: Any, rows: Tokenized, device: str, processes: int, per_device: int) -> SFTTrainer:
    """The trainer of ``job``, ready to start."""
    settings = job.settings
    if settings.batches == "shared" and processes > 1:
        raise TrainingError(
            f"training.batches: shared joins the rows of one process, and {processes} are to train; set random, "
            "by_length or padding_free"
        )
    items = _packed(rows, settings) if settings.batches == "packed" else rows.items
    order = building.order([len(item["input_ids"]) for item in items], job, processes)
    if order.fillers:
        items = [*items, _filler(items[0], tokenizer)]
    transformers.set_seed(job.seed)
    return SFTTrainer(
        model=building.network(job.model, settings, device),
        args=building.arguments(
            trl.SFTConfig, job, len(order), device, per_device,
            max_length=None,
            padding_free=settings.batches in ("padding_free", "packed"),
            dataset_kwargs={"skip_prepare_dataset": True},
        ),
        train_dataset=datasets.Dataset.from_list(items),
        processing_class=tokenizer,
        peft_config=building.lora(settings, job.model),
        order=order,
        # On a GPU TRL's own loss does so, in a fused kernel.
        learned_only=settings.logits == "learned" and device == "cpu",
        shared=_shared(rows) if settings.batches == "shared" else None,
    )  # fmt: skip


def _shared(rows: Tokenized) -> int:
    """Tokens that all rows begin with; of each prompt at least one is left to its own row."""
    prompts = [
        tuple(token for token, label in zip(item["input_ids"], item["labels"], strict=True) if label == IGNORED)
        for item in rows.items
    ]
    return common_prefix(prompts)


def _packed(rows: Tokenized, settings: Training) -> list[dict[str, Any]]:
    """Rows joined until ``max_length`` is full; attention does not look from one to the next."""
    packed = trl.pack_dataset(datasets.Dataset.from_list(rows.items), settings.max_length, "bfd")
    return list(packed)


def _filler(item: dict[str, Any], tokenizer: Any) -> dict[str, Any]:
    """A row without anything to learn."""
    ids = {"input_ids": [tokenizer.pad_token_id] * 2, "labels": [IGNORED] * 2}
    return {**ids, "seq_lengths": [2]} if "seq_lengths" in item else ids
