"""Tasks of lm-evaluation-harness: what is kept of a question, tables by hand, the notebook with the package itself."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from support import synthetic

from honesty_utils.common import records
from honesty_utils.common.paths import Run
from honesty_utils.engines import Request
from honesty_utils.engines.loading import ModelError
from honesty_utils.engines.settings import Model
from honesty_utils.engines.transformers import TransformersEngine
from honesty_utils.evaluation import harness
from honesty_utils.evaluation.settings import Harness
from honesty_utils.results import tables
from honesty_utils.results.settings import Analysis
from honesty_utils.workflow import params as params_file, plan
from honesty_utils.workflow.execute import execute

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
FAST = Analysis(resamples=1000)
installed = pytest.mark.skipif(importlib.util.find_spec("lm_eval") is None, reason="the extra harness is not installed")

DOCS = [
    {"question": "What is the capital of France?", "choices": ["Paris", "Mars", "Rome"], "target": 0},
    {"question": "Which planet is red?", "choices": ["Blue", "Mars"], "target": 0},
    {"question": "How many legs has a spider?", "choices": ["Eight", "A cow"], "target": 0},
]
BEFORE = "Question: {}\nAnswer:"


def own_tasks(folder: Path) -> Path:
    """A folder with one task of three questions, read from a file beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "docs.jsonl").write_text("".join(json.dumps(doc) + "\n" for doc in DOCS), encoding="utf-8")
    task = {
        "task": "facts_by_likelihood", "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"validation": str(folder / "docs.jsonl")}},
        "validation_split": "validation", "output_type": "multiple_choice",
        "doc_to_text": BEFORE.format("{{question}}"), "doc_to_choice": "{{choices}}", "doc_to_target": "{{target}}",
        "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
    }  # fmt: skip
    (folder / "facts.yaml").write_text(yaml.safe_dump(task), encoding="utf-8")
    return folder


# --- what is kept -----------------------------------------------------------------------------------------------------


def sample(doc: int, filter_name: str = "none", **metrics: object) -> dict[str, object]:
    return {"doc_id": doc, "doc": {"question": f"{doc}?"}, "filter": filter_name, "metrics": list(metrics), **metrics}


def test_metrics_with_a_number_a_question_are_kept_and_others_are_said(caplog: pytest.LogCaptureFixture) -> None:
    samples = {"t": [sample(0, acc=1.0, f1=(0.1, 0.2)), sample(1, acc=False, f1=(1, 0))]}
    with caplog.at_level("WARNING"):
        found = harness.rows(samples, {"t": {"acc,none": 0.5, "f1,none": 0.7}})
    assert found.to_numpy().tolist() == [["t", "0", "0?", "acc", 1.0], ["t", "1", "1?", "acc", 0.0]]
    assert "t: f1 is no mean of a number a question and is left out" in caplog.text


def test_a_metric_that_lacks_a_number_for_one_question_is_left_out_whole() -> None:
    samples = {"t": [sample(0, acc=1, mc2=0.5), sample(1, acc=0, mc2=float("nan"))]}
    found = harness.rows(samples, {"t": {"acc,none": 0.5, "mc2,none": 0.5}})
    assert set(found["metric"]) == {"acc"} and len(found) == 2


def test_what_the_harness_does_not_average_is_no_mean() -> None:
    samples = {"t": [sample(0, acc=1, perplexity=-3.0), sample(1, acc=0, perplexity=-5.0)]}
    found = harness.rows(samples, {"t": {"acc,none": 0.5, "perplexity,none": 54.6}})
    assert set(found["metric"]) == {"acc"}


def test_filters_are_told_apart() -> None:
    told = {"t": {"exact,strict": 0.0, "exact,loose": 1.0}}
    found = harness.rows({"t": [sample(0, "strict", exact=0), sample(0, "loose", exact=1)]}, told)
    assert found.set_index("metric")["value"].to_dict() == {"exact,strict": 0, "exact,loose": 1}


def test_a_task_without_any_such_metric_leaves_the_others() -> None:
    samples = {"t": [sample(0, f1=(1, 2))], "u": [sample(0, acc=1)]}
    assert set(harness.rows(samples, {"t": {}, "u": {"acc,none": 1.0}})["task"]) == {"u"}
    with pytest.raises(ModelError, match="none of t has a metric that is a mean of a number for each question"):
        harness.rows({"t": samples["t"]}, {"t": {}})


