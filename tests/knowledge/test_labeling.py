"""Labels of responses and evaluations of aligned models: joins, prior-known sets, refusals, unscored answers."""

from functools import partial

import pandas as pd
import pytest

from honesty_utils import evaluation, knowledge
from honesty_utils.common import records
from honesty_utils.common.settings import Prompts
from honesty_utils.knowledge import labeling
from honesty_utils.knowledge.settings import Labeling

WORDING = Prompts(refusal="I do not know.", confidence_num=("I'm {percent}% sure. {answer}",) * 2)
QUESTIONS = pd.DataFrame(
    {
        "question_id": ["a", "b", "c"], "dataset": "toy", "split": "test",
        "question": ["Capital of France?", "Capital of Italy?", "Which is red?"],
        "answers": [["Paris"], ["Rome"], ["Mars"]], "choices": [None, None, ["Mars", "Venus"]],
        "answer_index": [None, None, 0], "exposures": None, "meta": "{}",
    }
)  # fmt: skip


def responses(*rows: tuple[str, int, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["question_id", "sample_index", "text"])
    return frame.assign(num_tokens=3, mean_logprob=-0.1, finish_reason="stop")


LABELS = labeling.label(
    responses(
        ("a", -1, "Paris."), ("a", 0, "I do not know."), ("a", 1, "Lyon."),
        ("b", -1, "Milan."), ("c", -1, "Both of them"), ("c", 0, "Mars"),
    ),
    QUESTIONS, WORDING, Labeling(),
)  # fmt: skip


def test_labels_are_a_valid_table_in_the_order_of_the_responses(tmp_path):
    records.write(LABELS, records.LABELS, tmp_path / "labels.parquet")
    # "Both of them" names no option: nobody can say what was meant, so it is unscored and not wrong.
    assert LABELS["outcome"].tolist() == ["correct", "idk", "wrong", "wrong", "unscored", "correct"]


def test_where_replies_are_short_one_that_names_no_option_is_wrong():
    # "Both of them" names none; "Mars or Venus" and "A or B" name two, and which was meant cannot be told.
    rows = responses(("c", -1, "Both of them"), ("c", 0, "Mars or Venus"), ("c", 1, "A or B"), ("c", 2, "Mars"))
    labels = labeling.label(rows, QUESTIONS, WORDING, Labeling(no_option="wrong"))
    assert labels["outcome"].tolist() == ["wrong", "unscored", "unscored", "correct"]
    assert labels["matched"].tolist() == [False, False, False, True]


def test_a_response_to_an_unknown_question_is_an_error():
    with pytest.raises(ValueError, match="1 responses to questions that the set does not have, such as 'z'"):
        labeling.label(responses(("z", -1, "x")), QUESTIONS, WORDING, Labeling())


def test_a_question_that_nothing_could_answer_is_an_error():
    empty = QUESTIONS.assign(answers=[["Paris"], ["The"], ["Mars"]])
    with pytest.raises(
        ValueError, match=r"questions of toy: row 1 \(b\): answers is \['The'\], which normalizes to noth"
    ):
        labeling.label(responses(("a", -1, "x")), empty, WORDING, Labeling())


def test_a_prior_known_set_keeps_what_is_answered_right_with_all_its_rows():
    kept = labeling.keep_known(LABELS)
    assert kept["question_id"].tolist() == ["a", "a", "a"]
    assert labeling.labeled_questions(QUESTIONS, kept)["question_id"].tolist() == ["a"]
    with pytest.raises(ValueError, match="answers none of 1 candidates right"):
        labeling.keep_known(LABELS[LABELS["question_id"] == "b"])


ASKED = responses(
    ("a", -1, "Paris."), ("a", 0, "I do not know."), ("a", 1, "Lyon."), ("b", -1, "Milan."), ("b", 0, "Rome"),
    ("b", 1, "Rome"), ("c", -1, "Mars"), ("c", 0, "Mars"), ("c", 1, "A"),
)  # fmt: skip


@pytest.mark.parametrize("rows", [1, 4, 100])
@pytest.mark.parametrize("only_known", [False, True])
def test_a_file_is_labeled_in_parts_as_it_is_whole(tmp_path, monkeypatch, rows, only_known):
    source, target = tmp_path / "responses.parquet", tmp_path / "labels.parquet"
    records.write(ASKED, records.RESPONSES, source)
    monkeypatch.setattr(labeling.records, "parts", partial(records.parts, rows=rows))
    found = labeling.label_file(source, target, QUESTIONS, WORDING, Labeling(), only_known=only_known)
    whole = labeling.label(records.read(records.RESPONSES, source), QUESTIONS, WORDING, Labeling())
    kept = labeling.keep_known(whole) if only_known else whole
    written = records.write(kept, records.LABELS, tmp_path / "whole.parquet")
    pd.testing.assert_frame_equal(records.read(records.LABELS, target), records.read(records.LABELS, written))
    pd.testing.assert_frame_equal(found.knowledge, knowledge.knowledge_table(kept))
    assert found.rows == len(kept) and found.asked == 3
    assert found.outcomes.to_dict() == whole["outcome"].value_counts().to_dict()


def test_what_is_not_whole_writes_no_labels(tmp_path):
    source, target = tmp_path / "responses.parquet", tmp_path / "labels.parquet"
    records.write(ASKED[ASKED["question_id"] != "b"], records.RESPONSES, source)
    with pytest.raises(ValueError, match="1 of 3 questions have no response"):
        labeling.label_file(source, target, QUESTIONS, WORDING, Labeling())
    records.write(ASKED.assign(question_id=["z"] * 3 + ["b"] * 3 + ["c"] * 3), records.RESPONSES, source)
    with pytest.raises(ValueError, match="1 responses to questions that the set does not have, such as 'z'"):
        labeling.label_file(source, target, QUESTIONS, WORDING, Labeling())
    records.write(ASKED.assign(text="no idea"), records.RESPONSES, source)
    with pytest.raises(ValueError, match="answers none of 3 candidates right"):
        labeling.label_file(source, target, QUESTIONS, WORDING, Labeling(), only_known=True)
    assert not target.exists() and len(list(tmp_path.iterdir())) == 1


def test_an_evaluation_stands_beside_what_the_model_did_before(tmp_path):
    now = responses(("c", -1, "Venus"), ("a", -1, "I'm 70% sure. Paris."), ("b", -1, "I do not know. Rome?"))
    table = evaluation.evaluate(now, QUESTIONS, LABELS, WORDING, Labeling())
    records.write(table, records.EVALUATION, tmp_path / "e.parquet")
    rows = table.set_index("question_id")
    assert rows.loc["a", ["before", "outcome", "confidence"]].tolist() == ["correct", "correct", 0.7]
    # The refusal wins, but the answer beside it still counts as loosely correct.
    assert rows.loc["b", ["before", "outcome", "matched"]].tolist() == ["wrong", "idk", True]
    assert rows.loc["c", ["before", "outcome"]].tolist() == ["unscored", "wrong"]
