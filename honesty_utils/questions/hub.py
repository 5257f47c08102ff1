"""Data sets of the hub's shape: by hub name, or from a local folder that holds a copy."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from honesty_utils.questions.reading import QuestionError
from honesty_utils.questions.settings import QuestionSet


def hub_rows(
    spec: QuestionSet,
    data: Path | None,
    hub: str,
    config: str,
    splits: Sequence[str],
    columns: Sequence[str],
    revision: str | None = None,
    token: str | None = None,
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Rows of a data set of the hub's shape: where, split, row.

    Args:
        spec: its ``path`` is a hub name, or a folder that holds the files of ``config`` or a folder of that name.
        data: folder with copies of hub sets, ``<data>/<set>/<config>``, read where ``spec.path`` is none.
        hub: hub name of the set, read where there is neither path nor data.
        config: configuration of the set.
        splits: those of them that exist are read where ``spec.split`` is none.
        columns: those that are needed.
        revision: of the set on the hub; none: the newest.
        token: of who may read a gated set.

    Raises:
        QuestionError: no such folder or set, split or column.
    """
    source = _hub_source(spec, data, hub, config)
    found = _load(source, config, revision, token)
    wanted = spec.split.split("+") if spec.split else [split for split in splits if split in found]
    missing = set(wanted) - set(found)
    if missing or not wanted:
        raise QuestionError(f"split: {sorted(missing) or list(splits)} not in {source}; allowed: {sorted(found)}")
    for split in wanted:
        lacking = sorted(set(columns) - set(found[split].column_names))
        if lacking:
            raise QuestionError(f"{source}: columns {lacking} are missing; found {sorted(found[split].column_names)}")
        for number, row in enumerate(found[split].select_columns(list(columns))):
            yield f"{source}: {split} row {number}", split, row


def _hub_source(spec: QuestionSet, data: Path | None, hub: str, config: str) -> str | Path:
    name = spec.path or (str(data / hub.split("/")[-1]) if data else hub)
    folder = Path(name)
    if folder.is_dir():
        return folder / config if (folder / config).is_dir() else folder
    if folder.exists():
        raise QuestionError(f"path: {name} is a file; source {spec.source!r} reads a folder or a hub name")
    if data or folder.is_absolute() or name.startswith(".") or len(folder.parts) > 2:
        raise QuestionError(f"path: no such folder: {name}; give the folder of a copy of {hub}, or no path for the hub")
    return name


def _load(source: str | Path, config: str, revision: str | None, token: str | None) -> Mapping[str, Any]:
    import datasets

    given = {name: value for name, value in (("revision", revision), ("token", token)) if value is not None}
    arguments: dict[str, Any] = {"path": source, "name": config, **given}
    if isinstance(source, Path):
        arguments = {"path": "parquet", "data_files": _files(source)}
    try:
        return dict(datasets.load_dataset(**arguments))
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise QuestionError(f"{source}: cannot be loaded ({reason}); give a local copy as path or data") from error


def _files(folder: Path) -> dict[str, list[str]]:
    """Parquet files of each split, by the hub's file names (``test-00000-of-00001.parquet``)."""
    # Named one by one: given the folder alone, datasets takes "dev" for another name of "validation" and joins the two.
    files: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*.parquet")):
        _check_whole(path)
        files.setdefault(path.stem.split("-")[0], []).append(str(path))
    if not files:
        raise QuestionError(
            f"path: no Parquet files in {folder}; files named <split>-00000-of-00001.parquet are needed"
        )
    for split, paths in files.items():
        _check_all_there(folder, split, paths)
    return files


def _check_whole(path: Path) -> None:
    """The end of the file is there: that is where Parquet keeps its columns, and what half a download lacks."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        pq.read_metadata(path)
    except (pa.ArrowInvalid, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise QuestionError(
            f"{path}: not a whole Parquet file of {path.stat().st_size:,} bytes ({reason}); download it again"
        ) from None


def _check_all_there(folder: Path, split: str, paths: Sequence[str]) -> None:
    """As many files as their names (``train-00001-of-00003.parquet``) say."""
    numbers = [re.search(r"-of-(\d+)\.parquet$", path) for path in paths]
    wanted = {int(match[1]) for match in numbers if match}
    if wanted and wanted != {len(paths)}:
        raise QuestionError(
            f"{folder}: {len(paths)} Parquet files of split {split!r}, their names say {max(wanted)}; download the rest"
        )
