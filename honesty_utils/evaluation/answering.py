"""Greedy, zero-shot answers of a model to the evaluation sets, graded and set beside what M_t did.

A method says which prompt asks and whose words are the answer. Those of M_t under the plain prompt are the greedy ones
that sampling has drawn already.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from honesty_utils import engines, methods
from honesty_utils.common import prompts, records
from honesty_utils.common.paths import Run, model_name
from honesty_utils.common.settings import Prompts
from honesty_utils.engines import Engine, Request, ScoringEngine
from honesty_utils.engines.settings import Generation
from honesty_utils.evaluation import doubting
from honesty_utils.evaluation.chosen import Evaluated, behind_passages
from honesty_utils.evaluation.settings import Doubt
from honesty_utils.judge import Referee
from honesty_utils.knowledge import labeling, signals
from honesty_utils.knowledge.settings import Labeling
from honesty_utils.sampling import shards
from honesty_utils.sampling.shards import Asked, Shard, Summary

_RESPONSE = ["question_id", "text", "num_tokens", "mean_logprob", "finish_reason"]


def plan(
    questions: pd.DataFrame,
    wording: Prompts,
    shard_size: int,
    kind: prompts.Kind = "honest",
    worded: Callable[[str], str] = str,
) -> list[Shard]:
    """Shards of ``shard_size`` questions, each asked once, greedily, under one of the two prompts.

    Args:
        questions: a QUESTIONS table.
        wording: prompts of the run.
        shard_size: questions of a shard.
        kind: which prompt.
        worded: what a method makes of it, see `Evaluated.worded`.

    Raises:
        ValueError: no questions, or two of one id.
    """

    def requests(asked: Asked) -> list[tuple[int, Request]]:
        request = shards.greedy(wording, kind, asked)
        return [(records.GREEDY, dataclasses.replace(request, prompt=worded(str(request.prompt))))]

    return shards.plan(questions, requests, shard_size, wording)


def draw(
    run: Run,
    chosen: Sequence[Evaluated],
    asked: Mapping[str, pd.DataFrame],
    wording: Prompts,
    generation: Generation,
    refusals: bool = False,
    graded: Iterable[str] = (),
    doubt: Doubt | None = None,
) -> dict[Evaluated, dict[str, Summary]]:
    """Let the models answer, in one process, and write ``Run.drawn_answers``; finished shards are not drawn again.

    Args:
        run: where shards and answers go.
        chosen: the models; those that are not asked here are left out.
        asked: a QUESTIONS table of each set.
        wording: prompts of the run.
        generation: engine, its options, length of an answer, size of a shard.
        refusals: whether each model is also asked how likely its refusal is.
        graded: sets of which models tell the signals that they are asked for (`Method.told`), as ``Run.signals``.
        doubt: sets that are asked again, and in what words; written as ``Run.doubted``.

    Returns:
        What each set took, by model.

    Raises:
        ModelError: a model that cannot be loaded, a prompt that is too long.
    """
    speaking = [one for one in chosen if one.asked or (doubt and one.kind.can_be_doubted)]
    planned: dict[tuple[Any, ...], dict[str, list[Shard]]] = {}
    done: dict[Evaluated, dict[str, Summary]] = {}
    loaded = engines.in_turn([one.model for one in speaking], generation, wording.style)
    for one, (_, engine) in zip(speaking, loaded, strict=True):
        kind, size = one.kind.answer.prompt, generation.shard_size
        words = one.kind.answer.words
        alike = (kind, words, one.options if words else None)  # seeds, and most points, ask in the same words
        if one.asked and alike not in planned:
            planned[alike] = {name: plan(table, wording, size, kind, one.worded) for name, table in asked.items()}
        sets = planned[alike] if one.asked else {}
        shards.check_lengths(engine, [shard for shards_of in sets.values() for shard in shards_of])
        identity = engines.identity(one.model, generation, wording.style)
        done[one] = {
            name: shards.draw(
                engine,
                shards_of,
                identity=identity,
                folder=run.shards("evaluation"),
                path=run.drawn_answers(one.method, one.seed, name),
            )
            for name, shards_of in sets.items()
        }
        if doubt and doubting.sets(one, doubt):
            first = answers(run, one, doubt.datasets)
            doubting.draw(engine, run, one, asked, first, wording, doubt, generation.shard_size, identity)
        for name in graded if one.kind.told(refusals) else ():
            told = own_signals(run, one, name, one.kind.told(refusals), asked[name], wording, engine)
            records.write(told, records.SIGNALS, run.signals(name, model_name(one.method, one.seed)))
    return done


def own_signals(
    run: Run, one: Evaluated, dataset: str, names: Iterable[str], asked: pd.DataFrame, wording: Prompts, engine: Engine
) -> pd.DataFrame:
    """What a model that has answered a set tells of its answers: SIGNALS.

    Args:
        run: where its answers lie.
        one: the model.
        dataset: the set.
        names: the signals.
        asked: its QUESTIONS table.
        wording: prompts of the run.
        engine: holds the model.
    """
    assert isinstance(engine, ScoringEngine), "checked before"
    told = records.read(records.RESPONSES, run.drawn_answers(one.method, one.seed, dataset))
    rows = told[["question_id"]].merge(asked, on="question_id", how="left", validate="one_to_one")
    whole = [
        one.prompt(wording, question, choices)
        for question, choices in rows[["question", "choices"]].itertuples(index=False, name=None)
    ]
    shown = [
        prompts.question_text(wording, question, choices)
        for question, choices in rows[["question", "choices"]].itertuples(index=False, name=None)
    ]
    whole, shown = (behind_passages(texts, rows, wording) for texts in (whole, shown))
    return signals.measure(names, told, shown=shown, engine=engine, prompts=whole, refusal=wording.refusal)


def answers(run: Run, one: Evaluated, names: Iterable[str], requests: Iterable[str] = ()) -> dict[str, pd.DataFrame]:
    """Answers of a model by set: those of `draw`; of M_t under the plain prompt the greedy ones of sampling, or those
    that the method chooses among all that was drawn.

    Args:
        run: where they lie.
        one: the model.
        names: graded sets.
        requests: sets without right answers.
    """
    if one.asked:
        paths = {name: run.drawn_answers(one.method, one.seed, name) for name in [*names, *requests]}
        return {name: records.read(records.RESPONSES, path) for name, path in paths.items()}
    choose = one.kind.answer.choose
    if choose is None:
        labels = {name: records.read(records.LABELS, run.labels(name), records.GREEDY_ROWS) for name in names}
    else:
        labels = {name: choose(records.read(records.LABELS, run.labels(name))) for name in names}
    drawn = {name: records.read(records.RESPONSES, run.responses(name), records.GREEDY_ROWS) for name in requests}
    return labels | drawn


def evaluate(
    responses: pd.DataFrame,
    questions: pd.DataFrame,
    before: pd.DataFrame,
    wording: Prompts,
    settings: Labeling,
    match: str | None = None,
    referee: Referee | None = None,
) -> pd.DataFrame:
    """EVALUATION table: ``responses`` graded, with the confidence they state and M_t's outcome beside.

    Args:
        responses: one a question, to :func:`plan`, as `deciding.decided` leaves them;
            or the greedy rows of M_t's labels.
        questions: a QUESTIONS table with the same ids.
        before: M_t's labels (plain prompt) of the same questions; the greedy row counts.
        wording: prompts of the run.
        settings: how answers are matched.
        match: matcher of this set; none: that of ``settings``.
        referee: judge of what string rules leave open; none: only they decide.
    """
    table = labeling.grade_responses(responses[_RESPONSE], questions, wording, settings, match, referee)
    stated = pd.Series([methods.stated_confidence(text, wording) for text in table["text"]], table.index, dtype=float)
    sure = responses["sure"].to_numpy(float) if "sure" in responses else float("nan")
    table["confidence"] = stated.where(stated.notna(), sure)
    table["withheld"] = responses["withheld"].to_numpy() if "withheld" in responses else None
    outcomes = labeling.greedy(before)[["question_id", "outcome"]].rename(columns={"outcome": "before"})
    table = table.merge(outcomes, on="question_id", how="left", validate="one_to_one")
    return table[list(records.EVALUATION.schema.names)]
