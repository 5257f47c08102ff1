"""Rows of true ways, and what rewards would have to learn from, by hand."""

import json

import numpy as np
import pandas as pd
import pytest

from honesty_utils import methods
from honesty_utils.common import records
from honesty_utils.common.settings import Prompts
from honesty_utils.results import plots
from honesty_utils.workflow import params as params_file
from honesty_utils.workflow.preflight import preflight

WORDING = Prompts()


def labels():
    """A problem of one step, its twin, and a problem of two: four responses each."""
    said = {
        "whole": (["7"], 1, None, ["So 7."], ["correct", "correct", "wrong", "idk"]),
        "twin": ([], 1, "unknown", ["Nothing says."], ["idk", "idk", "idk", "unscored"]),
        "deep": (["9"], 2, None, ["So 8.", "So 9."], ["wrong", "wrong", "wrong", "wrong"]),
    }
    rows = []
    for name, (answers, depth, label, way, outcomes) in said.items():
        meta = json.dumps({"depth": depth, "way": way, "twin": name} | ({"label": label} if label else {}))
        for place, outcome in enumerate(outcomes):
            rows.append((name, place - 1, "…", outcome, f"How much is {name}?", answers, None, meta))
    columns = ["question_id", "sample_index", "text", "outcome", "question", "answers", "choices", "meta"]
    return pd.DataFrame(rows, columns=columns)


def test_the_true_way_is_taught_and_of_a_twin_what_is_lacking():
    rows = methods.build("trajectory_sft", labels())
    records.conform(rows, records.SFT, "rows")
    assert rows["completion"].tolist() == [
        "So 7. Answer: 7.", f"Nothing says. {WORDING.refusal}", "So 8. So 9. Answer: 9.",
    ]  # fmt: skip
    assert rows["is_refusal"].tolist() == [False, True, False] and rows["confidence"].isna().all()
    assert all(WORDING.honest.partition("{")[0] in prompt for prompt in rows["prompt"])


def test_without_a_way_there_is_nothing_to_teach():
    with pytest.raises(methods.NoRows, match="no way to an answer"):
        methods.build("trajectory_sft", labels().assign(meta="{}"))


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("solved_grpo", {"reward": "solved"}),
        ("solved_grpo_warm", {"reward": "solved"}),
        ("solved_curriculum", {"reward": "solved", "easy_first": True}),
        ("anchor", {"reward": "solved", "anchor": True}),
    ],
)
def test_every_problem_is_asked_about_once(name, given):
    rows = methods.build(name, labels(), stage="grpo")
    records.conform(rows, records.ROLLOUTS, "rows")
    assert rows["question_id"].tolist() == ["whole", "twin", "deep"]
    assert methods.METHODS[name].stage("grpo").given == given


def test_what_rewards_have_to_learn_from_by_hand():
    table = methods.outlook(labels(), group=2).set_index(["depth", "solvable"])
    whole, twin, deep = table.loc[(1, True)], table.loc[(1, False)], table.loc[(2, True)]
    # Half of four answers are right: two answers are alike with 1/4 + 1/4.
    assert (whole["right"], whole["refused"], whole["wrong"], whole["tied"]) == (0.5, 0.25, 0.25, 0.5)
    # What could not be scored is left out: three of three refused, and all groups alike.
    assert (twin["right"], twin["refused"], twin["tied"]) == (0, 1, 1)
    assert (deep["wrong"], deep["tied"], deep["problems"]) == (1, 1, 1)
    axes = plots.outlook(table.reset_index())
    assert [bar.get_height() for bar in axes[0].patches] == pytest.approx([0.5, 0, 0.25, 0, 0.25, 1])


