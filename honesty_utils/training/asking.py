"""What models say to questions that one of them was rewarded on: a greedy answer to each of a sample, graded."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from honesty_utils import engines
from honesty_utils.common.prompts import Style
from honesty_utils.engines.settings import Generation, Model
from honesty_utils.training.family import Grading
from honesty_utils.training.rewards import Grader

COLUMNS = ["model", "question_id", "question", "known", "text", "outcome"]


def report(
    rows: pd.DataFrame, models: Mapping[str, Model], grading: Grading, style: Style, number: int
) -> pd.DataFrame:
    """`said`, or an empty table and the reason in print: hours of training must not be lost for a look at it."""
    try:
        return said(rows, models, grading, style, number)
    except Exception as error:  # whatever it is, out of memory as a rule: the model is trained
        print(f"nothing was asked, the trained model stays: {type(error).__name__}: {' '.join(str(error).split())}")
        return pd.DataFrame(columns=COLUMNS)


def said(rows: pd.DataFrame, models: Mapping[str, Model], grading: Grading, style: Style, number: int) -> pd.DataFrame:
    """Ask some models the same questions.

    Args:
        rows: questions with all that grading takes (`family.with_questions`).
        models: by the name that they have in the table, such as before and after.
        grading: how answers are graded.
        style: as for engines.
        number: of questions, drawn evenly from the least to the best known.

    Returns:
        A row a model and question: ``model``, ``question_id``, ``question``, ``known``, ``text``, ``outcome``.
    """
    sample = rows.sort_values("known", kind="stable")
    sample = sample.iloc[np.unique(np.linspace(0, len(rows) - 1, min(number, len(rows))).round().astype(int))]
    grader = Grader(sample, grading.wording, grading.settings)
    tables = []
    for name, model in models.items():
        engine = engines.load(model, Generation(max_new_tokens=grading.longest), style)
        asked = [engines.Request(prompt=prompt, temperature=0.0, seed=0) for prompt in sample["prompt"]]
        texts = [answer.text for answer in engine.generate(asked)]
        outcome = grader.verdicts(sample["question_id"].tolist(), texts).outcome
        tables.append(sample[["question_id", "question", "known"]].assign(model=name, text=texts, outcome=outcome))
        del engine  # before the next one is loaded
    return pd.concat(tables, ignore_index=True)[COLUMNS]
