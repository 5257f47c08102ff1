"""Tables: what is written comes back; every mismatch names file, column and row; nothing half-written stays."""

import os
import random

import pandas as pd
import pytest

from honesty_utils.common import records

ROW = {
    "question_id": "q1",
    "dataset": "toy",
    "split": "test",
    "question": "Who?",
    "answers": ["Ada", "A. L."],
    "choices": None,
    "answer_index": None,
    "exposures": 3,
    "meta": "{}",
}


def frame(*changes: dict) -> pd.DataFrame:
    return pd.DataFrame([{**ROW, "question_id": f"q{n}", **change} for n, change in enumerate(changes)])


def test_a_flipped_bit_is_an_error_or_changes_nothing(tmp_path):
    # A third of them was read as other answers before pages had checksums.
    table = frame(*({"question": f"Who is number {n}?", "answers": [f"Person {n}"]} for n in range(200)))
    path = records.write(table, records.QUESTIONS, tmp_path / "q.parquet")
    whole, before = path.read_bytes(), records.read(records.QUESTIONS, path)
    draw = random.Random(0)
    refused = 0
    for _ in range(1000):
        place, bit = draw.randrange(len(whole)), draw.randrange(8)
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
        try:
            after = records.read(records.QUESTIONS, path)
        except records.RecordError:
            refused += 1
            continue
        pd.testing.assert_frame_equal(after, before)
    assert refused > 500


def test_what_is_written_comes_back(tmp_path):
    path = records.write(
        frame({}, {"choices": ["a", "b"], "answer_index": 1}), records.QUESTIONS, tmp_path / "q.parquet"
    )
    back = records.read(records.QUESTIONS, path)
    assert back["answers"].tolist() == [["Ada", "A. L."], ["Ada", "A. L."]]
    assert back["choices"].tolist() == [None, ["a", "b"]]
    assert back["answer_index"].isna().tolist() == [True, False]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (frame({}).drop(columns="meta"), r"missing \['meta'\]"),
        (frame({}).assign(extra=1), r"unexpected \['extra'\]"),
        (frame({}, {"question": None}), r"row 1, column 'question': empty"),
        (frame({}, {"exposures": "many"}), r"row 1, column 'exposures': 'many' is not of type int32"),
        (frame({}, {"question_id": "q0"}), r"row 1: repeats the key {'question_id': 'q0'}"),
    ],
)
def test_a_mismatch_names_the_place_and_writes_nothing(tmp_path, bad, message):
    with pytest.raises(records.RecordError, match=message):
        records.write(bad, records.QUESTIONS, tmp_path / "q.parquet")
    assert os.listdir(tmp_path) == []


def test_an_outcome_outside_the_four_is_an_error(tmp_path):
    labels = pd.DataFrame(
        {
            "question_id": ["q"], "sample_index": [-1], "text": ["x"], "num_tokens": [1], "mean_logprob": [None],
            "finish_reason": ["stop"], "outcome": ["maybe"], "matched": [False], "judge_score": [None],
        }
    )  # fmt: skip
    with pytest.raises(records.RecordError, match=r"row 0, column 'outcome': 'maybe'; allowed"):
        records.write(labels, records.LABELS, tmp_path / "l.parquet")


def test_reading_what_is_not_there_or_not_this_table(tmp_path):
    with pytest.raises(records.RecordError, match="no such questions table"):
        records.read(records.QUESTIONS, tmp_path / "none.parquet")
    (tmp_path / "half.parquet").write_bytes(b"PAR1 half a file")
    with pytest.raises(records.RecordError, match="not a readable Parquet file"):
        records.read(records.QUESTIONS, tmp_path / "half.parquet")
    path = records.write(frame({}), records.QUESTIONS, tmp_path / "q.parquet")
    with pytest.raises(records.RecordError, match="not a responses table: column 'sample_index' is missing"):
        records.read(records.RESPONSES, path)


