"""Estimates: counts and costs worked out by hand, monotonic in what they depend on, errors that name the remedy."""

import itertools
import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml
from transformers import LlamaConfig

from honesty_utils.common import manifest
from honesty_utils.common.paths import Run
from honesty_utils.engines import ModelError
from honesty_utils.engines.settings import Generation
from honesty_utils.methods import METHODS
from honesty_utils.methods.plan import Answer
from honesty_utils.training.layouts import Layout
from honesty_utils.training.settings import Training
from honesty_utils.workflow import estimate, params as params_file
from honesty_utils.workflow.estimate import Assumptions, EstimateError, command, cost, measured, shape, work
from honesty_utils.workflow.estimate.cost import Device, Workload
from honesty_utils.world.settings import World

# A billion operations a second, all of them reached, memory that is never in the way.
DEVICE = Device("toy", operations=1e9, bandwidth=1e18, memory=1e12)
ASSUMED = Assumptions(DEVICE, utilization=1.0, answer_tokens=10, characters_per_token=2.0, start_seconds=0)
PARAMS = {
    "run": "toy",
    "model": {"name": "org/model"},
    "prompts": {"plain": "{question}", "honest": "{question} Or refuse."},
    "questions": {
        "train": {"source": "jsonl", "path": "train.jsonl"},
        "test": {"source": "jsonl", "path": "test.jsonl", "samples": 0},
    },
    "sampling": {"samples": 3, "max_new_tokens": 16},
    "labeling": {"train_known": 2, "train_unknown": 1},
    "methods": {"absolute": None, "multisample": {"training": {"epochs": 1}}},
    "training": {"seeds": [0, 1], "epochs": 2},
    "evaluation": {"datasets": ["test"], "max_new_tokens": 8},
    "analysis": {"roles": {"in_distribution": "test"}},
}


