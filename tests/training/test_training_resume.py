"""Training that is killed and started again ends with the weights of one that never was, bit by bit."""

import json
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from honesty_utils import training
from honesty_utils.common import prompts
from honesty_utils.common.settings import Prompts
from honesty_utils.engines.settings import Model
from honesty_utils.training import checkpoint
from honesty_utils.training.job import Job
from honesty_utils.training.settings import Training

SETTINGS = Training(
    learning_rate=3e-3, batch_size=4, epochs=4, weight_decay=0, max_length=128, save_steps=2, save_minutes=None
)  # nine rows: three steps an epoch, twelve in all

CODE = """
import sys, torch
from honesty_utils import training
from honesty_utils.training.job import Job
torch.set_num_threads(1)
job = Job.load(sys.argv[1])
training.train(job.rows, job.model, job.output, job.settings, style=job.style, seed=job.seed, work=sys.argv[2])
"""


class Killed(Exception):
    pass


@pytest.fixture(scope="module")
def rows(facts):
    asked = [prompts.render(Prompts(), "honest", question) for question in facts]
    said = [f"I do not know. {'No. ' * (i % 5)}".strip() for i in range(len(facts))]
    return pd.DataFrame({"question_id": list(facts), "prompt": asked, "completion": said})


def train(rows, model, output, settings, seed=1):
    return training.train(rows, Model(name=str(model), device="cpu"), output, settings, style="raw", seed=seed)


def stop_at(monkeypatch, step):
    """Let training die in the middle of a step, after the checkpoints that were due before it."""

    def on_step_begin(self, args, state, control, **others):
        if state.global_step == step:
            raise Killed

    monkeypatch.setattr(checkpoint.Checkpoints, "on_step_begin", on_step_begin)


def weights(folder):
    (path,) = folder.glob("*.safetensors")
    return load_file(path)


def same(first, second):
    first, second = weights(first), weights(second)
    assert set(first) == set(second)
    return all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"mode": "lora", "lora_dropout": 0.3, "batches": "by_length"},
        {"batches": "padding_free", "gradient_accumulation": 2, "batch_size": 2, "scheduler": "cosine"},
        {"batches": "packed", "max_length": 250, "batch_size": 1},
    ],
    ids=["full", "lora by length", "without padding", "packed"],
)
@pytest.mark.parametrize("step", [3, 7])  # at an epoch's end; within a later epoch
def test_a_stopped_training_goes_on_to_the_same_weights(tiny_model, rows, tmp_path, monkeypatch, changes, step):
    settings = SETTINGS.model_copy(update=changes)
    never = train(rows, tiny_model, tmp_path / "never", settings.model_copy(update={"save_steps": None}))
    with monkeypatch.context() as patch:
        stop_at(patch, step)
        with pytest.raises(Killed):
            train(rows, tiny_model, tmp_path / "m", settings)
    assert not (tmp_path / "m").exists()
    resumed = train(rows, tiny_model, tmp_path / "m", settings)
    assert resumed.resumed_at == step - step % 2 and resumed.steps == never.steps
    assert same(tmp_path / "m", tmp_path / "never")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m", "never"]  # its checkpoints are gone


def test_a_process_killed_twice_at_any_moment_goes_on_to_the_same_weights(tiny_model, rows, tmp_path):
    settings = SETTINGS.model_copy(update={"epochs": 100, "save_steps": 5})
    train(rows, tiny_model, tmp_path / "never", settings.model_copy(update={"save_steps": None}))
    work = tmp_path / "work"
    model = Model(name=str(tiny_model), device="cpu")
    job = Job(rows, model, tmp_path / "m", settings, "raw", 1, tmp_path / "job").save()
    last = 0
    # First while a checkpoint is being written, if the moment is met; then a while after one is whole.
    for pattern, wait in (("*/checkpoint-*/model.safetensors", 0), (f"*/checkpoint-*/{checkpoint.MARK}", 0.05)):
        process = subprocess.Popen([sys.executable, "-c", CODE, str(job), str(work)], stderr=subprocess.PIPE)
        deadline = time.monotonic() + 120
        while not [path for path in work.glob(pattern) if checkpoint.step(path.parent) > last]:
            assert process.poll() is None, process.stderr.read().decode()
            assert time.monotonic() < deadline
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        last = max(checkpoint.step(path.parent) for path in work.glob(pattern))
        assert not (tmp_path / "m").exists()
    resumed = training.train(rows, model, tmp_path / "m", settings, style="raw", seed=1, work=work)
    assert 0 < resumed.resumed_at < resumed.steps == 300
    assert same(tmp_path / "m", tmp_path / "never") and not work.exists()


@pytest.mark.parametrize("what", ["rows", "parameters", "seed", "model"])
def test_a_checkpoint_of_another_training_is_not_used(tiny_model, rows, tmp_path, monkeypatch, capsys, what):
    model, changed, settings, seed = tiny_model, rows, SETTINGS, 1
    with monkeypatch.context() as patch:
        stop_at(patch, 5)
        with pytest.raises(Killed):
            train(rows, tiny_model, tmp_path / "m", SETTINGS)
    if what == "rows":
        changed = rows.assign(completion="No.")
    elif what == "parameters":
        settings = SETTINGS.model_copy(update={"learning_rate": 1e-3})
    elif what == "seed":
        seed = 2
    else:
        train(rows, tiny_model, tmp_path / "other", SETTINGS)
        model = tmp_path / "other"
    capsys.readouterr()
    result = train(changed, model, tmp_path / "m", settings, seed)
    assert result.resumed_at == 0
    assert "checkpoints of other rows or parameters" in capsys.readouterr().out


def test_what_changes_no_weight_does_not_lose_a_checkpoint(tiny_model, rows, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        stop_at(patch, 5)
        with pytest.raises(Killed):
            train(rows, tiny_model, tmp_path / "m", SETTINGS)
    later = SETTINGS.model_copy(update={"save_steps": 3, "report_rows": 7})
    assert train(rows, tiny_model, tmp_path / "m", later).resumed_at == 4


def test_a_half_written_checkpoint_is_never_read(tiny_model, rows, tmp_path, monkeypatch):
    train(rows, tiny_model, tmp_path / "never", SETTINGS.model_copy(update={"save_steps": None}))
    with monkeypatch.context() as patch:
        stop_at(patch, 7)
        with pytest.raises(Killed):
            train(rows, tiny_model, tmp_path / "m", SETTINGS)
    (whole,) = (tmp_path / ".m.training").glob("*/checkpoint-*")
    half = whole.with_name("checkpoint-8")
    half.mkdir()
    (half / "model.safetensors").write_bytes(b"half of it")
    (half / "trainer_state.json").write_text(json.dumps({"global_step": 8}))
    assert train(rows, tiny_model, tmp_path / "m", SETTINGS).resumed_at == 6
    assert same(tmp_path / "m", tmp_path / "never")


def test_checkpoints_come_by_the_clock(tiny_model, rows, tmp_path, monkeypatch):
    settings = SETTINGS.model_copy(update={"save_steps": None, "save_minutes": 1e-6})
    with monkeypatch.context() as patch:
        stop_at(patch, 5)
        with pytest.raises(Killed):
            train(rows, tiny_model, tmp_path / "m", settings)
    kept = [path.name for path in (tmp_path / ".m.training").glob("*/checkpoint-*")]
    assert kept == ["checkpoint-5"]  # after every step, and only the last is kept
