"""What every question set is held to: its documented size, each row's texts and options, ids, repeats."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from honesty_utils.common.prompts import LETTERS
from honesty_utils.grading import normalize
from honesty_utils.questions.reading import Item, QuestionError, Source, logger
from honesty_utils.questions.settings import LABEL, PRESSED, QuestionSet


@dataclass(frozen=True)
class Counts:
    """How many questions of a set there are, and what became of them; goes into the manifest.

    Attributes:
        read: questions of the source, repeats included.
        documented: how many there should be; ``None`` where a set may have any size.
        ungradable: dropped, as every answer normalizes to nothing.
        repeats: dropped, as the same question stands before them.
        too_long: dropped, as they are over ``longest``.
        taken: what is left after ``part`` and ``limit``.
    """

    read: int
    documented: int | None
    ungradable: int
    repeats: int
    too_long: int
    taken: int


def gradable(answers: Iterable[str]) -> list[str]:
    """Answers, stripped and without repeats, that normalize to something; an empty one is within every response."""
    return [answer for answer in dict.fromkeys(answer.strip() for answer in answers) if normalize(answer)]


def check_size(name: str, found: int, spec: QuestionSet, source: Source) -> int | None:
    """The documented size, or an error where the set has another and the difference is not allowed."""
    documented = source.documented(spec.split)
    if documented is None or documented == found:
        return documented
    if not spec.allow_size_mismatch:
        raise QuestionError(
            f"{found:,} questions in split {spec.split or source.split!r}, but {documented:,} are documented "
            f"(docs/data/{spec.source}.md); the copy is not whole or of another version: fetch it again, or say "
            "allow_size_mismatch: true for this set"
        )
    logger.warning("questions.%s: %d questions, %d documented: allow_size_mismatch", name, found, documented)
    return documented


def check_twins(items: Iterable[Item]) -> None:
    """Every ``twin`` stands for two questions: one should be refused and one not, or one is asked under pressure."""
    pairs: dict[str, list[Item]] = {}
    for item in items:
        if item.meta.get("twin") is not None:
            pairs.setdefault(str(item.meta["twin"]), []).append(item)
    for name, pair in pairs.items():
        unknown = sum(item.meta.get(LABEL) == "unknown" for item in pair)
        pressed = sum(item.meta.get(PRESSED) is True for item in pair)
        if (len(pair), unknown, pressed) not in ((2, 1, 0), (2, 0, 1)):
            raise QuestionError(
                f"{pair[0].where}: twin {name!r} stands for {len(pair)} questions, {unknown} of them labeled unknown "
                f"and {pressed} under pressure; one of each is needed: add its twin, or leave twin out"
            )


def check_row(item: Item) -> Item:
    """The item with its texts stripped and its answers that can be graded, or an error that names its row.

    Without choices, no answers are left of an item that cannot be graded; see `check_answered`.
    """
    if not isinstance(item.question, str) or not item.question.strip():
        raise QuestionError(f"{item.where}: question is {item.question!r}; a text is needed")
    for column, values in (("choices", item.choices or []), ("answers", item.answers)):
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise QuestionError(f"{item.where}: {column} is {values!r}; a list of texts is needed")
    _check_choices(item)
    # An answer among choices is graded by its letter or whole text, so that a sign such as "//" is fine there.
    answers = list(item.answers) if item.choices is not None else gradable(item.answers)
    return replace(item, question=item.question.strip(), answers=answers)


def check_answered(item: Item, checked: Item) -> None:
    """An error that names the row where no answer can be graded and there should be one."""
    if not checked.answers and checked.has_answers:
        raise QuestionError(
            f"{item.where}: answers are {list(item.answers)!r}; at least one is needed that is more than articles and "
            "punctuation; correct or remove the row"
        )


def _check_choices(item: Item) -> None:
    if item.choices is None and item.answer_index is None:
        return
    choices = item.choices or []
    if not 2 <= len(choices) <= len(LETTERS) or not all(choice.strip() for choice in choices):
        raise QuestionError(f"{item.where}: choices are {choices!r}; 2 to {len(LETTERS)} texts are needed")
    if item.answer_index is None and not item.has_answers and not item.answers:
        return  # which of them is right cannot be known
    if item.answer_index is None or not 0 <= item.answer_index < len(choices):
        raise QuestionError(f"{item.where}: answer_index is {item.answer_index}; allowed: 0 to {len(choices) - 1}")


def check_ids(items: Sequence[Item]) -> None:
    """Every row has an id and no two have the same, or none has any."""
    first: dict[str, str] = {}
    for item in items:
        if item.question_id is None:
            continue
        if first.setdefault(item.question_id, item.where) != item.where:
            raise QuestionError(
                f"{item.where}: question_id {item.question_id!r} is that of {first[item.question_id]} too; "
                "ids are unique in a set; correct it, or leave the column out to have ids made"
            )
    lacking = next((item.where for item in items if item.question_id is None), None)
    if first and lacking is not None:
        raise QuestionError(
            f"{lacking}: has no question_id, but {next(iter(first.values()))} has; "
            "give every row one, or leave the column out to have ids made"
        )


def without_repeats(items: Sequence[Item], drop: bool, published: bool) -> list[Item]:
    """The items without repeats.

    Args:
        items: in the order of the source.
        drop: drop a question whose text is that of an earlier one.
        published: drop a row whose id *and* text are those of an earlier one, whatever ``drop`` says.
    """
    first: dict[tuple[str, ...], Item] = {}
    for item in items:
        key = sameness_key(item)
        if not drop:
            key = (*key, item.question_id if published and item.question_id is not None else item.where)
        first.setdefault(key, item)
    return list(first.values())


def sameness_key(item: Item) -> tuple[str, ...]:
    """What makes two rows the same question."""
    # Multiple choice by its exact text: "Which of these is right?" is another question with other options.
    if item.choices is not None:
        return (item.question, *item.choices)
    return (normalize(item.question) or item.question,)


def with_ids(items: Iterable[Item]) -> list[Item]:
    """The items, each with an id: its own, else one made of its text, whatever else is in the file.

    A repeat that is kept has its number behind the id of the first.
    """
    seen: dict[str, int] = {}
    named = []
    for item in items:
        if item.question_id is None:
            digest = hashlib.sha256("\x1f".join(sameness_key(item)).encode()).hexdigest()[:16]
            seen[digest] = seen.get(digest, 0) + 1
            item = replace(item, question_id=digest if seen[digest] == 1 else f"{digest}-{seen[digest]}")
        named.append(item)
    return named
