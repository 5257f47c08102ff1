"""How rows become a model: SFT as ever, DPO against its loss by hand, heads checked on what they have not seen."""

import json
import logging
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from sklearn.metrics import roc_auc_score
from transformers import AutoModelForCausalLM

from honesty_utils import engines, training
from honesty_utils.common import prompts, records
from honesty_utils.common.settings import Prompts, Section
from honesty_utils.engines.loading import base_of, load_model
from honesty_utils.engines.settings import Generation, Model
from honesty_utils.knowledge import signals
from honesty_utils.training import building, checkpoint, preference
from honesty_utils.training.job import Job
from honesty_utils.training.objectives import OBJECTIVES, check_options, dpo, head
from honesty_utils.training.order import RowOrder
from honesty_utils.training.settings import Training

REFUSAL = "I do not know."
SETTINGS = Training(learning_rate=3e-3, batch_size=4, epochs=2, weight_decay=0, max_length=128, save_minutes=None)
LORA = {"mode": "lora", "lora_rank": 4, "lora_alpha": 8}


@pytest.fixture
def model(tiny_model):
    return Model(name=str(tiny_model), device="cpu")


@pytest.fixture(scope="module")
def pairs(facts):
    """Prefer a refusal to what the tiny model was taught."""
    asked = [prompts.render(Prompts(), "plain", question) for question in facts]
    said = [answers[0] for answers in facts.values()]
    return pd.DataFrame(
        {"question_id": list(facts), "prompt": asked, "chosen": REFUSAL, "rejected": said, "is_refusal": True}
    )


@pytest.fixture(scope="module")
def warm(tiny_model, pairs, tmp_path_factory):
    """An adapter of an earlier stage."""
    folder = tmp_path_factory.mktemp("warm") / "m"
    rows = pairs.rename(columns={"chosen": "completion"})
    train("sft", rows, Model(name=str(tiny_model), device="cpu"), folder, epochs=4, **LORA)
    return Model(name=str(folder), device="cpu")


def train(name, rows, model, output, options=None, seed=1, after=None, **changes):
    objective, settings = OBJECTIVES[name], SETTINGS.model_copy(update=changes)
    chosen, more = check_options(name, options or {}), {} if after is None else {"after": after}
    return objective.train(rows, model, output, settings, chosen, style="raw", seed=seed, **more)


def stored(folder):
    (path,) = folder.glob("*.safetensors")
    return load_file(path)


def same(first, second):
    first, second = stored(first), stored(second)
    assert set(first) == set(second)
    return all(torch.equal(first[name], second[name]) for name in first)


def says(folder, rows):
    engine = engines.load(Model(name=str(folder), device="cpu"), Generation(max_new_tokens=16), "raw")
    return [response.text for response in engine.generate([engines.Request(prompt) for prompt in rows["prompt"]])]


# --- SFT --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [{}, LORA], ids=["full", "lora"])
def test_sft_is_what_training_has_been(model, pairs, tmp_path, changes):
    rows = pairs.rename(columns={"chosen": "completion"})
    train("sft", rows, model, tmp_path / "new", **changes)
    training.train(rows, model, tmp_path / "old", SETTINGS.model_copy(update=changes), style="raw", seed=1)
    (new,), (old,) = ((tmp_path / name).glob("*.safetensors") for name in ("new", "old"))
    assert new.read_bytes() == old.read_bytes()


# --- DPO --------------------------------------------------------------------------------------------------------------


def make(rows, model, tmp_path, options=None, **changes):
    """The trainer of a job, not started, and its first batch."""
    chosen = check_options("dpo", options or {})
    job = Job(
        rows, model, tmp_path / "m", SETTINGS.model_copy(update=changes), "raw", 1, tmp_path, "dpo", chosen.model_dump()
    )
    tokenizer = building.tokenizer(model)
    made = preference.trainer(job, tokenizer, preference.encode(job, tokenizer, 192), "cpu", 1, 4)
    return made, next(iter(made.get_train_dataloader())), tokenizer


