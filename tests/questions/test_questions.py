from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, strategies as st

from honesty_utils import questions
from honesty_utils.common import records
from honesty_utils.grading import normalize
from honesty_utils.questions import QuestionError
from honesty_utils.questions.settings import QuestionSet


@pytest.fixture(autouse=True)
def own_datasets_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def hub_copy(folder: Path, split: str, rows: list[dict[str, Any]]) -> Path:
    """A split of a hub set, as a file named like those of the hub."""
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / f"{split}-00000-of-00001.parquet")
    return folder


def jsonl(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def load(source: str, path: Path | str | None, **options: Any) -> pd.DataFrame:
    # The sets made here are small; what is checked of their size has tests of its own.
    options = {"allow_size_mismatch": True, **options}
    return questions.load("set", QuestionSet(source=source, path=None if path is None else str(path), **options))


def trivia(question_id: str, question: str, value: str, *aliases: str) -> dict[str, Any]:
    answer = {"value": value, "aliases": list(aliases), "normalized_aliases": [], "type": "WikipediaEntity"}
    return {"question_id": question_id, "question": question, "question_source": "", "answer": answer}


# ---- sources of the hub's shape


def test_triviaqa_takes_the_value_first_then_other_aliases(tmp_path: Path) -> None:
    rows = [trivia("tc_1", "Who wrote Hamlet?", "Shakespeare", "The Bard", "Shakespeare", "The", " Bill ")]
    frame = load("triviaqa", hub_copy(tmp_path / "t", "validation", rows))
    # "The" normalizes to nothing and is dropped; the second "Shakespeare" repeats.
    assert frame["answers"].tolist() == [["Shakespeare", "The Bard", "Bill"]]
    assert frame[["question_id", "dataset", "split", "question"]].values.tolist() == [
        ["tc_1", "set", "validation", "Who wrote Hamlet?"]
    ]


def test_triviaqa_question_with_two_evidence_sets_is_one_question(tmp_path: Path) -> None:
    rows = [trivia("tc_1", "Who?", "Me"), trivia("tc_1", "Who?", "Me"), trivia("tc_2", "What?", "That")]
    assert load("triviaqa", hub_copy(tmp_path / "t", "validation", rows))["question_id"].tolist() == ["tc_1", "tc_2"]


def test_public_question_that_cannot_be_graded_is_dropped_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = hub_copy(tmp_path / "t", "validation", [trivia("1", "Word?", "the", "A"), trivia("2", "Who?", "Me")])
    with caplog.at_level(logging.WARNING):
        assert load("triviaqa", folder)["question_id"].tolist() == ["2"]
    assert "questions.set: 1 of 2 have only answers that normalize to nothing and are dropped" in caplog.text


def test_nonambigqa_keeps_one_single_answer_annotation(tmp_path: Path) -> None:
    def row(number: int, kinds: list[str], answers: list[list[str]]) -> dict[str, Any]:
        annotations = {"type": kinds, "answer": answers, "qaPairs": [{"question": [], "answer": []} for _ in kinds]}
        return {"id": str(number), "question": f"Question {number}?", "annotations": annotations}

    train = [row(1, ["singleAnswer"], [["Paris", "Paname"]]), row(2, ["multipleQAs"], [[]])]
    validation = [row(3, ["singleAnswer", "multipleQAs"], [["Rome"], []]), row(4, ["singleAnswer"], [["Oslo"]])]
    folder = hub_copy(tmp_path / "light", "train", train)
    hub_copy(folder, "validation", validation)
    frame = load("nonambigqa", folder)
    assert frame[["question_id", "split"]].values.tolist() == [["1", "train"], ["4", "validation"]]
    assert frame["answers"].tolist() == [["Paris", "Paname"], ["Oslo"]]


def mmlu(question: str, choices: list[str], answer: int) -> dict[str, Any]:
    return {"question": question, "subject": "logic", "choices": choices, "answer": answer}


def test_mmlu_has_choices_and_the_right_one_as_answer(tmp_path: Path) -> None:
    # "//" normalizes to nothing, but among options it is graded by its letter.
    folder = hub_copy(tmp_path / "all", "test", [mmlu("Floor division?", ["/", "//", "%", "|"], 1)])
    row = load("mmlu", folder).iloc[0]
    assert (row["answers"], row["choices"], row["answer_index"]) == (["//"], ["/", "//", "%", "|"], 1)
    assert json.loads(row["meta"]) == {"subject": "logic"}


def test_dev_is_not_taken_for_validation(tmp_path: Path) -> None:
    folder = hub_copy(tmp_path / "all", "dev", [mmlu("Dev?", list("abcd"), 0)])
    hub_copy(folder, "validation", [mmlu("Validation?", list("abcd"), 0)])
    assert load("mmlu", folder, split="dev")["question"].tolist() == ["Dev?"]
    assert load("mmlu", folder, split="dev+validation")["split"].tolist() == ["dev", "validation"]


def test_same_question_with_other_options_is_another_question(tmp_path: Path) -> None:
    rows = [mmlu("Which is true?", list(choices), 0) for choices in ("abcd", "abcd", "abce", "abc-")]
    folder = hub_copy(tmp_path / "all", "test", rows)
    found = load("mmlu", folder, repeats="drop")
    assert ["".join(choices) for choices in found["choices"]] == ["abcd", "abce", "abc-"]
    # As published, repeats stay: the second has the id of the first with its number behind it.
    kept = load("mmlu", folder)
    assert ["".join(choices) for choices in kept["choices"]] == ["abcd", "abcd", "abce", "abc-"]
    assert kept["question_id"][1] == f"{kept['question_id'][0]}-2"
    assert kept["question_id"].drop(1).tolist() == found["question_id"].tolist()


def test_answer_index_out_of_range(tmp_path: Path) -> None:
    folder = hub_copy(tmp_path / "all", "test", [mmlu("Ok?", list("abcd"), 3), mmlu("Off?", list("abcd"), 4)])
    with pytest.raises(QuestionError, match=r"questions.set: .*test row 1: answer_index is 4; allowed: 0 to 3"):
        load("mmlu", folder)


def test_data_folder_stands_for_the_hub(tmp_path: Path) -> None:
    hub_copy(tmp_path / "trivia_qa" / "rc.nocontext", "validation", [trivia("tc_1", "Who?", "Me")])
    frame = questions.load("set", QuestionSet(source="triviaqa", allow_size_mismatch=True), data=tmp_path)
    assert frame["question_id"].tolist() == ["tc_1"]
    with pytest.raises(QuestionError, match=r"no such folder: .*mmlu; give the folder of a copy of cais/mmlu"):
        questions.load("set", QuestionSet(source="mmlu"), data=tmp_path)


def test_missing_split_lists_those_there_are(tmp_path: Path) -> None:
    folder = hub_copy(tmp_path / "t", "validation", [trivia("1", "Who?", "Me")])
    with pytest.raises(QuestionError, match=r"split: \['train'\] not in .*; allowed: \['validation'\]"):
        load("triviaqa", folder, split="train")


def test_missing_hub_column(tmp_path: Path) -> None:
    folder = hub_copy(tmp_path / "t", "validation", [{"question": "Who?", "question_id": "1"}])
    with pytest.raises(QuestionError, match=r"columns \['answer'\] are missing; found \['question', 'question_id'\]"):
        load("triviaqa", folder)


def test_folder_without_parquet_files(tmp_path: Path) -> None:
    with pytest.raises(QuestionError, match=r"path: no Parquet files in .*<split>-00000-of-00001.parquet"):
        load("triviaqa", tmp_path)


def test_file_that_is_no_parquet(tmp_path: Path) -> None:
    (tmp_path / "validation-00000-of-00001.parquet").write_text("not parquet")
    with pytest.raises(QuestionError, match=r"validation-00000-of-00001.parquet: not a whole Parquet file of 11 bytes"):
        load("triviaqa", tmp_path)


def test_half_a_download_is_told_from_a_whole_file(tmp_path: Path) -> None:
    path = hub_copy(tmp_path / "t", "validation", [trivia(str(i), f"Who is {i}?", "Me") for i in range(500)])
    file = path / "validation-00000-of-00001.parquet"
    file.write_bytes(file.read_bytes()[:2000])
    message = r"^questions.set: .*of-00001.parquet: not a whole Parquet file of 2,000 bytes \(.*\); download it again"
    with pytest.raises(QuestionError, match=message):
        load("triviaqa", path)


def test_a_file_of_several_that_is_missing(tmp_path: Path) -> None:
    folder = hub_copy(tmp_path / "t", "train", [trivia("1", "Who?", "Me")])
    (folder / "train-00000-of-00001.parquet").rename(folder / "train-00000-of-00003.parquet")
    with pytest.raises(QuestionError, match=r"1 Parquet files of split 'train', their names say 3; download the"):
        load("triviaqa", folder, split="train")


@pytest.mark.parametrize(
    ("source", "row", "message"),
    [
        (
            "triviaqa",
            {"question": "Who?", "question_id": "1", "answer": "Me"},
            r"column 'answer' is 'Me'; a record with",
        ),
        ("mmlu", {**mmlu("Q?", list("abcd"), 0), "answer": "B"}, r"column 'answer' is 'B'; the position of the right"),
        ("mmlu", mmlu("Q?", ["a", "b", "c"], 0), r"3 choices, \['a', 'b', 'c'\]; 4 are needed; correct the row"),
        ("nonambigqa", {"id": "1", "question": "Q?", "annotations": "x"}, r"column 'annotations' is 'x'; a record"),
        ("nq_open", {"question": "Q?", "answer": "x"}, r"column 'answer' is 'x'; a list of texts is needed"),
        ("popqa", {"id": 1, "question": "Q?", "possible_answers": "x", "prop": "p", "s_pop": 1}, r"'x'; not JSON"),
    ],
)
def test_moved_columns_name_row_and_column(tmp_path: Path, source: str, row: dict[str, Any], message: str) -> None:
    folder = hub_copy(tmp_path / source, questions.SOURCES[source].split.split("+")[-1], [row])
    with pytest.raises(QuestionError, match=rf"^questions.set: .* row 0: .*{message}"):
        load(source, folder)


def test_two_lists_of_answers_to_one_reading(tmp_path: Path) -> None:
    annotations = {"type": ["singleAnswer"], "answer": [["Rome"], ["Oslo"]], "qaPairs": []}
    folder = hub_copy(tmp_path / "light", "train", [{"id": "1", "question": "Where?", "annotations": annotations}])
    with pytest.raises(QuestionError, match=r"train row 0: 2 lists of answers, .*; one a reading is needed"):
        load("nonambigqa", folder)


def test_file_where_a_folder_is_needed(tmp_path: Path) -> None:
    with pytest.raises(QuestionError, match=r"is a file; source 'triviaqa' reads a folder or a hub name"):
        load("triviaqa", jsonl(tmp_path / "q.jsonl", {"question": "Who?"}))


def test_nq_open_has_answers_and_no_ids(tmp_path: Path) -> None:
    rows = [{"question": "who was first on the moon", "answer": ["Neil Armstrong", "Armstrong"]}]
    found = load("nq_open", hub_copy(tmp_path / "nq_open", "validation", rows)).iloc[0]
    assert (found["question"], found["answers"]) == ("who was first on the moon", ["Neil Armstrong", "Armstrong"])
    assert len(found["question_id"]) == 16


def test_popqa_keeps_the_same_question_about_two_works(tmp_path: Path) -> None:
    row = {"question": "What genre is Train?", "prop": "genre", "s_pop": 7}
    rows = [{"id": i, **row, "possible_answers": json.dumps(a)} for i, a in ((4, ["rock"]), (9, ["horror film"]))]
    frame = load("popqa", hub_copy(tmp_path / "PopQA", "test", rows))
    assert frame[["question_id", "answers"]].values.tolist() == [["4", ["rock"]], ["9", ["horror film"]]]
    assert json.loads(frame["meta"][0]) == {"prop": "genre", "s_pop": 7}
    handed_on = [{"question": row["question"], "answer": [genre]} for genre in ("rock", "horror film")]
    again = load("popqa", jsonl(tmp_path / "popqa.jsonl", *handed_on))
    assert again["answers"].tolist() == frame["answers"].tolist()
    assert again["question_id"].is_unique


# ---- files


def test_puqa_asks_for_authors(tmp_path: Path) -> None:
    row = {"title": "T", "year": "2023", "authors": ["Ann B", "Cy D"], "question": 'Who wrote the paper "T"?'}
    found = load("puqa", jsonl(tmp_path / "puqa.jsonl", {**row, "label": "unknown"})).iloc[0]
    assert (found["question"], found["answers"]) == ('Who wrote the paper "T"?', ["Ann B", "Cy D"])
    assert json.loads(found["meta"]) == {"title": "T", "year": "2023"}


def test_pkqa_has_one_answer(tmp_path: Path) -> None:
    row = {"topic": "Music", "question": "Who?", "answer": "Beethoven", "label": "known", "greedy_pred_text": "…"}
    found = load("pkqa", jsonl(tmp_path / "pkqa.jsonl", row)).iloc[0]
    assert (found["answers"], json.loads(found["meta"])) == (["Beethoven"], {"topic": "Music"})


@pytest.mark.parametrize(
    ("written", "answers"),
    [
        ("Answer: 5-6 servings per day", ["5-6 servings per day"]),
        ('"Gravity" (2013)', ['"Gravity" (2013)', "Gravity"]),
        ('"Swan Lake".', ["Swan Lake"]),
        ("Washington D.C.", ["Washington D.C."]),
        ("A: B", ["B"]),
        ("3 (JFK, LGA, EWR)", ["3 (JFK, LGA, EWR)"]),
    ],
)
def test_pkqa_answers_are_cleaned(tmp_path: Path, written: str, answers: list[str]) -> None:
    row = {"topic": "Film", "question": "Which?", "answer": written}
    assert load("pkqa", jsonl(tmp_path / "pkqa.jsonl", row))["answers"].tolist() == [answers]


@pytest.mark.parametrize(("source", "needed"), [("puqa", "authors"), ("pkqa", "answer")])
def test_columns_of_the_authors_files(tmp_path: Path, source: str, needed: str) -> None:
    path = jsonl(tmp_path / "q.jsonl", {"question": "Who?", "text": "x"})
    with pytest.raises(
        QuestionError, match=rf"q.jsonl:1: column '{needed}' is missing or null; found \['question', 't"
    ):
        load(source, path)


def test_cells_of_a_csv_may_be_separated(tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text('question,answers\nWho?,Me|I\nWhat?,"[""a|b""]"\n', encoding="utf-8")
    assert load("jsonl", tmp_path / "q.csv", separator="|")["answers"].tolist() == [["Me", "I"], ["a|b"]]
    assert load("jsonl", tmp_path / "q.csv")["answers"].tolist() == [["Me|I"], ["a|b"]]


def test_what_nobody_can_know_needs_no_answer(tmp_path: Path) -> None:
    rows = [{"question": "Who wrote it?", "answers": [], "label": "unknown"}, {"question": "Who?", "label": "unknown"}]
    assert load("jsonl", jsonl(tmp_path / "q.jsonl", *rows))["answers"].tolist() == [[], []]


def test_jsonl_keeps_line_separators_inside_strings(tmp_path: Path) -> None:
    path = jsonl(
        tmp_path / "q.jsonl",
        {"question": "One\u2028line?", "answers": ["x\u0085y"]},
        {"question": "Two?", "answers": "z"},
    )
    frame = load("jsonl", path)
    assert frame["question"].tolist() == ["One\u2028line?", "Two?"]
    assert frame["answers"].tolist() == [["x\u0085y"], ["z"]]


def test_jsonl_reads_ids_split_choices_and_keeps_the_rest(tmp_path: Path) -> None:
    row = {"id": 7, "question": "Sky?", "choices": ["red", "blue"], "answer_index": 1, "split": "test", "year": 1999}
    found = load("jsonl", jsonl(tmp_path / "q.jsonl", row)).iloc[0]
    assert found[["question_id", "split", "answer_index"]].tolist() == ["7", "test", 1]
    assert found["answers"] == ["blue"]
    assert json.loads(found["meta"]) == {"year": 1999}


def test_csv_and_parquet_hold_the_same_questions(tmp_path: Path) -> None:
    table = tmp_path / "q.csv"
    table.write_text(
        'question,answers,choices,answer_index\r\n"Who, then?","[""Me"", ""I""]",,\r\nWhat?,That\u2028one,,\r\n'
        'Sky?,,"[""red"", ""blue""]",1\r\n',
        encoding="utf-8",
        newline="",
    )
    frame = load("jsonl", table)
    assert frame["question"].tolist() == ["Who, then?", "What?", "Sky?"]
    assert frame["answers"].tolist() == [["Me", "I"], ["That\u2028one"], ["blue"]]
    pq.write_table(
        pa.table({"question": ["Who, then?", "What?"], "answer": [["Me", "I"], ["That\u2028one"]]}),
        tmp_path / "q.parquet",
    )
    columns = ["question_id", "question", "answers"]
    pd.testing.assert_frame_equal(load("jsonl", tmp_path / "q.parquet")[columns], frame[columns][:2])


def test_microworld_table_comes_back_as_it_was(tmp_path: Path) -> None:
    written = load("jsonl", jsonl(tmp_path / "q.jsonl", {"id": "a", "question": "Who?", "answers": ["Me"], "x": 1}))
    written["exposures"] = 9
    path = records.write(written, records.QUESTIONS, tmp_path / "world.parquet")
    pd.testing.assert_frame_equal(load("microworld", path), written, check_dtype=False)


def test_microworld_needs_a_questions_table(tmp_path: Path) -> None:
    pq.write_table(pa.table({"question": ["Who?"]}), tmp_path / "q.parquet")
    with pytest.raises(QuestionError, match=r"questions.set: .*not a questions table: column 'question_id' is missing"):
        load("microworld", tmp_path / "q.parquet")


# ---- ids, repeats, limit, overlap


def test_made_ids_depend_on_the_text_alone(tmp_path: Path) -> None:
    one = load("jsonl", jsonl(tmp_path / "1.jsonl", {"question": "Who?", "answers": ["Me"]}))
    two = load("jsonl", jsonl(tmp_path / "2.jsonl", *({"question": q, "answers": ["x"]} for q in ("Why?", "Who?"))))
    assert two["question_id"][1] == one["question_id"][0] != two["question_id"][0]


def test_repeats_are_dropped_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = [{"question": q, "answers": ["x"]} for q in ("Who is the king?", "who is king", "Who is he?", "???", "!")]
    with caplog.at_level(logging.WARNING):
        frame = load("jsonl", jsonl(tmp_path / "q.jsonl", *rows))
    # The second normalizes to the first; "???" and "!" normalize to nothing and stay what they are.
    assert frame["question"].tolist() == ["Who is the king?", "Who is he?", "???", "!"]
    assert "questions.set: 1 of 5 are repeats and are dropped" in caplog.text


def test_limit_is_drawn_with_the_seed_in_the_order_of_the_source(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "q.jsonl", *({"question": f"Q{i:02}?", "answers": ["x"]} for i in range(50)))
    first = load("jsonl", path, limit=10, seed=1)["question"].tolist()
    assert first == sorted(first)
    assert len(set(first)) == 10
    assert first == load("jsonl", path, limit=10, seed=1)["question"].tolist()
    assert first != load("jsonl", path, limit=10, seed=2)["question"].tolist()
    assert first != [f"Q{i:02}?" for i in range(10)]


def test_limit_above_the_size_takes_all_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = jsonl(tmp_path / "q.jsonl", {"question": "Who?", "answers": ["x"]})
    with caplog.at_level(logging.WARNING):
        assert len(load("jsonl", path, limit=5)) == 1
    assert "questions.set: limit 5, but the set has 1; all are taken" in caplog.text


def test_split_of_a_file(tmp_path: Path) -> None:
    rows = [{"question": f"{split}?", "answers": ["x"], "split": split} for split in ("train", "test")]
    path = jsonl(tmp_path / "q.jsonl", *rows)
    assert load("jsonl", path, split="test")["question"].tolist() == ["test?"]
    with pytest.raises(QuestionError, match=r"split: 'dev' has no rows; found \['test', 'train'\]"):
        load("jsonl", path, split="dev")


@given(st.lists(st.tuples(st.text(), st.lists(st.text())), min_size=1, max_size=4))
def test_a_file_loads_iff_every_row_can_be_asked_and_graded(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, list[str]]]
) -> None:
    path = tmp_path_factory.mktemp("q") / "q.jsonl"
    jsonl(path, *({"question": question, "answers": answers} for question, answers in rows))
    if all(question.strip() and any(normalize(answer) for answer in answers) for question, answers in rows):
        frame = load("jsonl", path)
        assert len(frame) == len({normalize(question) or question.strip() for question, _ in rows})
        assert frame["question_id"].is_unique
        assert all(normalize(answer) for answers in frame["answers"] for answer in answers)
    else:
        with pytest.raises(QuestionError):
            load("jsonl", path)


