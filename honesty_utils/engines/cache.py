"""Keys and values of a batch without needless copies, and attention that reads them as they lie.

`transformers` appends to its cache by copying all of it at every step, and copies keys and values once for each head
that shares them. On a CPU that costs about as much as the matrix products of a small model. `room_for` allocates once
and writes in place; `grouped_attention` lets heads that share keys read the same memory.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import Cache, DynamicCache
from transformers.cache_utils import DynamicLayer
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask
from transformers.modeling_utils import AttentionInterface

GROUPED = "honesty_grouped"
"""Name of `grouped_attention` among the attention functions of ``transformers``."""


class _Layer(DynamicLayer):
    """A layer of a cache that has room for all tokens from the start."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room, self.length = room, 0

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        """Write new keys and values behind the others, both (rows, heads, tokens, width), and return all of them."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            shape = (*key_states.shape[:2], self.room, key_states.shape[3])
            self._keys, self._values = key_states.new_empty(shape), value_states.new_empty(shape)
        end = self.length + key_states.shape[2]
        self._keys[:, :, self.length : end], self._values[:, :, self.length : end] = key_states, value_states
        self.length = end
        return self._show()

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep the rows ``indices``, in their order and as often as they are named."""
        for name in ("_keys", "_values"):
            old = getattr(self, name)
            new, moved = old[: len(indices)], slice(None)
            if len(indices) > len(old):
                new = old.new_empty(len(indices), *old.shape[1:])
            else:
                # Rows that stay where they are are not touched.
                moved = (indices != torch.arange(len(indices), device=indices.device)).nonzero()[:, 0]
            # Indexing copies first, so that writing into the old rows is safe.
            new[moved, :, : self.length] = old[indices[moved], :, : self.length]
            setattr(self, name, new)
        self._show()

    def _show(self) -> tuple[torch.Tensor, torch.Tensor]:
        self.keys, self.values = self._keys[:, :, : self.length], self._values[:, :, : self.length]
        return self.keys, self.values


def room_for(config: Any, tokens: int) -> Cache:
    """An empty cache for at most ``tokens`` tokens a row; of a model with other layers than full attention, its own."""
    plain = DynamicCache(config=config)
    if not plain.layers or any(type(layer) is not DynamicLayer for layer in plain.layers):
        return plain
    return Cache(layers=[_Layer(tokens) for _ in plain.layers])


def can_group(config: Any) -> bool:
    """Whether several heads read the same keys and values, by the attention that `grouped_attention` stands for.

    A model that asks for another one (sinks, capped scores) needs what that one does.
    """
    if config._attn_implementation != "sdpa":
        return False
    text = config.get_text_config()
    heads, groups = text.num_attention_heads, getattr(text, "num_key_value_heads", None)
    return bool(groups) and groups < heads


def grouped_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """Attention of one new token a row over shared keys; several tokens at a time go the usual way.

    Args:
        module: of the model.
        query: (rows, heads, tokens, width).
        key: (rows, heads of keys, all tokens, width); ``value`` likewise.
        value: see ``key``.
        attention_mask: (rows, 1, tokens, all tokens), true where a token may be read, or numbers to add; none: all.
        scaling: of the scores; none: one over the root of the width.
        options: of the usual way.

    Returns:
        (rows, tokens, heads, width), and no weights.
    """
    rows, heads, tokens, width = query.shape
    groups = key.shape[1]
    if tokens > 1 or groups == heads or options.get("position_bias") is not None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **options)
    asked = query.reshape(rows, groups, heads // groups, width) * (width**-0.5 if scaling is None else scaling)
    scores = asked @ key.transpose(2, 3)
    if attention_mask is not None:
        if attention_mask.dtype == torch.bool:
            scores = scores.masked_fill(~attention_mask, -torch.inf)
        else:
            scores = scores + attention_mask
    found = scores.softmax(dim=-1) @ value
    return found.reshape(rows, 1, heads, width), None


AttentionInterface.register(GROUPED, grouped_attention)
AttentionMaskInterface.register(GROUPED, sdpa_mask)
