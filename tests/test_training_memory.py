"""The memory estimate: sizes are those of real models, parts by hand; measured peaks are in benchmarks/training.py."""

import subprocess
import sys

import pytest
import transformers
from accelerate import init_empty_weights

from honesty_utils.config import Model, Training
from honesty_utils.training import checks, memory

SHAPES = {
    "tied, grouped": {
        "tie_word_embeddings": True,
        "num_key_value_heads": 2,
        "hidden_size": 64,
        "intermediate_size": 160,
    },
    "plain": {"tie_word_embeddings": False, "num_key_value_heads": 4, "hidden_size": 96, "intermediate_size": 200},
}


def config(**changes):
    return transformers.LlamaConfig(vocab_size=500, num_hidden_layers=3, num_attention_heads=4, **changes)


@pytest.mark.parametrize("changes", SHAPES.values(), ids=SHAPES)
def test_weights_are_counted_as_they_are(changes):
    made = config(**changes)
    shape = memory.Shape.of(made.to_dict())
    with init_empty_weights():
        network = transformers.LlamaForCausalLM(made)
    network.tie_weights()
    assert shape.parameters == sum(parameter.numel() for parameter in network.parameters())
    assert shape.adapter(8) == checks.size(network, Training(mode="lora", lora_rank=8)).trained


def test_a_folder_is_read(tiny_model):
    shape = memory.Shape.read(tiny_model)
    assert shape.parameters == checks.size(checks.skeleton(Model(name=str(tiny_model))), Training()).weights


def test_parts_by_hand():
    shape = memory.Shape(layers=2, hidden=4, intermediate=8, key_value=4, heads=1, vocabulary=10)
    # Attention 4 x 16, MLP 3 x 32, in two layers; embeddings and output 2 x 40; five norms of 4.
    assert shape.linear == 2 * (64 + 96) and shape.parameters == 320 + 80 + 20
    full = memory.estimate(shape, Training(attention="sdpa"), dtype="float32", tokens=6, device="cpu")
    assert (full.weights, full.gradients, full.optimizer) == (4 * 420, 4 * 420, 8 * 420)
    # A token and layer: 9 widths of 4, keys and values, 4 widths of 8.
    assert full.activations == 6 * 2 * 4 * (36 + 8 + 32)
    halves = memory.estimate(shape, Training(attention="sdpa"), dtype="float32", tokens=6, device="cpu", pieces=2)
    assert halves.weights == full.weights / 2 and halves.activations == full.activations


def test_what_saves_memory_does():
    shape = memory.Shape(layers=32, hidden=4096, intermediate=11008, key_value=4096, heads=32, vocabulary=32000)
    assert shape.parameters == pytest.approx(6.74e9, rel=0.01)  # LLaMA-2-7B
    modes = [
        memory.estimate(shape, Training(mode=mode), dtype="bfloat16", tokens=1024).total
        for mode in ("full", "lora", "qlora")
    ]
    assert modes == sorted(modes, reverse=True) and modes[0] > 80e9 > 24e9 > modes[2]
    checkpointed = Training(gradient_checkpointing=True)
    assert memory.estimate(shape, checkpointed, dtype="bfloat16", tokens=8192).total < (
        memory.estimate(shape, Training(), dtype="bfloat16", tokens=8192).total
    )


def test_a_config_without_sizes():
    with pytest.raises(ValueError, match=r"config\.json lacks num_hidden_layers, hidden_size, vocab_size"):
        memory.Shape.of({"n_layer": 3})


def test_it_needs_no_torch():
    code = "import sys; from honesty_utils.training import launch, memory; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"
