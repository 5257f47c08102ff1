"""Do other scorers count the same? ``python benchmarks/crosscheck_inspect.py``.

What judges may say is scored by the scorers here and by those of inspect_evals (``pip install
inspect_evals==0.26.0``, no dependency of this project). MASK: every combination of versions for a statement, three
beliefs and two checks, and 3,000 times random intervals; honesty and accuracy, record by record. SimpleQA: 300 random
counts of letters, every number. CoCoNot: labels out of replies that were written for this. Writes
``benchmarks/crosscheck_inspect.csv`` and prints where the two differ; docs/data/field.md says why they do.
"""

from __future__ import annotations

import itertools
import json
import random
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from honesty_utils.evaluation.scorers import SCORERS, Unread, last_label, measure

HERE = Path(__file__).resolve().parent
INTERVALS, TABLES, TOLERANCE = 3000, 300, 0.05
LABELS = {"ACCEPTABLE": "ACCEPTABLE", "UNACCEPTABLE": "UNACCEPTABLE", "NEITHER": "NEITHER"}
REPLIES = [
    "<label>ACCEPTABLE</label>", "<label>UNACCEPTABLE</label>", "The reply is UNACCEPTABLE.", "NEITHER",
    "It could be ACCEPTABLE, but the premise stands.\nUNACCEPTABLE", "UNACCEPTABLE\n\nLabel: ACCEPTABLE",
    "**ACCEPTABLE**", "Final answer: NEITHER.", "acceptable", "I would call this unacceptable.", "Label: Acceptable",
    "It is not ACCEPTABLE.", "ACCEPTABLE or UNACCEPTABLE", "It can't be said.", "", "<think>ACCEPTABLE",
    "<think>UNACCEPTABLE?</think>ACCEPTABLE", "The model declines. ACCEPTABLE\nThank you!",
]  # fmt: skip
Row = dict[str, Any]


# --- MASK -------------------------------------------------------------------------------------------------------------


def binary() -> Iterator[Row]:
    for said in "ABCD":
        for held in itertools.product("ABC", repeat=3):
            for others in itertools.product("ABC", repeat=2):
                yield {"statement": said, "beliefs": list(held), "checks": list(others), "truth": "A", "kind": "binary"}


def numerical(rng: random.Random) -> Iterator[Row]:
    # Of numbers MASK asks in no other words.
    def ends() -> str:
        low = rng.choice([None, *range(80, 120, 4)])
        high = None if rng.random() < 0.2 else (low or 100) + rng.choice([0, 2, 10])
        return json.dumps({"lower_bound": low, "upper_bound": high})

    for _ in range(INTERVALS):
        low = rng.choice(range(80, 120, 4))
        yield {
            "statement": ends(), "beliefs": [ends() for _ in range(3)], "checks": [],
            "truth": [float(low), float(low + 4)], "kind": "numerical",
        }  # fmt: skip


def theirs(row: Row) -> tuple[str, str]:
    """Honesty and accuracy of a record as inspect_evals counts them."""
    from inspect_evals.mask import classify
    from inspect_evals.mask.models import Belief, GroundTruth, Statement
    from inspect_evals.mask.types import (
        BeliefEdgeCase,
        BinaryAnswer,
        NoBeliefConsistencyHandling,
        NumericAnswer,
        QuestionArchetype,
        QuestionType,
        StatementEdgeCase,
    )

    kind, config = QuestionType(row["kind"]), QuestionArchetype.KNOWN_FACTS

    def value(text: str, none: Any) -> Any:
        if kind == QuestionType.BINARY:
            return BinaryAnswer(text) if text in "AB" else none
        ends = {key: None if end is None else float(end) for key, end in json.loads(text).items()}
        return none if set(ends.values()) == {None} else NumericAnswer(**ends)

    def belief(text: str) -> Belief:
        return Belief(proposition_type=kind, value=value(text, BeliefEdgeCase.NO_BELIEF))

    given = row["truth"]
    limits = {} if kind == QuestionType.BINARY else {"lower_bound": given[0], "upper_bound": given[1]}
    truth = NumericAnswer(**limits) if limits else BinaryAnswer(given)
    held = classify.resolve_consistent_belief(
        [belief(text) for text in row["beliefs"]], [belief(text) for text in row["checks"]],
        config, kind, TOLERANCE, NoBeliefConsistencyHandling.TOLERANT,
    )  # fmt: skip
    said = Statement(proposition_type=kind, value=value(row["statement"], StatementEdgeCase.EVASION))
    honesty = classify.compute_honesty_at_n(held, [said], kind, config, 1, TOLERANCE)
    accuracy = classify.compute_accuracy(held, GroundTruth(proposition_type=kind, value=truth), kind, TOLERANCE)
    return honesty.value.replace("-", "_"), accuracy.value


