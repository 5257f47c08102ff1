"""Everything that was tried to break the project, as data: ``data/hostile/``, whose README says what a case holds."""

from __future__ import annotations

import copy
import json
import runpy
import shutil
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from openai._models import construct_type
from openai.types.chat import ChatCompletion

from honesty_utils import grading, questions
from honesty_utils.common import prompts
from honesty_utils.common.errors import HonestyError
from honesty_utils.common.settings import Prompts
from honesty_utils.engines import loading, replies, tokens
from honesty_utils.engines.settings import Model
from honesty_utils.evaluation import stored
from honesty_utils.judge import reading
from honesty_utils.methods import phrases
from honesty_utils.questions.settings import QuestionSet
from honesty_utils.workflow import cli, params as params_file, preflight
from honesty_utils.world import pretraining
from honesty_utils.world.settings import Pretraining

HOSTILE = Path(__file__).parent / "data" / "hostile"
TOP = HOSTILE.parents[2]
GOOD = """
run: toy
model: {name: some/model}
questions: {train: {source: triviaqa, split: train}, indist: {source: triviaqa}}
methods: {absolute: {options: {tau: 0.1}}, finetuned: }
evaluation: {datasets: [indist]}
"""
READERS = {
    "number": partial(reading.number, low=0, high=1),
    "word": partial(reading.word, allowed=("yes", "no")),
    "option": partial(reading.option, choices=["the Rhine", "the Danube", "the Elbe"]),
    "short_answer": partial(reading.short_answer, reply="I think it is Paris, or Rome; perhaps Pär."),
}


