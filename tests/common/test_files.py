"""Files and folders appear whole or not at all; what dead processes left goes, what others are writing stays."""

import errno
import os
import resource
import signal
import subprocess
import sys

import pyarrow as pa
import pytest

from honesty_utils.common import files, records

WRITER = """
import os, signal, sys
from honesty_utils.common import files
kind = files.atomic if sys.argv[2] == "file" else files.atomic_folder
with kind(sys.argv[1]) as partial:
    (partial if partial.is_file() else partial / "part").write_text("half")
    if sys.argv[3] == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    print("writing", flush=True)
    sys.stdin.readline()
"""


def writer(target, kind, fate):
    command = [sys.executable, "-c", WRITER, str(target), kind, fate]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def partials(folder):
    return [path.name for path in folder.iterdir() if path.name.endswith(files.SUFFIX)]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_killed_process_left_goes_when_its_target_is_written_again(tmp_path, kind):
    target = tmp_path / "model"
    assert writer(target, kind, "killed").wait() == -signal.SIGKILL
    assert len(partials(tmp_path)) == 1 and not target.exists()
    with files.atomic(target) as partial:
        assert partials(tmp_path) == [partial.name]
        partial.write_text("whole")
    assert os.listdir(tmp_path) == ["model"] and target.read_text() == "whole"


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_living_process_writes_stays(tmp_path, kind):
    with writer(tmp_path / "model", kind, "lives") as process:
        assert process.stdout.readline() == "writing\n"
        assert files.remove_partials(tmp_path) == [] and len(partials(tmp_path)) == 1
        process.communicate("\n")
    assert os.listdir(tmp_path) == ["model"]


def test_what_another_machine_writes_is_left_alone_for_a_day(tmp_path):
    left = tmp_path / ".a.parquet.elsewhere-1.x1y2.partial"
    left.write_text("half")
    assert files.remove_partials(tmp_path) == []
    os.utime(left, (0, 0))
    assert files.remove_partials(tmp_path) == [left] and os.listdir(tmp_path) == []


def test_only_partial_files_go(tmp_path):
    for name in ("a.parquet", ".hidden", "b.partial.parquet"):
        (tmp_path / name).write_text("kept")
        os.utime(tmp_path / name, (0, 0))
    assert files.remove_partials(tmp_path) == [] and files.remove_partials(tmp_path / "none") == []


@pytest.mark.parametrize("kind", [files.atomic, files.atomic_folder])
def test_content_is_on_disk_before_it_has_its_name(tmp_path, monkeypatch, kind):
    target, synced = tmp_path / "model", []

    def fsync(handle):
        assert not target.exists()
        synced.append(os.pread(handle, 10, 0))

    monkeypatch.setattr(os, "fsync", fsync)
    with kind(target) as partial:
        (partial if partial.is_file() else partial / "part").write_text("whole")
    assert synced == [b"whole"] and target.exists()


def test_a_folder_replaces_the_one_before_unless_its_writer_fails(tmp_path):
    target = tmp_path / "model"
    for content in ("first", "second"):
        with files.atomic_folder(target) as partial:
            (partial / "weights").write_text(content)
    with pytest.raises(RuntimeError), files.atomic_folder(target) as partial:
        (partial / "weights").write_text("third")
        raise RuntimeError("stopped")
    assert (target / "weights").read_text() == "second" and os.listdir(tmp_path) == ["model"]


@pytest.fixture
def little_room():
    """No file may grow beyond 4 KiB: what a full disk is like, without one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("kind", [files.atomic, files.atomic_folder])
def test_an_error_of_the_disk_names_the_file(tmp_path, little_room, kind):
    target = tmp_path / "model"
    with pytest.raises(OSError, match=rf"File too large: '{target}'$") as caught, kind(target) as partial:
        (partial if partial.is_file() else partial / "part").write_text("x" * 10_000)
    assert caught.value.errno == errno.EFBIG and caught.value.filename == str(target)
    assert os.listdir(tmp_path) == []


def test_a_table_that_has_no_room_is_named(tmp_path, little_room):
    table = records.Table("NOISE", pa.schema([("text", pa.string())]), ("text",))
    with pytest.raises(OSError, match=r"noise.parquet'$"), records.writing(table, tmp_path / "noise.parquet") as writer:
        writer.write(pa.table({"text": [os.urandom(100).hex() for _ in range(1000)]}))
    assert os.listdir(tmp_path) == []


def test_an_error_of_something_else_is_left_alone(tmp_path):
    with pytest.raises(ConnectionRefusedError) as caught, files.atomic(tmp_path / "labels"):
        raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
    assert caught.value.filename is None
    with pytest.raises(FileNotFoundError, match=r"none.txt"), files.atomic(tmp_path / "labels"):
        (tmp_path / "none.txt").read_text()
