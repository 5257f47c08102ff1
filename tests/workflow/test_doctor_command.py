"""``honesty doctor`` on small runs with known faults: what it prints, writes and returns."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from support import doctoring

from honesty_utils.common import manifest
from honesty_utils.common.paths import Run
from honesty_utils.evaluation import frames
from honesty_utils.results.doctor import references
from honesty_utils.results.settings import Analysis
from honesty_utils.results.tables.scores import tab_main
from honesty_utils.workflow import cli, doctor, params as params_file


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four like runs, one graded without its signs, one trained too fast."""
    folder = tmp_path_factory.mktemp("doctor")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HONESTY_ROOT", str(folder))
        for number in range(4):
            doctoring.write_run(f"like{number}", seed=number)
        doctoring.write_run("unsigned", seed=4, changes={"labeling.refusal_signs": []})
        doctoring.write_run("fast", seed=5, loss=3.0, changes={"training.learning_rate": 3e-3})
    return folder


@pytest.fixture
def runs(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy that a test may spoil, as the checkout."""
    shutil.copytree(made, tmp_path / "top")
    monkeypatch.setenv("HONESTY_ROOT", str(tmp_path / "top"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "top"


def test_a_run_against_itself_has_no_difference(runs, capsys):
    for name in ("like0", "unsigned", "fast"):
        assert doctor.main([name, "--against", name]) == 0
        shown = capsys.readouterr().out
        assert f"Nothing differs from {name}." in shown and "! " not in shown


def test_like_runs_do_not_differ_and_known_values_are_shown(runs, capsys):
    assert doctor.main(["like1", "--against", "like0", "--json"]) == 0
    found = {item["key"]: item for item in json.loads(capsys.readouterr().out)["findings"]}
    # 80 people, two thirds of them known by half or well: (.02 · 27 + .5 · 27 + .97 · 26) / 80 = .49.
    assert found["labeling.known[in_distribution]"]["value"] == pytest.approx(0.49, abs=0.08)
    assert found["labeling.refused[train]"]["value"] == pytest.approx(0.51 * doctoring.SHY, abs=0.03)
    assert found["labeling.subset_size[train]"]["value"] == 120
    assert found["rows.refusals[finetuned]"]["value"] == 0
    assert found["training.loss_after[absolute]"]["value"] == 0.25
    assert found["training.steps[absolute]"]["value"] == 30
    # What refuses 80 % of unknown questions, where M_t had refused 15 % of them.
    assert found["evaluation.refusal_rate[absolute@prior_unknown]"]["value"] == pytest.approx(0.83, abs=0.06)


def test_scores_are_those_of_the_main_table(runs):
    params = params_file.load(Run("like2").folder / "params.yaml")
    table = tab_main(frames.load(Run("like2"), params.models, ["indist"], {}), Analysis(resamples=1000))
    found, missing = references.measure(doctor.open_run("like2"), "evaluation")
    ours = {(row.method, row.metric): row.value for row in table.itertuples()}
    compared = 0
    for key, item in found.items():
        metric, about = key.removeprefix("evaluation.").rstrip("]").split("[")
        method, _, role = about.partition("@")
        if role == "in_distribution" and metric != "length_cut":
            name = {"unscored": "unscored_rate"}.get(metric, metric)
            assert item.value == pytest.approx(ours[method, name]), key
            compared += 1
    assert compared == 4 * 6 and not missing


def test_signs_that_are_not_there_are_found_in_labeling(runs, capsys):
    assert doctor.main(["unsigned", "--against", "like0"]) == 1
    shown = capsys.readouterr().out
    assert "The first stage that differs is labeling: answers of M_t that are refusals, plain prompt (train)" in shown
    assert "is low, 0.0 %" in " ".join(shown.split())
    conclusion = shown.partition("The first stage")[2]
    assert "- labeling.refusal_signs: [], in the reference ['i have no idea']" in conclusion
    assert "labeling.refusal_signs do not fit the model's manner: refusals are graded wrong" in conclusion


def test_a_rate_thirty_times_as_high_is_found_in_training(runs, capsys):
    assert doctor.main(["fast", "--against", "like0"]) == 1
    conclusion = capsys.readouterr().out.partition("The first stage that differs is ")[2]
    assert conclusion.startswith("training: loss after training, on the rows (finetuned) is high")
    assert "- training.learning_rate: 0.003, in the reference 0.0001" in conclusion
    assert "training.learning_rate (or methods.finetuned.training.learning_rate) too high" in conclusion


def test_several_runs_are_a_reference_and_can_be_saved(runs, capsys):
    others = "like1,like2,like3"
    assert doctor.main([others, "--save", "worlds.json"]) == 0
    assert "written: worlds.json" in capsys.readouterr().out
    for against in (others, "worlds.json"):
        assert doctor.main(["like0", "--against", against]) == 0
        assert "Nothing differs from like1, like2, like3." in capsys.readouterr().out
        assert doctor.main(["fast", "--against", against]) == 1
        assert "The first stage that differs is training" in capsys.readouterr().out
    content = json.loads(Path("worlds.json").read_text(encoding="utf-8"))
    # Seeds differ among the runs, so that a world with another one is of the same recipe.
    assert "world.seed" not in content["recipe"] and content["recipe"]["training.learning_rate"] == 1e-4
    assert references.default(doctor.open_run("fast").outline, [Path("worlds.json")]).runs == [
        "like1",
        "like2",
        "like3",
    ]


def test_without_a_shipped_reference_the_paper_is_taken(runs, capsys, monkeypatch):
    monkeypatch.setattr(references, "shipped", lambda: [])
    assert doctor.main(["like0"]) == 1
    first = capsys.readouterr().out
    assert "Compared with the paper, llama2-chat-13b" in first and "a difference need not be a fault" in " ".join(
        first.split()
    )
    assert doctor.main(["like0", "--against", "paper"]) == 1
    assert capsys.readouterr().out == first


def test_one_stage_alone(runs, capsys):
    assert doctor.main(["fast", "--against", "like0", "--only", "labeling"]) == 0
    assert "\ntraining\n" not in capsys.readouterr().out
    assert doctor.main(["fast", "--against", "like0", "--only", "training"]) == 1
    assert doctor.main(["fast", "--only", "cooking"]) == 2
    assert "stage 'cooking'; known: sampling, labeling, rows, training, evaluation" in capsys.readouterr().err


def test_the_page_is_written_into_the_runs_figures(runs, capsys):
    assert doctor.main(["fast", "--against", "like0", "--markdown"]) == 1
    page = (runs / "figures" / "fast" / "doctor.md").read_text(encoding="utf-8")
    assert page.startswith("# Doctor: fast\n") and "| training | loss after training, on the rows | finetuned |" in page
    assert "**high, +2.75 nats" in page


def test_a_run_that_is_half_finished_is_examined_as_far_as_it_is(runs, capsys):
    run = Run("unsigned")
    for folder in ("sft", "models", "evaluation"):
        shutil.rmtree(run.folder / folder)
    assert doctor.main(["unsigned", "--against", "like0"]) == 1
    shown = " ".join(capsys.readouterr().out.split())
    assert "Not there yet: rows (" in shown and "training (" in shown and "evaluation (" in shown
    assert "The first stage that differs is labeling" in shown
    # A method that has been evaluated is examined while others are not.
    shutil.rmtree(Run("like1").folder / "evaluation" / "absolute")
    assert doctor.main(["like1", "--against", "like0", "--only", "evaluation"]) == 0
    shown = capsys.readouterr().out
    assert "finetuned on in_distribution" in shown and "absolute on in_distribution" not in shown
    # Of a stage of which nothing is there nothing can be said.
    assert doctor.main(["unsigned", "--against", "like0", "--only", "training"]) == 2
    assert "nothing that training writes is in" in capsys.readouterr().err


def test_a_run_that_is_not_there(runs, capsys):
    assert doctor.main(["nowhere"]) == 2
    assert "runs here: fast, like0, like1, like2, like3, unsigned" in capsys.readouterr().err
    assert doctor.main(["like0", "--against", "nowhere"]) == 2
    assert "run 'nowhere'" in capsys.readouterr().err
    (runs / "runs" / "empty").mkdir()
    assert doctor.main(["empty"]) == 2
    assert "has no params.yaml" in capsys.readouterr().err


def test_bad_choices_of_runs(runs, capsys):
    assert doctor.main(["like0", "--against", "like1,like2"]) == 2
    assert "2 runs; name one, or at least 3" in capsys.readouterr().err
    assert doctor.main(["like0", "--against", "like1,like2,like2"]) == 2
    assert "named twice" in capsys.readouterr().err
    assert doctor.main(["like0,like1"]) == 2
    assert "one run is examined" in capsys.readouterr().err
    assert doctor.main([",", "--save", "x.json"]) == 2
    assert "no run is named" in capsys.readouterr().err
    with pytest.raises(SystemExit) as error:
        doctor.main(["like0", "--save", "x.json", "--json"])
    assert error.value.code == 2 and "--save" in capsys.readouterr().err


def test_files_that_cannot_be_read(runs, capsys):
    knowledge = Run("like1").knowledge("train")
    knowledge.write_text("no parquet", encoding="utf-8")
    assert doctor.main(["like1", "--against", "like0"]) == 2
    assert f"{knowledge}: not a readable Parquet file" in capsys.readouterr().err
    broken = manifest.path_of(Run("like2").model("absolute", 0))
    broken.write_text("{", encoding="utf-8")
    assert doctor.main(["like2", "--against", "like0"]) == 2
    assert f"{broken}: not readable as JSON" in capsys.readouterr().err
    broken.write_text("{}", encoding="utf-8")
    assert doctor.main(["like2", "--against", "like0"]) == 2
    assert f"{broken}: has no 'parameters'" in capsys.readouterr().err
    Path("bad.json").write_text("[]", encoding="utf-8")
    assert doctor.main(["like0", "--against", "bad.json"]) == 2
    assert "bad.json: not a reference" in capsys.readouterr().err
    (Run("like3").folder / "params.yaml").write_text("run: like3\nsampler: {}\n", encoding="utf-8")
    assert doctor.main(["like3"]) == 2
    assert "sampler" in capsys.readouterr().err


def test_the_example_of_the_page_is_what_is_printed(runs, capsys):
    page = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text(encoding="utf-8")
    doctor.main(["fast", "--against", "like0", "--only", "training"])
    assert f"```\n{capsys.readouterr().out}```\n" in page


def test_the_command_is_one_of_honestys(runs, capsys):
    assert cli.main(["doctor", "like0", "--against", "like0"]) == 0
    assert "Nothing differs" in capsys.readouterr().out
    assert "HONESTY_ROOT" in os.environ
