"""Several processes, really launched on this CPU: the loss curve of one process, a kill, what goes wrong."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest
import torch
import yaml
from safetensors.torch import load_file

from honesty_utils import training
from honesty_utils.common import prompts
from honesty_utils.common.settings import Prompts
from honesty_utils.engines.settings import Model
from honesty_utils.training import checkpoint, layouts
from honesty_utils.training.job import Job
from honesty_utils.training.objectives import OBJECTIVES, dpo
from honesty_utils.training.settings import Training

pytestmark = pytest.mark.xdist_group("launch")  # two processes each: not several at a time

TOP = Path(__file__).resolve().parents[2]
SETTINGS = Training(
    learning_rate=3e-3, batch_size=4, epochs=14, weight_decay=0, max_length=128, save_steps=5, save_minutes=None
)  # nine rows, three steps an epoch, the last of a single row: 42 steps
TWO = {"launch": "ddp", "processes": 2}

CODE = """
import sys
from honesty_utils import training
from honesty_utils.training.job import Job
job = Job.load(sys.argv[1])
training.train(job.rows, job.model, job.output, job.settings, style=job.style, seed=job.seed, work=sys.argv[2])
"""


@pytest.fixture(scope="module", autouse=True)
def environment():
    """Launched processes find the package, and use one thread."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(TOP), os.environ.get("PYTHONPATH", "")]))
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture(scope="module")
def rows(facts):
    asked = [prompts.render(Prompts(), "honest", question) for question in facts]
    said = [f"I do not know. {'No. ' * (i % 5)}".strip() for i in range(len(facts))]
    return pd.DataFrame({"question_id": list(facts), "prompt": asked, "completion": said})


def train(rows, model, output, **changes):
    settings = SETTINGS.model_copy(update=changes)
    return training.train(rows, Model(name=str(model), device="cpu"), output, settings, style="raw", seed=1)


@pytest.fixture(scope="module")
def alone(rows, tiny_model, tmp_path_factory):
    return train(rows, tiny_model, tmp_path_factory.mktemp("alone") / "m", save_steps=None)


@pytest.fixture(scope="module")
def together(rows, tiny_model, tmp_path_factory):
    # Here the loss is ours, so that its sharing out is tested too; TRL's own is in the test of weights in pieces.
    folder = tmp_path_factory.mktemp("together")
    return train(rows, tiny_model, folder / "m", save_steps=None, logits="learned", **TWO)


def weights(folder):
    (path,) = folder.glob("*.safetensors")
    return load_file(path)


def close(first, second, atol):
    first, second = weights(first), weights(second)
    # Gathered from pieces, weights that stand in two places are written twice.
    assert {*first, "lm_head.weight"} == {*second, "lm_head.weight"}
    return all(torch.allclose(first[name], second[name], atol=atol, rtol=0) for name in set(first) & set(second))


def losses(result):
    return result.history["loss"].tolist()


def test_two_processes_have_the_loss_curve_of_one(alone, together):
    assert together.processes == 2 and together.steps == alone.steps == 42
    assert len(losses(together)) == 4 and losses(together) == pytest.approx(losses(alone), rel=1e-4)
    assert losses(alone)[-1] < losses(alone)[0] / 2
    assert close(together.folder, alone.folder, atol=2e-4)


def test_two_processes_have_the_loss_curve_of_one_on_pairs(rows, tiny_model, tmp_path):
    # Eight pairs fill two batches, so that none is left out; the loss of pairs is a mean of means.
    pairs = rows.head(8).rename(columns={"completion": "chosen"}).assign(rejected="Nobody knows.")
    found = {}
    for name, changes in (("alone", {}), ("together", TWO)):
        settings = SETTINGS.model_copy(update={"save_steps": None, "epochs": 10, **changes})
        found[name] = OBJECTIVES["dpo"].train(
            pairs, Model(name=str(tiny_model), device="cpu"), tmp_path / name, settings, dpo.Options(sft_weight=0),
            style="raw", seed=1,
        )  # fmt: skip
    assert found["together"].processes == 2 and found["together"].steps == found["alone"].steps == 20
    assert losses(found["together"]) == pytest.approx(losses(found["alone"]), rel=1e-3)
    assert close(tmp_path / "together", tmp_path / "alone", atol=2e-3)


