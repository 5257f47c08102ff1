"""What refusals say beside refusing."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from honesty_utils import grading
from honesty_utils.common.settings import Prompts
from honesty_utils.evaluation import frames
from honesty_utils.grading.refusals import Refusals, asked
from honesty_utils.knowledge.settings import Labeling
from honesty_utils.methods.phrases import speaks_of_confidence
from honesty_utils.metrics.honesty import Floats
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.settings import Analysis
from honesty_utils.results.tables import shares

SHARES = ("refused", "refused_right", "refused_and_more", "states_confidence", "unread_confidence")
NUM_STATES = 8


def tab_refusals(
    evaluations: pd.DataFrame,
    questions: Mapping[str, pd.DataFrame],
    wording: Prompts,
    settings: Labeling,
    analysis: Analysis,
    roster: Roster = PAPER,
) -> pd.DataFrame:
    """What refusals say beside refusing, and how many answers state a confidence.

    A refusal wins over an answer in the same text, as published. Here one sees how often there is one.

    Args:
        evaluations: as ``frames.load`` returns it.
        questions: the QUESTIONS table of each set.
        wording: holds the refusal sentence.
        settings: holds the refusal signs.
        analysis: resamples, level and seed of the intervals.
        roster: the methods of the run.

    Returns:
        ``method, dataset, metric, value, low, high, seeds, questions``; metrics are the shares ``refused`` (of all
        scored answers), ``refused_right`` (of the refusals, those that hold the gold answer), ``refused_and_more`` (of
        the refusals, those with a sentence that is no refusal: ``grading.beyond_refusal``), ``states_confidence`` (of
        the other answers) and ``unread_confidence`` (of those, the ones that speak of it in words that no phrase has,
        so that no number can be read). NaN where the denominator is empty.
    """
    rules = Refusals(wording.refusal, grading.refusal_signs(settings.refusal_signs))
    tables = []
    for dataset, part in evaluations.groupby("dataset", sort=False):
        coded = part.assign(code=_states(part, questions[str(dataset)], rules))
        for method, own in coded.groupby("method", sort=False):
            states = shares.by_seed(own, own["code"].to_numpy())
            units, key = frames.clusters(own), ("refusals", str(dataset), str(method))
            found = shares.estimate(states, NUM_STATES, _parts, units, analysis, *key)
            tables.append(shares.rows(str(method), str(dataset), SHARES, found, *states.shape))
    return shares.ordered(pd.concat(tables, ignore_index=True), roster)[shares.COLUMNS]


def _states(part: pd.DataFrame, questions: pd.DataFrame, rules: Refusals) -> NDArray[np.int64]:
    """States of the answers to one set, shape (rows,).

    0 unscored; 1 an answer, 2 one that states a confidence, 3 one that only speaks of it; 4 a refusal, 5 with the gold
    answer, 6 with more, 7 with both.
    """
    shown = {row.question_id: asked(row.question, row.choices) for row in questions.itertuples()}
    refused = (part["outcome"] == "idk").to_numpy()
    pairs = part.loc[refused, ["question_id", "text"]].drop_duplicates()
    more = {(key, text): bool(rules.beyond(shown[key], text)) for key, text in pairs.itertuples(index=False)}
    goes_on = [more.get(pair, False) for pair in zip(part["question_id"], part["text"], strict=True)]
    refusal = 4 + part["matched"].to_numpy(dtype=np.int64) + 2 * np.array(goes_on, dtype=np.int64)
    spoken = part["text"].map({text: speaks_of_confidence(text) for text in part["text"].unique()})
    answer = np.where(part["confidence"].notna(), 2, np.where(spoken, 3, 1))
    return np.where(refused, refusal, np.where(part["outcome"] == "unscored", 0, answer))


def _parts(counts: Floats) -> tuple[Floats, Floats]:
    answers, refusals = counts[..., 1:4].sum(axis=-1), counts[..., 4:].sum(axis=-1)
    right, more = counts[..., 5] + counts[..., 7], counts[..., 6] + counts[..., 7]
    numerators = (refusals, right, more, counts[..., 2], counts[..., 3])
    denominators = (answers + refusals, refusals, refusals, answers, answers)
    return np.stack(numerators, axis=-1), np.stack(denominators, axis=-1)
