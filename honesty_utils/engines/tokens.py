"""What engines share about tokens: which tokenizer a model has, where its answers end, prompts held to its context."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from honesty_utils.common.prompts import Kind, Prompt, Style, prompt_ids, render, shown
from honesty_utils.common.settings import Prompts
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
        return AutoTokenizer.from_pretrained(
            model.name, revision=None if folder else model.revision, trust_remote_code=False
        )
    except Exception as error:  # readers of broken files raise errors of every kind
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


def checked_ids(tokenizer: Any, prompt: Prompt, style: Style, context: int | None, name: str | None) -> tuple[int, ...]:
    """Token ids of a prompt that leave room for an answer.

    Args:
        tokenizer: a ``transformers`` tokenizer.
        prompt: user text, or turns.
        style: see ``prompts.prompt_ids``.
        context: tokens that the model reads, the answer included; ``None`` if there is no limit.
        name: of the model, for the message.

    Raises:
        ModelError: the prompt fills the context.
    """
    ids = prompt_ids(tokenizer, prompt, style)
    if context is not None and len(ids) >= context:
        raise ModelError(
            f"{name}: a prompt has {len(ids)} tokens and the model reads {context}, the answer included: "
            f"{shown(prompt)}; shorten the question or take a model with a longer context"
        )
    return tuple(ids)


def as_read(tokenizer: Any, prompt: str, style: Style) -> str:
    """What the model reads of a prompt: its tokens as text, with all that a template adds."""
    return str(tokenizer.decode(prompt_ids(tokenizer, prompt, style)))


def check_template(tokenizer: Any, prompts: Prompts) -> None:
    """Hold a chat template to the prompts: every word of them has to reach the model.

    Raises:
        ModelError: no template, one that fails, or one that drops or rewrites a prompt.
    """
    if prompts.style != "chat":
        return
    kinds: tuple[Kind, ...] = ("plain", "honest")
    for kind in kinds:
        prompt = render(prompts, kind, "Who wrote it?")
        try:
            read = as_read(tokenizer, prompt, "chat")
        except Exception as error:  # templates raise errors of their own making
            raise ModelError(
                f"prompts.style: chat: the chat template cannot take prompts.{kind} ({first_line(error)}); write "
                "style: raw, or give a model with another template"
            ) from error
        if prompt.strip() not in read:
            raise ModelError(
                f"prompts.style: chat: the chat template drops or rewrites prompts.{kind}: of {prompt!r} the model "
                f"reads {read!r}; write style: raw, or give a model with another template"
            )


def common_prefix(prompts: Sequence[tuple[int, ...]]) -> int:
    """Number of tokens that all prompts begin with; at least one token of each is left over."""
    first, last = min(prompts), max(prompts)  # what these two share all between them share
    length = min(map(len, prompts)) - 1
    return next((i for i in range(length) if first[i] != last[i]), length)