# --- table ------------------------------------------------------------------------------------------------------------


def told(**by_model: list[float]) -> pd.DataFrame:
    parts = []
    for name, values in by_model.items():
        method, seed = name.rsplit("_", 1)
        own = {"task": "t", "question_id": list("abcd"), "question": list("abcd"), "metric": "acc", "value": values}
        parts.append(pd.DataFrame(own).assign(method=method, seed=int(seed)))
    return pd.concat(parts, ignore_index=True)


def test_means_and_changes_by_hand() -> None:
    frame = told(unaligned_0=[1, 0, 0.5, 0.5], absolute_0=[1, 1, 0.5, 0.5], absolute_1=[1, 1, 1, 1])
    table = tables.tab_harness(frame, FAST).set_index(["method", "metric"])
    assert list(table.index) == [("unaligned", "acc"), ("absolute", "acc"), ("absolute", "acc_change")]
    assert table.loc[("unaligned", "acc"), "value"] == 0.5
    assert table.loc[("absolute", "acc"), "value"] == pytest.approx((0.75 + 1) / 2)
    change = table.loc[("absolute", "acc_change")]
    assert change["value"] == pytest.approx(0.375) and change["seeds"] == 2 and change["questions"] == 4
    assert change["low"] < 0.375 < change["high"]


def test_questions_that_repeat_are_resampled_together() -> None:
    alone = told(unaligned_0=[1, 1, 0, 0])
    twice = alone.assign(question=["a", "a", "b", "b"])
    spread = [
        table["high"].item() - table["low"].item() for table in (tables.tab_harness(x, FAST) for x in (alone, twice))
    ]
    assert spread[1] > spread[0]


def test_many_values_keep_their_mean_and_take_little() -> None:
    rng = np.random.default_rng(0)
    frames = []
    for method in ("unaligned", "absolute"):
        own = {"task": "t", "question_id": [str(k) for k in range(800)], "question": [str(k) for k in range(800)]}
        frames.append(pd.DataFrame(own | {"metric": "mc2", "value": rng.random(800)}).assign(method=method, seed=0))
    frame = pd.concat(frames, ignore_index=True)
    table = tables.tab_harness(frame, Analysis()).set_index(["method", "metric"])
    mean = frame.groupby("method")["value"].mean()
    assert table.loc[("unaligned", "mc2"), "value"] == pytest.approx(mean["unaligned"], abs=1e-12)
    change = table.loc[("absolute", "mc2_change")]
    assert change["value"] == pytest.approx(mean["absolute"] - mean["unaligned"], abs=1e-12)
    # Of 800 values of a uniform: standard error .2887 / √800 = .0102 of one, √2 of that of the difference.
    assert (change["high"] - change["low"]) / 2 == pytest.approx(1.96 * 0.0144, rel=0.1)


def test_models_that_differ_in_their_questions_are_named_and_without_m_t_there_is_no_change() -> None:
    frame = told(unaligned_0=[1, 0, 1, 0], absolute_0=[1, 1, 0, 0])
    with pytest.raises(
        records.RecordError, match="t, acc: absolute, seed 0, and unaligned, seed 0, have other questions"
    ):
        tables.tab_harness(frame.iloc[:-1], FAST)
    assert tables.tab_harness(frame[frame["method"] == "absolute"], FAST)["metric"].tolist() == ["acc"]


# --- plan -------------------------------------------------------------------------------------------------------------


def content(model: str, **sections: object) -> dict[str, object]:
    return {
        "run": "bare",
        "model": {"name": model, "device": "cpu"},
        "questions": {"train": {"source": "triviaqa"}, "choice": {"source": "mmlu"}},
        "methods": {"finetuned": {"seeds": [0, 1]}, "likelihood_threshold": None},
        "evaluation": {"datasets": ["choice"]},
        "analysis": {"resamples": 1000, "roles": {"in_distribution": "choice"}},
        **sections,
    }


