"""SFT rows as token ids: the prompt masked, the end token learned; rows that are too long or teach nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from honesty_utils.common import prompts
from honesty_utils.training.job import TrainingError

IGNORED = -100
"""Label of a token that does not enter the loss (PyTorch's convention)."""

SHOWN = 5
"""Rows that an error lists."""


@dataclass(frozen=True)
class Tokenized:
    """Rows to train on.

    Attributes:
        items: ``input_ids`` and ``labels`` of each row, of the same length; labels of the prompt are `IGNORED`.
        left_out: question ids of rows that were too long and dropped.
        cut: question ids of rows that were too long and cut.
    """

    items: list[dict[str, list[int]]]
    left_out: list[str]
    cut: list[str]

    @property
    def completion_tokens(self) -> int:
        """Tokens that are learned in one epoch."""
        return sum(label != IGNORED for item in self.items for label in item["labels"])


def tokenize(
    rows: pd.DataFrame,
    tokenizer: Any,
    style: prompts.Style,
    max_length: int,
    *,
    context: int | None = None,
    too_long: Literal["refuse", "drop", "truncate"] = "refuse",
) -> Tokenized:
    """Token ids of SFT rows.

    Args:
        rows: columns ``question_id``, ``prompt`` and ``completion``.
        tokenizer: of the model that is trained.
        style: ``raw`` or ``chat``.
        max_length: longest row, in tokens.
        context: longest text that the model reads, in tokens; none: no limit.
        too_long: what to do with longer rows: an error, leave them out, or cut their end (and the end token with it).

    Raises:
        TrainingError: no rows; a completion without a token to learn; rows that are too long (counted, the longest
            listed), also if all of them would be dropped or a cut would leave a prompt only.
    """
    if rows.empty:
        raise TrainingError("no rows to train on; look at sft/<method>.parquet and the labels it was built from")
    items = [_encode(row, tokenizer, style) for row in rows.itertuples()]
    limit = max_length if context is None else min(max_length, context)
    long = [place for place, item in enumerate(items) if len(item["input_ids"]) > limit]
    ids = [str(question) for question in rows["question_id"]]
    if not long:
        return Tokenized(items, [], [])
    told = _told(items, long, ids, limit, "training.max_length" if limit == max_length else "the model's context")
    if too_long == "refuse":
        raise TrainingError(f"{told}: raise it, or set training.too_long to drop or truncate")
    if too_long == "drop":
        kept = [item for item in items if len(item["input_ids"]) <= limit]
        if not kept:
            raise TrainingError(f"{told}: with training.too_long = drop none is left")
        return Tokenized(kept, [ids[place] for place in long], [])
    shorter = [{name: values[:limit] for name, values in item.items()} for item in items]
    bare = [place for place in long if all(label == IGNORED for label in shorter[place]["labels"])]
    if bare:
        raise TrainingError(
            f"{told}; {len(bare)} of them have a prompt that leaves nothing to learn within it, such as row {bare[0]} "
            f"(question {ids[bare[0]]}): raise it or set training.too_long to drop"
        )
    return Tokenized(shorter, [], [ids[place] for place in long])


def _encode(row: Any, tokenizer: Any, style: prompts.Style) -> dict[str, list[int]]:
    before = prompts.prompt_ids(tokenizer, row.prompt, style)
    after = prompts.completion_ids(tokenizer, row.prompt, row.completion, style)
    if not tokenizer.decode(after, skip_special_tokens=True).strip():
        raise TrainingError(
            f"row {row.Index} (question {row.question_id}): completion {row.completion!r} has no token to learn; "
            "every row needs an answer or a refusal"
        )
    return {"input_ids": before + after, "labels": [IGNORED] * len(before) + after}


def _told(items: Sequence[dict[str, list[int]]], long: list[int], ids: list[str], limit: int, what: str) -> str:
    length = {place: len(items[place]["input_ids"]) for place in long}
    worst = sorted(long, key=length.__getitem__, reverse=True)[:SHOWN]
    listed = ", ".join(f"row {place} (question {ids[place]}) has {length[place]}" for place in worst)
    more = f" and {len(long) - SHOWN} more" if len(long) > SHOWN else ""
    return f"{len(long)} of {len(items)} rows are longer than {what} = {limit} tokens; {listed}{more}"
