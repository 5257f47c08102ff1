"""The served engine against a server that misbehaves on purpose, over real sockets."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.servers import MODEL, Script, serve

from honesty_utils import engines, sampling
from honesty_utils.common import records
from honesty_utils.common.settings import Prompts
from honesty_utils.engines import ModelError, Request, ServerError
from honesty_utils.engines.failures import _wait, backoff
from honesty_utils.engines.settings import Generation, Model
from honesty_utils.sampling.settings import Sampling
from honesty_utils.workflow import preflight

KEY = "sk-" + "very-secret-1234567890"


def options(script: Script, **changes: Any) -> dict[str, Any]:
    return {"base_url": script.address, "first_wait": 0.01, "timeout": 20, "concurrency": 4, **changes}


def make_engine(script: Script, style: Any = "chat", name: str = MODEL, **changes: Any) -> Any:
    generation = Generation(engine="openai", engine_options=options(script, **changes), max_new_tokens=8)
    return engines.load(Model(name=name), generation, style)


def requests_of(count: int) -> list[Request]:
    return [Request(f"p{i}", temperature=1.0, seed=i) for i in range(count)]


# ---- answers


@pytest.mark.parametrize("style", ["chat", "raw"])
def test_answers_are_in_the_order_of_the_requests(style: Any) -> None:
    with serve(Script(delay=0.01)) as script:
        responses = make_engine(script, style).generate(requests_of(30))
    assert [response.text for response in responses] == [f"answer to p{i} seed {i}" for i in range(30)]
    assert {(response.num_tokens, response.finish_reason) for response in responses} == {(4, "stop")}


def test_chat_asks_for_a_chat_completion_and_raw_for_a_completion() -> None:
    with serve(Script()) as script:
        chat = make_engine(script, "chat", extra_body={"top_k": 50}).generate([Request("p", 0.7, seed=2**63 + 5)])
        raw = make_engine(script, "raw").generate([Request("p")])
    first, second = script.bodies
    assert first == {
        "model": MODEL, "messages": [{"role": "user", "content": "p"}], "temperature": 0.7, "top_p": 1.0, "seed": 5,
        "max_tokens": 8, "logprobs": True, "top_k": 50,
    }  # fmt: skip
    assert second == {"model": MODEL, "prompt": "p", "temperature": 0.0, "max_tokens": 8, "logprobs": 1}
    # By hand: (-0.5 - 1.5) / 2 and (-1 - 2 - 3 - 2) / 4.
    assert (chat[0].mean_logprob, raw[0].mean_logprob) == (-1.0, -2.0)


def test_what_a_server_does_not_tell_is_none() -> None:
    with serve(Script()) as script:
        engine = make_engine(script, logprobs=False, length_field="max_completion_tokens")
        assert engine.generate([Request("p")])[0].mean_logprob is None
    assert script.bodies[0]["max_completion_tokens"] == 8 and "logprobs" not in script.bodies[0]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"finish_reason": "length", "message": {"role": "assistant", "content": " cut "}}, ("cut", "length")),
        ({"finish_reason": "length", "message": {"role": "assistant", "content": None}}, ("", "length")),
        ({"message": {"role": "assistant", "content": None, "refusal": "I won't."}}, ("I won't.", "stop")),
    ],
)
def test_messages_that_were_cut_or_refused(change: dict[str, Any], expected: tuple[str, str]) -> None:
    with serve(Script(change=change)) as script:
        response = make_engine(script).generate([Request("p")])[0]
    assert (response.text, response.finish_reason) == expected


def test_raw_prompts_go_as_token_ids_where_a_tokenizer_is_named(tiny_model: Path) -> None:
    from transformers import AutoTokenizer

    from honesty_utils.common.prompts import prompt_ids

    expected = prompt_ids(AutoTokenizer.from_pretrained(tiny_model), "Who?", "raw")
    models = [{"id": MODEL, "object": "model", "max_model_len": len(expected) + 3}]
    with serve(Script(models=models)) as script:
        engine = make_engine(script, "raw", tokenizer=str(tiny_model))
        engine.generate([Request("Who?")])
    assert script.bodies[0]["prompt"] == expected  # the begin token among them
    # Eight were asked for; the context leaves three.
    assert script.bodies[0]["max_tokens"] == 3
    assert isinstance(engine, engines.MeasuringEngine)
    assert (engine.prompt_length("Who?"), engine.context) == (len(expected), len(expected) + 3)


def test_a_long_chat_is_found_before_the_first_request(tiny_model: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    tokenizer.chat_template = "{% for m in messages %}User: {{ m.content }}\nReply:{% endfor %}"
    tokenizer.save_pretrained(tmp_path / "chat")
    models = [{"id": MODEL, "object": "model", "max_model_len": 5}]
    with serve(Script(models=models)) as script:
        engine = make_engine(script, "chat", tokenizer=str(tmp_path / "chat"))
        with pytest.raises(ModelError, match=r"question '.': its prompt has \d+ tokens and the model reads 5"):
            draw(engine, tmp_path)
    assert script.bodies == []


def test_no_requests() -> None:
    with serve(Script()) as script:
        engine = make_engine(script)
        assert engine.generate([]) == []
        assert list(engine.stream([])) == []
        assert sorted(engine.stream([[], [Request("p")], []]), key=lambda done: done[0])[2] == (2, [])


# ---- many at a time


def test_never_more_at_a_time_than_allowed_and_never_fewer_than_there_are() -> None:
    with serve(Script(delay=0.05, together=3)) as script:
        make_engine(script, concurrency=3).generate(requests_of(20))
        assert script.most_under_way == 3
        script.together = 20
        make_engine(script, concurrency=50).generate(requests_of(20))
        assert script.most_under_way == 20


def test_batches_are_handed_over_as_they_are_done() -> None:
    # The first batch holds a request that fails twice and waits; the others overtake it.
    with serve(Script(faults={"p0": ["500", "500"]})) as script:
        batches = [requests_of(1), *([Request(f"b{i}")] for i in range(10))]
        done = list(make_engine(script, concurrency=2, first_wait=0.8).stream(batches))
    assert sorted(place for place, _ in done) == list(range(11))
    assert done[-1][0] == 0 and done[-1][1][0].text == "answer to p0 seed 0"


def test_it_runs_where_an_event_loop_runs_already() -> None:
    import asyncio

    async def cell(engine: Any) -> Any:  # code of a notebook's cell runs inside a loop
        return engine.generate([Request("p")])

    with serve(Script()) as script:
        assert asyncio.run(cell(make_engine(script)))[0].text == "answer to p seed -"


# ---- what passes


@pytest.mark.parametrize(
    "fault",
    ["429", "500", "503", "408", "hang", "cut", "malformed", "empty", "html", "no usage", "error inside"],
)
@pytest.mark.parametrize("style", ["chat", "raw"])
def test_what_passes_is_tried_again_until_it_is_answered(fault: str, style: Any) -> None:
    with serve(Script(faults={"p1": [fault, fault]}, retry_after="0.01")) as script:
        timeout = 1 if fault == "hang" else 20
        responses = make_engine(script, style, timeout=timeout).generate(requests_of(3))
    assert [response.text for response in responses] == [f"answer to p{i} seed {i}" for i in range(3)]
    assert script.tries == {"p0": 1, "p1": 3, "p2": 1}


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("429", r"429: fault 429 as told"),
        ("500", r"500: fault 500 as told"),
        ("hang", r"no sign of life for 0.4 s"),
        ("cut", r"connection refused or cut \(RemoteProtocolError: .*\)"),
        ("malformed", r"a malformed answer \(.*\)"),
        ("empty", r'a malformed answer \(list index out of range, in .*"choices":\[\].*\)'),
        ("html", r"a malformed answer \(.*<html>Bad day.*\)"),
        ("error inside", r"a malformed answer \(.*upstream is down.*\)"),
    ],
)
def test_what_does_not_pass_in_time_is_named_in_the_error(fault: str, message: str) -> None:
    with serve(Script(faults={"p": [f"{fault} always"]}, retry_after="0")) as script:
        engine = make_engine(script, max_retries=2, timeout=0.4 if fault == "hang" else 20)
        with pytest.raises(ModelError, match=rf"v1: gave up on a request after 3 tries; the last one: {message}; fini"):
            engine.generate([Request("p")])
    assert script.tries["p"] == 3


def test_retry_after_is_honoured() -> None:
    with serve(Script(faults={"p": ["429"]}, retry_after="0.6")) as script:
        make_engine(script).generate([Request("p")])
    first, second = script.times["p"]
    assert second - first >= 0.6


def test_a_server_that_asks_for_too_long_a_wait_ends_the_run() -> None:
    with (
        serve(Script(faults={"p": ["429"]}, retry_after="3600")) as script,
        pytest.raises(ModelError, match=r"429: .* it asks to wait 3600 s and engine_options.longest_wait is 120"),
    ):
        make_engine(script).generate([Request("p")])
    assert script.tries["p"] == 1


def test_retry_after_may_be_a_date() -> None:
    from email.utils import formatdate
    from time import time

    assert 8 <= _wait(formatdate(time() + 10, usegmt=True)) <= 10
    assert _wait("Wed, 21 Oct 2015 07:28:00 GMT") == _wait("soon") == _wait(None) == 0


def test_waits_double_spread_and_have_a_limit() -> None:
    for tries, whole in ((1, 0.5), (2, 1.0), (3, 2.0), (9, 30.0)):
        waits = [backoff(tries, first=0.5, longest=30.0) for _ in range(200)]
        assert whole / 2 <= min(waits) < 0.6 * whole and 0.9 * whole < max(waits) <= whole


# ---- what does not pass


@pytest.mark.parametrize(
    ("fault", "kind", "message"),
    [
        ("401", ServerError, r"401: fault 401 as told; no key was sent: engine_options.key_variable names it"),
        ("403", ServerError, r"403: fault 403 as told; no key was sent"),
        (
            "404",
            ServerError,
            r"404: fault 404 as told; is 'served/model' the model's name there, and does base_url end in /v1\?",
        ),
        (
            "too long",
            ModelError,
            r"400: maximum context length is 8 tokens.*; the prompt: 'p1'; where it is too long, shorten it",
        ),
        (
            "422",
            ModelError,
            r"422: fault 422 as told; the prompt: 'p1'.* look at engine_options.extra_body and logprobs",
        ),
        ("quota", ServerError, r"429: the account is empty"),
    ],
)
def test_what_no_retry_mends_ends_the_run_at_once(fault: str, kind: type[Exception], message: str) -> None:
    with serve(Script(faults={"p1": [f"{fault} always"]})) as script, pytest.raises(kind, match=message):
        make_engine(script).generate(requests_of(3))
    assert script.tries["p1"] == 1


@pytest.mark.parametrize(
    ("choice", "around", "message"),
    [
        ({"finish_reason": "abort"}, {}, r"a malformed answer \(the answer was broken off \(abort\)"),
        (
            {},
            {"usage": {"prompt_tokens": 10, "completion_tokens": 10**12}},
            "10 and 1000000000000 tokens",
        ),
        ({}, {"usage": {"prompt_tokens": -7, "completion_tokens": 4}}, r"-7 and 4 tokens were counted"),
        ({}, {"usage": None}, r"no count of tokens \(usage\), which this engine needs"),
        ({}, {"model": "other/model-7b"}, r"'other/model-7b' answered in place of 'served/model'.*answers_as"),
    ],
)
def test_an_answer_that_cannot_be_the_models_is_none(
    choice: dict[str, Any], around: dict[str, Any], message: str
) -> None:
    with serve(Script(change=choice, around=around)) as script, pytest.raises((ModelError, ServerError), match=message):
        make_engine(script, max_retries=1).generate([Request("p")])
    assert script.tries["p"] <= 2


def test_no_part_of_a_key_stands_in_the_name_of_a_model_that_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is shown is cut after it is masked: a name that is cut within a key would show its beginning."""
    monkeypatch.setenv("SERVER_KEY", KEY)
    with serve(Script(around={"model": "z" * 190 + KEY})) as script, pytest.raises(ServerError) as caught:
        make_engine(script, key_variable="SERVER_KEY").generate([Request("p")])
    assert "answered in place of" in str(caught.value) and KEY[:6] not in str(caught.value)


