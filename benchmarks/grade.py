"""`grading.grade_table` against a plain loop: ``python benchmarks/grade.py``.

The loop normalizes each response and each alias and tests containment; it does not even look for refusals, which
`grade_table` does too. Both grade the same 100,000 responses, turn by turn, and must find the same ones right. Writes
``benchmarks/grade.csv`` (quantity, value, unit).

By default on generated questions of TriviaQA's shape, some 14 aliases each; ``--questions FILE`` takes real ones (a
Parquet or JSONL file or folder, or a copy of the hub's TriviaQA, as in a params file with ``--source``).
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import psutil

from honesty_utils import grading, questions
from honesty_utils.common import manifest
from honesty_utils.common.settings import DEFAULT_REFUSAL
from honesty_utils.questions.settings import QuestionSet
from honesty_utils.world import words

HERE = Path(__file__).resolve().parent

REPLIES = (
    "{}", "{}.", "The answer is {}.", "It was {}.", "I believe that {} is the right answer, though I am not certain.",
    "{} - this is widely known, and it has been asked in many a quiz.", "Sure! The answer you are looking for is: {}",
    "That would be {}, who is best known for work in the {n}s.", "**{}**", "In {n}, it was {}.",
)  # fmt: skip


def generated(count: int, rng: random.Random) -> tuple[list[str], list[list[str]]]:
    """Questions and their aliases: 2 to 26, mostly names of one to four words that share words, a few not ASCII."""
    asked, answers = [], []
    for number in range(count):
        first, last = (_word(rng).capitalize() for _ in range(2))
        aliases = [f"{first} {last}", last]
        for _ in range(rng.randint(0, 24)):
            extra = rng.choice(["The", "Sir", "O'" + last, _word(rng).capitalize(), "(band)", "é" + _word(rng), "St."])
            aliases.append(" ".join(rng.sample([first, last, extra, _word(rng).capitalize()], rng.randint(1, 4))))
        asked.append(f"Which {_word(rng)} of the {_word(rng)} {_word(rng)} was named in {1800 + number % 220}?")
        answers.append(list(dict.fromkeys(aliases)))
    return asked, answers


def _word(rng: random.Random) -> str:
    syllables = [rng.choice(words.ONSETS) + rng.choice("aeiou") for _ in range(rng.randint(1, 3))]
    return "".join(syllables) + rng.choice(words.CODAS)


def responses(asked: Sequence[str], answers: Sequence[Sequence[str]], size: int, rng: random.Random) -> pd.DataFrame:
    """``size`` responses, several a question: 55 % with a right answer (mostly its main form), 30 % wrong, 15 % idk."""
    rows = []
    for number in range(size):
        place = number % len(asked)
        kind = rng.random()
        known = answers[place] if kind < 0.55 else answers[rng.randrange(len(answers))]
        name = known[0] if rng.random() < 0.8 else rng.choice(known)
        reply = rng.choice(REPLIES).replace("{n}", str(rng.randint(1000, 2020))).replace("{}", name)
        rows.append((asked[place], answers[place], DEFAULT_REFUSAL if kind > 0.85 else reply))
    return pd.DataFrame(rows, columns=["question", "answers", "text"])


def by_loop(table: pd.DataFrame) -> list[bool]:
    matched = []
    for text, aliases in zip(table["text"], table["answers"], strict=True):
        response = grading.normalize(text)
        normal = [grading.normalize(alias) for alias in aliases]
        matched.append(any(alias and alias in response for alias in normal))
    return matched


def by_table(table: pd.DataFrame) -> list[bool]:
    return grading.grade_table(table)["matched"].tolist()


def measure(table: pd.DataFrame, rounds: int) -> pd.DataFrame:
    seconds: dict[str, list[float]] = {"loop": [], "table": []}
    ways: dict[str, Callable[[pd.DataFrame], list[bool]]] = {"loop": by_loop, "table": by_table}
    for number in range(rounds):
        found = {}
        for name, way in ways.items() if number % 2 else reversed(ways.items()):
            started = time.perf_counter()
            found[name] = way(table)
            seconds[name].append(time.perf_counter() - started)
        if found["loop"] != found["table"]:
            raise AssertionError("grade_table and the loop differ in what they find right")
    ratios = [loop / fast for loop, fast in zip(seconds["loop"], seconds["table"], strict=True)]
    rate = {name: round(len(table) / statistics.median(times)) for name, times in seconds.items()}
    distinct = table["question"].nunique()
    rows = [
        ("responses", len(table), f"to {distinct:,} questions of {table['answers'].map(len).mean():.1f} aliases"),
        ("distinct texts", table["text"].nunique(), ""),
        ("plain loop", rate["loop"], "responses/s, median"),
        ("grade_table", rate["table"], "responses/s, median"),
        ("faster by", round(statistics.median(ratios), 1), f"median of {rounds} paired rounds"),
        ("in the least of them by", round(min(ratios), 1), ""),
        ("processor", f"{psutil.cpu_count()} cores, {manifest.device()}", "one core is used"),
    ]
    return pd.DataFrame(rows, columns=["quantity", "value", "unit"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Rate of grade_table against a plain loop.")
    parser.add_argument("--questions", metavar="FILE", help="real questions in place of generated ones")
    parser.add_argument("--source", default="triviaqa", help="what FILE is: a name in questions.SOURCES")
    parser.add_argument("--responses", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    if options.questions:
        read = questions.load(
            "asked", QuestionSet(source=options.source, path=options.questions, allow_size_mismatch=True)
        )
        asked, answers = read["question"].tolist(), read["answers"].tolist()
    else:
        asked, answers = generated(3000, rng)
    result = measure(responses(asked, answers, options.responses, rng), options.rounds)
    result.to_csv(HERE / "grade.csv", index=False)
    print(result.to_string(index=False))
