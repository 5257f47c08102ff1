"""What M_t knows: expected accuracy and its interval, the knowledge table, the training subset, rank correlation."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

from honesty_utils import knowledge
from honesty_utils.common import records


def test_expected_accuracy() -> None:
    assert knowledge.expected_accuracy(3, 10) == 0.3
    assert knowledge.expected_accuracy(0, 1) == 0.0
    assert knowledge.expected_accuracy(7, 7) == 1.0


@pytest.mark.parametrize("samples", [0, -1])
def test_expected_accuracy_needs_samples(samples: int) -> None:
    with pytest.raises(ValueError, match=rf"samples: {samples}; expected accuracy needs at least 1 sampled answer"):
        knowledge.expected_accuracy(0, samples)


@pytest.mark.parametrize("correct", [-1, 11])
def test_expected_accuracy_within_samples(correct: int) -> None:
    with pytest.raises(ValueError, match=rf"correct: {correct}; allowed: 0 … 10"):
        knowledge.expected_accuracy(correct, 10)


def test_jeffreys_interval_by_hand() -> None:
    # One of one, level 0.5: Beta(3/2, 1/2) has F(x) = (2/π)(asin √x - √(x(1-x))), which is 1/4 at x = 0.59715, as
    # 0.88317 - 0.49047 = 0.39270 = π/8. All samples are right, so the upper end is 1.
    low, high = knowledge.jeffreys_interval(1, 1, level=0.5)
    assert low == pytest.approx(0.59715, abs=1e-5) and high == 1
    # Five of ten: symmetric about a half; Brown, Cai and DasGupta (2001), table 5, print 0.224 and 0.776.
    low, high = knowledge.jeffreys_interval(5, 10)
    assert (round(float(low), 3), round(float(high), 3)) == (0.224, 0.776)


def test_jeffreys_interval_without_samples_and_at_the_ends() -> None:
    low, high = knowledge.jeffreys_interval([0, 0, 10], [0, 10, 10])
    assert np.isnan(low[0]) and np.isnan(high[0])
    assert low[1] == 0 and high[2] == 1


@given(st.integers(1, 60).flatmap(lambda m: st.tuples(st.integers(0, m), st.just(m))))
def test_jeffreys_interval_holds_the_share_and_mirrors(counts: tuple[int, int]) -> None:
    correct, samples = counts
    low, high = knowledge.jeffreys_interval(correct, samples)
    mirrored_low, mirrored_high = knowledge.jeffreys_interval(samples - correct, samples)
    assert 0 <= low <= correct / samples <= high <= 1
    assert low == pytest.approx(1 - mirrored_high) and high == pytest.approx(1 - mirrored_low)


def test_jeffreys_interval_covers() -> None:
    # Truth drawn from Jeffreys' prior is covered with probability .95, and a little more thanks to the widened ends.
    rng = np.random.default_rng(0)
    truth = rng.beta(0.5, 0.5, 20_000)
    low, high = knowledge.jeffreys_interval(rng.binomial(50, truth), np.full(20_000, 50))
    assert 0.945 <= np.mean((low <= truth) & (truth <= high)) <= 0.96


def labels(**outcomes: str) -> pd.DataFrame:
    """``q1="c cwi"``: the greedy outcome, a blank, the sampled ones (correct, wrong, idk, unscored)."""
    names = {"c": "correct", "w": "wrong", "i": "idk", "u": "unscored"}
    rows = []
    for question_id, letters in outcomes.items():
        greedy, _, samples = letters.partition(" ")
        rows += [(question_id, index, names[letter]) for index, letter in enumerate(greedy + samples, start=-1)]
    return pd.DataFrame(rows, columns=["question_id", "sample_index", "outcome"])


def test_knowledge_table_by_hand() -> None:
    table = knowledge.knowledge_table(labels(q2="c cwwi", q1="w cuuc", q3="u wi", q4="i uu", q5="c "))
    #      greedy, right, scored: q2 1 of 4; q1 2 of 2 (two unscored leave); q3 0 of 2; q4 none scored; q5 none drawn
    expected = [
        ("q2", "correct", 1, 4, 0.25, True),
        ("q1", "wrong", 2, 2, 1.0, False),
        ("q3", "unscored", 0, 2, 0.0, False),
        ("q4", "idk", 0, 0, np.nan, False),
        ("q5", "correct", 0, 0, np.nan, True),
    ]
    columns = ["question_id", "greedy_outcome", "num_correct", "num_samples", "expected_accuracy", "known"]
    pd.testing.assert_frame_equal(
        table[columns], pd.DataFrame(expected, columns=columns), check_dtype=False, check_exact=True
    )
    low, high = knowledge.jeffreys_interval([1, 2, 0], [4, 2, 2])
    assert table["low"].tolist()[:3] == low.tolist() and table["high"].tolist()[:3] == high.tolist()
    assert table[["low", "high"]].iloc[3:].isna().all(axis=None)


def test_knowledge_table_fits_its_schema() -> None:
    table = knowledge.knowledge_table(labels(q1="c cw", q2="w uu"))
    arrow = records.conform(table, records.KNOWLEDGE, "test")
    assert arrow.column("expected_accuracy").to_pylist() == [0.5, None]


def test_knowledge_table_does_not_hang_on_the_order_of_rows() -> None:
    rows = labels(q1="c cw", q2="w uc", q3="i ww")
    shuffled = knowledge.knowledge_table(rows.sample(frac=1, random_state=3)).sort_values("question_id")
    pd.testing.assert_frame_equal(knowledge.knowledge_table(rows), shuffled.reset_index(drop=True))


def test_knowledge_table_needs_greedy() -> None:
    rows = labels(q1="c cw", q2="w cc")
    rows = rows[(rows["question_id"] != "q2") | (rows["sample_index"] >= 0)]
    with pytest.raises(ValueError, match=r"1 questions have no greedy response \(sample_index -1\), such as 'q2'"):
        knowledge.knowledge_table(rows)


SIZES = [
    # has known, has unknown, asked known, asked unknown, taken
    (500, 500, 100, 100, (100, 100)),
    (100, 100, 100, 100, (100, 100)),
    (40, 500, 100, 100, (40, 40)),
    (500, 40, 100, 100, (40, 40)),
    (60, 500, 300, 100, (60, 20)),  # 3:1 kept
    (500, 20, 300, 100, (60, 20)),
    (250, 90, 300, 100, (250, 83)),  # 250/300 is scarcer than 90/100; 250/3 = 83.3
    (5, 500, 2, 3, (2, 3)),
    (1, 500, 2, 3, (1, 2)),  # 1.5 rounds up
    (1, 1, 1000, 1, (1, 1)),  # at least one of each
]


@pytest.mark.parametrize(("has_known", "has_unknown", "known", "unknown", "taken"), SIZES)
def test_subset_sizes(has_known: int, has_unknown: int, known: int, unknown: int, taken: tuple[int, int]) -> None:
    assert knowledge.subset_sizes(has_known, has_unknown, known, unknown) == taken


COUNTS = st.integers(1, 10_000)


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_subset_sizes_fit(has_known: int, has_unknown: int, known: int, unknown: int) -> None:
    taken = knowledge.subset_sizes(has_known, has_unknown, known, unknown)
    assert 1 <= taken[0] <= min(has_known, known) and 1 <= taken[1] <= min(has_unknown, unknown)
    assert taken[0] in (has_known, known) or taken[1] in (has_unknown, unknown)
    assert min(taken) == 1 or abs(taken[0] * unknown - taken[1] * known) <= max(known, unknown) / 2


def make(known: int, unknown: int, unscored: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """QUESTIONS and KNOWLEDGE rows of known (k…), unknown (w… wrong, i… idk in turn) and unscored (u…) questions."""
    kinds = ["k"] * known + ["w" if number % 2 else "i" for number in range(unknown)] + ["u"] * unscored
    ids = {f"{kind}{number}": f"{'c' if kind == 'k' else kind} " for number, kind in enumerate(kinds)}
    questions = pd.DataFrame({"question_id": list(ids)}).assign(
        dataset="train", split="train", question="?", answers=[["x"]] * len(ids), choices=None, answer_index=None,
        exposures=None, meta="{}",
    )  # fmt: skip
    return questions.sample(frac=1, random_state=1, ignore_index=True), knowledge.knowledge_table(labels(**ids))


def test_training_subset_is_balanced() -> None:
    questions, known = make(30, 40, unscored=20)
    subset = knowledge.training_subset(questions, known, 10, 20, seed=4)
    kinds = subset["question_id"].str[0].value_counts().to_dict()
    assert kinds.pop("k") == 10
    assert set(kinds) == {"w", "i"} and sum(kinds.values()) == 20  # a refusal is unknown, an unscored answer neither
    assert subset.columns.tolist() == records.QUESTIONS.schema.names
    order = questions["question_id"].tolist()
    assert subset["question_id"].tolist() == sorted(subset["question_id"], key=order.index)


def test_training_subset_depends_on_the_seed_alone() -> None:
    questions, known = make(30, 40)
    first = set(knowledge.training_subset(questions, known, 10, 10, seed=4)["question_id"])
    shuffled = questions.sample(frac=1, random_state=9), known.sample(frac=1, random_state=9)
    assert first == set(knowledge.training_subset(*shuffled, 10, 10, seed=4)["question_id"])
    assert first != set(knowledge.training_subset(questions, known, 10, 10, seed=5)["question_id"])
    assert first < set(knowledge.training_subset(questions, known, 15, 15, seed=4)["question_id"])


def test_training_subset_says_that_it_is_short(caplog: pytest.LogCaptureFixture) -> None:
    questions, known = make(3, 40)
    with caplog.at_level(logging.WARNING):
        assert len(knowledge.training_subset(questions, known, 10, 20)) == 9
    assert caplog.messages == [
        "training subset: asked for 10 known and 20 unknown, M_t has 3 and 40 of them; taken 3 and 6"
    ]
    caplog.clear()
    knowledge.training_subset(questions, known, 3, 3)
    assert not caplog.messages


def test_training_subset_that_is_the_whole(caplog: pytest.LogCaptureFixture) -> None:
    for known, unknown in ((3, 40), (0, 4)):
        questions, boundary = make(known, unknown, unscored=2)
        with caplog.at_level(logging.WARNING):
            subset = knowledge.training_subset(questions, boundary, 10, 20, whole=True)
        kinds = subset["question_id"].str[0].value_counts().to_dict()
        assert kinds.pop("k", 0) == known and sum(kinds.values()) == unknown and not caplog.messages


def test_training_subset_of_part_of_the_questions() -> None:
    questions, known = make(5, 5)
    part = questions[questions["question_id"] != "k0"]
    assert "k0" not in set(knowledge.training_subset(part, known, 4, 4)["question_id"])


def test_training_subset_with_an_empty_class() -> None:
    with pytest.raises(ValueError, match=r"no unknown question .*right on 4 and wrong or a refusal on 0; take harder"):
        knowledge.training_subset(*make(4, 0, unscored=2), 2, 2)
    with pytest.raises(ValueError, match=r"no known question .*right on 0 and wrong or a refusal on 4; teach the base"):
        knowledge.training_subset(*make(0, 4), 2, 2)


def test_training_subset_asks_for_none() -> None:
    with pytest.raises(ValueError, match=r"known 0, unknown 5: a training subset needs at least 1 of each"):
        knowledge.training_subset(*make(5, 5), 0, 5)


def test_training_subset_without_knowledge() -> None:
    questions, known = make(5, 5)
    with pytest.raises(ValueError, match=r"1 questions have no row of knowledge, such as 'k2'; label them first"):
        knowledge.training_subset(questions, known[known["question_id"] != "k2"], 2, 2)


def test_answered_gathers_what_was_said() -> None:
    rows = labels(q2="w ucw", q1="c ")
    rows["text"] = ["g2", "s0", "s1", "s2", "g1"]
    rows["question"], rows["answers"] = "Q", [["x", "y"]] * 5
    second, first = knowledge.answered(rows.iloc[[3, 2, 0, 1, 4]])
    assert (second.question_id, second.greedy, second.right, second.scored) == ("q2", None, ("s1",), 2)
    assert second.samples == (("s0", "unscored"), ("s1", "correct"), ("s2", "wrong"))
    assert (first.greedy, first.samples, first.answers, first.choices) == ("g1", (), ("x", "y"), None)
    rows["choices"] = [["x", "z"]] * 4 + [None]
    assert [item.choices for item in knowledge.answered(rows)] == [("x", "z"), None]
