"""Do two engines give the same greedy answers, and where not, was it a near-tie?

Engines round differently, so a token whose logit leads by less than the rounding may go either way. For each prompt on
which another engine parts from the one on ``transformers``, the margin is read off the reference model: how far the
likeliest token led the second at the place where the texts part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from honesty_utils.common.prompts import Prompt
from honesty_utils.engines.protocol import Request, Response


@dataclass(frozen=True)
class Disagreement:
    """One prompt on which the engines part.

    Attributes:
        prompt: what was asked.
        reference: answer of the engine on ``transformers``.
        other: answer of the other engine.
        margin: lead of the likeliest token's logit over the second one's where the answers part.
    """

    prompt: Prompt
    reference: str
    other: str
    margin: float


def disagreements(
    reference: Any, prompts: Sequence[Prompt], expected: Sequence[Response], found: Sequence[Response]
) -> list[Disagreement]:
    """Prompts to which ``found`` has another text than ``expected``, with their margins.

    Args:
        reference: the ``TransformersEngine`` that gave ``expected``.
        prompts: what was asked, each asked greedily.
        expected: its responses, one a prompt.
        found: the other engine's, one a prompt.
    """
    pairs = zip(prompts, expected, found, strict=True)
    return [
        Disagreement(prompt, first.text, second.text, _margin(reference, prompt, second.text))
        for prompt, first, second in pairs
        if first.text != second.text
    ]


@torch.inference_mode()
def _margin(reference: Any, prompt: Prompt, other: str) -> float:
    before = reference._prompt_ids(prompt)
    batch = reference._decode([reference._row(Request(prompt), before)])
    after = batch.tokens[0, : batch.lengths[0]].tolist()
    place = _parting(reference.tokenizer, after, other)
    ids = torch.tensor([[*before, *after[:place]]], device=reference.model.device)
    first, second = reference.model(ids).logits[0, -1].float().topk(2).values.tolist()
    return float(first - second)


def _parting(tokenizer: Any, tokens: Sequence[int], other: str) -> int:
    """Place of the first token that does not lead to ``other``; the last one, an end as a rule, if all do."""
    for place in range(len(tokens)):
        text = tokenizer.decode(tokens[: place + 1], skip_special_tokens=True).strip()
        if not other.startswith(text):
            return place
    return len(tokens) - 1
