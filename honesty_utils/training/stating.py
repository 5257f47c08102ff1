"""Learning to state how sure one is, as a digit: the tokenized Brier score of ConfTuner (arXiv 2508.18847).

Of the token behind the prompt only the ten digits 0 to 9 are looked at. q_i is the share of digit i among them, y what
it should say; a row's loss is the sum over i of q_i · (y - i / 9)². It is least where all weight lies on the digit
nearest to the expected y, so it teaches calibration without a label for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import datasets
import torch
import transformers
import trl

from honesty_utils.common import prompts
from honesty_utils.knowledge.signals.digit import tokens
from honesty_utils.training import building, supervised
from honesty_utils.training.job import Job, TrainingError
from honesty_utils.training.rows import IGNORED, Tokenized, held_to

HISTORY = {name: key for name, key in building.HISTORY.items() if name != "token_accuracy"}


class Batches:
    """Rows of one batch, filled up on their right, with what each digit should say."""

    def __init__(self, padding: int) -> None:
        self.padding = padding

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """``input_ids``, ``attention_mask`` and ``labels`` of shape (rows, tokens), ``target`` of shape (rows,)."""
        width = max(len(row["input_ids"]) for row in rows)

        def filled(name: str, value: int) -> torch.Tensor:
            return torch.tensor([[*row[name], *[value] * (width - len(row[name]))] for row in rows])

        mask = torch.tensor([[1] * len(row["input_ids"]) + [0] * (width - len(row["input_ids"])) for row in rows])
        return {
            "input_ids": filled("input_ids", self.padding),
            "attention_mask": mask,
            "labels": filled("labels", IGNORED),
            "target": torch.tensor([row["target"] for row in rows]),
        }


class DigitTrainer(supervised.SFTTrainer):
    """Our trainer of completions with another loss, of one token a row."""

    def __init__(self, *args: Any, digits: Sequence[int], **options: Any) -> None:
        self.digits = list(digits)
        super().__init__(*args, **options)

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Mean of the rows' losses; rows without a digit, which fill up a batch, have none."""
        given = {name: value for name, value in inputs.items() if name not in ("labels", "target")}
        learned = inputs["labels"][:, 1:] != IGNORED
        places = learned.any(0).nonzero()[:, 0]
        logits = model(**given, use_cache=False, logits_to_keep=places).logits
        rows, at = learned[:, places].nonzero(as_tuple=True)
        losses = brier(logits[rows, at][:, self.digits].float(), inputs["target"][rows])
        count = num_items_in_batch if num_items_in_batch is not None else len(rows)
        loss = losses.sum() / torch.as_tensor(count, device=losses.device).clamp(min=1)
        return loss * self.accelerator.num_processes if num_items_in_batch is not None else loss


def brier(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Loss of each row, (rows,).

    Args:
        logits: of the digits, in their order, (rows, digits).
        target: share from 0 to 1 that they should say, (rows,).
    """
    said = torch.linspace(0, 1, logits.shape[1], device=logits.device)
    return (logits.softmax(1) * (target[:, None] - said) ** 2).sum(1)


def encode(job: Job, tokenizer: Any, context: int | None) -> Tokenized:
    """Token ids of the prompts, each with what stands before a digit and the nearest one, and what it should say.

    Raises:
        TrainingError: no rows; a target outside [0, 1]; a tokenizer that writes a digit in several tokens; rows that
            are too long.
    """
    settings = job.settings
    rows = building.drawn(job.rows, settings, job.seed)
    if rows.empty:
        raise TrainingError("no rows to train on; look at the rows of the stage and the labels they were built from")
    outside = ~((rows["target"] >= 0) & (rows["target"] <= 1))
    if outside.any():
        first = rows[outside].iloc[0]
        raise TrainingError(
            f"question {first['question_id']}: target {first['target']:g}; a share from 0 to 1 is needed"
        )
    before, digits = _written(tokenizer, rows["prompt"].iloc[0], job.style)
    items = []
    for prompt, target in zip(rows["prompt"], rows["target"], strict=True):
        ids = prompts.prompt_ids(tokenizer, prompt, job.style) + before
        nearest = digits[round(target * (len(digits) - 1))]
        items.append({"input_ids": [*ids, nearest], "labels": [IGNORED] * len(ids) + [nearest], "target": target})
    questions = [str(question) for question in rows["question_id"]]
    return held_to(items, questions, settings.max_length, context, drop=settings.too_long == "drop")


def _written(tokenizer: Any, prompt: str, style: prompts.Style) -> tuple[list[int], list[int]]:
    try:
        return tokens(tokenizer, prompt, style)
    except ValueError as error:
        raise TrainingError(str(error)) from None


def trainer(job: Job, tokenizer: Any, rows: Tokenized, device: str, processes: int, per_device: int) -> DigitTrainer:
    """The trainer of ``job``, ready to start."""
    settings, items = job.settings, rows.items
    order = building.order([len(item["input_ids"]) for item in items], job, processes)
    if order.fillers:
        items = [*items, {"input_ids": [tokenizer.pad_token_id] * 2, "labels": [IGNORED] * 2, "target": 0.0}]
    transformers.set_seed(job.seed)
    return DigitTrainer(
        model=building.network(job.model, settings, device),
        args=building.arguments(
            trl.SFTConfig, job, len(order), device, per_device,
            max_length=None,
            dataset_kwargs={"skip_prepare_dataset": True},
            remove_unused_columns=False,
        ),
        data_collator=Batches(tokenizer.pad_token_id),
        train_dataset=datasets.Dataset.from_list(items),
        processing_class=tokenizer,
        peft_config=building.lora(settings, job.model),
        order=order,
        digits=_written(tokenizer, job.rows["prompt"].iloc[0], job.style)[1],
    )  # fmt: skip