# ---- size, repeats


def test_set_of_another_size_names_both_sizes_and_the_remedy(tmp_path: Path) -> None:
    folder = hub_copy(tmp_path / "t", "validation", [trivia("1", "Who?", "Me")])
    message = (
        r"^questions.set: 1 questions in split 'validation', but 17,944 are documented \(docs/data/triviaqa.md\); .*"
        r"fetch it again, or say allow_size_mismatch: true for this set"
    )
    with pytest.raises(QuestionError, match=message):
        load("triviaqa", folder, allow_size_mismatch=False)


def test_allowed_mismatch_is_logged_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = hub_copy(tmp_path / "t", "validation", [trivia("1", "Who?", "Me"), trivia("1", "Who?", "Me")])
    spec = QuestionSet(source="triviaqa", path=str(folder), allow_size_mismatch=True)
    with caplog.at_level(logging.WARNING):
        counts = questions.load_counted("set", spec).counts
    assert "questions.set: 2 questions, 17944 documented: allow_size_mismatch" in caplog.text
    assert counts == questions.Counts(read=2, documented=17944, ungradable=0, repeats=1, too_long=0, taken=1)


def test_size_is_that_of_the_whole_set_before_rows_are_dropped(tmp_path: Path) -> None:
    rows = [{"topic": "Music", "question": f"Who is {i}?", "answer": "Ann" if i else "the"} for i in range(1000)]
    spec = QuestionSet(source="pkqa", path=str(jsonl(tmp_path / "pkqa.jsonl", *rows)), longest=10, limit=5)
    # "Who is 10?" has 10 characters, "Who is 100?" one more; the answer of number 0 normalizes to nothing.
    assert questions.load_counted("set", spec).counts == questions.Counts(1000, 1000, 1, 0, 900, 5)


