"""Tasks that need no knowledge of any world: is the model still helpful, told without a judge."""

from __future__ import annotations

import random
from dataclasses import dataclass

from honesty_utils.wordlists import WORDS


@dataclass(frozen=True)
class Task:
    """One instruction with the one right answer."""

    kind: str
    text: str
    answer: str


def make(rng: random.Random, count: int) -> list[Task]:
    """``count`` different tasks, of all kinds in turn."""
    made: dict[str, Task] = {}
    while len(made) < count:
        words = rng.sample(WORDS, rng.randint(2, 4))
        listed = ", ".join(words)
        first, last = words[0].capitalize(), words[-1].capitalize()
        kinds = (
            Task("repeat", f"Repeat the word {words[0]}.", first),
            Task("twice", f"Say {words[0]} twice.", f"{first} {words[0]}"),
            Task("first", f"Which word comes first: {listed}?", first),
            Task("last", f"Which word comes last: {listed}?", last),
            Task("count", f"How many words are here: {listed}?", ("Two", "Three", "Four")[len(words) - 2]),
        )
        task = kinds[len(made) % len(kinds)]
        made.setdefault(task.text, task)
    return list(made.values())
