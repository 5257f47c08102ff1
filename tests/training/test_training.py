"""Fine-tuning for real, on the tiny model: what is masked, what is learned, the same weights twice, bad rows."""

import gc
import re

import pandas as pd
import pytest
import safetensors.torch
import torch
import transformers
from accelerate.data_loader import BatchSamplerShard
from torch.utils.data import BatchSampler
from transformers import AutoModelForCausalLM, AutoTokenizer

from honesty_utils import engines, training
from honesty_utils.common import prompts
from honesty_utils.common.settings import Prompts
from honesty_utils.engines.loading import base_of
from honesty_utils.engines.settings import Generation, Model
from honesty_utils.training import checks, saving
from honesty_utils.training.building import warmup_steps
from honesty_utils.training.job import Job, TrainingError
from honesty_utils.training.order import RowOrder
from honesty_utils.training.rows import IGNORED, tokenize
from honesty_utils.training.settings import Training
from honesty_utils.training.shared import attend, joined

REFUSAL = "I do not know."
SETTINGS = Training(learning_rate=3e-3, batch_size=4, epochs=60, weight_decay=0, max_length=128)


@pytest.fixture(scope="module")
def rows(facts):
    """Refuse what the tiny model was taught: the opposite of what it says, so that learning shows."""
    asked = [prompts.render(Prompts(), "honest", question) for question in facts]
    return pd.DataFrame({"question_id": list(facts), "prompt": asked, "completion": REFUSAL})


@pytest.fixture(scope="module")
def uneven(rows):
    """Completions of very different lengths, so that how rows are batched matters."""
    return rows.assign(completion=[f"{REFUSAL} {'No. ' * (i % 5)}".strip() for i in range(len(rows))])


@pytest.fixture
def model(tiny_model):
    return Model(name=str(tiny_model), device="cpu")


def train(rows, model, output, settings=SETTINGS, seed=0, **changes):
    return training.train(rows, model, output, settings.model_copy(update=changes), style="raw", seed=seed)


def answers(folder, questions):
    generation = Generation(max_new_tokens=24, batch_size=8)
    engine = engines.load(Model(name=str(folder), device="cpu"), generation, "raw")
    return [response.text for response in engine.generate([engines.Request(prompt) for prompt in questions["prompt"]])]


def weights(folder):
    return AutoModelForCausalLM.from_pretrained(folder).state_dict()


def same(first, second):
    first, second = weights(first), weights(second)
    return all(torch.equal(first[name], second[name]) for name in first)


# --- what is learned --------------------------------------------------------------------------------------------------


def test_the_prompt_is_masked_and_the_end_token_learned(tiny_model, rows):
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    (item,) = tokenize(rows.head(1), tokenizer, "raw", 128).items
    prompt = prompts.prompt_ids(tokenizer, rows["prompt"][0], "raw")
    learned = [label for label in item["labels"] if label != IGNORED]
    assert item["input_ids"] == prompt + learned and item["labels"][: len(prompt)] == [IGNORED] * len(prompt)
    assert learned[-1] == tokenizer.eos_token_id and REFUSAL in tokenizer.decode(learned)


@pytest.mark.parametrize("mode", ["full", "lora"])
def test_a_model_learns_what_it_is_given_and_the_same_twice(model, rows, tmp_path, mode):
    # An adapter has fewer weights to say the same with: it takes more steps, at a higher rate.
    more = {"full": {}, "lora": {"learning_rate": 3e-3, "epochs": 120, "lora_rank": 16, "lora_alpha": 32}}
    assert not [text for text in answers(model.name, rows) if text.startswith("I do not")]
    results = [train(rows, model, tmp_path / name, seed=1, mode=mode, **more[mode]) for name in ("first", "second")]
    learned = [text.startswith("I do not") for text in answers(tmp_path / "first", rows)]
    assert sum(learned) >= len(rows) - 1
    assert results[0].history["loss"].tolist() == results[1].history["loss"].tolist()
    assert results[0].history["loss"].iloc[-1] < results[0].history["loss"].iloc[0]
    assert results[0].history["token_accuracy"].iloc[-1] > results[0].history["token_accuracy"].iloc[0]
    assert (tmp_path / "first" / "adapter_config.json").exists() == (mode == "lora")
    assert mode == "lora" or same(tmp_path / "first", tmp_path / "second")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "second"]  # no checkpoint, nothing half done


