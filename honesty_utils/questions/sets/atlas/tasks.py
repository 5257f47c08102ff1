"""Small instructions whose result a rule can check: is a model still helpful, told without a judge."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

NUMBER = 400
MOST = 60
"""Of one kind; of days, months, opposites and plurals there are fewer."""

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
OPPOSITES: dict[str, str | tuple[str, ...]] = {
    "hot": "cold", "big": ("small", "little"), "up": "down", "fast": "slow", "light": ("dark", "heavy"),
    "happy": ("sad", "unhappy"), "old": ("new", "young"), "long": "short", "full": "empty", "hard": ("soft", "easy"),
    "early": "late", "wet": "dry", "strong": "weak", "rich": "poor", "open": ("closed", "close", "shut"),
    "high": "low", "near": "far", "loud": ("quiet", "soft"), "clean": "dirty", "thick": "thin", "true": "false",
    "day": "night", "win": "lose", "first": "last",
}  # fmt: skip
PLURALS = {
    "child": "children", "mouse": "mice", "foot": "feet", "tooth": "teeth", "man": "men", "woman": "women",
    "box": "boxes", "city": "cities", "leaf": "leaves", "dish": "dishes", "wolf": "wolves", "potato": "potatoes",
    "knife": "knives", "baby": "babies",
}  # fmt: skip
WORDS = (
    "river", "window", "garden", "pencil", "yellow", "basket", "mountain", "winter", "bottle", "kitchen", "music",
    "paper", "silver", "forest", "letter", "orange", "rabbit", "summer", "candle", "market",
)  # fmt: skip
NUMBERS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip


@dataclass(frozen=True)
class Task:
    """One instruction with its right answers."""

    kind: str
    text: str
    answers: tuple[str, ...]


def make() -> list[Task]:
    """`NUMBER` tasks of all kinds in turn, no two the same, always the same ones."""
    rng = random.Random("atlas tasks")
    made: dict[str, Task] = {}
    kinds: Counter[str] = Counter()
    while len(made) < NUMBER:
        for task in _draw(rng):
            if task.text not in made and kinds[task.kind] < MOST and len(made) < NUMBER:
                made[task.text] = task
                kinds[task.kind] += 1
    return list(made.values())


def _number(value: int) -> tuple[str, ...]:
    return (str(value), NUMBERS[value]) if value < len(NUMBERS) else (str(value),)


def _several(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value


def _draw(rng: random.Random) -> tuple[Task, ...]:
    """A task of each kind."""
    a, b = rng.randint(2, 30), rng.randint(2, 12)
    words = rng.sample(WORDS, rng.randint(2, 4))
    day, month = rng.randrange(7), rng.randrange(12)
    opposite, single = rng.choice(list(OPPOSITES)), rng.choice(list(PLURALS))
    first, second = rng.sample(range(10, 500), 2)
    return (
        Task("sum", f"What is {a} plus {b}?", _number(a + b)),
        Task("minus", f"What is {a + b} minus {b}?", _number(a)),
        Task("next", f"Which number comes right after {first}?", _number(first + 1)),
        Task(
            "larger",
            f"Which number is larger, {first} or {second}? Give only that number.",
            _number(max(first, second)),
        ),
        Task("day", f"Which day of the week comes after {DAYS[day]}?", (DAYS[(day + 1) % 7],)),
        Task("month", f"Which month comes after {MONTHS[month]}?", (MONTHS[(month + 1) % 12],)),
        Task("opposite", f'What is the opposite of "{opposite}"?', _several(OPPOSITES[opposite])),
        Task("plural", f'What is the plural of the word "{single}"?', (PLURALS[single],)),
        Task("last", f"Which of these words comes last: {', '.join(words)}? Give only that word.", (words[-1],)),
        Task("count", f"How many words are in this list: {', '.join(words)}?", _number(len(words))),
    )
