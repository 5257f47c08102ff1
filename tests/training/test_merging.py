"""Merging by hand: the ends are the models themselves, sums are sums, and what does not fit is said."""

import pandas as pd
import pytest
import torch
from transformers import AutoModelForCausalLM

from honesty_utils import training
from honesty_utils.common import prompts
from honesty_utils.common.settings import Prompts
from honesty_utils.engines.settings import Model
from honesty_utils.training import merging
from honesty_utils.training.job import TrainingError
from honesty_utils.training.settings import Training

SETTINGS = Training(learning_rate=3e-3, batch_size=4, epochs=2, weight_decay=0, max_length=128, save_minutes=None)
A, B, C = torch.zeros(2, 2), torch.tensor([[1.0, 0.0], [2.0, -4.0]]), torch.tensor([[3.0, 2.0], [-1.0, 0.0]])


def test_sums_by_hand():
    assert torch.equal(merging.task_arithmetic(A, [B, C], [1.0, 0.5], 0), B + 0.5 * C)
    assert torch.equal(merging.linear(A + 9, [B, C], [1.0, 3.0], 0), 0.25 * B + 0.75 * C)


def test_ties_keeps_the_larger_half_where_signs_agree():
    # Of B the entries 2 and -4 are kept, of C 3 and 2: no place has two of them, so each stands.
    assert torch.equal(merging.ties(A, [B, C], [1.0, 1.0], 0.5), torch.tensor([[3.0, 2.0], [2.0, -4.0]]))
    # Whole, the sign of the larger sum counts, and what agrees with it is averaged.
    assert (
        merging.ties(A, [B, C], [1.0, 1.0], 1.0)[1, 0] == 2.0 and merging.ties(A, [B, C], [1.0, 1.0], 1.0)[0, 0] == 2.0
    )


def test_dare_keeps_the_mean_and_goes_by_the_seed():
    many = torch.ones(200, 200)
    torch.manual_seed(0)
    found = merging.dare(torch.zeros_like(many), [many], [1.0], 0.5)
    assert set(found.unique().tolist()) == {0.0, 2.0} and found.mean() == pytest.approx(1.0, abs=0.03)


def test_slerp_keeps_the_length_on_the_arc():
    one, two = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    found = merging.slerp(A, [one, two], [0.5, 0.5], 0)
    assert found.flatten().tolist() == pytest.approx([0.5**0.5] * 2) and found.norm() == pytest.approx(1.0)
    assert torch.equal(merging.slerp(A, [one, two], [1.0, 0.0], 0), one)
    assert torch.allclose(merging.slerp(A, [one, 3 * one], [0.5, 0.5], 0), 2 * one)


def test_tsv_m_of_one_is_the_model_and_of_two_with_other_directions_is_their_sum():
    generator = torch.Generator().manual_seed(0)
    base, one = torch.randn(6, 4, generator=generator), torch.randn(6, 4, generator=generator)
    assert torch.allclose(merging.tsv_m(base, [one], [1.0], 0), one, atol=1e-5)
    # Two ways of rank one that have no direction in common: nothing has to be turned, nothing is lost.
    left, _, right = torch.linalg.svd(one)
    first, second = 3 * left[:, :1] @ right[:1], 2 * left[:, 1:2] @ right[1:2]
    found = merging.tsv_m(base, [base + first, base + second], [1.0, 1.0], 0)
    assert torch.allclose(found, base + first + second, atol=1e-4)
    flat = merging.tsv_m(torch.zeros(3), [torch.ones(3), 3 * torch.ones(3)], [1.0, 1.0], 0)
    assert flat.tolist() == [2.0, 2.0, 2.0]


@pytest.fixture(scope="module")
def tuned(tiny_model, facts, tmp_path_factory):
    """A whole model, one with other rows, and an adapter, all of the tiny model."""
    asked = [prompts.render(Prompts(), "plain", question) for question in facts]
    base, made = Model(name=str(tiny_model), device="cpu"), {}
    for name, said, changes in (
        ("one", "I do not know.", {}), ("two", "Paris", {}), ("adapter", "Rome", {"mode": "lora", "lora_rank": 4}),
    ):  # fmt: skip
        rows = pd.DataFrame({"question_id": list(facts), "prompt": asked, "completion": said})
        folder = tmp_path_factory.mktemp(name) / "m"
        training.train(rows, base, folder, SETTINGS.model_copy(update=changes), style="raw", seed=1)
        made[name] = Model(name=str(folder), device="cpu")
    return base, made


def weights(model: Model) -> dict[str, torch.Tensor]:
    return dict(AutoModelForCausalLM.from_pretrained(str(model.name)).named_parameters())


@pytest.mark.parametrize("way", ["task_arithmetic", "linear", "slerp"])
def test_the_ends_are_the_models_themselves(tuned, way):
    base, made = tuned
    for share, name in ((0.0, "one"), (1.0, "two")):
        network, _ = merging.merge(base, [made["one"], made["two"]], [1 - share, share], way, 1.0, 0)
        expected = weights(made[name])
        assert all(torch.allclose(one, expected[key], atol=1e-6) for key, one in network.named_parameters())


def test_an_adapter_counts_as_the_matrix_that_it_adds(tuned):
    base, made = tuned
    network, _ = merging.merge(base, [made["one"], made["adapter"]], [0.0, 1.0], "task_arithmetic", 1.0, 0)
    alone, _ = merging.loading.load_model(made["adapter"])
    expected = dict(alone.named_parameters())
    assert all(torch.allclose(one, expected[key], atol=1e-6) for key, one in network.named_parameters())


@pytest.mark.parametrize("way", list(merging.WAYS))
def test_every_way_is_the_same_twice(tuned, way):
    base, made = tuned
    found = [
        dict(merging.merge(base, [made["one"], made["two"]], [1, 1], way, 0.5, 3)[0].named_parameters()) for _ in "ab"
    ]
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])
    assert any(not torch.equal(found[0][name], value) for name, value in weights(base).items())


def test_how_far_models_have_gone(tuned):
    base, made = tuned
    rows = merging.differences(base, [made["one"], made["two"]])
    assert {len(row["norm"]) for row in rows} == {2} and all(-1 <= row["cosine"] <= 1.0001 for row in rows)
    assert sum(row["norm"][0] for row in rows) > 0


def test_models_that_do_not_fit(tuned, tmp_path, writer_model):
    base, made = tuned
    with pytest.raises(TrainingError, match=r"has no .* of shape"):
        merging.merge(base, [made["one"], Model(name=str(writer_model), device="cpu")], [1, 1], "linear", 1, 0)
    with pytest.raises(TrainingError, match="slerp is between two models, and 1 are given"):
        merging.merge(base, [made["one"]], [1], "slerp", 1, 0)
    with pytest.raises(TrainingError, match=r"is an adapter of .*, not of"):
        merging.merge(Model(name=str(writer_model), device="cpu"), [made["adapter"]], [1], "linear", 1, 0)
    with pytest.raises(TrainingError, match="2 weights for 1 models"):
        merging.merge(base, [made["one"]], [1, 1], "linear", 1, 0)
    with pytest.raises(TrainingError, match="have the sum 0"):
        merging.merge(base, [made["one"], made["two"]], [1, -1], "linear", 1, 0)
