"""Passages in a params file: what is wrong with them is said before any work, with its key."""

import copy
import json
from pathlib import Path

import pytest
import yaml

from honesty_utils.common.paths import Run
from honesty_utils.common.settings import ConfigError
from honesty_utils.workflow import plan, preflight
from honesty_utils.workflow.params import of_content

SMOKE = yaml.safe_load(Path("params/smoke.yaml").read_text(encoding="utf-8"))


def smoke(**changes):
    """The smoke run with other values at dotted keys, written with double underscores; None removes a key."""
    content = copy.deepcopy(SMOKE)
    for key, value in changes.items():
        *above, last = key.split("__")
        part = content
        for name in above:
            part = part[name]
        if value is None:
            del part[last]
        else:
            part[last] = value
    return of_content(content, "smoke")


def test_a_run_with_passages_knows_its_twins():
    params = smoke()
    assert params.twins == {"indist_open": "indist"}
    assert "train_open" in params.row_sets and "indist_open" not in params.row_sets


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"world__reading_share": None},
            r"questions.train_open.passages: .*never read a passage; set world.reading_share",
        ),
        (
            {"questions__indist_open__closed": "nowhere"},
            r"questions.indist_open.closed: 'nowhere' is no set that is asked",
        ),
        (
            {"questions__indist_open__closed": "train_open"},
            r"questions.indist_open.closed: 'train_open' is no set that",
        ),
        ({"questions__train_open__seed": 1}, r"questions.train_open.seed: 1, but its closed-book twin 'train' has 0"),
        (
            {"questions__indist__passages": {}},
            r"questions.indist_open.closed: 'indist' is asked with passages; leave out its own",
        ),
        (
            {"questions__indist_open__passages": {"right": 0.9, "other": 0.9, "wrong": 0}},
            r"questions.indist_open.passages.*: right, other, wrong: 0.9, 0.9 and 0 are not 1 together",
        ),
        (
            {"questions__indist_open__passages": {"number": 0}},
            r"questions.indist_open.passages.*number: .*greater than",
        ),
        (
            {"questions__own__passages": {}},
            r"questions.own.passages: shares of kinds, but source 'prior_known' has no texts about its questions; "
            r"\['atlas', 'microworld'\] have",
        ),
        (
            {"evaluation__datasets": ["indist_open", "tasks"], "analysis__roles": {"in_distribution": "indist_open"}},
            r"questions.indist_open.closed: 'indist' is not in evaluation.datasets, 'indist_open' is",
        ),
        (
            {"methods__divide_then_align": {}},
            r"methods.divide_then_align.rows.open_book: none, and .* name a set that has closed: train and passages; "
            r"known: \['train_open'\]",
        ),
        (
            {"methods__divide_then_align": {"rows": {"open_book": "indist_open"}}},
            r"methods.divide_then_align.rows.open_book: 'indist_open' is no set whose closed-book twin is 'train'",
        ),
        (
            {"methods__divide_then_align": {"rows": {"open_book": "train_open", "sets": ["train_choice"]}}},
            r"methods.divide_then_align.rows.sets: 'divide_then_align' learns from one set; leave sets out",
        ),
        (
            {"methods__absolute": {"rows": {"open_book": "train_open", "sets": ["train_open"]}}},
            r"methods.absolute.rows.sets: 'train_open' is rows.open_book already",
        ),
        (
            {"questions__train_open__samples": 0},
            r"methods.divide_then_align: needs sampled answers, but questions.train_open.samples is 0",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_key(changes, message):
    with pytest.raises(ConfigError, match=message):
        smoke(**changes)


def test_pairs_wait_for_the_labels_of_both_books():
    params = smoke()
    found = {task.name: task for task in plan.tasks(params)}
    run, rows = Run(params.run), found["rows_divide_then_align"]
    assert rows.notebook == "43_retrieval"
    assert {run.labels("train"), run.labels("train_open"), run.questions("train_open"), run.train_questions} <= set(
        rows.inputs
    )
    assert run.labels("train_open") not in found["rows_absolute"].inputs
    # Both are questions of one table that the world writes.
    assert run.world_questions("train") in found["sampling_train"].inputs
    assert not any("open" in path.name for path in found["world"].outputs)
    readings = {path.name for path in found["readings"].outputs}
    assert {"tab_quadrants.csv", "tab_passages.csv", "tab_quadrants_claims.csv"} <= readings
    assert "fig_quadrants.png" in {path.name for path in found["figures"].outputs}


def test_a_run_without_passages_has_no_such_tables():
    changes = {"questions__train_open": None, "questions__indist_open": None, "methods__divide_then_align": None}
    params = smoke(**changes, evaluation__datasets=["indist", "ood", "unknown", "known", "own", "choice", "tasks"])
    names = {path.name for task in plan.tasks(params) for path in task.outputs}
    assert not [name for name in names if "quadrants" in name or "tab_passages" in name]


OWN = {
    "run": "toy",
    "questions": {"train": {"source": "jsonl"}, "train_open": {"source": "jsonl", "closed": "train"}},
    "methods": {"divide_then_align": {"rows": {"open_book": "train_open"}}},
    "evaluation": {"datasets": ["test"]},
    "analysis": {"roles": {"in_distribution": "test"}},
}


def own(tmp_path, model, shown, **closed):
    """A run on files of the user's, whose training questions have passages."""
    files = {}
    for name in ("train", "test"):
        rows = [{"question": f"Where is {name} {n}?", "answers": ["rome"]} for n in range(3)]
        rows = [{**row, "passages": shown} if shown and name == "train" else row for row in rows]
        files[name] = tmp_path / f"{name}.jsonl"
        files[name].write_text("".join(json.dumps(row) + "\n" for row in rows))
    content = copy.deepcopy(OWN) | {"model": {"name": str(model)}}
    content["questions"]["train"] |= {"path": str(files["train"]), **closed}
    content["questions"]["train_open"] |= {"path": str(files["train"])}
    content["questions"]["test"] = {"source": "jsonl", "path": str(files["test"])}
    content["training"] = {"max_length": 64, "too_long": "drop"}
    content["sampling"] = content["evaluation"] | {"max_new_tokens": 8}
    content["sampling"].pop("datasets")
    content["evaluation"] = {"datasets": ["test"], "max_new_tokens": 8}
    return of_content(content, "toy")


def test_passages_longer_than_the_context_are_found_before_any_work(tmp_path, tiny_model):
    preflight.preflight(own(tmp_path, tiny_model, ["Rome."], passages="none"))
    long = own(tmp_path, tiny_model, ["Rome is far away. " * 200], passages="none")
    message = (
        r"questions.train_open: passages: the prompt of '\w+' has \d+ tokens with its passages, and model.name .* reads"
    )
    with pytest.raises(ConfigError, match=message):
        preflight.preflight(long)


def test_a_twin_has_no_passages_and_its_set_has_some(tmp_path, tiny_model):
    with pytest.raises(ConfigError, match=r"questions.train: is the closed-book twin of 'train_open' and its file has"):
        preflight.preflight(own(tmp_path, tiny_model, ["Rome."]))
    with pytest.raises(ConfigError, match=r"questions.train_open.closed: 'train', but no question of 'train_open' has"):
        preflight.preflight(own(tmp_path, tiny_model, None))
