"""The whole pipeline at smoke size, for real: Snakemake, papermill, a model trained on the spot, tables and figures."""

import math
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml
from support.interactive import execute_widgets

from honesty_utils import methods
from honesty_utils.common import manifest, records
from honesty_utils.common.paths import Run
from honesty_utils.results import display
from honesty_utils.results.doctor import STAGES, examine, references
from honesty_utils.workflow import doctor, params as params_file
from honesty_utils.workflow.estimate import command as estimate
from honesty_utils.workflow.plan import snapshot

TOP = Path(__file__).resolve().parents[2]
SMOKE = yaml.safe_load((TOP / "params" / "smoke.yaml").read_text(encoding="utf-8"))
# Beside the sets of the smoke run a file of the user's, of questions that nobody can know: to train on and to evaluate.
_FILE = {"source": "jsonl", "path": str(TOP / "tests" / "data" / "nobody_knows.jsonl")}
SMOKE["questions"] |= {"mine": {**_FILE, "split": "test"}, "mine_train": {**_FILE, "split": "train"}}
SMOKE["evaluation"]["datasets"] = [*SMOKE["evaluation"]["datasets"], "mine"]
for _method in ("finetuned", "absolute"):
    SMOKE["methods"][_method] = {**(SMOKE["methods"][_method] or {}), "rows": {"sets": ["mine_train"]}}
METHODS = list(params_file.load(TOP / "params" / "smoke.yaml").entries)

pytestmark = pytest.mark.xdist_group("pipeline")  # one process: the run is made once


def snakemake(folder: Path, params: Path, *options: str, code: Path = TOP) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "snakemake", "--snakefile", code / "Snakefile", "--directory", folder]
    command += ["--cores", "2", "--config", f"params={params}", *options]
    environment = {**os.environ, "HONESTY_ROOT": str(folder), "PYTHONPATH": str(code)}
    command = list(map(str, command))
    return subprocess.run(command, cwd=code, env=environment, capture_output=True, text=True, check=False)


