"""From a question to text, and from text to token ids: the one place that all engines and the training share.

Two prompts ask a question (``config.Prompts``): the plain one, under which M_t is read, and the honest one, under which
aligned models are trained and evaluated (arXiv 2312.07000, section 4). Engines disagree on whether a tokenizer adds a
begin token; ids that differ by one begin token change answers, so nobody else turns a prompt into ids.
"""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, overload

from honesty_utils.common.settings import Prompts

Kind = Literal["plain", "honest"]
Style = Literal["raw", "chat"]
Prompt = str | tuple[str, ...]
"""What a model is asked: a user's text, or the turns of a conversation, the user's and the model's by turns; the first
and the last are the user's."""

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
TEMPLATE_SECONDS = 5.0
"""Processor time that one rendering of a chat template may take; real ones take a thousandth of a second."""


def question_text(prompts: Prompts, question: str, choices: Sequence[str] | None = None) -> str:
    """Question, followed by one line an option (``A) …``) where there are choices.

    Raises:
        ValueError: more choices than letters.
    """
    if choices is None:
        return question
    if len(choices) > len(LETTERS):
        raise ValueError(f"{len(choices)} choices for {question!r}; at most {len(LETTERS)} can be lettered")
    lines = [fill(prompts.options, {"letter": LETTERS[i], "text": text}) for i, text in enumerate(choices)]
    return "\n".join([question, *lines])


def render(prompts: Prompts, kind: Kind, question: str, choices: Sequence[str] | None = None) -> str:
    """User text of one question under the plain or the honest prompt; braces inside the question stay as they are."""
    template = {"plain": prompts.plain, "honest": prompts.honest}[kind]
    return fill(template, {"question": question_text(prompts, question, choices), "refusal": prompts.refusal})


@overload
def with_passages(prompts: Prompts, prompt: str, passages: Sequence[str]) -> str: ...
@overload
def with_passages(prompts: Prompts, prompt: Prompt, passages: Sequence[str]) -> Prompt: ...
def with_passages(prompts: Prompts, prompt: Prompt, passages: Sequence[str]) -> Prompt:
    """A prompt behind the passages that its question comes with; without passages the prompt as it is.

    All that is asked about a question passes here: in sampling and evaluation (`sampling.shards.plan`), in rows
    (`methods.build`), in what signals ask. So no method has to know of passages.

    Args:
        prompts: holds the wording of a passage.
        prompt: user text, or turns, of which the first gets the passages.
        passages: texts, in the order in which they are shown.
    """
    before = "".join(fill(prompts.passages, {"passage": text}) for text in passages)
    return before + prompt if isinstance(prompt, str) else (before + prompt[0], *prompt[1:])


def fill(template: str, values: Mapping[str, str]) -> str:
    """``template`` with each ``{name}`` of ``values`` replaced; braces of other names and inside values stay."""
    # One pass over the template, so that a question that itself holds "{refusal}" or "{0}" is never filled in.
    names = "|".join(map(re.escape, values))
    return re.sub(rf"\{{({names})\}}", lambda match: values[match[1]], template)


def messages(prompt: Prompt) -> list[dict[str, str]]:
    """A prompt as chat templates and servers take it: the turns with their roles.

    Raises:
        ValueError: turns that do not end with the user's.
    """
    turns = (prompt,) if isinstance(prompt, str) else prompt
    if len(turns) % 2 == 0:
        raise ValueError(f"{len(turns)} turns; an odd number is needed, the first and the last of them the user's")
    return [{"role": ("user", "assistant")[place % 2], "content": text} for place, text in enumerate(turns)]


def shown(prompt: Prompt, longest: int = 80) -> str:
    """The beginning of a prompt, of a conversation that of its last turn, as errors show it."""
    text = prompt if isinstance(prompt, str) else prompt[-1]
    return repr(text if len(text) <= longest else f"{text[:longest]}…")


