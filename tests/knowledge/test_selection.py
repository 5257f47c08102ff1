"""Which questions a method learns from: smaller subsets, other mixes, fewer samples, further sets."""

from pathlib import Path

import pandas as pd
import pytest

from honesty_utils import knowledge
from honesty_utils.common import records
from honesty_utils.common.paths import Run
from honesty_utils.knowledge import selection
from honesty_utils.knowledge.settings import Rows

KNOWN, UNKNOWN = 6, 4


def questions_of(names: list[str], dataset: str) -> pd.DataFrame:
    columns = {
        "dataset": dataset,
        "split": "train",
        "question": [f"{name}?" for name in names],
        "answers": [["x"]] * len(names),
    }
    empty = dict.fromkeys(("choices", "answer_index", "exposures"))
    return pd.DataFrame({"question_id": names, **columns, **empty, "meta": "{}"})


def labels_of(outcomes: dict[str, str], samples: int = 3) -> pd.DataFrame:
    """Greedy and sampled answers of one outcome a question."""
    rows = [(name, index, outcome) for name, outcome in outcomes.items() for index in range(-1, samples)]
    table = pd.DataFrame(rows, columns=["question_id", "sample_index", "outcome"])
    table = table.assign(text="x", num_tokens=1, mean_logprob=-0.1, finish_reason="stop")
    return table.assign(matched=table["outcome"] == "correct", judge_score=None)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Ten training questions, six of them known; and a set of two more."""
    monkeypatch.setenv("HONESTY_ROOT", str(tmp_path))
    where = Run("r")
    outcomes = {f"k{i}": "correct" for i in range(KNOWN)} | {f"u{i}": "wrong" for i in range(UNKNOWN)}
    for name, given in {"train": outcomes, "extra": {"e0": "correct", "e1": "wrong"}}.items():
        labels, questions = labels_of(given), questions_of(list(given), name)
        records.write(labels, records.LABELS, where.labels(name))
        records.write(questions, records.QUESTIONS, where.questions(name))
        records.write(knowledge.knowledge_table(labels), records.KNOWLEDGE, where.knowledge(name))
        if name == "train":
            records.write(questions, records.QUESTIONS, where.train_questions)
    return where


def asked(table: pd.DataFrame) -> list[str]:
    return list(table["question_id"].unique())


def test_by_default_all_questions_and_samples(run: Run) -> None:
    table = selection.training_labels(run, Rows())
    assert len(asked(table)) == KNOWN + UNKNOWN and len(table) == 4 * len(asked(table))
    assert {"question", "answers", "choices"} <= set(table)


def test_fewer_samples_keep_the_greedy_answer(run: Run) -> None:
    table = selection.training_labels(run, Rows(samples=2))
    assert sorted(table["sample_index"].unique()) == [-1, 0, 1]


def test_a_smaller_subset_keeps_the_mix_and_lies_within_a_larger_one(run: Run) -> None:
    # 5 of 10 questions, of which 6 are known: 3 known and 2 unknown.
    half = asked(selection.training_labels(run, Rows(questions=5)))
    assert sorted(name[0] for name in half) == ["k", "k", "k", "u", "u"]
    fewer = asked(selection.training_labels(run, Rows(questions=3, known_share=0.6)))
    assert set(fewer) < set(half)


@pytest.mark.parametrize(("share", "known", "unknown"), [(0.5, 4, 4), (0.75, 6, 2), (0.2, 1, 4)])
def test_a_known_share_takes_as_many_questions_as_it_can(run: Run, share: float, known: int, unknown: int) -> None:
    # Of 6 and 4: half and half 4 + 4; three quarters 6 + 2; a fifth 1 + 4.
    chosen = asked(selection.training_labels(run, Rows(known_share=share)))
    assert [sum(name[0] == letter for name in chosen) for letter in "ku"] == [known, unknown]


def test_further_sets_are_added_whole(run: Run) -> None:
    rows = Rows(sets=("extra",), samples=1)
    table = selection.training_labels(run, rows)
    assert asked(table)[-2:] == ["e0", "e1"] and (table["sample_index"] < 1).all()
    assert run.labels("extra") in selection.files(run, rows) and run.train_questions in selection.files(run, rows)


def test_a_mix_that_the_questions_do_not_allow_says_what_is_possible(run: Run) -> None:
    message = (
        r"8 questions with a known share of 0.25 are 2 known and 6 unknown ones; .* has 6 and 4: ask for at most 5"
    )
    with pytest.raises(ValueError, match=message):
        selection.training_labels(run, Rows(questions=8, known_share=0.25))


def test_shuffled_verdicts_are_as_many_and_belong_to_others(run: Run) -> None:
    plain = selection.training_labels(run, Rows())
    mixed = selection.training_labels(run, Rows(shuffled=True))
    columns = ["question_id", "sample_index", "text"]
    assert mixed[columns].equals(plain[columns])
    assert mixed["outcome"].value_counts().to_dict() == plain["outcome"].value_counts().to_dict()
    # A question keeps one row of verdicts together: six questions are right in all rows, four in none, as before.
    right = mixed.assign(right=mixed["outcome"] == "correct").groupby("question_id")["right"].agg(["min", "max"])
    assert (right["min"] == right["max"]).all() and int(right["min"].sum()) == KNOWN
    assert not mixed["outcome"].equals(plain["outcome"])
    assert mixed.equals(selection.training_labels(run, Rows(shuffled=True)))
    assert not mixed.equals(selection.training_labels(run, Rows(shuffled=True), seed=1))
