"""Presets for GPUs: by the estimate each fits the hardware that params/README.md gives it, with its command."""

import re
from pathlib import Path

import pytest
from transformers import LlamaConfig, Qwen2Config, Qwen3Config

from honesty_utils import engines
from honesty_utils.training import layouts
from honesty_utils.workflow import estimate, params as params_file
from honesty_utils.workflow.estimate import Assumptions, cost, shape
from honesty_utils.workflow.estimate.cost import Device


def llama(vocabulary: int, hidden: int, intermediate: int, layers: int, heads: int, key_value: int) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=vocabulary, hidden_size=hidden, intermediate_size=intermediate, num_hidden_layers=layers,
        num_attention_heads=heads, num_key_value_heads=key_value,
    )  # fmt: skip


# As published in each model's config.json, and the parameters that its card states, in billions.
MODELS = {
    "meta-llama/Llama-2-7b-chat-hf": (llama(32000, 4096, 11008, 32, 32, 32), 6.74),
    "meta-llama/Llama-2-13b-chat-hf": (llama(32000, 5120, 13824, 40, 40, 40), 13.02),
    "meta-llama/Llama-2-70b-chat-hf": (llama(32000, 8192, 28672, 80, 64, 8), 68.98),
    "meta-llama/Llama-3.1-8B-Instruct": (llama(128256, 4096, 14336, 32, 32, 8), 8.03),
    "Qwen/Qwen2.5-1.5B-Instruct": (
        Qwen2Config(
            vocab_size=151936, hidden_size=1536, intermediate_size=8960, num_hidden_layers=28, num_attention_heads=12,
            num_key_value_heads=2, tie_word_embeddings=True,
        ),
        1.54,
    ),
    "Qwen/Qwen3-4B-Instruct-2507": (
        Qwen3Config(
            vocab_size=151936, hidden_size=2560, intermediate_size=9728, num_hidden_layers=36, num_attention_heads=32,
            num_key_value_heads=8, head_dim=128, tie_word_embeddings=True,
        ),
        4.02,
    ),
    "Qwen/Qwen3-0.6B": (
        Qwen3Config(
            vocab_size=151936, hidden_size=1024, intermediate_size=3072, num_hidden_layers=28, num_attention_heads=16,
            num_key_value_heads=8, head_dim=128, tie_word_embeddings=True,
        ),
        0.60,
    ),
    "meta-llama/Llama-3.2-1B-Instruct": (
        LlamaConfig(
            vocab_size=128256, hidden_size=2048, intermediate_size=8192, num_hidden_layers=16, num_attention_heads=32,
            num_key_value_heads=8, tie_word_embeddings=True,
        ),
        1.24,
    ),
}  # fmt: skip
PRESETS = [path.stem for path in sorted(Path("params").glob("*.yaml")) if params_file.load(path).model.name in MODELS]
SETTINGS = ["llama2-7b-chat", "llama2-13b-chat", "llama2-70b-chat"]
"""The paper's settings, to be extended: no hardware is meant."""
TABLE = {
    preset: (int(devices), int(memory), command)
    for preset, devices, memory, command in re.findall(
        r"^\| `([\w.+/-]+)` \|[^|]*\| (\d+) × (\d+) GB[^|]*\| `([^`]+)` \|$",
        Path("params/README.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
}
FITTED = list(TABLE)
by_name = pytest.mark.parametrize("name", FITTED)


@pytest.fixture(scope="module")
def shapes():
    return {name: shape.of_config(given) for name, (given, _) in MODELS.items()}


def device(gigabytes: int) -> Device:
    return Device("a GPU", 312e12, 2.0e12, gigabytes * 1e9)


def test_shapes_have_the_published_number_of_parameters(shapes):
    assert {name: round(found.parameters / 1e9, 2) for name, found in shapes.items()} == {
        name: billions for name, (_, billions) in MODELS.items()
    }


def test_every_preset_is_in_the_table_with_its_command():
    assert {name for name in PRESETS if name not in SETTINGS} <= set(TABLE)
    # Every kind of hardware is laid over some model.
    assert {name.partition("+")[2] for name in TABLE} >= {
        f"fit/{path.stem}" for path in Path("params/fit").glob("*.yaml")
    }
    extras = {"vllm": "vllm", "qlora": "qlora", "deepspeed-zero3": "deepspeed"}
    for preset, (_, _, command) in TABLE.items():
        params = params_file.load(preset)
        asked = (params.sampling.engine, params.training.mode, params.training.launch)
        sources = {spec.source for spec in params.questions.values()}
        needed = ",".join(["dev", *(extras[name] for name in asked if name in extras), *(sources & {"atlas"})])
        named = preset if "+" in preset else f"params/{preset}.yaml"
        assert command == f"make reproduce EXTRAS={needed} PARAMS={named}"


@by_name
def test_a_preset_fits_the_memory_that_it_is_for(name, shapes):
    devices, gigabytes, _ = TABLE[name]
    named = re.search(r"-(?:(\d+)x)?(\d+)gb(?:-|$)", name)
    assert named is None or (devices, gigabytes) == (int(named[1] or 1), int(named[2]))
    params = params_file.load(name)
    table = estimate.estimate(params, shapes[params.model.name], Assumptions(device(gigabytes)))
    assert (table["devices"] <= devices).all() and table["devices"].max() == devices
    for row in table.itertuples():
        share = 0.9  # left free: the allocator's fragments, the context of the GPU
        if row.stage != "training":
            stage = params.evaluation if row.stage == "evaluation" else params.sampling
            # vLLM takes no more than this, whatever it needs.
            share = engines.check_options(stage.engine, stage.engine_options).gpu_memory_utilization
        assert row.memory_gib * 2**30 <= share * gigabytes * 1e9, (row.stage, row.item)


@by_name
def test_a_preset_can_be_shared_out_over_its_devices(name, shapes):
    params = params_file.load(name)
    for stage in (params.sampling, params.evaluation):
        options = engines.check_options(stage.engine, stage.engine_options)
        given = shapes[params.model.name].config
        assert given.num_attention_heads % options.tensor_parallel_size == 0
        assert given.num_key_value_heads % options.tensor_parallel_size == 0
        # vLLM counts prompt and answer; those of LLaMA-2 and of the sets in question are shorter than 4,096.
        assert 2 * params.training.max_length <= options.max_model_len <= 4096
    assert params.sampling.engine_options == params.evaluation.engine_options
    for method in params.trained:
        settings = params.training_of(method)
        assert settings.batch_size % layouts.devices(settings) == 0
        # The report reads M_t as it is on one device.
        assert settings.report_rows == 0 or (settings.mode, settings.launch) == ("lora", None)
        assert settings.batch_size * settings.gradient_accumulation == 8  # the paper's step


def test_the_memory_of_the_host_is_that_of_the_base_in_every_process(shapes):
    """All weights are loaded in float32, the base of an adapter in bfloat16; on one device nothing is loaded twice."""
    text = Path("params/README.md").read_text(encoding="utf-8")
    named = dict(re.findall(r"^\| `([\w.+/-]+)` \|[^|]*\|[^|]*host ([\d.]+ [GT]B) \|", text, re.MULTILINE))
    for name in FITTED:
        params = params_file.load(name)
        size = 4 if params.training.mode == "full" else 2
        processes = layouts.devices(params.training)
        total = processes * size * shapes[params.model.name].parameters / 1e9
        said = f"{total / 1000:.1f} TB" if total >= 1000 else f"{total:.0f} GB"
        assert named.get(name) == (said if processes > 1 else None)


def test_quantisations_of_the_presets_are_those_of_the_locked_vllm():
    quantization = pytest.importorskip("vllm.model_executor.layers.quantization")
    used = {params_file.load(name).sampling.engine_options.get("quantization") for name in FITTED} - {None}
    assert used == {"fp8_per_tensor"} and used <= set(quantization.QUANTIZATION_METHODS)
    # Why not those of 4 bits that training has: write them into the presets when this fails.
    assert "bitsandbytes" not in quantization.QUANTIZATION_METHODS


@pytest.mark.parametrize("preset", SETTINGS)
def test_the_papers_settings_need_a_layout_of_devices(preset, shapes):
    params = params_file.load(f"params/{preset}.yaml")
    found = shapes[params.model.name]
    alone, eight = (
        cost.training_memory(found, params.training, 0, "bfloat16", 500, Assumptions(device(80)), layout)
        for layout in (None, layouts.layout(params.training.model_copy(update={"launch": "fsdp"})))
    )
    assert alone.peak > 80e9
    assert (eight.peak > 80e9) == (preset == "llama2-70b-chat")  # which is why that preset has another launch
