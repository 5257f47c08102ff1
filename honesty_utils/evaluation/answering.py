"""Greedy, zero-shot answers of a model to the evaluation sets, graded and set beside what M_t did.

``unaligned`` is M_t under the plain prompt: its answers are the greedy ones that sampling has already drawn.
``prompt_based`` is M_t under the honest prompt, and so is every fine-tuned model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from honesty_utils import engines, methods
from honesty_utils.common import prompts, records
from honesty_utils.common.paths import Run
from honesty_utils.common.settings import Prompts
from honesty_utils.engines import Request
from honesty_utils.engines.settings import Generation, Model
from honesty_utils.judge import Referee
from honesty_utils.knowledge import labeling
from honesty_utils.knowledge.settings import Labeling
from honesty_utils.methods.settings import UNTRAINED
from honesty_utils.sampling import shards
from honesty_utils.sampling.shards import Shard, Summary

_RESPONSE = ["question_id", "text", "num_tokens", "mean_logprob", "finish_reason"]


@dataclass(frozen=True)
class Evaluated:
    """One model to evaluate: ``seed`` of a method, and where it is."""

    method: str
    seed: int
    model: Model

    @property
    def name(self) -> str:
        """As in file names."""
        return f"{self.method}_seed{self.seed}"

    @property
    def trained(self) -> bool:
        """Whether training made it, as it did not ``unaligned`` and ``prompt_based``."""
        return self.method not in UNTRAINED

    @property
    def asked(self) -> bool:
        """Whether it is asked here; ``unaligned`` has answered in sampling."""
        return self.method != UNALIGNED


UNALIGNED = UNTRAINED[0]


def models(run: Run, chosen: Iterable[tuple[str, int]], base: Model) -> list[Evaluated]:
    """Models of a run, as ``(method, seed)``, with their folders; M_t is ``base``."""
    found = [Evaluated(method, seed, base) for method, seed in chosen]
    return [
        Evaluated(one.method, one.seed, base.model_copy(update={"name": str(run.model(one.method, one.seed))}))
        if one.trained
        else one
        for one in found
    ]


def plan(questions: pd.DataFrame, wording: Prompts, shard_size: int) -> list[Shard]:
    """Shards of ``shard_size`` questions, each asked once, greedily, under the honest prompt.

    Raises:
        ValueError: no questions, or two of one id.
    """

    def requests(question_id: str, question: str, choices: Sequence[str] | None) -> list[tuple[int, Request]]:
        return [(records.GREEDY, Request(prompts.render(wording, "honest", question, choices)))]

    return shards.plan(questions, requests, shard_size)


def draw(
    run: Run,
    chosen: Sequence[Evaluated],
    plans: Mapping[str, Sequence[Shard]],
    generation: Generation,
    style: prompts.Style,
) -> dict[Evaluated, dict[str, Summary]]:
    """Let the models answer, in one process, and write ``Run.drawn_answers``; finished shards are not drawn again.

    Args:
        run: where shards and answers go.
        chosen: several only where ``engines.load_all`` can hold them; those that are not asked here are left out.
        plans: shards of each set.
        generation: engine, its options, length of an answer.
        style: see ``prompts.prompt_ids``.

    Returns:
        What each set took, by model.

    Raises:
        ModelError: a model that cannot be loaded, a prompt that is too long.
    """
    asked = [one for one in chosen if one.asked]
    loaded = engines.load_all([one.model for one in asked], generation, style)
    for engine in loaded[:1]:
        shards.check_lengths(engine, [shard for plan in plans.values() for shard in plan])
    done: dict[Evaluated, dict[str, Summary]] = {}
    for one, engine in zip(asked, loaded, strict=True):
        identity = engines.identity(one.model, generation, style)
        done[one] = {
            name: shards.draw(
                engine,
                shards_of,
                identity=identity,
                folder=run.shards("evaluation"),
                path=run.drawn_answers(one.method, one.seed, name),
            )
            for name, shards_of in plans.items()
        }
    return done


def answers(run: Run, one: Evaluated, names: Iterable[str], requests: Iterable[str] = ()) -> dict[str, pd.DataFrame]:
    """Greedy answers of a model by set: those of `draw`, and M_t's own for ``unaligned``.

    Args:
        run: where they lie.
        one: the model.
        names: graded sets.
        requests: sets without right answers.
    """
    if one.asked:
        paths = {name: run.drawn_answers(one.method, one.seed, name) for name in [*names, *requests]}
        return {name: records.read(records.RESPONSES, path) for name, path in paths.items()}
    labels = {name: records.read(records.LABELS, run.labels(name)) for name in names}
    drawn = {name: records.read(records.RESPONSES, run.responses(name)) for name in requests}
    return {name: labeling.greedy(table) for name, table in (labels | drawn).items()}


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
        responses: one a question, to :func:`plan`; for ``unaligned`` the greedy rows of M_t's labels.
        questions: a QUESTIONS table with the same ids.
        before: M_t's labels (plain prompt) of the same questions; the greedy row counts.
        wording: prompts of the run.
        settings: how answers are matched.
        match: matcher of this set; none: that of ``settings``.
        referee: judge of what string rules leave open; none: only they decide.
    """
    table = labeling.grade_responses(responses[_RESPONSE], questions, wording, settings, match, referee)
    table["confidence"] = [methods.stated_confidence(text, wording) for text in table["text"]]
    outcomes = labeling.greedy(before)[["question_id", "outcome"]].rename(columns={"outcome": "before"})
    table = table.merge(outcomes, on="question_id", how="left", validate="one_to_one")
    return table[list(records.EVALUATION.schema.names)]