def logprobs(network, before, after):
    """Log-probability of each token of a reply, one text alone, by the network's own logits."""
    with torch.no_grad():
        logits = network(torch.tensor([before + after])).logits[0].float().log_softmax(-1)
    return [float(logits[len(before) - 1 + place, token]) for place, token in enumerate(after)]


def test_the_trainer_sees_our_token_ids_in_our_order(model, pairs, tmp_path):
    _, batch, tokenizer = make(pairs, model, tmp_path)
    places = list(RowOrder([1] * 9, 4, seed=1))[:4]
    texts = [
        (prompts.prompt_ids(tokenizer, row.prompt, "raw"), reply)
        for column in ("chosen", "rejected")
        for row in pairs.iloc[places].itertuples()
        for reply in [prompts.completion_ids(tokenizer, row.prompt, getattr(row, column), "raw")]
    ]
    assert len(batch["input_ids"]) == 8
    for ids, mask, learned, (before, after) in zip(
        batch["input_ids"], batch["attention_mask"], batch["completion_mask"], texts, strict=True
    ):
        assert ids[mask.bool()].tolist() == before + after
        assert ids[learned.bool()].tolist() == after and after[-1] == tokenizer.eos_token_id


@pytest.mark.parametrize("start", ["full", "lora", "adapter"])
@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_the_loss_of_the_first_batch_by_hand(model, warm, pairs, tmp_path, start, weight):
    """As in the paper, from log-probabilities of single texts: against the model that training started from."""
    changes = {} if start == "full" else LORA
    begin = warm if start == "adapter" else model
    made, batch, tokenizer = make(pairs, begin, tmp_path, {"beta": 0.3, "sft_weight": weight}, **changes)
    rows = pairs.iloc[list(RowOrder([1] * 9, 4, seed=1))[:4]]
    reference, _ = load_model(begin)

    def loss():
        network, total, chosen_tokens = made.model.eval(), 0.0, []
        for row in rows.itertuples():
            before = prompts.prompt_ids(tokenizer, row.prompt, "raw")
            ratios = {}
            for column in ("chosen", "rejected"):
                after = prompts.completion_ids(tokenizer, row.prompt, getattr(row, column), "raw")
                now, then = logprobs(network, before, after), logprobs(reference, before, after)
                ratios[column] = sum(now) - sum(then)
                chosen_tokens += now if column == "chosen" else []
            total += math.log1p(math.exp(-0.3 * (ratios["chosen"] - ratios["rejected"])))
        return total / 4 - weight * sum(chosen_tokens) / len(chosen_tokens)

    found = made.compute_loss(made.model, batch).item()
    assert found == pytest.approx(loss(), abs=1e-4)
    if not weight:
        assert found == pytest.approx(math.log(2), abs=1e-5)  # it is its own reference yet
    with torch.no_grad():
        torch.manual_seed(0)
        for parameter in made.model.parameters():
            if parameter.requires_grad:
                parameter += 0.02 * torch.randn_like(parameter)
    moved = made.compute_loss(made.model, batch).item()
    assert abs(moved - found) > 1e-3 and moved == pytest.approx(loss(), abs=1e-4)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("changes", [{}, LORA], ids=["full", "lora"])
def test_a_model_says_what_it_is_taught_to_prefer_and_the_same_twice(model, facts, tmp_path, changes, turned):
    # The tiny model gives either answer to these, each about half of the time.
    two = {question: answers[::-1] if turned else answers for question, answers in facts.items() if len(answers) == 2}
    rows = pd.DataFrame(
        [(q, prompts.render(Prompts(), "plain", q), better, worse) for q, (better, worse) in two.items()],
        columns=["question_id", "prompt", "chosen", "rejected"],
    )
    rate = {"learning_rate": 3e-3 if changes else 3e-4, "epochs": 40}
    # Held to the chosen texts; else a model of this size drops their first letter, which no pair is about.
    weight = {"sft_weight": 1.0}
    results = [train("dpo", rows, model, tmp_path / name, weight, **rate, **changes) for name in ("a", "b")]
    assert says(tmp_path / "a", rows) == rows["chosen"].tolist()
    history = results[0].history
    assert list(history.columns) == [*building.HISTORY, "preferred", "margin"]
    assert history["preferred"].iloc[-1] == 1 and history["margin"].iloc[-1] > 0.1
    assert history["loss"].iloc[-1] < history["loss"].iloc[0]
    assert results[0].rows == 2 and results[0].equal == []
    assert same(tmp_path / "a", tmp_path / "b")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]  # no checkpoint, nothing half done


