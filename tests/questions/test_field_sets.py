"""The field's sets: records in the shape of each, made up here, and what becomes of them; files fetched and checked."""

import hashlib
import http.server
import importlib
import json
import pkgutil
import re
import threading
from dataclasses import replace
from functools import partial

import pytest

from honesty_utils import grading, questions
from honesty_utils.questions import QuestionError, remote, sets
from honesty_utils.questions.sets import selfaware
from honesty_utils.questions.settings import QuestionSet


def load(source, path, **spec):
    return questions.load("mine", QuestionSet(source=source, path=str(path), allow_size_mismatch=True, **spec))


def said(table):
    labels = [json.loads(meta).get("label") for meta in table["meta"]]
    return list(zip(table["question"], table["answers"], labels, strict=True))


def test_selfaware(tmp_path):
    rows = [
        {"question_id": 1, "question": "Who wrote it?", "answer": ["Ada"], "answerable": True, "source": "squad_dev"},
        {"question_id": 2, "question": "What is best?", "answer": None, "answerable": False, "source": "SelfAware"},
    ]
    path = tmp_path / "SelfAware.json"
    path.write_text(json.dumps({"example": rows}))
    assert said(load("selfaware", path)) == [("Who wrote it?", ["Ada"], None), ("What is best?", [], "unknown")]
    path.write_text(json.dumps({"example": [rows[0] | {"answerable": "yes"}]}))
    with pytest.raises(QuestionError, match=r"example 0: answerable is 'yes'; true or false is needed"):
        load("selfaware", path)
    path.write_text("[]")
    with pytest.raises(QuestionError, match="no JSON with a list under 'example'"):
        load("selfaware", path)
    with pytest.raises(QuestionError, match="3,369 are documented"):
        questions.load("mine", QuestionSet(source="selfaware", path=str(write_selfaware(tmp_path, rows))))


def write_selfaware(folder, rows):
    (folder / "SelfAware.json").write_text(json.dumps({"example": rows}))
    return folder  # a folder that holds the file is as good


def test_umwp(tmp_path):
    rows = [
        {"id": 7, "question": "2 + 2?", "answer": [4.0], "answerable": True, "category": None, "relevant_ids": None},
        {"id": 9, "question": "2 + ?", "answer": None, "answerable": False, "category": 1, "relevant_ids": [7]},
    ]
    path = tmp_path / "StandardDataset.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    table = load("umwp", path)
    assert said(table) == [("2 + 2?", ["4"], None), ("2 + ?", [], "unknown")]
    metas = [json.loads(meta) for meta in table["meta"]]
    assert [meta["twin"] for meta in metas] == ["7", "7"] and metas[1]["group"] == "key information missing"
    assert questions.matcher(QuestionSet(source="umwp")) == "number"
    assert questions.matcher(QuestionSet(source="umwp", match="exact")) == "exact"


def test_a_limit_takes_both_twins_or_none(tmp_path):
    rows = []
    for k in range(20):
        rows.append({"question": f"Which is {k}?", "answers": ["yes sir"], "twin": k})
        rows.append({"question": f"Which is not {k}?", "label": "unknown", "twin": k})
    path = tmp_path / "twins.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    table = questions.load("mine", QuestionSet(source="jsonl", path=str(path), limit=11))
    twins = [json.loads(meta)["twin"] for meta in table["meta"]]
    assert len(twins) == 10 and all(twins.count(twin) == 2 for twin in twins)
    other = questions.load("mine", QuestionSet(source="jsonl", path=str(path), limit=11, seed=1))
    assert other["question_id"].tolist() != table["question_id"].tolist()


def test_bbh_disambiguation(tmp_path):
    options = "(A) The nurse left\n(B) Ann left\n(C) Ambiguous"
    text = f"In the following …\nSentence: The nurse met Ann as she left.\nOptions:\n{options}"
    path = tmp_path / "disambiguation_qa.json"
    path.write_text(json.dumps({"examples": [{"input": text, "target": "(B)"}, {"input": text, "target": "(C)"}]}))
    table = load("bbh_disambiguation", path)
    assert table["choices"].tolist() == [["The nurse left", "Ann left"]] * 2
    assert table["answer_index"].tolist()[0] == 1 and table["answers"].tolist() == [["Ann left"], []]
    graded = grading.grade_table(table.assign(text=["B", "B"]))
    # Where it cannot be told, no option is right.
    assert graded["outcome"].tolist() == ["correct", "wrong"]
    path.write_text(json.dumps({"examples": [{"input": text, "target": "(D)"}]}))
    with pytest.raises(QuestionError, match="not a sentence with options"):
        load("bbh_disambiguation", path)