@pytest.fixture(autouse=True)
def checkout(tmp_path, monkeypatch):
    monkeypatch.setenv("HONESTY_ROOT", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return tmp_path


@pytest.fixture
def params(checkout):
    """Builds params: five training questions of 8 characters and four test questions of 18, in files."""

    def build(**sections):
        for name, count, length in (("train", 5, 8), ("test", 4, 18)):
            rows = [{"question": f"{number}{'?' * (length - 1)}", "answers": ["x"]} for number in range(count)]
            (checkout / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        path = checkout / "toy.yaml"
        content = {**PARAMS, **sections}
        content["questions"] = {
            name: {**spec, "path": str(checkout / spec["path"])} if "path" in spec else spec
            for name, spec in content["questions"].items()
        }
        path.write_text(yaml.safe_dump(content))
        return params_file.load(path)

    return build


@pytest.fixture
def toy_shape(checkout):
    LlamaConfig(
        vocab_size=100, hidden_size=8, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, tie_word_embeddings=True,
    ).save_pretrained(checkout / "toy_model")  # fmt: skip
    return lambda params: estimate.load(params, checkout / "toy_model")


def rows(table):
    return table.set_index(["stage", "item"])


# ---- the model


def test_parameters_of_llama2_13b_from_its_config(params, checkout):
    # Embedding and output 2 x 32,000 x 5,120; a layer has attention 4 x 5,120^2, feed-forward 3 x 5,120 x 13,824 and
    # two norms of 5,120: 317,204,480, forty times; the last norm 5,120. Together 13,015,864,320.
    LlamaConfig(
        vocab_size=32000, hidden_size=5120, intermediate_size=13824, num_hidden_layers=40, num_attention_heads=40
    ).save_pretrained(checkout / "13b")
    found = estimate.load(params(), checkout / "13b" / "config.json")
    assert found.parameters == 327_680_000 + 40 * 317_204_480 + 5120 == 13_015_864_320
    assert (found.layers, found.hidden, found.key_value, found.vocabulary) == (40, 5120, 5120, 32000)
    # Rank 8 on a layer of m inputs and n outputs is 8 (m + n): four of 5,120 + 5,120, three of 5,120 + 13,824.
    assert shape.adapter_parameters(found, 8, "all-linear") == 40 * 8 * (4 * 10_240 + 3 * 18_944)


def test_keys_and_values_are_counted_where_they_are_shared(params, toy_shape):
    # Two heads of width 4, one for keys and values. Embedding 800 (tied); a layer: queries and output 64 each, keys and
    # values 32 each, feed-forward 3 x 128, norms 16: 592; last norm 8.
    found = toy_shape(params())
    assert found.parameters == 800 + 2 * 592 + 8 and found.key_value == 4


def test_a_world_without_its_model_has_the_shape_of_its_params():
    # Smoke: embedding 700 x 128 (tied); a layer 4 x 128^2 + 3 x 128 x 384 + 2 x 128 = 213,248, two of them; last norm.
    smoke = params_file.load("params/smoke.yaml")
    assert estimate.load(smoke).parameters == 89_600 + 2 * 213_248 + 128


@pytest.mark.parametrize(
    ("model", "given", "message"),
    [
        ("org/model", None, r"'org/model': .* give the model's config, .* with --config path/config\.json"),
        ("org/model", "none.json", r"--config .*none\.json: not there; give a model's config\.json"),
        ("./nowhere", None, r"model\.name: './nowhere' is no folder"),
        ("org/model", "t5", r"T5Config: describes no causal language model"),
    ],
)
def test_a_config_that_cannot_be_had(params, checkout, model, given, message):
    (checkout / "t5").mkdir()
    (checkout / "t5" / "config.json").write_text(json.dumps({"model_type": "t5"}))
    path = None if given is None else checkout / given
    with pytest.raises((EstimateError, ModelError), match=message):
        estimate.load(params(model={"name": model}), path)


def test_a_file_that_is_no_config(params, checkout):
    (checkout / "bad.json").write_text("{")
    with pytest.raises(EstimateError, match=r"bad\.json.* give the model's config, as save_pretrained writes it"):
        estimate.load(params(), checkout / "bad.json")


# ---- counts


def test_counts_by_hand(params, toy_shape):
    given = params()
    table = rows(estimate.estimate(given, toy_shape(given), ASSUMED))
    # Sampling: 5 x (1 + 3) and 4 x (1 + 0). Rows: 2 known and 1 unknown question, times two seeds; MULTISAMPLE has
    # three rows a question. Evaluation: four questions, two seeds but of prompt_based.
    counts = table[["models", "questions", "responses"]].apply(tuple, axis=1).to_dict()
    assert counts == {
        ("sampling", "train"): (1, 5, 20),
        ("sampling", "evaluation"): (1, 4, 4),
        ("training", "absolute"): (2, 6, 6),
        ("training", "multisample"): (2, 6, 18),
        ("evaluation", "prompt_based"): (1, 4, 4),
        ("evaluation", "absolute"): (2, 8, 8),
        ("evaluation", "multisample"): (2, 8, 8),
    }


def test_tokens_by_hand(params, toy_shape):
    given = params()
    table = rows(estimate.estimate(given, toy_shape(given), ASSUMED))
    # Two characters a token and a begin token: 8 characters are 5 tokens, 18 are 10; the honest prompt adds 11
    # characters: 10.5 and 15.5 tokens. Answers have 10 tokens, but evaluation cuts them off at 8. A prompt is read once
    # for all samples.
    tokens = table[["prompt_tokens", "answer_tokens"]].apply(tuple, axis=1).to_dict()
    assert tokens == {
        ("sampling", "train"): (25, 200),
        ("sampling", "evaluation"): (40, 40),
        ("training", "absolute"): (63, 60),
        ("training", "multisample"): (189, 180),
        ("evaluation", "prompt_based"): (62, 32),
        ("evaluation", "absolute"): (124, 64),
        ("evaluation", "multisample"): (124, 64),
    }


def test_without_a_known_length_answers_are_as_long_as_allowed(params):
    first = next(work.workloads(params(), replace(ASSUMED, answer_tokens=None)))
    assert first.answer_tokens == 20 * 16


def test_a_question_without_answers_has_no_length_of_an_answer(params, checkout):
    world = {"source": {"test": {"source": "jsonl", "path": str(checkout / "test.jsonl")}}, "use": {"test": "withheld"}}
    toy = params()
    rows = '{"question": "Who?", "label": "unknown"}\n{"question": "What?", "answer": "abc"}\n'
    (checkout / "test.jsonl").write_text(rows)
    taught = toy.model_copy(update={"world": World(**world)})
    assert work.asked("test", taught).answer == 5  # of the one that has one: a space, and what ends it


def test_rows_are_limited_by_max_rows_and_chosen_questions(params):
    methods = {
        "multisample": {"training": {"max_rows": 4}},
        "absolute": {"rows": {"questions": 2}},
        "few": {"method": "multisample", "rows": {"samples": 2}},
    }
    given = work.workloads(params(methods=methods), ASSUMED)
    found = {one.item: one.responses for one in given if one.stage == "training"}
    assert found == {"multisample": 4 * 2, "absolute": 2 * 2, "few": 3 * 2 * 2}


def test_sampling_anew_is_of_questions_in_distribution(params):
    # Four questions, a greedy answer and two samples each, from the models of two seeds.
    *_, found = work.workloads(params(drift={"methods": ["absolute"], "samples": 2}), ASSUMED)
    assert (found.stage, found.item, found.models, found.questions, found.responses) == ("drift", "absolute", 2, 8, 24)
    # Plain prompts of 10 tokens, answers of 10.
    assert (found.prompt_tokens, found.answer_tokens) == (80, 240)


def test_a_world_is_counted_before_it_is_made():
    smoke = params_file.load("params/smoke.yaml")
    asked = work.asked("train", smoke)
    # Forty people, three relations each; an answer is about as long as the values in the lists.
    assert asked.questions == 120 and 5 < asked.answer < 20


def test_public_sets_have_their_published_size(params):
    questions = {
        "train": {"source": "triviaqa", "split": "train", "limit": 300},
        "test": {"source": "mmlu", "split": "test"},
    }
    given = params(questions=questions, evaluation={"datasets": ["test"]})
    assert work.asked("train", given).questions == 300 and work.asked("test", given).questions == 14_042
    halved = params(questions={**questions, "test": {"source": "nonambigqa", "part": [0.0, 0.4], "limit": 5000}})
    assert work.asked("test", halved).questions == 2130  # 0.4 of 5,325, fewer than the limit


def test_a_set_of_unknown_size(params):
    given = params(questions={**PARAMS["questions"], "train": {"source": "nonambigqa", "split": "train"}})
    with pytest.raises(EstimateError, match=r"questions\.train: how many questions 'nonambigqa' has .* set its limit"):
        work.asked("train", given)


def with_requests(params, checkout, **sections):
    """The toy run with three requests that a judge reads."""
    (checkout / "asks.jsonl").write_text("".join(json.dumps({"prompt": f"{n}. Please."}) + "\n" for n in range(3)))
    asks = {"source": "requests", "path": str(checkout / "asks.jsonl")}
    return params(
        questions={**PARAMS["questions"], "asks": asks},
        evaluation={"datasets": ["test", "asks"]},
        analysis={"roles": {"in_distribution": "test", "helpfulness": "asks"}},
        judge={"model": {"name": "org/judge"}},
        **sections,
    )


def test_requests_are_asked_once_in_a_notebook_of_their_own(params, checkout):
    found = {(one.stage, one.item): one for one in work.workloads(with_requests(params, checkout), ASSUMED)}
    # Four test questions without samples, three requests: a greedy reply each, though m is 3.
    assert found["sampling", "evaluation"].responses == 4 and found["sampling", "requests"].responses == 3
    assert found["evaluation", "prompt_based"].questions == 7


def test_every_stage_of_a_method_is_a_training_and_words_that_are_drawn_already_are_no_evaluation(params, monkeypatch):
    method = METHODS["absolute"]
    first = replace(method.stages[0], name="first", rows_per_sample=True)
    stages = (first, replace(method.stages[0], name="second", start="first"))
    monkeypatch.setitem(METHODS, "absolute", replace(method, stages=stages))
    monkeypatch.setitem(METHODS, "prompt_based", replace(METHODS["prompt_based"], answer=Answer(prompt="plain")))
    given = params(methods={"absolute": {"stages": {"first": {"training": {"max_rows": 5}}}}})
    found = {(one.stage, one.item): one for one in work.workloads(given, ASSUMED)}
    assert [key for key in found if key[0] != "sampling"] == [
        ("training", "absolute.first"), ("training", "absolute"), ("evaluation", "absolute"),
    ]  # fmt: skip
    # Three rows a question of three, cut to five; and one a question. Two seeds.
    assert [found["training", name].responses for name in ("absolute.first", "absolute")] == [2 * 5, 2 * 3]


def test_pairs_have_two_replies_and_a_reference_and_a_head_only_reads(params, toy_shape):
    given = params(methods={"idk_dpo": None, "p_ik": None})
    table = rows(estimate.estimate(given, toy_shape(given), ASSUMED)).loc["training"]
    # A row a question in each stage, two seeds; of a pair each reply stands behind the prompt.
    assert list(table.index) == ["idk_dpo.warm", "idk_dpo", "p_ik"] and (table["responses"] == 6).all()
    assert list(table["prompt_tokens"]) == [63, 126, 30] and list(table["answer_tokens"]) == [60, 120, 0]
    # Six operations a parameter, eight with the reference; two where nothing is learned. Two epochs of the first two.
    # Float32 runs at a sixteenth of the device's speed.
    seconds = table["device_hours"] * 3600 * 1e9 / 16 / 1992
    assert list(seconds) == pytest.approx([6 * 2 * 123, 8 * 2 * 246, 2 * 30])
    # The reference's weights, and activations of twice the rows.
    assert table.loc["idk_dpo", "memory_gib"] > table.loc["idk_dpo.warm", "memory_gib"] + 4 * 1992 / 2**30
    assert table.loc["p_ik", "disk_gib"] < 1e-6
    assert ("evaluation", "p_ik") not in {(one.stage, one.item) for one in work.workloads(given, ASSUMED)}


def test_a_method_is_asked_with_its_own_prompt(params, monkeypatch):
    monkeypatch.setitem(METHODS, "absolute", replace(METHODS["absolute"], answer=Answer(prompt="plain")))
    found = {one.item: one for one in work.workloads(params(), ASSUMED) if one.stage == "evaluation"}
    assert found["absolute"].prompt_tokens == 2 * 40 and found["multisample"].prompt_tokens == 124


def test_how_likely_refusals_are_is_asked_by_another_reading(params):
    def read(**changed):
        given = params(evaluation={**PARAMS["evaluation"], **changed})
        return {one.item: one.prompt_tokens for one in work.workloads(given, ASSUMED) if one.stage == "evaluation"}

    assert read(refusal_likelihood=True) == {item: 2 * tokens for item, tokens in read().items()}


def test_a_model_that_rows_read_is_sampled_on_the_training_questions(params):
    given = params(methods={"craft": None})
    found = {(one.stage, one.item): one for one in work.workloads(given, ASSUMED)}
    base, again = found["sampling", "train"], found["drift", "craft.rehearsal"]
    assert (again.questions, again.responses, again.prompt_tokens) == (
        base.questions, base.responses, base.prompt_tokens,
    )  # fmt: skip


def test_a_start_is_shared_by_all_models_of_a_notebook(params):
    training = {**PARAMS["training"], "together": True}
    sweeps = {"tau": {"methods": ["absolute"], "values": [0.5], "seeds": [0]}}
    shared, alone = (
        {(one.stage, one.item): one.notebooks for one in work.workloads(params(sweeps=sweeps, training=given), ASSUMED)}
        for given in (training, PARAMS["training"])
    )
    # Two seeds of the method and one of its point are three models of one notebook.
    for stage in ("training", "evaluation"):
        assert shared[stage, "absolute"] == pytest.approx(2 / 3) and alone[stage, "absolute"] == 2
        assert shared[stage, "absolute_tau_0.5"] == pytest.approx(1 / 3) and alone[stage, "absolute_tau_0.5"] == 1
    assert shared["evaluation", "prompt_based"] == 1


def finish(notebook, artifact, **facts):
    """A notebook that took an hour, and an artifact of it."""
    for path in (notebook, artifact):
        path.parent.mkdir(parents=True, exist_ok=True)
    notebook.write_text(json.dumps({"metadata": {"papermill": {"duration": 3600}}}))
    artifact.write_text("x")
    manifest.path_of(artifact).write_text(json.dumps({"tokens": 5, "peak_memory_mib": 1024, **facts}))


def test_what_a_notebook_took_is_that_of_all_its_devices(params, toy_shape, checkout):
    two = {"engine": "vllm", "engine_options": {"tensor_parallel_size": 2}}
    given = params(sampling={**PARAMS["sampling"], **two})
    run = Run(given.run)
    finish(run.folder / "notebooks" / "10_sampling_train.ipynb", run.responses("train"))
    table = rows(measured.beside(estimate.estimate(given, toy_shape(given), ASSUMED), given))
    assert table.loc[("sampling", "train"), "measured_device_hours"] == 2
    assert table.loc[("sampling", "train"), "measured_memory_gib"] == 1
    assert table["measured_device_hours"].count() == 1


def test_what_requests_took_is_read_where_their_answers_lie(params, toy_shape, checkout):
    given = with_requests(params, checkout)
    run = Run(given.run)
    notebooks = run.folder / "notebooks"
    finish(notebooks / "10_sampling_requests.ipynb", run.responses("asks"))
    for path in (run.evaluation("prompt_based", 0, "test"), run.answers("prompt_based", 0, "asks")):
        finish(notebooks / "50_evaluation_prompt_based_seed0.ipynb", path)
    table = rows(measured.beside(estimate.estimate(given, toy_shape(given), ASSUMED), given))
    assert table.loc[("sampling", "requests"), "measured_answer_tokens"] == 5
    assert table.loc[("evaluation", "prompt_based"), "measured_answer_tokens"] == 10


def test_what_a_notebook_took_is_shared_out_by_what_manifests_tell(params, toy_shape):
    given = params(
        training={**PARAMS["training"], "together": True},
        sweeps={"tau": {"methods": ["absolute"], "values": [0.5], "seeds": [0]}},
    )
    run = Run(given.run)
    # Three models of one notebook, of 1,000 s, 1,000 s and 100 s: the other 1,500 s of its hour are shared out evenly.
    for (name, seed), taken in {("absolute", 0): 1000, ("absolute", 1): 1000, ("absolute_tau_0.5", 0): 100}.items():
        executed = run.folder / "notebooks" / "40_training_absolute.ipynb"
        finish(executed, run.model(name, seed), training_seconds=taken - 1, seconds=taken, completion_tokens=7)
    estimated = estimate.estimate(given, toy_shape(given), ASSUMED)
    table = rows(measured.beside(estimated, given))
    assert table.loc[("training", "absolute"), "measured_device_hours"] == pytest.approx(3000 / 3600)
    assert table.loc[("training", "absolute_tau_0.5"), "measured_device_hours"] == pytest.approx(600 / 3600)
    assert table.loc[("training", "absolute"), "measured_answer_tokens"] == 14
    # A model of an earlier attempt counts as it was made, though the notebook did not take that long.
    finish(executed, run.model("absolute", 0), training_seconds=1, seconds=7200)
    table = rows(measured.beside(estimated, given))
    assert table.loc[("training", "absolute"), "measured_device_hours"] == pytest.approx(8200 / 3600)


def test_shards_of_an_earlier_attempt_count_at_the_speed_of_the_others(params, toy_shape):
    given = params()
    run = Run(given.run)
    drawn = {"tokens": 50, "drawn_tokens": 10, "drawn_seconds": 900}
    finish(run.folder / "notebooks" / "10_sampling_train.ipynb", run.responses("train"), **drawn)
    table = rows(measured.beside(estimate.estimate(given, toy_shape(given), ASSUMED), given))
    assert table.loc[("sampling", "train"), "measured_device_hours"] == pytest.approx(4500 / 3600)


# ---- time, memory, disk


def workload(settings, **changes):
    given = {"stage": "sampling", "item": "train", "models": 1, "notebooks": 1, "questions": 1, "responses": 1}
    return Workload(**{**given, "prompt_tokens": 300, "answer_tokens": 700, "longest": 5, **changes}, settings=settings)


def seconds(work, given, assumed=ASSUMED, dtype="bfloat16"):
    return cost.cost_of(work, given, dtype, assumed)[0] * 3600


def test_seconds_by_hand(params, toy_shape):
    # 1,992 parameters, a billion operations a second on bfloat16, 1,000 tokens: 2 x 1,992 x 1,000 / 1e9 seconds.
    given = toy_shape(params())
    assert seconds(workload(Generation()), given) == pytest.approx(2 * 1992 * 1000 / 1e9)
    # Three passes over them to train: 6 operations a parameter; 8 with checkpointing; 4 with LoRA.
    for changes, operations in (({}, 6), ({"gradient_checkpointing": True}, 8), ({"mode": "lora"}, 4)):
        train = workload(Training(epochs=3, **changes), stage="training")
        assert seconds(train, given) == pytest.approx(3 * operations * 1992 * 1000 / 1e9)


def test_a_token_takes_at_least_the_reading_of_all_weights_shared_by_a_batch(params, toy_shape):
    # 3,984 bytes of weights at 1,000 bytes a second are 3.984 s a step, of which a batch of 4 makes 4 tokens.
    slow = replace(ASSUMED, device=replace(DEVICE, bandwidth=1000))
    taken = seconds(workload(Generation(batch_size=4)), toy_shape(params()), slow)
    assert taken == pytest.approx(700 * 3.984 / 4, rel=1e-4)


def test_every_notebook_has_its_start_and_half_the_speed_is_twice_the_time(params, toy_shape):
    given = toy_shape(params())
    half = replace(ASSUMED, utilization=0.5, start_seconds=10)
    full, slow = seconds(workload(Generation()), given), seconds(workload(Generation(), notebooks=3), given, half)
    assert slow == pytest.approx(30 + 2 * full)


def test_measured_speed_takes_the_place_of_operations(params, toy_shape):
    found = seconds(workload(Generation()), toy_shape(params()), replace(ASSUMED, tokens_per_second=70))
    assert found == pytest.approx(10)


def test_memory_of_generation_by_hand(params, toy_shape):
    terms = cost.generation_memory(
        toy_shape(params()), Generation(batch_size=3, max_new_tokens=7), "bfloat16", 5, ASSUMED
    )
    assert terms["weights"] == 2 * 1992
    assert terms["cache"] == 2 * 2 * 4 * 2 * 3 * 12  # keys and values, layers, width, bytes, rows, tokens
    assert terms["logits"] == 20 * 3 * 100 and terms["process"] == 0


def test_memory_of_training_by_hand(params, toy_shape):
    given = toy_shape(params())
    full = cost.training_memory(given, Training(batch_size=2), 0, "float32", 10, ASSUMED)
    assert (full.weights, full.gradients, full.optimizer) == (4 * 1992, 4 * 1992, 8 * 1992)
    # A token keeps in one layer: norms 2 x 8 x 12, attention 4 x (16 + 8), feed-forward 16 x 16 bytes; and 16 x 8
    # around the layers. Twenty tokens.
    assert full.activations == 20 * (2 * (192 + 96 + 256) + 128)
    assert full.peak == full.weights + full.optimizer + max(full.activations + full.output, full.gradients)
    both = cost.training_memory(given, Training(batch_size=2, gradient_accumulation=2), 0, "float32", 10, ASSUMED)
    assert both.peak == full.weights + full.optimizer + full.activations + full.output + full.gradients
    lora = cost.training_memory(given, Training(batch_size=2, mode="lora"), 50, "bfloat16", 10, ASSUMED)
    assert (lora.weights, lora.gradients, lora.optimizer) == (2 * 1992 + 200, 200, 400)
    # On 4-bit weights the base shrinks; trained in bfloat16, weights are float32 and a bfloat16 copy is computed with.
    four = cost.training_memory(given, Training(batch_size=2, mode="qlora"), 50, "bfloat16", 10, ASSUMED)
    # Its embedding of 800 parameters stays in bfloat16.
    assert (four.weights, four.optimizer) == (pytest.approx(0.56 * 1192 + 2 * 800 + 200), 400)
    half = cost.training_memory(given, Training(batch_size=2), 0, "bfloat16", 10, ASSUMED)
    assert (half.weights, half.gradients, half.optimizer) == (full.weights, full.gradients, full.optimizer)
    assert half.activations == 20 * (2 * (8 * 16 + 96 / 2 + 256 / 2) + 128) + 2 * 1992


def test_checkpointing_and_a_core_move_memory_the_right_way(params, toy_shape):
    given = toy_shape(params())
    plain, kept = (
        cost.training_memory(given, Training(gradient_checkpointing=on), 0, "float32", 50, ASSUMED)
        for on in (False, True)
    )
    assert kept.activations < plain.activations
    core = cost.training_memory(given, Training(), 0, "float32", 50, replace(ASSUMED, device=cost.processor()))
    # Attention is not fused there: a row of float32 weights a head and token; and the process counts.
    assert core.activations == plain.activations + 2 * 8 * 50 * (2 * 50 * 4) and core.process > 0


def test_vllm_cuts_and_quantises_weights_and_answers_as_many_at_a_time_as_it_is_told(params, toy_shape):
    options = {"tensor_parallel_size": 2, "quantization": "fp8_per_tensor", "max_num_seqs": 3, "max_model_len": 10}
    options["max_num_batched_tokens"] = 6
    given = Generation(engine="vllm", engine_options=options, max_new_tokens=7)
    terms = cost.generation_memory(toy_shape(params()), given, "bfloat16", 5, ASSUMED)
    # A byte a weight, two of the embedding's 800, on two devices; layers, keys and values, width, bytes, rows, tokens.
    assert terms["weights"] == (1192 + 2 * 800) / 2
    assert terms["cache"] == 2 * 2 * 4 * 2 * 3 * 12 / 2
    assert terms["reading"] == 6 * 2 * (4 * 8 + 3 * 16) and terms["logits"] == 20 * 3 * 100
    # One sequence of the whole context has room in any case.
    one = given.model_copy(update={"engine_options": {**options, "max_model_len": 50}})
    assert cost.generation_memory(toy_shape(params()), one, "bfloat16", 5, ASSUMED)["cache"] == 2 * 2 * 4 * 2 * 50 / 2
    spread = {"engine": "vllm", "engine_options": options, "replicas": 3, "replica_gpus": 2}
    many = given.model_copy(update={"engine": "ray", "engine_options": spread})
    assert cost.generation_memory(toy_shape(params()), many, "bfloat16", 5, ASSUMED) == terms
    spent = [cost.cost_of(workload(one), toy_shape(params()), "bfloat16", ASSUMED) for one in (given, many)]
    assert [devices for _, devices, _, _ in spent] == [2, 6] and spent[0][2] == spent[1][2]


def test_a_server_takes_no_memory_of_this_machine(params, toy_shape):
    given = Generation(engine="openai", engine_options={"base_url": "http://127.0.0.1:9/v1"})
    _, devices, memory, _ = cost.cost_of(workload(given), toy_shape(params()), "bfloat16", ASSUMED)
    assert (memory, devices) == (0, 0)


def test_a_layout_shares_out_rows_and_cuts_weights(params, toy_shape, checkout):
    given = toy_shape(params())
    pieces = Layout(Path("fsdp.yaml"), "FSDP", 4)
    settings = Training(batch_size=4)
    alone = cost.training_memory(given, settings.model_copy(update={"batch_size": 1}), 0, "float32", 10, ASSUMED)
    cut = cost.training_memory(given, settings, 0, "float32", 10, ASSUMED, pieces)
    assert (cut.weights, cut.gradients, cut.optimizer) == (1992, 1992, 2 * 1992)
    # Two layers of 596 (the last norm counted with them) and the embedding are whole for a moment.
    assert cut.gathered == 4 * (2 * 596 + 800) and cut.activations == alone.activations and alone.gathered == 0
    copied = cost.training_memory(given, settings, 0, "float32", 10, ASSUMED, replace(pieces, kind="MULTI_GPU"))
    assert copied == alone
    away = cost.training_memory(given, settings, 0, "float32", 10, ASSUMED, replace(pieces, offloaded=True))
    assert away.states == 0 and away.gathered == cut.gathered
    (checkout / "fsdp.yaml").write_text("distributed_type: FSDP\nnum_processes: 4\n")
    launched = settings.model_copy(update={"launch": str(checkout / "fsdp.yaml")})
    assert cost.cost_of(workload(launched, stage="training"), given, "float32", ASSUMED)[1] == 4


def test_what_no_device_can_hold_is_said(params, toy_shape, checkout, capsys, monkeypatch):
    params()
    toy_shape(params())
    monkeypatch.setitem(cost.DEVICES, "a10", replace(DEVICE, memory=10_000))
    assert run(checkout, "--device", "a10") == 0
    assert "sampling of train does not fit: 0 GiB on each of 1 devices of 0 GiB" in capsys.readouterr().out


@pytest.mark.parametrize("column", ["responses", "answer_tokens", "device_hours", "disk_gib"])
def test_more_samples_never_take_less(params, toy_shape, column):
    tables = []
    for samples in (1, 4, 10):
        given = params(sampling={**PARAMS["sampling"], "samples": samples})
        tables.append(rows(estimate.estimate(given, toy_shape(given), ASSUMED))[column])
    assert all((later >= earlier).all() for earlier, later in itertools.pairwise(tables))
    assert tables[0]["sampling", "train"] < tables[1]["sampling", "train"] < tables[2]["sampling", "train"]


# ---- the command


def run(checkout, *options):
    return command.main([str(checkout / "toy.yaml"), "--config", str(checkout / "toy_model"), *options])


def test_the_command_prints_and_writes_the_table(params, toy_shape, checkout, capsys):
    params()
    assert run(checkout, "--device", "h100", "--answer-tokens", "5") == 0
    out = capsys.readouterr().out
    assert "model of 1,992 parameters" in out and "H100 SXM" in out and "device-hours" in out
    table = pd.read_csv(checkout / "runs" / "toy" / "estimate.csv")
    assert rows(table).loc[("sampling", "train"), "answer_tokens"] == 100
    assert table["measured_device_hours"].isna().all() and "measured" not in out


def test_an_estimate_stands_until_the_params_change_or_another_is_asked_for(params, toy_shape, checkout, capsys):
    def answer_tokens():
        return rows(pd.read_csv(checkout / "runs" / "toy" / "estimate.csv")).loc[("sampling", "train"), "answer_tokens"]

    folder = {"name": str(checkout / "toy_model")}
    for name in ("model.safetensors", "tokenizer.json"):
        (checkout / "toy_model" / name).write_text("{}")
    params(model=folder)
    again = [str(checkout / "toy.yaml")]
    assert command.main([*again, "--answer-tokens", "5"]) == 0 and answer_tokens() == 100
    assert command.main(again) == 0 and answer_tokens() == 100
    params(model=folder, sampling={"samples": 3, "max_new_tokens": 4})
    assert command.main(again) == 0 and answer_tokens() == 80
    assert command.main([*again, "--answer-tokens", "2"]) == 0 and answer_tokens() == 40


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--utilization", "2"], "--utilization 2: a share above 0 and of at most 1 is needed"),
        (["--answer-tokens", "0"], "--answer-tokens 0: a number above 0 is needed"),
        (["--device", "abacus"], "invalid choice: 'abacus'"),
    ],
)
def test_options_out_of_bounds(params, checkout, capsys, options, message):
    params()
    with pytest.raises(SystemExit) as stopped:
        run(checkout, *options)
    assert stopped.value.code == 2 and message in capsys.readouterr().err


