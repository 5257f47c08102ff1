"""What the question sources share: a source and its size, one question as read, files row by row, columns of a row."""

from __future__ import annotations

import csv
import io
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from honesty_utils.common.errors import HonestyError
from honesty_utils.questions.settings import ALONE, TOGETHER, QuestionSet

logger = logging.getLogger("honesty_utils.questions")


class QuestionError(HonestyError, ValueError):
    """A question set cannot be read, or holds something that is no question."""


@dataclass(frozen=True)
class Item:
    """One question as its source gives it, not yet checked.

    Attributes:
        where: ``file:line`` or split and row, for errors.
        question: its text.
        answers: gold answer and aliases, the one to show first.
        split: split of the source.
        question_id: the source's own id; ``None`` if it has none.
        choices: texts of the options of a multiple-choice question.
        answer_index: position of the right option in ``choices``.
        exposures: how often the microworld's model has seen the fact.
        has_answers: false where no answer is the right one: nobody can know it, or nothing is asked that has one.
        meta: whatever else is worth keeping.
    """

    where: str
    question: str
    answers: Sequence[str]
    split: str = "all"
    question_id: str | None = None
    choices: Sequence[str] | None = None
    answer_index: int | None = None
    exposures: int | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    has_answers: bool = True


@dataclass(frozen=True)
class Source:
    """A reader of question sets, and what is known of the set that it reads.

    Attributes:
        read: yields the questions of a set; the folder is that of the local copies, if there are any.
        split: what is read where ``spec.split`` is none.
        sizes: documented number of questions of a split, repeats included; none: the set may have any size. A set that
            is documented is published as it is: what cannot be graded in it is dropped and counted, elsewhere an error.
        repeats: whether a question that comes twice is kept, where ``spec.repeats`` is none.
        dialog: why a run does not ask the set, and the way that is open; none: it does.
        cluster: key of ``meta`` whose questions are resampled together, where ``spec.cluster`` is none.
        strata: within what clusters are resampled, where ``spec.strata`` is none.
        refusals: what a judge reads as a refusal, where ``spec.refusals`` is none.
        match: how answers are found, where ``spec.match`` is none; none: as the run does.
        scorer: how its answers are scored besides, where ``spec.scorer`` is none; none: as all are.
        requests: whether it holds requests without right answers, which a judge reads.
        fame: key of ``meta`` with how famous a thing is, where ``spec.fame`` is none.
        texts: whether it has texts about its questions, of which passages can be made.
    """

    read: Callable[[QuestionSet, Path | None], Iterable[Item]]
    split: str = "all"
    sizes: Mapping[str, int] = field(default_factory=dict)
    repeats: Literal["keep", "drop"] = "drop"
    cluster: str = ALONE
    strata: str = TOGETHER
    fame: str | None = None
    match: str | None = None
    refusals: Literal["declines", "objects"] = "declines"
    dialog: str | None = None
    scorer: str | None = None
    requests: bool = False
    texts: bool = False

    def documented(self, split: str | None) -> int | None:
        """Documented size of a split, or of several joined by ``+``; ``None`` where it is not known."""
        asked = split or self.split
        if asked in self.sizes:
            return self.sizes[asked]
        parts = asked.split("+")
        return sum(self.sizes[part] for part in parts) if set(parts) <= set(self.sizes) else None


def needed_file(spec: QuestionSet, data: Path | None, why: str = "") -> Path:
    """File that ``spec.path`` names: as it stands, else inside the ``data`` folder.

    Args:
        spec: the set.
        data: folder with local copies.
        why: why the file is not fetched, and where it is had; none: nothing is known of it.

    Raises:
        QuestionError: no path, or no such file.
    """
    if spec.path is None:
        reason = why or f"source {spec.source!r} has no hub name"
        raise QuestionError(f"path: none; {reason}, so name its file")
    candidates = [Path(spec.path), *([data / spec.path] if data else [])]
    for path in candidates:
        if path.is_file():
            return path
    there = next((path for path in candidates if path.exists()), None)
    if there is not None:
        raise QuestionError(f"path: {there} is no plain file; name a file of questions")
    raise QuestionError(f"path: no such file: {' or '.join(map(str, candidates))}; correct the path")