@pytest.mark.parametrize("name", ["served/model", "served/model-2026-01-31", "model", "MODEL", "elsewhere/model"])
def test_a_name_with_a_date_or_another_owner_is_the_models(name: str) -> None:
    with serve(Script(around={"model": name})) as script:
        assert make_engine(script).generate([Request("p")])[0].text.startswith("answer")


def test_an_alias_is_allowed_by_name() -> None:
    with serve(Script(around={"model": "backend-17"})) as script:
        assert make_engine(script, answers_as="backend-17").generate([Request("p")])


def test_prompts_do_not_follow_a_redirect() -> None:
    with serve(Script()) as other, serve(Script(faults={"p": ["307 always"]})) as script:
        script.elsewhere = f"{other.address}/chat/completions"
        with pytest.raises(ServerError, match=rf"307: asks to go to {other.address}.*redirects are not followed"):
            make_engine(script).generate([Request("p")])
    assert not other.bodies and script.tries["p"] == 1


def test_half_a_character_becomes_one_that_files_take(tmp_path: Path) -> None:
    with serve(Script(change={"message": {"role": "assistant", "content": "a\ud800b \ud83d\ude00"}})) as script:
        draw(make_engine(script), tmp_path)
    assert set(records.read(records.RESPONSES, tmp_path / "set.parquet")["text"]) == {"a\ufffdb \U0001f600"}


