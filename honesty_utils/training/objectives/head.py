"""A linear head on a model that stays as it is: does the hidden state of a question's last token say what comes of it?

P(IK) of Kadavath et al. (arXiv 2207.05221), with the model frozen: logistic regression on standardized states, before
any answer. The target is 0 or 1, such as a right greedy answer, or a share, such as expected accuracy: a row of share p
then counts as p rows of 1 and 1 - p rows of 0, whose likelihood is highest where the head says p.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field, PositiveInt

from honesty_utils import engines
from honesty_utils.common.files import atomic_folder
from honesty_utils.common.prompts import Style
from honesty_utils.common.records import HEAD_ROWS, SIGNALS
from honesty_utils.common.settings import Section
from honesty_utils.engines import HiddenEngine, States
from honesty_utils.engines.settings import Generation, Model
from honesty_utils.knowledge.signals.head import NAME, Head
from honesty_utils.knowledge.signals.signal import Values
from honesty_utils.training.job import TrainingError, TrainingResult
from honesty_utils.training.objectives.objective import Objective
from honesty_utils.training.settings import Training

FOLDS = 5


class Options(Section):
    """Which layer a head reads, and how strongly it is held back."""

    layer: int = Field(
        -1,
        description="whose states it reads: 0 the embeddings, -1 the last, which every model has, whose scale its "
        "final norm sets, and which the answer's first token is read from; middle ones may know more, so sweep it",
    )
    # States are as wide as the model, some thousand numbers for some thousand questions: held loosely, a head learns
    # its questions by heart.
    C: float = Field(0.01, gt=0, description="how loosely weights are held to 0: the inverse of the L2 penalty")
    batch_size: PositiveInt = Field(64, description="prompts that are read at a time")


def train(
    rows: pd.DataFrame,
    model: Model,
    output: str | Path,
    settings: Training,
    options: Options,
    *,
    style: Style,
    seed: int,
    work: str | Path | None = None,
) -> TrainingResult:
    """Train a head on HEAD_ROWS ``rows``; see `objective.Train` and, for the folder, `knowledge.signals.head`.

    Beside the head stands what five others say of its questions, each trained on four fifths of the questions and asked
    about the rest. ``settings`` and ``work`` have no use here.

    Raises:
        TrainingError: no rows, a target outside [0, 1], too few questions of either kind.
        ModelError: a model that cannot be loaded, a layer that it lacks, a prompt that is too long.
    """
    started, output = time.monotonic(), Path(output)
    rows = rows.reset_index(drop=True)
    groups = check(rows)
    engine: Any = engines.load(model, Generation(max_new_tokens=1, batch_size=options.batch_size), style)
    assert isinstance(engine, HiddenEngine)
    states = engine.states(rows["prompt"].tolist(), options.layer)
    target = rows["target"].to_numpy(np.float64)
    base = engines.loading.model_digest(model)
    head, steps = fit(states, target, options, base)
    found = out_of_fold(states, target, groups, options, base, seed)
    facts = {
        "model": model.name, "style": style, "C": options.C, "seed": seed, "folds": FOLDS, "rows": len(rows),
        "questions": int(groups.max()) + 1, "mean_target": float(target.mean()),
    }  # fmt: skip
    folds = pd.DataFrame({"question_id": rows["question_id"], "signal": NAME, "value": found})
    folds = folds.groupby(["question_id", "signal"], sort=False, as_index=False)["value"].mean()
    with atomic_folder(output) as partial:
        Head(**{**vars(head), "facts": facts}).save(partial, folds[SIGNALS.schema.names])
    return TrainingResult(
        folder=output,
        history=pd.DataFrame(columns=["step", "epoch", "loss", "token_accuracy", "learning_rate"]),
        rows=len(rows),
        steps=steps,
        completion_tokens=0,
        seconds=time.monotonic() - started,
    )


def check(rows: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Hold rows to what a head can be trained on.

    Returns:
        Number of each row's question, (rows,).

    Raises:
        TrainingError: see `train`.
    """
    if rows.empty:
        raise TrainingError("no rows to train a head on; look at the rows of the stage and the labels they are made of")
    target = rows["target"].to_numpy(np.float64)
    outside = ~((target >= 0) & (target <= 1))
    if outside.any():
        row = int(outside.argmax())
        question = rows["question_id"].iloc[row]
        raise TrainingError(f"row {row} (question {question}): target {target[row]:g}; a share from 0 to 1 is needed")
    groups = pd.factorize(rows["question_id"])[0]
    upper = {int(group) for group in groups[target >= 0.5]}
    lower = {int(group) for group in groups[target < 0.5]}
    if min(len(upper), len(lower)) < FOLDS:
        raise TrainingError(
            f"a head is checked on {FOLDS} parts of its questions, each with some of either kind: {len(upper)} have a "
            f"target of at least one half and {len(lower)} a lower one; {FOLDS} of each are needed: add questions"
        )
    return groups.astype(np.int64)


def fit(states: States, target: Values, options: Options, base: str) -> tuple[Head, int]:
    """A head, and how many steps it took.

    Args:
        states: (rows, width).
        target: shares in [0, 1], (rows,).
        options: layer and C.
        base: ``engines.loading.model_digest`` of the model.
    """
    from sklearn.linear_model import LogisticRegression

    inputs = states.astype(np.float64)
    mean, scale = inputs.mean(0), inputs.std(0)
    # An input that never changes says nothing, whatever it is divided by.
    scale = np.where(scale > 0, scale, 1.0)
    inputs = (inputs - mean) / scale
    kind = np.repeat([1, 0], len(target))
    weight = np.concatenate([target, 1 - target])
    counts = weight > 0
    classifier = LogisticRegression(C=options.C, max_iter=1000)
    classifier.fit(np.concatenate([inputs, inputs])[counts], kind[counts], sample_weight=weight[counts])
    head = Head(options.layer, base, mean, scale, classifier.coef_[0], float(classifier.intercept_[0]), {})
    return head, int(classifier.n_iter_.max())


def out_of_fold(
    states: States,
    target: Values,
    groups: np.ndarray[Any, np.dtype[np.int64]],
    options: Options,
    base: str,
    seed: int,
) -> Values:
    """Probability of each row by a head that has seen no row of its question, (rows,).

    Args:
        states: (rows, width).
        target: shares in [0, 1], (rows,).
        groups: number of each row's question, (rows,).
        options: layer and C.
        base: ``engines.loading.model_digest`` of the model.
        seed: of the folds, which have like shares of either kind.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    found = np.full(len(target), np.nan)
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    for seen, held in folds.split(states, target >= 0.5, groups):
        found[held] = fit(states[seen], target[seen], options, base)[0].probability(states[held])
    return found


OBJECTIVE = Objective(rows=HEAD_ROWS, options=Options, train=train, label="Head", makes="head")
