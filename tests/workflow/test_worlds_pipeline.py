"""Three tiny worlds for real: Snakemake, papermill, a base model each; the tables, verdicts and figures over them."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from scipy import stats

from honesty_utils.common.paths import Run
from honesty_utils.workflow import worlds

TOP = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.xdist_group("worlds")  # one process: the worlds are made once


def make(folder: Path, params: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "honesty_utils.workflow.cli", "worlds", str(params), "--cores", "2"]
    # One thread a job: other tests run beside.
    environment = {**os.environ, "HONESTY_ROOT": str(folder), "PYTHONPATH": str(TOP), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Folder of three finished worlds, with the params file ``small.yaml``, and what was told."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copy(TOP / "Snakefile", folder)
    shutil.copy(TOP / "params" / "smoke-worlds.yaml", folder / "small.yaml")
    done = make(folder, folder / "small.yaml")
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    os.environ["HONESTY_ROOT"] = str(folder)
    yield folder, done.stdout
    del os.environ["HONESTY_ROOT"]


def table(name: str, run: str = "smoke-worlds") -> pd.DataFrame:
    return pd.read_csv(Run(run).figures / f"tab_{name}.csv")


def test_every_world_has_a_line_and_its_own_base_model(finished):
    _, told = finished
    for seed in (1, 2, 3):
        assert f"world {seed} of 3 (seed {seed}): done in " in told
    assert re.search(r"report\.html$", told.strip())
    models = [(Run(f"smoke-worlds/worlds/{seed}").base_model / "model.safetensors").read_bytes() for seed in (1, 2, 3)]
    assert len(set(models)) == 3
    questions = {(Run(f"smoke-worlds/worlds/{seed}").questions("indist")).read_bytes() for seed in (1, 2, 3)}
    assert len(questions) == 3
    trained = sorted(path.parent.name for path in Run("smoke-worlds/worlds/2").folder.glob("models/absolute/*/model.*"))
    assert trained == ["seed2"]


def test_what_is_written_over_worlds_is_what_the_plan_says(finished):
    folder, _ = finished
    expected = worlds.over(worlds.load(folder / "small.yaml")).outputs
    assert all(path.is_file() for path in expected)
    surplus = {path.name for path in Run("smoke-worlds").figures.iterdir()} - {path.name for path in expected}
    assert surplus == {"fig_worlds_differences.pdf", "fig_worlds_differences.png"}
    assert [path.name for path in (folder / "figures").iterdir()] == ["smoke-worlds"], "a world's tables are no result"


def test_numbers_over_worlds_are_those_of_the_worlds(finished):
    mains = [table("main", f"smoke-worlds/worlds/{seed}") for seed in (1, 2, 3)]
    values, over = table("worlds_values"), table("worlds").set_index(["method", "dataset", "metric"])
    assert len(values) == sum(map(len, mains)) and set(values["world"]) == {1, 2, 3}
    key = ("absolute", "indist", "accuracy")
    own = [main.set_index(["method", "dataset", "metric"]).loc[key, "value"] for main in mains]
    assert over.loc[key, "value"] == pytest.approx(sum(own) / 3, abs=1e-6) and over.loc[key, "worlds"] == 3
    tests = table("worlds_tests")
    pair = tests[
        (tests["method_a"] == "unaligned") & (tests["method_b"] == "absolute") & (tests["dataset"] == "indist")
    ]
    row = pair[pair["metric"] == "accuracy"].iloc[0]
    before = [main.set_index(["method", "dataset", "metric"]).loc[("unaligned", *key[1:]), "value"] for main in mains]
    steps = [a - b for a, b in zip(before, own, strict=True)]
    found = stats.ttest_rel(before, own)
    assert row["difference"] == pytest.approx(sum(steps) / 3, abs=1e-5)
    assert row["p_value"] == pytest.approx(found.pvalue, abs=1e-3, nan_ok=True) or len(set(steps)) == 1


def test_verdicts_and_report_say_how_many_worlds(finished):
    text = (Run("smoke-worlds").figures / "claims.md").read_text(encoding="utf-8")
    assert "3 worlds (seeds 1 to 3)." in text and re.search(r" in \d of 3 worlds", text)
    page = (Run("smoke-worlds").figures / "report.html").read_text(encoding="utf-8")
    assert "3 worlds (seeds 1 to 3). Made by notebook 65" in page and 'id="fig_worlds"' in page
    foot = (Run("smoke-worlds").figures / "tab_paper_worlds.md").read_text(encoding="utf-8").strip().splitlines()[-1]
    assert foot == "Mean [interval by t] over 3 worlds (seeds 1 to 3)."
    base = table("worlds_base")
    assert base["other_code"].isna().all() and base["accuracy"].between(0, 1).all()
    one = (Run("smoke-worlds/worlds/2").figures / "claims.md").read_text(encoding="utf-8")
    assert "This is one world (seed 2)" in one


def test_what_is_complete_is_left_and_what_is_lost_is_made(finished):
    folder, _ = finished
    again = make(folder, folder / "small.yaml")
    assert again.stdout.splitlines()[1:] == [
        *(f"world {k} of 3 (seed {k}): complete" for k in (1, 2, 3)),
        "65_worlds: complete",
    ]
    # One world loses its last table, as after a kill: only its last notebooks run, and the one over worlds.
    lost = Run("smoke-worlds/worlds/3")
    model = lost.model("absolute", 3) / "model.safetensors"
    before, scores = model.stat().st_mtime_ns, (Run("smoke-worlds").figures / "tab_worlds.csv").read_bytes()
    (lost.figures / "claims.md").unlink()
    resumed = make(folder, folder / "small.yaml")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert "world 2 of 3 (seed 2): complete" in resumed.stdout and "world 3 of 3 (seed 3): done in" in resumed.stdout
    assert model.stat().st_mtime_ns == before and (lost.figures / "claims.md").is_file()
    assert (Run("smoke-worlds").figures / "tab_worlds.csv").read_bytes() == scores


def test_a_failure_names_world_notebook_cell_error_and_copy(finished, tmp_path):
    folder, _ = finished
    params = yaml.safe_load((folder / "small.yaml").read_text(encoding="utf-8"))
    params |= {"training": {**params["training"], "max_length": 5}}
    path = tmp_path / "failing.yaml"
    path.write_text(yaml.safe_dump(params), encoding="utf-8")
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy, symlinks=True)
    for stale in ("models", "evaluation/absolute", "figures"):
        shutil.rmtree(copy / "runs/smoke-worlds/worlds/1" / stale)
    failed = make(copy, path)
    assert failed.returncode == 1 and "world 1 of 3 (seed 1): FAILED after" in failed.stdout
    assert "world 1 of 3 (seed 1), 40_training_absolute: cell " in failed.stdout
    assert "rows are longer than training.max_length = 5 tokens" in failed.stdout
    assert "Executed copy: " in failed.stdout and "world 2" not in failed.stdout


def test_the_leaderboard_over_worlds_and_its_entries(finished):
    folder, _ = finished
    shutil.copytree(TOP / "notebooks", folder / "notebooks", dirs_exist_ok=True)
    command = [sys.executable, "-m", "honesty_utils.workflow.cli", "board"]
    environment = {**os.environ, "PYTHONPATH": str(TOP), "OMP_NUM_THREADS": "1"}
    given = {"env": environment, "cwd": folder, "capture_output": True, "text": True, "check": False}
    done = subprocess.run([*command, "make", str(folder / "small.yaml"), "--cores", "2"], **given)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert "world 1 of 3 (seed 1): complete" in done.stdout and "85_leaderboard starts" in done.stdout
    board, printed = table("board"), table("paper_board")
    assert list(printed["Method"]) == [
        "UNALIGNED", "PROMPT-BASED", "LIKELIHOOD THRESHOLD", "CONSISTENCY THRESHOLD", "ABSOLUTE", "R-TUNING",
    ]  # fmt: skip
    assert list(dict.fromkeys(printed["Needs"])) == ["nothing", "samples when it answers", "training"]
    cells = board.set_index(["method", "metric"])
    # Whatever a model knows, its mean over worlds is that of the worlds' own tables.
    mains = [table("main", f"smoke-worlds/worlds/{seed}") for seed in (1, 2, 3)]
    key = ("absolute", "indist", "accuracy")
    own = [main.set_index(["method", "dataset", "metric"]).loc[key, "value"] for main in mains]
    assert cells.loc[("absolute", "accuracy"), "value"] == pytest.approx(sum(own) / 3, abs=1e-6)
    assert cells.loc[("absolute", "training_seconds"), "value"] > 0
    assert cells.loc[("likelihood_threshold", "training_seconds"), "value"] == 0
    drawn = cells["value"].unstack()["answer_tokens"]
    assert drawn["consistency_threshold"] > drawn["likelihood_threshold"]
    assert (Run("smoke-worlds").figures / "fig_board.png").stat().st_size > 10_000
    entries = folder / "figures" / "board" / "smoke-worlds"
    assert (entries / "2" / "unknown" / "r_tuning_seed2.json").is_file()
    found = subprocess.run([*command, "verify"], **given)
    # Six methods and two points of a sweep on three sets, in three worlds.
    assert found.stdout == f"{8 * 3 * 3} verified, 0 reported, 0 judged\n", found.stderr