def needed_folder(spec: QuestionSet, data: Path | None, why: str) -> Path:
    """Folder that ``spec.path`` names: as it stands, else inside the ``data`` folder; else ``<data>/<source>``.

    Raises:
        QuestionError: no path and no such folder there (``why`` says why it is not fetched), or a path that is none.
    """
    candidates = [data / spec.source] if spec.path is None and data else []
    if spec.path is not None:
        candidates = [Path(spec.path), *([data / spec.path] if data else [])]
    for path in candidates:
        if path.is_dir():
            return path
    if not candidates:
        raise QuestionError(f"path: none; {why}: name the folder of your copy")
    raise QuestionError(f"path: no such folder: {' or '.join(map(str, candidates))}; name the folder of your copy")


def file_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows of a JSONL, CSV or Parquet file, each with ``file:line`` (Parquet: file and row).

    Raises:
        QuestionError: another format, not UTF-8, a line that is not JSON or not an object, a row of the wrong length.
    """
    if path.suffix not in FORMATS:
        raise QuestionError(f"{path}: the suffix {path.suffix!r} is not a known format; allowed: {', '.join(FORMATS)}")
    return FORMATS[path.suffix](path)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise QuestionError(f"{path}:{line}: byte {error.start} is not UTF-8; save the file as UTF-8") from None
    except OSError as error:
        raise QuestionError(f"{path}: cannot be read ({error.strerror}); allow it, or name another file") from None


def _json_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    # Only "\n" ends a line: real question files hold U+2028 inside strings, at which splitlines() cuts.
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = _ONE_ROW.decode(line)
            if "\\u" in line:  # nothing else can be half of a character
                json.dumps(row, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            reason = _reason(error)
            raise QuestionError(f"{path}:{number}: not JSON ({reason}): {line[:80]!r}; correct the line") from None
        if not isinstance(row, dict):
            raise QuestionError(f"{path}:{number}: {line[:80]!r}; a JSON object with a question is needed")
        yield f"{path}:{number}", row


def json_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows of a file of JSON lines, whatever its name ends with; errors as for `file_rows`."""
    return _json_rows(path)


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys all differ: the last of two would win without a word."""
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} comes twice")
    return row


_ONE_ROW = json.JSONDecoder(object_pairs_hook=_once)


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, column {error.colno}"
    if isinstance(error, UnicodeEncodeError):
        return f"half of a surrogate pair, {error.object[error.start]!r}, which is no character"
    if "integer string conversion" in str(error):
        return "a number of more digits than are read"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


def _csv_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    csv.field_size_limit(2**31 - 1)  # JSONL takes a text of any length, too
    rows = csv.DictReader(io.StringIO(_text(path), newline=""), strict=True)
    try:
        twice = {name for name in rows.fieldnames or [] if (rows.fieldnames or []).count(name) > 1}
        if twice:
            raise QuestionError(f"{path}:1: columns {sorted(twice)} come twice; name each once")
        for row in rows:
            where = f"{path}:{rows.line_num}"
            if None in row or None in row.values():
                raise QuestionError(f"{where}: not as many fields as the header ({', '.join(rows.fieldnames or [])})")
            yield where, row
    except csv.Error as error:
        raise QuestionError(
            f"{path}:{rows.reader.line_num}: not CSV ({error}); quote fields that hold quotes"
        ) from None


def _parquet_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows = pq.read_table(path).to_pylist()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise QuestionError(f"{path}: not a readable Parquet file ({error})") from None
    yield from ((f"{path}: row {number}", row) for number, row in enumerate(rows))


FORMATS: dict[str, Callable[[Path], Iterator[tuple[str, dict[str, Any]]]]] = {
    ".jsonl": _json_rows,
    ".csv": _csv_rows,
    ".parquet": _parquet_rows,
}


def column(row: Mapping[str, Any], where: str, *names: str) -> Any:
    """Value of the first of ``names`` that the row has.

    Raises:
        QuestionError: the row has none of them.
    """
    for name in names:
        if row.get(name) is not None:
            return row[name]
    wanted = " or ".join(map(repr, names))
    raise QuestionError(f"{where}: column {wanted} is missing or null; found {sorted(map(str, row))}")


def typed(row: Mapping[str, Any], where: str, name: str, kind: type | tuple[type, ...], needed: str) -> Any:
    """Value of column ``name``, held to its type: columns that have moved are seen at the first row.

    Raises:
        QuestionError: the row has no such column, or a value that is not ``needed``.
    """
    value = column(row, where, name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise QuestionError(
            f"{where}: column {name!r} is {str(value)[:80]!r}; {needed} is needed: is it the right column?"
        )
    return value
