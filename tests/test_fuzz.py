"""Whatever stands in a file or a reply: it is read, or refused with an error of ours; never a traceback.

``make fuzz`` tries a thousand times as many inputs. What it finds becomes a line in ``data/hostile/``.
"""

from __future__ import annotations

import copy
import json
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, assume, example, given, settings, strategies as st
from openai._models import construct_type
from openai.types.chat import ChatCompletion

from honesty_utils import grading, questions
from honesty_utils.common.errors import HonestyError
from honesty_utils.common.settings import Prompts
from honesty_utils.engines import loading, replies, tokens
from honesty_utils.judge import reading
from honesty_utils.methods import phrases
from honesty_utils.questions.settings import QuestionSet
from honesty_utils.workflow import params as params_file

GOOD = yaml.safe_load("""
run: toy
model: {name: some/model}
questions: {train: {source: triviaqa, split: train}, indist: {source: triviaqa}}
methods: {absolute: {options: {tau: 0.1}}, finetuned: }
sampling: {samples: 10}
training: {learning_rate: 1.0e-4, seeds: [0, 1]}
evaluation: {datasets: [indist]}
analysis: {roles: {in_distribution: indist}}
""")
TEXT = st.text(st.characters(), max_size=30)
ODD = st.sampled_from(
    ["", " ", "\0", "nan", "../x", "{question}", "${HOME}", "\ud800", "١", "a" * 300, "null", "[", "%", "\n- x"]
)
SCALAR = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT, ODD)
VALUE = st.recursive(
    SCALAR, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)), max_leaves=6
)
HERE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)