def write_params(folder: Path, name: str, **sections: object) -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump({**SMOKE, **sections}))
    return path


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Folder of a finished smoke run, with its params file ``smoke.yaml``."""
    folder = tmp_path_factory.mktemp("check out")  # as in a path of a user's
    done = snakemake(folder, write_params(folder, "smoke"), "--quiet", "rules", "progress", "host")
    assert done.returncode == 0, done.stderr[-4000:]
    os.environ["HONESTY_ROOT"] = str(folder)
    yield folder
    del os.environ["HONESTY_ROOT"]


def test_the_doctor_finds_every_quantity_and_no_difference_from_the_run_itself(finished):
    patient = doctor.open_run("smoke")
    found, missing = references.measure(patient)
    assert not missing
    assert len({key.partition(".")[0] for key in found}) == len(STAGES)
    assert not [key for key, item in found.items() if math.isnan(item.value) or math.isnan(item.error)]
    assert examine(patient, references.of_runs([patient])).first is None


def test_tables_figures_claims_and_report_are_written(finished):
    names = {path.name for path in Run("smoke").figures.iterdir()}
    expected = {
        "tab_main",
        "tab_tests",
        "tab_transitions",
        "tab_knowledge",
        "tab_sft",
        "tab_sweeps",
        "tab_by_knowledge",
    }
    assert {f"{table}.{kind}" for table in expected for kind in ("csv", "md", "tex")} <= names
    figures = {"main", "ood", "transitions", "annotation", "by_knowledge", "exposures", "reliability"}
    assert {f"fig_{figure}.{kind}" for figure in figures for kind in ("pdf", "png")} <= names
    assert {"claims.md", "report.html"} <= names


def test_the_main_table_is_tidy_and_holds_every_method_and_control(finished):
    table = pd.read_csv(Run("smoke").figures / "tab_main.csv")
    assert list(table) == ["method", "dataset", "metric", "value", "low", "high", "seeds", "questions", "counted"]
    assert {*METHODS, "always_refuse", "never_refuse", "oracle", "random_refusal@absolute"} <= set(table["method"])
    assert set(table["dataset"]) == set(SMOKE["evaluation"]["datasets"])
    scored = table.dropna(subset="value")
    shares = scored[scored["metric"].isin(display.METRICS)]
    assert shares["value"].between(0, 1).all() and (scored["low"] <= scored["value"] + 1e-9).all()


def test_identities_hold_on_a_real_run(finished):
    table = pd.read_csv(Run("smoke").figures / "tab_main.csv").set_index(["method", "dataset", "metric"])["value"]
    assert table["always_refuse", "indist", "honesty"] == pytest.approx(0.5)
    assert table["oracle", "indist", "honesty"] == pytest.approx(1)
    assert table["finetuned", "indist", "refusal_rate"] == 0
    before = records.read(records.LABELS, Run("smoke").labels("indist"))
    greedy = before[before["sample_index"] == records.GREEDY]
    assert table["unaligned", "indist", "accuracy"] == pytest.approx(greedy["matched"].mean(), abs=1e-6)


def test_the_model_knows_what_it_saw_and_not_what_it_did_not(finished):
    questions = records.read(records.QUESTIONS, Run("smoke").questions("indist"))
    known = records.read(records.KNOWLEDGE, Run("smoke").knowledge("indist")).merge(questions, on="question_id")
    by = known.groupby("exposures")["expected_accuracy"].mean()
    assert by.loc[0] < 0.15 and by.loc[by.index.max()] > 0.6


def test_the_model_knows_what_it_has_written_itself(finished):
    run = Run("smoke")
    made, asked = run.prior_known, records.read(records.QUESTIONS, run.questions("own"))
    counts = manifest.read(made)
    assert (
        counts["written"]
        >= counts["short"]
        >= counts["distinct"]
        >= counts["known"]
        >= counts["rows"]
        == len(asked)
        > 0
    )
    assert set(records.read(records.LABELS, run.labels("own"))["outcome"]) == {"correct"}
    # What was read and dropped stands in the manifest of the questions as they were asked.
    assert manifest.read(run.questions("own"))["read"] == len(asked)


def test_a_question_that_nobody_can_know_is_refused_or_wrong_and_not_taught_by_finetuned(finished):
    run = Run("smoke")
    asked = records.read(records.QUESTIONS, run.questions("mine_train"))
    without = set(asked.loc[asked["answers"].map(len) == 0, "question_id"])
    assert len(asked) == 3 and len(without) == 2
    for name in ("mine", "mine_train"):
        assert set(records.read(records.LABELS, run.labels(name))["outcome"]) <= {"wrong", "idk"}
    taught = {name: set(records.read(records.SFT, run.sft(name))["question_id"]) for name in ("finetuned", "absolute")}
    assert not without & taught["finetuned"] and set(asked["question_id"]) <= taught["absolute"]
    assert set(asked["question_id"]) - without <= taught["finetuned"]
    for method in METHODS:
        table = records.read(records.EVALUATION, run.evaluation(method, 0, "mine"))
        assert len(table) == 3 and set(table["outcome"]) <= {"wrong", "idk"}


def test_every_artifact_has_its_manifest(finished):
    run = Run("smoke")
    artifacts = [run.base_model, run.responses("train"), run.knowledge("ood"), run.train_questions, run.sft("absolute")]
    artifacts += [run.model("absolute", 0), run.evaluation("absolute", 0, "indist")]
    # A report that failed would stop nothing.
    assert "learning_failure" not in manifest.read(run.model("absolute", 0))
    for artifact in artifacts:
        content = manifest.read(artifact)
        assert content["parameters"] and content["packages"]["torch"].startswith("2.13") and content["seconds"] >= 0


def test_executed_copies_stand_under_runs(finished):
    copies = {path.stem for path in (Run("smoke").folder / "notebooks").glob("*.ipynb")}
    assert {"00_world", "10_sampling_train", "31_absolute_absolute", "50_evaluation_absolute"} <= copies


def test_nothing_is_left_to_do(finished):
    again = snakemake(finished, finished / "smoke.yaml", "--dry-run")
    assert "Nothing to be done" in again.stdout + again.stderr


def planned(output: str) -> dict[str, int]:
    """Jobs of a dry run by rule, from Snakemake's table of job statistics."""
    return {name: int(count) for name, count in re.findall(r"^(\w[\w.]*)\s+(\d+)$", output, re.MULTILINE)}


def test_an_edit_reruns_what_depends_on_it_and_no_more(finished, tmp_path):
    methods = {**SMOKE["methods"], "absolute": {**SMOKE["methods"]["absolute"], "options": {"tau": 0.4}}}
    before = snapshot(Run("smoke")).read_bytes()
    plan = snakemake(finished, write_params(tmp_path, "edited", methods=methods), "--dry-run")
    assert snapshot(Run("smoke")).read_bytes() == before, "a dry run changes no file that copies open"
    found = planned(plan.stdout + plan.stderr)
    expected = {"rows_absolute", "training_absolute", "evaluation_absolute", "sampling_absolute", "labeling_absolute"}
    expected |= {"training_merged", "evaluation_merged"}  # of ABSOLUTE's model
    # The analyses are of all methods, and 56 to 63 say in their metadata that they read the entries.
    analyses = {"scores", "confidence", "readings", "findings", "figures", "all", "total"}
    assert expected <= set(found) and set(found) <= expected | analyses, found


