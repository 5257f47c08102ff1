"""Several worlds of one recipe, without training any: their params, order, resumption, what is told, bad input."""

from __future__ import annotations

import fcntl
import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from honesty_utils import knowledge
from honesty_utils.common import manifest, records
from honesty_utils.common.paths import Run
from honesty_utils.common.settings import ConfigError
from honesty_utils.workflow import cli, plan, reproduce, worlds
from honesty_utils.workflow.params import Params, load, of_content

SMALL = yaml.safe_load(Path("params/smoke-worlds.yaml").read_text(encoding="utf-8"))
SHIPPED = ("params/microworld-worlds.yaml", "params/smoke-worlds.yaml")


def small(**sections: Any) -> Params:
    return of_content({**SMALL, **sections}, "small")


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("HONESTY_ROOT", str(tmp_path))
    return tmp_path


def written(folder: Path, **sections: Any) -> Path:
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump({**SMALL, **sections}), encoding="utf-8")
    return path


# --- params -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SHIPPED)
def test_a_world_differs_from_the_next_in_its_seeds_only(path):
    params = load(path)
    first, second = (worlds.of_world(params, seed) for seed in params.worlds.seeds[:2])
    assert worlds.recipe(first) == worlds.recipe(second)
    different = {
        key
        for key, value in worlds._flat(first.model_dump(mode="json"))
        if value != dict(worlds._flat(second.model_dump(mode="json")))[key]
    }
    assert different == set(worlds.SEEDS)
    assert (second.world.seed, second.world.pretraining.seed, second.sampling.seed) == (2, 2, 2)
    assert {tuple(seeds) for name, seeds in second.models.items() if name in second.trained} == {(2,)}
    assert second.worlds is None and second.run == f"{params.run}/worlds/2"
    # Nothing else of the recipe is lost on the way.
    alone = params.model_copy(update={"worlds": None})
    lost = {key for key, value in worlds.recipe(alone).items() if worlds.recipe(first).get(key) != value}
    assert {key.rpartition(".")[2] for key in lost} <= {"seeds"}


def test_a_world_keeps_its_tables_with_its_other_artifacts(home):
    run = Run(worlds.of_world(small(), 3).run)
    assert run.folder == home / "runs" / "smoke-worlds" / "worlds" / "3" and run.figures == run.folder / "figures"
    assert Run("smoke-worlds").figures == home / "figures" / "smoke-worlds"


def test_a_world_executes_no_more_than_what_is_read_over_worlds():
    stages = [task.stage for task in plan.tasks(worlds.of_world(small(), 1))]
    assert stages[-2:] == ["scores", "findings"] and not {"confidence", "readings", "figures"} & set(stages)
    alone = plan.tasks(small(worlds=None))
    assert [task.stage for task in alone][-5:] == [stage for stage in plan.FINAL if stage != "signalling"]


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"worlds": {"seeds": [1, 2, 1]}}, r"worlds.seeds: .*\[1, 2, 1\] repeats a value; name each once"),
        ({"worlds": {"seeds": [0, 1]}}, r"seeds: 0 is the development world.*leave it out of \[0, 1\]"),
        ({"worlds": {"seeds": [4, 5], "development": 5}}, "5 is the development world"),
        ({"worlds": {"seeds": []}}, "worlds.seeds: .*at least 1"),
        ({"worlds": {"seed": [1, 2, 3]}}, "worlds.seed: .*allowed: development, seeds"),
        (
            {"training": {"seeds": [0, 1]}},
            r"methods.absolute: is trained with the seeds \[0, 1\].*write training.seeds: \[0\]",
        ),
        ({"methods": {"absolute": {"seeds": [0, 1]}}}, r"methods.absolute: is trained with the seeds \[0, 1\]"),
    ],
)
def test_bad_worlds_are_errors_before_any_work(sections, message):
    with pytest.raises(ConfigError, match=message):
        small(**sections)


def test_worlds_without_a_world_are_an_error():
    sets = {name: {"source": "triviaqa"} for name in SMALL["questions"]}
    with pytest.raises(ConfigError, match="worlds: there is no world section, of which they would be made; add one"):
        small(world=None, model={"name": "x"}, questions=sets)


# --- recipes ----------------------------------------------------------------------------------------------------------