def test_an_answer_that_the_server_withheld_is_none_of_the_models() -> None:
    with (
        serve(Script(change={"finish_reason": "content_filter"})) as script,
        pytest.raises(ModelError, match=r"its content filter withheld an answer.*; the prompt: 'p'"),
    ):
        make_engine(script).generate([Request("p")])


# ---- before the first request


def test_no_server_there() -> None:
    with serve(Script()) as script:
        pass  # its port is free again
    with pytest.raises(ModelError, match=rf"{script.address}: connection refused .*; start the server, or correct"):
        make_engine(script, max_retries=0)


def test_unknown_model_lists_those_of_the_server() -> None:
    with (
        serve(Script()) as script,
        pytest.raises(ModelError, match=r"knows no model 'gone'; model.name is to be one of \['served/model'\]"),
    ):
        make_engine(script, name="gone")


def test_address_without_v1() -> None:
    with serve(Script(models=[])) as script:
        script.models = None  # like a server that keeps no list: the first request tells
        assert make_engine(script).generate([Request("p")])[0].text == "answer to p seed -"


def test_name_on_the_server_need_not_look_like_a_hub_name() -> None:
    name = "accounts/some/models/model-70b"
    with serve(Script(models=[{"id": name, "object": "model"}])) as script:
        make_engine(script, name=name).generate([Request("p")])
    assert script.bodies[0]["model"] == name


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("127.0.0.1:8000/v1", "no address of a server; write one such as"),
        ("http://user:secret@host/v1", "holds more than scheme, host and path; a key is read from the environment"),
        ("http://host/v1?key=secret", "holds more than scheme, host and path"),
    ],
)
def test_address_that_is_none_or_holds_a_secret(value: str, message: str) -> None:
    with pytest.raises(ModelError, match=rf"sampling.engine_options: base_url: .*{message}"):
        engines.check_options("openai", {"base_url": value}, where="sampling")


