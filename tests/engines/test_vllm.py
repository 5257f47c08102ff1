"""The engine on vLLM, for real: its CPU build (or whichever is installed) on the tiny model, in one start."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from scipy import stats

from honesty_utils import engines
from honesty_utils.common import manifest, prompts, records
from honesty_utils.common.paths import Run
from honesty_utils.common.settings import Prompts
from honesty_utils.engines import ModelError, Request, vllm as vllm_engine
from honesty_utils.engines.parity import disagreements
from honesty_utils.engines.settings import Generation, Model
from honesty_utils.knowledge import labeling
from honesty_utils.knowledge.settings import Labeling
from honesty_utils.workflow.execute import execute

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
SMALL = {"kv_cache_memory_bytes": 2**26}
pytestmark = [
    pytest.mark.xdist_group("vllm"),  # one process: the engine is started once
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM has no build for this machine"),
]


def generation(**changes: Any) -> Generation:
    return Generation(**{"engine": "vllm", "engine_options": SMALL, "max_new_tokens": 8, **changes})


def ask(question: str) -> str:
    return prompts.render(Prompts(), "plain", question)


def row(engine: Any, request: Request) -> Any:
    return vllm_engine._row(request, engine._prompt_ids(request.prompt, None))


@pytest.fixture(scope="module")
def shared(tiny_model: Path, adapters: tuple[Path, Path]) -> list[Any]:
    """Engines of the tiny model and its two adapters, in one start."""
    models = [Model(name=str(folder)) for folder in (tiny_model, *adapters)]
    return engines.load_all(models, generation(), "raw")


@pytest.fixture(scope="module")
def engine(shared: list[Any]) -> Any:
    return shared[0]


@pytest.fixture(scope="module")
def references(tiny_model: Path, adapters: tuple[Path, Path]) -> list[Any]:
    """The same models in the engine on transformers, the adapters merged into their base."""
    models = [Model(name=str(folder), device="cpu") for folder in (tiny_model, *adapters)]
    return [engines.load(model, Generation(max_new_tokens=8), "raw") for model in models]


@pytest.fixture(scope="module")
def questions(facts: dict[str, tuple[str, ...]]) -> list[str]:
    """What the tiny model was taught, and questions that it can only babble about."""
    halves = [question.rstrip("?").split() for question in facts]
    mixed = [f"{' '.join(a[:2])} {' '.join(b[1:])}?" for a in halves for b in halves if a != b]
    return [*facts, *dict.fromkeys(mixed)]


# ---- parity


def test_greedy_answers_are_those_of_transformers(
    shared: list[Any], references: list[Any], questions: list[str]
) -> None:
    asked = [ask(question) for question in questions]
    answers = []
    for engine, reference in zip(shared, references, strict=True):
        found = engine.generate([Request(prompt) for prompt in asked])
        expected = reference.generate([Request(prompt) for prompt in asked])
        apart = disagreements(reference, asked, expected, found)
        answers.append([response.text for response in found])
        assert len(apart) <= 0.01 * len(asked), apart
        assert all(difference.margin < 1e-3 for difference in apart), apart
        same = [(a, b) for a, b in zip(found, expected, strict=True) if a.text == b.text]
        assert [(a.num_tokens, a.finish_reason) for a, _ in same] == [(b.num_tokens, b.finish_reason) for _, b in same]
        assert np.allclose([a.mean_logprob for a, _ in same], [b.mean_logprob for _, b in same], atol=1e-4)
    base, *aligned = answers
    # The adapters do change answers, each its own way.
    assert all(len(set(zip(base, other, strict=True))) > len(set(base)) for other in aligned)
    assert aligned[0] != aligned[1]


def test_expected_accuracies_are_those_of_transformers(
    engine: Any, references: list[Any], facts: dict[str, tuple[str, ...]], questions: list[str]
) -> None:
    # Known, half known and unknown questions, ten samples each; and more tokens than vLLM reads in a step, where the
    # build for CPUs once stopped at a prompt that it read in two parts.
    asked = {**facts, **{question: ("Paris",) for question in questions[-20:]}}
    requests = [Request(ask(question), 1.0, 10 * place + i) for place, question in enumerate(asked) for i in range(10)]
    assert sum(engine.prompt_length(request.prompt) for request in requests) > 4096
    first = np.array([answers[0] for answers in asked.values()])[:, None]
    found, expected = (
        (np.array([response.text for response in one.generate(requests)]).reshape(-1, 10) == first).mean(axis=1)
        for one in (engine, references[0])
    )
    assert 0.2 < expected.mean() < 0.8
    assert np.corrcoef(found, expected)[0, 1] >= 0.97


def test_margin_of_a_made_up_difference(references: list[Any]) -> None:
    # Told that the other engine said nothing: they part at the first token, whose lead is read off one forward pass.
    prompt = ask("Who wrote Hamlet?")
    (expected,) = references[0].generate([Request(prompt)])
    other = engines.Response("Zz", 1, None, "stop")
    (apart,) = disagreements(references[0], [prompt], [expected], [other])
    with torch.no_grad():
        logits = references[0].model(torch.tensor([references[0]._prompt_ids(prompt)])).logits[0, -1]
    first, second = logits.topk(2).values.tolist()
    assert apart.margin == pytest.approx(first - second, abs=1e-4) and apart.margin > 1
    assert disagreements(references[0], [prompt], [expected], [expected]) == []


def test_adapters_of_one_call_do_not_mix(shared: list[Any], questions: list[str]) -> None:
    base, *aligned = shared
    asked = [ask(question) for question in questions[:30]]
    mixed = [Request(prompt, adapter=name) for prompt in asked for name in (None, *(one.adapter for one in aligned))]
    found = base.generate(mixed)
    for number, engine in enumerate(shared):
        alone = engine.generate([Request(prompt) for prompt in asked])
        assert [one.text for one in found[number::3]] == [one.text for one in alone]
    assert found[1].text != found[2].text


def test_adapter_that_the_engine_was_not_started_with(engine: Any) -> None:
    with pytest.raises(ModelError, match=r"started without the adapter '/other'; it has \["):
        engine.generate([Request("Who?", adapter="/other")])


# ---- draws and lengths


def test_mean_logprob_is_that_of_the_generated_tokens_at_temperature_one(
    engine: Any, references: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt = ask("Tea or coffee?")
    assert engine.generate([Request(prompt, 1.0, seed=5)])[0].mean_logprob is None  # as a run has it
    monkeypatch.setattr(engine, "sample_logprobs", True)
    for temperature in (0.0, 1.0, 2.0):
        request = Request(prompt, temperature, seed=5)
        (output,) = engine._run([row(engine, request)])
        before, after = list(engine._prompt_ids(prompt, None)), list(output.token_ids)
        with torch.no_grad():
            logprobs = references[0].model(torch.tensor([before + after])).logits[0].log_softmax(1)
        expected = [float(logprobs[len(before) - 1 + i, token]) for i, token in enumerate(after)]
        (response,) = engine.generate([request])
        assert response.num_tokens == len(after)
        assert response.mean_logprob == pytest.approx(sum(expected) / len(expected), abs=1e-4)


def test_responses_do_not_depend_on_their_neighbours(engine: Any, questions: list[str]) -> None:
    requests = [
        Request(ask(question), temperature, seed=2**63 + 100 * number + sample)
        for number, question in enumerate(questions[:20])
        for sample, temperature in enumerate([0.0] + [1.5] * 10)
    ]
    together = engine.generate(requests)
    assert len({response.text for response in together}) > 30
    backwards = engine.generate(requests[::-1])[::-1]
    # Alone, each is a request to vLLM of its own; together, those of one question are one with ``n``.
    assert len(vllm_engine._draws([row(engine, request) for request in requests[:22]], most=10)) == 4
    alone = [engine.generate([request])[0] for request in requests[:22]]
    assert np.mean([a.text == b.text for a, b in zip(together, backwards, strict=True)]) >= 0.99
    assert np.mean([a.text == b.text for a, b in zip(together, alone, strict=False)]) >= 0.95


def test_more_samples_than_vllm_takes_at_once_are_several_requests(
    engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = [Request(ask("Tea or coffee?"), 1.5, seed) for seed in range(10)]
    together = engine.generate(requests)
    monkeypatch.setattr("vllm.envs.VLLM_MAX_N_SEQUENCES", 4)
    assert vllm_engine._draws([row(engine, request) for request in requests], most=4) == [(0, 4), (4, 4), (8, 2)]
    found = engine.generate(requests)  # vLLM itself refuses n = 10 now
    assert np.mean([a.text == b.text for a, b in zip(found, together, strict=True)]) >= 0.9


def test_first_tokens_are_drawn_with_the_models_probabilities(engine: Any, references: list[Any]) -> None:
    # Chi-square of 2,000 first tokens against softmax(logits / T), tokens expected fewer than 5 times taken together.
    count, temperature, prompt = 2000, 1.3, ask("Tea or coffee?")
    rows = [row(engine, Request(prompt, temperature, seed)) for seed in range(count)]
    tokens = Counter(output.token_ids[0] for output in engine._run(rows))
    with torch.no_grad():
        logits = references[0].model(torch.tensor([references[0]._prompt_ids(prompt)])).logits[0, -1]
    expected = (logits / temperature).softmax(0).double().numpy() * count
    common = [token for token in range(len(expected)) if expected[token] >= 5]
    observed = [tokens[token] for token in common]
    wanted = [expected[token] for token in common]
    assert len(common) >= 2
    rest = [count - sum(observed)], [count - sum(wanted)]
    assert stats.chisquare(observed + rest[0], wanted + rest[1]).pvalue > 0.001


def test_answer_ends_at_the_context(engine: Any) -> None:
    # 192 tokens of context: a prompt of 190 leaves two, unless the end token comes first.
    long = engine.generate([Request("x" * 189, 2.0, seed) for seed in range(30)])
    ends = {(response.num_tokens, response.finish_reason) for response in long}
    assert (2, "length") in ends and ends <= {(1, "stop"), (2, "stop"), (2, "length")}
    short = engine.generate([Request("x" * 100, 2.0, seed) for seed in range(30)])
    assert max(response.num_tokens for response in short) == 8
    assert engine.context == 192 and engine.prompt_length("x" * 189) == 190


def test_prompt_longer_than_the_context_is_an_error_that_names_it(engine: Any) -> None:
    with pytest.raises(ModelError, match=r"a prompt has 192 tokens and the model reads 192.*'x{80}…'; shorten"):
        engine.generate([Request("Who?"), Request("x" * 191)])


def test_no_requests(engine: Any) -> None:
    assert engine.generate([]) == []


def test_temperature_that_vllm_does_not_take(engine: Any) -> None:
    with pytest.raises(ModelError, match=r"vLLM does not take a request: temperature must be in \[0, 2\], got 50.0"):
        engine.generate([Request("Who?", 50.0)])


OUT_OF_MEMORY = """
import json, os, sys
import torch
from honesty_utils import engines
from honesty_utils.engines.settings import Generation
from honesty_utils.engines.settings import Model
from honesty_utils.engines import Request

