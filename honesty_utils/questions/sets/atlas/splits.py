"""The splits of the atlas: which relations and entities are in which, and how each fact becomes a question."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from honesty_utils.questions.reading import Item, QuestionError
from honesty_utils.questions.sets.atlas import invented, tables, tasks, texts
from honesty_utils.questions.sets.atlas.relations import RELATIONS, Fact, Relation
from honesty_utils.questions.settings import TEXTS, Passages, QuestionSet

SIZES = {
    "train": 2_604, "dev": 495, "test": 2_115, "other": 4_413, "reworded": 2_115, "unknown": 800, "choice": 2_115,
    "tasks": 400,
}  # fmt: skip
"""With the locked versions of the packages."""

SHARES = {"train": 50, "dev": 10, "test": 40}
"""Of a hundred entities of the home relations."""


def read(spec: QuestionSet, data: Path | None = None) -> Iterator[Item]:
    """Questions of one split, or of several joined by ``+``.

    Raises:
        QuestionError: an unknown split; a package that is missing or whose table has changed; a relation with too few
            facts.
    """
    for split in (spec.split or "test").split("+"):
        if split not in _SPLITS:
            raise QuestionError(f"split: {split!r}; allowed: {', '.join(_SPLITS)}")
        items = _SPLITS[split](split)
        yield from items if not isinstance(spec.passages, Passages) else _with_texts(items)


def _with_texts(items: Iterator[Item]) -> Iterator[Item]:
    """The questions with what may be shown before them, for `questions.passages` to choose from."""
    known = {name: facts(relation) for name, relation in RELATIONS.items()}
    told = texts.by_entity(known)
    shown: dict[tuple[str, str], dict[str, dict[str, list[str]]]] = {}
    for item in items:
        name, entity = str(item.meta.get("relation")), str(item.meta.get("entity"))
        if name not in RELATIONS:
            yield item  # small tasks, and what does not exist
            continue
        place = part(entity) if RELATIONS[name].home else ""
        if (name, place) not in shown:
            own = [fact for fact in known[name] if not place or part(fact.entity) == place]
            further = {
                fact.entity: [text for other, told_of in told[fact.entity].items() if other != name for text in told_of]
                for fact in own
            }
            shown[name, place] = texts.about(name, own, further)
        yield replace(item, meta={**item.meta, TEXTS: shown[name, place][entity]})


def facts(relation: Relation) -> list[Fact]:
    """The facts of a relation that can be asked without ambiguity, in the order of its table.

    Raises:
        QuestionError: fewer than the relation needs.
    """
    found = list(relation.facts(tables.load()))
    if len(found) < relation.least:
        raise QuestionError(
            f"relation {relation.name!r}: {len(found)} facts, at least {relation.least} are needed; the package's "
            f"table has changed: install the locked versions ({tables.REMEDY})"
        )
    return found


def part(entity: str) -> str:
    """Which of `SHARES` an entity belongs to, whatever else is in the table."""
    place = _number("part", entity) % 100
    for name, share in SHARES.items():
        if place < share:
            return name
        place -= share
    raise AssertionError("shares are of a hundred")


def _number(*parts: str) -> int:
    return int.from_bytes(hashlib.sha256("\x1f".join(parts).encode()).digest()[:8], "big")


def _asked(split: str, relation: Relation, wordings: Sequence[str]) -> Iterator[Item]:
    for fact in facts(relation):
        if relation.home and split != "other" and part(fact.entity) != ("test" if split == "reworded" else split):
            continue
        yield _item(split, relation, fact, wordings)


def _item(split: str, relation: Relation, fact: Fact, wordings: Sequence[str]) -> Item:
    name = f"{relation.name}-{fact.entity}"
    wording = wordings[_number("wording", split, name) % len(wordings)]
    meta = {"relation": relation.name, "entity": fact.entity, "fame": fact.fame}
    question = wording.format(fact.subject)
    return Item(name, question[0].upper() + question[1:], list(fact.answers), split, question_id=name, meta=meta)


def _home(split: str) -> Iterator[Item]:
    for relation in RELATIONS.values():
        if relation.home:
            yield from _asked(split, relation, relation.wordings)


def _reworded(split: str) -> Iterator[Item]:
    for relation in RELATIONS.values():
        if relation.home:
            yield from _asked(split, relation, relation.reworded)


def _other(split: str) -> Iterator[Item]:
    for relation in RELATIONS.values():
        if not relation.home:
            yield from _asked(split, relation, relation.wordings)


def _unknown(split: str) -> Iterator[Item]:
    for kind, name, wording in invented.questions(tables.load()):
        meta = {"label": "unknown", "relation": kind, "entity": name}
        yield Item(name, wording.format(name), [], split, question_id=f"{kind}-{name}", meta=meta, has_answers=False)


def _choice(split: str) -> Iterator[Item]:
    """Four options: the right one, and three first answers of other facts of the relation that are not right here."""
    for relation in RELATIONS.values():
        if not relation.home:
            continue
        known = facts(relation)
        shown = sorted({fact.answers[0] for fact in known})
        for fact in known:
            if part(fact.entity) != "test":
                continue
            rng = random.Random(_number("choice", relation.name, fact.entity))
            wrong = rng.sample([answer for answer in shown if answer not in fact.answers], 3)
            options = [fact.answers[0], *wrong]
            rng.shuffle(options)
            item = _item(split, relation, fact, relation.wordings)
            yield Item(
                item.where, item.question, [fact.answers[0]], split, question_id=item.question_id, meta=item.meta,
                choices=options, answer_index=options.index(fact.answers[0]),
            )  # fmt: skip


def _tasks(split: str) -> Iterator[Item]:
    for number, task in enumerate(tasks.make()):
        yield Item(
            f"task {number}",
            task.text,
            list(task.answers),
            split,
            question_id=f"task-{number}",
            meta={"kind": task.kind},
        )


_SPLITS: dict[str, Callable[[str], Iterator[Item]]] = {
    **dict.fromkeys(SHARES, _home),
    "other": _other,
    "reworded": _reworded,
    "unknown": _unknown,
    "choice": _choice,
    "tasks": _tasks,
}