def test_worlds_of_different_recipes_are_named_with_the_key_and_both_values():
    same, other = worlds.recipe(worlds.of_world(small(), 1)), worlds.recipe(worlds.of_world(small(), 2))
    worlds.check_recipes({"world 1": same, "world 2": other})
    changed = {**SMALL["labeling"], "train_known": 9}
    third = worlds.recipe(worlds.of_world(small(labeling=changed), 3))
    with pytest.raises(
        worlds.WorldError, match=r"world 1 and world 3 .*: labeling.train_known is 10 in world 1 and 9 in"
    ):
        worlds.check_recipes({"world 1": same, "world 2": other, "world 3": third})
    added = worlds.recipe(worlds.of_world(small(methods={**SMALL["methods"], "finetuned": None}), 3))
    with pytest.raises(
        worlds.WorldError, match=r"methods.finetuned.method is None in world 1 and 'finetuned' in world 3"
    ):
        worlds.check_recipes({"world 1": same, "world 3": added})


# --- order, resumption, failures --------------------------------------------------------------------------------------

SNAKEMAKE = """
import json, os, sys, time
from pathlib import Path
world = Path(sys.argv[1]).parent
top = world.parents[3]
with (top / "calls").open("a") as file:
    file.write(f"{world.name} --nolock\\n" if sys.argv[-1] == "--nolock" else "locked\\n")
folder = Path(os.environ["HONESTY_EVENTS"])
def tell(**event):
    with (folder / "events.jsonl").open("a") as file:
        file.write(json.dumps({"at": time.time(), **event}) + "\\n")
print("total        3", flush=True)
tell(kind="started", label="00_world")
until = time.time() + 60
while (top / "together").exists() and len((top / "calls").read_text().split()) < 4:
    if time.time() > until:
        sys.exit("nobody is beside")
    time.sleep(0.05)
tell(kind="ended", label="00_world", seconds=0.7)
if (top / f"fails{world.name}").exists():
    tell(kind="failed", label="60_scores", problem="cell 4:\\n    x\\nZeroDivisionError: division", copy="c.ipynb")
    sys.exit(1)
(world / "a").write_text("a")
(world / "b").write_text("b")
"""


@pytest.fixture
def fake(home, monkeypatch) -> Path:
    """Worlds of two notebooks, made by a script that says which it was asked for."""

    def tasks(params: Params) -> list[plan.Task]:
        folder = Run(params.run).folder
        return [
            plan.Task("world", "", "00_world", outputs=[folder / "a"]),
            plan.Task("scores", "", "60_scores", outputs=[folder / "b"]),
        ]

    script = home / "snakemake.py"
    script.write_text(SNAKEMAKE)
    monkeypatch.setattr(plan, "tasks", tasks)
    command = lambda params, data, cores, rest: [sys.executable, str(script), str(params)]  # noqa: E731
    monkeypatch.setattr(reproduce, "snakemake", command)
    return home


def calls(home: Path) -> list[str]:
    path = home / "calls"
    found = path.read_text().split("\n")[:-1] if path.exists() else []
    path.unlink(missing_ok=True)
    assert all(line.endswith(" --nolock") for line in found)
    return [line.split()[0] for line in found]


def test_worlds_follow_each_other_and_what_is_complete_is_not_made_again(fake):
    (fake / "fails2").touch()
    out = io.StringIO()
    assert worlds.make(small(), 2, [], out) == 1
    assert calls(fake) == ["1", "2"], "after a failure no other world is started"
    told = out.getvalue()
    assert "world 1 of 3 (seed 1): done in 00:0" in told and "world 2 of 3 (seed 2): FAILED after 00:0" in told
    assert told.endswith(
        "\nworld 2 of 3 (seed 2), 60_scores: cell 4:\n    x\nZeroDivisionError: division\nExecuted copy: c.ipynb\n"
    )
    (fake / "fails2").unlink()
    out = io.StringIO()
    assert worlds.make(small(), 2, [], out) == 0
    assert calls(fake) == ["2", "3"] and out.getvalue().startswith("world 1 of 3 (seed 1): complete\n")
    assert worlds.make(small(), 2, [], io.StringIO()) == 0 and calls(fake) == []
    # A fourth world, a file that was touched, and then another recipe.
    assert worlds.make(small(worlds={"seeds": [1, 2, 3, 4]}), 2, [], io.StringIO()) == 0 and calls(fake) == ["4"]
    (Run("smoke-worlds/worlds/3").folder / "b").write_text("else")
    assert worlds.make(small(), 2, [], io.StringIO()) == 0 and calls(fake) == ["3"]
    assert worlds.make(small(sampling={**SMALL["sampling"], "samples": 4}), 2, [], io.StringIO()) == 0
    assert calls(fake) == ["1", "2", "3"]