def leaves(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths to everything in a nested content."""
    inner = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    return [path, *(deeper for key, value in inner for deeper in leaves(value, (*path, key)))]


@HERE
@given(
    place=st.sampled_from([path for path in leaves(GOOD) if path]),
    key=st.one_of(TEXT, ODD),
    value=VALUE,
    add=st.booleans(),
)
def test_a_params_file_with_anything_anywhere_is_read_or_refused(tmp_path: Path, place, key, value, add) -> None:
    content = copy.deepcopy(GOOD)
    section = content
    for name in place[:-1]:
        section = section[name]
    if add and isinstance(section, dict):
        section[key] = value
    else:
        section[place[-1]] = value
    path = tmp_path / "fuzzed.yaml"
    try:
        path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8", errors="surrogatepass")
    except yaml.YAMLError:
        assume(False)
    try:
        params_file.load(path)
    except HonestyError as error:
        assert "fuzzed.yaml" in str(error)


@HERE
@given(
    data=st.one_of(
        st.binary(max_size=80), st.text(st.sampled_from("runtoy:[]{}*&!|>-#'\" \n\t?,%@`"), max_size=60).map(str.encode)
    )
)
def test_any_bytes_are_a_params_file_or_refused(tmp_path: Path, data) -> None:
    path = tmp_path / "fuzzed.yaml"
    path.write_bytes(data)
    with pytest.raises(HonestyError, match=r"fuzzed\.yaml"):
        params_file.load(path)


ROW = st.fixed_dictionaries(
    {},
    optional={
        "question": st.one_of(TEXT, VALUE),
        "answers": st.one_of(st.lists(TEXT, max_size=3), VALUE),
        "answer": VALUE,
        "id": SCALAR,
        "question_id": SCALAR,
        "split": SCALAR,
        "label": st.sampled_from(["unknown", "known", "", None]),
        "choices": st.one_of(st.lists(TEXT, max_size=4), VALUE),
        "answer_index": SCALAR,
        "cluster": VALUE,
    },
)


@HERE
@given(rows=st.lists(ROW, min_size=1, max_size=3), separator=st.sampled_from([None, "|"]))
def test_any_rows_are_questions_or_refused_with_their_place(tmp_path: Path, rows, separator) -> None:
    path = tmp_path / "fuzzed.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    try:
        table = questions.load("mine", QuestionSet(source="jsonl", path=str(path), separator=separator))
    except HonestyError as error:
        assert "questions.mine" in str(error) and "fuzzed.jsonl" in str(error)
        return
    assert len(table) and table["question"].str.strip().ne("").all() and table["question_id"].is_unique


@HERE
@given(
    data=st.one_of(
        st.binary(max_size=60),
        st.text(st.sampled_from('question,answers"\n\r ;\tParis\0'), max_size=60).map(str.encode),
    ),
    suffix=st.sampled_from([".jsonl", ".csv", ".parquet"]),
)
def test_any_bytes_are_questions_or_refused(tmp_path: Path, data, suffix) -> None:
    path = tmp_path / f"fuzzed{suffix}"
    path.write_bytes(data)
    try:
        assert len(questions.load("mine", QuestionSet(source="jsonl", path=str(path))))
    except HonestyError as error:
        assert "fuzzed" in str(error)


VERDICT = st.lists(
    st.sampled_from(
        [
            "0.5",
            "1",
            "yes",
            "no",
            "A",
            "B)",
            "none",
            "Score:",
            "Answer:",
            "<think>",
            "</think>",
            "\n",
            " ",
            "**",
            "Paris",
            ".",
            "/",
            "(no answer)",
        ]
    ),
    max_size=6,
).map("".join)


@HERE
@given(text=st.one_of(TEXT, VERDICT))
@example("<think>0.2</think></think>0.7")
def test_a_judges_reply_is_one_verdict_in_bounds_or_unreadable(text) -> None:
    choices, reply = ["the Rhine", "Paris"], "Paris, they say."
    allowed = {
        partial(reading.number, low=0, high=1): lambda value: 0 <= value <= 1,
        partial(reading.word, allowed=("yes", "no")): lambda value: value in ("yes", "no"),
        partial(reading.option, choices=choices): lambda value: value in (reading.NO_OPTION, 0, 1),
        partial(reading.short_answer, reply=reply): lambda value: (
            value == "" or grading.normalize(value) in grading.normalize(reply)
        ),
    }
    for read, holds in allowed.items():
        try:
            assert holds(read(text))
        except reading.Unreadable:
            continue


STATED = st.lists(
    st.sampled_from(
        [
            "I'm about ",
            "I'm only about ",
            "80",
            "101",
            "7.5",
            "%",
            " confident",
            " in this answer",
            ".",
            " Paris",
            "I'm fairly confident that ",
            "**",
            "\n",
            "I am ",
            "percent",
        ]
    ),
    max_size=8,
).map("".join)


@HERE
@given(text=st.one_of(TEXT, STATED))
def test_a_stated_confidence_is_a_probability_with_an_answer_of_the_text(text) -> None:
    stated = phrases.parse(text, Prompts())
    if stated is not None:
        assert 0 <= stated.confidence <= 1 and stated.answer in text


@HERE
@given(
    text=TEXT, answers=st.lists(TEXT, max_size=3), question=TEXT, match=st.sampled_from(["contains", "tokens", "exact"])
)
@example(text="", answers=[], question="\ud800", match="contains")
def test_any_reply_has_one_outcome(text, answers, question, match) -> None:
    row = {"question": question, "text": text, "answers": answers}
    try:
        # As objects: a column of texts of pandas' own cannot hold half of a character.
        graded = grading.grade_table(pd.DataFrame([row], dtype=object), match=match)
    except ValueError as error:  # nothing that could be right
        assert "answers" in str(error)
        return
    alone = grading.grade(question, text, answers, match)
    assert graded["outcome"].tolist() == [alone.outcome] and alone.outcome in ("correct", "wrong", "idk")
    if match == "contains":
        assert not grading.grade(question, text, answers, "tokens").matched or alone.matched


PIECES = st.lists(
    st.sampled_from(
        [
            "{{ messages[0]['content'] }}",
            "{{ messages }}",
            "{% for m in messages %}",
            "{% endfor %}",
            "{{",
            "}}",
            "{%",
            "%}",
            "{# ",
            " #}",
            "{{ m.content | trim }}",
            "{{ 1 / 0 }}",
            "{{ x.y.z }}",
            "{% if add_generation_prompt %}",
            "{% endif %}",
            "<s>",
            "\n",
            "{{ bos_token }}",
        ]
    ),
    max_size=7,
).map("".join)


@HERE
@given(template=PIECES)
def test_a_chat_template_hands_on_the_prompt_or_is_refused(template, tokenizer) -> None:
    tokenizer.chat_template = template
    try:
        tokens.check_template(tokenizer, Prompts(style="chat"))
    except loading.ModelError as error:
        assert "chat template" in str(error)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from honesty_utils.world import pretraining

    return pretraining.train_tokenizer([f"Question: What is {i}? Answer the question." for i in range(20)], 300)


BODY = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "some/model",
    "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Paris"}, "logprobs": None}
    ],
    "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
}


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
@HERE
@given(place=st.sampled_from([path for path in leaves(BODY) if path]), value=VALUE)
def test_any_answer_of_a_server_is_read_or_malformed(place, value) -> None:
    body = copy.deepcopy(BODY)
    section: Any = body
    for name in place[:-1]:
        section = section[name]
    section[place[-1]] = value
    try:
        answer = replies.read(construct_type(type_=ChatCompletion, value=body), "chat", "some/model")
    except (replies.MalformedAnswer, replies.AnotherModel):
        return
    answer.response.text.encode()
    assert answer.usage.prompt_tokens >= 0 and answer.response.num_tokens >= 0
