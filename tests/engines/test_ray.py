"""Engines spread over Ray: a real cluster of two nodes on this machine, one of them killed while it works."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.servers import MODEL, Script, serve

from honesty_utils import engines, sampling
from honesty_utils.common import prompts
from honesty_utils.common.settings import Prompts
from honesty_utils.engines import ModelError, Request, ServerError
from honesty_utils.engines.options import RayOptions
from honesty_utils.engines.settings import Generation, Model
from honesty_utils.sampling.settings import Sampling

pytestmark = pytest.mark.xdist_group("ray")  # one process: a process joins one cluster

WORDING = Prompts()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster of one node with one processor, on which this process is; tests add the second node."""
    import ray
    from ray.cluster_utils import Cluster

    # A dead node is noticed within seconds, not half a minute.
    checks = {"health_check_period_ms": 1000, "health_check_timeout_ms": 2000, "health_check_failure_threshold": 3}
    cluster = Cluster(initialize_head=True, head_node_args={**node(), "_system_config": checks})
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def node() -> dict[str, Any]:
    return {"num_cpus": 1, "num_gpus": 0, "object_store_memory": 100 << 20, "include_dashboard": False}


def spread(cluster: Any, model: Path, **changes: Any) -> tuple[Model, Generation]:
    options = {"address": cluster.address, "replicas": 2, "replica_cpus": 0.5, **changes}
    return Model(name=str(model), device="cpu"), Generation(engine="ray", engine_options=options, max_new_tokens=8)


def ask(question: str) -> str:
    return prompts.render(WORDING, "plain", question)


def questions_of(facts: dict[str, tuple[str, ...]], times: int) -> pd.DataFrame:
    texts = [f"{question}{' ' * i}" for i in range(times) for question in facts]
    ids = [f"q{i}" for i in range(len(texts))]
    return pd.DataFrame({"question_id": ids, "question": texts, "choices": [None] * len(texts)})


def draw(engine: Any, questions: pd.DataFrame, folder: Path, identity: str = "m") -> Any:
    settings = Sampling(max_new_tokens=8, shard_size=2, seed=3)
    return sampling.sample(
        engine, questions, WORDING, settings, samples=3, identity=identity,
        path=folder / "set.parquet", shard_folder=folder / "shards",
    )  # fmt: skip


def test_responses_are_those_of_the_inner_engine(cluster: Any, tiny_model: Path, facts: Any, tmp_path: Path) -> None:
    model, generation = spread(cluster, tiny_model)
    engine = engines.load(model, generation, "raw")
    local = engines.load(model, Generation(max_new_tokens=8), "raw")
    questions = questions_of(facts, times=1)
    draw(engine, questions, tmp_path / "ray")
    draw(local, questions, tmp_path / "local")
    tables = [(tmp_path / folder / "set.parquet").read_bytes() for folder in ("ray", "local")]
    assert tables[0] == tables[1]
    assert engine.generate([]) == list(engine.stream([])) == []


def test_shards_drawn_here_are_good_there_and_the_other_way_round(
    cluster: Any, tiny_model: Path, facts: Any, tmp_path: Path
) -> None:
    model, generation = spread(cluster, tiny_model)
    here = Generation(max_new_tokens=8)
    identity = engines.identity(model, generation, "raw")
    assert identity == engines.identity(model, here, "raw")
    questions = questions_of(facts, times=1)
    draw(engines.load(model, here, "raw"), questions, tmp_path, identity)
    assert draw(engines.load(model, generation, "raw"), questions, tmp_path, identity).reused == 5


def test_a_node_is_killed_and_the_table_is_that_of_an_undisturbed_run(
    cluster: Any, tiny_model: Path, facts: Any, tmp_path: Path
) -> None:
    # Each node has room for one replica; the second one dies when 12 of 90 shards are there.
    second = cluster.add_node(**node())
    model, generation = spread(cluster, tiny_model, replica_cpus=1)
    engine = engines.load(model, generation, "raw")
    watched = Watched(engine, cluster, second, after=12)
    questions = questions_of(facts, times=20)
    summary = draw(watched, questions, tmp_path / "killed")
    draw(engines.load(model, Generation(max_new_tokens=8), "raw"), questions, tmp_path / "local")
    tables = [(tmp_path / folder / "set.parquet").read_bytes() for folder in ("killed", "local")]
    assert tables[0] == tables[1]
    assert summary.shards == 90 and watched.killed
    assert sorted(watched.places) == list(range(90))  # every batch came once


