"""Export: adapter and whole model answer alike, cards say what was done, what is missing is an error."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml
from huggingface_hub import DatasetCard, ModelCard
from peft import AutoPeftModelForCausalLM
from support import synthetic
from transformers import AutoModelForCausalLM, AutoTokenizer

from honesty_utils import training
from honesty_utils.common import manifest, prompts, records
from honesty_utils.common.paths import Run
from honesty_utils.common.settings import Prompts
from honesty_utils.engines.settings import Model
from honesty_utils.release import export
from honesty_utils.training.settings import Training
from honesty_utils.workflow.export import aligned, main
from honesty_utils.workflow.params import load

REFUSAL = Prompts().refusal
SETTINGS = {"learning_rate": 1e-2, "epochs": 60, "batch_size": 4, "weight_decay": 0.0, "max_length": 192}


def params_file(folder: Path, model: Path) -> Path:
    content = {
        "run": "toy",
        "model": {"name": str(model), "device": "cpu"},
        "questions": {"train": {"source": "triviaqa"}, "indist": {"source": "triviaqa"}},
        "methods": {"absolute": {"options": {"tau": 0.1}}, "multisample": None, "p_ik": None},
        "evaluation": {"datasets": ["indist"]},
    }
    path = folder / "toy.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture(scope="module")
def run(tiny_model, facts, tmp_path_factory):
    """A run with an adapter (absolute) and a whole model (multisample), as notebooks leave them."""
    folder = tmp_path_factory.mktemp("checkout")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HONESTY_ROOT", str(folder))
        asked = [prompts.render(Prompts(), "honest", question) for question in facts]
        said = [REFUSAL if i % 2 else answers[0] for i, answers in enumerate(facts.values())]
        rows = pd.DataFrame({"question_id": list(facts), "prompt": asked, "completion": said})
        rows = rows.assign(is_refusal=[text == REFUSAL for text in said], confidence=None)
        for method, mode in (("absolute", "lora"), ("multisample", "full")):
            records.write(rows, records.SFT, Run("toy").sft(method))
            settings = Training(**SETTINGS, mode=mode)
            target, model = Run("toy").model(method, 0), Model(name=str(tiny_model), device="cpu")
            given = {"method": method, "seed": 0, "training": settings.model_dump(mode="json")}
            made = manifest.begin(given, [Run("toy").sft(method)])
            done = training.train(rows, model, target, settings, style="raw", seed=0)
            made.write(target, rows=done.rows, steps=done.steps)
        Run("toy").figures.mkdir(parents=True)
        synthetic.main_table().to_csv(Run("toy").figures / "tab_main.csv", index=False)
        yield params_file(folder, tiny_model)


@pytest.fixture(scope="module")
def exported(run):
    to = Run("toy").folder / "export" / "absolute"
    return export.export(aligned(load(run), "absolute", 0), to, licence="apache-2.0")


def greedy(network, tokenizer, asked):
    answers = []
    for prompt in asked:
        ids = torch.tensor([prompts.prompt_ids(tokenizer, prompt, "raw")])
        with torch.no_grad():
            answers.append(network.generate(ids, max_new_tokens=24, do_sample=False)[0].tolist())
    return answers


def test_adapter_and_whole_model_give_the_same_greedy_answers(exported, facts, tiny_model):
    asked = [prompts.render(Prompts(), kind, question) for question in facts for kind in ("plain", "honest")]
    tokenizer = AutoTokenizer.from_pretrained(exported.model)
    apart = greedy(AutoPeftModelForCausalLM.from_pretrained(exported.adapter), tokenizer, asked)  # not merged
    merged = greedy(AutoModelForCausalLM.from_pretrained(exported.model), tokenizer, asked)
    assert merged == apart != greedy(AutoModelForCausalLM.from_pretrained(tiny_model), tokenizer, asked)


def test_the_model_card_says_what_was_done_and_how_well_it_does(exported):
    for folder, library in ((exported.model, "transformers"), (exported.adapter, "peft")):
        card = ModelCard.load(folder / "README.md")
        assert (card.data.license, card.data.library_name) == ("apache-2.0", library)
        assert "9 rows on 9 questions: 5 answers and 4 refusals" in card.text
        assert "| learning_rate | 0.01 |" in card.text and "| absolute.tau | 0.1 |" in card.text
        main = synthetic.main_table().set_index(["method", "dataset", "metric"])
        row = main.loc["absolute", "indist", "prudence"]
        assert f"| {100 * row.value:.1f} [{100 * row.low:.1f}, {100 * row.high:.1f}] |" in card.text
        assert "## Intended use" in card.text and "{question}" in card.text and REFUSAL in card.text
        # On prior unknown there is no over-conservativeness and so no honesty: a dash.
        assert re.search(r"\| unknown \| \d\S+ \[\S+ \S+ \| – \| – \|", card.text)


def test_the_dataset_card_and_its_rows(exported):
    card = DatasetCard.load(exported.dataset / "README.md")
    assert "5 answers and 4 refusals" in card.text and "triviaqa" in card.text
    assert len(records.read(records.SFT, exported.dataset / "train.parquet")) == 9


def test_a_whole_model_has_no_adapter(run, facts):
    found = export.export(aligned(load(run), "multisample", 0), Run("toy").folder / "export" / "m", licence="mit")
    assert found.adapter is None and not (found.model.parent / "adapter").exists()
    AutoModelForCausalLM.from_pretrained(found.model)


def test_the_command_prints_how_to_upload_and_uploads_nothing(run, capsys):
    assert main([str(run), "absolute", "--license", "mit"]) == 0
    out = capsys.readouterr().out
    folder = Run("toy").folder / "export" / "absolute-seed0"
    assert f"hf upload USER/toy-absolute {folder / 'model'}" in out and "--repo-type dataset" in out


def test_the_licence_of_the_base_is_that_of_its_card(run, tiny_model, tmp_path):
    params = load(run)
    with pytest.raises(export.ExportError, match=r"licence of the base model is not known here.*--license llama2"):
        export.gather(aligned(params, "absolute", 0), None)
    (tmp_path / "README.md").write_text("---\nlicense: gemma\ntags: [a]\n---\n# A model\n")
    assert export.licence_of(replace(aligned(params, "absolute", 0), model=Model(name=str(tmp_path)))) == "gemma"
    assert export.licence_of(aligned(load("params/smoke.yaml"), "absolute", 0)) == "mit"


@pytest.mark.parametrize(
    ("method", "seed", "message"),
    [
        ("oracle", 0, r"'oracle' is no trained method of toy; known: \['absolute', 'multisample', 'p_ik'\]"),
        (
            "p_ik",
            0,
            r"'p_ik' withholds answers by a rule on a signal, which is no part of a model: its folder would an",
        ),
        ("absolute", 3, r"seed3: not there; run 40_training for run 'toy' first"),
    ],
)
def test_what_is_not_there(run, method, seed, message, capsys):
    assert main([str(run), method, "--seed", str(seed), "--license", "mit"]) == 2
    assert re.search(message, capsys.readouterr().err)


@pytest.fixture
def swept(run, tmp_path, monkeypatch):
    """A copy of the run in which the adapter is that of a point of a sweep."""
    shutil.copytree(run.parent, tmp_path / "copy")
    monkeypatch.setenv("HONESTY_ROOT", str(tmp_path / "copy"))
    moved = Run("toy")
    for pattern in (lambda name: moved.model(name, 0), moved.sft):
        old, new = pattern("absolute"), pattern("absolute_tau_0.5")
        new.parent.mkdir(parents=True, exist_ok=True)
        old.rename(new)
        made = manifest.path_of(old)
        if made.is_file():
            made.rename(manifest.path_of(new))
    made = manifest.path_of(moved.model("absolute_tau_0.5", 0))
    made.write_text(made.read_text().replace('"method": "absolute"', '"method": "absolute_tau_0.5"'))
    path = tmp_path / "copy" / run.name
    sweeps = {"tau": {"methods": ["absolute"], "values": [0.5]}}
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "sweeps": sweeps}))
    return path


def test_a_point_of_a_sweep_is_exported_with_its_value(swept):
    assert main([str(swept), "absolute_tau_0.5", "--license", "mit"]) == 0
    folder = Run("toy").folder / "export" / "absolute_tau_0.5-seed0"
    assert "| absolute_tau_0.5.tau | 0.5 |" in ModelCard.load(folder / "model" / "README.md").text


def test_an_adapter_without_its_base_is_told_in_a_line(swept, capsys):
    path = Run("toy").model("absolute_tau_0.5", 0) / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "base_model_name_or_path": "/gone/base"}))
    assert main([str(swept), "absolute_tau_0.5", "--license", "mit"]) == 2
    assert "base model of this adapter: model.name: '/gone/base' is no folder" in capsys.readouterr().err
    assert not (Run("toy").folder / "export" / "absolute_tau_0.5-seed0").exists()
