from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
import yaml
from transformers import AutoModelForCausalLM

from honesty_utils import engines, sampling
from honesty_utils.common import prompts, records
from honesty_utils.common.settings import Prompts
from honesty_utils.engines.settings import Generation, Model
from honesty_utils.sampling.settings import Sampling
from honesty_utils.workflow import execute

WORDING = Prompts()
SETTINGS = Sampling(temperature=1.0, max_new_tokens=8, batch_size=16, shard_size=2, seed=3)


def questions_of(texts: list[str]) -> pd.DataFrame:
    rows = {"question_id": [f"q{i}" for i in range(len(texts))], "question": texts, "choices": [None] * len(texts)}
    return pd.DataFrame(rows)


@pytest.fixture
def questions(facts: dict[str, tuple[str, ...]]) -> pd.DataFrame:
    return questions_of(list(facts))


@pytest.fixture(scope="module")
def engine(tiny_model: Path) -> Any:
    return engines.load(Model(name=str(tiny_model)), Generation(max_new_tokens=8, batch_size=16), "raw")


def draw(engine: Any, questions: pd.DataFrame, folder: Path, **changes: Any) -> sampling.Summary:
    options: dict[str, Any] = {"wording": WORDING, "settings": SETTINGS, "samples": 3, "identity": "m", **changes}
    wording, settings = options.pop("wording"), options.pop("settings")
    return sampling.sample(
        engine, questions, wording, settings, path=folder / "set.parquet", shard_folder=folder / "shards", **options
    )


def test_plan_is_greedy_then_samples_of_each_question_in_shards() -> None:
    # Five questions in shards of two: 2, 2, 1. Each question has a greedy request and m = 2 samples.
    questions = questions_of(["a?", "b?", "c?", "d?", "e?"])
    shards = sampling.plan(questions, WORDING, SETTINGS, samples=2)
    assert [len(shard.requests) for shard in shards] == [6, 6, 3]
    assert shards[0].keys == (("q0", -1), ("q0", 0), ("q0", 1), ("q1", -1), ("q1", 0), ("q1", 1))
    assert [request.temperature for request in shards[0].requests] == [0.0, 1.0, 1.0] * 2
    assert {request.prompt for request in shards[2].requests} == {prompts.render(WORDING, "plain", "e?")}


def test_plan_shows_the_options_of_a_question() -> None:
    questions = questions_of(["Which?"])
    questions["choices"] = [["red", "blue"]]
    prompt = sampling.plan(questions, WORDING, SETTINGS, samples=0)[0].requests[0].prompt
    assert "Which?\nA) red\nB) blue\n" in prompt


def test_every_sample_has_a_seed_of_its_own_whatever_the_shards() -> None:
    questions = questions_of([f"{i}?" for i in range(30)])
    seeds = {}
    for size in (1, 7):
        settings = SETTINGS.model_copy(update={"shard_size": size})
        shards = sampling.plan(questions, WORDING, settings, samples=4)
        pairs = [pair for shard in shards for pair in zip(shard.keys, shard.requests, strict=True)]
        seeds[size] = {key: request.seed for key, request in pairs if key[1] >= 0}
    assert seeds[1] == seeds[7]
    assert len(set(seeds[1].values())) == 120
    assert sampling.seed_of(3, "q0", 1) != sampling.seed_of(4, "q0", 1)


def test_seed_is_the_same_on_every_machine() -> None:
    # First 16 digits of: printf '0\x1fq' | sha256sum
    assert sampling.seed_of(0, "q", 1) == 0x2AD5C388C97A889C // 4 + 1


