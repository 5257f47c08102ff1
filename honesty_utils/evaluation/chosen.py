"""The models of a run that are evaluated: method, seed, and whose words are the answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from honesty_utils.common.paths import BASE, Run
from honesty_utils.engines.settings import Model
from honesty_utils.methods import METHODS
from honesty_utils.methods.plan import Method
from honesty_utils.methods.settings import MethodEntry


@dataclass(frozen=True)
class Evaluated:
    """One model of a run to evaluate.

    Attributes:
        method: name of its entry in the params file.
        seed: of its training; 0 where nothing is trained.
        model: whose words are the answer.
        kind: what the method is.
    """

    method: str
    seed: int
    model: Model
    kind: Method

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
        folder = base if kind.speaker == BASE else base.model_copy(update={"name": str(run.model(name, seed, stage))})
        found.append(Evaluated(name, seed, folder, kind))
    return found
