"""What a method is, as data: what it reads, what it trains on, how it answers. Running it is the same code for all.

A method has stages, each of which trains a model on rows, and a way of answering. One without stages trains nothing: it
is M_t under some prompt, perhaps with a rule that withholds what M_t says. Models are named `BASE` (M_t) and, within a
method, by the name of the stage that made them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

from honesty_utils.common.paths import BASE, model_name
from honesty_utils.common.settings import Prompts, Section

LAST = "last"
"""The model of a method's last stage; M_t where there is none."""

HEAD = "head"
"""The objective that trains a head on a model that stays as it is, and the signal that reads it."""

MERGE = "merge"
"""The objective that trains nothing and makes one model of several."""

UNKNOWN_COLOR = "#999999"

Space = Mapping[str, tuple[Any, ...]]
"""Settings that a search may draw, by the place in an entry of the params file that they change."""

TRAINED: Space = {
    "training.learning_rate": (5e-5, 1e-4, 2e-4, 4e-4),
    "training.epochs": (2, 3, 5, 8),
}
"""Of all methods that train a model."""
HEADS: Space = {"stages.head.objective.C": (0.001, 0.01, 0.1, 1.0), "stages.head.objective.layer": (-1, -2, -3)}
"""Of all methods that train a head in a stage of that name."""

Build = Callable[[pd.DataFrame, Prompts, Any], pd.DataFrame]
Fitted = Mapping[str, Any]


@dataclass(frozen=True)
class Stage:
    """One training: rows from labels, and how they become a model.

    Attributes:
        build: pure function ``(labels, prompts, options) -> rows``; labels are LABELS rows with ``question``,
            ``answers`` and ``choices``, a column for each of ``signals``, and one for each of ``reads``.
        name: of the stage, unique in its method; it names its model.
        objective: a key of ``training.objectives.OBJECTIVES``, which says what columns rows have.
        start: the model that is trained: `BASE`, or an earlier stage; a head may begin from an earlier head.
        reads: earlier stages whose models answer the training questions as M_t did before; ``build`` finds what each
            knows in the column `known_to` names.
        signals: keys of ``knowledge.signals.SIGNALS`` that ``build`` reads.
        closed_book: reads M_t's answers to the same questions without passages, too; ``book`` says which are which.
        needs_samples: sampled answers, not the greedy one alone.
        needs_ways: questions with the way to their answer (``meta.way``) and its depth.
        rows_per_sample: a question has a row for each of its sampled answers, not one.
        rows_per_question: as many rows has a question at most, where it has none for each sample.
        lacking: what a question has none of that gets no row.
        given: fields of the objective's options that the method sets; a params file may set them otherwise.
    """

    build: Build
    name: str = "aligned"
    objective: str = "sft"
    start: str = BASE
    reads: tuple[str, ...] = ()
    signals: tuple[str, ...] = ()
    closed_book: bool = False
    needs_samples: bool = True
    needs_ways: bool = False
    rows_per_sample: bool = False
    rows_per_question: int = 1
    lacking: str = "no sample could be scored"
    given: Mapping[str, Any] = field(default_factory=dict, hash=False)


def known_to(stage: str) -> str:
    """Column of labels with the expected accuracy of an earlier stage's model, NaN where nothing could be scored."""
    return f"expected_accuracy_{stage}"


def again(name: str, seeds: Sequence[int], stage: Stage) -> dict[str, str]:
    """Models of earlier stages that a stage reads, by their column of labels: those of the method's first training.

    Args:
        name: of the method's entry.
        seeds: of its trainings.
        stage: that reads them.
    """
    return {known_to(one): model_name(name, seeds[0], one) for one in stage.reads}


def as_said(answers: pd.DataFrame, fitted: Fitted) -> pd.DataFrame:
    """Withhold nothing and add no confidence: what the model says is the answer.

    Args:
        answers: a row an answer: ``question_id``, ``text`` and a column for each signal.
        fitted: what ``fit`` found.

    Returns:
        ``withheld`` (bool) and ``confidence`` (fraction or NaN: what the text itself states counts) of each row.
    """
    return pd.DataFrame({"withheld": False, "confidence": float("nan")}, index=answers.index)