def corpus(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (HOSTILE / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def every(name: str) -> pytest.MarkDecorator:
    def named(case: dict[str, Any]) -> str:
        return (
            str(case.get("case", case.get("text", " ".join(case.get("arguments", ())))))
            .encode("unicode_escape")
            .decode()[:60]
        )

    return pytest.mark.parametrize("case", corpus(name), ids=named)


def content(case: dict[str, Any]) -> bytes:
    return bytes.fromhex(case["hex"]) if "hex" in case else case["text"].encode("utf-8", "surrogatepass")


def test_there_are_at_least_as_many_cases_as_were_tried_by_hand():
    assert sum(len(corpus(path.stem)) for path in HOSTILE.glob("*.jsonl")) >= 315


@every("params")
def test_a_params_file_is_refused_before_any_work(case, tmp_path):
    path = tmp_path / "case.yaml"
    (tmp_path / "preset.yaml").write_text(GOOD.replace("toy", "preset"))
    if "key" in case:
        whole = yaml.safe_load(GOOD)
        *above, last = case["key"] if isinstance(case["key"], list) else case["key"].split(".")
        section = whole
        for name in above:
            section[name] = section.get(name) or {}
            section = section[name]
        section[last] = copy.deepcopy(case["value"])
        path.write_text(yaml.safe_dump(whole, allow_unicode=True))
    else:
        path.write_bytes(content(case))
    with pytest.raises(HonestyError) as caught:
        preflight.preflight(params_file.load(path))
    assert case["error"] in str(caught.value)
    assert len(str(caught.value)) < 5000, "an error is read by a person"


@every("answers")
def test_a_file_of_answers_is_refused_with_its_place(case, tmp_path):
    path = tmp_path / "case.jsonl"
    path.write_bytes(content(case))
    with pytest.raises(HonestyError) as caught:
        stored.frame(stored.read([path]), stored.Grading())
    assert case["error"] in str(caught.value)
    assert len(str(caught.value)) < 5000, "an error is read by a person"


@every("questions")
def test_a_question_file_is_read_whole_or_refused_with_its_place(case, tmp_path):
    path = tmp_path / case["file"]
    path.write_bytes(content(case))
    spec = QuestionSet(source="jsonl", path=str(path), **case.get("spec", {}))
    if "error" not in case:
        assert questions.load("mine", spec)["question"].tolist() == case["questions"]
        return
    with pytest.raises(HonestyError) as caught:
        questions.load("mine", spec)
    assert case["error"] in str(caught.value).replace(f"{tmp_path}/", "")


@every("judge_replies")
def test_what_a_judge_wrote_is_one_verdict_or_none(case):
    read = READERS[case["reader"]]
    if "error" not in case:
        assert read(case["text"]) == case["value"]
        return
    with pytest.raises(reading.Unreadable, match=f"^{case['error']}$"):
        read(case["text"])


@every("confidence")
def test_a_stated_confidence_is_read_or_there_is_none(case):
    stated = phrases.parse(case["text"], Prompts())
    assert (stated and stated.confidence, stated and stated.answer) == (case["confidence"], case["answer"])


@every("replies")
def test_a_reply_is_graded_as_the_rules_say(case):
    row = {"question": "Who?", "choices": None, "answer_index": None} | case
    graded = grading.grade_table(pd.DataFrame([row]), match=case.get("match", "contains"))
    assert graded["outcome"].tolist() == [case["outcome"]]


@every("server_answers")
def test_a_server_s_answer_is_read_or_named(case):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydantic's, about the very fields that are wrong
        body = construct_type(type_=ChatCompletion, value=case["body"])
        if "error" not in case:
            answer = replies.read(body, "chat", "some/model")
            assert (answer.response.text, answer.withheld) == (case["reply"], case["withheld"])
            return
        with pytest.raises((replies.MalformedAnswer, replies.AnotherModel)) as caught:
            replies.read(body, "chat", "some/model")
    assert case["error"] in str(caught.value)


@pytest.fixture(scope="module")
def small_model(tmp_path_factory) -> Path:
    """A Llama of one layer whose weights nobody has trained."""
    folder = tmp_path_factory.mktemp("hostile") / "model"
    tokenizer = pretraining.train_tokenizer([f"What is {i} and {i + 1} of it?" for i in range(60)], 300)
    settings = Pretraining(vocab_size=300, hidden_size=32, intermediate_size=64, layers=1, context=64)
    pretraining.save(pretraining.new_model(tokenizer, settings), tokenizer, folder)
    return folder


@every("models")
def test_a_broken_model_folder_is_a_model_error(case, small_model, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(small_model, folder)
    file = folder / case["file"]
    if case.get("gone"):
        file.unlink()
    elif "cut" in case:
        file.write_bytes(file.read_bytes()[: int(case["cut"] * file.stat().st_size)])
    elif "replace" in case:
        old, new = case["replace"]
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))
    else:
        file.write_bytes(content(case))
    with pytest.raises(loading.ModelError) as caught:
        loading.load_model(Model(name=str(folder), device="cpu"))
    assert case["error"] in str(caught.value).replace(f"{folder}/", "").replace(str(folder), "")


@every("templates")
def test_a_chat_template_hands_on_every_word_or_is_refused(case, small_model, monkeypatch):
    monkeypatch.setattr(prompts, "TEMPLATE_SECONDS", 0.5)
    tokenizer = tokens.load_tokenizer(Model(name=str(small_model)))
    tokenizer.chat_template = case["template"]
    if case["error"] is None:
        tokens.check_template(tokenizer, Prompts(style="chat"))
        return
    with pytest.raises(loading.ModelError) as caught:
        tokens.check_template(tokenizer, Prompts(style="chat"))
    assert case["error"] in str(caught.value)


@every("commands")
def test_a_command_says_what_is_wrong_with_it(case, tmp_path, monkeypatch, capsys):
    for name in ("params", "notebooks", "tests", "README.md"):
        (tmp_path / name).symlink_to(TOP / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HONESTY_ROOT", str(tmp_path))
    before = sorted(tmp_path.rglob("*"))
    try:
        status = cli.main(case["arguments"])
    except SystemExit as ended:
        status = ended.code
    said = capsys.readouterr()
    assert status == case["status"]
    assert case["error"] in (said.err + said.out).replace(f"{tmp_path}/", "").replace(f"{TOP}/", "")
    assert "Traceback" not in said.err + said.out
    assert status == 0 or sorted(tmp_path.rglob("*")) == before, "an error leaves no trace"


def test_nothing_of_the_attack_that_is_tried_anew_is_bad() -> None:
    """Every one of its 315 cases has a row, what is weak says why, and a test that is named is there."""
    table = pd.read_csv(HOSTILE / "attacks.csv", keep_default_na=False)
    cases = runpy.run_path(str(TOP / "benchmarks" / "attacks.py"))["cases"]
    assert table["case"].map(cases).sum() == 315
    assert set(table["now"]) <= {"ok", "weak", "not tried again"}
    assert (table.loc[table["now"] != "not tried again", "outcome"] != "").all()
    assert (table.loc[table["now"] == "not tried again", "then"] == "ok").all()
    for named in table.loc[table["how"].str.startswith("test: "), "how"]:
        place, _, name = named.removeprefix("test: ").partition("::")
        assert f"def {name}(" in (TOP / place).read_text(encoding="utf-8") if name else (TOP / place).is_file(), named
