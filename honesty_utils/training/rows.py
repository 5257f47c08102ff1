"""Rows and pairs as token ids: the prompt masked, the end token learned; what is too long or teaches nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
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
        items: ``input_ids`` and ``labels`` of each row, of the same length; labels of the prompt are `IGNORED`. Of a
            pair, ``prompt_ids``, ``chosen_ids`` and ``rejected_ids``.
        left_out: question ids of rows that were too long and dropped.
        cut: question ids of rows that were too long and cut.
        equal: question ids of pairs that were left out because their two texts are equal.
    """

    items: list[dict[str, Any]]
    left_out: list[str]
    cut: list[str]
    equal: list[str] = field(default_factory=list)

    @property
    def completion_tokens(self) -> int:
        """Tokens that are learned in one epoch."""
        learned = ("labels", "chosen_ids", "rejected_ids")
        return sum(label != IGNORED for item in self.items for name in learned for label in item.get(name, ()))


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
    lengths = [len(item["input_ids"]) for item in items]
    limit = max_length if context is None else min(max_length, context)
    ids = [str(question) for question in rows["question_id"]]
    long = [place for place, length in enumerate(lengths) if length > limit]
    if not long:
        return Tokenized(items, [], [])
    message = _length_message("rows", lengths, long, ids, limit, max_length)
    if too_long == "refuse":
        raise TrainingError(f"{message}: raise it, or set training.too_long to drop or truncate")
    if too_long == "drop":
        return _without(items, long, ids, message)
    shorter = [{name: values[:limit] for name, values in item.items()} for item in items]
    bare = [place for place in long if all(label == IGNORED for label in shorter[place]["labels"])]
    if bare:
        raise TrainingError(
            f"{message}; {len(bare)} of them have a prompt that leaves nothing to learn within it, such as row "
            f"{bare[0]} (question {ids[bare[0]]}): raise it or set training.too_long to drop"
        )
    return Tokenized(shorter, [], [ids[place] for place in long])


def tokenize_pairs(
    rows: pd.DataFrame,
    tokenizer: Any,
    style: prompts.Style,
    max_length: int,
    *,
    context: int | None = None,
    drop: bool = False,
) -> Tokenized:
    """Token ids of pairs of replies; a pair is as long as its prompt and the longer reply.

    Args:
        rows: columns ``question_id``, ``prompt``, ``chosen`` and ``rejected``.
        tokenizer: of the model that is trained.
        style: ``raw`` or ``chat``.
        max_length: longest pair, in tokens.
        context: longest text that the model reads, in tokens; none: no limit.
        drop: leave longer pairs out; false: they are an error.

    Raises:
        TrainingError: no pairs; a reply without a token to learn; pairs that are too long (counted, the longest
            listed), also if all of them would be dropped.
    """
    if rows.empty:
        raise TrainingError("no pairs to train on; look at the rows of the stage and the labels they were built from")
    items = [_encode_pair(row, tokenizer, style) for row in rows.itertuples()]
    return held_to(items, [str(question) for question in rows["question_id"]], max_length, context, drop, "pairs")


def held_to(
    items: list[dict[str, Any]],
    ids: list[str],
    max_length: int,
    context: int | None = None,
    drop: bool = False,
    kind: str = "rows",
    beside: int = 0,
) -> Tokenized:
    """Items that are no longer than they may be, and what was left out; what cannot be cut is not.

    Args:
        items: token ids of rows or of pairs.
        ids: question id of each.
        max_length: longest item, in tokens.
        context: longest text that the model reads, in tokens; none: no limit.
        drop: leave longer ones out; false: they are an error.
        kind: what an error calls them.
        beside: tokens that come to each of them, such as those of an answer.

    Raises:
        TrainingError: items that are too long (counted, the longest listed), also if all of them would be dropped.
    """
    lengths = [beside + _length(one) for one in items]
    limit = max_length if context is None else min(max_length, context)
    long = [place for place, length in enumerate(lengths) if length > limit]
    if not long:
        return Tokenized(items, [], [])
    message = _length_message(kind, lengths, long, ids, limit, max_length)
    if not drop:
        raise TrainingError(f"{message}: raise it, or set training.too_long to drop")
    return _without(items, long, ids, message)


def _length(item: dict[str, Any]) -> int:
    if "input_ids" in item:
        return len(item["input_ids"])
    return len(item["prompt_ids"]) + max(len(item["chosen_ids"]), len(item["rejected_ids"]))


def _encode(row: Any, tokenizer: Any, style: prompts.Style) -> dict[str, list[int]]:
    before = prompts.prompt_ids(tokenizer, row.prompt, style)
    after = _reply(row, "completion", tokenizer, style)
    return {"input_ids": before + after, "labels": [IGNORED] * len(before) + after}


def _encode_pair(row: Any, tokenizer: Any, style: prompts.Style) -> dict[str, list[int]]:
    replies = {f"{name}_ids": _reply(row, name, tokenizer, style) for name in ("chosen", "rejected")}
    return {"prompt_ids": prompts.prompt_ids(tokenizer, row.prompt, style), **replies}


def _reply(row: Any, column: str, tokenizer: Any, style: prompts.Style) -> list[int]:
    text = getattr(row, column)
    ids = prompts.completion_ids(tokenizer, row.prompt, text, style)
    if not tokenizer.decode(ids, skip_special_tokens=True).strip():
        raise TrainingError(
            f"row {row.Index} (question {row.question_id}): {column} {text!r} has no token to learn; "
            "every row needs an answer or a refusal"
        )
    return ids


def _without(items: list[dict[str, list[int]]], long: list[int], ids: list[str], message: str) -> Tokenized:
    dropped = set(long)
    kept = [item for place, item in enumerate(items) if place not in dropped]
    if not kept:
        raise TrainingError(f"{message}: with training.too_long = drop none is left")
    return Tokenized(kept, [ids[place] for place in long], [])


def _length_message(
    kind: str, lengths: Sequence[int], long: list[int], ids: list[str], limit: int, max_length: int
) -> str:
    what = "training.max_length" if limit == max_length else "the model's context"
    worst = sorted(long, key=lengths.__getitem__, reverse=True)[:SHOWN]
    listed = ", ".join(f"row {place} (question {ids[place]}) has {lengths[place]}" for place in worst)
    more = f" and {len(long) - SHOWN} more" if len(long) > SHOWN else ""
    return f"{len(long)} of {len(lengths)} {kind} are longer than {what} = {limit} tokens; {listed}{more}"
