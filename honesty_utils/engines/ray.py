"""Any other engine, spread over a Ray cluster by Ray Data: a replica is an actor that holds an engine, a row a batch.

Batches come back as they are done, so that sampling writes each shard at once; it also knows their order. When a
replica or its node dies, Ray gives what it was working on to a new one, or to another that has become idle.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, astuple
from typing import Any

from honesty_utils.common.prompts import Prompt, Style, prompt_ids
from honesty_utils.engines.loading import ModelError, ServerError
from honesty_utils.engines.options import RayOptions
from honesty_utils.engines.protocol import Engine, Request, Response, Usage, usage as usage_of
from honesty_utils.engines.settings import Generation, Model
from honesty_utils.engines.tokens import load_tokenizer

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray reports who uses it unless told otherwise

import ray
from ray.exceptions import ActorDiedError, RayError
from ray.util.annotations import RayDeprecationWarning

Load = Callable[[Model, Generation, Style], Engine]


class Replica:
    """One engine in a process of its own, somewhere on the cluster."""

    def __init__(
        self, load: Load, model: Mapping[str, Any], generation: Mapping[str, Any], style: Style, folder: str
    ) -> None:
        """Load the engine; why it cannot be loaded is told with the first answer."""
        with suppress(OSError):
            os.chdir(folder)  # where relative model folders start; a node that lacks it will say which model it misses
        self.engine: Engine | None = None
        self.error: str | None = None
        try:
            self.engine = load(Model(**model), Generation(**generation), style)
        except ModelError as error:
            self.error = str(error)

    def __call__(self, rows: Mapping[str, Any]) -> dict[str, list[Any]]:
        """Answer the batch of the only row."""
        answer = self._answer([_request(*fields) for fields in json.loads(rows["requests"][0])])
        return {"place": [int(rows["place"][0])], "answer": [json.dumps(answer)]}

    def _answer(self, requests: Sequence[Request]) -> dict[str, Any]:
        if self.engine is None:
            return {"error": self.error}
        before = usage_of(self.engine)
        try:
            responses = self.engine.generate(requests)
        except (ModelError, ServerError) as error:
            return {"error": str(error), "of_server": isinstance(error, ServerError)}
        usage = usage_of(self.engine, since=before)
        answer = {"responses": [asdict(response) for response in responses]}
        return answer | {"usage": None if usage is None else asdict(usage)}


class RayEngine:
    """Engine over ``replicas`` of another one.

    Attributes:
        usage: tokens and price of all answers so far, where the inner engine counts them.
        context: tokens that the model reads, where the inner engine's options tell without loading it.
    """

    def __init__(
        self, load: Load, model: Model, style: Style, max_new_tokens: int, batch_size: int, options: RayOptions
    ) -> None:
        """Reach the cluster and make sure that it has room.

        Args:
            load: how a replica loads the inner engine.
            model: as the inner engine takes it; a folder must be there on every node.
            style: how prompts become token ids.
            max_new_tokens: at most this many tokens a response.
            batch_size: of the inner engine.
            options: the inner engine, its replicas and the cluster.

        Raises:
            ModelError: no cluster at this address, or no room on it; what the inner engine needs is missing.
        """
        options.check(model)
        asked = Generation(
            engine=options.engine,
            engine_options=options.engine_options,
            max_new_tokens=max_new_tokens,
            batch_size=batch_size,
        )
        self.options, self.style, self.max_new_tokens = options, style, max_new_tokens
        self.context, self._tokenizer = _measure(model, options)
        self.usage: Usage | None = None
        self._replica = {
            "load": load,
            "model": model.model_dump(mode="json"),
            "generation": asked.model_dump(mode="json"),
            "style": style,
            "folder": os.getcwd(),
        }
        _connect(options)
        nodes = _nodes()
        there = any(node.get("GPU", 0.0) > 0 for node in nodes)
        self._each = {"CPU": options.replica_cpus, "GPU": options.gpus_each(model.device, there)}
        _check_room(options.replicas, self._each, nodes)

    def prompt_length(self, prompt: Prompt) -> int:
        """Tokens of a prompt as the model reads it, the template's own included."""
        return len(prompt_ids(self._tokenizer, prompt, self.style))

    def generate(self, requests: Sequence[Request]) -> list[Response]:
        """Answer every request, in order; one replica does it.

        Raises:
            ModelError, ServerError: as `stream`.
        """
        ((_, responses),) = self.stream([requests])
        return responses

    def stream(self, batches: Sequence[Sequence[Request]]) -> Iterator[tuple[int, list[Response]]]:
        """Answer every batch; yields a batch's place and its responses as soon as it is done.

        Raises:
            ModelError, ServerError: what the inner engine says; a replica that died too often.
        """
        if not batches:
            return
        try:
            for row in self._answers(batches).iter_rows():
                answer = json.loads(row["answer"])
                if "error" in answer:
                    raise (ServerError if answer.get("of_server") else ModelError)(answer["error"])
                self._count(answer["usage"])
                yield row["place"], [Response(**response) for response in answer["responses"]]
        except ActorDiedError as error:
            raise ModelError(
                f"ray: a replica died and engine_options.max_restarts is {self.options.max_restarts}; finished shards "
                f"are kept: run again, with more memory a replica if it ran out: {_line(error)}"
            ) from error

    def _answers(self, batches: Sequence[Sequence[Request]]) -> ray.data.Dataset:
        """A row a batch, in the order in which they are done; nothing runs before it is read."""
        rows = [
            {"place": place, "requests": json.dumps([astuple(request) for request in batch])}
            for place, batch in enumerate(batches)
        ]
        # A block a batch: blocks are what replicas are given, and what is lost with them.
        asked = ray.data.from_items(rows, override_num_blocks=len(rows))
        options = self.options
        # Ray names no other way to say how often an actor is started again; its version is pinned.
        warnings.filterwarnings("ignore", "`ray_remote_args` is deprecated", RayDeprecationWarning)
        return asked.map_batches(
            Replica,
            fn_constructor_kwargs=self._replica,
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(size=min(options.replicas, len(rows)), max_tasks_in_flight_per_actor=2),
            num_cpus=self._each["CPU"],
            num_gpus=self._each["GPU"],
            max_restarts=options.max_restarts,
            # Tries while a replica is started again count, so a limit would be used up before it is back.
            max_task_retries=-1,
        )

    def _count(self, usage: Mapping[str, Any] | None) -> None:
        if usage is not None:
            added = Usage(**usage)
            self.usage = added if self.usage is None else self.usage + added