def test_an_adapter_goes_on_and_is_one_adapter_of_the_same_base(tiny_model, warm, pairs, tmp_path):
    train("dpo", pairs, warm, tmp_path / "m", **LORA)
    assert not [path for path in (tmp_path / "m").iterdir() if path.is_dir()]
    assert base_of(Model(name=str(tmp_path / "m"))).name == str(tiny_model)
    assert set(stored(tmp_path / "m")) == set(stored(tmp_path.__class__(warm.name)))
    assert not same(tmp_path / "m", tmp_path.__class__(warm.name))
    assert len(says(tmp_path / "m", pairs)) == 9


def test_sft_goes_on_from_an_adapter_too(warm, pairs, tmp_path):
    rows = pairs.rename(columns={"chosen": "completion"})
    result = train("sft", rows, warm, tmp_path / "m", epochs=10, **LORA)
    fresh = train("sft", rows, base_of(warm), tmp_path / "fresh", epochs=10, **LORA)
    assert result.history["loss"].iloc[0] < fresh.history["loss"].iloc[0]  # it had learned before
    assert base_of(Model(name=str(tmp_path / "m"))).name == base_of(warm).name


def test_an_adapter_is_merged_where_all_weights_are_trained(warm, pairs, tmp_path):
    train("dpo", pairs, warm, tmp_path / "m", learning_rate=1e-12)
    assert not (tmp_path / "m" / "adapter_config.json").exists()
    merged, _ = load_model(warm)
    found = AutoModelForCausalLM.from_pretrained(tmp_path / "m").state_dict()
    assert all(torch.allclose(found[name], value, atol=1e-6) for name, value in merged.state_dict().items())


class Killed(Exception):
    pass


@pytest.mark.parametrize("start", ["full", "lora", "adapter"])
def test_training_on_pairs_that_was_killed_ends_with_the_same_weights(model, warm, pairs, tmp_path, monkeypatch, start):
    changes = {"save_steps": 2, "epochs": 3, **({} if start == "full" else LORA)}
    begin = warm if start == "adapter" else model
    train("dpo", pairs, begin, tmp_path / "whole", **changes)

    def on_step_begin(self, args, state, control, **others):
        if state.global_step == 5:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint.Checkpoints, "on_step_begin", on_step_begin)
        with pytest.raises(Killed):
            train("dpo", pairs, begin, tmp_path / "resumed", **changes)
    assert not (tmp_path / "resumed").exists()
    result = train("dpo", pairs, begin, tmp_path / "resumed", **changes)
    assert result.resumed_at == 4 and same(tmp_path / "whole", tmp_path / "resumed")


def test_a_checkpoint_of_other_options_is_not_gone_on_from(model, pairs, tmp_path):
    _, _, tokenizer = make(pairs, model, tmp_path)
    job = Job(pairs, model, tmp_path / "m", SETTINGS, "raw", 1, tmp_path, "dpo", {"beta": 0.1, "sft_weight": 0.0})
    other = Job(pairs, model, tmp_path / "m", SETTINGS, "raw", 1, tmp_path, "dpo", {"beta": 0.2, "sft_weight": 0.0})
    rows = preference.encode(job, tokenizer, 192)
    assert checkpoint.key(job, rows, 1, "cpu") != checkpoint.key(other, rows, 1, "cpu")