def test_atomic_keeps_the_old_file_when_the_new_one_fails(tmp_path):
    path = tmp_path / "text"
    path.write_text("old")
    with pytest.raises(RuntimeError), records.atomic(path) as partial:
        partial.write_text("half of the n")
        raise RuntimeError
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["text"]


def responses(count: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "question_id": [f"q{n}" for n in range(count)], "sample_index": -1,
            "text": [f"text {n}" for n in range(count)],
            "num_tokens": 3, "mean_logprob": None, "finish_reason": "stop",
        }
    )  # fmt: skip


@pytest.mark.parametrize("sizes", [[40_000], [1] * 5 + [39_995], [16_384, 16_384, 7_232], [0, 39_999, 1]])
def test_a_table_written_in_parts_has_the_same_bytes_whatever_the_parts(tmp_path, sizes):
    table = records.conform(responses(40_000), records.RESPONSES, "toy")
    start = 0
    with records.writing(records.RESPONSES, tmp_path / "parts.parquet") as writer:
        for size in sizes:
            writer.write(table.slice(start, size))
            start += size
    with records.writing(records.RESPONSES, tmp_path / "whole.parquet") as writer:
        writer.write(table)
    assert (tmp_path / "parts.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()
    assert records.read(records.RESPONSES, tmp_path / "parts.parquet")["text"].iloc[-1] == "text 39999"


@pytest.mark.parametrize("rows", [1, 3, 4, 7, 100])
def test_a_table_read_in_parts_is_whole_and_keeps_together_what_belongs_together(tmp_path, rows):
    sizes = [1, 4, 2, 9, 1, 3]
    table = responses(sum(sizes))
    table["question_id"] = [f"q{n}" for n, size in enumerate(sizes) for _ in range(size)]
    table["sample_index"] = [i - 1 for size in sizes for i in range(size)]
    path = records.write(table, records.RESPONSES, tmp_path / "r.parquet")
    parts = list(records.parts(records.RESPONSES, path, together="question_id", rows=rows))
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), records.read(records.RESPONSES, path))
    seen = [question for part in parts for question in part["question_id"].unique()]
    assert seen == [f"q{n}" for n in range(len(sizes))], "no question is in two parts"
    assert len(parts) > 1 or rows >= sum(sizes)


def test_only_the_rows_that_are_asked_for_are_read(tmp_path):
    table = responses(40_000).assign(sample_index=[n % 3 - 1 for n in range(40_000)])
    path = records.write(table, records.RESPONSES, tmp_path / "r.parquet")
    greedy = records.read(records.RESPONSES, path, records.GREEDY_ROWS)
    assert greedy["question_id"].tolist() == [f"q{n}" for n in range(0, 40_000, 3)]
    assert list(greedy.index) == list(range(len(greedy)))
    some = records.read(records.RESPONSES, path, {"question_id": ["q39999", "q7", "nobody"]})
    assert some["question_id"].tolist() == ["q7", "q39999"]
    none = records.read(records.RESPONSES, path, {"question_id": []})
    assert len(none) == 0 and list(none.columns) == records.RESPONSES.schema.names


def test_a_broken_file_is_one_error_however_it_is_read(tmp_path):
    path = records.write(responses(2000), records.RESPONSES, tmp_path / "r.parquet")
    whole = path.read_bytes()
    path.write_bytes(whole[:400] + bytes(200) + whole[600:])
    for read in (
        lambda: records.read(records.RESPONSES, path, records.GREEDY_ROWS),
        lambda: list(records.parts(records.RESPONSES, path, "question_id")),
        lambda: list(
            records.parts(records.LABELS, records.write(responses(1), records.RESPONSES, path), "question_id")
        ),
    ):
        with pytest.raises(records.RecordError, match=r"r\.parquet: not a"):
            read()


def test_a_table_in_parts_appears_whole_or_not_at_all(tmp_path):
    table = records.conform(responses(3), records.RESPONSES, "toy")
    with pytest.raises(RuntimeError), records.writing(records.RESPONSES, tmp_path / "parts.parquet") as writer:
        writer.write(table)
        raise RuntimeError("stopped")
    assert os.listdir(tmp_path) == []
