"""A real chat model through the whole pipeline, at the size of forty questions: from package to tables and figures."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from honesty_utils.common import manifest, records
from honesty_utils.common.paths import Run
from honesty_utils.workflow import layers

TOP = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.xdist_group("smollm2")  # one process: the model is large and the run is made once


def small() -> dict[str, object]:
    """The preset with few questions, two methods that train nothing or little, and one seed."""
    content = layers.read(TOP / "params" / "smollm2-135m.yaml")
    for name, limit in {"train": 20, "indist": 40, "ood": 8, "unknown": 8, "known": 8, "choice": 8, "tasks": 8}.items():
        content["questions"][name] |= {"limit": limit}
    content["questions"]["known"]["only_known"] = False
    content["questions"]["mushrooms"] = {"source": "bandit", "choose": "likelihood", "samples": 0, "limit": 12}
    content["evaluation"]["datasets"] = [*content["evaluation"]["datasets"], "mushrooms"]
    content["sampling"] |= {"samples": 2, "max_new_tokens": 24}
    content["evaluation"] |= {"max_new_tokens": 24, "doubt": {"datasets": ["choice"]}}
    content["labeling"] |= {"train_known": 8, "train_unknown": 8}
    content["methods"] = {"absolute": {"options": {"tau": 0.1}}, "likelihood_threshold": None}
    # An adapter, whose base is then the model that was unpacked.
    content["training"] |= {"seeds": [0], "epochs": 1, "mode": "lora", "layers": None}
    content["sweeps"], content["analysis"]["resamples"] = {}, 1000
    return content


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copy(TOP / "Snakefile", folder)
    (folder / "small.yaml").write_text(yaml.safe_dump(small()), encoding="utf-8")
    command = [sys.executable, "-m", "honesty_utils.workflow.cli", "reproduce", "small.yaml", "--cores", "2"]
    environment = {**os.environ, "HONESTY_ROOT": str(folder), "PYTHONPATH": str(TOP)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    os.environ["HONESTY_ROOT"] = str(folder)
    yield Run("smollm2-135m")
    del os.environ["HONESTY_ROOT"]


def test_the_model_comes_out_of_its_package_with_its_origin_in_the_manifest(finished):
    made = manifest.read(finished.unpacked_model)
    assert made["hub"] == "HuggingFaceTB/SmolLM2-135M-Instruct" and made["licence"] == "apache-2.0"
    assert made["asked"] == 16 and made["same_answers"] >= 6
    adapter = json.loads((finished.model("absolute", 0) / "adapter_config.json").read_text(encoding="utf-8"))
    assert adapter["base_model_name_or_path"] == str(finished.unpacked_model)


def test_it_answers_in_sentences_and_never_refuses_by_itself(finished):
    labels = records.read(records.LABELS, finished.labels("indist"))
    assert len(labels) == 40 * 3 and labels["text"].str.split().str.len().median() > 3
    assert (labels["outcome"] == "idk").mean() < 0.2 and (labels["outcome"] == "correct").any()


def test_every_table_and_figure_is_there_and_tells_fame(finished):
    main = pd.read_csv(finished.figures / "tab_main.csv")
    assert {"unaligned", "prompt_based", "absolute", "likelihood_threshold"} <= set(main["method"])
    assert set(main["dataset"]) == {"indist", "ood", "unknown", "known", "choice", "tasks", "mushrooms"}
    fame = pd.read_csv(finished.figures / "tab_fame.csv")
    assert set(fame["dataset"]) == {"indist"} and fame["fame"].min() > 15_000
    assert (finished.figures / "fig_fame.png").is_file() and (finished.figures / "report.html").is_file()
    ranks = pd.read_csv(finished.figures / "tab_fame_rank.csv").set_index(["dataset", "group"])
    assert -1 <= ranks.loc[("indist", "all"), "spearman"] <= 1


def test_questions_stay_with_their_entity_in_the_intervals(finished):
    questions = records.read(records.QUESTIONS, finished.questions("ood"))
    meta = questions["meta"].map(json.loads)
    assert meta.map(lambda content: content["entity"]).notna().all()
    executed = (finished.folder / "notebooks" / "01_model.ipynb").read_text(encoding="utf-8")
    assert re.search(r"im_start.{0,8}system", executed), "a reader sees what the template adds"


def test_answers_with_options_are_doubted_and_both_replies_compared(finished):
    told = records.read(records.RESPONSES, finished.doubted("absolute", 0, "choice"))
    first = records.read(records.RESPONSES, finished.drawn_answers("absolute", 0, "choice"))
    assert list(told["question_id"]) == list(first["question_id"])
    assert manifest.read(finished.doubted("unaligned", 0, "choice"))["rows"] == len(told) == 8
    # Its words are M_t's: it has no second answer of its own.
    assert not finished.doubted("likelihood_threshold", 0, "choice").exists()
    table = pd.read_csv(finished.figures / "tab_doubt.csv")
    unscored = table[table["metric"] == "unscored_rate"].set_index("method")
    assert set(unscored.index) == {"unaligned", "prompt_based", "absolute"} and set(unscored["questions"]) == {8}


def test_what_a_speaker_minds_is_told_of_before_and_after(finished):
    table = pd.read_csv(finished.figures / "tab_signalling.csv")
    assert {"unaligned", "absolute"} <= set(table["method"]) and (finished.figures / "fig_signalling.png").is_file()
    shares = table[(table["method"] == "unaligned") & (table["metric"] == "true_share")].set_index("instruction")
    assert shares.loc[["honest", "helpful", "neutral"], "contexts"].sum() == 12
    # Options are chosen by likelihood, so that there is always one to read.
    assert (shares["unread"] == 0).all() and shares["value"].dropna().between(-1, 1).all()