def test_states_are_let_go_before_the_weights_are_saved(model, rows, tmp_path, monkeypatch):
    held, save = [], saving.save

    def optimizers():
        return {id(one) for one in gc.get_objects() if isinstance(one, torch.optim.Optimizer) and one.state}

    def watched(trainer, *others):
        held.append(any(parameter.grad is not None for parameter in trainer.model.parameters()))
        held.append(optimizers() - before)
        save(trainer, *others)

    gc.collect()
    before = optimizers()
    monkeypatch.setattr(saving, "save", watched)
    train(rows, model, tmp_path / "trained", mode="full", epochs=1)
    assert held == [False, set()] and (tmp_path / "trained" / "config.json").is_file()


def test_an_adapter_says_which_revision_of_its_base_it_needs(model, rows, tmp_path):
    pinned = model.model_copy(update={"revision": "abc"})
    train(rows, pinned, tmp_path / "m", mode="lora", epochs=1)
    assert base_of(Model(name=str(tmp_path / "m"))).revision == "abc"


def test_the_seed_changes_the_order_and_so_the_weights(model, rows, tmp_path):
    results = [train(rows, model, tmp_path / str(seed), seed=seed, epochs=1) for seed in (1, 2)]
    assert results[0].steps == results[1].steps == 3  # nine rows in batches of four
    assert not same(tmp_path / "1", tmp_path / "2")


def test_max_rows_takes_a_seeded_part(model, rows, tmp_path):
    result = train(rows, model, tmp_path / "m", epochs=1, max_rows=4)
    assert result.rows == 4 and result.steps == 1


def test_warm_up_is_a_share_of_all_steps():
    # 100 rows in batches of 8 are 13 steps an epoch, 26 in all; 5 % of them are 1.3, so 2.
    assert warmup_steps(100, Training(batch_size=8, epochs=2, warmup_ratio=0.05)) == 2


# --- a training that diverges -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [1e2, 1e30])
def test_a_training_that_diverges_is_an_error_and_leaves_no_model(model, rows, tmp_path, rate):
    with pytest.raises(TrainingError, match=r"the training has diverged: lower learning_rate, or look at the rows"):
        train(rows, model, tmp_path / "m", learning_rate=rate, epochs=20, max_grad_norm=0)
    assert not list(tmp_path.iterdir())


def test_how_far_a_loss_may_grow_is_a_setting(model, rows, tmp_path):
    grown = {"learning_rate": 3.0, "epochs": 10}
    with pytest.raises(TrainingError, match=r"the loss went from .* to .*, more than training.most_loss = 1.5 times"):
        train(rows, model, tmp_path / "m", most_loss=1.5, **grown)
    assert train(rows, model, tmp_path / "m", most_loss=1e9, **grown).history["loss"].notna().all()


# --- batches, number types --------------------------------------------------------------------------------------------


def test_rows_without_padding_give_the_losses_and_weights_of_padded_ones(model, uneven, tmp_path):
    padded = train(uneven, model, tmp_path / "padded", epochs=10)
    joined = train(uneven, model, tmp_path / "joined", epochs=10, batches="padding_free")
    assert joined.steps == padded.steps
    assert joined.history["loss"].tolist() == pytest.approx(padded.history["loss"].tolist(), rel=1e-4)
    first, second = weights(tmp_path / "padded"), weights(tmp_path / "joined")
    assert all(torch.allclose(first[name], second[name], atol=1e-4) for name in first)


@pytest.mark.parametrize("logits", ["all", "learned"])
def test_rows_behind_a_shared_beginning_give_the_losses_and_weights_of_padded_ones(model, uneven, tmp_path, logits):
    options = {"epochs": 10, "logits": logits}
    padded = train(uneven, model, tmp_path / "padded", **options)
    shared = train(uneven, model, tmp_path / "shared", batches="shared", **options)
    assert shared.steps == padded.steps and shared.completion_tokens == padded.completion_tokens
    assert shared.history["loss"].tolist() == pytest.approx(padded.history["loss"].tolist(), rel=1e-4)
    first, second = weights(tmp_path / "padded"), weights(tmp_path / "shared")
    assert all(torch.allclose(first[name], second[name], atol=1e-4) for name in first)


