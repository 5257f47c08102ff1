"""Engine on a server with OpenAI's interface: vLLM's and others of one's own, or a hosted service.

Requests of several batches are under way at the same time, at most ``concurrency`` of them; a batch is handed over as
soon as its last answer is there. What passes by itself (rate limits, server errors, cut connections, malformed answers)
is tried again after a growing wait; what does not (a wrong key, an unknown model, too long a prompt) ends the run with
an error that says so. Every request has its seed, so that a server that honors seeds gives the same answers again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any

import openai
from anyio.from_thread import start_blocking_portal

from honesty_utils.common.prompts import Prompt, Style, messages, prompt_ids, shown
from honesty_utils.engines.failures import Trouble, backoff, remedy, trouble
from honesty_utils.engines.loading import ModelError, ServerError, Unanswered
from honesty_utils.engines.options import OpenAIOptions
from honesty_utils.engines.protocol import Request, Response, Usage
from honesty_utils.engines.replies import read
from honesty_utils.engines.settings import Model

Batch = Sequence[Request]
Done = tuple[int, list[Response]]

SEEDS = 2**63
"""Servers read seeds as signed numbers of 64 bits."""


class OpenAIEngine:
    """Engine over one model of a server.

    Attributes:
        usage: tokens and price of all answers so far, as the server counts; of failed tries it tells nothing.
        context: tokens that the model reads, where the server tells and a tokenizer is named.
    """

    def __init__(self, model: Model, style: Style, max_new_tokens: int, options: OpenAIOptions) -> None:
        """Reach the server and make sure that it takes the key and has the model.

        Args:
            model: its name on the server; number type and device are the server's business.
            style: ``chat`` asks for chat completions, ``raw`` for completions.
            max_new_tokens: at most this many tokens a response.
            options: address, concurrency, tries, prices.

        Raises:
            ModelError: no server there, wrong or missing key, no such model.
        """
        options.check(model)
        self.name, self.style = str(model.name), style
        self.max_new_tokens, self.options = max_new_tokens, options
        self._tokens = Usage()
        self._tokenizer = _tokenizer(options)
        length = self._find_model()
        self.context = length if self._tokenizer is not None else None

    @property
    def usage(self) -> Usage:
        """Tokens of all answers so far and what they cost."""
        read, written = self._tokens.prompt_tokens, self._tokens.completion_tokens
        prices = self.options.input_price, self.options.output_price
        if prices == (None, None):
            return self._tokens
        return Usage(read, written, (read * (prices[0] or 0.0) + written * (prices[1] or 0.0)) / 1e6)

    def prompt_length(self, prompt: Prompt) -> int:
        """Tokens of a prompt; of a chat as far as the server's template is that of the tokenizer."""
        return len(prompt_ids(self._tokenizer, prompt, self.style))

    def generate(self, requests: Batch) -> list[Response]:
        """Answer every request, in order.

        Raises:
            ModelError, ServerError: as `stream`.
        """
        ((_, responses),) = self.stream([requests])
        return responses

    def stream(self, batches: Sequence[Batch]) -> Iterator[Done]:
        """Answer every batch; yields a batch's place and its responses as soon as it is done.

        Batches that are done come before an error.

        Raises:
            ModelError: a prompt that the model cannot take, or a request that too many tries did not answer.
            ServerError: a wrong key, an unknown model, an empty account.
        """
        done: SimpleQueue[Done | Future[None]] = SimpleQueue()
        # The event loop is a thread's own: notebooks run one already, and shards are written while requests are out.
        with start_blocking_portal() as portal:
            work = portal.start_task_soon(self._work, batches, done)
            work.add_done_callback(done.put)
            try:
                while not isinstance(item := done.get(), Future):
                    yield item
                item.result()
            finally:
                work.cancel()

    async def _work(self, batches: Sequence[Batch], done: SimpleQueue[Done | Future[None]]) -> None:
        """Answer all requests by ``concurrency`` workers that take them in order."""
        answers: list[list[Response | None]] = [[None] * len(batch) for batch in batches]
        left = [len(batch) for batch in batches]
        waiting = ((place, i, request) for place, batch in enumerate(batches) for i, request in enumerate(batch))

        async def worker(client: openai.AsyncOpenAI) -> None:
            for place, i, request in waiting:
                answers[place][i] = await self._answer(client, request)
                left[place] -= 1
                if left[place] == 0:
                    hand_over(place)

        def hand_over(place: int) -> None:
            done.put((place, [response for response in answers[place] if response is not None]))
            answers[place] = []

        for place, count in enumerate(left):
            if count == 0:
                hand_over(place)
        workers = min(self.options.concurrency, sum(left))
        http = openai.DefaultAsyncHttpxClient(follow_redirects=False)
        async with openai.AsyncOpenAI(**self._connection(), max_retries=0, http_client=http) as client:
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(workers):
                        group.create_task(worker(client))
            except BaseExceptionGroup as several:
                raise several.exceptions[0] from None

    async def _answer(self, client: openai.AsyncOpenAI, request: Request) -> Response:
        """One response, after as many tries as it takes and is allowed.

        Raises:
            ModelError, ServerError: the last try failed, no further one can help, or the answer was withheld.
        """
        options, tries = self.options, 0
        while True:
            self._hold_to_budget()
            tries += 1
            try:
                answer = read(await self._ask(client, request), self.style, self._answers_as, self._hidden)
                break
            except Exception as error:
                found = trouble(error, options.timeout, self._hidden)
            self._give_up(found, tries, request)
            await asyncio.sleep(max(found.wait, backoff(tries, options.first_wait, options.longest_wait)))
        self._tokens += answer.usage
        if answer.withheld:
            raise self._error(
                "its content filter withheld an answer, which is none of the model's; leave the question out or take "
                f"a server without a filter; the prompt: {shown(request.prompt, 200)}"
            )
        return answer.response

    def _give_up(self, found: Trouble, tries: int, request: Request) -> None:
        """Raise the error of a request that is not to be tried again."""
        options = self.options
        if not found.passing:
            message = remedy(found, self.name, options, request.prompt)
            raise ServerError(self._told(message)) if found.of_server else self._error(message)
        if found.wait > options.longest_wait:
            raise self._unanswered(
                f"{found.reason}; it asks to wait {found.wait:.0f} s and engine_options.longest_wait is "
                f"{options.longest_wait:g}; finished shards are kept: run again later"
            )
        if tries > options.max_retries:
            raise self._unanswered(
                f"gave up on a request after {tries} tries; the last one: {found.reason}; finished shards are kept: "
                "run again, with a lower engine_options.concurrency or more max_retries"
            )

    def _hold_to_budget(self) -> None:
        """Ask for nothing more once the limit is reached; what is under way then may go beyond it."""
        options, used = self.options, self.usage
        tokens = used.prompt_tokens + used.completion_tokens
        spent = f"{tokens:,} tokens" + ("" if used.cost is None else f" for {used.cost:.2f}")
        limits = {"most_tokens": (options.most_tokens, tokens), "most_cost": (options.most_cost, used.cost or 0.0)}
        for name, (most, had) in limits.items():
            if most is not None and had >= most:
                raise ServerError(
                    self._told(
                        f"{spent}: the limit engine_options.{name}, {most:g}, is reached; finished shards are kept: "
                        "run again for as much once more, or raise it"
                    )
                )

    async def _ask(self, client: openai.AsyncOpenAI, request: Request) -> Any:
        create: Any = client.chat.completions.create if self.style == "chat" else client.completions.create
        return await create(**self._body(request))

    def _body(self, request: Request) -> dict[str, Any]:
        """What is sent: the prompt as turns (chat), as text or, with a tokenizer, as token ids (raw)."""
        options, limit = self.options, self.max_new_tokens
        body: dict[str, Any] = {"model": self.name, "temperature": request.temperature}
        if request.temperature > 0:
            # top_p is said aloud, because servers take other defaults from a model's generation config.
            body |= {"top_p": 1.0, "seed": request.seed % SEEDS}
        if self.style == "chat":
            body |= {"messages": messages(request.prompt), options.length_field: limit}
            return body | ({"logprobs": True} if options.logprobs else {}) | {"extra_body": options.extra_body}
        if not isinstance(request.prompt, str):
            raise self._error(f"{len(request.prompt)} turns, and prompts.style: raw knows none; it needs chat")
        prompt = request.prompt if self._tokenizer is None else prompt_ids(self._tokenizer, request.prompt, self.style)
        if self.context is not None:
            limit = max(1, min(limit, self.context - len(prompt)))
        body |= {"prompt": prompt, "max_tokens": limit}
        return body | ({"logprobs": 1} if options.logprobs else {}) | {"extra_body": options.extra_body}

    def _find_model(self) -> int | None:
        """Length of the model's context, where the server tells.

        Raises:
            ModelError: no server there, wrong or missing key, no such model.
        """
        http, tries = openai.DefaultHttpxClient(follow_redirects=False), min(2, self.options.max_retries)
        with openai.OpenAI(**self._connection(), max_retries=tries, http_client=http) as client:
            try:
                models = {model.id: model for model in client.models.list().data}
            except (AttributeError, TypeError):
                raise self._error("sends no list of models; does base_url end in /v1?") from None
            except Exception as error:
                found = trouble(error, self.options.timeout, self._hidden)
                if found.status in (404, 405, 501):
                    return None  # it keeps no list: the first request will tell
                raise self._error(remedy(found, self.name, self.options)) from None
        if self.name not in models:
            raise self._error(f"knows no model {self.name!r}; model.name is to be one of {sorted(models)[:20]}")
        length = getattr(models[self.name], "max_model_len", None)
        return int(length) if length else None

    @property
    def _answers_as(self) -> str:
        return self.options.answers_as or self.name

    def _connection(self) -> dict[str, Any]:
        # The client would take a key from OPENAI_API_KEY by itself; a key goes where params send it and nowhere else.
        key = self.options.key() or "none"
        return {"base_url": self.options.base_url, "api_key": key, "timeout": self.options.timeout}

    def _error(self, message: str) -> ModelError:
        return ModelError(self._told(message))

    def _unanswered(self, message: str) -> Unanswered:
        return Unanswered(self._told(message))

    def _told(self, message: str) -> str:
        return f"{self.options.base_url}: {self._hidden(message)}"

    def _hidden(self, text: str) -> str:
        """A text in which the key does not appear, even where the server repeats it."""
        key = self.options.key()
        return text.replace(key, "***") if key else text


def _tokenizer(options: OpenAIOptions) -> Any:
    if options.tokenizer is None:
        return None
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(options.tokenizer, trust_remote_code=False)
    except (OSError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ModelError(f"engine_options.tokenizer: {options.tokenizer!r} is none that loads: {reason}") from error