def prompt_ids(tokenizer: Any, prompt: Prompt, style: Style) -> list[int]:
    """Token ids of a prompt, with exactly one begin token where the tokenizer has one.

    Args:
        tokenizer: a ``transformers`` tokenizer.
        prompt: user text, from `render`, or turns.
        style: ``raw`` puts the begin token before the text; ``chat`` makes it the user turn of the tokenizer's chat
            template and ends with the template's generation prompt.

    Raises:
        ValueError: ``chat`` with a tokenizer that has no chat template, or one that does not come to an end; ``raw``
            with several turns.
    """
    if style == "chat":
        return _chat_ids(tokenizer, messages(prompt), add_generation_prompt=True)
    if not isinstance(prompt, str):
        raise ValueError(f"{len(prompt)} turns, and prompts.style: raw knows none; a conversation needs chat")
    begin = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    return begin + _text_ids(tokenizer, prompt)


def completion_ids(tokenizer: Any, prompt: Prompt, completion: str, style: Style) -> list[int]:
    """Token ids that follow `prompt_ids` in a training row, the end token last.

    ``raw``: the ids of a space and the completion, then the end token. ``chat``: what the template puts after the
    generation prompt, up to and including the token that ends the turn.

    Raises:
        ValueError: no end token (raw), or a template that rewrites the prompt once an answer follows (chat).
    """
    before = prompt_ids(tokenizer, prompt, style)
    if style == "raw":
        return _raw_completion(tokenizer, prompt, completion, before)
    turns = [*messages(prompt), {"role": "assistant", "content": completion}]
    whole = _chat_ids(tokenizer, turns, add_generation_prompt=False)
    if whole[: len(before)] != before:
        raise ValueError(
            f"{tokenizer.name_or_path}: the chat template changes the prompt {shown(prompt)} once an answer follows "
            "it, so the answer's tokens cannot be told apart; use prompts.style: raw or another template"
        )
    return _end_of_turn(tokenizer, whole[len(before) :])


def _raw_completion(tokenizer: Any, prompt: Prompt, completion: str, before: list[int]) -> list[int]:
    if tokenizer.eos_token_id is None:
        raise ValueError(f"{tokenizer.name_or_path}: has no end token, so an answer could not stop; set its eos_token")
    whole = prompt_ids(tokenizer, f"{prompt} {completion}", "raw")
    # Encoded in context where that leaves the prompt's ids alone: SentencePiece would add a second space otherwise.
    in_context = whole[: len(before)] == before
    ids = whole[len(before) :] if in_context else _text_ids(tokenizer, f" {completion}")
    return [*ids, int(tokenizer.eos_token_id)]


def _end_of_turn(tokenizer: Any, ids: list[int]) -> list[int]:
    """Cut what templates put after the end-of-turn token (a newline, as a rule); add the end token if there is none."""
    special = set(tokenizer.all_special_ids)
    last = next((i for i in reversed(range(len(ids))) if ids[i] in special), -1)
    if last >= 0 and not tokenizer.decode(ids[last + 1 :]).strip():
        return ids[: last + 1]
    return [*ids, int(tokenizer.eos_token_id)]


def _text_ids(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _chat_ids(tokenizer: Any, turns: list[dict[str, str]], add_generation_prompt: bool) -> list[int]:
    if tokenizer.chat_template is None:
        raise ValueError(f"{tokenizer.name_or_path}: the tokenizer has no chat template; use prompts.style: raw")
    # The template itself writes the begin token, and as text it is encoded without adding another. Templates of models
    # that would think aloud first (Qwen3) are asked for the answer; others do not read that word.
    with _coming_to_an_end(tokenizer.name_or_path):
        text = tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=add_generation_prompt, enable_thinking=False
        )
    return _text_ids(tokenizer, text)


@contextmanager
def _coming_to_an_end(name: str) -> Iterator[None]:
    """Break off a rendering after `TEMPLATE_SECONDS`: a template is a program, and may loop for years.

    The sandbox of ``jinja2`` limits one ``range`` and not a range within a range. Processor time is counted, so that a
    busy machine breaks nothing off. Signals reach the main thread only; elsewhere there is no limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def too_long(*_: object) -> None:
        raise ValueError(
            f"{name}: the chat template is not done after {TEMPLATE_SECONDS:g} seconds; use prompts.style: raw or "
            "another template"
        )

    before = signal.signal(signal.SIGVTALRM, too_long)
    # Once more each second: an error that is raised within a destructor is lost.
    signal.setitimer(signal.ITIMER_VIRTUAL, TEMPLATE_SECONDS, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