def test_a_joined_batch_of_a_hand_worked_case():
    # Two rows that begin with 5, of four and three tokens: 8 9 are learned of the first, 7 of the second.
    inputs = {
        "input_ids": torch.tensor([[5, 6, 8, 9], [5, 6, 7, 0]]),
        "labels": torch.tensor([[-100, -100, 8, 9], [-100, -100, 7, -100]]),
        "attention_mask": torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]]),
    }
    found = joined(inputs, 1)
    assert found["input_ids"].tolist() == [[5, 6, 8, 9, 6, 7]]
    assert found["labels"].tolist() == [[-100, -100, 8, 9, -100, 7]]
    assert found["position_ids"].tolist() == [[0, 1, 2, 3, 1, 2]]
    assert found["rests"] == [3, 2]
    # Of a rest of three tokens behind one: the beginning, and what of the rest is not behind it.
    assert found["attention_mask"][0, 0].int().tolist() == [[1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]]


@pytest.mark.parametrize("mode", ["full", "lora"])
def test_only_the_last_layers_are_trained(model, rows, tmp_path, mode):
    train(rows, model, tmp_path / "m", mode=mode, layers=1, epochs=2)
    if mode == "lora":
        stored = safetensors.torch.load_file(tmp_path / "m" / "adapter_model.safetensors")
        layers = {int(re.search(r"layers\.(\d+)\.", name)[1]) for name in stored}
        assert layers == {transformers.AutoConfig.from_pretrained(model.name).num_hidden_layers - 1}
        return
    before, after = weights(model.name), weights(tmp_path / "m")
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    last = f"layers.{transformers.AutoConfig.from_pretrained(model.name).num_hidden_layers - 1}."
    assert any(last in name for name in changed)
    assert all(last in name or name == "model.norm.weight" for name in changed)


@pytest.mark.parametrize("mode", ["full", "lora"])
def test_more_layers_than_there_are(model, rows, tmp_path, mode):
    with pytest.raises(TrainingError, match=r"training.layers: 99; this model has 2"):
        train(rows, model, tmp_path / "m", mode=mode, layers=99)


def test_a_small_loss_may_be_a_multiple_of_another(model, rows, tmp_path):
    learned = tmp_path / "learned"
    train(rows, model, learned)
    again = model.model_copy(update={"name": str(learned)})
    result = train(rows, again, tmp_path / "again", epochs=20, most_loss=1.000001, learning_rate=3e-3)
    assert result.history["loss"].iloc[0] < 0.1


def test_a_frozen_part_is_in_the_number_type_of_the_model(model, rows, tmp_path):
    half = model.model_copy(update={"dtype": "bfloat16"})
    result = train(rows, half, tmp_path / "m", layers=1, epochs=2, batches="shared", logits="learned")
    assert result.history["loss"].notna().all()
    kept = AutoModelForCausalLM.from_pretrained(tmp_path / "m").dtype
    assert kept == torch.bfloat16


def test_an_attention_that_is_not_plain_is_not_joined():
    with pytest.raises(TrainingError, match=r"training.batches: shared: the model's attention has softcap; set random"):
        attend(torch.nn.Module(), *torch.zeros(3, 1, 1, 2, 4), torch.ones(1, 1, 2, 2), rests=[2], softcap=30.0)


@pytest.mark.parametrize("shared", [0, 1, 3])
def test_attention_over_a_joined_text_is_that_of_one_matrix_over_all(shared):
    torch.manual_seed(0)
    rests, heads, size = [2, 4, 1], 4, 8
    tokens = shared + sum(rests)
    row = torch.tensor([0] * shared + [i + 1 for i, n in enumerate(rests) for _ in range(n)])
    seen = ((row[:, None] == row) | (row == 0)) & torch.ones(tokens, tokens, dtype=torch.bool).tril()
    query, key, value = (torch.randn(1, n, tokens, size, requires_grad=True) for n in (heads, 2, 2))
    whole = torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=seen, enable_gqa=True)
    module = torch.nn.Module()
    module.num_key_value_groups = 2
    mask = torch.ones(4, shared + 4, dtype=torch.bool).tril(shared)[None, None]
    found, _ = attend(module, query, key, value, mask, rests=rests, scaling=size**-0.5)
    assert torch.allclose(found.transpose(1, 2), whole, atol=1e-6)
    weight = torch.randn_like(whole)
    wanted = torch.autograd.grad((whole * weight).sum(), (query, key, value), retain_graph=True)
    given = torch.autograd.grad((found.transpose(1, 2) * weight).sum(), (query, key, value))
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(wanted, given, strict=True))


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_packing_changes_no_loss_beyond_rounding(model, uneven, tmp_path, attention):
    # At so small a rate weights stay what they are: both losses are those of one model on all rows, a batch an epoch.
    still = {"learning_rate": 1e-12, "epochs": 10, "attention": attention}
    plain = train(uneven, model, tmp_path / "plain", batch_size=9, **still)
    packed = train(uneven, model, tmp_path / "packed", batch_size=9, batches="packed", max_length=400, **still)
    assert packed.completion_tokens == plain.completion_tokens and packed.rows == 9
    assert packed.history["loss"].tolist() == pytest.approx(plain.history["loss"].tolist(), rel=1e-5)