def test_a_job_of_pairs_is_what_it_was_when_read_again(model, pairs, tmp_path):
    options = {"beta": 0.1, "sft_weight": 0.0}
    job = Job(pairs, model, tmp_path / "m", SETTINGS, "raw", 3, tmp_path / "work", "dpo", options)
    read = Job.load(job.save())
    pd.testing.assert_frame_equal(read.rows, pairs.drop(columns="is_refusal"))
    assert (read.objective, read.options) == ("dpo", options)


def test_pairs_of_equal_texts_are_left_out_counted_and_logged(model, pairs, tmp_path, caplog):
    rows = pairs.assign(rejected=[f"{REFUSAL} ", REFUSAL, *pairs["rejected"][2:]])
    with caplog.at_level(logging.WARNING):
        result = train("dpo", rows, model, tmp_path / "m", epochs=1)
    first = pairs["question_id"][0]
    assert f"2 of 9 pairs have two equal texts, such as that of question {first}: left out" in caplog.messages
    assert result.rows == 7 and result.equal == pairs["question_id"][:2].tolist()


def test_on_several_devices_pairs_that_fill_no_batch_are_left_out_other_ones_in_each_epoch():
    order = RowOrder([3] * 9, 4, seed=0, devices=2, fill=False)
    first = list(order)
    order.set_epoch(1)
    assert len(order) == len(first) == 8 and set(first) < set(range(9)) and set(first) != set(order)
    assert len(RowOrder([3] * 9, 4, seed=0, fill=False)) == 9  # one device takes a short batch


def refused(rows, model, tmp_path, message, name="dpo", error=training.TrainingError, options=None, **changes):
    with pytest.raises(error, match=message):
        train(name, rows, model, tmp_path / "m", options, **changes)
    assert not list(tmp_path.iterdir())


def test_no_pairs(model, pairs, tmp_path):
    refused(pairs.head(0), model, tmp_path, "no pairs to train on; look at the rows of the stage")


def test_only_equal_pairs(model, pairs, tmp_path):
    message = "9 of 9 pairs have two equal texts, such as that of question .*: none is left to train on; look at"
    refused(pairs.assign(rejected=REFUSAL), model, tmp_path, message)


@pytest.mark.parametrize("batches", ["packed", "padding_free"])
def test_pairs_are_not_joined(model, pairs, tmp_path, batches):
    refused(pairs, model, tmp_path, rf"training.batches: '{batches}' is not for pairs .*: set random", batches=batches)


def test_pairs_are_not_cut(model, pairs, tmp_path):
    refused(pairs, model, tmp_path, "too_long: 'truncate' may leave a pair two equal texts", too_long="truncate")


def test_pairs_that_are_too_long(model, pairs, tmp_path):
    message = r"9 of 9 pairs are longer than training.max_length = 10 tokens; row .*: raise it, or set .* to drop$"
    refused(pairs, model, tmp_path, message, max_length=10)
    refused(pairs, model, tmp_path, "with training.too_long = drop none is left", max_length=10, too_long="drop")
    long = pairs.assign(rejected=["Paris. " * 60, *pairs["rejected"][1:]])
    result = train("dpo", long, model, tmp_path / "m", epochs=1, too_long="drop")
    assert result.rows == 8 and result.left_out == [pairs["question_id"][0]]


@pytest.mark.parametrize("column", ["chosen", "rejected"])
def test_a_reply_without_a_token_to_learn(model, pairs, tmp_path, column):
    rows = pairs.assign(**{column: ["</s>", *pairs[column][1:]]})
    refused(rows, model, tmp_path, rf"row 0 \(question .*\): {column} '</s>' has no token to learn")


ADAPTER = [
    (
        {"lora_rank": 8},
        r"training.lora_rank: 8; the adapter that training goes on from \(.*\) has 4: set that, or train",
    ),
    ({"lora_alpha": 16}, r"training.lora_alpha: 16; .* has 8: set that"),
    (
        {"lora_target_modules": ("q_proj",)},
        r"lora_target_modules: \('q_proj',\); .* is on \['down_proj', .*: set these",
    ),
]