def test_the_harness_is_asked_of_m_t_once_and_of_every_training(tmp_path: Path) -> None:
    given = content("org/model", harness={"tasks": ["truthfulqa_mc1"]})
    found = {task.name: task for task in plan.tasks(params_file.of_content(given, "p.yaml"))}
    own = [name for name in found if name.startswith("harness")]
    assert own == ["harness_unaligned_seed0", "harness_finetuned_seed0", "harness_finetuned_seed1"]
    run = Run("bare")
    assert found[own[1]].inputs == [run.trained("finetuned", 0)] and found[own[1]].outputs == [
        run.harness("finetuned", 0)
    ]
    read = found["readings"]
    assert {run.harness("unaligned", 0), run.harness("finetuned", 1)} <= set(read.inputs)
    assert run.figures / "tab_harness.csv" in read.outputs
    signs = ["i do not know", "i am not sure", "i have no idea", "i can not tell"]
    world = {
        "world": {}, "worlds": {"seeds": [1, 2]}, "methods": {"finetuned": {"seeds": [0]}}, "model": {},
        "labeling": {"refusal_signs": signs},
    }  # fmt: skip
    with pytest.raises(ValueError, match="harness: no table is made of it over worlds"):
        params_file.of_content({**given, **world}, "p.yaml")
    served = {"engine": "openai", "engine_options": {"base_url": "http://127.0.0.1:1/v1"}}
    with pytest.raises(ValueError, match=r"harness: loads the model by itself, and sampling\.engine 'openai' asks"):
        params_file.of_content({**given, "sampling": served}, "p.yaml")
    without = plan.tasks(params_file.of_content(content("org/model"), "p.yaml"))
    assert not any(task.stage == "harness" for task in without)


# --- the package itself -----------------------------------------------------------------------------------------------


@installed
def test_the_option_is_the_one_that_the_engine_finds_likeliest(tiny_model: Path, tmp_path: Path) -> None:
    settings = Harness(tasks=("facts_by_likelihood",), include=str(own_tasks(tmp_path / "tasks")))
    model = Model(name=str(tiny_model), device="cpu")
    harness.check(settings)
    found = harness.measure(model, settings)
    engine = TransformersEngine(model, "raw", 1, 8)
    said = engine.generate([Request(BEFORE.format(doc["question"]), options=tuple(doc["choices"])) for doc in DOCS])
    right = [float(doc["choices"].index(one.text) == doc["target"]) for doc, one in zip(DOCS, said, strict=True)]
    assert found["question"].tolist() == [doc["question"] for doc in DOCS]
    assert found["value"].tolist() == right and 0 < sum(right) < 3


@installed
def test_what_is_no_task_or_no_folder_is_said(tmp_path: Path) -> None:
    folder = str(own_tasks(tmp_path / "tasks"))
    with pytest.raises(ValueError, match=r"harness\.tasks: 'facts_by_likelihod' is no task of lm_eval; .* facts_by_l"):
        harness.check(Harness(tasks=("facts_by_likelihod",), include=folder))
    with pytest.raises(ValueError, match=r"harness\.include: no such folder 'nowhere'"):
        harness.check(Harness(tasks=("facts",), include="nowhere"))


def test_without_the_package_the_remedy_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="lm_eval is not installed; write make … EXTRAS=dev,harness"):
        harness.check(Harness(tasks=("truthfulqa_mc1",)))


@installed
def test_notebooks_from_tasks_to_the_table(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HONESTY_ROOT", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(NOTEBOOKS.parent))
    monkeypatch.chdir(tmp_path)
    synthetic.write_run("bare", size=20)
    run, path = Run("bare"), tmp_path / "bare.yaml"
    section = {"tasks": ["facts_by_likelihood"], "include": str(own_tasks(tmp_path / "tasks")), "limit": 2}
    methods = {"finetuned": {"seeds": [0, 1]}}
    path.write_text(yaml.safe_dump(content(str(tiny_model), harness=section, methods=methods)), encoding="utf-8")
    execute(NOTEBOOKS / "57_harness.ipynb", tmp_path / "57.ipynb", {"params": str(path), "method": "unaligned"})
    kept = records.read(records.HARNESS, run.harness("unaligned", 0))
    assert kept["question"].tolist() == [doc["question"] for doc in DOCS[:2]]
    execute(NOTEBOOKS / "62_readings.ipynb", tmp_path / "62.ipynb", {"params": str(path)})
    table = tables.read_table(run.figures / "tab_harness.csv")
    assert table["value"].item() == pytest.approx(kept["value"].mean()) and table["questions"].item() == 2