HEADER = "id,split,question,effective_year,next_review,false_premise,num_hops,fact_type,source,answer_0,answer_1,note\n"


def edition(folder, name, *rows):
    lines = [
        f"{number},{split},{text},2022,now,{false},one-hop,{kind},s,{answer},,\n"
        for number, (split, text, false, kind, answer) in enumerate(rows)
    ]
    (folder / name).write_text("a warning,,\n,,\n" + HEADER + "".join(lines))


def test_freshqa(tmp_path):
    stays, changes = ("TEST", "Who rules?", "FALSE", "slow-changing"), ("TEST", "Who won?", "FALSE", "fast-changing")
    others = [("DEV", "Dev?", "FALSE", "slow-changing", "x"), ("TEST", "False?", "TRUE", "slow-changing", "x"),
              ("TEST", "Never?", "FALSE", "never-changing", "x")]  # fmt: skip
    edition(tmp_path, "FreshQA_v10282024.csv", (*stays, "Eve"), (*changes, "Ann"), *others)
    edition(tmp_path, "FreshQA_v12182024.csv", (*stays, "Eve"), (*changes, "Bob"), *others)
    assert said(load("freshqa", tmp_path)) == [("Who rules?", ["Eve"], None), ("Who won?", ["Ann"], "unknown")]
    (tmp_path / "FreshQA_v12182024.csv").write_text("a,b\n,\nid,split\n")
    with pytest.raises(QuestionError, match=r"FreshQA_v12182024\.csv:3: columns .* are missing"):
        load("freshqa", tmp_path)


def test_honestybench(tmp_path):
    path = tmp_path / "test.jsonl"
    path.write_text(json.dumps({"question": "who was first", "answer": ["Ada", "Lovelace"]}) + "\n")
    assert said(load("honestybench", path)) == [("who was first", ["Ada", "Lovelace"], None)]
    with pytest.raises(QuestionError, match=r"split: 'nq/train'; allowed: \['nq/test', 'squad/dev'\]"):
        questions.load("mine", QuestionSet(source="honestybench", split="nq/train"))


def test_truthfulqa_puts_the_right_option_anywhere(tmp_path):
    rows = [
        {
            "question": f"Is it {k}?",
            "mc0_targets": {"right": 1, "wrong": 0},
            "mc1_targets": {"right": 1, "a": 0, "b": 0},
        }
        for k in range(40)
    ]
    path = tmp_path / "mc_task.json"
    path.write_text(json.dumps(rows))
    table = load("truthfulqa", path)
    first = (table["answer_index"] == 0).mean()
    assert 0.25 < first < 0.75 and all(
        choices[place] == "right" for choices, place in zip(table["choices"], table["answer_index"], strict=True)
    )
    assert load("truthfulqa", path, split="mc1")["choices"].map(len).eq(3).all()
    path.write_text(json.dumps([rows[0] | {"mc1_targets": {"right": 1, "": 0, "b": 0}}]))
    assert sorted(load("truthfulqa", path, split="mc1")["choices"][0]) == ["b", "right"]
    path.write_text(json.dumps([rows[0] | {"mc0_targets": {"right": 1, "too": 1}}]))
    with pytest.raises(QuestionError, match="mc0_targets has 2 right of 2 options; one is needed"):
        load("truthfulqa", path)


