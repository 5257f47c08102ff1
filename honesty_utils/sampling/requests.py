"""M_t's answers: for every question one greedy and m sampled responses, drawn in shards so that a stop loses little.

Every response has a seed of its own, made from the run's seed, the question's id and the sample's number, so that it
does not depend on which shard, process or attempt draws it. Expected accuracy (arXiv 2312.07000) is read from them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from honesty_utils import engines
from honesty_utils.common import prompts, records
from honesty_utils.common.paths import BASE, Run
from honesty_utils.common.settings import Prompts
from honesty_utils.engines import Engine, ModelError, Request
from honesty_utils.engines.settings import Model
from honesty_utils.questions import are_requests
from honesty_utils.questions.settings import QuestionSet
from honesty_utils.sampling import shards
from honesty_utils.sampling.settings import Sampling
from honesty_utils.sampling.shards import Asked, Shard, Summary


def plan(questions: pd.DataFrame, wording: Prompts, settings: Sampling, samples: int) -> list[Shard]:
    """Shards of ``settings.shard_size`` questions: of each its greedy request, then its samples.

    Args:
        questions: a QUESTIONS table.
        wording: the plain prompt is used.
        settings: temperature, seed and shard size.
        samples: m, 0 for greedy only.

    Raises:
        ValueError: no questions, two of one id, or m below 0.
    """
    if samples < 0:
        raise ValueError(f"m = {samples}; m >= 0 is needed")

    def requests(asked: Asked) -> list[tuple[int, Request]]:
        request = shards.greedy(wording, "plain", asked)
        if asked.by_likelihood and samples:
            raise ValueError(f"m = {samples}; a set whose options are chosen by likelihood has m = 0")
        drawn = [
            (index, Request(request.prompt, settings.temperature, seed_of(settings.seed, asked.question_id, index)))
            for index in range(samples)
        ]
        return [(records.GREEDY, request), *drawn]

    return shards.plan(questions, requests, settings.shard_size, wording)


def samples_of(spec: QuestionSet, settings: Sampling) -> int:
    """m of one set: its own, else that of the section; of requests the greedy reply is judged and no other."""
    if are_requests(spec):
        return 0
    return settings.samples if spec.samples is None else spec.samples


def models(run: Run, base: Model, names: str) -> dict[str, Model]:
    """Models by their names, separated by commas: ``base``, or trained ones such as ``absolute/seed0``.

    Raises:
        ModelError: one that is not there.
    """
    found = {name.strip(): run.folder / "models" / name.strip() for name in names.split(",")}
    missing = [name for name, folder in found.items() if name != BASE and not folder.is_dir()]
    if missing:
        raise ModelError(f"model: {missing[0]!r}: no folder {found[missing[0]]}; train it first, or write 'base'")
    return {
        name: base if name == BASE else base.model_copy(update={"name": str(folder)}) for name, folder in found.items()
    }


def draw(
    run: Run,
    chosen: Mapping[str, Model],
    plans: Mapping[str, Sequence[Shard]],
    settings: Sampling,
    style: prompts.Style,
) -> dict[tuple[str, str], Summary]:
    """Let models answer and write ``Run.responses`` of each; finished shards are not drawn again.

    Args:
        run: where shards and tables go.
        chosen: models by name, see `models`.
        plans: shards of each set.
        settings: engine, temperature, seed.
        style: how prompts become token ids.

    Returns:
        What each took, by model and set.

    Raises:
        ModelError: as `shards.draw`; a prompt that is too long, before the first answer is paid for.
    """
    done = {}
    loaded = engines.in_turn(list(chosen.values()), settings, style)
    for (model, _), (one, engine) in zip(chosen.items(), loaded, strict=True):
        for plan in plans.values():
            shards.check_lengths(engine, plan)
        identity = engines.identity(one, settings, style)
        for name, plan in plans.items():
            path = run.responses(name, model)
            done[model, name] = shards.draw(engine, plan, identity=identity, folder=run.shards("responses"), path=path)
    return done


def seed_of(seed: int, question_id: str, sample_index: int) -> int:
    """Seed of one response: 62 bits of its question plus its number, the same on every machine, in every shard.

    Samples of a question count up from its first, so that an engine may ask for them as one request. Two bits are left
    free, so that no sum leaves the 63 that engines take.
    """
    digest = hashlib.sha256(f"{seed}\x1f{question_id}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 2) + sample_index


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

    Raises:
        ModelError: as `shards.draw`.
    """
    chosen = plan(questions, wording, settings, samples)
    return shards.draw(engine, chosen, identity=identity, folder=shard_folder, path=path)