class Watched:
    """An engine that loses a node of its cluster after some batches."""

    def __init__(self, engine: Any, cluster: Any, node: Any, after: int) -> None:
        self.engine, self.cluster, self.node, self.after = engine, cluster, node, after
        self.places: list[int] = []
        self.killed = False
        self.generate = engine.generate

    def stream(self, batches: Any) -> Iterator[Any]:
        for place, responses in self.engine.stream(batches):
            self.places.append(place)
            yield place, responses
            if len(self.places) == self.after:
                self.cluster.remove_node(self.node, allow_graceful=False)
                self.killed = True


def test_a_replica_that_dies_is_started_again(cluster: Any, tiny_model: Path, facts: Any) -> None:
    import psutil

    model, generation = spread(cluster, tiny_model, replicas=1)
    engine = engines.load(model, generation, "raw")
    batches = [[Request(ask(question), 1.0, seed) for question in facts] for seed in range(12)]
    expected = engines.load(model, Generation(max_new_tokens=8), "raw")
    stream, done = engine.stream(batches), {}
    for place, responses in stream:
        done[place] = responses
        if len(done) == 2:
            workers = [p for p in psutil.process_iter(["cmdline"]) if "MapWorker" in " ".join(p.info["cmdline"] or [])]
            mine = [process for process in workers if "ray::MapWorker" in process.info["cmdline"][0]]
            assert len(mine) == 1
            mine[0].send_signal(signal.SIGKILL)
    texts = [[response.text for response in done[place]] for place in range(12)]
    assert texts == [[response.text for response in expected.generate(batch)] for batch in batches]


def test_tokens_and_cost_of_the_replicas_are_summed(cluster: Any) -> None:
    with serve(Script()) as script:
        inner = {"base_url": script.address, "input_price": 1.0}
        options = {
            "address": cluster.address,
            "engine": "openai",
            "engine_options": inner,
            "replicas": 2,
            "replica_cpus": 0.5,
        }
        engine = engines.load(Model(name=MODEL), Generation(engine="ray", engine_options=options), "chat")
        assert engines.usage(engine) is None
        batches = [[Request(f"{place} {i}") for i in range(5)] for place in range(4)]
        done = dict(engine.stream(batches))
    assert [response.text for response in done[2]] == [f"answer to 2 {i} seed -" for i in range(5)]
    used = engines.usage(engine)
    # Twenty answers, each of 10 prompt and 4 generated tokens in the server's count.
    assert used is not None and (used.prompt_tokens, used.completion_tokens) == (200, 80)
    assert used.cost == pytest.approx(200 / 1e6)


# ---- bad input


def test_a_server_that_refuses_everything_is_told_as_such(cluster: Any) -> None:
    with serve(Script(faults={"p": ["404"]})) as script:
        inner = {"base_url": script.address}
        options = {"address": cluster.address, "engine": "openai", "engine_options": inner, "replica_cpus": 0.5}
        engine = engines.load(Model(name=MODEL), Generation(engine="ray", engine_options=options), "chat")
        with pytest.raises(ServerError, match=r"404: fault 404 as told; is 'served/model' the model's name there"):
            engine.generate([Request("p")])


def test_what_the_inner_engine_says_reaches_the_user(cluster: Any, tiny_model: Path) -> None:
    model, generation = spread(cluster, tiny_model, replicas=1)
    engine = engines.load(model, generation, "raw")
    with pytest.raises(ModelError, match=r"a prompt has 192 tokens and the model reads 192"):
        engine.generate([Request("x" * 191)])


