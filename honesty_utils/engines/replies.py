"""What a server with OpenAI's interface answers, read with care: servers leave out what the client expects."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from honesty_utils.common.prompts import Style
from honesty_utils.engines.protocol import Response, Usage


class MalformedAnswer(ValueError):
    """The server said 200, and what it sent is no answer."""


@dataclass(frozen=True)
class Answer:
    """A response, the tokens it took, and whether the server withheld the model's words."""

    response: Response
    usage: Usage
    withheld: bool


def read(body: Any, style: Style) -> Answer:
    """The first choice of a chat completion (``chat``) or a completion (``raw``).

    Raises:
        MalformedAnswer: it has no choice, no text or no count of tokens.
    """
    try:
        choice, usage = body.choices[0], body.usage
        text = (_chat_text(choice.message) if style == "chat" else choice.text).strip()
        read, written = int(usage.prompt_tokens), int(usage.completion_tokens)
        reason, logprob = choice.finish_reason, _mean_logprob(choice.logprobs)
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        shown = body.to_json(indent=None) if hasattr(body, "to_json") else str(body)
        raise MalformedAnswer(f"{error}, in {shown[:200]!r}") from None
    response = Response(text, written, logprob, "length" if reason == "length" else "stop")
    return Answer(response, Usage(read, written), withheld=reason == "content_filter")


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
