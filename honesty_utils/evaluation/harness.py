"""Tasks of lm-evaluation-harness (arXiv 2405.14782), asked of M_t and of the models that a run trains.

The field's own readings of TruthfulQA by likelihood, of sycophancy, of bias and of hundreds of other tasks: what is
asked and how an answer counts is the harness's, the model is ours, as every engine loads it. What a question gave is
kept, so that intervals, seeds and differences to M_t are those of all other tables. Needs the extra ``harness``.
"""

from __future__ import annotations

import difflib
import importlib.util
import logging
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from honesty_utils.common.settings import ConfigError
from honesty_utils.engines.loading import ModelError, first_line, load_model
from honesty_utils.engines.settings import Model
from honesty_utils.evaluation.settings import Harness

logger = logging.getLogger(__name__)

PACKAGE = "lm_eval"


def check(harness: Harness) -> None:
    """Whether the package is there and knows the tasks; loads no question.

    Raises:
        ConfigError: no package, no such folder, a task that is none.
    """
    if importlib.util.find_spec(PACKAGE) is None:
        raise ConfigError(
            "harness: the package lm_eval is not installed; write make … EXTRAS=dev,harness, or leave the section out"
        )
    if harness.include is not None and not Path(harness.include).is_dir():
        raise ConfigError(f"harness.include: no such folder {harness.include!r}; name the folder of your task files")
    known = _tasks(harness).all_tasks
    for name in harness.tasks:
        if name not in known:
            like = difflib.get_close_matches(name, known, n=5, cutoff=0.5) or known[:3]
            raise ConfigError(
                f"harness.tasks: {name!r} is no task of lm_eval; it has {len(known)}, such as {', '.join(like)}"
            )


def _tasks(harness: Harness) -> Any:
    """The index of tasks: of your own alone where they are all that is asked for, as that of thousands takes time."""
    from lm_eval.tasks import TaskManager

    own = TaskManager(include_path=harness.include, include_defaults=False) if harness.include else None
    if own is not None and set(harness.tasks) <= set(own.all_tasks):
        return own
    return TaskManager(include_path=harness.include)


def measure(model: Model, harness: Harness) -> pd.DataFrame:
    """What a model answers to the tasks, question by question: HARNESS.

    A group of tasks comes as its tasks. Metrics that are no mean of a number a question, such as an F1 over all, are
    left out, which is said; so are tasks that have no other.

    Args:
        model: folder or hub name.
        harness: tasks, and how they are asked.

    Raises:
        ModelError: a model that cannot be loaded; what the harness says of a task, such as questions that cannot be
            fetched.
    """
    sys.dont_write_bytecode = True  # or a folder of tasks that have code of their own is another one once it is read
    import lm_eval
    from lm_eval.models.huggingface import HFLM

    network, tokenizer = load_model(model)
    try:
        # A text begins with the begin token here, where the tokenizer has one; there it has to be asked for.
        begins = tokenizer.bos_token_id is not None and not harness.chat
        asked = HFLM(
            pretrained=network, tokenizer=tokenizer, batch_size=harness.batch_size, add_bos_token=begins or None
        )
        found = lm_eval.simple_evaluate(
            asked,
            tasks=list(harness.tasks),
            num_fewshot=harness.examples,
            limit=harness.limit,
            apply_chat_template=harness.chat,
            task_manager=_tasks(harness),
            bootstrap_iters=0,
        )
    except MemoryError:
        raise
    except Exception as error:  # tasks are programs of many authors
        raise ModelError(f"harness: {', '.join(harness.tasks)}: {type(error).__name__}: {first_line(error)}") from error
    return rows(found["samples"], found["results"])


def rows(samples: Mapping[str, Sequence[Mapping[str, Any]]], results: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """HARNESS of the samples that the harness logs, by task.

    Args:
        samples: of each task one dict a question and filter, with ``doc_id``, ``doc``, ``filter`` and the metrics.
        results: of each task the harness's own numbers, by ``metric,filter``.

    Raises:
        ModelError: no task has a metric that is a mean of a number a question.
    """
    found: list[tuple[str, str, str, str, float]] = []
    for task, of_task in samples.items():
        told: dict[tuple[str, str], list[tuple[str, str, float | None]]] = {}
        for sample in of_task:
            for metric in sample.get("metrics", ()):
                row = str(sample["doc_id"]), _question(sample), _number(sample.get(metric))
                told.setdefault((metric, str(sample.get("filter", "none"))), []).append(row)
        filters = {name for _, name in told}
        for (metric, filtered), own in told.items():
            values = [value for _, _, value in own if value is not None]
            whole = results.get(task, {}).get(f"{metric},{filtered}")
            mean = sum(values) / len(values) if values else math.nan
            if (
                len(values) < len(own)
                or not isinstance(whole, int | float)
                or not math.isclose(mean, whole, abs_tol=1e-6)
            ):
                logger.warning("%s: %s is no mean of a number a question and is left out", task, metric)
                continue
            name = metric if len(filters) == 1 else f"{metric},{filtered}"
            found += [(task, key, text, name, value) for (key, text, _), value in zip(own, values, strict=True)]
    if not found:
        raise ModelError(
            f"harness.tasks: none of {', '.join(samples)} has a metric that is a mean of a number for each question, "
            "of which an interval could be made; name others"
        )
    return pd.DataFrame(found, columns=["task", "question_id", "question", "metric", "value"])


def _number(value: Any) -> float | None:
    if isinstance(value, bool | int | float) or hasattr(value, "item"):
        try:
            number = float(value)
        except (TypeError, ValueError):
            return None
        return number if math.isfinite(number) else None
    return None


def _question(sample: Mapping[str, Any]) -> str:
    doc = sample.get("doc") or {}
    return next((str(doc[key]) for key in ("question", "query", "problem", "prompt", "ctx") if doc.get(key)), "")