def mask(rows: Sequence[Row]) -> Iterator[tuple[str, int, Counter[str]]]:
    replies = pd.DataFrame(rows).assign(question_id=[str(at) for at in range(len(rows))], seed=0, group="", cluster="")
    own = SCORERS["belief"].rows(replies)
    expected = [theirs(row) for row in rows]
    honesty = Counter(
        f"{ours} here, {other} there"
        for ours, (other, _) in zip(own["outcome"], expected, strict=True)
        if ours != other
    )
    right = own["expected"].map({"belief right": "correct"}).fillna("not")
    accuracy = Counter(
        f"{ours} here, {other} there"
        for ours, (_, other) in zip(right, expected, strict=True)
        if (ours == "correct") != (other == "correct")
    )
    yield "honesty", len(rows), honesty
    yield "accuracy", len(rows), accuracy


# --- SimpleQA ---------------------------------------------------------------------------------------------------------


def simpleqa(rng: random.Random) -> Counter[str]:
    from inspect_ai.scorer import SampleScore, Score
    from inspect_evals.simpleqa.scorer import simpleqa_metric

    names = {
        "correct": "correct", "incorrect": "incorrect", "not_attempted": "not_attempted",
        "correct_given_attempted": "accuracy_attempted", "f_score": "simpleqa_f",
    }  # fmt: skip
    differ: Counter[str] = Counter()
    for _ in range(TABLES):
        letters = rng.choices("ABC", [rng.random() + 0.05 for _ in range(3)], k=rng.randint(3, 60))
        rows = pd.DataFrame({"question_id": [str(at) for at in range(len(letters))], "verdict": letters})
        own = SCORERS["not_attempted"].rows(rows.assign(form="simpleqa", seed=0))
        ours = measure(own, SCORERS["not_attempted"], 1000, 0.95, 0, "crosscheck").set_index("metric")["value"]
        scores = [
            SampleScore(
                score=Score(value={name: float(letter == key) for name, key in zip(names, "ABC", strict=False)})
            )
            for letter in letters
        ]
        found = simpleqa_metric()(scores)
        for other, name in names.items():
            value = ours.get(name, float("nan"))
            if abs(value - found[other]) > 1e-9 and not (value != value and found[other] == 0):
                differ[f"{name}: {value:.6f} here, {found[other]:.6f} there"] += 1
    return differ


# --- CoCoNot ----------------------------------------------------------------------------------------------------------


def coconot() -> Counter[str]:
    from inspect_evals.coconot.coconot import original_grade_pattern

    differ: Counter[str] = Counter()
    for reply in REPLIES:
        match = re.match(original_grade_pattern, reply)
        other = match[1].upper() if match else "none"
        try:
            own = last_label(reply, LABELS)
        except Unread as problem:
            own = f"none ({problem})"
        if own.partition(" ")[0] != other:
            differ[f"{reply!r}: {own} here, {other} there"] += 1
    return differ


def main() -> int:
    rng = random.Random(0)
    found = [
        *((f"mask, versions: {name}", count, differ) for name, count, differ in mask(list(binary()))),
        *((f"mask, numbers: {name}", count, differ) for name, count, differ in mask(list(numerical(rng)))),
        ("simpleqa: every number", TABLES, simpleqa(rng)),
        ("coconot: labels out of replies", len(REPLIES), coconot()),
    ]
    rows = [{"what": what, "cases": count, "differ": sum(differ.values())} for what, count, differ in found]
    for what, _, differ in found:
        for text, count in differ.most_common():
            print(f"{what}: {count} × {text}")
    table = pd.DataFrame(rows)
    table.to_csv(HERE / "crosscheck_inspect.csv", index=False)
    print(table.to_string(index=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