@pytest.mark.parametrize(("changes", "message"), ADAPTER)
def test_an_adapter_keeps_its_size_and_place(warm, pairs, tmp_path, changes, message):
    refused(pairs, warm, tmp_path, message, **{**LORA, **changes})


# --- heads ------------------------------------------------------------------------------------------------------------


def toy(questions=40, width=6, seed=0):
    """States of which the first number alone says the target, and a great one in another place."""
    random = np.random.default_rng(seed)
    states = random.normal(size=(questions, width)).astype(np.float32)
    states[:, 3] = states[:, 3] * 1000 + 5000
    return states, (states[:, 0] > 0).astype(float)


OPTIONS = head.Options(C=100)


def test_a_head_learns_what_can_be_told_and_nothing_else_counts():
    states, target = toy()
    made, steps = head.fit(states, target, OPTIONS, "m")
    assert ((made.probability(states) > 0.5) == target).all() and steps > 0
    assert abs(made.coef[0]) > 3 * np.abs(made.coef[1:]).max()
    folds = head.out_of_fold(states, target, np.arange(40), OPTIONS, "m", 0)
    assert ((folds > 0.5) == target).mean() > 0.85


def test_shares_are_learned_as_shares():
    # States that say nothing: the best probability is the mean of the targets, (5 · .1 + 5 · .7) / 10.
    target = np.array([0.1] * 5 + [0.7] * 5)
    made, _ = head.fit(np.ones((10, 3), np.float32), target, OPTIONS, "m")
    assert made.probability(np.ones((2, 3), np.float32)) == pytest.approx([0.4, 0.4], abs=1e-3)
    # One input of two values, held loosely: the mean of each.
    states = np.array([[0.0]] * 5 + [[1.0]] * 5, np.float32)
    made, _ = head.fit(states, target, head.Options(C=1e4), "m")
    assert made.probability(np.array([[0], [1]], np.float32)) == pytest.approx([0.1, 0.7], abs=1e-3)


def test_a_share_counts_as_so_many_rows_of_either_kind():
    states, _ = toy(10)
    shares = np.array([0.25, 0.75] * 5)
    whole = np.repeat(states, 4, axis=0), np.array([1.0, 0, 0, 0, 1, 1, 1, 0] * 5)
    first, _ = head.fit(states, shares, head.Options(C=4.0), "m")
    second, _ = head.fit(*whole, head.Options(C=1.0), "m")
    assert first.coef == pytest.approx(second.coef, abs=1e-3)


def test_out_of_fold_does_not_look_at_a_questions_own_target():
    states, _ = toy()
    random = np.random.default_rng(1)
    target = random.uniform(size=40)  # noise: there is nothing to find
    groups = np.arange(40)
    before = head.out_of_fold(states, target, groups, head.Options(C=100), "m", 0)
    for place in (0, 7):
        changed = target.copy()
        changed[place] = 0.5 + target[place] / 2 if target[place] >= 0.5 else target[place] / 2  # on its side of half
        after = head.out_of_fold(states, changed, groups, head.Options(C=100), "m", 0)
        assert after[place] == before[place] and (after != before).sum() > 20


def test_what_is_learned_by_heart_does_not_show_out_of_fold():
    random = np.random.default_rng(0)
    states = random.normal(size=(60, 200)).astype(np.float32)
    target = random.integers(0, 2, 60).astype(float)
    made, _ = head.fit(states, target, head.Options(C=10), "m")
    assert ((made.probability(states) > 0.5) == target).all()
    folds = head.out_of_fold(states, target, np.arange(60), head.Options(C=10), "m", 0)
    assert 0.3 < ((folds > 0.5) == target).mean() < 0.7


