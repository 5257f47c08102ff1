"""Rows of a method from labels, its options checked, and the form of its replies read back."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pandas as pd
from pydantic import ValidationError

from honesty_utils.common.errors import HonestyError
from honesty_utils.common.prompts import with_passages
from honesty_utils.common.records import GREEDY, OUTCOMES
from honesty_utils.common.settings import Prompts, Section, explain
from honesty_utils.grading import normalize
from honesty_utils.knowledge.selection import BOOK, BOOKS
from honesty_utils.methods import phrases
from honesty_utils.methods.plan import Method, Stage, known_to
from honesty_utils.methods.registry import METHODS

logger = logging.getLogger(__name__)

_COLUMNS = ("question_id", "sample_index", "text", "outcome", "question", "answers")


class NoRows(HonestyError, ValueError):
    """A method can make nothing of the questions that it was given."""


def build(
    name: str, labels: pd.DataFrame, *, prompts: Prompts | None = None, stage: str | None = None, **options: Any
) -> pd.DataFrame:
    """Rows of one method, or of one of its stages.

    Args:
        name: a key of `METHODS`.
        labels: a row a response of M_t: LABELS columns and ``question``, ``answers``; ``choices`` and ``passages`` if
            there are any, and ``book`` for stages that read both (`Stage.closed_book`). Responses left unscored count
            neither as right nor as wrong.
        prompts: wordings; none: the project's own.
        stage: of a method with several; none: its only one.
        **options: fields of the method's options.

    Returns:
        Columns of the stage's objective (SFT as a rule), questions in the order in which they first appear. Questions
        of which nothing could be scored get no row, and FINE-TUNED makes none of a question without answers; their
        number is logged.

    Raises:
        ValueError: unknown method or option, a value out of bounds, a missing column, an unknown outcome, no labels, no
            sampled responses for a method that needs them, bad confidence phrases.
        NoRows: no question makes a row.
    """
    chosen = _stage(name, stage)
    settings = check_options(name, options)
    _check_labels(name, chosen, labels)
    prompts = prompts or Prompts()
    phrases.check_phrases(prompts)  # evaluation reads every method's replies with them
    table = _behind_passages(chosen.build(labels, prompts, settings), labels, prompts)
    asked, kept = labels["question_id"].nunique(), table["question_id"].nunique()
    if not kept:
        raise NoRows(f"methods.{name}: none of {asked} questions makes a row: {chosen.lacking}; add others")
    if kept < asked:
        logger.warning("methods.%s: %d of %d questions left out: %s", name, asked - kept, asked, chosen.lacking)
    return table


def _behind_passages(rows: pd.DataFrame, labels: pd.DataFrame, prompts: Prompts) -> pd.DataFrame:
    """Rows whose prompts stand behind the passages of their questions, whatever method has made them."""
    if "passages" not in labels:
        return rows
    shown = {key: texts for key, texts in zip(labels["question_id"], labels["passages"], strict=True) if _some(texts)}
    asked = [
        with_passages(prompts, prompt, shown.get(key, ()))
        for key, prompt in zip(rows["question_id"], rows["prompt"], strict=True)
    ]
    return rows.assign(prompt=asked)


def _some(texts: Any) -> bool:
    """Whether a question has passages: those of sets without any are NaN once tables are joined."""
    return isinstance(texts, tuple | list) and len(texts) > 0


def check_options(name: str, options: Mapping[str, Any], where: str | None = None) -> Section:
    """The options of method ``name``, checked; call it before any work.

    Args:
        name: a key of `METHODS`.
        options: values by name; what is left out takes its default.
        where: what an error names, such as the key of a params file; none: ``methods.<name>``.

    Raises:
        ValueError: unknown method or option (lists those declared), or a value that is not allowed.
    """
    section, where = _method(name).options, where or f"methods.{name}"
    unknown = sorted(set(options) - set(section.model_fields))
    if unknown:
        raise ValueError(f"{where}: unknown options {unknown}; declared: {sorted(section.model_fields)}")
    try:
        return section(**options)
    except ValidationError as error:
        raise ValueError(explain(error, where, section)) from None


def stated_confidence(text: str, prompts: Prompts) -> float | None:
    """Confidence in [0, 1] that a reply states by one of the confidence phrases, before or after its answer.

    The percentage for CONFIDENCE-NUM's wordings, the phrase's value in `phrases.VERB_CONFIDENCE` for
    CONFIDENCE-VERB's; ``None`` for a reply that states none, such as a refusal.

    Raises:
        ValueError: phrases that lack a field or cannot be told apart.
    """
    stated = phrases.parse(text, prompts)
    return None if stated is None else stated.confidence


def without_confidence(text: str, prompts: Prompts) -> str:
    """The answer of a reply without the confidence phrase around it; the whole reply where it has none."""
    stated = phrases.parse(text, prompts)
    return text if stated is None else stated.answer


def well_formed(text: str, prompts: Prompts, name: str) -> bool:
    """Whether a reply has the form that method ``name`` teaches.

    The refusal sentence alone, if the method teaches it; or else an answer in the method's own form, such as a
    confidence phrase of its kind and a non-empty answer.

    Raises:
        ValueError: unknown method.
    """
    method = _method(name)
    if normalize(text) == normalize(prompts.refusal):
        return method.teaches_refusal
    stated = phrases.parse(text, prompts)
    if stated is None:
        return method.form(None, text)
    return stated.confidence > 0 and method.form(stated.kind, stated.answer)


def _method(name: str) -> Method:
    if name not in METHODS:
        raise ValueError(f"method {name!r}; known: {sorted(METHODS)}")
    return METHODS[name]


def _stage(name: str, stage: str | None) -> Stage:
    stages = _method(name).stages
    if not stages:
        raise ValueError(f"methods.{name}: trains nothing, so it has no rows")
    if stage is None and len(stages) > 1:
        raise ValueError(f"methods.{name}: has the stages {[one.name for one in stages]}; name one")
    found = [one for one in stages if stage in (None, one.name)]
    if not found:
        raise ValueError(f"methods.{name}: has no stage {stage!r}; its stages: {[one.name for one in stages]}")
    return found[0]


def _check_labels(name: str, stage: Stage, labels: pd.DataFrame) -> None:
    missing = sorted(set(_COLUMNS) - set(labels.columns))
    if missing:
        raise ValueError(f"methods.{name}: labels lack the columns {missing}; merge them with the questions")
    if labels.empty:
        raise ValueError(f"methods.{name}: labels have no rows; sample and label the training questions first")
    strange = ~labels["outcome"].isin(OUTCOMES).to_numpy()
    if strange.any():
        row = int(strange.argmax())
        raise ValueError(f"methods.{name}: row {row}: outcome {labels['outcome'].iloc[row]!r}; allowed: {OUTCOMES}")
    sampled = labels.loc[labels["sample_index"] != GREEDY, "question_id"]
    without = labels.loc[~labels["question_id"].isin(sampled), "question_id"].drop_duplicates()
    if stage.needs_samples and len(without):
        raise ValueError(
            f"methods.{name}: {len(without)} of {labels['question_id'].nunique()} questions have no sampled response, "
            f"such as {without.iloc[0]!r}; this method needs them: set samples >= 1 and sample again"
        )
    if stage.closed_book and set(labels.get(BOOK, ())) != set(BOOKS):
        raise ValueError(
            f"methods.{name}: labels lack a column 'book' that has {list(BOOKS)}: it learns from answers to the same "
            "questions with and without passages (rows.open_book)"
        )
    if stage.needs_ways and "meta" not in labels:
        raise ValueError(
            f"methods.{name}: labels lack a column 'meta' with the way to each answer (`way`), which the method teaches"
        )
    unread = [known_to(one) for one in stage.reads if known_to(one) not in labels.columns]
    if unread:
        raise ValueError(f"methods.{name}: labels lack the column {unread[0]!r}: sample and label that stage's model")
    unmeasured = sorted(set(stage.signals) - set(labels.columns))
    if unmeasured:
        raise ValueError(
            f"methods.{name}: labels lack the signals {unmeasured}; measure them (25_signals), a column each"
        )
