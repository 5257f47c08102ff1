"""Requests to responses in shards: each is kept when it is done, and all together become one table.

A shard's file is named after all that its responses depend on, so that work which was stopped, by SIGKILL too, goes on
where it was, and a shard of other settings is never taken. Shards stay after the table is written: a run that is
repeated or edited draws only what has changed. ``make clean`` deletes them.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.compute as pc

from honesty_utils import engines
from honesty_utils.common import files, records
from honesty_utils.common.progress import Progress
from honesty_utils.common.prompts import Kind, render, with_passages
from honesty_utils.common.settings import Prompts
from honesty_utils.engines import Engine, ModelError, Request, Response
from honesty_utils.questions.settings import by_likelihood, passages_of


@dataclass(frozen=True)
class Shard:
    """Some questions' requests, in the order of their rows.

    Attributes:
        keys: ``(question_id, sample_index)`` of each row.
        requests: what to ask, one a row.
    """

    keys: tuple[tuple[str, int], ...]
    requests: tuple[Request, ...]

    def name(self, identity: str) -> str:
        """File name: a hash of all that the responses depend on, so that a shard of other settings is never taken."""
        content = [identity, self.keys, [request.content() for request in self.requests]]
        return f"{hashlib.sha256(json.dumps(content).encode()).hexdigest()[:24]}.parquet"


@dataclass(frozen=True)
class Asked:
    """A question as requests are made of it.

    Attributes:
        question_id: of the set.
        question: its text.
        choices: options; none: it is answered freely.
        by_likelihood: the likeliest option is the answer, and no letter is asked for.
    """

    question_id: str
    question: str
    choices: Sequence[str] | None
    by_likelihood: bool


@dataclass(frozen=True)
class Summary:
    """What a table took.

    Attributes:
        responses: rows of the table.
        tokens: generated tokens of the table.
        shards: shards of the table.
        reused: of these, how many an earlier attempt had left.
        drawn_tokens: generated tokens of the other ones.
        seconds: time in which these were drawn.
        shard_bytes: size of the shards on disk.
        prompt_tokens: read for what was drawn, where the engine counts them, such as a served one; none: it does not.
        cost: of what was drawn, at the prices in the engine's options; none: no prices.
    """

    responses: int
    tokens: int
    shards: int
    reused: int
    drawn_tokens: int
    seconds: float
    shard_bytes: int
    prompt_tokens: int | None = None
    cost: float | None = None

    @property
    def tokens_per_second(self) -> float | None:
        """Generated tokens a second; none when every shard was found."""
        return self.drawn_tokens / self.seconds if self.drawn_tokens else None

    def facts(self) -> dict[str, Any]:
        """Counts and rate by name, as they stand in a manifest."""
        rate = self.tokens_per_second
        counts = {name: value for name, value in vars(self).items() if name != "seconds"}
        return {
            **counts,
            "drawn_seconds": round(self.seconds, 3),
            "tokens_per_second": None if rate is None else round(rate, 1),
        }


def plan(
    questions: pd.DataFrame,
    requests_of: Callable[[Asked], Sequence[tuple[int, Request]]],
    size: int,
    wording: Prompts,
) -> list[Shard]:
    """Shards of ``size`` questions, with the rows of a question side by side.

    Args:
        questions: a QUESTIONS table.
        requests_of: a question -> ``(sample_index, request)`` of each of its rows, without its passages.
        size: questions a shard.
        wording: that of passages, which are laid before the prompts here.

    Raises:
        ValueError: no questions, or two of one id.
    """
    if questions.empty:
        raise ValueError("0 questions; at least one is needed")
    repeated = questions["question_id"].duplicated()
    if repeated.any():
        raise ValueError(f"question_id {questions.loc[repeated, 'question_id'].iloc[0]!r} comes twice; ids are unique")
    shards = []
    for start in range(0, len(questions), size):
        rows = questions.iloc[start : start + size]
        metas = rows["meta"] if "meta" in rows else [None] * len(rows)
        columns = zip(rows["question_id"], rows["question"], rows["choices"], metas, strict=True)
        asked = [
            ((question_id, index), behind(wording, request, passages_of(meta)))
            for question_id, question, choices, meta in columns
            for index, request in requests_of(Asked(question_id, question, choices, by_likelihood(meta)))
        ]
        shards.append(Shard(tuple(key for key, _ in asked), tuple(request for _, request in asked)))
    return shards


def behind(wording: Prompts, request: Request, passages: Sequence[str]) -> Request:
    """A request behind the passages of its question."""
    return replace(request, prompt=with_passages(wording, request.prompt, passages)) if passages else request


def greedy(wording: Prompts, kind: Kind, asked: Asked) -> Request:
    """The greedy request of a question: its prompt, with lettered options, or with options to choose by likelihood."""
    if asked.by_likelihood:
        return Request(render(wording, kind, asked.question), options=tuple(asked.choices or ()))
    return Request(render(wording, kind, asked.question, asked.choices))


def check_lengths(engine: Engine, shards: Sequence[Shard]) -> None:
    """Find what cannot be asked before the first of it is: prompts that leave no room for an answer, where the engine
    can tell, and options that it cannot choose among.

    It warns of those that leave room for a part of the longest answer: what is cut off there may be graded wrong.

    Raises:
        ModelError: names the question with the longest prompt, its length and the model's; or an engine that tells no
            likelihood of options.
    """
    if not isinstance(engine, engines.ScoringEngine) and any(one.options for shard in shards for one in shard.requests):
        raise ModelError(
            "questions.<set>.choose: likelihood, but this engine does not tell how likely a given text is; write "
            "engine: transformers, or choose: letter"
        )
    if not isinstance(engine, engines.MeasuringEngine) or engine.context is None:
        return
    prompts = {
        request.prompt: key[0] for shard in shards for key, request in zip(shard.keys, shard.requests, strict=True)
    }
    lengths = {prompt: engine.prompt_length(prompt) for prompt in prompts}
    too_long = [prompt for prompt, length in lengths.items() if length >= engine.context]
    if too_long:
        longest = max(too_long, key=lengths.__getitem__)
        raise ModelError(
            f"question {prompts[longest]!r}: its prompt has {lengths[longest]} tokens and the model reads "
            f"{engine.context}, the answer included ({len(too_long)} of {len(prompts)} prompts leave no room for one); "
            "shorten it, drop long questions with questions.<set>.longest, or take a model with a longer context"
        )
    room = engine.context - max(lengths.values(), default=0)
    if room < engine.max_new_tokens:
        narrow = sum(engine.context - length < engine.max_new_tokens for length in lengths.values())
        warnings.warn(
            f"{narrow} of {len(prompts)} prompts leave room for fewer than max_new_tokens = {engine.max_new_tokens} "
            f"tokens in the {engine.context} that the model reads, the longest for {room}; longer answers are cut",
            stacklevel=2,
        )


def draw(engine: Engine, shards: Sequence[Shard], *, identity: str, folder: str | Path, path: str | Path) -> Summary:
    """Draw all responses and write them as one RESPONSES table; finished shards are not drawn again.

    Args:
        engine: holds the model.
        shards: from `plan`.
        identity: ``engines.identity`` of the model and its engine.
        folder: where shards are kept; one folder may serve several tables, and several processes at the same time.
        path: the table to write, in the order of the shards.

    Raises:
        ModelError: a prompt that is too long, before anything is asked; out of memory. Finished shards stay.
    """
    folder, path = Path(folder), Path(path)
    files.remove_partials(folder)
    places = [folder / shard.name(identity) for shard in shards]
    missing = [i for i, place in enumerate(places) if not place.is_file()]
    if len(missing) < len(shards):
        print(f"{path.stem}: {len(shards) - len(missing)} of {len(shards)} shards are there", flush=True)
    check_lengths(engine, [shards[i] for i in missing])
    started, drawn, used = time.monotonic(), 0, engines.usage(engine)
    progress = Progress(path.stem, sum(len(shards[i].requests) for i in missing), "answers")
    answered = 0
    answers = engines.stream(engine, [shards[i].requests for i in missing])
    for done, (place, responses) in enumerate(answers, start=1):
        frame = _frame(shards[missing[place]], responses)
        records.write(frame, records.RESPONSES, places[missing[place]])
        drawn += int(frame["num_tokens"].sum())
        answered += len(frame)
        progress.at(answered)
        print(_progress(path.stem, done, len(missing), drawn, time.monotonic() - started), flush=True)
    seconds = time.monotonic() - started
    rows, tokens = _join(shards, places, path)
    size = sum(place.stat().st_size for place in places)
    reused, spent = len(shards) - len(missing), engines.usage(engine, since=used)
    read, cost = (None, None) if spent is None else (spent.prompt_tokens, spent.cost)
    return Summary(rows, tokens, len(shards), reused, drawn, seconds, size, read, cost)


def _frame(shard: Shard, responses: Sequence[Response]) -> pd.DataFrame:
    for (question, _), response in zip(shard.keys, responses, strict=True):
        if response.mean_logprob is not None and math.isnan(response.mean_logprob):
            raise ModelError(
                f"question {question!r}: the log-probability of the answer is not a number (NaN), so that "
                f"{response.text[:40]!r} is none of the model's; its weights are broken, or its training has diverged"
            )
    frame = pd.DataFrame([vars(response) for response in responses])
    frame["question_id"] = [question_id for question_id, _ in shard.keys]
    frame["sample_index"] = [index for _, index in shard.keys]
    return frame


def _join(shards: Sequence[Shard], places: Sequence[Path], path: Path) -> tuple[int, int]:
    """Write the table from its shards, one in memory at a time; returns its rows and tokens."""
    rows = tokens = 0
    with records.writing(records.RESPONSES, path) as writer:
        for shard, place in zip(shards, places, strict=True):
            part = records.read_arrow(records.RESPONSES, place)
            keys = zip(part["question_id"].to_pylist(), part["sample_index"].to_pylist(), strict=True)
            if tuple(keys) != shard.keys:
                raise records.RecordError(f"{place}: not the rows that its name stands for; delete it and sample again")
            writer.write(part)
            rows += len(part)
            tokens += pc.sum(part["num_tokens"]).as_py()
    return rows, tokens


def _progress(name: str, done: int, shards: int, tokens: int, seconds: float) -> str:
    left = seconds / done * (shards - done)
    rate = f"{tokens / seconds:,.0f} tokens/s"
    return f"{name}: shard {done} of {shards}, {rate}, {_duration(seconds)}, {_duration(left)} left"


def _duration(seconds: float) -> str:
    """Seconds up to two minutes, minutes up to two hours, then hours."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
