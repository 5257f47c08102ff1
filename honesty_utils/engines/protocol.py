"""What sampling, judging and evaluation ask of an engine, and what it answers.

An engine answers a list of `Request` with a list of `Response` in the same order. Each request carries its own seed, so
that a response is the same whatever else is asked in the same call; that is what lets sampling stop and resume, and
shards be of any size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np

from honesty_utils.common.prompts import Prompt

Asks = Literal["nothing", "generate", "score", "hidden"]
"""What is asked of an engine: nothing beyond what it tells with every answer, its log-probability among it; further
answers; the log-probability of a given text; hidden states (`HiddenEngine`)."""

States = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True, slots=True)
class Request:
    """One response wanted: what is asked, temperature (0 is greedy), seed of its draws.

    ``prompt`` is a user's text (from ``prompts.render``) or the turns of a conversation, of which the last is answered.

    ``adapter`` is the folder of a LoRA adapter to answer with, for engines that hold several (`load_all`). ``options``
    are texts of which the likeliest is the answer, for engines that tell the likelihood of a given text
    (`ScoringEngine`); nothing is generated then.
    """

    prompt: Prompt
    temperature: float = 0.0
    seed: int = 0
    adapter: str | None = None
    options: tuple[str, ...] = ()

    def content(self) -> tuple[Any, ...]:
        """All that its response depends on, for hashes; what is not asked for is left out."""
        fields = astuple(self)
        # The last word says how options are read: shards of another reading, with their end tokens, are not taken.
        return (*fields, "without end") if self.options else fields[:-1]


@dataclass(frozen=True)
class Response:
    """One response.

    Attributes:
        text: answer without special tokens, stripped.
        num_tokens: generated tokens, the end token included.
        mean_logprob: mean natural log-probability of these tokens under the model at temperature 1; ``None`` where an
            engine cannot tell or was not asked.
        finish_reason: ``stop`` (the model ended its answer) or ``length`` (it was cut off).
    """

    text: str
    num_tokens: int
    mean_logprob: float | None
    finish_reason: Literal["stop", "length"]


class Engine(Protocol):
    """What sampling and evaluation ask of an engine."""

    def generate(self, requests: Sequence[Request]) -> list[Response]:
        """Answer every request, in order."""
        ...


@runtime_checkable
class StreamingEngine(Engine, Protocol):
    """An engine that works on many batches of requests at the same time, such as one that is spread over a cluster."""

    def stream(self, batches: Sequence[Sequence[Request]]) -> Iterator[tuple[int, list[Response]]]:
        """Answer every batch; yields a batch's place and its responses as soon as it is done, in any order."""
        ...


@runtime_checkable
class MeasuringEngine(Engine, Protocol):
    """An engine that can tell, before it is asked anything, whether a prompt fits.

    Attributes:
        context: tokens that the model reads, the answer included; none: without limit, or it cannot be told.
        max_new_tokens: tokens that an answer may have where the context leaves room for them.
    """

    context: int | None
    max_new_tokens: int

    def prompt_length(self, prompt: Prompt) -> int:
        """Tokens of a prompt, as the model reads it."""
        ...


@runtime_checkable
class HiddenEngine(Engine, Protocol):
    """An engine that shows what its model holds in mind."""

    def states(self, prompts: Sequence[str], layer: int, answers: Sequence[str] | None = None) -> States:
        """Hidden states of the last token of each prompt, before any answer, or of the last token of an answer.

        Args:
            prompts: user texts.
            answers: one to each prompt, whose last token counts, the end token not among them; none: prompts alone.
            layer: 0 is the embeddings, L the last of L layers (with the model's final norm, as ``transformers`` has
                it); negative ones count from the end, -1 is L.

        Returns:
            Shape (prompts, width of the model), float32, in order; a row does not depend on its neighbors.

        Raises:
            ModelError: a layer that the model lacks, a prompt that it cannot take.
        """
        ...


@runtime_checkable
class ScoringEngine(Engine, Protocol):
    """An engine that tells how likely a given text is as an answer."""

    def logprobs(self, pairs: Sequence[tuple[Prompt, str]]) -> list[list[float]]:
        """Natural log-probabilities of the tokens of answers, the end token's last.

        Args:
            pairs: a prompt and an answer each; their token ids are those of training rows
                (``prompts.completion_ids``).

        Returns:
            A list an answer, in order; it does not depend on its neighbors.

        Raises:
            ModelError: a prompt and an answer that the context cannot hold.
        """
        ...


def choose(engine: ScoringEngine, requests: Sequence[Request]) -> list[Response]:
    """The likeliest option of each request as its answer: by the sum over its tokens, the first of equal ones.

    A sum favors short options, as the published readings of TruthfulQA's MC1 do. As there, the end token does not
    count: an option is compared as the beginning of an answer, which need not end there.
    """
    pairs = list(dict.fromkeys((request.prompt, option) for request in requests for option in request.options))
    found = dict(zip(pairs, engine.logprobs(pairs), strict=True))
    answers = []
    for request in requests:
        sums = [sum(found[request.prompt, option][:-1]) for option in request.options]
        best = request.options[sums.index(max(sums))]
        tokens = found[request.prompt, best][:-1]
        answers.append(Response(best, len(tokens), sum(tokens) / len(tokens), "stop"))
    return answers


@dataclass(frozen=True)
class Usage:
    """Tokens that an engine has read and generated, and what they cost; none: it was told no prices."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None

    def __add__(self, other: Usage) -> Usage:
        """Tokens of both; a cost only if both have one."""
        cost = None if self.cost is None or other.cost is None else self.cost + other.cost
        return Usage(self.prompt_tokens + other.prompt_tokens, self.completion_tokens + other.completion_tokens, cost)

    def since(self, before: Usage) -> Usage:
        """What was added after ``before``."""
        cost = None if self.cost is None or before.cost is None else self.cost - before.cost
        return Usage(self.prompt_tokens - before.prompt_tokens, self.completion_tokens - before.completion_tokens, cost)


@runtime_checkable
class MeteredEngine(Engine, Protocol):
    """An engine whose tokens may cost money.

    Attributes:
        usage: of all answers so far; none: there is nothing to count.
    """

    usage: Usage | None


def stream(engine: Engine, batches: Iterable[Sequence[Request]]) -> Iterator[tuple[int, list[Response]]]:
    """Answer batches of requests; yields a batch's place and its responses as soon as it is done.

    One batch after the other, unless the engine has a ``stream`` of its own.
    """
    if isinstance(engine, StreamingEngine):
        yield from engine.stream(list(batches))
        return
    for place, requests in enumerate(batches):
        yield place, engine.generate(requests)


def usage(engine: Engine, since: Usage | None = None) -> Usage | None:
    """What a metered engine has used, all in all or since it had used ``since``; none where nothing is counted."""
    found = engine.usage if isinstance(engine, MeteredEngine) else None
    return found if found is None or since is None else found.since(since)
