"""A params file as notebooks open it: the declared sections and no other, shown, changed by hand, narrowed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from honesty_utils.common.settings import ConfigError
from honesty_utils.workflow import opened
from honesty_utils.workflow.opened import open_params

BOOKS = sorted(Path("notebooks").glob("*.ipynb"))
SMOKE = "params/smoke.yaml"


def test_only_declared_sections_can_be_read():
    found = open_params(SMOKE, "sampling model")
    assert found.sampling.samples == 5 and found.model.name.endswith("runs/smoke/world/base_model")
    assert found.run.name == "smoke"
    with pytest.raises(AttributeError, match=r"'prompts' is none of the sections .*: sampling, model; add it to"):
        _ = found.prompts


def test_what_is_changed_by_hand_counts_and_is_checked():
    assert open_params(SMOKE, "sampling", {"sampling.samples": 3}).sampling.samples == 3
    assert (
        open_params(SMOKE, "methods", {"methods.absolute.options.tau": 0.9}).methods["absolute"].options["tau"] == 0.9
    )
    with pytest.raises(ConfigError, match=r"smoke.yaml with change: sampling.samples: .*; got 0"):
        open_params(SMOKE, "sampling", {"sampling.samples": 0})
    with pytest.raises(ConfigError, match=r"section 'smapling': not known; known: .*sampling"):
        open_params(SMOKE, "smapling")


def test_a_scope_narrows_methods_and_sets():
    found = open_params(SMOKE, "entries models trainings questions labeling", method="absolute", sets="indist")
    assert list(found.entries) == list(found.models) == ["absolute", "absolute_tau_0.3", "absolute_tau_0.9"]
    assert list(found.trainings) == list(found.entries) and list(found.questions) == ["indist"]
    # How large the training subset is does not matter to other sets.
    assert found.labeling.train_known == 4000
    assert open_params(SMOKE, "labeling", sets="train,indist").labeling.train_known == 50
    with pytest.raises(ConfigError, match="method: 'absolut' is not in this run; known: unaligned, "):
        open_params(SMOKE, "entries", method="absolut")
    with pytest.raises(ConfigError, match="sets: 'train2' is not under questions; known: train, "):
        open_params(SMOKE, "questions", sets="train, train2")


def test_designs_say_what_is_resampled_together():
    found = open_params(SMOKE, "designs").designs
    assert (found["indist"].cluster, found["indist"].strata) == ("subject", "exposures")
    # Sets that a world shows have the clusters of the set that they were taken from, and the world's exposures.
    shown = open_params("params/triviaqa-mini.yaml", "designs").designs
    assert (shown["mmlu"].cluster, shown["mmlu"].strata) == ("question", "exposures")
    assert shown["puqa"].cluster == "template"
    change = {"questions.indist.cluster": "relation", "questions.indist.strata": "all"}
    changed = open_params(SMOKE, "designs questions", change)
    assert changed.designs["indist"].model_dump() == {
        "cluster": "relation", "strata": "all", "fame": None, "named": True,
    }  # fmt: skip
    # What is asked stays what it was: nobody is asked again because of it.
    assert changed.questions == open_params(SMOKE, "questions").questions


def test_the_table_shows_key_value_default_meaning_and_what_differs_in_bold():
    styled = open_params(SMOKE, "sampling questions").table()
    table = styled.data
    assert list(table.columns) == ["value", "default", "meaning"]
    assert table.loc["sampling.samples"].tolist() == ["5", "10", "m"]
    assert table.loc["questions.choice", "value"] == '{"source": "microworld", "samples": 0}'
    html = styled.to_html()
    assert html.count("font-weight: bold") >= 1
    bold = {row for row in table.index if table.loc[row, "value"] != table.loc[row, "default"]}
    assert "sampling.samples" in bold and "sampling.temperature" not in bold


def test_resolved_content_is_what_a_change_of_shows():
    before, after = (open_params(SMOKE, "sampling", change).resolved() for change in (None, {"sampling.seed": 1}))
    assert before["sampling"]["seed"] == 0 and after["sampling"]["seed"] == 1
    assert json.loads(json.dumps(before)) == before


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_notebooks_open_what_their_metadata_declares(path):
    content = json.loads(path.read_text(encoding="utf-8"))
    code = "\n".join("".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == "code")
    if "open_params(" not in code:
        assert path.stem in ("80_compare", "90_explore"), "a notebook of one run opens its params file"
        return
    declared = content["metadata"]["honesty"]["sections"]
    assert f'"{" ".join(declared)}"' in code
    assert set(declared) <= set(opened.known())
    assert all(f"opened.{name}" in code or name in ("points", "data") for name in declared), declared


def test_layers_lie_over_each_other(tmp_path):
    found = open_params("llama2-13b-chat+fit/lora-80gb", "training model")
    assert found.training.mode == "lora" and found.run.name == "llama2-13b-chat-lora-80gb"
    assert found.model.name == "meta-llama/Llama-2-13b-chat-hf"
    with pytest.raises(ConfigError, match=r"nowhere: no such params file"):
        open_params("llama2-13b-chat+nowhere", "training")
