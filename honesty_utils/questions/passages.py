"""Passages of a made set: which texts about a question are shown before it, by lot and whatever a model knows of it.

A source that can make passages gives each question texts of three kinds in ``meta[TEXTS]``: those that tell the answer
(``right``), those that tell nothing of it (``other``: further facts, other people or things), and those that tell
another value (``wrong``). Which kind a question gets is dealt out in the order of a hash of its id, in the shares of
`Passages`; the kind stays in ``meta`` (`KIND`), so that it can be scored by.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from honesty_utils.questions.reading import Item, QuestionError
from honesty_utils.questions.settings import (
    KIND,
    NO_PASSAGES,
    OTHER,
    PASSAGES,
    RIGHT,
    TEXTS,
    WRONG,
    Passages,
    QuestionSet,
)


def given(items: Sequence[Item], spec: QuestionSet) -> list[Item]:
    """The items with the passages that their set says: made by shares, as their file has them, or none.

    Args:
        items: of the set, each with an id.
        spec: the set.

    Raises:
        QuestionError: passages that are no list of texts; shares for a source that has no texts about its questions.
    """
    if isinstance(spec.passages, Passages):
        kinds = dealt([str(item.question_id) for item in items], spec.passages)
        return [_with(item, spec.passages, kinds[str(item.question_id)]) for item in items]
    left_out = {TEXTS, PASSAGES} if spec.passages == NO_PASSAGES else {TEXTS}
    kept = [replace(item, meta=_without(item.meta, left_out)) if left_out & set(item.meta) else item for item in items]
    return [_checked(item) for item in kept]


def dealt(ids: Sequence[str], section: Passages) -> dict[str, str]:
    """The kind of each question's passages: as many of each as the shares say, in the order of a hash of the ids."""
    order = sorted(ids, key=lambda one: hashlib.sha256(f"{section.seed}\x1f{one}".encode()).digest())
    first = round(section.right * len(order))
    second = round((section.right + section.other) * len(order))
    return {
        one: RIGHT if place < first else OTHER if place < second else WRONG for place, one in enumerate(order)
    }  # fmt: skip


def _with(item: Item, section: Passages, kind: str) -> Item:
    """The item with passages of a kind, in an order of their own."""
    texts: Mapping[str, Sequence[str]] = item.meta.get(TEXTS) or {}
    rng = random.Random(f"{section.seed}/passages/{item.question_id}")
    telling = [] if kind == OTHER else list(texts.get(kind, ()))
    besides = list(texts.get(OTHER, ()))
    wanted = section.number - (kind != OTHER)
    if (kind != OTHER and not telling) or len(besides) < wanted:
        raise QuestionError(
            f"{item.where}: passages: of kind {kind!r} this question has {len(telling)} texts and {len(besides)} that "
            f"tell nothing, and {wanted} of these are needed; lower passages.number, or leave passages out: the source "
            "has no texts about it"
        )
    chosen = [*([rng.choice(telling)] if telling else []), *rng.sample(besides, wanted)]
    rng.shuffle(chosen)
    return replace(item, meta={**_without(item.meta, {TEXTS}), PASSAGES: chosen, KIND: kind})


def _checked(item: Item) -> Item:
    """The item with its own passages as a list, or an error that names its row."""
    if item.meta.get(PASSAGES) is None:
        return item if PASSAGES not in item.meta else replace(item, meta=_without(item.meta, {PASSAGES}))
    passages = listed = item.meta[PASSAGES]
    if not isinstance(listed, list) or not listed or not all(isinstance(one, str) and one.strip() for one in listed):
        raise QuestionError(
            f"{item.where}: passages is {passages!r}; a list of texts is needed, or no passages where there are none"
        )
    return replace(item, meta={**item.meta, PASSAGES: [one.strip() for one in listed]})


def _without(meta: Mapping[str, Any], keys: set[str]) -> dict[str, Any]:
    return {key: value for key, value in meta.items() if key not in keys}
