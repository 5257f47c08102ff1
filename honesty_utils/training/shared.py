"""Rows that begin alike, trained as one text: the common beginning is read once, the rest of each stands behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import transformers
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

from honesty_utils.training.job import TrainingError

ATTENTION = "shared_beginning"
"""Name that `attend` is registered under with transformers."""


def joined(inputs: dict[str, Any], shared: int) -> dict[str, Any]:
    """A padded batch as one text: what all rows begin with, once, and behind it the rest of each.

    The rest of a row sees the common beginning and itself (`attend`), and its places go on behind the beginning, so
    that every token is computed from the same ones as in a row of its own.

    Args:
        inputs: ``input_ids``, ``labels`` and ``attention_mask``, all (rows, longest row), padded on the right.
        shared: tokens that all rows begin with. None of them is learned, nor the next of any row: the token before it
            in the joined text is another row's.

    Returns:
        ``input_ids``, ``labels`` and ``position_ids`` (1, tokens); ``attention_mask`` (1, 1, longest rest, shared +
        longest rest), true where the rest of a row looks; ``rests``, the tokens of each row behind the beginning.
    """
    ids, labels = inputs["input_ids"], inputs["labels"]
    lengths = inputs["attention_mask"].sum(1).tolist()
    rests = [length - shared for length in lengths]

    def together(rows: torch.Tensor) -> torch.Tensor:
        return torch.cat([rows[0, :shared], *(row[shared:n] for row, n in zip(rows, lengths, strict=True))])[None]

    places = torch.arange(ids.shape[1], device=ids.device).expand_as(ids)
    seen = torch.ones(max(rests), shared + max(rests), dtype=torch.bool, device=ids.device).tril(shared)
    return {
        "input_ids": together(ids),
        "labels": together(labels),
        "position_ids": together(places),
        "attention_mask": seen[None, None],
        "rests": rests,
    }


def attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    rests: Sequence[int] | None = None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """Attention over a joined text: the beginning looks at itself, each rest at the beginning and at itself.

    In one matrix a token would be held against all rests, of which it may see one. Here the rests are rows of a batch.

    Args:
        module: the attention layer.
        query: (1, heads, tokens, size of a head); ``key`` and ``value`` may have fewer heads.
        key: see ``query``.
        value: see ``query``.
        attention_mask: as `joined` makes it.
        rests: tokens of each row behind the beginning; none: the text is not joined, and all is as with sdpa.
        **options: of transformers' attention.

    Returns:
        (1, tokens, heads, size of a head), and no weights.

    Raises:
        TrainingError: a model whose attention is not the plain one.
    """
    if rests is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    more = sorted(name for name in ("softcap", "s_aux", "position_bias") if options.get(name) is not None)
    if more:
        raise TrainingError(f"training.batches: shared: the model's attention has {', '.join(more)}; set random")
    assert attention_mask is not None
    longest = attention_mask.shape[2]
    shared = attention_mask.shape[3] - longest
    scaling, dropout = options.get("scaling") or query.shape[-1] ** -0.5, options.get("dropout", 0.0)
    queries, keys, values = (_rows(part[:, :, shared:], rests) for part in (query, key, value))
    keys, values = (
        torch.cat([part[:, :, :shared].expand(len(rests), -1, -1, -1), rest], dim=2)
        for part, rest in ((key, keys), (value, values))
    )
    rows = _weighted(queries, keys, values, attention_mask[0, 0], scaling, dropout)
    parts = [row[:length] for row, length in zip(rows, rests, strict=True)]
    if shared:
        seen = torch.ones(shared, shared, dtype=torch.bool, device=query.device).tril()
        first, keys, values = (part[:, :, :shared] for part in (query, key, value))
        parts.insert(0, _weighted(first, keys, values, seen, scaling, dropout)[0])
    return torch.cat(parts)[None], None


def _weighted(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, seen: torch.Tensor, scaling: float, dropout: float
) -> torch.Tensor:
    """Plain attention: (rows, heads, queries, size) and fewer heads of keys give (rows, queries, heads, size).

    torch's fused kernel takes three times as long on a CPU, where there are many small problems with a mask.
    """
    rows, heads, queries, size = query.shape
    groups = heads // key.shape[1]
    # Heads that share a key are further queries of it.
    folded = query.reshape(rows, key.shape[1], groups * queries, size)
    scores = (folded @ key.transpose(2, 3)).float() * scaling
    weights = scores.masked_fill(~seen.repeat(groups, 1), float("-inf")).softmax(-1).to(value.dtype)
    if dropout:
        weights = torch.nn.functional.dropout(weights, dropout)
    return (weights @ value).view(rows, heads, queries, size).transpose(1, 2)


def _rows(tokens: torch.Tensor, rests: Sequence[int]) -> torch.Tensor:
    """(1, heads, tokens, size) as (rows, heads, longest rest, size), padded on the right."""
    pieces = tokens[0].transpose(0, 1).split(list(rests))
    return torch.nn.utils.rnn.pad_sequence(list(pieces), batch_first=True).transpose(1, 2)


transformers.AttentionInterface.register(ATTENTION, attend)
AttentionMaskInterface.register(ATTENTION, sdpa_mask)