def test_simpleqa_kuq_and_falseqa(tmp_path):
    simple = tmp_path / "simple.csv"
    simple.write_text("metadata,problem,answer\n\"{'topic': 'Art', 'urls': []}\",Who drew it?,Ada\n")
    table = load("simpleqa", simple)
    assert said(table) == [("Who drew it?", ["Ada"], None)] and json.loads(table["meta"][0]) == {"topic": "Art"}
    kuq = tmp_path / "kuq.jsonl"
    rows = [{"question": "a?", "answer": ["x"], "unknown": False, "source": "squad", "category": None},
            {"question": "b?", "answer": [], "unknown": True, "source": "turk", "category": "ambiguous"}]  # fmt: skip
    kuq.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert said(load("kuq", kuq)) == [("a?", ["x"], None), ("b?", [], "unknown")]
    false = tmp_path / "false.csv"
    false.write_text("question,answer,label\nWhy do fish fly?,\"['They swim.']\",1\nWhy do fish swim?,To move.,0\n")
    table = load("falseqa", false)
    assert said(table) == [("Why do fish fly?", [], "unknown"), ("Why do fish swim?", ["To move."], None)]
    assert [json.loads(meta)["twin"] for meta in table["meta"]] == ["0", "0"]
    false.write_text("question,answer,label\nWhy?,x,0\nWhy not?,x,1\n")
    with pytest.raises(QuestionError, match="not the order that pairs are read from"):
        load("falseqa", false)


def test_an_objection_to_a_question_is_a_refusal_in_sets_that_have_something_to_object_to(tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_text('{"question": "q?", "answers": ["x y"]}\n')
    assert "refusals" not in json.loads(load("jsonl", path)["meta"][0])
    assert json.loads(load("jsonl", path, refusals="objects")["meta"][0])["refusals"] == "objects"
    write_selfaware(tmp_path, [{"question_id": 1, "question": "Who?", "answer": ["Ada"], "answerable": True}])
    assert json.loads(load("selfaware", tmp_path)["meta"][0])["refusals"] == "objects"
    assert "refusals" not in json.loads(load("selfaware", tmp_path, refusals="declines")["meta"][0])


SAFETY, HUMAN = "Requests with safety concerns", "Humanizing requests"


def coconot(folder, original, contrast):
    for name, rows in (("coconot_eval", original), ("coconot_contrast_eval", contrast)):
        named = [
            {"id": f"{name}{k}", "category": category, "subcategory": kind, "prompt": f"{kind} {k}?", "response": ""}
            for k, (category, kind) in enumerate(rows)
        ]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in named))
    return folder


def test_coconot_keeps_safety_apart_and_says_what_only_a_judge_can_read(tmp_path):
    unsupported, incomplete = "Unsupported requests", "Incomplete requests"
    coconot(
        tmp_path,
        [(unsupported, "temporal limitations"), (HUMAN, "personal inquiry"), (SAFETY, "privacy violations")],
        [(unsupported, "modality limitations"), (incomplete, "underspecified"), (SAFETY, "privacy violations")],
    )

    def read(**spec):
        table = load("coconot", tmp_path, **spec)
        metas = [json.loads(meta) for meta in table["meta"]]
        return [(row, meta["label"], meta.get("read_by")) for row, meta in zip(table["split"], metas, strict=True)]

    assert read() == [
        ("original", "unknown", None), ("original", "unknown", "judge"), ("contrast", "answerable", None),
        ("contrast", "answerable", "judge"),
    ]  # fmt: skip
    assert read(split="safety+safety_contrast") == [
        ("safety", "unknown", None),
        ("safety_contrast", "answerable", None),
    ]
    assert {len(answers) for answers in load("coconot", tmp_path)["answers"]} == {0}
    with pytest.raises(QuestionError, match="split: 'all'; allowed: original, contrast, safety, safety_contrast"):
        load("coconot", tmp_path, split="all")
    with pytest.raises(QuestionError, match="name the folder that holds both files"):
        load("coconot", tmp_path / "coconot_eval.jsonl")
    coconot(tmp_path, [("Other requests", "x")], [])
    with pytest.raises(QuestionError, match=r"coconot_eval\.jsonl:1: category is 'Other requests'; allowed: Incomp"):
        load("coconot", tmp_path)
    (tmp_path / "coconot_contrast_eval.jsonl").unlink()
    with pytest.raises(QuestionError, match=r"data: no .*coconot_contrast_eval\.jsonl; copy data/coconot_contrast"):
        (tmp_path / "coconot").mkdir()
        coconot(tmp_path / "coconot", [(HUMAN, "personal inquiry")], [])
        (tmp_path / "coconot" / "coconot_contrast_eval.jsonl").unlink()
        questions.load("mine", QuestionSet(source="coconot", allow_size_mismatch=True), tmp_path)