def test_rows_of_a_question_are_in_one_fold():
    # Each question twice: a row's twin would give it away.
    random = np.random.default_rng(0)
    states = np.repeat(random.normal(size=(30, 100)), 2, axis=0).astype(np.float32)
    target = np.repeat(random.integers(0, 2, 30), 2).astype(float)
    folds = head.out_of_fold(states, target, np.repeat(np.arange(30), 2), head.Options(C=10), "m", 0)
    assert ((folds > 0.5) == target).mean() < 0.75 and (folds[::2] == folds[1::2]).all()


@pytest.fixture(scope="module")
def known():
    """Of each person one asks for a birthplace, of the other half for a dish: the state knows which."""
    asked = [(f"What does person {i} eat?", 1.0) for i in range(12)] + [(f"Where is {i} from?", 0.2) for i in range(12)]
    return pd.DataFrame(
        [(f"q{i}", prompts.render(Prompts(), "plain", text), share) for i, (text, share) in enumerate(asked)],
        columns=["question_id", "prompt", "target"],
    ).assign(answer=None)


def test_a_head_is_a_folder_beside_a_model_that_stays_as_it_is(model, known, tmp_path):
    result = train("head", known, model, tmp_path / "m", {"C": 1.0, "layer": 1})
    assert result.rows == 24 and result.steps > 0 and result.history.empty
    assert [path.name for path in tmp_path.iterdir()] == ["m"]
    made = signals.heads.load(tmp_path / "m", engines.loading.model_digest(model))
    facts = json.loads((tmp_path / "m" / "head.json").read_text())
    assert made.layer == facts["layer"] == 1 and facts["questions"] == 24 and facts["width"] == 64
    assert facts["model"] == model.name and facts["mean_target"] == pytest.approx(0.6)
    folds = signals.heads.out_of_fold(tmp_path / "m")
    records.conform(folds, records.SIGNALS, "folds")
    assert folds["question_id"].tolist() == known["question_id"].tolist() and set(folds["signal"]) == {"head"}
    assert folds["value"][:12].min() > folds["value"][12:].max()
    # Asked the same way, the signal is what the head says.
    engine = engines.load(model, Generation(max_new_tokens=1), "raw")
    states = engine.states(known["prompt"].tolist(), made.layer)
    answers = known.assign(text="x", num_tokens=1, mean_logprob=-1.0)
    told = signals.measure(["head"], answers, states, tmp_path / "m")["value"]
    assert told.tolist() == pytest.approx(made.probability(states).tolist())
    assert told[:12].mean() == pytest.approx(1, abs=0.1) and told[12:].mean() == pytest.approx(0.2, abs=0.1)