# ---- identity


def test_identity_is_server_and_name_and_not_how_one_asks() -> None:
    def identity(name: str = "m", **changes: Any) -> str:
        chosen = {"base_url": "http://host/v1", **changes}
        return engines.identity(Model(name=name), Generation(engine="openai", engine_options=chosen), "chat")

    spread = {"concurrency": 3, "timeout": 9, "max_retries": 0, "key_variable": "K", "input_price": 1}
    assert identity() == identity(**spread)
    others = [
        identity("n"), identity(base_url="http://other/v1"), identity(extra_body={"top_k": 1}),
        identity(tokenizer="org/model"), identity(logprobs=False),
    ]  # fmt: skip
    assert len({identity(), *others}) == 6


# ---- sampling


QUESTIONS = pd.DataFrame({"question_id": list("abcdef"), "question": list("abcdef"), "choices": [None] * 6})


def draw(engine: Any, folder: Path) -> Any:
    settings = Sampling(shard_size=2, max_new_tokens=8)
    return sampling.sample(
        engine, QUESTIONS, Prompts(plain="{question}"), settings, samples=2, identity="m",
        path=folder / "set.parquet", shard_folder=folder / "shards",
    )  # fmt: skip


def test_tokens_and_cost_are_summed_in_the_summary(tmp_path: Path) -> None:
    with serve(Script()) as script:
        engine = make_engine(script, input_price=2.0, output_price=10.0)
        engine.generate([Request("before")])
        summary = draw(engine, tmp_path)
        again = draw(engine, tmp_path)
    # Six questions, three answers each, of 10 prompt and 4 generated tokens: 180 at 2 and 72 at 10 a million.
    assert (summary.prompt_tokens, summary.drawn_tokens) == (180, 72)
    assert summary.cost == pytest.approx((180 * 2 + 72 * 10) / 1e6)
    assert summary.facts()["cost"] == summary.cost
    assert (again.reused, again.prompt_tokens) == (3, 0) and again.cost == pytest.approx(0)


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        # A shard is two questions with three answers each, of 10 + 4 tokens: 84 tokens, or 3.6 at these prices.
        ({"most_tokens": 100}, "112 tokens for 4.80: the limit engine_options.most_tokens, 100, is reached"),
        ({"most_cost": 3.7}, "98 tokens for 4.20: the limit engine_options.most_cost, 3.7, is reached"),
    ],
)
def test_a_budget_ends_the_run_and_keeps_what_is_finished(limit: dict, said: str, tmp_path: Path) -> None:
    prices = {"input_price": 2e4, "output_price": 1e5, "concurrency": 1}
    with serve(Script()) as script:
        with pytest.raises(ServerError, match=f"{said}; finished shards are kept: run again"):
            draw(make_engine(script, **prices, **limit), tmp_path)
        asked = sum(script.tries.values())
        assert asked <= 8 and len(list((tmp_path / "shards").glob("*.parquet"))) == 1
        assert draw(make_engine(script, **prices), tmp_path).reused == 1


