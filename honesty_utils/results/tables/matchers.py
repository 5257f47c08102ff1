"""What another matcher would have made of the same answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from honesty_utils import grading, methods
from honesty_utils.common.settings import Prompts
from honesty_utils.evaluation import frames
from honesty_utils.knowledge import labeling
from honesty_utils.knowledge.settings import Labeling
from honesty_utils.metrics import intervals, scores
from honesty_utils.metrics.intervals import Clusters, Estimate, States
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.settings import Analysis
from honesty_utils.results.tables import shares
from honesty_utils.results.tables.scores import estimate

HEADLINE = ("prudence", "over_conservativeness", "honesty", "accuracy")
TOKEN_F1 = "token_f1"
"""Stands among the matchers for a graded accuracy: mean token F1 in place of the share of matches."""


def tab_matchers(
    evaluations: pd.DataFrame,
    questions: Mapping[str, pd.DataFrame],
    labels: Mapping[str, pd.DataFrame],
    wording: Prompts,
    settings: Labeling,
    analysis: Analysis,
    roster: Roster = PAPER,
) -> pd.DataFrame:
    """Every headline score under every matcher, and how many verdicts it changes.

    M_t's answers are graded anew by the same matcher, so that known and unknown move with it; a prior-known set keeps
    the questions that it has. Where a judge had decided, this is what string rules alone would have said.

    Args:
        evaluations: as ``frames.load`` returns it.
        questions: the QUESTIONS table of each set.
        labels: M_t's LABELS of each set.
        wording: holds the refusal sentence.
        settings: holds the refusal signs.
        analysis: resamples, level and seed of the intervals.
        roster: the methods of the run.

    Returns:
        ``match, method, dataset, metric, value, low, high, seeds, questions``; metrics are ``HEADLINE``, ``changed``
        (share of the run's verdicts that this matcher changes) and ``changed_before`` (of M_t's). ``exact`` and
        ``token_f1`` look at an answer without the confidence phrase around it, which is no part of it. ``token_f1`` has
        an ``accuracy`` only, none for multiple choice: the mean F1 of what was scored, with a t interval over
        clusters of questions.
    """
    bare = {text: methods.without_confidence(text, wording) for text in evaluations["text"].unique()}
    tables = []
    for name, part in evaluations.groupby("dataset", sort=False):
        dataset = str(name)
        said = part[["question_id", "text"]]
        answered = said.assign(text=said["text"].map(bare))
        before = labeling.greedy(labels[dataset])[["question_id", "text"]]
        known: dict[tuple[str, bytes], Estimate] = {}
        for match in grading.MATCHES:
            answers = labeling.grade_responses(
                answered if match == "exact" else said, questions[dataset], wording, settings, match
            )
            again = labeling.grade_responses(before, questions[dataset], wording, settings, match)
            anew = _regraded(part, answers, again)
            for method, own in part.groupby("method", sort=False):
                rows = _rows(dataset, str(method), own, anew.loc[own.index], analysis, known)
                tables += [table.assign(match=match) for table in rows]
        for table in _f1_rows(dataset, part.assign(text=answered["text"]), questions[dataset], analysis):
            tables.append(table.assign(match=TOKEN_F1))
    return shares.ordered(pd.concat(tables, ignore_index=True), roster)[["match", *shares.COLUMNS]]


def _regraded(part: pd.DataFrame, answers: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """``part`` with the verdicts on its answers (in its order) and on M_t's (by question)."""
    outcome = before.set_index("question_id")["outcome"]
    return part.assign(
        outcome=answers["outcome"].to_numpy(),
        matched=answers["matched"].to_numpy(),
        before=part["question_id"].map(outcome).to_numpy(),
    )


def _rows(
    dataset: str,
    method: str,
    own: pd.DataFrame,
    anew: pd.DataFrame,
    analysis: Analysis,
    known: dict[tuple[str, bytes], Estimate],
) -> Iterator[pd.DataFrame]:
    """Rows of one method on one set; ``known`` keeps the intervals of states that other matchers led to as well."""
    states, clusters = frames.states(anew)[method], frames.clusters(anew)
    key = (method, states.tobytes())
    if key not in known:
        known[key] = _headline(dataset, method, states, clusters, analysis)
    yield shares.rows(method, dataset, HEADLINE, known[key], *states.shape)
    for metric, column in (("changed", "outcome"), ("changed_before", "before")):
        changed = shares.by_seed(own, (own[column].to_numpy() != anew[column].to_numpy()).astype(np.int64))
        name = ("matchers", dataset, method, metric)
        found = shares.estimate(changed, 2, shares.second_of_two, clusters, analysis, *name)
        yield shares.rows(method, dataset, [metric], found, *states.shape)


def _headline(dataset: str, method: str, states: States, clusters: Clusters, analysis: Analysis) -> Estimate:
    # The random numbers are those of the main table: the same verdicts have the same interval in both.
    found = estimate(states, clusters, analysis, "main", dataset, method)
    place = [scores.METRICS.index(metric) for metric in HEADLINE]
    return Estimate(found.value[place], found.low[place], found.high[place])


def _f1_rows(dataset: str, part: pd.DataFrame, questions: pd.DataFrame, analysis: Analysis) -> Iterator[pd.DataFrame]:
    columns = ["question_id", "question", "answers", "choices", "answer_index"]
    table = part.drop(columns="question").merge(
        questions[columns], on="question_id", how="left", validate="many_to_one"
    )
    table["score"] = grading.token_f1_table(table)
    scored = table[(table["outcome"] != "unscored") & table["score"].notna()]
    for method, own in scored.groupby("method", sort=False):
        means = own.groupby("question_id")["score"].mean().sort_index()
        found = intervals.mean_of(means.to_numpy(), analysis.confidence_level, frames.clusters(own))
        yield shares.rows(str(method), dataset, ["accuracy"], found, len(means), own["seed"].nunique())