def test_packing_takes_fewer_batches(model, uneven, tmp_path):
    plain = train(uneven, model, tmp_path / "plain", batch_size=1, epochs=1)
    packed = train(uneven, model, tmp_path / "packed", batch_size=1, epochs=1, batches="packed", max_length=400)
    assert plain.steps == 9 and packed.steps == 3  # rows of 80 to 110 tokens: three or four a pack


def test_batches_by_length_pad_less_and_come_in_random_order():
    lengths = [i % 10 + 1 for i in range(80)]
    order = list(RowOrder(lengths, 8, seed=0, group=8))
    assert sorted(order) == list(range(80))
    groups = [[lengths[place] for place in order[i : i + 8]] for i in range(0, 80, 8)]
    padding = sum(8 * max(group) - sum(group) for group in groups)
    assert padding < 80 < sum(8 * 10 - sum(group) for group in groups)
    longest = [max(group) for group in groups]  # of a batch, in order
    assert longest != sorted(longest, reverse=True) and longest != sorted(longest)


@pytest.mark.parametrize("batches", ["random", "padding_free", "packed"])
def test_logits_of_learned_tokens_only_give_the_losses_of_all(model, uneven, tmp_path, batches):
    settings = {"epochs": 10, "batches": batches, "max_length": 400, "gradient_accumulation": 2}
    plain = train(uneven, model, tmp_path / "plain", **settings)
    fewer = train(uneven, model, tmp_path / "fewer", **settings, logits="learned")
    for column in ("loss", "token_accuracy"):
        assert fewer.history[column].tolist() == pytest.approx(plain.history[column].tolist(), rel=1e-4), column
    first, second = weights(tmp_path / "plain"), weights(tmp_path / "fewer")
    assert all(torch.allclose(first[name], second[name], atol=1e-4) for name in first)


@pytest.mark.parametrize("count", [64, 61])
def test_a_step_has_the_same_rows_on_any_number_of_processes(count):
    # A user elsewhere lost all refusals to the number of GPUs: each had other rows, and a step another mix.
    settings, refused = Training(batch_size=8), [place % 3 == 0 for place in range(count)]
    steps = {}
    for processes in (1, 2, 4):
        order = RowOrder([5] * count, settings.batch_size, seed=3, devices=processes)
        alone = BatchSampler(order, checks.rows_a_device(settings, processes), drop_last=False)
        # Of one process accelerate makes no shards.
        shards = [
            list(BatchSamplerShard(alone, processes, rank) if processes > 1 else alone) for rank in range(processes)
        ]
        together = [[place for batch in step for place in batch] for step in zip(*shards, strict=True)]
        # The place behind the last row is one without anything to learn.
        steps[processes] = [sorted(place for place in step if place < count) for step in together]
        assert sorted(place for step in steps[processes] for place in step) == list(range(count))
    assert steps[1] == steps[2] == steps[4] and {len(step) for step in steps[1][:-1]} == {8}
    mixes = {processes: [sum(refused[place] for place in step) for step in found] for processes, found in steps.items()}
    assert mixes[1] == mixes[2] == mixes[4] and sum(mixes[1]) == sum(refused)


def test_every_epoch_has_an_order_of_its_own_that_does_not_depend_on_what_was_drawn_before():
    order = RowOrder([3] * 20, 4, seed=5)
    first = list(order)
    order.set_epoch(1)
    second = list(order)
    torch.rand(7)
    again = RowOrder([3] * 20, 4, seed=5)
    assert list(again) == first != second
    again.set_epoch(1)
    assert list(again) == second


