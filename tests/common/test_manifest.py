"""Manifests: what made an artifact, readable beside it."""

import hashlib
import os
import subprocess
import sys

import pytest

from honesty_utils.common import manifest, records


def test_a_manifest_says_what_made_an_artifact(tmp_path):
    source = tmp_path / "in.parquet"
    source.write_bytes(b"1")
    made = manifest.begin({"tau": 0.5}, [source])
    made.write(tmp_path / "out.parquet", tokens=7)
    content = manifest.read(tmp_path / "out.parquet")
    assert content["parameters"] == {"tau": 0.5} and content["tokens"] == 7
    assert content["inputs"] == {str(source): manifest.content_hash(source)}
    assert content["packages"]["python"].startswith("3.") and content["seconds"] >= 0


def test_a_hash_follows_names_and_bytes(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_bytes(b"1")
    first = manifest.content_hash(tmp_path / "a")
    (tmp_path / "a" / "x").rename(tmp_path / "a" / "y")
    renamed = manifest.content_hash(tmp_path / "a")
    (tmp_path / "a" / "y").write_bytes(b"2")
    assert len({first, renamed, manifest.content_hash(tmp_path / "a")}) == 3


def test_a_hidden_file_is_no_part_of_a_folder(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_bytes(b"1")
    first = manifest.content_hash(tmp_path / "a")
    (tmp_path / "a" / ".snakemake_timestamp").write_bytes(b"")
    assert manifest.content_hash(tmp_path / "a") == first


def test_what_is_large_is_read_once_until_it_changes_whatever_its_time(tmp_path, monkeypatch):
    monkeypatch.setenv("HONESTY_ROOT", str(tmp_path))
    monkeypatch.setattr(manifest, "LARGE", 10)
    file = tmp_path / "weights"
    file.write_bytes(b"0123456789")
    first = manifest.content_hash(file)
    assert not (tmp_path / "runs").exists(), "what was written this moment may be written again"
    monkeypatch.setattr(manifest.time, "time", lambda: file.stat().st_ctime + 3)
    assert manifest.content_hash(file) == first
    reads = []
    monkeypatch.setattr(manifest.hashlib, "sha256", lambda: reads.append(1) or hashlib.md5())
    assert manifest.content_hash(file) == first and not reads
    times = file.stat()
    file.write_bytes(b"9876543210")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert manifest.content_hash(file) != first and reads == [1]
    (tmp_path / "runs" / manifest.DIGESTS).write_text("{cut")
    assert manifest.content_hash(file) and reads == [1, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "not there; delete .*out.parquet too"), ("{cut", "no manifest that can be read"), ("[1]", "holds list")],
)
def test_a_manifest_that_is_none_is_named(tmp_path, text, message):
    artifact = tmp_path / "out.parquet"
    artifact.write_bytes(b"1")
    if text is not None:
        manifest.path_of(artifact).write_text(text)
    with pytest.raises(records.RecordError, match=rf"out.manifest.json: {message}"):
        manifest.read(artifact)
    assert not manifest.is_of(artifact, {}, [])


def test_what_a_manifest_has_to_hold(tmp_path):
    artifact = tmp_path / "out.parquet"
    manifest.path_of(artifact).write_text("{}")
    assert manifest.read(artifact) == {}
    with pytest.raises(
        records.RecordError, match=r"out.manifest.json: lacks 'parameters'; delete it and .*out.parquet"
    ):
        manifest.read(artifact, needs=("parameters",))


def test_an_input_that_is_not_there_is_an_error_before_work(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing: not there; run the notebook"):
        manifest.begin({}, [tmp_path / "nothing"])


def test_peak_memory_is_that_of_this_process_and_does_not_fall():
    # In a process of its own: an earlier test of this one may have held more than it does now.
    code = """
from honesty_utils.common import manifest
before = manifest.peak_memory()
block = bytearray(b"1" * (200 << 20))
after = manifest.peak_memory()
del block
print(before, after, manifest.peak_memory())
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, after, last = map(int, found.stdout.split())
    assert last >= after >= before + (100 << 20)


def test_peak_memory_is_not_that_of_the_process_which_started_this_one(tmp_path):
    block = bytearray(b"1" * (300 << 20))
    code = "from honesty_utils.common import manifest; print(manifest.peak_memory())"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert len(block) > int(found.stdout)