def test_of_four_cores_two_worlds_go_side_by_side(fake):
    (fake / "together").touch()  # each ends only when the other has started, too
    assert worlds.make(small(worlds={"seeds": [1, 2]}), 4, [], io.StringIO()) == 0
    assert sorted(calls(fake)) == ["1", "2"]


def test_a_world_that_another_process_makes_is_left_to_it(fake):
    folder = Run("smoke-worlds/worlds/2").folder
    folder.mkdir(parents=True)
    with (folder / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(worlds.WorldError, match=r"world 2 of 3 \(seed 2\): another process works in"):
            worlds.make(small(), 2, [], io.StringIO())
    assert worlds.make(small(), 2, [], io.StringIO()) == 0


# --- what is told -----------------------------------------------------------------------------------------------------


def going(folder: Path, usual: dict[str, float]) -> worlds.Going:
    """The third of eight worlds, of ten notebooks, for 100 seconds: four of them done, one running for 10 seconds."""
    world = worlds.Going(3, 8, 3, small(worlds=None), 10, usual, began=900.0)
    (folder / "log").write_text("all   1\ntotal   11\n")
    world.watch = worlds._Quiet(folder, folder / "log", io.StringIO(), 900.0)
    world.watch.finished = ["a", "b", "c", "d"]
    world.watch.running = {"40_training_absolute": 990.0}
    return world


def test_a_line_says_world_notebooks_time_and_time_left(tmp_path):
    # Four of ten notebooks in 100 seconds: six more take 150.
    assert going(tmp_path, {}).line(1000.0) == (
        "world 3 of 8 (seed 3): 40_training_absolute, 4 of 10 notebooks, 01:40 gone, 02:30 left"
    )


def test_other_worlds_say_what_is_still_long(tmp_path):
    # They took 10 s for each of a to d, 60 for the training and 20 for each of five more: 200 in all. Done are 40, and
    # 10 of the training, in 100 seconds; so 150 are left, at half their speed.
    usual = {**dict.fromkeys("abcd", 10.0), "40_training_absolute": 60.0, **dict.fromkeys("efghi", 20.0)}
    assert going(tmp_path, usual).left(1000.0) == pytest.approx(300)


def test_a_resumed_world_counts_what_was_there(tmp_path):
    world = going(tmp_path, {})
    (tmp_path / "log").write_text("all   1\ntotal   7\n")  # six of ten are to run, four of them are done
    assert " 8 of 10 notebooks" in world.line(1000.0) and world.left(1000.0) == pytest.approx(50)
    (tmp_path / "log").write_text("")
    world.watch.finished, world.watch.running = [], {}
    assert world.line(1000.0) == "world 3 of 8 (seed 3): starts, 0 of 10 notebooks, 01:40 gone"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_are_rewritten_on_a_terminal_and_printed_every_half_minute_elsewhere(monkeypatch):
    board = worlds.Board(Terminal())
    board.show(["a", "b"])
    board.show(["c", "d"])
    board.keep("done")
    assert board.out.getvalue() == "a\nb\n\033[2F\033[Jc\nd\n\033[2F\033[Jdone\n"
    elsewhere = worlds.Board(io.StringIO())
    elsewhere.show(["a"])
    assert elsewhere.out.getvalue() == ""
    elsewhere.shown -= worlds.EVERY
    elsewhere.show(["b"])
    elsewhere.show(["c"])
    assert elsewhere.out.getvalue() == "b\n"


# --- gathering --------------------------------------------------------------------------------------------------------


def finished(params: Params, seed: int, **record: Any) -> Run:
    """What is read of a finished world: its record, its knowledge, the manifest of its tables."""
    one = worlds.of_world(params, seed)
    run = Run(one.run)
    codes = {task.name: task.code(one) for task in plan.tasks(one)}
    worlds._write(run, {"recipe": worlds.recipe(one), "tasks": {}, "codes": codes, "files": {}, **record})
    answers = pd.DataFrame(
        [("a", index, "x", 1, -0.1, "stop", "correct", True, None) for index in (records.GREEDY, 0)],
        columns=records.LABELS.schema.names,
    )
    records.write(knowledge.knowledge_table(answers), records.KNOWLEDGE, run.knowledge("indist"))
    manifest.begin({}).write(run.folder / "tables")
    return run


def test_worlds_that_are_not_complete_are_named(home):
    path = written(home)
    finished(small(), 2)
    with pytest.raises(
        worlds.WorldError, match=r"of the worlds \[1, 2, 3\], \[1, 3\] are not complete; make worlds PARAMS="
    ):
        worlds.gather(path)


def test_worlds_of_another_recipe_than_the_params_file_are_an_error(home):
    path = written(home)
    changed = small(labeling={**SMALL["labeling"], "train_known": 9})
    for seed in (1, 2, 3):
        finished(changed, seed)
    with pytest.raises(worlds.WorldError, match=r"train_known is 9 in world 1 and 10 in the params file"):
        worlds.gather(path)
    finished(small(), 1)
    with pytest.raises(worlds.WorldError, match=r"train_known is 10 in world 1 and 9 in world 2"):
        worlds.gather(path)


def test_what_other_code_has_made_is_named(home):
    path = written(home)
    for seed in (1, 2, 3):
        finished(small(), seed)
    assert [made["other_code"] for made in worlds.gather(path).made.values()] == [""] * 3
    # The tables of world 2 were made by other code, and so was a model of world 3.
    record = json.loads((Run("smoke-worlds/worlds/2").folder / worlds.COMPLETE).read_text())
    finished(small(), 2, codes={**record["codes"], "scores": "of old"})
    trained = Run("smoke-worlds/worlds/3").trained("absolute", 3)
    trained.parent.mkdir(parents=True)
    made = manifest.begin({}).write(trained.with_name("seed3"))
    made.write_text(json.dumps({**json.loads(made.read_text()), "code": "of old"}))
    gathered = worlds.gather(path)
    assert [item["other_code"] for item in gathered.made.values()] == ["", "scores", "training_absolute"]
    assert list(gathered.worlds) == [1, 2, 3] and len(gathered.knowledge[1]) == 1


def test_a_params_file_without_worlds_has_none_to_gather(home):
    with pytest.raises(
        ConfigError, match=r"has no worlds section; make reproduce PARAMS=.* runs its one world, worlds: \{"
    ):
        worlds.gather(written(home, worlds=None))


# --- commands ---------------------------------------------------------------------------------------------------------


def test_make_reproduce_says_that_it_is_several_runs(home, capsys):
    path = written(home)
    assert cli.main(["reproduce", str(path)]) == 2
    error = capsys.readouterr().err
    assert "so it is 3 runs (seeds [1, 2, 3])" in error and f"write make worlds PARAMS={path}" in error
    with pytest.raises(ConfigError, match="write make worlds"):
        plan.Workflow({"params": path})
    assert not (home / "runs").exists()


def test_make_worlds_without_worlds_says_what_to_write(home, capsys):
    assert cli.main(["worlds", str(written(home, worlds=None))]) == 2
    assert "has no worlds section" in capsys.readouterr().err and not (home / "runs").exists()


def test_two_worlds_are_made_and_said_to_be_too_few(fake, capsys, monkeypatch):
    monkeypatch.setattr(worlds, "conclude", lambda *_: 0)
    assert cli.main(["worlds", str(written(fake, worlds={"seeds": [1, 2]})), "--cores", "2"]) == 0
    told = capsys.readouterr().out
    assert "2 of at least 3 worlds: every verdict will be inconclusive" in told and calls(fake) == ["1", "2"]


def test_preflight_and_estimate_say_how_many_worlds(home, capsys):
    path = str(written(home))
    assert cli.main(["preflight", path]) == 0
    assert "3 worlds (seeds [1, 2, 3]), in each of them 4 methods, 4 models to train" in capsys.readouterr().out
    assert cli.main(["estimate", path]) == 0
    told = capsys.readouterr().out
    one, three = (float(re.search(pattern, told)[1]) for pattern in (r"in all: (\S+) dev", r"all 3 take (\S+) dev"))
    assert three == pytest.approx(3 * one, rel=0.02)


@pytest.mark.parametrize("cores", ["many", "0", "-1", "1.5"])
def test_cores_that_are_no_number_are_an_error_before_work(cores, capsys):
    with pytest.raises(SystemExit) as stopped:
        worlds.main(["params/smoke-worlds.yaml", f"--cores={cores}"])
    assert stopped.value.code == 2 and "write a number of 1 or more, or all" in capsys.readouterr().err


def test_a_file_without_worlds_is_told_what_to_write(capsys):
    assert worlds.main(["params/smoke.yaml"]) == 2
    assert "has no worlds section" in (told := capsys.readouterr().err) and "worlds: {seeds: [1, 2, 3]} asks" in told
