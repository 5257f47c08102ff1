"""The strict runner: parameters are checked before a kernel starts; a failed cell leaves its copy and exit status 1."""

import nbformat
import pytest

from honesty_utils.workflow import execute

CODE = nbformat.v4.new_code_cell


def write_notebook(folder, parameters, *cells):
    tagged = [CODE(source, metadata={"tags": ["parameters"]}) for source in parameters]
    path = folder / "book.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[*tagged, *map(CODE, cells)]), path)
    return path


def test_declared_parameters_have_a_type_and_a_literal_default(tmp_path):
    book = write_notebook(
        tmp_path, ['run = "smoke"\ntau: float = 0.1\nname: str | None = None\nsets: dict = {"a": [1]}']
    )
    assert execute.declared_parameters(book) == {
        "run": (str, "smoke"), "tau": (float, 0.1), "name": (str | None, None), "sets": (dict, {"a": [1]}),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([], "0 cells are tagged 'parameters'; exactly one"),
        (["a = 1", "b = 2"], "2 cells are tagged 'parameters'; exactly one"),
        (["a = 1\nb = a + 1"], "line 2: the default of 'b' is computed"),
        (["import os"], "line 1: only 'name = literal'"),
        (["a[0] = 1"], "line 1: only 'name = literal'"),
    ],
)
def test_what_a_parameters_cell_may_not_be(tmp_path, cells, message):
    with pytest.raises(execute.ParameterError, match=message):
        execute.declared_parameters(write_notebook(tmp_path, cells))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"tua": 0.5}, "unknown parameter tua; declared: tau, seeds, on, name"),
        ({"tau": "1e-5"}, r"parameter tau is '1e-5' \(str\); declared as float"),
        ({"seeds": 3}, r"parameter seeds is 3 \(int\); declared as list"),
        ({"on": 1}, r"parameter on is 1 \(int\); declared as bool"),
        ({"name": 4}, r"parameter name is 4 \(int\); declared as str \| None"),
    ],
)
def test_unknown_names_and_wrong_types(tmp_path, values, message):
    book = write_notebook(tmp_path, ["tau = 0.1\nseeds = [0]\non = True\nname: str | None = None"])
    with pytest.raises(execute.ParameterError, match=message):
        execute.check_parameters(book, values)


def test_an_integer_is_a_float_but_not_the_other_way_round(tmp_path):
    book = write_notebook(tmp_path, ["tau = 0.1\nm = 10"])
    execute.check_parameters(book, {"tau": 1})
    with pytest.raises(execute.ParameterError, match=r"parameter m is 2\.5"):
        execute.check_parameters(book, {"m": 2.5})


def test_no_such_notebook(tmp_path):
    with pytest.raises(execute.ParameterError, match="no such notebook"):
        execute.declared_parameters(tmp_path / "none.ipynb")


def test_parameters_reach_the_kernel(tmp_path, capsys):
    book = write_notebook(tmp_path, ["tau = 0.1\nsets: dict = {}"], "print(tau, sets)")
    output = tmp_path / "runs" / "done.ipynb"
    parameters = '{"sets": {"a": null, "b": true}}'
    assert execute.main([str(book), str(output), "--parameters", parameters, "-p", "tau", "0.5"]) == 0
    printed = [cell.outputs[0].text for cell in nbformat.read(output, as_version=4).cells if cell.get("outputs")]
    assert printed == ["0.5 {'a': None, 'b': True}\n"]
    assert "done" in capsys.readouterr().out


def test_a_failed_cell_leaves_its_copy_and_no_later_result(tmp_path, capsys):
    book = write_notebook(tmp_path, ["x = 1"], "raise ValueError('too bad')", "open('result', 'w').close()")
    output = tmp_path / "failed.ipynb"
    assert execute.main([str(book), str(output)]) == 1
    assert "ValueError: too bad" in capsys.readouterr().err
    assert output.exists() and not (tmp_path / "result").exists()


def test_a_bad_parameter_is_exit_status_2_and_runs_nothing(tmp_path, capsys):
    book = write_notebook(tmp_path, ["x = 1"], "open('result', 'w').close()")
    output = tmp_path / "never.ipynb"
    assert execute.main([str(book), str(output), "-p", "y", "2"]) == 2
    assert "unknown parameter y; declared: x" in capsys.readouterr().err
    assert not output.exists()


def test_a_kernel_that_dies_is_said_so(tmp_path, capsys):
    book = write_notebook(tmp_path, ["x = 1"], "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    assert execute.main([str(book), str(tmp_path / "dead.ipynb")]) == 1
    assert "may have run out of memory" in capsys.readouterr().err
