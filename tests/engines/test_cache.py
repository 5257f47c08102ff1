"""Attention over shared keys, the cache that is written in place, and what prompts begin with alike."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import DynamicCache, LlamaConfig

from honesty_utils.engines import cache
from honesty_utils.engines.tokens import common_prefix


@pytest.mark.parametrize("masked", ["no", "true or false", "to add"])
def test_heads_that_share_keys_attend_as_if_each_had_its_own(masked):
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 6, 1, 8), torch.randn(3, 2, 5, 8), torch.randn(3, 2, 5, 8)
    seen = torch.tensor([[1, 1, 1, 1, 1], [0, 0, 1, 1, 1], [0, 1, 1, 1, 1]], dtype=torch.bool)[:, None, None]
    mask = {"no": None, "true or false": seen, "to add": torch.zeros(seen.shape).masked_fill(~seen, -1e30)}[masked]
    found, _ = cache.grouped_attention(torch.nn.Module(), query, key, value, mask)
    own = [tensor.repeat_interleave(3, dim=1) for tensor in (key, value)]
    expected = scaled_dot_product_attention(query, *own, attn_mask=mask).transpose(1, 2)
    assert torch.allclose(found, expected, atol=1e-6)


def test_the_cache_holds_what_transformers_own_holds():
    torch.manual_seed(0)
    config = LlamaConfig(num_hidden_layers=2, hidden_size=16, num_attention_heads=2, num_key_value_heads=1)
    ours, theirs = cache.room_for(config, 7), DynamicCache(config=config)
    for tokens, kept in ((3, [0, 0, 1]), (1, [2, 0]), (2, [0, 1]), (1, [1])):
        for layer in (0, 1):
            rows = max(theirs.layers[layer].keys.shape[0] if theirs.get_seq_length(layer) else 2, 1)
            keys, values = torch.randn(rows, 1, tokens, 8), torch.randn(rows, 1, tokens, 8)
            for first, second in zip(ours.update(keys, values, layer), theirs.update(keys, values, layer), strict=True):
                assert torch.equal(first, second)
        for one in (ours, theirs):
            one.batch_select_indices(torch.tensor(kept))
    assert ours.get_seq_length() == theirs.get_seq_length() == 7


def test_only_the_usual_attention_over_shared_keys_is_replaced():
    shared = LlamaConfig(hidden_size=48, num_attention_heads=6, num_key_value_heads=2, attn_implementation="sdpa")
    assert cache.can_group(shared)
    assert not cache.can_group(LlamaConfig(hidden_size=48, num_attention_heads=6, attn_implementation="sdpa"))
    # Another one may do more than masks and scales, such as sinks.
    assert not cache.can_group(
        LlamaConfig(hidden_size=48, num_attention_heads=6, num_key_value_heads=2, attn_implementation="eager")
    )


@pytest.mark.parametrize(
    ("prompts", "length"),
    [
        ([(1, 2, 3), (1, 2, 4)], 2),
        ([(1, 2), (1, 2, 4)], 1),  # a token of each is left over
        ([(5,), (1, 2)], 0),
        ([(1, 2, 3, 9), (1, 2, 3, 8), (1, 7, 3, 8)], 1),
    ],
)
def test_what_prompts_begin_with_alike(prompts, length):
    assert common_prefix(prompts) == length
