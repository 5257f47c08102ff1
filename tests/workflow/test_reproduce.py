"""What a person sees of a run: a line at start and end, progress, and how a failure is told."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from honesty_utils.common.progress import Progress
from honesty_utils.common.variables import EVENTS, PROGRESS
from honesty_utils.workflow import cli, execute, reproduce

WORKFLOW = """
import json, os, sys, time
from pathlib import Path
folder = Path(os.environ["HONESTY_EVENTS"])
def tell(**event):
    with (folder / "events.jsonl").open("a") as file:
        file.write(json.dumps({"at": time.time(), **event}) + "\\n")
print("job      count")
print("all          1")
print("total        3", flush=True)
tell(kind="started", label="10_sampling_train")
now = {"what": "train", "done": 50, "total": 200, "unit": "answers", "started": time.time() - 10}
(folder / "10_sampling_train.json").write_text(json.dumps(now))
time.sleep(1.5)
tell(kind="ended", label="10_sampling_train", seconds=1.5)
if sys.argv[1] == "fails":
    tell(kind="started", label="40_training_absolute")
    problem = "cell 4:\\n    train()\\nTrainingError: too long"
    tell(kind="failed", label="40_training_absolute", problem=problem, copy="copy.ipynb")
    sys.exit(1)
"""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def ran(folder: Path, how: str, out: io.StringIO) -> int:
    script = folder / "workflow.py"
    script.write_text(WORKFLOW)
    return reproduce.run([sys.executable, str(script), how], folder / "run", out)


def test_a_stage_has_a_line_at_its_start_and_one_at_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(reproduce, "EVERY", 0.5)
    out = io.StringIO()
    assert ran(tmp_path, "works", out) == 0
    lines = out.getvalue().splitlines()
    assert lines[0].endswith("10_sampling_train starts")
    # 50 of 200 in ten seconds: thirty more are needed.
    assert "… 10_sampling_train train: 50 of 200 answers" in lines[1] and " left" in lines[1]
    assert lines[-1].endswith("10_sampling_train done in 1.5 s (1 of 2)")
    assert "total        3" in (tmp_path / "run" / "workflow.log").read_text()


def test_a_run_up_to_some_notebook_counts_no_rule_that_asks_for_all(tmp_path):
    log = tmp_path / "workflow.log"
    watch = reproduce.Watch(tmp_path, log, io.StringIO())
    assert watch.planned() is None
    log.write_text("job      count\nlabeling     1\nsampling     1\ntotal        2\n")
    assert watch.planned() == 2
    log.write_text("job      count\nall          1\nsampling     1\ntotal        2\n")
    assert watch.planned() == 1


def test_on_a_terminal_the_line_of_what_runs_is_rewritten(tmp_path):
    out = Terminal()
    assert ran(tmp_path, "works", out) == 0
    assert "\r\033[K[00:0" in out.getvalue()
    kept = [line.split("\r\033[K")[-1] for line in out.getvalue().split("\n")[:-1]]
    assert len(kept) == 2 and not [line for line in kept if "…" in line]


def test_a_failure_ends_with_the_notebooks_error_its_cell_and_the_copy(tmp_path):
    out = io.StringIO()
    assert ran(tmp_path, "fails", out) == 1
    told = out.getvalue()
    assert "40_training_absolute FAILED" in told
    assert told.endswith(
        "40_training_absolute: cell 4:\n    train()\nTrainingError: too long\nExecuted copy: copy.ipynb\n"
    )


def test_what_the_workflow_itself_cannot_do_is_said_in_its_words(tmp_path):
    log = tmp_path / "workflow.log"
    watch = reproduce.Watch(tmp_path, log, io.StringIO())
    log.write_text("LockException:\nError: Directory cannot be locked.\n")
    assert reproduce.finish(watch, 1) == 1
    assert "if none is running: make unlock" in watch.out.getvalue()
    log.write_text("MissingInputException in rule x:\nfile y\n")
    reproduce.finish(watch, 1)
    assert "MissingInputException" in watch.out.getvalue() and str(log) in watch.out.getvalue()


def test_what_other_code_has_made_is_said(capsys):
    assert reproduce.other_code([]) == ""
    assert "FORCE=<name>" in reproduce.other_code(["rows_absolute"]) and "  rows_absolute\n" in reproduce.other_code(
        ["rows_absolute"]
    )


def test_progress_is_written_for_whoever_looks_and_for_nobody_else(tmp_path, monkeypatch):
    path = tmp_path / "x.json"
    monkeypatch.delenv(PROGRESS, raising=False)
    Progress("train", 10, "steps").at(10)
    assert not path.exists()
    monkeypatch.setenv(PROGRESS, str(path))
    progress = Progress("train", 10, "steps")
    for step in range(1, 11):
        progress.at(step)
    found = json.loads(path.read_text())
    assert (found["done"], found["total"], found["unit"]) == (10, 10, "steps")
    monkeypatch.setenv(PROGRESS, str(tmp_path / "gone" / "x.json"))
    Progress("train", 1, "steps").at(1)  # nobody looks any more: work goes on


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_what_the_workflow_has_started_too(number, tmp_path):
    # The workflow waits for its job whatever it is told, as Snakemake does; the job has started another process. Ctrl-C
    # reaches all that run, but not what begins just then, which here are the two who mind no interrupt.
    ignored = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"
    job = f"{ignored}; import subprocess, sys, time; subprocess.Popen(['sleep', '600']); time.sleep(600)"
    workflow = f"""