def test_several_devices_fill_the_last_batch_with_the_row_behind_the_last():
    assert sorted(RowOrder([3] * 9, 4, seed=0, devices=2)) == [*range(9), 9, 9, 9]
    assert len(RowOrder([3] * 9, 4, seed=0)) == 9


def test_a_bfloat16_model_learns_at_a_rate_that_bfloat16_weights_would_round_away(model, rows, tmp_path):
    """1e-6 changes weights of about .05 by 1e-6; bfloat16 numbers there lie 2e-4 apart, so M_t would stay as it is."""
    half = model.model_copy(update={"dtype": "bfloat16"})
    still = train(rows, half, tmp_path / "m", epochs=1, learning_rate=1e-12)
    moved = train(rows, half, tmp_path / "m", epochs=60, learning_rate=1e-5, warmup_ratio=0)
    # Weights kept in bfloat16 would need steps of 1e-4 to move at all; these sum up in float32.
    assert moved.history["loss"].iloc[-1] < moved.history["loss"].iloc[0] - 0.01
    stored = AutoModelForCausalLM.from_pretrained(tmp_path / "m")
    assert stored.dtype == torch.bfloat16 and still.steps == 3


@pytest.mark.parametrize("mode", ["full", "lora"])
def test_gradient_checkpointing_gives_the_same_losses(model, rows, tmp_path, mode):
    results = [
        train(rows, model, tmp_path / str(on), epochs=4, mode=mode, gradient_checkpointing=on) for on in (False, True)
    ]
    assert results[0].history["loss"].tolist() == pytest.approx(results[1].history["loss"].tolist(), rel=1e-5)


# --- bad input: nothing is trained, nothing is left -------------------------------------------------------------------


def refused(rows, model, tmp_path, message, **changes):
    with pytest.raises(training.TrainingError, match=message):
        train(rows, model, tmp_path / "m", **changes)
    assert not list(tmp_path.iterdir())


def test_no_rows(model, rows, tmp_path):
    refused(rows.head(0), model, tmp_path, r"no rows to train on; look at sft/<method>\.parquet")


def test_rows_that_are_too_long_are_counted_and_listed(model, rows, tmp_path):
    message = (
        rf"{len(rows)} of {len(rows)} rows are longer than training.max_length = 10 tokens; row \d \(question .*\) has "
        r"\d+, .* and 4 more: raise it, or set training.too_long to drop or truncate"
    )
    refused(rows, model, tmp_path, message, max_length=10)


def test_rows_beyond_the_context_of_the_model(model, rows, tmp_path):
    long = rows.assign(completion=[*rows["completion"][:-1], "Really not. " * 100])
    refused(long, model, tmp_path, r"1 of 9 rows are longer than the model's context = 192 tokens", max_length=5000)


