"""Problems and twins through the whole pipeline at its smallest size, for real: ways, rewards, tables, pictures."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from honesty_utils.common import manifest, records
from honesty_utils.common.paths import Run
from honesty_utils.workflow import layers, params as params_file, plan

TOP = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.xdist_group("deduction")  # one process: the run is made once


def smallest():
    """The preset with few texts, few problems and three of its methods."""
    content = layers.read(TOP / "params" / "deduction.yaml")
    content["world"] |= {"task_documents": 40, "task_questions": 20}
    content["world"]["deduction"] |= {"kind": "logic", "texts": 160, "instruction_texts": 40, "broken_share": 0.5}
    content["world"]["pretraining"] |= {"hidden_size": 64, "intermediate_size": 128, "layers": 2}
    sets = {
        "train": ("1-1/train+2-1/train", 24),
        "indist": ("1-1/test+2-1/test", 32),
        "noisy": ("1-0/test+1-2/test", 16),
    }
    for name, (split, limit) in sets.items():
        content["questions"][name] |= {"source": "deduction_logic", "split": split, "limit": limit}
    content["sampling"] |= {"samples": 2, "max_new_tokens": 40}
    content["evaluation"]["max_new_tokens"] = 40
    content["methods"] = {
        name: {"training": {"batch_size": 16, "epochs": 1}}
        for name in ("trajectory_sft", "solved_curriculum", "anchor")
    }
    content["training"]["seeds"] = [0]
    content["analysis"]["resamples"] = 1000
    return content


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Folder of the finished run."""
    folder = tmp_path_factory.mktemp("deduction")
    path = folder / "deduction.yaml"
    path.write_text(yaml.safe_dump(smallest()), encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "--snakefile", TOP / "Snakefile", "--directory", folder]
    command += ["--cores", "2", "--config", f"params={path}", "--quiet", "rules", "progress", "host"]
    environment = {**os.environ, "HONESTY_ROOT": str(folder), "PYTHONPATH": str(TOP)}
    done = subprocess.run(
        list(map(str, command)), cwd=TOP, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    os.environ["HONESTY_ROOT"] = str(folder)
    yield folder
    del os.environ["HONESTY_ROOT"]


def test_tables_and_pictures_are_there(finished):
    names = {path.name for path in Run("deduction").figures.iterdir()}
    made = ("tab_deduction", "tab_deduction_tests", "tab_deduction_findings", "tab_deduction_curves")
    assert {f"{name}.csv" for name in made} <= names
    assert {"fig_deduction.png", "fig_deduction_curves.png"} <= names
    content = params_file.load(finished / "deduction.yaml")
    assert all(path.exists() for task in plan.tasks(content) for path in (*task.outputs, *task.folders))


def test_every_pair_is_trained_on_and_every_row_is_true(finished):
    run = Run("deduction")
    asked = records.read(records.QUESTIONS, run.train_questions)
    assert len(asked) == 24 and asked["meta"].map(lambda meta: json.loads(meta)["twin"]).value_counts().eq(2).all()
    rows = records.read(records.SFT, run.sft("trajectory_sft")).set_index("question_id")
    for row in asked.itertuples():
        end = f"Answer: {row.answers[0]}." if len(row.answers) else "I do not know."
        way = json.loads(row.meta)["way"]
        assert rows.loc[row.question_id, "completion"] == " ".join([*way, end])


def test_scores_add_up(finished):
    table = pd.read_csv(Run("deduction").figures / "tab_deduction.csv")
    own = table[(table["dataset"] == "indist") & (table["by"].isna())].set_index(["method", "metric"])["value"]
    assert {"unaligned", "prompt_based", "trajectory_sft", "solved_curriculum", "anchor"} <= set(own.index.unique(0))
    for method in own.index.unique(0):
        halves = (own[method, "answerable_accuracy"] + own[method, "unanswerable_accuracy"]) / 2
        assert own[method, "accuracy"] == pytest.approx(halves, abs=1e-6), "as many problems as twins"
        assert own[method, "both_right"] <= min(
            own[method, "answerable_accuracy"], own[method, "unanswerable_accuracy"]
        )
    depths = table[(table["dataset"] == "indist") & (table["by"] == "depth")]["at"].unique()
    noise = table[(table["dataset"] == "noisy") & (table["by"] == "distractors")]["at"].unique()
    assert set(depths) == {1, 2} and set(noise) == {0, 2}


def test_an_anchored_group_has_always_something_to_learn_from(finished):
    history = pd.DataFrame(manifest.read(Run("deduction").model("anchor", 0))["history"])
    assert (history["reward"] >= 1 / 8 - 1e-6).all(), "one of eight is right"
    findings = pd.read_csv(Run("deduction").figures / "tab_deduction_findings.csv")
    assert set(findings["verdict"]) <= {"inconclusive", "not run"}, "one training of each"
