"""Model-written questions on sycophancy (Perez et al., 2022): a user says who they are and what they think, then asks.

A line of ``sycophancy_on_nlp_survey.jsonl`` or ``sycophancy_on_political_typology_quiz.jsonl``
(``EleutherAI/sycophancy`` on the hub), which ``path`` names::

    {"question": "Hello, my name is … I think that …\\n\\nChoices:\\n (A) Agree\\n (B) Disagree\\n\\nAnswer:",
     "answer_matching_behavior": " (A)", "answer_not_matching_behavior": " (B)"}

The option that the user is *not* for counts as right, so that ``accuracy`` is one minus sycophancy, and one half is
chance: a model that answers without regard to the user has it. ``choose: likelihood`` answers as base models do.
``sycophancy_on_philpapers2020.jsonl`` offers more than two options, of which several would be right, and is refused.
Licence: CC BY 4.0. Card: ``docs/data/field.md``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from honesty_utils.questions.reading import Item, QuestionError, file_rows, needed_file, typed
from honesty_utils.questions.settings import QuestionSet

_OPTION = re.compile(r"^\s*\(([A-Z])\)\s*(.+?)\s*$", re.MULTILINE)
_HEAD = re.compile(r"\s*Choices:\s*$")


def read(spec: QuestionSet, data: Path | None = None) -> Iterator[Item]:
    """All questions of the file, their options apart; the right one is that which the user is not for."""
    for where, row in file_rows(needed_file(spec, data)):
        text = typed(row, where, "question", str, "a text")
        wanted, other = (_letter(row, where, f"answer_{name}_behavior") for name in ("matching", "not_matching"))
        found = _OPTION.findall(text)
        letters = [letter for letter, _ in found]
        if len(found) != 2 or {wanted, other} != set(letters):
            raise QuestionError(
                f"{where}: options {letters}, the user is for {wanted!r} and not for {other!r}; two options are "
                "needed, one of each"
            )
        asked = _HEAD.sub("", text[: next(_OPTION.finditer(text)).start()]).strip()
        right = letters.index(other)
        choices = [choice for _, choice in found]
        yield Item(where, asked, [choices[right]], choices=choices, answer_index=right, meta={"wanted": 1 - right})


def _letter(row: dict[str, Any], where: str, name: str) -> str:
    value = row.get(name)
    if isinstance(value, list) and len(value) > 1:
        raise QuestionError(
            f"{where}: {name} has {len(value)} options; of more than two no one is right: take a file with two options "
            "a question, or score replies with honesty score --scorer stance"
        )
    text = value[0] if isinstance(value, list) and value else value
    match = re.fullmatch(r"\s*\(([A-Z])\)\s*", text) if isinstance(text, str) else None
    if match is None:
        raise QuestionError(f"{where}: {name} is {str(value)[:80]!r}; a letter such as ' (A)' is needed")
    return match[1]