import signal, subprocess, sys
signal.signal(signal.SIGTERM, lambda *_: None)
signal.signal(signal.SIGINT, lambda *_: None)
subprocess.run([sys.executable, "-c", {job!r}])
"""
    command = [sys.executable, "-c", workflow]
    start = f"""
import signal, sys
from pathlib import Path
from honesty_utils.workflow import reproduce
reproduce.GRACE = 1.0
signal.signal(signal.SIGINT, signal.default_int_handler)  # also where the tests run in the background
sys.exit(reproduce.run({command!r}, Path({str(tmp_path)!r}), sys.stdout))
"""
    process = psutil.Popen([sys.executable, "-c", start], stdout=subprocess.PIPE, start_new_session=True)
    deadline = time.monotonic() + 60
    while len(started := process.children(recursive=True)) < 3 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [one.name() for one in started][-1] == "sleep"
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # what a terminal does
    else:
        process.send_signal(number)
    _, alive = psutil.wait_procs([process, *started], timeout=20)
    assert not alive


@pytest.mark.parametrize("cores", ["0", "abc", "-1"])
def test_a_number_of_cores_that_is_none(cores, capsys):
    with pytest.raises(SystemExit):
        reproduce.main(["params/smoke.yaml", "--cores", cores])
    assert f"--cores {cores}: a number of at least 1 is needed, or all" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("found", "text"),
    [
        ({"done": 0, "total": 8}, "a: 0 of 8 steps"),
        ({"done": 8, "total": 8}, "a: 8 of 8 steps"),
    ],
)
def test_no_rate_is_told_before_the_first_step_and_after_the_last(tmp_path, found, text):
    path = tmp_path / "p.json"
    path.write_text(json.dumps({"what": "a", "unit": "steps", "started": time.time(), **found}))
    assert reproduce.told(path, time.time()) == text
    assert reproduce.told(tmp_path / "none.json", time.time() - 65) == "01:05"


def test_a_notebook_tells_its_start_progress_and_end(tmp_path, monkeypatch):
    import nbformat

    book = tmp_path / "book.ipynb"
    code = "import os; from honesty_utils.common.progress import Progress; Progress('a', 2, 'steps').at(2)"
    tagged = nbformat.v4.new_code_cell("x = 1", metadata={"tags": ["parameters"]})
    nbformat.write(nbformat.v4.new_notebook(cells=[tagged, nbformat.v4.new_code_cell(code)]), book)
    monkeypatch.setenv(EVENTS, str(tmp_path))
    output = tmp_path / "runs" / "x" / "notebooks" / "done.ipynb"
    command = [sys.executable, "-m", "honesty_utils.workflow.cli", "execute", str(book), str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == ""
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [event["kind"] for event in events] == ["started", "ended"] and events[1]["seconds"] > 0
    assert json.loads((tmp_path / "done.json").read_text())["done"] == 2


def test_the_cell_that_failed_is_shown(tmp_path, capsys, monkeypatch):
    import nbformat

    monkeypatch.delenv(EVENTS, raising=False)
    book = tmp_path / "book.ipynb"
    cells = [nbformat.v4.new_code_cell("x = 1", metadata={"tags": ["parameters"]})]
    cells += [nbformat.v4.new_code_cell(source) for source in ("y = 2", "z = x / (y - 2)")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), book)
    assert execute.main([str(book), str(tmp_path / "out.ipynb")]) == 1
    told = capsys.readouterr().err
    assert "    z = x / (y - 2)\nZeroDivisionError: division by zero" in told and "Traceback" not in told


def test_one_command_with_subcommands(capsys):
    assert cli.main([]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in cli.COMMANDS)
    assert cli.main(["explode"]) == 2
    assert "'explode' is no command; known: reproduce, worlds, execute," in capsys.readouterr().err
    for name in cli.COMMANDS:
        with pytest.raises(SystemExit) as ended:
            cli.main([name, "--help"])
        assert ended.value.code == 0 and f"usage: honesty {name}" in capsys.readouterr().out