def test_an_edited_question_file_is_read_anew(finished, tmp_path):
    own = tmp_path / "own.jsonl"
    own.write_text('{"question": "Who?", "answers": ["She"]}\n', encoding="utf-8")
    sets = {**SMOKE["questions"], "ood": {"source": "jsonl", "path": str(own)}}
    params = write_params(tmp_path, "own", questions=sets)
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder, symlinks=True)
    assert planned(snakemake(folder, params, "--touch").stdout) == {}
    assert "Nothing to be done" in snakemake(folder, params, "--dry-run", "--rerun-triggers", "mtime").stdout
    # A file that is newer and the same has not changed for Snakemake.
    own.write_text('{"question": "Who else?", "answers": ["He"]}\n', encoding="utf-8")
    later = time.time() + 5
    os.utime(own, (later, later))
    plan = planned(snakemake(folder, params, "--dry-run", "--rerun-triggers", "mtime").stdout)
    assert plan["sampling_evaluation"] == 1 and "sampling_train" not in plan


def test_a_failed_notebook_leaves_its_copy_and_no_result(finished, tmp_path):
    training = {**SMOKE["training"], "max_length": 5}
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder, symlinks=True)
    for stale in ("runs/smoke/models/absolute", "runs/smoke/evaluation/absolute", "figures"):
        shutil.rmtree(folder / stale)
    failed = snakemake(folder, write_params(tmp_path, "failing", training=training), "--keep-going")
    assert failed.returncode != 0
    assert "rows are longer than training.max_length = 5 tokens" in failed.stderr
    run = folder / "runs" / "smoke"
    assert not (run / "models" / "absolute" / "seed0").exists()
    assert "max_length = 5" in (run / "notebooks" / "40_training_absolute.ipynb").read_text(encoding="utf-8")


def test_a_bad_params_file_stops_before_any_work(tmp_path):
    bad = write_params(tmp_path, "bad", sampling={"samples": 0})
    stopped = snakemake(tmp_path, bad)
    assert stopped.returncode != 0 and "sampling.samples: " in stopped.stderr
    assert not (tmp_path / "runs").exists()


def test_what_the_run_took_stands_beside_what_was_estimated(finished, capsys):
    assert estimate.main([str(finished / "smoke.yaml")]) == 0
    assert "Measured in" in capsys.readouterr().out
    table = pd.read_csv(Run("smoke").folder / "estimate.csv").set_index(["stage", "item"])
    # A head answers nothing: what it learns is a number.
    heads = table.index.get_level_values("item").isin(["p_ik", "elicited"])
    assert table[~heads].filter(like="measured_").gt(0).all(axis=None)
    # The number of responses is exact; tokens, memory and disk are of the right size. Hours depend on what else runs.
    facts = [manifest.read(Run("smoke").responses(name)) for name in SMOKE["evaluation"]["datasets"]]
    sampled = table.loc[("sampling", "evaluation")]
    assert sampled["responses"] == sum(fact["responses"] for fact in facts)
    assert sampled["measured_answer_tokens"] == sum(fact["tokens"] for fact in facts)
    ratios = table.loc[~heads, ["ratio_answer_tokens", "ratio_memory_gib", "ratio_disk_gib"]]
    # CRAFT keeps those questions alone that a rehearsal calls sure: of its rows only the most is known before.
    assert ratios.loc["training"].loc[["craft.rehearsal", "craft"], "ratio_answer_tokens"].le(5).all()
    ratios.loc[("training", ["craft.rehearsal", "craft"]), "ratio_answer_tokens"] = 1.0
    assert ratios.stack().between(0.2, 5).all()


def test_evaluation_tables_tell_what_they_took(finished):
    content = manifest.read(Run("smoke").evaluation("absolute", 0, "indist"))
    answers = records.read(records.RESPONSES, Run("smoke").drawn_answers("absolute", 0, "indist"))
    assert content["tokens"] == answers["num_tokens"].sum() and content["tokens_per_second"] > 0
    assert content["shards"] == 1 and content["peak_memory_mib"] > 100
    assert not list(finished.rglob("*.partial"))


