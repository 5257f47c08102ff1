"""A trained head: the probability that it gives to the hidden state of a prompt's last token, or of an answer's.

A head is linear over standardized states and ends in a sigmoid. It is a folder, which ``training.objectives.head``
writes whole or not at all:

    head.json             which model, layer and prompt style it reads, and how it was trained
    weights.npz           mean, scale and coef, each (width,), and intercept
    out_of_fold.parquet   SIGNALS rows of its training questions, each by a head that has not seen the question
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from honesty_utils.common import records
from honesty_utils.engines import States
from honesty_utils.knowledge.signals.signal import Evidence, Values

NAME = "head"
PROMPT, ANSWER = "prompt", "answer"
"""Whose last token's state a head reads; where ``facts`` do not say, the prompt's."""
DESCRIPTION, WEIGHTS, OUT_OF_FOLD = "head.json", "weights.npz", "out_of_fold.parquet"


@dataclass(frozen=True)
class Head:
    """A linear head.

    Attributes:
        layer: whose states it reads, see ``engines.HiddenEngine.states``.
        base: ``engines.loading.model_digest`` of the model whose states it reads.
        mean, scale: of each input where it was trained, (width,); a scale is never 0.
        coef: weight of each standardized input, (width,).
        intercept: log-odds of an average state.
        facts: what else is known of its training, for people.
    """

    layer: int
    base: str
    mean: Values
    scale: Values
    coef: Values
    intercept: float
    facts: Mapping[str, Any]

    @property
    def reads_answers(self) -> bool:
        """Whether it reads the state of an answer, and not of the prompt alone."""
        return self.facts.get("reads") == ANSWER

    def probability(self, states: States) -> Values:
        """Probability of each state, shape (states,).

        Raises:
            ValueError: states of another width, such as those of another model.
        """
        if states.ndim != 2 or states.shape[1] != len(self.coef):
            raise ValueError(
                f"states of shape {states.shape}; this head reads (questions, {len(self.coef)}): take layer "
                f"{self.layer} of the model that it was trained on"
            )
        found: Values = expit((states.astype(np.float64) - self.mean) / self.scale @ self.coef + self.intercept)
        return found

    def save(self, folder: Path, out_of_fold: pd.DataFrame) -> None:
        """Write it into a folder that is there.

        Args:
            folder: where to.
            out_of_fold: SIGNALS rows of the training questions.
        """
        described = {"layer": self.layer, "base": self.base, "width": len(self.coef), **self.facts}
        (folder / DESCRIPTION).write_text(json.dumps(described, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        np.savez(folder / WEIGHTS, mean=self.mean, scale=self.scale, coef=self.coef, intercept=np.array(self.intercept))
        records.write(out_of_fold, records.SIGNALS, folder / OUT_OF_FOLD)


def load(folder: str | Path, base: str | None = None) -> Head:
    """The head in a folder.

    Args:
        folder: see above.
        base: ``engines.loading.model_digest`` of the model whose states it is to read; none: that is not looked at.

    Raises:
        ValueError: no head is there, or one of another model.
    """
    folder = Path(folder)
    for name in (DESCRIPTION, WEIGHTS, OUT_OF_FOLD):
        if not (folder / name).is_file():
            raise ValueError(f"{folder}: no head, it has no {name}; train the stage that makes it first")
    facts = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    if base is not None and base != facts["base"]:
        raise ValueError(
            f"{folder}: a head for the states of another model ({facts['base']}, not {base}): train it on this one"
        )
    with np.load(folder / WEIGHTS) as arrays:
        weights = {name: arrays[name] for name in ("mean", "scale", "coef")}
        intercept = float(arrays["intercept"])
    layer, identity = int(facts.pop("layer")), str(facts.pop("base"))
    return Head(layer=layer, base=identity, intercept=intercept, facts=facts, **weights)


def out_of_fold(folder: str | Path) -> pd.DataFrame:
    """SIGNALS rows of a head's training questions, each by a head that has not seen the question.

    A threshold is fitted on these: on the head's own probabilities it would be fitted to what was learned by heart.
    """
    return records.read(records.SIGNALS, Path(folder) / OUT_OF_FOLD)


def measure(evidence: Evidence) -> Values:
    """Probability that the head gives to each state; NaN where a state is."""
    if evidence.states is None or evidence.head is None:
        raise ValueError(f"signal {NAME!r}: needs hidden states and the folder of a head; give both")
    return load(evidence.head).probability(evidence.states)