def _measure(model: Model, options: RayOptions) -> tuple[int | None, Any]:
    """Context and tokenizer of the model, by which long prompts are found here; none where this node lacks it."""
    try:
        context = options.inner().context(model)
        return context, None if context is None else load_tokenizer(model)
    except (ModelError, OSError, ValueError):
        return None, None  # the replicas have it, or say what is wrong


def _request(
    prompt: str | Sequence[str], temperature: float, seed: int, adapter: str | None, options: Sequence[str]
) -> Request:
    return Request(prompt if isinstance(prompt, str) else tuple(prompt), temperature, seed, adapter, tuple(options))


def _connect(options: RayOptions) -> None:
    """Join the cluster, or start one on this machine; a process that has joined one stays with it.

    Raises:
        ModelError: no cluster at this address.
    """
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False  # sampling prints a line a shard
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.WARNING)
    if ray.is_initialized():
        return
    local: dict[str, Any] = {"include_dashboard": False} if options.address is None else {}
    try:
        _knock(os.environ.get("RAY_ADDRESS") if options.address == "auto" else options.address)
        ray.init(
            address=options.address or "local",
            runtime_env=options.runtime_env or None,
            log_to_driver=False,
            logging_level=logging.WARNING,
            **local,
        )
    except (OSError, RuntimeError, ValueError, RayError) as error:
        raise ModelError(
            f"ray: no cluster at engine_options.address {options.address!r}: {_line(error)}; start one with 'ray start "
            "--head', or leave address out to use this machine alone"
        ) from error


def _knock(address: str | None) -> None:
    """See whether anybody listens at host:port; Ray itself waits for minutes.

    Raises:
        OSError, ValueError: nobody does, or that is no address.
    """
    if address is not None:
        host, _, port = address.rpartition(":")
        socket.create_connection((host, int(port)), timeout=10).close()


def _nodes() -> list[Mapping[str, float]]:
    """What each living node has."""
    list_nodes: Any = ray.nodes
    return [node["Resources"] for node in list_nodes() if node["Alive"]]


def _check_room(replicas: int, each: Mapping[str, float], nodes: Sequence[Mapping[str, float]]) -> None:
    """Count the replicas that the nodes can hold.

    Raises:
        ModelError: fewer than asked for.
    """
    room = sum(min(int(node.get(kind, 0.0) / amount) for kind, amount in each.items() if amount > 0) for node in nodes)
    if room < replicas:
        shown = ", ".join(f"{node.get('CPU', 0):g} CPUs and {node.get('GPU', 0):g} GPUs" for node in nodes)
        raise ModelError(
            f"engine_options: {replicas} replicas of {each['CPU']:g} CPUs and {each['GPU']:g} GPUs do not fit on the "
            f"cluster, {room} do (nodes: {shown}); lower them or start more nodes"
        )


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