def test_a_cost_without_prices_is_refused() -> None:
    with pytest.raises(ModelError, match="most_cost: the cost is not known; give input_price and output_price"):
        engines.check_options("openai", {"base_url": "http://127.0.0.1:1/v1", "most_cost": 5, "input_price": 1})


def test_without_prices_there_is_no_cost(tmp_path: Path) -> None:
    with serve(Script()) as script:
        summary = draw(make_engine(script), tmp_path)
    assert (summary.prompt_tokens, summary.cost) == (180, None)


def test_finished_shards_are_kept_and_not_asked_for_again(tmp_path: Path) -> None:
    with serve(Script(faults={"c": ["404"]})) as script:
        # One at a time, so that the first shard (a, b) is done before c is asked.
        with pytest.raises(ServerError, match="404"):
            draw(make_engine(script, concurrency=1), tmp_path)
        assert len(list((tmp_path / "shards").glob("*.parquet"))) == 1
        assert draw(make_engine(script), tmp_path).reused == 1
    # Each question is asked three times; of c there was one that failed.
    assert script.tries == {"a": 3, "b": 3, "c": 4, "d": 3, "e": 3, "f": 3}
    texts = records.read(records.RESPONSES, tmp_path / "set.parquet")["text"]
    assert texts.str.extract(r"answer to (.) seed")[0].tolist() == [q for q in "abcdef" for _ in range(3)]


# ---- the key