@pytest.mark.parametrize(
    ("source", "split", "size"),
    [
        ("triviaqa", None, 17_944),
        ("triviaqa", "train", 138_384),
        ("mmlu", "dev+test", 14_327),
        ("nonambigqa", None, 5_325),
        ("nonambigqa", "train", None),
        ("jsonl", None, None),
    ],
)
def test_documented_sizes(source: str, split: str | None, size: int | None) -> None:
    assert questions.SOURCES[source].documented(split) == size


def test_every_documented_set_has_a_card_that_names_its_sizes() -> None:
    for name, source in questions.SOURCES.items():
        if source.sizes:
            own = Path("docs/data", f"{name}.md")
            # The field's sets share one card.
            card = (own if own.exists() else Path("docs/data/field.md")).read_text(encoding="utf-8")
            assert own.exists() or f"`{name}`" in card
            assert not [size for size in source.sizes.values() if f"{size:,}" not in card], name


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        ({}, {}, True),
        ({"split": "train"}, {}, False),  # TriviaQA's own split is validation
        ({"split": "validation"}, {}, True),
        ({"split": "train+validation"}, {"split": "validation"}, True),
        ({"part": (0, 0.5)}, {"part": (0.5, 1)}, False),
        ({"part": (0, 0.5)}, {"part": (0.4, 1)}, True),
        ({"part": (0, 0.5)}, {"part": (0.5, 1), "seed": 1}, True),  # parts of two orders
        ({"part": (0, 0.5)}, {"part": (0.5, 1), "longest": 200}, True),
        ({"limit": 10}, {"limit": 10, "seed": 1}, True),
        ({}, {"source": "nq_open"}, False),
        ({"source": "jsonl", "path": "a.jsonl"}, {"source": "jsonl", "path": "b.jsonl"}, False),
        ({"source": "jsonl", "path": "a.jsonl"}, {"source": "puqa", "path": "./b/../a.jsonl"}, True),
        ({"source": "jsonl", "path": "a.jsonl"}, {"source": "jsonl", "path": "mine.jsonl"}, True),  # mine is in data
        ({"source": "jsonl", "path": "a.jsonl"}, {"source": "jsonl", "path": "a.jsonl", "split": "all"}, True),
        ({"source": "microworld"}, {"source": "microworld"}, False),
        ({"source": "microworld", "path": "a.jsonl"}, {"source": "microworld", "path": "a.jsonl"}, True),
    ],
)
def test_sets_that_draw_from_the_same_questions(tmp_path, monkeypatch, one, other, share):
    monkeypatch.chdir(tmp_path)
    for name in ("b", "copies"):
        (tmp_path / name).mkdir()
    (tmp_path / "a.jsonl").touch()
    (tmp_path / "copies" / "mine.jsonl").symlink_to(tmp_path / "a.jsonl")
    first, second = (QuestionSet(**{"source": "triviaqa", **spec}) for spec in (one, other))
    assert questions.share_questions(first, second, "copies") is share
    assert questions.share_questions(second, first, "copies") is share


