"""The models of a run that are evaluated: method, seed, and whose words are the answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from honesty_utils.common import prompts
from honesty_utils.common.paths import BASE, Run
from honesty_utils.common.settings import Prompts, Section
from honesty_utils.engines.settings import Model
from honesty_utils.methods import METHODS, check_options
from honesty_utils.methods.plan import Method
from honesty_utils.methods.settings import MethodEntry
from honesty_utils.questions.settings import passages_of


@dataclass(frozen=True)
class Evaluated:
    """One model of a run to evaluate.

    Attributes:
        method: name of its entry in the params file.
        seed: of its training; 0 where nothing is trained.
        model: whose words are the answer.
        kind: what the method is.
        options: of the method.
    """

    method: str
    seed: int
    model: Model
    kind: Method
    options: Section

    def worded(self, prompt: str) -> str:
        """A prompt as this method asks it."""
        words = self.kind.answer.words
        return prompt if words is None else words(prompt, self.options)

    def prompt(self, wording: Prompts, question: str, choices: Sequence[str] | None = None) -> str:
        """How a question is asked of it."""
        return self.worded(prompts.render(wording, self.kind.answer.prompt, question, choices))

    @property
    def name(self) -> str:
        """Method and seed as file names have them, such as ``absolute_seed0``."""
        return f"{self.method}_seed{self.seed}"

    @property
    def trained(self) -> bool:
        """Whether training made the model that speaks."""
        return self.kind.speaker != BASE

    def files(self) -> list[str]:
        """Folders that it is read from, for a manifest; M_t's own is not hashed for each method."""
        return [str(self.model.name)] if self.trained else []

    @property
    def asked(self) -> bool:
        """Whether it is asked here; M_t under the plain prompt has answered in sampling."""
        return not self.kind.reuses_base


def models(
    run: Run, entries: Mapping[str, MethodEntry], chosen: Iterable[tuple[str, int]], base: Model
) -> list[Evaluated]:
    """Models of a run, as ``(method, seed)``, each with the folder of the one who speaks; M_t is ``base``."""
    found = []
    for name, seed in chosen:
        kind = METHODS[entries[name].method]
        last = kind.stages[-1].name if kind.stages else BASE
        stage = None if kind.speaker == last else kind.speaker
        made = run.model(entries[name].model_of or name, seed, stage)
        folder = base if kind.speaker == BASE else base.model_copy(update={"name": str(made)})
        options = check_options(entries[name].method, entries[name].options)
        found.append(Evaluated(name, seed, folder, kind, options))
    return found


def behind_passages(texts: Iterable[str], questions: pd.DataFrame, wording: Prompts) -> list[str]:
    """What is asked about each of the QUESTIONS rows, behind their passages."""
    metas = questions["meta"] if "meta" in questions else [None] * len(questions)
    return [prompts.with_passages(wording, text, passages_of(meta)) for text, meta in zip(texts, metas, strict=True)]
