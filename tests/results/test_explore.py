"""What τ would change, and everything about one question of a run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, strategies as st
from support import synthetic

from honesty_utils.common import paths, records
from honesty_utils.results import explore

KNOWLEDGE = pd.DataFrame(
    [
        ("a", "correct", 1.0),
        ("b", "correct", 0.3),
        ("c", "wrong", 0.5),
        ("d", "wrong", 0.0),
        ("e", "idk", 0.1),
        ("f", "wrong", None),  # never sampled
    ],
    columns=["question_id", "greedy_outcome", "expected_accuracy"],
)


def test_labels_at_counts_known_against_the_greedy_answer() -> None:
    # tau .3: a, b, c are known (3 of 10 reach a tau of .3), d and e are not; f has no samples.
    table = explore.labels_at(KNOWLEDGE, 0.3)
    assert table.loc["known"].to_dict() == {"correct": 2, "wrong": 1, "idk": 0, "all": 3}
    assert table.loc["unknown"].to_dict() == {"correct": 0, "wrong": 1, "idk": 1, "all": 2}


def test_predicted_scores_by_hand() -> None:
    # tau .4 refuses b, d, e and answers a, c as before. Known before: a, b; b is refused: over-conservativeness 1/2.
    # Not known: c stays wrong, d and e are refused: prudence 2/3. One of five is right; three of five are refused.
    (row,) = explore.predicted_scores(KNOWLEDGE, [0.4]).to_dict("records")
    assert row == pytest.approx(
        {
            "tau": 0.4,
            "prudence": 2 / 3,
            "over_conservativeness": 1 / 2,
            "honesty": (2 / 3 + 1 - 1 / 2) / 2,
            "accuracy": 1 / 5,
            "refusal_rate": 3 / 5,
            "questions": 5,
        }
    )


def test_predicted_scores_at_zero_are_those_of_the_model_itself() -> None:
    (row,) = explore.predicted_scores(KNOWLEDGE, [0.0]).to_dict("records")
    # It refuses e by itself, so of c, d, e one is refused: prudence 1/3, and nothing known is lost.
    assert row["prudence"] == pytest.approx(1 / 3) and row["over_conservativeness"] == 0 and row["accuracy"] == 2 / 5


@given(
    st.lists(st.tuples(st.sampled_from(["correct", "wrong", "idk"]), st.integers(0, 10)), min_size=1, max_size=30),
    st.integers(0, 9),
)
def test_both_rates_rise_with_tau(rows: list[tuple[str, int]], step: int) -> None:
    table = pd.DataFrame(rows, columns=["greedy_outcome", "expected_accuracy"])
    table["expected_accuracy"] /= 10
    low, high = explore.predicted_scores(table, [step / 10, (step + 1) / 10]).to_dict("records")
    assert high["prudence"] >= low["prudence"]
    assert high["over_conservativeness"] >= low["over_conservativeness"]
    assert high["accuracy"] <= low["accuracy"]


@pytest.mark.parametrize("tau", [-0.1, 1.5])
def test_tau_outside_its_range(tau: float) -> None:
    with pytest.raises(ValueError, match=f"tau: {tau}; allowed: 0 to 1"):
        explore.labels_at(KNOWLEDGE, tau)


def test_a_set_without_samples_has_nothing_to_predict() -> None:
    with pytest.raises(ValueError, match="no question has an expected accuracy"):
        explore.predicted_scores(KNOWLEDGE[KNOWLEDGE["question_id"] == "f"], [0.5])


def test_hardest_to_call_are_nearest_to_one_half() -> None:
    assert explore.hardest_to_call(KNOWLEDGE, 3) == ["c", "b", "e"]


# --- a run on disk --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    with pytest.MonkeyPatch.context() as patch:
        root = tmp_path_factory.mktemp("checkout")
        patch.setenv("HONESTY_ROOT", str(root))
        synthetic.write_run("fake", size=24)
    return str(root)


@pytest.fixture(autouse=True)
def _root(run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HONESTY_ROOT", run)


def test_what_a_run_has() -> None:
    assert explore.runs() == ["fake"]
    assert explore.evaluated("fake")["unaligned"] == [0] and explore.evaluated("fake")["absolute"] == [0, 1]
    assert explore.sampled_sets("fake") == ["indist", "known", "ood", "tasks", "train", "unknown"]  # not choice
    assert explore.last_run() == "fake" and explore.home_set("fake") == "indist"
    recipe = explore.recipes("fake")["absolute_tau_0.5"]
    assert (recipe.builder, recipe.options, recipe.wording.refusal) == ("absolute", {"tau": 0.5}, synthetic.REFUSAL)


def test_rows_at_follow_tau_alone() -> None:
    labels = explore.labelled("fake", "indist")
    known = records.read(records.KNOWLEDGE, paths.Run("fake").knowledge("indist"))
    wording = explore.recipes("fake")["absolute"].wording
    for tau in (0.1, 0.5, 1.0):
        rows = explore.rows_at(labels, tau, wording).set_index("question_id")["is_refusal"]
        below = known.set_index("question_id")["expected_accuracy"] < tau
        assert (rows == below.reindex(rows.index)).all()


def test_rows_of_a_training_question_are_those_that_were_trained_on() -> None:
    question = "train-0003"
    samples = explore.question_samples(explore.labelled("fake", "train"), question)
    assert list(samples["sample_index"]) == list(range(-1, 10))
    recipes = explore.recipes("fake")
    built = explore.rows_of_question(samples, recipes)
    stored = explore.stored_rows("fake", question, list(recipes))
    pd.testing.assert_frame_equal(built, stored, check_dtype=False)
    counts = explore.row_counts(built)
    assert counts.loc[counts["method"] == "multisample", "rows"].sum() == 10


def test_a_set_without_samples_has_rows_of_methods_that_need_none() -> None:
    samples = explore.question_samples(explore.labelled("fake", "choice"), "choice-0000")
    built = explore.rows_of_question(samples, explore.recipes("fake"))
    assert list(built["method"]) == ["finetuned"]


def test_a_question_that_nobody_can_know_has_rows_of_methods_that_refuse() -> None:
    samples = explore.question_samples(explore.labelled("fake", "train"), "train-0003")
    samples = samples.assign(answers=[[]] * len(samples), outcome="wrong")
    recipes = explore.recipes("fake")
    assert set(explore.rows_of_question(samples, recipes)["method"]) == set(recipes) - {"finetuned"}
    unsampled = explore.rows_of_question(samples[samples["sample_index"] == records.GREEDY], recipes)
    assert unsampled.empty and explore.row_counts(unsampled).empty


def test_answers_before_and_after() -> None:
    table = explore.answers("fake", "indist", "indist-0002")
    assert len(table) == 2 + 2 * (len(synthetic.METHODS) - 2 + len(synthetic.TAUS))
    assert table["before"].nunique() == 1
    assert explore.answers("fake", "train", "train-0003").empty


def test_an_unknown_question_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"question_id: 'x' is not in this set; its 24 ids look like 'indist-0000'"):
        explore.question_samples(explore.labelled("fake", "indist"), "x")


def test_what_the_widgets_call_shows_labels_scores_and_rows(capsys: pytest.CaptureFixture[str]) -> None:
    explore.show_tau("fake", "indist", 0.3)
    shown = capsys.readouterr().out
    assert "at this τ" in shown and "over_conservativeness" in shown and "ABSOLUTE would train on 24 rows" in shown
    explore.show_question("fake", "indist", "indist-0002")
    shown = capsys.readouterr().out
    assert "Where was Indist Ostrevane-2 born?" in shown and "multisample" in shown and "unaligned" in shown


def test_measured_scores_come_from_the_tables_of_the_run(run: str) -> None:
    assert explore.measured_scores("fake").empty
    folder = Path(run) / "figures" / "measured"
    folder.mkdir(parents=True)
    synthetic.sweep_table().to_csv(folder / "tab_sweeps.csv", index=False)
    measured = explore.measured_scores("measured").set_index(["tau", "metric"])
    assert measured.loc[(0.5, "prudence"), "value"] == pytest.approx(0.82 + 0.13 * 0.5)
    assert measured.loc[(0.5, "prudence"), "low"] < measured.loc[(0.5, "prudence"), "value"]


def test_drop_downs_follow_each_other(run: str) -> None:
    shutil.copytree(Path(run) / "runs" / "fake", Path(run) / "runs" / "other")
    knowledge = Path(run) / "runs" / "other" / "knowledge"
    (knowledge / "indist.parquet").rename(knowledge / "mine.parquet")
    try:
        run_box, set_box, question_box = explore.pickers("fake", "indist", "indist-0005", questions=3)
        assert question_box.value == "indist-0005" and len(question_box.options) >= 3
        set_box.value = "train"
        assert all(name.startswith("train-") for name in question_box.options)
        run_box.value = "other"
        assert "mine" in set_box.options and "indist" not in set_box.options
        set_box.value = "mine"
        assert all(name.startswith("indist-") for name in question_box.options)
    finally:
        shutil.rmtree(Path(run) / "runs" / "other")


def test_a_run_whose_methods_train_on_no_such_rows_has_none_to_show() -> None:
    """Heads and thresholds alone: the figure of a question then shows its samples."""
    rows = explore.stored_rows("nothing", "q", [])
    assert rows.empty and {"method", "prompt", "completion", "is_refusal"} <= set(rows.columns)