@pytest.mark.parametrize(
    ("texts", "samples", "message"), [([], 1, "0 questions; at least one"), (["a?"], -1, "m = -1; m >= 0 is needed")]
)
def test_plan_needs_a_question_and_no_negative_m(texts: list[str], samples: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sampling.plan(questions_of(texts), WORDING, SETTINGS, samples)


def test_a_repeated_id_is_found_before_anything_is_asked() -> None:
    questions = questions_of(["a?", "b?"]).assign(question_id="q7")
    with pytest.raises(ValueError, match="question_id 'q7' comes twice"):
        sampling.plan(questions, WORDING, SETTINGS, 1)


def test_table_has_a_row_a_response(engine: Any, questions: pd.DataFrame, tmp_path: Path, facts: Any) -> None:
    summary = draw(engine, questions, tmp_path)
    table = records.read(records.RESPONSES, tmp_path / "set.parquet")
    # Nine questions, one greedy and three samples each, in shards of two.
    assert (summary.responses, summary.shards, summary.reused) == (36, 5, 0)
    assert table["question_id"].tolist() == [f"q{i}" for i in range(9) for _ in range(4)]
    assert table["sample_index"].tolist() == [-1, 0, 1, 2] * 9
    assert summary.tokens == table["num_tokens"].sum()
    assert summary.drawn_tokens == summary.tokens
    assert summary.tokens_per_second == pytest.approx(summary.tokens / summary.seconds)
    greedy = table[table["sample_index"] == -1]["text"]
    assert all(text in answers for text, answers in zip(greedy, facts.values(), strict=True))
    assert (table["mean_logprob"] <= 0).all()


def test_a_model_whose_numbers_are_not_finite_is_an_error_and_nothing_is_kept(
    tiny_model: Path, questions: pd.DataFrame, tmp_path: Path
) -> None:
    network = AutoModelForCausalLM.from_pretrained(tiny_model)
    with torch.no_grad():
        network.get_input_embeddings().weight.fill_(float("nan"))
    shutil.copytree(tiny_model, tmp_path / "broken")
    network.save_pretrained(tmp_path / "broken")
    broken = engines.load(Model(name=str(tmp_path / "broken"), device="cpu"), Generation(max_new_tokens=4), "raw")
    with pytest.raises(engines.ModelError, match=r"question 'q0': the log-probability of the answer is not a number"):
        draw(broken, questions, tmp_path)
    assert not list(tmp_path.rglob("*.parquet"))


def test_greedy_only(engine: Any, questions: pd.DataFrame, tmp_path: Path) -> None:
    draw(engine, questions, tmp_path, samples=0)
    assert set(records.read(records.RESPONSES, tmp_path / "set.parquet")["sample_index"]) == {-1}


def test_shard_size_changes_no_response(engine: Any, questions: pd.DataFrame, tmp_path: Path) -> None:
    draw(engine, questions, tmp_path / "small")
    draw(engine, questions, tmp_path / "large", settings=SETTINGS.model_copy(update={"shard_size": 100}))
    # The last digits of a mean log-probability depend on what else is in its batch; nothing else does.
    small, large = (records.read(records.RESPONSES, tmp_path / name / "set.parquet") for name in ("small", "large"))
    pd.testing.assert_frame_equal(small.drop(columns="mean_logprob"), large.drop(columns="mean_logprob"))
    assert small["mean_logprob"].to_numpy() == pytest.approx(large["mean_logprob"].to_numpy(), abs=1e-5)


def test_finished_shards_are_reused(engine: Any, questions: pd.DataFrame, tmp_path: Path) -> None:
    draw(engine, questions, tmp_path)
    content = (tmp_path / "set.parquet").read_bytes()
    (tmp_path / "set.parquet").unlink()
    again = draw(engine, questions, tmp_path)
    assert (again.reused, again.drawn_tokens, again.tokens_per_second) == (5, 0, None)
    assert again.tokens == records.read(records.RESPONSES, tmp_path / "set.parquet")["num_tokens"].sum()
    assert (tmp_path / "set.parquet").read_bytes() == content


def test_only_the_shards_that_changed_are_drawn_again(engine: Any, questions: pd.DataFrame, tmp_path: Path) -> None:
    draw(engine, questions, tmp_path)
    changed = questions.copy()
    changed.loc[8, "question"] = "Coffee or tea?"
    assert draw(engine, changed, tmp_path).reused == 4


@pytest.mark.parametrize(
    "changes",
    [
        {"identity": "another"},
        {"wording": Prompts(plain="{question}")},
        {"settings": SETTINGS.model_copy(update={"temperature": 0.5})},
        {"settings": SETTINGS.model_copy(update={"seed": 4})},
        {"samples": 2},
    ],
)
def test_shards_of_other_settings_are_never_reused(
    engine: Any, questions: pd.DataFrame, tmp_path: Path, changes: dict[str, Any]
) -> None:
    draw(engine, questions[:4], tmp_path)
    assert draw(engine, questions[:4], tmp_path).reused == 2
    assert draw(engine, questions[:4], tmp_path, **changes).reused == 0


def test_a_line_of_progress_a_shard(
    engine: Any, questions: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw(engine, questions[:4], tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("set: shard 1 of 2, ")
    assert lines[1].endswith(" 0 s left")


KILLED = """
import os, signal, sys
import pandas as pd
from pathlib import Path
from honesty_utils import engines
from honesty_utils.common import files
from honesty_utils import sampling
from honesty_utils.engines.settings import Generation
from honesty_utils.engines.settings import Model
from honesty_utils.common.settings import Prompts
from honesty_utils.sampling.settings import Sampling

model, questions, folder, moment = sys.argv[1], pd.read_parquet(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
engine = engines.load(Model(name=model), Generation(max_new_tokens=8, batch_size=16), "raw")
replace, drawn, written = os.replace, 0, 0

class Mortal:
    def generate(self, requests):
        global drawn
        responses = engine.generate(requests)
        drawn += 1
        if moment == "drawing" and drawn == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return responses

def mortal(partial, path):
    global written
    written += 1
    if (moment == "shard" and written == 3) or (moment == "table" and path.name == "set.parquet"):
        os.kill(os.getpid(), signal.SIGKILL)
    replace(partial, path)

files.os.replace = mortal

sampling.sample(Mortal(), questions, Prompts(), Sampling(max_new_tokens=8, shard_size=2, seed=3), samples=3,
                identity="m", path=folder / "set.parquet", shard_folder=folder / "shards")
"""


@pytest.mark.parametrize(("moment", "kept", "partials"), [("drawing", 2, 0), ("shard", 2, 1), ("table", 5, 1)])
def test_a_killed_run_resumes_to_the_same_bytes(
    engine: Any, tiny_model: Path, questions: pd.DataFrame, tmp_path: Path, moment: str, kept: int, partials: int
) -> None:
    # Five shards: killed while the third is drawn, before the third is renamed, before the whole table is.
    questions.to_parquet(tmp_path / "questions.parquet")
    command = [sys.executable, "-c", KILLED, str(tiny_model), str(tmp_path / "questions.parquet"), str(tmp_path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    killed = subprocess.run([*command, moment], capture_output=True, text=True, env=environment)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (tmp_path / "set.parquet").exists()
    assert len(list((tmp_path / "shards").glob("[!.]*.parquet"))) == kept
    assert len(list(tmp_path.rglob("*.partial"))) == partials
    assert draw(engine, questions, tmp_path).reused == kept
    draw(engine, questions, tmp_path / "whole")
    assert (tmp_path / "set.parquet").read_bytes() == (tmp_path / "whole" / "set.parquet").read_bytes()
    assert not list(tmp_path.rglob("*.partial"))


def test_killed_at_random_moments_a_run_loses_a_shard_a_kill(tmp_path: Path) -> None:
    command = [sys.executable, "benchmarks/kills.py", "--kills", "3", "--questions", "200"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.getcwd()}
    done = subprocess.run(
        [*command, "--output", str(tmp_path / "kills.csv")], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    table = pd.read_csv(tmp_path / "kills.csv", index_col="quantity")["value"]
    assert table["table of the same bytes"] == "yes" and table["kills"] == "3" and table["shards"] == "20"
    assert 20 <= int(table["shards drawn, all attempts together"]) <= 23


def test_a_shard_of_other_settings_has_another_name(questions: pd.DataFrame) -> None:
    shard = sampling.plan(questions, Prompts(), Sampling(), 1)[0]
    settings = [("org/m", 8, "raw"), ("org/n", 8, "raw"), ("org/m", 9, "raw"), ("org/m", 8, "chat")]
    identities = {
        engines.identity(Model(name=name), Generation(max_new_tokens=length, batch_size=batch), style)
        for name, length, style in settings
        for batch in (1, 64)  # how many at a time changes no response
    }
    assert len({shard.name(identity) for identity in identities}) == 4


class Backwards:
    """An engine that works on all batches at the same time and is done with the last one first."""

    def __init__(self, engine: Any) -> None:
        self.generate = engine.generate

    def stream(self, batches: Any) -> Any:
        for place in reversed(range(len(batches))):
            yield place, self.generate(batches[place])


def test_batches_may_come_back_in_any_order(engine: Any, questions: pd.DataFrame, tmp_path: Path) -> None:
    draw(Backwards(engine), questions, tmp_path / "backwards")
    draw(engine, questions, tmp_path / "forwards")
    tables = [(tmp_path / folder / "set.parquet").read_bytes() for folder in ("backwards", "forwards")]
    assert tables[0] == tables[1]


def test_a_prompt_that_is_too_long_is_found_before_the_first_request(
    engine: Any, questions: pd.DataFrame, tmp_path: Path
) -> None:
    # The tiny model reads 192 tokens; the long question is in the last of five shards.
    questions.loc[8, "question"] = "Why? " * 200
    message = r"question 'q8': its prompt has \d{3} tokens and the model reads 192, .* \(1 of 9 prompts leave no room"
    with pytest.raises(engines.ModelError, match=message):
        draw(engine, questions, tmp_path)
    assert not list(tmp_path.rglob("*.parquet"))


def test_prompts_that_leave_little_room_are_told(engine: Any, questions: pd.DataFrame, tmp_path: Path) -> None:
    # The tiny model reads 192 tokens; the answer may have 8, and the long prompt leaves fewer.
    def length(question: str) -> int:
        return int(engine.prompt_length(prompts.render(WORDING, "plain", question)))

    long = next(text for n in range(200) if length(text := "x" * n) > 192 - engine.max_new_tokens)
    questions.loc[8, "question"] = long
    message = rf"1 of 9 prompts leave room for fewer than max_new_tokens = {engine.max_new_tokens} tokens in the 192"
    with pytest.warns(UserWarning, match=rf"{message} .*, the longest for {192 - length(long)}; longer answers are"):
        draw(engine, questions, tmp_path)


def test_a_shard_that_holds_other_rows_is_not_taken(engine: Any, questions: pd.DataFrame, tmp_path: Path) -> None:
    draw(engine, questions[:4], tmp_path)
    first, second = (tmp_path / "shards").glob("*.parquet")
    first.write_bytes(second.read_bytes())
    with pytest.raises(records.RecordError, match=r"not the rows that its name stands for; delete it"):
        draw(engine, questions[:4], tmp_path)


OUT_OF_MEMORY = """
import resource, sys
import pandas as pd
from pathlib import Path
from honesty_utils import engines
from honesty_utils import sampling
from honesty_utils.engines.settings import Generation
from honesty_utils.engines.settings import Model
from honesty_utils.common.settings import Prompts
from honesty_utils.sampling.settings import Sampling

questions, folder = pd.read_parquet(sys.argv[2])[:2], Path(sys.argv[3])
engine = engines.load(Model(name=sys.argv[1], device="cpu"), Generation(max_new_tokens=4, batch_size=64), "raw")

class Greedy:
    calls = 0
    def generate(self, requests):
        if self.calls == 1:
            # The second shard in one batch, whose cache takes 300 MB, where 64 MB are left.
            engine.batch_size = len(requests)
            size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (size + (64 << 20), resource.RLIM_INFINITY))
        self.calls += 1
        return engine.generate(requests)

sampling.sample(Greedy(), questions, Prompts(), Sampling(max_new_tokens=4, shard_size=1), samples=10_000,
                identity="m", path=folder / "set.parquet", shard_folder=folder / "shards")
"""


def test_out_of_memory_names_the_batch_size_and_keeps_what_is_done(
    tiny_model: Path, questions: pd.DataFrame, tmp_path: Path
) -> None:
    questions.to_parquet(tmp_path / "questions.parquet")
    command = [sys.executable, "-c", OUT_OF_MEMORY, str(tiny_model), str(tmp_path / "questions.parquet"), str(tmp_path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 1
    error = done.stderr.splitlines()[-1]
    assert "ModelError" in error and "out of memory: lower batch_size, which is 10001" in error, done.stderr
    assert len(list((tmp_path / "shards").glob("*.parquet"))) == 1 and not (tmp_path / "set.parquet").exists()


def test_the_notebook_stops_with_the_message_and_a_status(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HONESTY_ROOT", str(tmp_path))
    rows = [{"question": "Who wrote Hamlet?", "answers": ["x"]}, {"question": "Why? " * 200, "answers": ["x"]}]
    for name, row in zip(("short", "long"), rows, strict=True):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(row) + "\n")
    sets = {name: {"source": "jsonl", "path": str(tmp_path / f"{name}.jsonl")} for name in ("short", "long")}
    content = {
        "run": "toy", "model": {"name": str(tiny_model)}, "questions": {"train": sets["short"], **sets},
        "sampling": {"max_new_tokens": 8}, "methods": {"absolute": None}, "evaluation": {"datasets": ["short"]},
        "analysis": {"roles": {"in_distribution": "short"}},
    }  # fmt: skip
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump(content))
    given = {"params": str(tmp_path / "toy.yaml"), "sets": "short,long"}
    arguments = ["notebooks/10_sampling.ipynb", str(tmp_path / "out.ipynb"), "--parameters", json.dumps(given)]
    assert execute.main(arguments) == 1
    assert "tokens and the model reads 192" in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.parquet"))  # found before the short set was asked, too


def test_memory_hardly_grows_with_the_responses(tmp_path: Path) -> None:
    # Joining all shards in memory takes 2.5 kB a response of 400 characters; one shard at a time 0.5 kB, for the plan.
    peaks = {}
    for responses in (20_000, 80_000):
        output = tmp_path / f"{responses}.csv"
        command = [sys.executable, "benchmarks/memory.py", "--responses", str(responses), "--output", str(output)]
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PYTHONPATH": os.getcwd()})
        peaks[responses] = float(pd.read_csv(output, index_col="quantity")["value"]["peak memory, written"]) * 1e9
    assert peaks[80_000] - peaks[20_000] < 60_000 * 1500
    assert peaks[80_000] < 0.5e9


def test_plan_lays_passages_before_every_request_of_their_question() -> None:
    table = questions_of(["a?", "b?"]).assign(meta=['{"passages": ["One.", "Two."]}', "{}"])
    shard = sampling.plan(table, WORDING, SETTINGS, samples=2)[0]
    asked = {name: prompts.render(WORDING, "plain", name) for name in ("a?", "b?")}
    assert [request.prompt for request in shard.requests] == [f"Text: One.\nText: Two.\n{asked['a?']}"] * 3 + [
        asked["b?"]
    ] * 3
    # Without passages nothing has changed: the same requests, and shards that were drawn before are taken.
    alone = sampling.plan(questions_of(["a?", "b?"]), WORDING, SETTINGS, samples=2)[0]
    bare = sampling.plan(table.assign(meta="{}"), WORDING, SETTINGS, samples=2)[0]
    assert alone == bare and alone.name("m") == bare.name("m") != shard.name("m")
