"""A linear head on a model that stays as it is: does the hidden state of a question's last token say what comes of it?

P(IK) of Kadavath et al. (arXiv 2207.05221), with the model frozen: logistic regression on standardized states, before
any answer. The target is 0 or 1, such as a right greedy answer, or a share, such as expected accuracy: a row of share p
then counts as p rows of 1 and 1 - p rows of 0, whose likelihood is highest where the head says p.

A head may begin from another one (EliCal, arXiv 2510.17509): its log-odds are stretched and shifted, and its weights
moved as far as the new rows pay for. Of few rows little more is learned than how far to trust the first head.
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
from honesty_utils.knowledge.signals import heads
from honesty_utils.knowledge.signals.head import ANSWER, NAME, PROMPT, Head
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
    after: str | Path | None = None,
) -> TrainingResult:
    """Train a head on HEAD_ROWS ``rows``; see `objective.Train` and, for the folder, `knowledge.signals.head`.

    Beside the head stands what five others say of its questions, each trained on four fifths of the questions and asked
    about the rest. ``settings`` and ``work`` have no use here. ``after`` is the folder of a head to begin from; its
    layer counts.

    Raises:
        TrainingError: no rows, a target outside [0, 1], too few questions of either kind.
        ValueError: ``after`` is no head, or one of another model.
        ModelError: a model that cannot be loaded, a layer that it lacks, a prompt that is too long.
    """
    started, output = time.monotonic(), Path(output)
    rows = rows.reset_index(drop=True)
    groups = check(rows)
    engine: Any = engines.load(model, Generation(max_new_tokens=1, batch_size=options.batch_size), style)
    assert isinstance(engine, HiddenEngine)
    base = engines.loading.model_digest(model)
    first = None if after is None else heads.load(after, base)
    layer = options.layer if first is None else first.layer
    reads = read_of(rows)
    given = rows["answer"].tolist() if reads == ANSWER else None
    states = engine.states(rows["prompt"].tolist(), layer, given)
    target = rows["target"].to_numpy(np.float64)
    told = None if after is None else _told_before(after, rows["question_id"])
    head, steps = fit(states, target, options, base, first, told)
    found = out_of_fold(states, target, groups, options, base, seed, first, told)
    facts = {
        "model": model.name, "style": style, "reads": reads, "C": options.C, "seed": seed, "folds": FOLDS,
        "rows": len(rows), "questions": int(groups.max()) + 1, "mean_target": float(target.mean()),
        **({} if first is None else {"after": str(after)}),
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


def read_of(rows: pd.DataFrame) -> str:
    """What a head is trained to read: `PROMPT`, or `ANSWER` where rows have answers.

    Raises:
        TrainingError: some rows have an answer and some do not.
    """
    has = rows["answer"].notna()
    if has.any() and not has.all():
        question = rows.loc[~has, "question_id"].iloc[0]
        raise TrainingError(
            f"{(~has).sum()} of {len(rows)} rows have no answer, such as that of question {question}; a head reads "
            "answers or prompts: give all rows an answer, or none"
        )
    return ANSWER if has.any() else PROMPT


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


def fit(
    states: States,
    target: Values,
    options: Options,
    base: str,
    first: Head | None = None,
    told: Values | None = None,
) -> tuple[Head, int]:
    """A head, and how many steps it took.

    Args:
        states: (rows, width).
        target: shares in [0, 1], (rows,).
        options: layer and C.
        base: ``engines.loading.model_digest`` of the model.
        first: the head to begin from.
        told: log-odds of each row by heads like ``first`` that have not seen its question, (rows,); none: by ``first``.
    """
    from sklearn.linear_model import LogisticRegression

    if first is not None:
        stretch, shift, moved, steps = _continued(states, target, options, first, told)
        coef, intercept = stretch * first.coef + moved, stretch * first.intercept + shift
        return Head(first.layer, first.base, first.mean, first.scale, coef, intercept, {}), steps
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


def _told_before(after: str | Path, questions: pd.Series[str]) -> Values:
    """Log-odds of questions by heads like the first that have not seen them, (rows,).

    The first head knows its own questions better than any others: what is learned of how far to trust it, and what is
    said of these questions, would be too good by that much.

    Raises:
        TrainingError: a question that the first head was not trained on.
    """
    known = heads.out_of_fold(after).set_index("question_id")["value"]
    lacking = ~questions.isin(known.index)
    if lacking.any():
        raise TrainingError(
            f"{after}: {lacking.sum()} questions are not among those of this head, such as "
            f"{questions[lacking].iloc[0]}; a head that begins from another learns of questions of the first"
        )
    share = known.loc[questions].to_numpy(np.float64).clip(_EDGE, 1 - _EDGE)
    return np.log(share / (1 - share))


_EDGE = 1e-9
"""The least probability whose log-odds are taken."""


def _continued(
    states: States, target: Values, options: Options, first: Head, told: Values | None
) -> tuple[float, float, Values, int]:
    """a, b and d of the log-odds a · z + b + x · d, and the steps taken; z are those of the first head.

    d, of the standardized states x, is held to 0 by the penalty that holds the weights of a head of its own, a to 1 as
    a single number of that kind with C = 1 would be, b not at all.
    """
    from scipy.optimize import minimize
    from scipy.special import expit

    inputs = _standardized(states, first)
    odds = inputs @ first.coef + first.intercept if told is None else told

    def loss(weights: Values) -> tuple[float, Values]:
        stretch, shift, moved = weights[0], weights[1], weights[2:]
        said = stretch * odds + shift + inputs @ moved
        error = expit(said) - target
        value = (np.logaddexp(0, said) - target * said).sum() + moved @ moved / (2 * options.C) + (stretch - 1) ** 2 / 2
        slopes = [error @ odds + stretch - 1, error.sum()]
        return float(value), np.concatenate([slopes, error @ inputs + moved / options.C])

    start = np.concatenate([[1.0, 0.0], np.zeros(len(first.coef))])
    bounds = [(0.0, None), *[(None, None)] * (len(start) - 1)]
    found = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B", options={"maxiter": 1000})
    return float(found.x[0]), float(found.x[1]), found.x[2:], int(found.nit)


def _standardized(states: States, first: Head) -> Values:
    inputs: Values = (states.astype(np.float64) - first.mean) / first.scale
    return inputs


def out_of_fold(
    states: States,
    target: Values,
    groups: np.ndarray[Any, np.dtype[np.int64]],
    options: Options,
    base: str,
    seed: int,
    first: Head | None = None,
    told: Values | None = None,
) -> Values:
    """Probability of each row by a head that has seen no row of its question, (rows,).

    Args:
        states: (rows, width).
        target: shares in [0, 1], (rows,).
        groups: number of each row's question, (rows,).
        options: layer and C.
        base: ``engines.loading.model_digest`` of the model.
        seed: of the folds, which have like shares of either kind.
        first: the head to begin from.
        told: see `fit`; of each row it stands for what the first head says, which has seen all questions.
    """
    from scipy.special import expit
    from sklearn.model_selection import StratifiedGroupKFold

    found = np.full(len(target), np.nan)
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    for seen, held in folds.split(states, target >= 0.5, groups):
        if first is None:
            found[held] = fit(states[seen], target[seen], options, base)[0].probability(states[held])
            continue
        assert told is not None, "what begins from a head has that head's word of its questions"
        stretch, shift, moved, _ = _continued(states[seen], target[seen], options, first, told[seen])
        found[held] = expit(stretch * told[held] + shift + _standardized(states[held], first) @ moved)
    return found


OBJECTIVE = Objective(rows=HEAD_ROWS, options=Options, train=train, label="Head", makes="head")
