"""Asking a judge until it can be read, or saying that it could not: every verdict of this project comes from here.

An inquiry is asked greedily first. What cannot be read, was cut off or got no reply is asked again at a temperature and
with another seed, up to a limit; after it the verdict is none and is counted. No failure becomes a verdict.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from honesty_utils import engines
from honesty_utils.engines import Engine, ModelError, Request, Response
from honesty_utils.judge.cache import Replies, Reply
from honesty_utils.judge.reading import Unreadable
from honesty_utils.judge.settings import Judge
from honesty_utils.sampling import seed_of

T = TypeVar("T")
logger = logging.getLogger("honesty_utils.judge")

FAILURES = (OSError, ModelError)
"""What an engine raises that gets no reply: a server that times out or is gone, a prompt that is too long."""

PATIENCE = 4
"""A batch that fails is halved until single requests fail; so many of these in a row, and the rest is given up."""


@dataclass(frozen=True)
class Inquiry(Generic[T]):
    """What is asked, and how the reply is read (``read`` raises `Unreadable`)."""

    prompt: str
    read: Callable[[str], T]


@dataclass(frozen=True)
class Verdict(Generic[T]):
    """What a judge says; ``value`` is ``None`` for unscored, and ``reason`` then says why (of the last attempt)."""

    value: T | None
    reason: str = ""


@dataclass
class Spent:
    """What judging has cost: replies that were asked for and found, tokens, and verdicts that could not be had."""

    asked: int = 0
    found: int = 0
    tokens: int = 0
    verdicts: int = 0
    unscored: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        text = f"{self.verdicts} verdicts ({self.asked} replies, {self.tokens} tokens; {self.found} replies were there)"
        reasons = ", ".join(f"{count} {reason}" for reason, count in self.unscored.most_common())
        return f"{text}; {self.unscored.total()} unscored" + (f": {reasons}" if reasons else "")


class Referee:
    """A judge with its replies on disk; the model is loaded when the first reply is missing."""

    def __init__(self, settings: Judge, load: Callable[[], Engine], replies: Replies) -> None:
        """See `open_judge`, which makes one from a params section."""
        self.settings, self._load, self._replies = settings, load, replies
        self._engine: Engine | None = None
        self.spent = Spent()

    def ask(self, inquiries: Sequence[Inquiry[T]]) -> list[Verdict[T]]:
        """A verdict on every inquiry, in order; an inquiry that comes twice is asked once."""
        self._replies.refresh()
        verdicts: list[Verdict[T]] = [Verdict(None)] * len(inquiries)
        unread = [0] * len(inquiries)
        for _ in range(self.settings.max_retries + 1):
            open_ones = [place for place, verdict in enumerate(verdicts) if verdict.value is None]
            pending = {place: self._request(inquiries[place].prompt, unread[place]) for place in open_ones}
            failed = self._obtain(pending.values())
            for place, request in pending.items():
                verdicts[place] = self._verdict(inquiries[place], request, failed)
                # Without a reply the same request is made again; one that was no verdict is asked in another way.
                unread[place] += request not in failed
        self._count(verdicts)
        return verdicts

    def _request(self, prompt: str, unread: int) -> Request:
        if unread == 0:
            return Request(prompt)
        return Request(prompt, self.settings.retry_temperature, seed_of(self.settings.seed, prompt, unread))

    def _verdict(self, inquiry: Inquiry[T], request: Request, failed: dict[Request, str]) -> Verdict[T]:
        if request in failed:
            return Verdict(None, failed[request])
        reply = self._replies.get(request)
        assert reply is not None, "a request has a reply or has failed"
        if reply.finish_reason == "length":
            return Verdict(None, "cut off")
        try:
            return Verdict(inquiry.read(reply.text))
        except Unreadable as problem:
            return Verdict(None, str(problem))

    def _count(self, verdicts: Sequence[Verdict[T]]) -> None:
        self.spent.verdicts += len(verdicts)
        kinds = (verdict.reason.split(":")[0] for verdict in verdicts if verdict.value is None)
        self.spent.unscored.update(kinds)

    def _obtain(self, requests: Iterable[Request]) -> dict[Request, str]:
        """See to it that the replies to ``requests`` are known; those that failed, with the reason."""
        wanted = list(dict.fromkeys(requests))
        missing = [request for request in wanted if self._replies.get(request) is None]
        self.spent.found += len(wanted) - len(missing)
        failed: dict[Request, str] = {}
        if missing and self._engine is None:
            self._engine = self._load()
        for start in range(0, len(missing), self.settings.shard_size):
            replies = self._replies_of(missing[start : start + self.settings.shard_size], failed)
            if replies:
                self._replies.add(replies)
                self.spent.asked += len(replies)
                self.spent.tokens += sum(reply.num_tokens for reply in replies.values())
        return {request: reason for request, reason in failed.items() if self._replies.get(request) is None}

    def _replies_of(self, batch: Sequence[Request], failed: dict[Request, str]) -> dict[Request, Reply]:
        """Replies to a batch; one that fails is halved until what fails stands alone, or too much fails in a row."""
        replies: dict[Request, Reply] = {}
        parts, in_a_row = [batch], 0
        while parts and in_a_row < PATIENCE + len(batch).bit_length():
            part = parts.pop()
            try:
                replies |= self._generate(part)
                in_a_row = 0
            except FAILURES as problem:
                failed.update(dict.fromkeys(part, _described(problem)))
                in_a_row += 1
                half = len(part) // 2
                parts += [part[half:], part[:half]] if half else []
        if len(replies) < len(batch):
            logger.warning("judge: %d of %d requests got no reply", len(batch) - len(replies), len(batch))
        return replies

    def _generate(self, batch: Sequence[Request]) -> dict[Request, Reply]:
        assert self._engine is not None, "loaded before the first batch"
        responses: list[Response] = self._engine.generate(batch)
        if len(responses) != len(batch):
            raise ValueError(f"the judge's engine gave {len(responses)} responses to {len(batch)} requests; one each")
        replies = [Reply(response.text, response.num_tokens, response.finish_reason) for response in responses]
        return dict(zip(batch, replies, strict=True))


def _described(problem: Exception) -> str:
    text = str(problem).strip().split("\n")[0]
    return f"{type(problem).__name__}: {text[:80]}".rstrip(": ")


def open_judge(settings: Judge | None, folder: str | Path) -> Referee | None:
    """The judge of a params section; none where a run has none and string rules alone decide.

    Args:
        settings: the section.
        folder: where replies are kept unless ``settings.cache`` names a folder.

    Raises:
        ModelError: unknown engine or option, or a folder that is no model.
    """
    if settings is None:
        return None
    replies = Replies(settings.cache or folder, engines.identity(settings.model, settings, settings.style))
    return Referee(settings, lambda: engines.load(settings.model, settings, settings.style), replies)
