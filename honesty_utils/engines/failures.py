"""What went wrong with a request to a server, whether another try can mend it, and what a user can do."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import openai

from honesty_utils.common.prompts import Prompt, shown
from honesty_utils.engines.options import OpenAIOptions
from honesty_utils.engines.replies import AnotherModel

PASSING = (408, 409, 425, 429)
"""Client errors that pass by themselves: timeout, conflict, too early, too many requests. So do all from 500 on."""


ELSEWHERE = range(300, 400)
"""Statuses of a redirect, which is not followed: prompts go where params say, and nowhere else."""

Hide = Callable[[str], str]


@dataclass(frozen=True)
class Trouble:
    """A failed try.

    Attributes:
        reason: what happened, with the server's own words.
        status: HTTP status; none: there was no whole reply, or one that is no answer.
        passing: another try may succeed.
        wait: seconds after which the server asks to be tried again.
    """

    reason: str
    status: int | None = None
    passing: bool = True
    wait: float = 0.0

    @property
    def of_server(self) -> bool:
        """No other prompt would fare better: a wrong key, an unknown model, an empty account, another address."""
        return not self.passing and (self.status in (401, 403, 404, 429) or self.status in ELSEWHERE)


def trouble(error: Exception, timeout: float, hide: Hide = str) -> Trouble:
    """What an exception of the client means; ``hide`` takes out of a server's words what nobody is to read.

    Raises:
        Exception: ``error`` itself, when it is a mistake of this program and no trouble with a server.
    """
    if isinstance(error, openai.APITimeoutError):
        return Trouble(f"no sign of life for {timeout:g} s")
    if isinstance(error, openai.APIConnectionError):
        return Trouble(f"connection refused or cut ({hide(_cause(error))})")
    if isinstance(error, openai.APIStatusError):
        return _of_status(error, hide)
    if isinstance(error, AnotherModel):
        return Trouble(f"{error}; where that is its name, say so with engine_options.answers_as", 404, passing=False)
    # A body that is no JSON comes as json.JSONDecodeError or UnicodeDecodeError, both of them ValueErrors.
    if isinstance(error, openai.APIResponseValidationError | ValueError):
        return Trouble(f"a malformed answer ({hide(_line(error))})")
    raise error


def remedy(found: Trouble, model: str, options: OpenAIOptions, prompt: Prompt | None = None) -> str:
    """What happened and what to do about it, for a trouble that no retry mends."""
    if found.status in (401, 403):
        variable = options.key_variable
        sent = (
            f"the key in {variable} was sent" if variable else "no key was sent: engine_options.key_variable names it"
        )
        return f"{found.reason}; {sent}"
    if found.status in ELSEWHERE:
        return f"{found.reason}; redirects are not followed: write the address itself as engine_options.base_url"
    if found.status == 404:
        return f"{found.reason}; is {model!r} the model's name there, and does base_url end in /v1?"
    if found.status is None:
        return f"{found.reason}; start the server, or correct engine_options.base_url"
    if prompt is None or found.status not in (400, 413, 422):
        return found.reason
    return (
        f"{found.reason}; the prompt: {shown(prompt)}; where it is too long, shorten it, drop long questions with "
        "questions.<set>.longest or lower max_new_tokens; otherwise look at engine_options.extra_body and logprobs"
    )


def backoff(tries: int, first: float, longest: float) -> float:
    """Seconds to wait after so many tries: doubled each time, between half and all of it, so that waiters spread."""
    return min(first * 2.0 ** (tries - 1), longest) * random.uniform(0.5, 1.0)


def _of_status(error: openai.APIStatusError, hide: Hide) -> Trouble:
    status = error.status_code
    passing = status in PASSING or status >= 500
    if status == 429 and error.code == "insufficient_quota":
        passing = False  # the account is empty
    # Hidden before it is cut: half of a key would not be found.
    words = hide(_words(error.body) or _line(error))
    if status in ELSEWHERE:
        words = f"asks to go to {hide(error.response.headers.get('location', 'another address'))}"
    return Trouble(f"{status}: {words[:500]}", status, passing, _wait(error.response.headers.get("retry-after")))


def _words(body: Any) -> str:
    """The message inside an error's body; servers differ in where they put it."""
    while isinstance(body, dict):
        body = body.get("error") or body.get("message") or body.get("detail")
    return " ".join(str(body or "").split())


def _wait(header: str | None) -> float:
    """Seconds that a Retry-After header asks for, a number or a date; 0 without one."""
    if header is None:
        return 0.0
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except ValueError:
        return 0.0


def _cause(error: Exception) -> str:
    cause = error.__cause__ or error
    return f"{type(cause).__name__}: {_line(cause)}" if str(cause) else type(cause).__name__


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())