def test_long_rows_are_dropped_or_cut_when_asked(model, rows, tiny_model, tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    long = rows.assign(completion=[*rows["completion"][:-1], "Really not. " * 100])
    dropped = train(long, model, tmp_path / "m", epochs=1, too_long="drop")
    assert dropped.rows == 8 and dropped.left_out == [rows["question_id"].iloc[-1]] and not dropped.cut
    cut = tokenize(long, tokenizer, "raw", 128, too_long="truncate")
    assert cut.cut == [rows["question_id"].iloc[-1]] and not cut.left_out
    assert len(cut.items[-1]["input_ids"]) == 128 and cut.items[-1]["labels"][-1] != tokenizer.eos_token_id


@pytest.mark.parametrize(
    ("too_long", "message"), [("drop", "with training.too_long = drop none is left"), ("truncate", "9 of them have a")]
)
def test_nothing_left_of_long_rows(model, rows, tmp_path, too_long, message):
    refused(rows, model, tmp_path, message, max_length=10, too_long=too_long)


@pytest.mark.parametrize("completion", ["", "  ", "</s>"])
def test_a_completion_without_a_token_to_learn(model, rows, tmp_path, completion):
    bad = rows.assign(completion=[*rows["completion"][:-1], completion])
    refused(bad, model, tmp_path, rf"row 8 \(question .*\): completion '{completion}' has no token to learn")


def test_unknown_target_modules_list_those_there_are(model, rows, tmp_path):
    message = r"lora_target_modules: query: no such linear layer; this model has \['down_proj', 'gate_proj', 'k_proj'"
    refused(rows, model, tmp_path, message, mode="lora", lora_target_modules=("q_proj", "query"))


def test_the_output_layer_takes_no_adapter(model, rows, tmp_path):
    refused(rows, model, tmp_path, "lm_head: no such linear layer", mode="lora", lora_target_modules=("lm_head",))


def test_four_bits_need_a_device(model, rows, tmp_path):
    refused(rows, model, tmp_path, "qlora keeps the base in 4-bit weights, which needs a CUDA device", mode="qlora")


@pytest.mark.parametrize("launch", ["fsdp", "deepspeed-zero3"])
def test_four_bits_are_not_cut_into_pieces(model, launch):
    settings = SETTINGS.model_copy(update={"mode": "qlora", "launch": launch})
    message = rf"qlora, but {launch}.yaml \((FSDP|DEEPSPEED)\) cuts weights .*: set launch: ddp, or mode: lora"
    with pytest.raises(training.TrainingError, match=message):
        checks.check_settings(settings, model, "cuda")


def test_a_device_that_is_not_there(model, rows, tmp_path):
    if torch.cuda.is_available():
        pytest.skip("CUDA is here")
    away = model.model_copy(update={"device": "cuda"})
    refused(rows, away, tmp_path, r"model.device: 'cuda' is not there; found: \['cpu'")


def test_half_precision_on_a_cpu(model, rows, tmp_path):
    refused(rows, model.model_copy(update={"dtype": "float16"}), tmp_path, "float16 cannot be trained on a CPU")


@pytest.mark.parametrize(
    ("name", "message"), [("wandbb", "'wandbb'; known: .*'wandb'"), ("neptune", "'neptune' is not installed")]
)
def test_trackers_are_known_and_installed(model, rows, tmp_path, name, message):
    refused(rows, model, tmp_path, message, report_to=(name,))


def test_a_disk_without_room_is_found_before_any_step(model, rows, tmp_path, monkeypatch):
    full = checks.shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda path: full)
    refused(rows, model, tmp_path, r"GiB are needed for checkpoints and the finished model and 0\.0 GiB are free")


def test_room_on_the_disk_is_that_of_two_checkpoints_and_the_model(model, rows, tmp_path):
    network = checks.skeleton(model)
    counted = checks.size(network, SETTINGS)
    stored = weights(model.name)
    tied = stored["lm_head.weight"].numel()
    assert counted.weights == counted.trained == sum(value.numel() for value in stored.values()) - tied
    needed = checks.disk_needed(counted, SETTINGS)
    assert needed == (4 + 2 * 12) * counted.trained + checks.SLACK
    none = SETTINGS.model_copy(update={"save_minutes": None})
    assert checks.disk_needed(counted, none) == 4 * counted.trained + checks.SLACK
    # Rank 8 on the four square layers and the three of the network of each of two blocks.
    adapter = checks.size(network, SETTINGS.model_copy(update={"mode": "lora"}))
    assert adapter.trained == 8 * 2 * (4 * (64 + 64) + 3 * (64 + 128))


def test_a_bfloat16_model_is_on_the_disk_in_float32_before_it_is_cast(model, rows, tmp_path, monkeypatch):
    def look(folder, dtype):
        seen.append(sum(path.stat().st_size for path in folder.glob("*.safetensors")))

    seen: list[int] = []
    monkeypatch.setattr(saving, "cast", look)
    train(rows, model.model_copy(update={"dtype": "bfloat16"}), tmp_path / "m", epochs=1)
    counted = checks.size(checks.skeleton(model), SETTINGS)
    assert (
        4 * counted.trained
        <= seen[0]
        <= checks.disk_needed(counted, SETTINGS.model_copy(update={"save_minutes": None}))
    )


def test_another_process_that_trains_the_same(model, rows, tmp_path):
    from honesty_utils.training import checkpoint

    with checkpoint.working(tmp_path / ".m.training"), pytest.raises(training.TrainingError, match="another process"):
        train(rows, model, tmp_path / "m")


def test_a_job_is_what_it_was_when_read_again(model, rows, tmp_path):
    job = Job(rows, model, tmp_path / "m", SETTINGS, "raw", 3, tmp_path / "work")
    read = Job.load(job.save())
    pd.testing.assert_frame_equal(read.rows, rows)
    assert (read.model, read.settings, read.seed, read.output, read.work) == (
        model, SETTINGS, 3, job.output, job.work,
    )  # fmt: skip