def test_a_launch_whose_notebook_is_killed_ends_and_goes_on_to_the_same_weights(rows, tiny_model, tmp_path, together):
    settings = SETTINGS.model_copy(update={**TWO, "logits": "learned"})
    work, model = tmp_path / "work", Model(name=str(tiny_model), device="cpu")
    job = Job(rows, model, tmp_path / "m", settings, "raw", 1, tmp_path / "job").save()
    notebook = subprocess.Popen([sys.executable, "-c", CODE, str(job), str(work)], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list(work.glob(f"*/checkpoint-*/{checkpoint.MARK}")):
        assert notebook.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    trainers = psutil.Process(notebook.pid).children(recursive=True)
    notebook.send_signal(signal.SIGKILL)
    notebook.wait()
    assert len(trainers) >= 3 and not psutil.wait_procs(trainers, timeout=60)[1]  # the launcher and two processes
    assert not (tmp_path / "m").exists()
    resumed = training.train(rows, model, tmp_path / "m", settings, style="raw", seed=1, work=work)
    assert 0 < resumed.resumed_at < resumed.steps == 42
    assert close(resumed.folder, together.folder, atol=0) and not work.exists()


def test_weights_in_pieces_have_the_loss_curve_of_one_process_and_resume(rows, tiny_model, tmp_path, alone):
    settings = SETTINGS.model_copy(update={"launch": "fsdp", "processes": 2})
    job = Job(rows, Model(name=str(tiny_model), device="cpu"), tmp_path / "m", settings, "raw", 1, tmp_path / "work")
    command = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", TOP / "params/launch/fsdp.yaml"]
    command += ["--num_processes", "2", "--main_process_port", "0", TOP / "tests/support/fsdp_on_cpu.py", job.save()]
    found = []
    for _ in range(2):  # its checkpoints stay: the second goes on from the last of them
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-4000:]
        found.append((training.TrainingResult.load(job.result), weights(tmp_path / "m")))
    (whole, first), (resumed, second) = found
    assert (whole.resumed_at, resumed.resumed_at) == (0, 40)
    assert list((tmp_path / "work").glob("*/checkpoint-40/optimizer_0/*.distcp"))  # they were in pieces
    assert losses(whole) == pytest.approx(losses(alone), rel=1e-4)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert close(tmp_path / "m", alone.folder, atol=2e-4)


def test_what_goes_wrong_in_a_process_is_the_error_of_the_notebook(rows, tiny_model, tmp_path, capfd):
    """Rows are made into token ids by the processes: what is wrong with them they find out."""
    bad = rows.assign(completion="")
    with pytest.raises(training.TrainingError, match=r"launch \(ddp.yaml\) failed with status 1:\nrow 0 .*no token"):
        train(bad, tiny_model, tmp_path / "m", **TWO)
    assert "has no token to learn" in capfd.readouterr().out  # its log was shown
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"launch": "ddp", "processes": 4096}, r"ddp.yaml is for 4096 devices and \d+ are there \(cpu\)"),
        ({"launch": "fsdp", "processes": 2}, r"fsdp.yaml \(FSDP\) needs GPUs; on a CPU set launch: ddp"),
        ({"launch": "ddp", "processes": 3}, r"batch_size: 4 rows cannot be shared out evenly to 3 processes"),
        ({"launch": "dpp"}, r"'dpp' is neither one of \['ddp', 'deepspeed-zero3', 'fsdp', 'single'\] nor a .yaml"),
        ({"processes": 2}, "training.processes: 2, but training.launch names no layout"),
        ({**TWO, "mode": "qlora"}, "qlora keeps the base in 4-bit weights"),
    ],
)
def test_layouts_that_do_not_fit_are_found_before_any_step(rows, tiny_model, tmp_path, changes, message, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    with pytest.raises(training.TrainingError, match=message):
        train(rows, tiny_model, tmp_path / "m", **changes)
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_layout(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("a: 1")
    with pytest.raises(training.TrainingError, match=r"mine\.yaml: no layout for accelerate"):
        layouts.layout(Training(launch=str(path)))


def test_shipped_layouts_say_how_many_devices_they_take():
    counts = {
        path.stem: yaml.safe_load(path.read_text())["num_processes"] for path in Path("params/launch").glob("*.yaml")
    }
    assert counts == {"single": 1, "ddp": 8, "fsdp": 8, "deepspeed-zero3": 8}
    assert {name: layouts.devices(Training(launch=name)) for name in counts} == counts
    assert layouts.devices(Training()) == 1 and layouts.devices(Training(launch="ddp", processes=2)) == 2
    assert layouts.layout(Training(launch="single")) is None