RUN = """
import json, logging, sys
import pandas as pd
from pathlib import Path
from honesty_utils import engines
from honesty_utils.common import manifest
from honesty_utils import sampling
from honesty_utils.engines.settings import Generation
from honesty_utils.engines.settings import Model
from honesty_utils.common.settings import Prompts
from honesty_utils.sampling.settings import Sampling

logging.basicConfig(level=logging.DEBUG)
folder, options = Path(sys.argv[1]), json.loads(sys.argv[2])
settings = Sampling(engine="openai", engine_options=options, shard_size=1)
model, questions = Model(name="served/model"), pd.read_parquet(folder / "questions.parquet")
made = manifest.begin({"model": model.model_dump(), "sampling": settings.model_dump()})
identity = engines.identity(model, settings, "chat")
engine = engines.load(model, settings, "chat")
print(repr(engine), vars(engine), identity)
summary = sampling.sample(engine, questions, Prompts(plain="{question}"), settings, samples=1, identity=identity,
                          path=folder / "set.parquet", shard_folder=folder / "shards")
print(summary)
made.write(folder / "set.parquet", **summary.facts())
"""


@pytest.mark.parametrize(
    ("wanted", "faults", "message"),
    [
        (KEY, {}, "Summary("),
        (KEY, {"b": ["500 always"]}, "gave up on a request"),
        (KEY, {"b": ["too long"]}, "maximum context length"),
        (KEY, {"b": ["malformed always"]}, "a malformed answer"),
        (KEY, {"b": ["echo late"]}, "400: xxx"),
        (KEY, {"b": ["echo inside always"]}, "a malformed answer"),
        (KEY, {"b": ["echo as answer always"]}, "Summary("),
        ("another", {}, "Incorrect API key provided: Bearer ***; the key in SERVER_KEY was sent"),
    ],
)
def test_the_key_is_sent_and_written_nowhere(
    tmp_path: Path, wanted: str, faults: dict[str, list[str]], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVER_KEY", KEY)
    QUESTIONS.to_parquet(tmp_path / "questions.parquet")
    with serve(Script(key=wanted, faults=faults)) as script:
        chosen = options(script, key_variable="SERVER_KEY", max_retries=1, concurrency=1)
        command = [sys.executable, "-X", "dev", "-c", RUN, str(tmp_path), json.dumps(chosen)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    written = done.stdout + done.stderr
    assert (done.returncode == 0) == (message == "Summary("), written
    assert message in written
    assert {headers["authorization"] for headers in script.headers} == {f"Bearer {KEY}"}
    for path in tmp_path.rglob("*"):
        written += path.read_text(errors="replace") if path.is_file() else ""
    assert KEY not in written
    assert "SERVER_KEY" in written


def test_a_key_of_the_environment_goes_only_where_params_send_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serve(Script()) as script:
        make_engine(script).generate([Request("p")])
    assert KEY not in str(script.headers)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, r"the environment has no SERVER_KEY; export it where the run starts"),
        ("", r"the environment has no SERVER_KEY"),
        ("sk-\u00e9", r"SERVER_KEY holds characters that no key has"),
    ],
)
def test_a_key_that_is_missing_or_none_is_told_before_any_work(
    value: str | None, message: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("SERVER_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("SERVER_KEY", value)
    chosen = engines.check_options("openai", {"base_url": "http://127.0.0.1:9/v1", "key_variable": "SERVER_KEY"})
    with caplog.at_level(logging.DEBUG), pytest.raises(ModelError, match=message):
        chosen.check(Model(name="m"))


def test_preflight_looks_at_what_the_engines_need(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import yaml

    smoke = yaml.safe_load(Path("params/smoke.yaml").read_text(encoding="utf-8"))
    engine = {"engine": "openai", "engine_options": {"base_url": "http://127.0.0.1:9/v1", "key_variable": "NO_SUCH"}}
    path = tmp_path / "params.yaml"
    for name in ("p_ik", "elicited", "craft"):  # read hidden states or ask a trained model, which no server has
        smoke["methods"].pop(name)
    path.write_text(yaml.safe_dump({**smoke, "drift": None, "sampling": {**smoke["sampling"], **engine}}))
    assert preflight.main([str(path)]) == 2
    assert "the environment has no NO_SUCH" in capsys.readouterr().err


def test_a_package_that_is_missing_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for name, options in {"openai": {"base_url": "http://127.0.0.1:9/v1"}, "ray": {}}.items():
        message = rf"engine '{name}': the package '{name}' is not installed; make install EXTRAS=dev,{name}"
        with pytest.raises(ModelError, match=message):
            engines.check_options(name, options).check_installed()
