"""Direct preference optimization (Rafailov et al., arXiv 2305.18290): TRL's DPOTrainer with our token ids and order.

The loss of a pair is -log sigmoid(beta · difference), where the difference is how much more the model has raised the
log-probability of the chosen reply than that of the rejected one, both against the model that training starts from.
``sft_weight`` times the mean loss a token of the chosen replies is added, as Say-I-Don't-Know does (arXiv 2401.13275).
"""

from __future__ import annotations

import functools
import logging
from typing import Any

import datasets
import pandas as pd
import transformers
import trl

from honesty_utils.training import building
from honesty_utils.training.job import Job, TrainingError
from honesty_utils.training.order import RowOrder
from honesty_utils.training.rows import Tokenized, tokenize_pairs

logger = logging.getLogger(__name__)

HISTORY = {**building.HISTORY, "preferred": "rewards/accuracies", "margin": "rewards/margins"}
"""``preferred``: share of pairs whose chosen reply was raised more than the other; ``margin``: beta times how much."""


class DPOTrainer(building.Ours, trl.DPOTrainer):
    """TRL's trainer that takes our token ids in our order and writes no card of its own."""

    def __init__(self, *args: Any, order: RowOrder, **options: Any) -> None:
        self.order = order
        super().__init__(*args, **options)

    def _prepare_dataset(self, dataset: Any, *args: Any, **options: Any) -> Any:
        """Rows come as token ids; TRL would make others of texts."""
        return dataset


def encode(job: Job, tokenizer: Any, context: int | None) -> Tokenized:
    """Token ids of the pairs that are trained on; those of two equal texts prefer nothing and are left out.

    Raises:
        TrainingError: no pair is left; pairs that are too long.
    """
    settings = job.settings
    rows, equal = _different(job.rows)
    found = tokenize_pairs(
        building.drawn(rows, settings, job.seed), tokenizer, job.style, settings.max_length,
        context=context, drop=settings.too_long == "drop",
    )  # fmt: skip
    return Tokenized(found.items, found.left_out, found.cut, equal)


def _different(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Pairs of two different texts, and the question ids of the others; white space around a text does not count."""
    equal = rows["chosen"].str.strip() == rows["rejected"].str.strip()
    ids = [str(question) for question in rows.loc[equal, "question_id"]]
    if not ids:
        return rows, []
    message = f"{len(ids)} of {len(rows)} pairs have two equal texts, such as that of question {ids[0]}"
    if len(ids) == len(rows):
        raise TrainingError(f"{message}: none is left to train on; look at the labels they were built from")
    logger.warning("%s: left out", message)
    return rows[~equal], ids


def trainer(job: Job, tokenizer: Any, rows: Tokenized, device: str, processes: int, per_device: int) -> DPOTrainer:
    """The trainer of ``job``, ready to start.

    Raises:
        TrainingError: fewer pairs than a batch on several devices.
    """
    settings = job.settings
    lengths = [len(item["prompt_ids"]) + max(len(item["chosen_ids"]), len(item["rejected_ids"])) for item in rows.items]
    # A pair without anything to learn would still count in the mean over a batch, so none is filled up.
    order = building.order(lengths, job, processes, fill=False)
    if not len(order):
        raise TrainingError(
            f"training.batch_size: {settings.batch_size} on {processes} devices and {len(lengths)} pairs: they fill no "
            "batch; lower it or train on one device"
        )
    weight = job.options["sft_weight"]
    transformers.set_seed(job.seed)
    network = building.network(job.model, settings, device)
    # Where all weights are trained, the model that training starts from has to stay beside as it was. TRL reads an
    # adapter's from the base without it, or from a copy of the adapter it goes on from, named "ref".
    reference = building.network(job.model, settings, device) if settings.mode == "full" else None
    trainer = DPOTrainer(
        model=network,
        ref_model=reference,
        args=building.arguments(
            trl.DPOConfig, job, len(order), device, per_device,
            max_length=None,
            beta=job.options["beta"],
            loss_type=["sigmoid", "sft"] if weight else ["sigmoid"],
            loss_weights=[1.0, weight] if weight else [1.0],
        ),
        train_dataset=datasets.Dataset.from_list(rows.items),
        processing_class=tokenizer,
        peft_config=building.lora(settings, job.model),
        order=order,
    )  # fmt: skip
    if building.adapter_folder(job.model) is not None and settings.mode != "full":
        # Alone: transformers takes a checkpoint with the copy in it for one of the copy only.
        trainer.model.save_pretrained = functools.partial(trainer.model.save_pretrained, selected_adapters=["default"])
    return trainer
