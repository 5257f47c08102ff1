"""What a run executes, without Snakemake: tasks, what they read and write, what an edit touches, where GPUs go."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from honesty_utils.common import manifest
from honesty_utils.common.paths import Run
from honesty_utils.common.settings import ConfigError
from honesty_utils.methods import METHODS
from honesty_utils.workflow import plan
from honesty_utils.workflow.opened import base_model
from honesty_utils.workflow.params import Params, load, of_content

SMOKE = yaml.safe_load(Path("params/smoke.yaml").read_text(encoding="utf-8"))
LLAMA = "params/llama2-13b-chat.yaml"


def smoke(**changes: Any) -> Params:
    """The smoke run with other values at dotted keys, written with double underscores."""
    content = json.loads(json.dumps(SMOKE))
    for key, value in changes.items():
        *above, last = key.split("__")
        part = content
        for name in above:
            part = part[name]
        part[last] = value
    return of_content(content, "smoke")


def named(params: Params) -> dict[str, plan.Task]:
    return {task.name: task for task in plan.tasks(params)}


def test_every_input_is_there_or_made_by_an_earlier_task():
    for params in (load("params/microworld.yaml"), load("params/smoke.yaml"), smoke(training__together=False)):
        made: set[Path] = set()
        for task in plan.tasks(params):
            for path in task.inputs:
                assert path in made or path.exists(), (task.name, path)
            written = {*task.outputs, *task.folders}
            assert not written & made, f"{task.name} writes what another task has written"
            made |= written


def test_names_and_executed_copies_are_unique():
    for params in (load("params/microworld.yaml"), smoke(training__together=False)):
        tasks = plan.tasks(params)
        assert len({task.name for task in tasks}) == len(tasks)
        assert len({task.executed(Run(params.run)) for task in tasks}) == len(tasks)


def test_small_models_share_a_kernel_and_others_have_one_each():
    trained = smoke().trained.items()
    models = sum(len(smoke().models[name]) * len(METHODS[entry.method].stages) for name, entry in trained)
    shared = [task for task in named(smoke()).values() if task.stage == "training"]
    apart = [task for task in named(smoke(training__together=False)).values() if task.stage == "training"]
    stages = sum(len(METHODS[smoke().entries[name].method].stages) for name in SMOKE["methods"])
    assert len(shared) == stages < len(apart) == models
    assert sum(len(task.outputs) for task in shared) == sum(len(task.outputs) for task in apart) == models
    point = next(task for task in apart if task.item == "absolute_tau_0.3_seed0")
    assert point.parameters == {"method": "absolute_tau_0.3", "seed": 0}


def test_models_that_a_world_did_not_make_have_a_kernel_each(monkeypatch):
    monkeypatch.setattr(plan._Plan, "_sources", lambda self, names: [])  # the files of the user are not here
    params = load(LLAMA)
    tasks = named(params)
    assert "training_absolute_seed0" in tasks and "training_absolute" not in tasks
    served = params.model_copy(
        update={
            "training": params.training.model_copy(update={"mode": "lora"}),
            "evaluation": params.evaluation.model_copy(update={"engine": "vllm"}),
        }
    )
    asked = [task for task in plan.tasks(served) if task.stage == "evaluation"]
    # One start of vLLM holds all adapters; M_t under each prompt is asked by itself.
    assert {task.item for task in asked} == {"unaligned_seed0", "prompt_based_seed0", "adapters"}
    assert len(asked[-1].outputs) == len(served.graded_sets()) * sum(
        len(seeds) for name, seeds in served.models.items() if name in served.trained
    )


def edited(before: Params, after: Params) -> set[str]:
    """Tasks whose part of the params file differs."""
    old, new = named(before), named(after)
    return {name for name in old if name in new and old[name].depends(before) != new[name].depends(after)}


def test_an_edit_touches_what_reads_it_and_no_more():
    methods = {**SMOKE["methods"], "absolute": {"options": {"tau": 0.4}}}
    touched = edited(smoke(), smoke(methods=methods))
    assert {"rows_absolute", "training_absolute", "evaluation_absolute"} <= touched
    assert not {name for name in touched if name.startswith(("world", "sampling", "labeling"))}
    assert "rows_multisample" not in touched and "training_multisample" not in touched
    assert not {"rows_absolute", "sampling_train"} & edited(smoke(), smoke(analysis__seed=1))
    samples = edited(smoke(), smoke(sampling__samples=6))
    assert {"sampling_train", "sampling_evaluation", "sampling_absolute"} <= samples
    assert not {"world", "rows_absolute", "training_absolute", "evaluation_absolute"} & samples
    subset = edited(smoke(), smoke(labeling__train_known=40))
    assert "labeling_train" in subset and "labeling_evaluation" not in subset and "evaluation_absolute" not in subset


WIDE = {"engine": "vllm", "engine_options": {"tensor_parallel_size": 8}}
SERVED = {"engine": "openai", "engine_options": {"base_url": "http://127.0.0.1:8000/v1"}}


@pytest.mark.parametrize(
    ("prior_known", "judge", "gpus"),
    [
        (
            WIDE,
            {"engine": "vllm", "engine_options": {"tensor_parallel_size": 2}},
            {"prior_known": 8, "sampling_train": 1, "labeling_train": 2, "evaluation_absolute": 2, "judging": 2},
        ),
        (
            SERVED,
            SERVED,
            {"prior_known": 0, "sampling_train": 1, "labeling_train": 0, "evaluation_absolute": 1, "judging": 0},
        ),
    ],
)
def test_a_task_asks_for_the_gpus_of_every_engine_that_its_notebook_loads(tmp_path, prior_known, judge, gpus):
    labelled = tmp_path / "labelled.jsonl"
    labelled.touch()
    judge = {**judge, "model": {"name": "org/judge"}, "labelled": str(labelled)}
    tasks = named(smoke(prior_known={**SMOKE["prior_known"], **prior_known}, judge=judge))
    assert {name: tasks[name].gpus for name in gpus} == gpus


def test_requests_are_sampled_judged_and_not_labelled(tmp_path):
    file = tmp_path / "asks.jsonl"
    file.write_text('{"prompt": "Write a poem."}\n', encoding="utf-8")
    sets = {**SMOKE["questions"], "asks": {"source": "requests", "path": str(file)}}
    changed = smoke(
        questions=sets,
        evaluation__datasets=[*SMOKE["evaluation"]["datasets"], "asks"],
        analysis__roles={**SMOKE["analysis"]["roles"], "helpfulness": "asks"},
        judge={"model": {"name": "org/judge"}},
    )
    tasks = named(changed)
    assert "judging" in tasks and "sampling_requests" in tasks and "labeling_requests" not in tasks
    assert file in tasks["sampling_requests"].inputs
    judged = {path.parts[-3] for path in tasks["judging"].outputs}
    assert "absolute" in judged and "absolute_tau_0.3" not in judged  # a judge costs more than string rules
    assert "judging" not in named(smoke())


def test_the_snapshot_is_the_params_file(tmp_path, monkeypatch):
    monkeypatch.setenv("HONESTY_ROOT", str(tmp_path))
    params = load(Path.cwd() / "params/microworld.yaml")
    path = plan.write_snapshot(params)
    assert load(path) == params
    before = path.stat().st_mtime_ns
    plan.write_snapshot(params)
    assert path.stat().st_mtime_ns == before, "an unchanged snapshot is not written again"


def test_a_marker_without_its_model_is_forgotten(tmp_path, monkeypatch):
    monkeypatch.setenv("HONESTY_ROOT", str(tmp_path))
    run, tasks = Run("smoke"), plan.tasks(smoke())
    for method in ("absolute", "multisample"):
        run.trained(method, 0).parent.mkdir(parents=True)
        run.trained(method, 0).write_text("{}")
    run.model("multisample", 0).mkdir()
    (run.model("multisample", 0) / "model.safetensors").write_bytes(b"")
    run.base_model.mkdir(parents=True)
    plan.forget_missing(tasks)
    assert not run.trained("absolute", 0).exists() and run.trained("multisample", 0).exists()
    # A folder is no model without its weights, be it trained or the world's own.
    assert not run.base_model.exists()
    (run.model("multisample", 0) / "model.safetensors").unlink()
    plan.forget_missing(tasks)
    assert not run.trained("multisample", 0).exists()
    # The weights of a head have another name.
    run.trained("p_ik", 0).parent.mkdir(parents=True)
    run.trained("p_ik", 0).write_text("{}")
    run.model("p_ik", 0).mkdir()
    (run.model("p_ik", 0) / "weights.npz").write_bytes(b"")
    plan.forget_missing(tasks)
    assert run.trained("p_ik", 0).exists()


def test_what_was_changed_in_the_future_is_set_back_or_told_of(tmp_path, monkeypatch):
    monkeypatch.setenv("HONESTY_ROOT", str(tmp_path))
    run, now = Run("smoke"), time.time()
    labelled = tmp_path / "labelled.jsonl"
    labelled.write_text("{}")
    judge = {"model": {"name": "org/judge"}, "labelled": str(labelled)}
    tasks = plan.tasks(smoke(judge=judge))
    table, model = run.labels("train"), run.base_model
    table.parent.mkdir(parents=True)
    model.mkdir(parents=True)
    for path in (table, model / ".snakemake_timestamp"):
        path.write_text("")
        os.utime(path, (now + 400 * 86_400,) * 2)
    old = run.knowledge("train")
    old.parent.mkdir(parents=True, exist_ok=True)
    old.write_text("")
    os.utime(old, (now - 1000,) * 2)
    plan.set_back(tasks)
    assert all(path.stat().st_mtime <= time.time() for path in (table, model / ".snakemake_timestamp"))
    assert old.stat().st_mtime == pytest.approx(now - 1000)
    os.utime(labelled, (now + 30,) * 2)
    plan.set_back(tasks)
    os.utime(labelled, (now + 86_400,) * 2)
    with pytest.raises(ConfigError, match=r"labelled\.jsonl: was changed in the future .*: touch "):
        plan.set_back(tasks)
    assert labelled.stat().st_mtime == pytest.approx(now + 86_400)


def test_a_workflow_without_a_params_file_or_with_a_bad_one_says_so(tmp_path):
    with pytest.raises(ValueError, match="Snakefile: no params file; add --config params="):
        plan.Workflow({})
    bad = tmp_path / "bad.yaml"
    bad.write_text(yaml.safe_dump({**SMOKE, "sampling": {"samples": 0}}))
    with pytest.raises(ValueError, match=r"sampling\.samples: .*greater than or equal to 1"):
        plan.Workflow({"params": str(bad)})


def test_results_of_other_code_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("HONESTY_ROOT", str(tmp_path))
    params = smoke(code_changes="report")
    tasks = named(params)
    run = Run("smoke")
    assert plan.made_by_other_code(params) == []
    for path in (run.labels("train"), run.sft("absolute"), run.model("multisample", 0)):
        path.parent.mkdir(parents=True, exist_ok=True)
    codes = {run.labels("train"): tasks["labeling_train"].code(params), run.sft("absolute"): "of another day"}
    codes[run.model("multisample", 0)] = "of another day"
    for path, code in codes.items():
        manifest.path_of(path).write_text(json.dumps({"code": code}), encoding="utf-8")
    assert plan.made_by_other_code(params) == ["rows_absolute", "training_multisample"]


def test_the_code_that_counts_is_that_of_today_or_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("HONESTY_ROOT", str(tmp_path))
    run = Run("smoke")

    def opened(code: str, **changes: str) -> plan.Workflow:
        monkeypatch.setattr(plan.Task, "code", lambda *_: code)
        path = tmp_path / "smoke.yaml"
        path.write_text(yaml.safe_dump({**SMOKE, **changes}), encoding="utf-8")
        return plan.Workflow({"params": str(path)})

    def counted(workflow: plan.Workflow) -> set[str]:
        return {json.loads(workflow.depends(task)(None))["code"] for task in workflow.tasks}

    workflow = opened("first")
    assert not plan.snapshot(run).exists() and not (run.folder / plan.CODES).exists()  # a dry run goes no further
    workflow.start()
    assert load(plan.snapshot(run)) == smoke()
    # Setting the option runs nothing again; what an edit would have run again is told instead.
    for code in ("second", "third"):
        assert counted(opened(code)) == {code}
        kept = opened(code, code_changes="report")
        assert counted(kept) == {"first"}
        kept.start()
        codes = json.loads((run.folder / plan.CODES).read_text(encoding="utf-8"))["codes"]
        assert codes == {task.executed(run).stem: code for task in kept.tasks}  # for manifests: what really ran


# --- a model out of a file --------------------------------------------------------------------------------------------


def test_what_a_user_gives_counts_by_content_whatever_its_time(tmp_path, monkeypatch):
    monkeypatch.setenv("HONESTY_ROOT", str(tmp_path))
    own, model = tmp_path / "own.jsonl", tmp_path / "model"
    own.write_text('{"question": "Who?", "answers": ["She"]}\n', encoding="utf-8")
    model.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (model / name).write_text("{}", encoding="utf-8")
    content = json.loads(json.dumps(SMOKE))
    content["questions"]["ood"] = {"source": "jsonl", "path": str(own)}
    file = tmp_path / "mine.yaml"

    def depends() -> dict[str, str]:
        file.write_text(yaml.safe_dump(content), encoding="utf-8")
        workflow = plan.Workflow({"params": str(file)})
        return {task.name: workflow.depends(task)(None) for task in workflow.tasks}

    first = depends()
    # As an archive or a copy that keeps times leaves it: of the same size, and older than what was made of it.
    own.write_text('{"question": "Who?", "answers": ["Her"]}\n', encoding="utf-8")
    os.utime(own, (1e9, 1e9))
    second = depends()
    assert {name for name in first if first[name] != second[name]} == {"sampling_evaluation"}
    assert depends() == second

    content = {
        "run": "mine",
        "model": {"name": str(model)},
        "questions": {name: {"source": "jsonl", "path": str(own)} for name in ("train", "indist")},
        "methods": {"absolute": {"options": {"tau": 0.1}}},
        "evaluation": {"datasets": ["indist"]},
        "analysis": {"roles": {"in_distribution": "indist"}},
    }
    before = depends()
    (model / "model.safetensors").write_text("[]", encoding="utf-8")  # in place: the folder's own time stays
    after = depends()
    changed = {name for name in before if before[name] != after[name]}
    assert {"sampling_train", "training_absolute_seed0"} <= changed and "labeling_train" not in changed


def test_a_sweep_of_one_value_is_no_curve():
    for values, drawn in (([0.3], False), ([0.3, 0.5], True)):
        params = smoke(sweeps={"tau": {"methods": ["absolute"], "values": values}})
        outputs = {path.name for path in named(params)["figures"].outputs}
        assert ("fig_tau.png" in outputs) == drawn


def test_all_that_tasks_leave_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("HONESTY_ROOT", str(tmp_path))
    workflow = plan.Workflow({"params": "params/smoke.yaml"})
    wanted = set(workflow.targets())
    assert {str(path) for task in workflow.tasks for path in task.outputs} <= wanted
    assert str(Run("smoke").knowledge("train")) in wanted and str(Run("smoke").figures / "fig_main.png") in wanted


def test_a_packaged_model_is_unpacked_before_anything_reads_it():
    params = load("params/smollm2-135m.yaml")
    found = named(params)
    unpacked = Run(params.run).unpacked_model
    assert found["model"].notebook == "01_model" and list(found["model"].folders) == [unpacked]
    assert [path.suffix for path in found["model"].inputs] == [".gguf"]
    readers = {name for name, task in found.items() if unpacked in task.inputs}
    assert {"sampling_train", "sampling_evaluation", "training_absolute_seed1", "evaluation_unaligned_seed0"} <= readers
    assert base_model(params).name == str(unpacked) and params.model.name == "smollm2-135m-instruct"


def test_threads_of_a_model_are_those_of_every_task_that_loads_it():
    params = load("params/smollm2-135m.yaml")
    loading = ("sampling", "signals_", "training", "evaluation")

    def threads(found):
        return {(name.partition("_")[0], task.threads) for name, task in found.items() if name.startswith(loading)}

    # Two for the base model's answers, which all else waits for; trained models go side by side.
    assert threads(named(params)) == {("sampling", 2), ("signals", 1), ("training", 1), ("evaluation", 1)}
    model = params.model.model_copy(update={"threads": 3})
    found = named(params.model_copy(update={"model": model}))
    assert threads(found) == {(stage.rstrip("_"), 3) for stage in loading}
    assert {task.threads for name, task in found.items() if not name.startswith(loading)} == {1}


def test_places_of_a_dial_are_answered_with_the_models_of_their_method():
    params = smoke()
    found, run = named(params), Run(params.run)
    assert run.trained("idk_hir", 0) in found["training_idk_hir"].outputs
    assert not any("dial" in str(path) for task in found.values() for path in task.outputs if "models" in path.parts)
    assert found["rows_idk_hir"].outputs == [run.sft("idk_hir")]
    asked = found["evaluation_idk_hir"]
    assert run.evaluation("idk_hir_dial_0.1", 0, "indist") in asked.outputs
    assert run.trained("idk_hir", 0) in asked.inputs and run.trained("idk_hir_dial_1", 0) not in asked.inputs


def test_what_is_merged_waits_for_the_models_that_it_is_made_of():
    params = smoke()
    found, run = named(params), Run(params.run)
    task = found["training_merged"]
    assert task.notebook == "42_merging" and {run.trained("absolute", 0), run.trained("finetuned", 0)} <= set(
        task.inputs
    )
    assert "rows_merged" not in found and not any("sft" in path.parts for path in task.inputs)
    assert task.outputs == [run.trained("merged", 0)]


def test_rewards_read_the_questions_and_have_a_notebook_of_their_own():
    params = smoke()
    found, run = named(params), Run(params.run)
    task = found["training_truth_rl_warm"]
    assert task.notebook == "41_rewards" and run.train_questions in task.inputs
    assert run.trained("truth_rl_warm", 0, "warm") in task.inputs
    assert found["training_truth_rl_warm.warm"].notebook == "40_training"