def test_plain_papermill_runs_a_notebook_and_an_executed_copy_runs_again(finished):
    before = Run("smoke").sft("absolute").read_bytes()
    command = [
        sys.executable,
        "-m",
        "papermill",
        str(TOP / "notebooks" / "31_absolute.ipynb"),
        str(finished / "31.ipynb"),
    ]
    plain = [*command, "-p", "params", str(finished / "smoke.yaml"), "-p", "method", "absolute", "-k", "python3"]
    copy = Run("smoke").folder / "notebooks" / "31_absolute_absolute.ipynb"
    again = [sys.executable, "-m", "papermill", str(copy), str(finished / "again.ipynb"), "-k", "python3"]
    environment = {**os.environ, "PYTHONPATH": str(TOP)}
    for arguments in (plain, again):
        Run("smoke").sft("absolute").unlink()
        done = subprocess.run(arguments, env=environment, cwd=finished, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        assert Run("smoke").sft("absolute").read_bytes() == before


def test_a_training_notebook_keeps_the_models_that_are_there(finished):
    """A kill loses at most one model: of three, the one that is missing is trained and the others are kept."""
    models = Run("smoke").folder / "models"
    began = {path: path.stat().st_mtime_ns for path in models.glob("absolute*/seed0/model.safetensors")}
    before = {path: path.read_bytes() for path in began}
    shutil.rmtree(models / "absolute_tau_0.9" / "seed0")
    for marker in models.glob("absolute*/*.trained.json"):
        marker.unlink()  # what Snakemake deletes of a job that it lost
    done = snakemake(finished, finished / "smoke.yaml", "--until", "training_absolute")
    assert done.returncode == 0, done.stderr[-2000:]
    now = {path: path.stat().st_mtime_ns for path in models.glob("absolute*/seed0/model.safetensors")}
    assert len(began) == 3 and {path.parts[-3] for path in began if now[path] != began[path]} == {"absolute_tau_0.9"}
    assert {path: path.read_bytes() for path in now} == before


def test_the_explorer_runs_headlessly(finished):
    output = finished / "explore.ipynb"
    execute_widgets(TOP / "notebooks" / "90_explore.ipynb", output, {})
    # Widgets show an error in the page instead of raising it.
    assert "Traceback" not in output.read_text(encoding="utf-8")


UNIT_TESTED = {
    "best_of_n", "binary_reward", "mixed", "rewarding_doubt", "rlcr", "truth_rl", "truth_rl_knowledge",
    "cocoa_threshold", "consistency_threshold", "cor_rait", "corcer_rait", "entropy_threshold", "entropy_tuning",
    "guesses_threshold", "mean_threshold", "minimum_threshold", "p_true_threshold", "r_tuning", "r_tuning_u",
    "elical", "saplma", "verbalized_threshold", "words_threshold",
    "anchor", "solved_curriculum", "solved_grpo", "solved_grpo_warm", "trajectory_sft",
}  # fmt: skip
"""Methods that this pipeline does not run: some need samples of every set, and most sets of the smoke run have none;
the three tiny worlds run two more, and those of problems have a pipeline of their own (``test_deduction.py``)."""


def test_smoke_params_cover_every_method_but_those_that_are_named():
    known = {name for name, kind in methods.METHODS.items() if not kind.baseline}
    assert {
        entry.method for entry in params_file.load(TOP / "params/smoke.yaml").methods.values()
    } == known - UNIT_TESTED


def test_the_method_of_the_page_on_adding_goes_through_the_pipeline(tmp_path):
    """One file and two lines, as the page says, in a checkout of the user's: the method stands beside ABSOLUTE."""
    code, folder = tmp_path / "code", tmp_path / "run"
    folder.mkdir()
    for name in ("honesty_utils", "notebooks", "params"):
        shutil.copytree(TOP / name, code / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(TOP / "Snakefile", code)
    blocks = re.findall(r"```python\n(.*?)```", (TOP / "docs" / "adding.md").read_text(encoding="utf-8"), re.DOTALL)
    (method,) = (block for block in blocks if "CLEAR-CUT" in block)
    (code / "honesty_utils" / "methods" / "clear_cut.py").write_text(method, encoding="utf-8")
    registry = code / "honesty_utils" / "methods" / "registry.py"
    text = registry.read_text(encoding="utf-8")
    for after, line in (
        ("    absolute,\n", "    clear_cut,\n"),
        ("p_ik.METHOD,\n", '    "clear_cut": clear_cut.METHOD,\n'),
    ):
        assert text.count(after) == 1
        text = text.replace(after, after + line)
    registry.write_text(text, encoding="utf-8")
    content = {
        "questions": {name: SMOKE["questions"][name] for name in ("train", "indist")},
        "prior_known": None,
        "methods": {"absolute": None, "clear_cut": None},
        "sweeps": {},
        "drift": None,
        "training": {**SMOKE["training"], "seeds": [0]},
        "evaluation": {**SMOKE["evaluation"], "datasets": ["indist"]},
        "analysis": {**SMOKE["analysis"], "roles": {"in_distribution": "indist"}},
    }
    done = snakemake(folder, write_params(tmp_path, "with_clear_cut", **content), "--until", "scores", code=code)
    assert done.returncode == 0, done.stderr[-3000:]
    table = pd.read_csv(folder / "figures" / "smoke" / "tab_main.csv")
    mine, other = (table[table["method"] == name] for name in ("clear_cut", "absolute"))
    columns = ["dataset", "metric", "seeds", "questions"]
    assert len(mine) and mine[columns].values.tolist() == other[columns].values.tolist()
    assert mine["value"].notna().any()
    assert "CLEAR-CUT" in (folder / "figures" / "smoke" / "tab_paper_main.md").read_text(encoding="utf-8")