@dataclass(frozen=True)
class Answer:
    """How a method answers.

    Attributes:
        prompt: which of the two prompts asks.
        speaks: whose words are the answer: `LAST`, `BASE`, or a stage.
        signals: keys of ``knowledge.signals.SIGNALS``, asked of the one who speaks when it answers; the signal "head"
            is that of the method's own head, see `Method.head`.
        fit: ``(training answers, options) -> JSON``; the answers of the one who speaks to the training questions, with
            ``question_id``, ``outcome`` and the signals. It never sees another question. Of a head trained on some of
            these questions it is given what heads say that have not seen them (``signals.heads.out_of_fold``).
        decide: ``(answers, fitted) -> withheld, confidence``; see `as_said`.
        choose: which of M_t's drawn responses is the answer, one a question, where M_t speaks under the plain prompt;
            none: the greedy one.
        words: ``(prompt, options) -> prompt``: what a method adds to the prompt when it asks, such as where its dial
            stands; none: nothing.
        dial: the option that is read when it answers and at no other time, so that one model answers at each of its
            values (`MethodEntry.model_of`).
    """

    prompt: Literal["plain", "honest"] = "honest"
    speaks: str = LAST
    signals: tuple[str, ...] = ()
    fit: Callable[[pd.DataFrame, Any], dict[str, Any]] | None = None
    decide: Callable[[pd.DataFrame, Fitted], pd.DataFrame] = as_said
    choose: Callable[[pd.DataFrame], pd.DataFrame] | None = None
    words: Callable[[str, Any], str] | None = None
    dial: str | None = None


def plain_form(stated: str | None, answer: str) -> bool:
    """An answer without a confidence phrase: the form that most methods teach."""
    return stated is None and bool(answer.strip())


@dataclass(frozen=True)
class Method:
    """A method as data; everything that is shown of it stands here.

    Attributes:
        label: display name, unique among methods.
        rule: what it does, in one line.
        options: section of its options.
        stages: trainings, in order; none: nothing is trained.
        answer: how it answers.
        teaches_refusal: its rows may refuse.
        form: ``(phrase kind or None, answer) -> bool``: whether a reply that is no refusal has the form it teaches.
        color: of its dots and lines (Okabe and Ito's palette is safe for color-blind readers).
        notebook: that tells of its rows; none: the general one.
        baseline: stands in every run, whether its params file names it or not.
        search: what a search may try in place of an entry's settings; empty: there is nothing to choose but what
            training questions fit.
    """

    label: str
    rule: str
    options: type[Section]
    stages: tuple[Stage, ...] = ()
    answer: Answer = Answer()
    teaches_refusal: bool = True
    form: Callable[[str | None, str], bool] = plain_form
    color: str = UNKNOWN_COLOR
    notebook: str = "34_rows"
    baseline: bool = False
    search: Space = field(default_factory=dict, hash=False)

    @property
    def needs_samples(self) -> bool:
        """Whether any of its stages needs sampled answers of M_t, or what it says is chosen among them."""
        return self.answer.choose is not None or any(stage.needs_samples for stage in self.stages)

    @property
    def reuses_base(self) -> bool:
        """Whether its words are M_t's greedy ones under the plain prompt, which sampling has drawn already."""
        return self.answer.prompt == "plain" and self.speaker == BASE

    @property
    def can_be_doubted(self) -> bool:
        """Whether it has a second answer of its own; a rule that withholds what M_t says has none."""
        return not self.reuses_base or self.answer.decide is as_said

    @property
    def of_harness(self) -> bool:
        """Whether another harness, which has prompts of its own, meets a model here that no other method has."""
        return self.speaker != BASE or (self.reuses_base and self.baseline)

    def told(self, refusals: bool) -> tuple[str, ...]:
        """Signals that a model of it tells of its own answers, where it answers: those it decides by, of a trained one.

        Args:
            refusals: how unlikely its refusal is, too.
        """
        own = () if self.speaker == BASE else tuple(name for name in self.answer.signals if name != HEAD)
        return (*own, "refusal") if refusals and not self.reuses_base else own

    @property
    def speaker(self) -> str:
        """Whose words are the answer: `BASE` or the name of a stage."""
        if self.answer.speaks != LAST:
            return self.answer.speaks
        return self.stages[-1].name if self.stages else BASE

    @property
    def head(self) -> str | None:
        """The stage whose head its signal "head" reads: the last that trains one; none: it has no use for a head."""
        if HEAD not in self.answer.signals:
            return None
        return next((stage.name for stage in reversed(self.stages) if stage.objective == HEAD), None)

    def stage(self, name: str) -> Stage:
        """A stage by its name.

        Raises:
            KeyError: there is none.
        """
        return next(stage for stage in self.stages if stage.name == name)