def test_a_head_is_the_same_twice_and_folds_change_with_the_seed(model, known, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train("head", known, model, tmp_path / name, seed=seed)
    files = [{path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in "abc"]
    assert files[0] == files[1]
    assert files[0]["weights.npz"] == files[2]["weights.npz"]
    assert files[0]["out_of_fold.parquet"] != files[2]["out_of_fold.parquet"]


def test_a_head_reads_answers(model, known, tmp_path):
    """The same question with two answers: no state of a prompt could tell them apart."""
    rows = pd.concat(
        [known.assign(answer="Rice.", target=1.0), known.assign(answer="Nowhere.", target=0.0)], ignore_index=True
    )
    rows["question_id"] = [f"q{i}" for i in range(len(rows))]
    train("head", rows, model, tmp_path / "m", {"C": 1.0, "layer": 1})
    made = signals.heads.load(tmp_path / "m")
    assert made.reads_answers
    engine = engines.load(model, Generation(max_new_tokens=1), "raw")
    told = made.probability(engine.states(rows["prompt"].tolist(), 1, rows["answer"].tolist()))
    assert told[:24].min() > 0.5 > told[24:].max()
    folds = signals.heads.out_of_fold(tmp_path / "m")["value"]
    assert folds[:24].mean() > 0.8 and folds[24:].mean() < 0.2
    # The end of an answer is not read: the state is that of its last word, as within the whole text.
    text = rows["prompt"][0]
    whole = engine.states([f"{text} Rice."], 1)
    assert engine.states([text], 1, ["Rice."]) == pytest.approx(whole, abs=1e-5)


def test_rows_with_and_without_answers(model, known, tmp_path):
    rows = known.assign(answer=["Rice."] * 23 + [None])
    message = "1 of 24 rows have no answer, such as that of question q23; a head reads answers or prompts: give all"
    refused(rows, model, tmp_path, message, "head")


def test_a_head_begins_from_another(model, known, tmp_path):
    train("head", known, model, tmp_path / "first", {"C": 1.0, "layer": 1})
    first = signals.heads.load(tmp_path / "first")
    # Held tightly to the first, only stretch and shift are learned: its order stays, its level is the rows' own.
    low = known.assign(target=known["target"] * 0.5)
    train("head", low, model, tmp_path / "tight", {"C": 1e-9}, after=tmp_path / "first")
    tight = signals.heads.load(tmp_path / "tight")
    stretch = tight.coef / first.coef
    assert np.allclose(stretch, stretch[0], rtol=1e-4) and tight.layer == 1
    states = engines.load(model, Generation(max_new_tokens=1), "raw").states(known["prompt"].tolist(), 1)
    told = tight.probability(states)
    # The shift is free: by the first head's own word the level is that of the rows to the digit.
    own, _ = head.fit(states, low["target"].to_numpy(float), head.Options(C=1e-9), first.base, first)
    assert own.probability(states).mean() == pytest.approx(low["target"].mean(), abs=1e-3)
    assert (np.argsort(told) == np.argsort(first.probability(states))).all()
    # Held loosely, the rows decide, even against the first.
    turned = known.assign(target=1 - known["target"])
    train("head", turned, model, tmp_path / "loose", {"C": 100.0}, after=tmp_path / "first")
    against = signals.heads.load(tmp_path / "loose").probability(states)
    assert against[:12].mean() == pytest.approx(0, abs=0.1) and against[12:].mean() == pytest.approx(0.8, abs=0.1)
    assert json.loads((tmp_path / "loose" / "head.json").read_text())["after"] == str(tmp_path / "first")


def test_a_head_that_begins_from_another_is_at_its_minimum(model, known):
    """Against scikit-learn: with a first head of nothing, stretch is idle, and what is left is logistic regression."""
    states = engines.load(model, Generation(max_new_tokens=1), "raw").states(known["prompt"].tolist(), 1)
    target, options = known["target"].to_numpy(float), head.Options(C=0.1, layer=1)
    own, _ = head.fit(states, target, options, "m")
    nothing = replace(own, coef=np.zeros_like(own.coef), intercept=0.0)
    again, _ = head.fit(states, target, options, "m", nothing)
    assert again.probability(states) == pytest.approx(own.probability(states), abs=1e-3)


def test_what_a_continued_head_says_out_of_fold_is_no_better_than_on_new_questions():
    """Its first head has learned agreement of all questions, noise too: its own word of them would be far too good."""
    rng = np.random.default_rng(0)
    width, number, labeled = 200, 400, 80
    states = rng.normal(size=(number + 2000, width)).astype(np.float32)
    chance = 1 / (1 + np.exp(-0.15 * states[:, :20].sum(1)))
    # Agreement and correctness of a question share its luck, as samples of one model do.
    right = (rng.random(len(states)) < chance).astype(float)
    options = head.Options(C=0.01)
    agreed, taught, new = right[:number] * 0.9 + 0.05, slice(0, labeled), slice(number, None)
    first, _ = head.fit(states[:number], agreed, options, "m")
    folds = head.out_of_fold(states[:number], agreed, np.arange(number), options, "m", 0)[taught]
    told = np.log(folds / (1 - folds))
    found = head.out_of_fold(states[taught], right[taught], np.arange(labeled), options, "m", 0, first, told)
    ours, _ = head.fit(states[taught], right[taught], options, "m", first, told)
    on_new = roc_auc_score(right[new], ours.probability(states[new]))
    assert roc_auc_score(right[taught], found) < on_new + 0.1
    # The word of the first head itself, in its place, would be taken for nearly perfect.
    known = (states[taught] - first.mean) / first.scale @ first.coef + first.intercept
    naive = head.out_of_fold(states[taught], right[taught], np.arange(labeled), options, "m", 0, first, known)
    assert roc_auc_score(right[taught], naive) > on_new + 0.2


def test_a_head_learns_of_questions_of_the_first(model, known, tmp_path):
    train("head", known, model, tmp_path / "first")
    other = known.assign(question_id=[*known["question_id"][:-1], "new"])
    message = "1 questions are not among those of this head, such as new; a head that begins from another learns"
    with pytest.raises(training.TrainingError, match=message):
        train("head", other, model, tmp_path / "second", after=tmp_path / "first")


def test_a_head_cannot_begin_from_one_of_another_model(model, known, tmp_path):
    train("head", known, model, tmp_path / "first")
    path = tmp_path / "first" / "head.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "base": "other"}))
    with pytest.raises(ValueError, match="a head for the states of another model"):
        train("head", known, model, tmp_path / "second", after=tmp_path / "first")
    assert not (tmp_path / "second").exists()


def test_two_rows_of_a_question_are_one_out_of_fold(model, known, tmp_path):
    twice = pd.concat([known, known.assign(prompt=known["prompt"] + " ")])
    train("head", twice, model, tmp_path / "m")
    assert signals.heads.out_of_fold(tmp_path / "m")["question_id"].tolist() == known["question_id"].tolist()


def test_no_rows_for_a_head(model, known, tmp_path):
    refused(known.head(0), model, tmp_path, "no rows to train a head on; look at the rows", "head")


@pytest.mark.parametrize(("value", "shown"), [(1.5, "1.5"), (-0.1, "-0.1"), (float("nan"), "nan")])
def test_a_target_that_is_no_share(model, known, tmp_path, value, shown):
    rows = known.assign(target=[*known["target"][:-1], value])
    refused(rows, model, tmp_path, rf"row 23 \(question q23\): target {shown}; a share from 0 to 1 is needed", "head")


def test_too_few_questions_of_a_kind(model, known, tmp_path):
    message = "12 have a target of at least one half and 4 a lower one; 5 of each are needed: add questions"
    refused(known.head(16), model, tmp_path, message, "head")


def test_a_layer_that_the_model_lacks(model, known, tmp_path):
    refused(known, model, tmp_path, "layer 9; it has 2: give 0", "head", engines.ModelError, {"layer": 9})


# --- objectives as data -----------------------------------------------------------------------------------------------


def test_an_objective_says_what_it_takes():
    assert list(OBJECTIVES) == ["sft", "dpo", "brier", "grpo", "head", "merge"]
    for name, objective in OBJECTIVES.items():
        assert issubclass(objective.options, Section) and check_options(name, {}) == objective.options()
    assert dpo.Options().beta == 0.1 and dpo.Options().sft_weight == 0.01


BAD = [
    ("ppo", {}, r"objective 'ppo'; known: \['brier', 'dpo', 'grpo', 'head', 'merge', 'sft'\]"),
    ("dpo", {"bta": 1}, r"objectives.dpo: bta: .*; remove it or correct its spelling, allowed: beta, sft_weight"),
    ("dpo", {"beta": 0}, r"objectives.dpo: beta: .*greater than 0; got 0"),
    ("sft", {"beta": 1}, r"objectives.sft: beta: .*allowed: $"),
    ("head", {"C": -1}, r"objectives.head: C: .*greater than 0; got -1"),
]


@pytest.mark.parametrize(("name", "options", "message"), BAD)
def test_bad_options(name, options, message):
    with pytest.raises(ValueError, match=message):
        check_options(name, options)
    with pytest.raises(ValueError, match=message.replace(f"objectives.{name}", "methods.x.stages.y")):
        check_options(name, options, "methods.x.stages.y")
