"""What a server with OpenAI's interface answers, read with care: servers leave out what the client expects."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from honesty_utils.common.prompts import Style
from honesty_utils.engines.protocol import Response, Usage

BROKEN_OFF = ("abort", "error")
"""Reasons of an end that is none of the model's: the server was stopped, or failed."""
MOST_TOKENS = 2**31
"""No answer has as many; a count beyond is a mistake of the server."""


class MalformedAnswer(ValueError):
    """The server said 200, and what it sent is no answer."""


class AnotherModel(ValueError):
    """The answer is, by its own word, of another model than was asked."""


@dataclass(frozen=True)
class Answer:
    """A response, the tokens it took, and whether the server withheld the model's words."""

    response: Response
    usage: Usage
    withheld: bool


def read(body: Any, style: Style, model: str | None = None, hide: Callable[[str], str] = str) -> Answer:
    """The first choice of a chat completion (``chat``) or a completion (``raw``).

    Args:
        body: what the server sent, as the client has parsed it.
        style: which of the two.
        model: whose answer it is to be; none: anyone's.
        hide: takes out of the text, and of what an error shows, what nobody is to read.

    Raises:
        MalformedAnswer: it has no choice, no text or no count of tokens that can be one, or it was broken off.
        AnotherModel: the server says that another model answered.
    """
    answered = getattr(body, "model", None)
    if model and answered and not _alike(model, str(answered)):
        raise AnotherModel(f"{hide(str(answered))[:200]!r} answered in place of {model!r}")
    try:
        if body.usage is None:
            raise ValueError("no count of tokens (usage), which this engine needs")
        choice, usage = body.choices[0], body.usage
        text = (_chat_text(choice.message) if style == "chat" else choice.text).strip()
        read, written = int(usage.prompt_tokens), int(usage.completion_tokens)
        reason, logprob = choice.finish_reason, _mean_logprob(choice.logprobs)
        if not (0 <= read < MOST_TOKENS and 0 <= written < MOST_TOKENS):
            raise ValueError(f"{read} and {written} tokens were counted")
        if reason in BROKEN_OFF:
            raise ValueError(f"the answer was broken off ({reason})")
    except (AttributeError, LookupError, TypeError, ValueError, OverflowError) as error:
        raise MalformedAnswer(f"{error}, in {hide(_shown(body))[:200]!r}") from None
    response = Response(hide(_whole(text)), written, logprob, "length" if reason == "length" else "stop")
    return Answer(response, Usage(read, written), withheld=reason == "content_filter")


def _shown(body: Any) -> str:
    try:
        return str(body.to_json(indent=None))
    except (AttributeError, ValueError):  # what is malformed need not be JSON either
        return str(body)


def _alike(asked: str, answered: str) -> bool:
    """Whether two names may be one model's: servers add a date or leave out the owner."""
    first, second = (name.lower().rsplit("/", 1)[-1] for name in (asked, answered))
    dated = re.escape(first.removesuffix("-latest")) + r"(-latest)?([-@.:]?v?\d[\d.-]*)?"
    return first == second or re.fullmatch(dated, second) is not None


def _whole(text: str) -> str:
    """Halves of surrogate pairs joined; one that stands alone is no character, and no file takes it."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _chat_text(message: Any) -> Any:
    """A message that was cut off before its answer began has no content; one that was refused has another field."""
    return message.content if message.content is not None else (getattr(message, "refusal", None) or "")


def _mean_logprob(logprobs: Any) -> float | None:
    if logprobs is None:
        return None
    content = getattr(logprobs, "content", None)
    values = [token.logprob for token in content] if content else getattr(logprobs, "token_logprobs", None)
    if not values or any(value is None for value in values):
        return None
    return math.fsum(values) / len(values)
