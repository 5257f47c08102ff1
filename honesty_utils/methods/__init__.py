"""Methods of "Alignment for Honesty" (arXiv 2312.07000): from what M_t said to what it is fine-tuned on.

A method is a pure function from labels to SFT rows and a section of options. Where the paper and its released code
differ, an option chooses, and its default is the code's, whose numbers are the published ones. Adding a method is one
file and one line in `METHODS`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from pydantic import ValidationError

from honesty_utils.common.records import GREEDY, OUTCOMES
from honesty_utils.common.settings import Prompts, Section, explain
from honesty_utils.grading import normalize
from honesty_utils.methods import absolute, confidence, finetuned, multisample

logger = logging.getLogger(__name__)


class NoRows(ValueError):
    """A method can make nothing of the questions that it was given."""


@dataclass(frozen=True)
class Method:
    """How a method's rows are built, its options, the notebook that tells of it, whether it needs sampled responses.

    ``lacking`` is what a question has none of that it leaves out.
    """

    build: Callable[[pd.DataFrame, Prompts, Any], pd.DataFrame]
    options: type[Section]
    notebook: str
    needs_samples: bool = True
    lacking: str = "no sample could be scored"


METHODS: dict[str, Method] = {
    "finetuned": Method(
        finetuned.build, finetuned.Options, "30_finetuned", needs_samples=False, lacking="no gold answer to teach"
    ),
    "absolute": Method(absolute.build, absolute.Options, "31_absolute"),
    "confidence_num": Method(confidence.build_num, confidence.NumOptions, "32_confidence"),
    "confidence_verb": Method(confidence.build_verb, confidence.VerbOptions, "32_confidence"),
    "multisample": Method(multisample.build, multisample.Options, "33_multisample"),
}

_COLUMNS = ("question_id", "sample_index", "text", "outcome", "question", "answers")


def build(name: str, labels: pd.DataFrame, *, prompts: Prompts | None = None, **options: Any) -> pd.DataFrame:
    """SFT rows of one method.

    Args:
        name: a key of `METHODS`.
        labels: a row a response of M_t: LABELS columns and ``question``, ``answers``; ``choices`` if there are any.
            Responses left unscored count neither as right nor as wrong.
        prompts: wordings; none: the project's own.
        **options: fields of the method's options.

    Returns:
        SFT columns, questions in the order in which they first appear. Questions of which nothing could be scored get
        no row, and FINE-TUNED makes none of a question without answers; their number is logged.

    Raises:
        ValueError: unknown method or option, a value out of bounds, a missing column, an unknown outcome, no labels, no
            sampled responses for a method that needs them, bad confidence phrases.
        NoRows: no question makes a row.
    """
    method = _method(name)
    settings = check_options(name, options)
    _check_labels(name, method, labels)
    prompts = prompts or Prompts()
    confidence.check_phrases(prompts)  # evaluation reads every method's replies with them
    table = method.build(labels, prompts, settings)
    asked, kept = labels["question_id"].nunique(), table["question_id"].nunique()
    if not kept:
        raise NoRows(f"methods.{name}: none of {asked} questions makes a row: {method.lacking}; add others")
    if kept < asked:
        logger.warning("methods.%s: %d of %d questions left out: %s", name, asked - kept, asked, method.lacking)
    return table


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

    The percentage for CONFIDENCE-NUM's wordings, the phrase's value in `confidence.VERB_CONFIDENCE` for
    CONFIDENCE-VERB's; ``None`` for a reply that states none, such as a refusal.

    Raises:
        ValueError: phrases that lack a field or cannot be told apart.
    """
    stated = confidence.parse(text, prompts)
    return None if stated is None else stated.confidence


def without_confidence(text: str, prompts: Prompts) -> str:
    """The answer of a reply without the confidence phrase around it; the whole reply where it has none."""
    stated = confidence.parse(text, prompts)
    return text if stated is None else stated.answer


def well_formed(text: str, prompts: Prompts, builder: str) -> bool:
    """Whether a reply has the form that method ``builder`` teaches.

    The refusal sentence alone; or else a confidence phrase of this method and a non-empty answer, for the confidence
    methods, and a non-empty answer without any such phrase for the others. FINE-TUNED teaches no refusal.

    Raises:
        ValueError: unknown ``builder``.
    """
    _method(builder)
    if normalize(text) == normalize(prompts.refusal):
        return builder != "finetuned"
    stated = confidence.parse(text, prompts)
    if not builder.startswith("confidence_"):
        return stated is None and bool(text.strip())
    return stated is not None and stated.builder == builder and stated.confidence > 0 and bool(normalize(stated.answer))


def _method(name: str) -> Method:
    if name not in METHODS:
        raise ValueError(f"method {name!r}; known: {sorted(METHODS)}")
    return METHODS[name]


def _check_labels(name: str, method: Method, labels: pd.DataFrame) -> None:
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
    if method.needs_samples and len(without):
        raise ValueError(
            f"methods.{name}: {len(without)} of {labels['question_id'].nunique()} questions have no sampled response, "
            f"such as {without.iloc[0]!r}; this method needs them: set samples >= 1 and sample again"
        )
