"""What is measured: speed and length of answers before a run, and after it what it took."""

from __future__ import annotations

import json
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from honesty_utils import engines, questions, sampling
from honesty_utils.common import manifest
from honesty_utils.common.paths import Run
from honesty_utils.engines import gguf
from honesty_utils.workflow.estimate.cost import Assumptions
from honesty_utils.workflow.estimate.shape import EstimateError
from honesty_utils.workflow.estimate.work import Group, artifacts, groups
from honesty_utils.workflow.opened import base_model
from honesty_utils.workflow.params import Params

COMPARED = ("answer_tokens", "device_hours", "memory_gib", "disk_gib")
"""Columns of an estimate that a run measures; ``measured_…`` and ``ratio_…`` (measured / estimated) stand beside."""


def probe(params: Params, assumed: Assumptions) -> tuple[Assumptions, str]:
    """Sample some of the training questions with the run's own engine and settings: about two batches.

    Returns:
        The assumptions with what was measured in their place, and a sentence on it.

    Raises:
        EstimateError: a world whose model is not made yet.
        ModelError: a model that cannot be loaded.
        QuestionError: the training questions cannot be read.
    """
    run, settings, model = Run(params.run), params.sampling, base_model(params)
    made = params.model.name is None or gguf.is_gguf(params.model.name)
    if made and not Path(str(model.name)).is_dir():
        raise EstimateError(f"{model.name}: the run has not made its model yet; estimate without a probe")
    spec = questions.located(run, "train", params.questions["train"])
    table, samples = questions.load("train", spec, params.data), sampling.samples_of(spec, settings)
    count = min(len(table), max(8, math.ceil(2 * settings.batch_size / (1 + samples))))
    engine = engines.load(model, settings, params.prompts.style)
    # Spread over the set, so that they are no run of alike questions.
    table = table.iloc[:: max(1, len(table) // count)].head(count)
    requests = [r for shard in sampling.plan(table, params.prompts, settings, samples) for r in shard.requests]
    engine.generate(requests[:1])  # not counted: what is compiled or allocated the first time
    started = time.monotonic()
    responses = engine.generate(requests)
    seconds = time.monotonic() - started
    tokens = sum(response.num_tokens for response in responses)
    a_token = sum(len(response.text) + 1 for response in responses) / tokens
    length, rate = tokens / len(responses), tokens / seconds
    measured = replace(assumed, answer_tokens=length, tokens_per_second=rate, characters_per_token=a_token)
    memory = (manifest.peak_device_memory() or manifest.peak_memory()) / 2**30
    return measured, (
        f"probe on {manifest.device()}: {len(responses)} responses of {length:.1f} tokens, {rate:,.0f} tokens/s, "
        f"peak memory {memory:.2f} GiB"
    )


def beside(table: pd.DataFrame, params: Params) -> pd.DataFrame:
    """The estimate with what was measured; NaN where a row's tasks have not all run.

    Hours are what manifests tell of a row and a share of the rest of its notebooks (start, loading, grading), times the
    devices that each holds. What an earlier attempt left counts, too: models as they were made, shards at the speed of
    the others.
    """
    found = groups(params)
    measured = [_measured(found.get((row.stage, row.item), []), Run(params.run)) for row in table.itertuples()]
    seen = pd.DataFrame(measured, columns=list(COMPARED), dtype=float, index=table.index)
    # A server's devices are not known here: its time is the notebook's.
    seen["device_hours"] *= table["devices"].clip(lower=1)
    for name in COMPARED:
        table[f"measured_{name}"], table[f"ratio_{name}"] = seen[name], seen[name] / table[name].replace(0, np.nan)
    return table


def _measured(group: Group, run: Run) -> tuple[float, ...]:
    """Tokens, hours, GiB of memory (the most), GiB of disk."""
    made = [path for _, paths in group for path in paths]
    needed = [*made, *map(manifest.path_of, made), *(task.executed(run) for task, _ in group)]
    if not needed or not all(path.exists() for path in needed):
        return (np.nan,) * 4
    facts = [manifest.read(path) for path in made]
    seconds = sum(map(_work, facts))
    for task, paths in group:
        shared = artifacts(task, run)
        work = sum(_work(manifest.read(path)) for path in shared if manifest.path_of(path).exists())
        seconds += max(0.0, _duration(task.executed(run)) - work) * len(paths) / len(shared)
    tokens = sum(fact.get("completion_tokens", fact.get("tokens", np.nan)) for fact in facts)
    # MiB: of the accelerators where there are any, else of the process.
    memory = max(float(fact.get("peak_device_memory_mib") or fact.get("peak_memory_mib", np.nan)) for fact in facts)
    disk = sum(map(_size, made)) + sum(fact.get("shard_bytes", 0) for fact in facts)
    return tokens, seconds / 3600, memory / 1024, disk / 2**30


def _work(fact: dict[str, Any]) -> float:
    """Seconds of training a model, or of drawing a table with the shards that were there already."""
    if "training_seconds" in fact:
        return float(fact["seconds"])
    tokens = fact.get("tokens", 0)
    drawn = fact.get("drawn_tokens", tokens)
    return float(fact.get("drawn_seconds", 0) * (tokens / drawn if drawn else np.nan if tokens else 1))


def _duration(executed: Path) -> float:
    content = json.loads(executed.read_text(encoding="utf-8"))["metadata"].get("papermill", {})
    return float(content.get("duration") or np.nan)


def _size(path: Path) -> int:
    """Bytes of a folder, or of a file and of the answers that lie beside it."""
    files = path.rglob("*") if path.is_dir() else (path, path.parent / "answers" / path.name)
    return sum(item.stat().st_size for item in files if item.is_file())