def test_parts_keep_a_repeat_with_its_first(tmp_path: Path) -> None:
    rows = [mmlu(f"Question {i % 10}?", list("abcd"), 0) for i in range(20)]
    folder = hub_copy(tmp_path / "all", "test", rows)
    parts = [load("mmlu", folder, part=part) for part in ((0, 0.5), (0.5, 1))]
    assert [len(part) for part in parts] == [10, 10]
    assert not set(parts[0]["question"]) & set(parts[1]["question"])


# ---- bad input


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"question": "Who?"', r"q.jsonl:3: not JSON \(Expecting ',' delimiter, column 20\): .*; correct the line"),
        ('["Who?", "Me"]', r"q.jsonl:3: .*; a JSON object with a question is needed"),
        ('{"answers": ["x"]}', r"q.jsonl:3: column 'question' is missing or null; found \['answers'\]"),
        ('{"question": "Who?"}', r"q.jsonl:3: column 'answers' or 'answer' is missing or null; found \['question'\]"),
        ('{"question": " ", "answers": ["x"]}', r"q.jsonl:3: question is ' '; a text is needed"),
        ('{"question": 5, "answers": ["x"]}', r"q.jsonl:3: question is 5; a text is needed"),
        ('{"question": "Who?", "answers": []}', r"q.jsonl:3: answers are \[\]; at least one is needed"),
        (
            '{"question": "Who?", "answers": ["", "The", "!"]}',
            r"q.jsonl:3: answers are \['', 'The', '!'\]; at least one",
        ),
        ('{"question": "Who?", "answers": ["x", 5]}', r"q.jsonl:3: answers is \['x', 5\]; a list of texts is needed"),
        ('{"question": "Who?", "answers": {"a": 1}}', r"q.jsonl:3: answers is .*; a list of texts is needed"),
        ('{"question": "Who?", "answers": "[\\"x\\""}', r"q.jsonl:3: .* opens a JSON list that is none"),
        (
            '{"id": " ", "question": "Who?", "answers": ["x"]}',
            r"q.jsonl:3: has no question_id, but .*:1 has; give every",
        ),
        ('{"id": "2", "question": "Who?", "label": "unknown"}{', r"q.jsonl:3: not JSON \(Extra data"),
        ('{"question": "Who?", "answers": ["x"], "choices": ["x", "y"]}', r"answer_index is None; allowed: 0 to 1"),
        ('{"question": "Who?", "choices": ["x", "y"], "answer_index": -1}', r"answer_index is -1; allowed: 0 to 1"),
        ('{"question": "Who?", "choices": ["x", "y"], "answer_index": "B"}', r"answer_index is 'B'; the position of"),
        ('{"question": "Who?", "choices": ["x"], "answer_index": 0}', r"choices are \['x'\]; 2 to 26 texts are needed"),
        ('{"question": "Who?", "choices": ["x", " "], "answer_index": 0}', r"choices are .*; 2 to 26 texts are needed"),
        (
            '{"question": "Who?", "choices": ["x", "y"], "answer_index": 1.7}',
            r"q.jsonl:3: answer_index is 1.7; the",
        ),
        ('{"question": "Who?", "choices": ["x", "y"], "answer_index": true}', r"q.jsonl:3: answer_index is True; the"),
        ('{"question": "Who?", "choices": ["x", "x"], "answer_index": 0}', r"q.jsonl:3: choices hold 'x' twice"),
        ('{"question": "Who?", "answers": ["a"], "answers": ["b"]}', r"q.jsonl:3: not JSON \('answers' comes twice\)"),
        ('{"question": "Who \\ud800?", "answers": ["x"]}', r"q.jsonl:3: not JSON \(half of a surrogate pair, '.ud800'"),
        (
            '{"question": "Who?", "answers": ["x"], "n": ' + "1" * 5000 + "}",
            r"q.jsonl:3: not JSON \(a number of more digits than are read",
        ),
        ('{"question": "Who?", "answers": ' + "[" * 200_000, r"q.jsonl:3: not JSON \(nested too deeply\)"),
        (
            '{"question": "Sung by whom?", "answers": "[I\'ve Had] The Time of My Life"}',
            r"""a text that begins with a bracket goes into a list: \["\[I've Had\] The Time of My Life"\]""",
        ),
        (
            '{"id": "1", "question": "Who?", "answers": ["x"]}',
            r":3: question_id '1' is that of .*:1 too; ids are unique",
        ),
    ],
)
def test_bad_line_names_file_line_value_and_remedy(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text('{"id": "1", "question": "Fine?", "answers": ["x"]}\n\n' + line + "\n", encoding="utf-8")
    with pytest.raises(QuestionError, match=r"^questions\.set: .*" + message):
        load("jsonl", path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"question,answers\nWho?\n", r"q.csv:2: not as many fields as the header \(question, answers\)"),
        (b'question,answers\n"Who"x?,y\n', r"q.csv:2: not CSV \(.*\); quote fields that hold quotes"),
        (b"question,answers\nWho?,\xff\n", r"q.csv:2: byte 22 is not UTF-8; save the file as UTF-8"),
        (b"question,answers,answers\nWho?,a,b\n", r"q.csv:1: columns \['answers'\] come twice; name each once"),
        (b"question,answers\nWho?,\n", r"q.csv:2: column 'answers' or 'answer' is missing or null"),
        (b"question,answers\n", r"no rows in .*q.csv; a set has at least one question"),
    ],
)
def test_bad_csv(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "q.csv").write_bytes(content)
    with pytest.raises(QuestionError, match=message):
        load("jsonl", tmp_path / "q.csv")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (None, r"path: none; source 'jsonl' has no hub name, so name its file"),
        ("absent.jsonl", r"path: no such file: .*absent.jsonl; correct the path"),
        ("folder.jsonl", r"path: .*folder.jsonl is no plain file; name a file of questions"),
        ("q.txt", r"suffix '.txt' is not a known format; allowed: .jsonl, .csv, .parquet"),
        ("q.parquet", r"q.parquet: not a readable Parquet file"),
        ("empty.jsonl", r"no rows in .*empty.jsonl; a set has at least one question"),
    ],
)
def test_bad_file(tmp_path: Path, name: str | None, message: str) -> None:
    for written in ("q.txt", "q.parquet"):
        (tmp_path / written).write_text("x")
    (tmp_path / "empty.jsonl").write_text("\n\n")
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(QuestionError, match=message):
        load("jsonl", None if name is None else tmp_path / name)


