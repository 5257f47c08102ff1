"""What engines share about tokens: which tokenizer a model has, where its answers end, prompts held to its context."""

from __future__ import annotations

from typing import Any

from honesty_utils.common.prompts import Style, prompt_ids
from honesty_utils.engines.loading import ModelError, base_of, first_line, has, model_folder
from honesty_utils.engines.settings import Model


def load_tokenizer(model: Model) -> Any:
    """The model's tokenizer; that of its base where an adapter has none of its own.

    Raises:
        ModelError: there is none that loads.
    """
    from transformers import AutoTokenizer

    folder = model_folder(model.name)
    if folder is not None and not has(folder, "tokenizer"):
        return load_tokenizer(base_of(model))
    try:
        return AutoTokenizer.from_pretrained(model.name, revision=None if folder else model.revision)
    except (OSError, ValueError) as error:
        raise ModelError(f"model.name: {model.name!r} has no tokenizer that loads: {first_line(error)}") from error


def end_tokens(tokenizer: Any, generation_config: Any) -> list[int]:
    """Tokens that end an answer: the tokenizer's end token and those of the model's generation config."""
    ends = generation_config.eos_token_id
    return sorted({tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])} - {None})


def check_room(name: str | None, context: int | None, max_new_tokens: int) -> None:
    """Hold the length of an answer to what a model reads.

    Raises:
        ModelError: the answer alone would fill the context.
    """
    if context is not None and max_new_tokens >= context:
        raise ModelError(
            f"max_new_tokens: {max_new_tokens}; {name} reads {context} tokens, prompt and answer together; lower it"
        )


def checked_ids(tokenizer: Any, prompt: str, style: Style, context: int | None, name: str | None) -> tuple[int, ...]:
    """Token ids of a prompt that leave room for an answer.

    Args:
        tokenizer: a ``transformers`` tokenizer.
        prompt: user text.
        style: see ``prompts.prompt_ids``.
        context: tokens that the model reads, the answer included; ``None`` if there is no limit.
        name: of the model, for the message.

    Raises:
        ModelError: the prompt fills the context.
    """
    ids = prompt_ids(tokenizer, prompt, style)
    if context is not None and len(ids) >= context:
        shown = prompt if len(prompt) <= 80 else f"{prompt[:80]}…"
        raise ModelError(
            f"{name}: a prompt has {len(ids)} tokens and the model reads {context}, the answer included: "
            f"{shown!r}; shorten the question or take a model with a longer context"
        )
    return tuple(ids)
