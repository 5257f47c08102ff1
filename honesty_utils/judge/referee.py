"""Asking a judge until it can be read, or saying that it could not: every verdict of this project comes from here.

An inquiry is asked greedily first. What cannot be read or was cut off is asked again at a temperature and with another
seed, up to a limit; after it the verdict is none and is counted. What the engine cannot take, such as a prompt that is
too long, has no verdict either. A judge that does not answer is an error: the replies that came are kept, and another
run asks for the rest. No failure becomes a verdict.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from honesty_utils import engines
from honesty_utils.common.errors import HonestyError
from honesty_utils.engines import Engine, ModelError, Request, Unanswered
from honesty_utils.judge.cache import Replies, Reply
from honesty_utils.judge.reading import Unreadable
from honesty_utils.judge.settings import Judge
from honesty_utils.sampling import seed_of

T = TypeVar("T")
logger = logging.getLogger("honesty_utils.judge")

PASSING = (OSError, Unanswered)
"""What an engine raises where a later try may get a reply: a server that times out, is busy or is gone."""
CANARY = Request("Write yes.")
"""Asked where a batch got no reply, to tell a batch that cannot be answered from a judge that answers nothing."""


class JudgeError(HonestyError, RuntimeError):
    """The judge does not answer, or too few of its replies can be read."""


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
        self._unanswered: set[Request] = set()

    def ask(self, inquiries: Sequence[Inquiry[T]]) -> list[Verdict[T]]:
        """A verdict on every inquiry, in order; an inquiry that comes twice is asked once.

        Raises:
            JudgeError: the judge is gone, or left requests without a reply; those that came are kept.
            ServerError: the judge's server refuses whatever it is asked.
        """
        self._replies.refresh()
        verdicts: list[Verdict[T]] = [Verdict(None)] * len(inquiries)
        unread, refused = [0] * len(inquiries), set[int]()
        for _ in range(self.settings.max_retries + 1):
            open_ones = [p for p, verdict in enumerate(verdicts) if verdict.value is None and p not in refused]
            pending = {place: self._request(inquiries[place].prompt, unread[place]) for place in open_ones}
            failed = self._obtain(pending.values())
            for place, request in pending.items():
                verdicts[place] = self._verdict(inquiries[place], request, failed)
                # Without a reply the same request is made again; one that was no verdict is asked in another way.
                unread[place] += request not in failed
                if request in failed and request not in self._unanswered:
                    refused.add(place)  # no other try changes what the engine can take
        unanswered = [request for request in pending.values() if request in self._unanswered]
        if unanswered:
            raise JudgeError(
                f"judge: {len(unanswered)} of {len(inquiries)} requests got no reply "
                f"({failed[unanswered[0]]}); the replies to the others are kept: run again, and only these are asked"
            )
        self._count(verdicts)
        return verdicts

    def settled(self) -> Spent:
        """What all verdicts have cost.

        Raises:
            JudgeError: more than ``judge.most_unscored`` of them are none.
        """
        missing, limit = self.spent.unscored.total(), self.settings.most_unscored
        if missing > limit * self.spent.verdicts:
            raise JudgeError(
                f"judge: {self.spent}; scores of the rest would be of other answers than all. At most {limit:.0%} may "
                "be unscored (judge.most_unscored): look at the reasons, take another judge or raise the limit"
            )
        return self.spent

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
            replies: dict[Request, Reply] = {}
            try:
                self._fill(replies, missing[start : start + self.settings.shard_size], failed)
            finally:
                if replies:
                    self._replies.add(replies)
                    self.spent.asked += len(replies)
                    self.spent.tokens += sum(reply.num_tokens for reply in replies.values())
        return {request: reason for request, reason in failed.items() if self._replies.get(request) is None}

    def _fill(self, replies: dict[Request, Reply], batch: Sequence[Request], failed: dict[Request, str]) -> None:
        """Put the replies to a batch into ``replies``; a part that fails is halved until what fails stands alone.

        Raises:
            JudgeError: after a failure not even `CANARY` gets a reply.
        """
        parts, heard = [batch], False
        while parts:
            part = parts.pop()
            try:
                self._generate(part, replies)
                self._unanswered.difference_update(part)
                continue
            except (*PASSING, ModelError) as problem:
                passing = isinstance(problem, PASSING)
                part = [request for request in part if request not in replies]
                # What an engine cannot take it cannot take twice, but a server may be gone at any time.
                if passing or not heard:
                    self._listen(problem)
                    heard = True
                reason = _described(problem)
                self._unanswered.update(part if passing and len(part) == 1 else ())
            failed.update(dict.fromkeys(part, reason))
            half = len(part) // 2
            parts += [part[half:], part[:half]] if half else []
        if len(replies) < len(batch):
            logger.warning("judge: %d of %d requests got no reply", len(batch) - len(replies), len(batch))

    def _listen(self, problem: Exception) -> None:
        try:
            self._generate([CANARY], {})
        except (*PASSING, ModelError):
            raise JudgeError(
                f"judge: does not answer ({_described(problem)}); the replies that came are kept: run again when it is "
                "back"
            ) from problem

    def _generate(self, batch: Sequence[Request], replies: dict[Request, Reply]) -> None:
        """Put replies to a batch into ``replies``; those of a server as they come, as it may be gone at any time."""
        assert self._engine is not None, "loaded before the first batch"
        served = engines.check_options(self.settings.engine, self.settings.engine_options, "judge").served
        # Of a cluster each part is a block, and a replica has one at a time.
        served = served and self.settings.engine != "ray"
        parts = [[request] for request in batch] if served else [list(batch)]
        for place, responses in engines.stream(self._engine, parts):
            part: list[Request] = parts[place]
            if len(responses) != len(part):
                raise ValueError(
                    f"the judge's engine gave {len(responses)} responses to {len(part)} requests; one each"
                )
            for request, response in zip(part, responses, strict=True):
                replies[request] = Reply(response.text, response.num_tokens, response.finish_reason)


def _described(problem: Exception) -> str:
    text = str(problem).strip().split("\n")[0]
    return f"{type(problem).__name__}: {text[:200]}".rstrip(": ")


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
