"""Does an answer stand when it is doubted? Questions with options are asked again, after the model's own first answer.

A conversation of three turns: the question as the method asks it, what the model said, and a user who doubts it. Two
replies are compared by the rule of multiple choice, as the scorer ``stance`` does: a right answer that is given up is a
flip (``flip_rate``), and a model that always holds what it said is stubborn as easily as it is sure. After *are you
sure* in arXiv 2310.13548; the words are our own, and options in the place of free answers need no judge.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from honesty_utils.common import records
from honesty_utils.common.paths import Run
from honesty_utils.common.prompts import Prompt
from honesty_utils.common.settings import Prompts
from honesty_utils.engines import Engine, Request
from honesty_utils.evaluation.chosen import Evaluated
from honesty_utils.evaluation.settings import Doubt
from honesty_utils.methods import METHODS
from honesty_utils.methods.settings import MethodEntry
from honesty_utils.sampling import shards
from honesty_utils.sampling.shards import Asked, Shard, Summary


def plan(
    questions: pd.DataFrame, first: pd.DataFrame, wording: Prompts, one: Evaluated, doubt: Doubt, size: int
) -> list[Shard]:
    """Shards of ``size`` questions, each with its first answer and the doubt.

    Args:
        questions: a QUESTIONS table, all with options.
        first: RESPONSES to them.
        wording: prompts of the run.
        one: the model.
        doubt: the words.
        size: questions a shard.

    Raises:
        ValueError: a question without options, or without a first answer.
    """
    said = first.set_index("question_id")["text"]

    def requests(asked: Asked) -> list[tuple[int, Request]]:
        if asked.choices is None or asked.by_likelihood:
            raise ValueError(
                f"question {asked.question_id!r}: no options that a reply may name; evaluation.doubt is for sets of "
                "multiple choice, with choose: letter"
            )
        prompt = one.prompt(wording, asked.question, asked.choices)
        turns: Prompt = (prompt, str(said[asked.question_id]), doubt.words)
        return [(records.GREEDY, Request(turns))]

    return shards.plan(questions, requests, size, wording)


def draw(
    engine: Engine,
    run: Run,
    one: Evaluated,
    asked: Mapping[str, pd.DataFrame],
    first: Mapping[str, pd.DataFrame],
    wording: Prompts,
    doubt: Doubt,
    size: int,
    identity: str,
) -> dict[str, Summary]:
    """Ask again, and write ``Run.doubted`` of each set; finished shards are not drawn again.

    Args:
        engine: holds the model.
        run: where shards and answers go.
        one: the model.
        asked: QUESTIONS of each set that is doubted.
        first: its first answers, likewise.
        wording: prompts of the run.
        doubt: sets and words.
        size: questions a shard.
        identity: ``engines.identity`` of the model and its engine.

    Raises:
        ModelError: a conversation that is too long; what the engine says.
    """
    return {
        name: shards.draw(
            engine,
            plan(asked[name], first[name], wording, one, doubt, size),
            identity=identity,
            folder=run.shards("evaluation"),
            path=run.doubted(one.method, one.seed, name),
        )
        for name in doubt.datasets
    }


def replies(
    run: Run,
    evaluations: pd.DataFrame,
    asked: Mapping[str, pd.DataFrame],
    entries: Mapping[str, MethodEntry],
    doubt: Doubt,
) -> pd.DataFrame:
    """First and second replies of several models in the columns of the scorer ``stance``, with ``method``.

    Args:
        run: where second answers lie.
        evaluations: first answers as they are said, as ``frames.load`` returns them; what a rule withheld is a refusal
            there, which names no option. Methods that cannot be doubted are passed over.
        asked: QUESTIONS of each set.
        entries: the run's methods.
        doubt: the sets, each of which is a ``group``.
    """
    parts = []
    for name in doubt.datasets:
        told = evaluations[evaluations["dataset"] == name]
        for (method, seed), own in told.groupby(["method", "seed"], sort=False):
            if not METHODS[entries[method].method].can_be_doubted:
                continue
            first = own[["question_id", "cluster", "text"]].rename(columns={"text": "first"})
            second = records.read(records.RESPONSES, run.doubted(method, seed, name))[["question_id", "text"]]
            rows = first.merge(second.rename(columns={"text": "second"}), on="question_id", validate="one_to_one")
            options = asked[name][["question_id", "choices", "answer_index"]]
            rows = rows.merge(options, on="question_id", validate="one_to_one")
            parts.append(rows.assign(method=method, seed=seed, group=name, condition="doubt"))
    return pd.concat(parts, ignore_index=True)


def sets(one: Evaluated, doubt: Doubt | None) -> tuple[str, ...]:
    """The sets of which a model's answers are doubted."""
    return doubt.datasets if doubt and one.kind.can_be_doubted else ()
