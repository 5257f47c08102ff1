"""M_t's answers: for every question one greedy and m sampled responses, drawn in shards so that a stop loses little.

Every response has a seed of its own, made from the run's seed, the question's id and the sample's number, so that it
does not depend on which shard, process or attempt draws it. Expected accuracy (arXiv 2312.07000) is read from them.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import pandas as pd

from honesty_utils import engines, prompts, records
from honesty_utils.config import Prompts, Sampling
from honesty_utils.engines import Engine, Request, Response


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
        content = [identity, self.keys, [astuple(request) for request in self.requests]]
        return f"{hashlib.sha256(json.dumps(content).encode()).hexdigest()[:24]}.parquet"


@dataclass(frozen=True)
class Summary:
    """What a call of `sample` did; tokens and seconds are of the shards that it drew, not of those it found."""

    responses: int
    shards: int
    reused: int
    tokens: int
    seconds: float

    @property
    def tokens_per_second(self) -> float:
        """Generated tokens a second; NaN when every shard was found."""
        return self.tokens / self.seconds if self.tokens else float("nan")


def plan(questions: pd.DataFrame, wording: Prompts, settings: Sampling, samples: int) -> list[Shard]:
    """Shards of ``settings.shard_size`` questions: of each its greedy request, then its samples.

    Args:
        questions: a QUESTIONS table.
        wording: the plain prompt is used.
        settings: temperature, seed and shard size.
        samples: m, 0 for greedy only.

    Raises:
        ValueError: no questions, or m below 0.
    """
    if samples < 0 or questions.empty:
        raise ValueError(f"{len(questions)} questions, m = {samples}; at least one question and m >= 0 are needed")
    starts = range(0, len(questions), settings.shard_size)
    return [_shard(questions.iloc[i : i + settings.shard_size], wording, settings, samples) for i in starts]


def _shard(questions: pd.DataFrame, wording: Prompts, settings: Sampling, samples: int) -> Shard:
    keys: list[tuple[str, int]] = []
    requests: list[Request] = []
    columns = questions[["question_id", "question", "choices"]]
    for question_id, question, choices in columns.itertuples(index=False, name=None):
        prompt = prompts.render(wording, "plain", question, choices)
        keys += [(question_id, index) for index in range(records.GREEDY, samples)]
        requests.append(Request(prompt))
        requests += [
            Request(prompt, settings.temperature, seed_of(settings.seed, question_id, index))
            for index in range(samples)
        ]
    return Shard(tuple(keys), tuple(requests))


def seed_of(seed: int, question_id: str, sample_index: int) -> int:
    """Seed (64 bits) of one response: the same on every machine, in every process and shard."""
    digest = hashlib.sha256(f"{seed}\x1f{question_id}\x1f{sample_index}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


def sample(
    engine: Engine,
    questions: pd.DataFrame,
    wording: Prompts,
    settings: Sampling,
    *,
    samples: int,
    identity: str,
    path: str | Path,
    shard_folder: str | Path,
) -> Summary:
    """Draw all responses to ``questions`` and write them as one RESPONSES table; finished shards are not drawn again.

    Args:
        engine: holds M_t, with ``settings.max_new_tokens``.
        questions: a QUESTIONS table.
        wording: prompts of the run.
        settings: temperature, seed, shard size.
        samples: m, 0 for greedy only.
        identity: ``engines.identity`` of the model and its engine.
        path: the table to write, a row a response: by question, greedy first.
        shard_folder: where shards are kept; one folder may serve several sets.
    """
    path, shard_folder = Path(path), Path(shard_folder)
    shards = plan(questions, wording, settings, samples)
    files = [shard_folder / shard.name(identity) for shard in shards]
    missing = [i for i, file in enumerate(files) if not file.is_file()]
    started, tokens = time.monotonic(), 0
    drawn = engines.stream(engine, [shards[i].requests for i in missing])
    for done, (place, responses) in enumerate(drawn, start=1):
        i = missing[place]
        frame = _table(shards[i], responses)
        records.write(frame, records.RESPONSES, files[i])
        tokens += int(frame["num_tokens"].sum())
        print(_progress(path.stem, done, len(missing), tokens, time.monotonic() - started), flush=True)
    seconds = time.monotonic() - started
    table = pd.concat([records.read(records.RESPONSES, file) for file in files], ignore_index=True)
    records.write(table, records.RESPONSES, path)
    return Summary(len(table), len(shards), len(shards) - len(missing), tokens, seconds)


def _table(shard: Shard, responses: Sequence[Response]) -> pd.DataFrame:
    frame = pd.DataFrame([vars(response) for response in responses])
    frame["question_id"] = [question_id for question_id, _ in shard.keys]
    frame["sample_index"] = [index for _, index in shard.keys]
    return frame


def _progress(name: str, done: int, shards: int, tokens: int, seconds: float) -> str:
    left = seconds / done * (shards - done)
    return f"{name}: shard {done} of {shards}, {tokens / seconds:,.0f} tokens/s, {seconds:.0f} s, {left:.0f} s left"