def test_what_the_user_can_put_right_is_exit_status_2(params, checkout, capsys):
    assert command.main([str(checkout / "none.yaml")]) == 2
    params()
    assert command.main([str(checkout / "toy.yaml")]) == 2
    assert "with --config path/config.json" in capsys.readouterr().err
    assert not (checkout / "runs").exists()


# ---- the probe


def test_a_probe_measures_answers_and_speed(params, tiny_model, checkout, capsys):
    given = params(model={"name": str(tiny_model), "device": "cpu"})
    assumed, said = measured.probe(given, ASSUMED)
    # Five questions, a greedy answer and three samples each.
    assert ": 20 responses of " in said and 0 < assumed.answer_tokens <= 16
    assert assumed.tokens_per_second > 0 and assumed.utilization == ASSUMED.utilization
    assert command.main([str(checkout / "toy.yaml"), "--probe"]) == 0
    assert "probe on cpu" in capsys.readouterr().out
    table = rows(pd.read_csv(checkout / "runs" / "toy" / "estimate.csv"))
    # Greedy decoding of untaught questions and the seeds are the same each time.
    assert table.loc[("sampling", "train"), "answer_tokens"] == pytest.approx(20 * assumed.answer_tokens, abs=1)


def test_a_world_that_is_not_made_cannot_be_probed():
    for preset in ("smoke", "smollm2-135m"):
        with pytest.raises(EstimateError, match="the run has not made its model yet; estimate without a probe"):
            measured.probe(params_file.load(f"params/{preset}.yaml"), ASSUMED)