def test_a_long_prompt_is_found_before_the_first_request(
    cluster: Any, tiny_model: Path, facts: Any, tmp_path: Path
) -> None:
    model, generation = spread(cluster, tiny_model)
    engine = engines.load(model, generation, "raw")
    questions = questions_of(facts, times=1)
    questions.loc[8, "question"] = "Why? " * 200
    with pytest.raises(ModelError, match=r"question 'q8': its prompt has \d{3} tokens and the model reads 192"):
        draw(engine, questions, tmp_path)
    assert not list(tmp_path.rglob("*.parquet"))


def test_more_than_the_cluster_has(cluster: Any, tiny_model: Path) -> None:
    model, generation = spread(cluster, tiny_model, replicas=4, replica_gpus=2)
    message = r"4 replicas of 0.5 CPUs and 2 GPUs do not fit on the cluster, 0 do \(nodes: 1 CPUs and 0 GPUs.*\); lower"
    with pytest.raises(ModelError, match=message):
        engines.load(model, generation, "raw")


FOUR = {"engine": "vllm", "engine_options": {"tensor_parallel_size": 4}}
SERVED = {"engine": "openai", "engine_options": {"base_url": "http://127.0.0.1:8000/v1"}}


@pytest.mark.parametrize(
    ("options", "device", "there", "each", "reserved"),
    [
        ({}, "auto", True, 1, 2),
        ({}, "auto", False, 0, 2),
        ({}, "cpu", True, 0, 2),
        ({"replica_gpus": 0.5}, "auto", True, 0.5, 1),
        ({"replica_gpus": 0}, "auto", False, 0, 0),
        (FOUR, "auto", True, 4, 8),
        ({**FOUR, "address": "auto"}, "auto", True, 4, 0),
        (SERVED, "auto", True, 0, 0),
        ({**SERVED, "replica_gpus": 0}, "auto", True, 0, 0),
    ],
)
def test_a_replica_has_the_gpus_of_its_engine(
    options: dict[str, Any], device: str, there: bool, each: float, reserved: int
) -> None:
    chosen = RayOptions(replicas=2, **options)
    assert (chosen.gpus_each(device, there), chosen.gpus) == (each, reserved)


def test_a_replica_without_a_gpu_where_there_are_some() -> None:
    message = r"replica_gpus: 0; a replica on 'vllm' takes 4 and the cluster has GPUs; leave replica_gpus out"
    with pytest.raises(ModelError, match=message):
        RayOptions(replica_gpus=0, **FOUR).gpus_each("auto", there=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({**FOUR, "replica_gpus": 1}, r"replica_gpus: 1; a replica on 'vllm' .* takes 4: write 4, or leave"),
        ({"engine": "ray"}, "engine: 'ray' inside ray; name the engine that answers"),
        ({"engine": "gguf"}, r"engine_options.engine: 'gguf'; known: \["),
        ({"engine_options": {"beams": 2}}, r"engine_options.engine_options: beams: .*; remove it"),
        ({"address": "ray://host:10001"}, r"Ray Client is not supported; start the run on a node of the cluster"),
        ({"replicas": 0}, "replicas: .*; got 0"),
    ],
)
def test_wrong_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=rf"sampling.engine_options: .*{message}"):
        engines.check_options("ray", options, where="sampling")


ALONE = """
import sys
from honesty_utils import engines
from honesty_utils.engines.settings import Generation
from honesty_utils.engines.settings import Model
from honesty_utils.engines import Request

options = {"address": sys.argv[2]} if sys.argv[2] else {}
engine = engines.load(Model(name=sys.argv[1], device="cpu"), Generation(engine="ray", engine_options=options), "raw")
print([response.text for response in engine.generate([Request(sys.argv[3])])])
"""


def alone(model: Path, address: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", ALONE, str(model), address, ask("Who wrote Hamlet?")]
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_without_an_address_this_machine_is_the_cluster_and_nothing_else_is_printed(tiny_model: Path) -> None:
    done = alone(tiny_model, "")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "['William Shakespeare']\n"
    assert "usage stats" not in done.stderr.lower() and "Dataset" not in done.stderr


def test_no_cluster_at_the_address(tiny_model: Path) -> None:
    done = alone(tiny_model, "127.0.0.1:9")
    message = "ModelError: ray: no cluster at engine_options.address '127.0.0.1:9': [Errno "
    assert message in done.stderr, done.stderr