def test_methods_of_ways_need_sets_that_have_them():
    content = params_file.layers.read("params/smoke.yaml")
    content = {key: value for key, value in content.items() if key not in ("sweeps", "drift")}
    content["methods"] = {"anchor": {"training": {"batch_size": 16}}}
    with pytest.raises(params_file.ConfigError, match=r"methods.anchor: learns from problems .*'microworld'"):
        params_file.of_content(content, "here")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"group": 3}, "methods.anchor.stages.grpo.training.batch_size: 64 answers a step are no whole number"),
        ({"wrong": 2.0}, "reward 'solved' pays 1 or 0"),
        ({"reward": "ternary", "wrong": -1.0, "refused": 1.0}, "is the same for every answer"),
        ({"engine": "vllm"}, "anchor puts a text into the group"),
        ({"max_new_tokens": 256}, "max_length: 256 tokens for prompt and answer"),
    ],
)
def test_what_does_not_fit_is_said_when_the_file_is_read(change, message):
    content = params_file.layers.read("params/deduction.yaml")
    content["methods"]["anchor"] = {"stages": {"grpo": {"objective": change}}}
    with pytest.raises(params_file.ConfigError, match=message):
        params_file.of_content(content, "here")


def test_dials_that_no_problem_has_are_said_before_any_work():
    content = params_file.layers.read("params/deduction.yaml")
    content["world"]["deduction"]["depths"] = [1, 30]
    with pytest.raises(
        params_file.ConfigError, match=r"world.deduction.*depth 30 and 0 distractors take 32 of 24 words"
    ):
        params_file.of_content(content, "here")
    content = params_file.layers.read("params/deduction.yaml")
    content["questions"]["indist"]["split"] = "30-1/test"
    with pytest.raises(ValueError, match=r"questions.indist.*depth 30"):
        preflight(params_file.of_content(content, "here"))


def test_the_preset_trains_on_whole_pairs_and_evaluates_others():
    from honesty_utils import questions

    params = params_file.load("params/deduction.yaml")
    preflight(params)
    sets = {name: questions.load(name, params.questions[name]) for name in ("train", "indist", "noisy")}
    twins = {name: [json.loads(meta)["twin"] for meta in table["meta"]] for name, table in sets.items()}
    assert all((np.unique(names, return_counts=True)[1] == 2).all() for names in twins.values())
    asked = {name: set(table["question"]) for name, table in sets.items()}
    assert not asked["train"] & (asked["indist"] | asked["noisy"]) and not asked["indist"] & asked["noisy"]


@pytest.mark.parametrize(
    ("method", "change", "message"),
    [
        ("anchor", {"stages": {"grpo": {"objective": {"max_new_tokens": 9}}}}, r"true ways are longer, such as"),
        (
            "trajectory_sft",
            {"training": {"max_length": 60}},
            r"training.max_length is 60, and a problem of questions.train",
        ),
    ],
)
def test_ways_longer_than_they_may_be_are_said_before_any_work(tiny_model, method, change, message):
    """Where a tokenizer is at hand, which that of a world is not."""
    content = params_file.layers.read("params/deduction.yaml")
    content = {key: value for key, value in content.items() if key != "world"}
    content |= {"model": {"name": str(tiny_model), "device": "cpu"}, "methods": {method: change}}
    content["questions"] = {name: spec for name, spec in content["questions"].items() if name != "tasks"}
    content["questions"]["train"]["limit"] = 20
    content["evaluation"] |= {"datasets": ["indist", "noisy"], "max_new_tokens": 32}
    content["sampling"]["max_new_tokens"] = 32
    content["analysis"]["roles"] = {"in_distribution": "indist", "out_of_distribution": "noisy"}
    with pytest.raises(params_file.ConfigError, match=message):
        preflight(params_file.of_content(content, "here"))


def test_labels_without_ways_are_told_of():
    labels = pd.DataFrame(
        {
            "question_id": ["a"],
            "sample_index": [-1],
            "text": ["5"],
            "outcome": ["correct"],
            "question": ["?"],
            "answers": [["5"]],
        }
    )
    for name in ("trajectory_sft", "solved_grpo", "anchor"):
        with pytest.raises(ValueError, match=f"methods.{name}: labels lack a column 'meta' with the way"):
            methods.build(name, labels)
