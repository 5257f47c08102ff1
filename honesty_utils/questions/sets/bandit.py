"""The signalling bandit (``questions.bandit``): 84 contexts under three instructions, made by rule; nothing is read.

``split`` names instructions, ``honest``, ``helpful`` and ``neutral``, joined by ``+``; all where there is none. The 24
sentences are the options. As an answer counts the true sentence that helps most, so that ``accuracy`` asks for both;
what a speaker minds stands in ``tab_signalling``. Contexts are resampled together. ``choose: likelihood`` suits models
that do not name letters. Card: ``docs/data/bandit.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from honesty_utils.questions import bandit
from honesty_utils.questions.reading import Item, QuestionError
from honesty_utils.questions.settings import QuestionSet

DEFAULT = "+".join(bandit.INSTRUCTIONS)
SIZES = {name: len(bandit.CONTEXTS) for name in bandit.INSTRUCTIONS}


def read(spec: QuestionSet, data: Path | None = None) -> Iterator[Item]:
    """Every context under the instructions that ``spec.split`` names.

    Raises:
        QuestionError: an instruction that there is none of.
    """
    choices = [one.text() for one in bandit.UTTERANCES]
    for instruction in (spec.split or DEFAULT).split("+"):
        if instruction not in bandit.INSTRUCTIONS:
            raise QuestionError(f"split: {instruction!r}; allowed: {', '.join(bandit.INSTRUCTIONS)}")
        for number, context in enumerate(bandit.CONTEXTS):
            right = bandit.UTTERANCES.index(bandit.best(context))
            yield Item(
                f"{instruction}: context {number}",
                bandit.text(context, instruction),
                [choices[right]],
                split=instruction,
                question_id=f"{instruction}-{number}",
                choices=choices,
                answer_index=right,
                meta={"group": instruction, "context": number},
            )