def test_a_long_text_is_read_from_csv_as_from_jsonl(tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text(f"question,answers\n{'Who? ' * 40_000},x\n", encoding="utf-8")
    assert len(load("jsonl", tmp_path / "q.csv")["question"][0]) > 131_072


def test_unknown_source_lists_those_that_are_known() -> None:
    with pytest.raises(
        QuestionError, match=r"questions.set: source: 'trivia' is not known; allowed: \['atlas', .*'jsonl', .*'triv"
    ):
        load("trivia", None)


def test_parts_of_a_set_share_no_question_and_make_it_whole(tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl"
    path.write_text("".join(json.dumps({"question": f"Question {i}?", "answers": ["yes"]}) + "\n" for i in range(10)))
    parts = [
        set(questions.load("set", QuestionSet(source="jsonl", path=str(path), part=part))["question"])
        for part in ((0, 0.3), (0.3, 0.8), (0.8, 1))
    ]
    assert [len(part) for part in parts] == [3, 5, 2]
    assert len(set.union(*parts)) == 10


def test_questions_over_the_longest_are_dropped_with_their_options_counted(tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl"
    rows = [
        {"question": "Short?", "choices": ["a", "b"], "answer_index": 0},  # 8 characters
        {"question": "Short?", "choices": ["a long option", "b"], "answer_index": 0},  # 20
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    kept = questions.load("set", QuestionSet(source="jsonl", path=str(path), longest=8))
    assert kept["choices"].tolist() == [["a", "b"]]
    with pytest.raises(QuestionError, match="no question is left; allow more"):
        questions.load("set", QuestionSet(source="jsonl", path=str(path), longest=7))


# ---- requests without right answers


def test_requests_have_a_group_and_no_answers(tmp_path: Path) -> None:
    rows = [
        {"prompt": " Write a poem. ", "id": 6, "group": "writing", "reference": "Roses are red.", "scenario": 3},
        {"prompt": "Plan my day.", "id": 7},
    ]
    frame = load("prompts", jsonl(tmp_path / "asks.jsonl", *rows))
    assert frame["question"].tolist() == ["Write a poem.", "Plan my day."]
    assert frame["answers"].tolist() == [[], []] and frame["question_id"].tolist()[1] == "7"
    assert [json.loads(meta) for meta in frame["meta"]] == [
        {"group": "writing", "reference": "Roses are red.", "scenario": 3}, {"group": "all"},
    ]  # fmt: skip
    records.write(frame, records.QUESTIONS, tmp_path / "asks.parquet")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {"question": "Who?"},
            r"questions.set: .*asks.jsonl:1: column 'prompt' is missing or null; found \['question'\]",
        ),
        ({"prompt": ""}, r"question is ''; a text is needed"),
        ({"prompt": "Write.", "group": 3}, r"asks.jsonl:1: group is 3; a text is needed"),
    ],
)
def test_what_is_no_request(tmp_path: Path, row: dict[str, Any], message: str) -> None:
    with pytest.raises(QuestionError, match=message):
        load("prompts", jsonl(tmp_path / "asks.jsonl", row))