def test_a_folder_that_a_set_is_read_from_counts_by_its_files(tmp_path):
    coconot(tmp_path, [(HUMAN, "personal inquiry")], [])
    found = questions.files([QuestionSet(source="coconot", path=str(tmp_path)), QuestionSet(source="coconot")])
    assert [path.name for path in found] == ["coconot_contrast_eval.jsonl", "coconot_eval.jsonl"]
    with pytest.raises(QuestionError, match="is no plain file"):
        questions.files([QuestionSet(source="jsonl", path=str(tmp_path))])


# --- files of a repository --------------------------------------------------------------------------------------------


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A server in the place of GitHub's, and how often it was asked."""
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            asked.append(self.path)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=tmp_path / "hub"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HONESTY_FILES", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("HONESTY_ROOT", str(tmp_path / "checkout"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    yield tmp_path / "hub", asked
    server.shutdown()


def test_a_file_is_fetched_once_and_held_to_its_hash(served, monkeypatch):
    hub, asked = served
    content = json.dumps({"example": [{"question_id": 1, "question": "q?", "answer": ["x y"], "answerable": True}]})
    place = hub / selfaware.REMOTE.repository / selfaware.REMOTE.commit / selfaware.FILE
    place.parent.mkdir(parents=True)
    place.write_text(content)
    spec = QuestionSet(source="selfaware", allow_size_mismatch=True)
    with pytest.raises(QuestionError, match=r"SHA-256 .* is documented: not the revision that"):
        questions.load("mine", spec)
    mine = replace(selfaware.REMOTE, files={selfaware.FILE: hashlib.sha256(content.encode()).hexdigest()})
    monkeypatch.setattr(selfaware, "REMOTE", mine)
    assert len(questions.load("mine", spec)) == 1
    before = len(asked)
    assert len(questions.load("mine", spec)) == 1 and len(asked) == before


def test_a_copy_that_is_not_the_documented_file_is_told(tmp_path, caplog, monkeypatch):
    path = write_selfaware(tmp_path, [{"question_id": 1, "question": "q?", "answer": ["x y"], "answerable": True}])
    load("selfaware", path)
    assert "but 32929585ffdd… is documented for yinzhangyue/SelfAware at f0bad1ff" in caplog.text
    caplog.clear()
    digest = hashlib.sha256((path / "SelfAware.json").read_bytes()).hexdigest()
    monkeypatch.setattr(selfaware, "REMOTE", replace(selfaware.REMOTE, files={selfaware.FILE: digest}))
    load("selfaware", path)
    assert "documented for" not in caplog.text


def test_no_way_to_fetch_it_names_the_copy_that_would_do(served, monkeypatch, tmp_path):
    spec = QuestionSet(source="selfaware")
    with pytest.raises(
        QuestionError, match=r"cannot be fetched .*404.*; give a local copy of data/SelfAware\.json with path"
    ):
        questions.load("mine", spec)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(QuestionError, match="is not fetched, as HF_HUB_OFFLINE is set"):
        questions.load("mine", spec)
    with pytest.raises(QuestionError, match=r"data: no .*selfaware/SelfAware\.json; copy"):
        questions.load("mine", spec, tmp_path)
    assert remote.SECONDS > 0


def test_what_is_fetched_is_named_by_whole_hashes():
    names = [name for _, name, _ in pkgutil.iter_modules(sets.__path__)]
    found = {name: getattr(importlib.import_module(f"{sets.__name__}.{name}"), "REMOTE", None) for name in names}
    known = {name: one for name, one in found.items() if one is not None}
    assert "bbh_disambiguation" in known
    for name, one in known.items():
        assert one.files, name
        for path, digest in one.files.items():
            assert re.fullmatch(r"[0-9a-f]{64}", digest), f"{name}: {path}"
