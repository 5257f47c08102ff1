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

    A group of tasks comes as its tasks. Metrics that have no number for each question, such as an F1 over all, are left
    out, which is said.

    Args:
        model: folder or hub name.
        harness: tasks, and how they are asked.

    Raises:
        ModelError: a model that cannot be loaded; what the harness says of a task, such as questions that cannot be
            fetched.
    """
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
    return rows(found["samples"])


def rows(samples: Mapping[str, Sequence[Mapping[str, Any]]]) -> pd.DataFrame:
    """HARNESS of the samples that the harness logs, by task.

    Args:
        samples: of each task one dict a question and filter, with ``doc_id``, ``doc`` and the metrics.

    Raises:
        ModelError: a task none of whose metrics has a number for each question.
    """
    found: list[tuple[str, str, str, str, float]] = []
    for task, of_task in samples.items():
        own, left_out = [], set[str]()
        filters = {str(sample.get("filter", "none")) for sample in of_task}
        for sample in of_task:
            for metric in sample.get("metrics", ()):
                value = _number(sample.get(metric))
                name = metric if len(filters) == 1 else f"{metric},{sample['filter']}"
                if value is None:
                    left_out.add(name)
                else:
                    own.append((task, str(sample["doc_id"]), _question(sample), name, value))
        own = [row for row in own if row[3] not in left_out]
        if left_out:
            logger.warning("%s: %s have no number a question and are left out", task, ", ".join(sorted(left_out)))
        if not own:
            raise ModelError(
                f"harness.tasks: {task!r} has no metric with a number for each question, of which an interval could be "
                "made; leave it out"
            )
        found += own
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
