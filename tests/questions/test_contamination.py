from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

from honesty_utils.questions import overlap
from honesty_utils.results import tables


def table(*rows: tuple[str, list[str]], prefix: str = "t") -> pd.DataFrame:
    questions, answers = zip(*rows, strict=True) if rows else ((), ())
    ids = [f"{prefix}{i}" for i in range(len(rows))]
    return pd.DataFrame({"question_id": ids, "question": list(questions), "answers": list(answers)}, dtype=object)


TRAIN = table(
    ("How many eyes does a bee have?", ["Five", "5"]),
    ("Which town is the capital of Papua New Guinea?", ["Port Moresby"]),
    ("Who is the king?", ["Charles"]),
    ("Who was the first man to walk on the Moon?", ["Neil Armstrong"]),
    ("In which country was Neil Armstrong born?", ["United States"]),
)


def test_same_text_after_normalising_is_exact_whatever_the_answer() -> None:
    found = overlap(TRAIN, table(("Who is king", ["Carl Gustaf"]), ("Who is queen?", ["Silvia"]), prefix="e"))
    # "the" and "?" go when normalizing.
    assert found.pairs.values.tolist() == [["e0", "t2", 1.0, True]]
    assert (found.exact, found.near, found.questions) == (1, 0, 2)


def test_other_words_count_only_with_the_same_answer() -> None:
    evaluation = table(
        ("What is the capital of Papua New Guinea?", ["Moresby", "port moresby!"]),
        ("How many eyes does a giraffe have?", ["Two"]),  # reads like the bee, but is another question
        ("What are the five oceans called together?", ["Five"]),  # shares an answer and nothing else
        prefix="e",
    )
    found = overlap(TRAIN, evaluation)
    assert found.pairs[["question_id", "train_id", "exact"]].values.tolist() == [["e0", "t1", False]]
    assert 0.6 < found.pairs["similarity"][0] < 1
    assert (found.exact, found.near) == (0, 1)


def test_the_most_similar_training_question_is_named() -> None:
    train = table(
        ("On the Moon, who was the first of all men to walk?", ["Neil Armstrong"]),
        ("The first man to walk on the Moon was who?", ["Armstrong", "Neil Armstrong"]),
    )
    pairs = overlap(train, table(("Who was the first man to walk on the Moon?", ["Neil Armstrong"]), prefix="e")).pairs
    assert pairs["train_id"].tolist() == ["t1"]


def test_threshold_decides_what_is_near() -> None:
    evaluation = table(("What is the capital of Papua New Guinea?", ["Port Moresby"]), prefix="e")
    assert overlap(TRAIN, evaluation, threshold=0.5).near == 1
    assert overlap(TRAIN, evaluation, threshold=0.99).near == 0


def test_names_that_training_never_saw_tell_questions_apart() -> None:
    # All but the name is the template; compared by what training has seen alone, they would be the same.
    train = table(*((f"What is the profession of {name}?", ["baker"]) for name in ("Ada Bromilke", "Tom Quastrel")))
    assert overlap(train, table(("What is the profession of Zoe Vindelar?", ["baker"]), prefix="e")).near == 0


@pytest.mark.parametrize("answers", [[], ["the"]])
def test_questions_without_answers_are_found_by_their_text(answers: list[str]) -> None:
    evaluation = table(("Who is the king?", answers), ("Who is the first king of them?", answers), prefix="e")
    found = overlap(TRAIN, evaluation)
    assert (found.exact, found.near) == (1, 0)


def test_nothing_to_compare_with() -> None:
    assert overlap(table(), TRAIN).pairs.empty
    assert overlap(TRAIN, table()).questions == 0


def test_many_chunks_give_what_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    import honesty_utils.questions.contamination as module

    rng = np.random.default_rng(0)
    words = np.array(["river", "mountain", "king", "queen", "battle", "novel", "island", "singer"])
    rows = [(" ".join(rng.choice(words, 4)) + "?", [str(rng.integers(3))]) for _ in range(60)]
    whole = overlap(table(*rows[:40]), table(*rows[40:], prefix="e")).pairs
    monkeypatch.setattr(module, "_CHUNK", 3)
    monkeypatch.setattr(module, "_PAIRS", 7)
    pd.testing.assert_frame_equal(overlap(table(*rows[:40]), table(*rows[40:], prefix="e")).pairs, whole)
    assert len(whole)


@given(st.lists(st.tuples(st.text(), st.lists(st.text(), max_size=2)), max_size=4))
def test_every_set_overlaps_wholly_with_itself(rows: list[tuple[str, list[str]]]) -> None:
    found = overlap(table(*rows), table(*rows, prefix="e"))
    assert (found.exact, found.near) == (len(rows), 0)


def test_table_of_all_sets() -> None:
    sets = {
        "indist": table(
            ("Who is king?", ["x"]),
            ("What is the capital of Papua New Guinea?", ["Port Moresby"]),
            ("Why?", ["x"]),
            ("Where?", ["x"]),
        ),
        "unknown": table(("Who wrote it?", [])),
    }
    assert tables.tab_overlap(TRAIN, sets).values.tolist() == [["indist", 4, 1, 1, 0.5], ["unknown", 1, 0, 0, 0.0]]