os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"  # the model in this process, on GPUs as on CPUs
generation = Generation(engine="vllm", engine_options=json.loads(sys.argv[2]), max_new_tokens=8)
engine = engines.load(Model(name=sys.argv[1]), generation, "raw")
assert engine.generate([Request("Who?")])[0].num_tokens > 0
# More than any machine can address: torch's own error comes out of the middle of a step of vLLM's.
engine.llm.apply_model(
    lambda model: model.register_forward_pre_hook(lambda *_: torch.empty(2**60, dtype=torch.uint8, device="cpu"))
)
engine.generate([Request("Who else?")])
"""


def test_memory_that_runs_out_is_told_with_a_remedy(tiny_model: Path) -> None:
    # In a process of its own: after such an error vLLM is of no more use, and the process has to end.
    command = [sys.executable, "-c", OUT_OF_MEMORY, str(tiny_model), json.dumps({**SMALL, "enforce_eager": True})]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 1, done.stderr[-2000:]
    told = r"ModelError: .*: vLLM stopped: .*can't allocate memory.*; if memory was short, lower "
    assert re.search(told, done.stderr), done.stderr[-2000:]


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA error: out of memory")])
def test_whatever_stops_vllm_is_one_error(engine: Any, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(engine.llm, "generate", stop)
    with pytest.raises(ModelError, match=r": vLLM stopped: (MemoryError|CUDA error: out of memory); if memory was"):
        engine.generate([Request("Who?")])


# ---- in a notebook


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HONESTY_ROOT", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(NOTEBOOKS.parent))
    return tmp_path


def test_notebooks_sample_and_evaluate_adapters_together(
    home: Path, tiny_model: Path, adapters: tuple[Path, Path], references: list[Any], facts: dict[str, tuple[str, ...]]
) -> None:
    run = Run("served")
    rows = [{"question": question, "answers": list(answers)} for question, answers in facts.items()]
    (home / "facts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    wording = Prompts(honest=Prompts().plain)
    drawn = {"engine": "vllm", "engine_options": SMALL, "max_new_tokens": 8}
    mine = {"source": "jsonl", "path": str(home / "facts.jsonl")}
    params = home / "served.yaml"
    content = {
        "run": "served", "model": {"name": str(tiny_model)}, "prompts": {"honest": wording.honest},
        "questions": {"train": mine, "mine": mine}, "sampling": {**drawn, "samples": 4, "seed": 3},
        "methods": {"absolute": None}, "training": {"mode": "lora", "seeds": [0, 1]},
        "evaluation": {**drawn, "datasets": ["mine"]}, "analysis": {"roles": {"in_distribution": "mine"}},
    }  # fmt: skip
    params.write_text(yaml.safe_dump(content), encoding="utf-8")
    execute(NOTEBOOKS / "10_sampling.ipynb", home / "10.ipynb", {"params": str(params), "sets": "mine"})
    responses = records.read(records.RESPONSES, run.responses("mine"))
    asked = records.read(records.QUESTIONS, run.questions("mine"))
    assert len(responses) == 5 * len(facts)
    labels = labeling.label(responses, asked, wording, Labeling())
    assert labeling.greedy(labels)["outcome"].eq("correct").all()
    records.write(labels, records.LABELS, run.labels("mine"))

    for seed, folder in enumerate(adapters):
        place = run.model("absolute", seed)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(folder, target_is_directory=True)
    given = {"params": str(params), "method": "absolute"}
    execute(NOTEBOOKS / "50_evaluation.ipynb", home / "50.ipynb", given)
    hashes = set()
    for seed, reference in enumerate(references[1:]):
        table = records.read(records.EVALUATION, run.evaluation("absolute", seed, "mine"))
        expected = [one.text for one in reference.generate([Request(ask(question)) for question in facts])]
        assert table["text"].tolist() == expected
        content = manifest.read(run.evaluation("absolute", seed, "mine"))
        assert (content["parameters"]["method"], content["parameters"]["seed"]) == ("absolute", seed)
        hashes |= set(content["inputs"].values())
    assert len(hashes) == 3  # the labels, and an adapter for each

    # With one adapter changed, the answers of the other are still there.
    run.model("absolute", 1).unlink()
    run.model("absolute", 1).symlink_to(adapters[0], target_is_directory=True)
    before = pd.read_parquet(run.evaluation("absolute", 0, "mine"))
    execute(NOTEBOOKS / "50_evaluation.ipynb", home / "50.ipynb", given)
    assert manifest.read(run.evaluation("absolute", 0, "mine"))["reused"] == 1
    assert pd.read_parquet(run.evaluation("absolute", 1, "mine"))["text"].equals(before["text"])


# ---- bad input


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"kv_cache_memory_bytes": 2**60},
            r"vLLM does not start: Available memory .*; if memory was short, lower .*kv_cache_memory_bytes",
        ),
        ({"max_model_len": 10**6}, r"vLLM does not start: .*max_model_len"),
        ({"quantization": "sixpenny"}, r"vLLM does not start: .*sixpenny"),
        ({"load_format": "runai_streamer"}, r"vLLM does not start: .*(package|install)"),  # an ImportError
    ],
)
def test_vllm_that_does_not_start(tiny_model: Path, options: dict[str, Any], message: str) -> None:
    # In a process of its own, as in a run: it ends with an error and not with a hang.
    code = (
        "from honesty_utils import engines; from honesty_utils.engines.settings import Generation, Model\n"
        f"engines.load(Model(name={str(tiny_model)!r}), Generation(engine='vllm', engine_options={options!r}), 'raw')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode != 0
    (line,) = [line for line in done.stderr.splitlines() if "honesty_utils.engines.loading.ModelError: " in line]
    assert re.search(message, line), line


def test_folder_without_weights_or_tokenizer(tmp_path: Path, tiny_model: Path) -> None:
    (tmp_path / "config.json").write_text((tiny_model / "config.json").read_text())
    with pytest.raises(ModelError, match=r"has no weights \(none of \*.safetensors"):
        engines.load(Model(name=str(tmp_path)), generation(), "raw")
    (tmp_path / "model.safetensors").write_bytes((tiny_model / "model.safetensors").read_bytes())
    with pytest.raises(ModelError, match=r"has no tokenizer \(none of tokenizer.json"):
        engines.load(Model(name=str(tmp_path)), generation(), "raw")


def test_device_that_the_build_has_not(tiny_model: Path) -> None:
    other = "cuda" if not torch.cuda.is_available() else "cpu"
    with pytest.raises(ModelError, match=rf"model.device: '{other}'; this build of vLLM runs on .*: write auto"):
        engines.load(Model(name=str(tiny_model), device=other), generation(), "raw")
