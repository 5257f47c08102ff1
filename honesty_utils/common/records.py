"""The tables that the notebooks hand to each other: schemas, validated reading and atomic writing.

Every artifact is a Parquet file with one of the schemas below. A file is written to a temporary name and renamed, so
that a file that exists is complete; a mismatch is an error that names file, column and row. Pages have checksums, so
that what a disk has changed is an error and never read as other data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from honesty_utils.common.errors import HonestyError
from honesty_utils.common.files import atomic as atomic  # the others take it from here

OUTCOMES = ("correct", "wrong", "idk", "unscored")
GREEDY = -1
"""``sample_index`` of the greedy response; sampled responses are numbered 0 … m-1."""
GREEDY_ROWS = {"sample_index": [GREEDY]}
"""What `read` keeps of responses and labels where only greedy ones are asked for."""


class RecordError(HonestyError, ValueError):
    """A table does not have the columns, types or values that its schema asks for."""


@dataclass(frozen=True)
class Table:
    """Schema of one kind of artifact: its columns, which of them identify a row, which take a fixed set of values."""

    name: str
    schema: pa.Schema
    key: tuple[str, ...]
    allowed: tuple[tuple[str, tuple[str, ...]], ...] = ()


def _schema(*fields: tuple[str, pa.DataType], nullable: tuple[str, ...] = ()) -> pa.Schema:
    return pa.schema([pa.field(name, kind, nullable=name in nullable) for name, kind in fields])


_RESPONSE = (
    ("question_id", pa.string()),
    ("sample_index", pa.int32()),
    ("text", pa.string()),
    ("num_tokens", pa.int32()),
    ("mean_logprob", pa.float64()),
    ("finish_reason", pa.string()),
)

QUESTIONS = Table(
    "questions",
    _schema(
        ("question_id", pa.string()),
        ("dataset", pa.string()),
        ("split", pa.string()),
        ("question", pa.string()),
        ("answers", pa.list_(pa.string())),
        ("choices", pa.list_(pa.string())),
        ("answer_index", pa.int32()),
        ("exposures", pa.int32()),
        ("meta", pa.string()),
        nullable=("choices", "answer_index", "exposures"),
    ),
    key=("question_id",),
)
RESPONSES = Table(
    "responses",
    _schema(*_RESPONSE, nullable=("mean_logprob",)),
    key=("question_id", "sample_index"),
)
LABELS = Table(
    "labels",
    _schema(
        *_RESPONSE,
        ("outcome", pa.string()),
        ("matched", pa.bool_()),
        ("judge_score", pa.float64()),
        nullable=("mean_logprob", "judge_score"),
    ),
    key=("question_id", "sample_index"),
    allowed=(("outcome", OUTCOMES),),
)
KNOWLEDGE = Table(
    "knowledge",
    _schema(
        ("question_id", pa.string()),
        ("greedy_outcome", pa.string()),
        ("num_correct", pa.int32()),
        ("num_samples", pa.int32()),
        ("expected_accuracy", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("known", pa.bool_()),
        nullable=("expected_accuracy", "low", "high"),
    ),
    key=("question_id",),
    allowed=(("greedy_outcome", OUTCOMES),),
)
SFT = Table(
    "sft",
    _schema(
        ("question_id", pa.string()),
        ("prompt", pa.string()),
        ("completion", pa.string()),
        ("is_refusal", pa.bool_()),
        ("confidence", pa.float64()),
        nullable=("confidence",),
    ),
    key=(),
)
PAIRS = Table(
    "pairs",
    _schema(
        ("question_id", pa.string()),
        ("prompt", pa.string()),
        ("chosen", pa.string()),
        ("rejected", pa.string()),
        ("is_refusal", pa.bool_()),
    ),
    key=(),
)
"""Preferences: two replies to a prompt, the better one first; ``is_refusal``: the better one is the refusal."""
HEAD_ROWS = Table(
    "head_rows",
    _schema(
        ("question_id", pa.string()), ("prompt", pa.string()), ("answer", pa.string()), ("target", pa.float64()),
        nullable=("answer",),
    ),
    key=(),
)  # fmt: skip
"""What a head learns of a prompt, or of a prompt and an answer: 0, 1 or a share between them."""
STATED = Table(
    "stated",
    _schema(("question_id", pa.string()), ("prompt", pa.string()), ("target", pa.float64())),
    key=(),
)
"""What a model should say of how sure it is, after a prompt that asks for it: 0, 1 or a share between them."""
ROLLOUTS = Table(
    "rollouts",
    _schema(
        ("question_id", pa.string()), ("prompt", pa.string()), ("known", pa.float64()),
        nullable=("known",),
    ),
    key=("question_id",),
)  # fmt: skip
"""Questions that a model answers while it trains; ``known``: expected accuracy of M_t."""
SIGNALS = Table(
    "signals",
    _schema(("question_id", pa.string()), ("signal", pa.string()), ("value", pa.float64()), nullable=("value",)),
    key=("question_id", "signal"),
)
"""How sure a model is of its answer to a question, by one measure; null where that cannot be told."""
EVALUATION = Table(
    "evaluation",
    _schema(
        ("question_id", pa.string()),
        ("text", pa.string()),
        ("num_tokens", pa.int32()),
        ("mean_logprob", pa.float64()),
        ("finish_reason", pa.string()),
        ("outcome", pa.string()),
        ("matched", pa.bool_()),
        ("judge_score", pa.float64()),
        ("confidence", pa.float64()),
        ("before", pa.string()),
        ("withheld", pa.string()),
        nullable=("mean_logprob", "judge_score", "confidence", "withheld"),
    ),
    key=("question_id",),
    allowed=(("outcome", OUTCOMES), ("before", OUTCOMES)),
)
HARNESS = Table(
    "harness",
    _schema(
        ("task", pa.string()), ("question_id", pa.string()), ("question", pa.string()),
        ("metric", pa.string()), ("value", pa.float64()),
    ),
    key=("task", "question_id", "metric"),
)  # fmt: skip
"""What lm-evaluation-harness makes of a model's answer to a question of a task, by one of the task's metrics."""
ANSWERS = Table(
    "answers",
    _schema(
        ("question_id", pa.string()),
        ("text", pa.string()),
        ("num_tokens", pa.int32()),
        ("mean_logprob", pa.float64()),
        ("finish_reason", pa.string()),
        nullable=("mean_logprob",),
    ),
    key=("question_id",),
)
"""Answers to requests that have no right one: nothing to grade, a judge reads them."""
JUDGED = Table(
    "judged",
    _schema(
        ("question_id", pa.string()),
        ("group", pa.string()),
        ("text", pa.string()),
        ("num_tokens", pa.int32()),
        ("finish_reason", pa.string()),
        ("rating", pa.float64()),
        ("preference", pa.float64()),
        ("safe", pa.bool_()),
        ("yielded", pa.bool_()),
        nullable=("rating", "preference", "safe", "yielded"),
    ),
    key=("question_id",),
)
"""Answers with what the judge says of them; a verdict that it could not be read for is null."""
LABELLED = Table(
    "labelled",
    _schema(("row", pa.int32()), ("label", pa.string()), ("verdict", pa.string())),
    key=("row",),
    allowed=(("label", ("correct", "wrong")), ("verdict", ("correct", "wrong", "unscored"))),
)


def conform(frame: pd.DataFrame, table: Table, where: str) -> pa.Table:
    """Return ``frame`` as an Arrow table of the schema of ``table``.

    Args:
        frame: one row an item; columns in any order.
        table: the schema to hold it to.
        where: file or step named in an error.

    Raises:
        RecordError: missing or unexpected column, wrong type, null, value outside the allowed ones, repeated key.
    """
    expected, found = set(table.schema.names), set(map(str, frame.columns))
    if expected != found:
        raise RecordError(
            f"{where}: a {table.name} table has the columns {sorted(expected)}; "
            f"missing {sorted(expected - found)}, unexpected {sorted(found - expected)}"
        )
    columns = [_column(frame, field, table, where) for field in table.schema]
    if table.key:
        repeated = frame.duplicated(list(table.key))
        if repeated.any():
            row = int(repeated.to_numpy().argmax())
            value = {name: frame[name].iloc[row] for name in table.key}
            raise RecordError(f"{where}: row {row}: repeats the key {value}; rows of {table.name} are unique in it")
    return pa.Table.from_arrays(columns, schema=table.schema)


def _column(frame: pd.DataFrame, field: pa.Field, table: Table, where: str) -> pa.Array:
    values = [None if _is_null(value) else value for value in frame[field.name].tolist()]
    if not field.nullable and None in values:
        raise RecordError(f"{where}: row {values.index(None)}, column {field.name!r}: empty; a value is needed")
    try:
        array = pa.array(values, type=field.type)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        row = next(row for row, value in enumerate(values) if not _converts(value, field.type))
        raise RecordError(
            f"{where}: row {row}, column {field.name!r}: {values[row]!r} is not of type {field.type}"
        ) from None
    for name, allowed in table.allowed:
        if name == field.name:
            wrong = [row for row, value in enumerate(values) if value not in allowed]
            if wrong:
                raise RecordError(f"{where}: row {wrong[0]}, column {name!r}: {values[wrong[0]]!r}; allowed: {allowed}")
    return array


def _is_null(value: Any) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and value != value)


def _converts(value: Any, kind: pa.DataType) -> bool:
    try:
        pa.array([value], type=kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return False
    return True


def write(frame: pd.DataFrame, table: Table, path: str | Path) -> Path:
    """Validate ``frame`` and write it to ``path``; the file appears whole or not at all."""
    path = Path(path)
    arrow = conform(frame, table, str(path))
    with atomic(path) as partial:
        pq.write_table(arrow, partial, write_page_checksum=True)
    return path


class Writer:
    """Takes the parts of a table and writes them in row groups of `ROWS`, whatever the size of the parts.

    So the same rows give the same bytes, and no more than a row group is held in memory.
    """

    ROWS = 16_384

    def __init__(self, table: Table, path: Path) -> None:
        self._file = pq.ParquetWriter(path, table.schema, write_page_checksum=True)
        self._held = table.schema.empty_table()

    def write(self, part: pa.Table) -> None:
        """Add rows, checked by `conform` or read with `read_arrow`."""
        self._held = pa.concat_tables([self._held, part])
        whole = len(self._held) - len(self._held) % self.ROWS
        for start in range(0, whole, self.ROWS):
            self._flush(self._held.slice(start, self.ROWS))
        self._held = self._held.slice(whole)

    def finish(self) -> None:
        """Write the rows that fill no whole group yet; call it once, at the end."""
        if len(self._held):
            self._flush(self._held)

    def close(self) -> None:
        """Write the end of the file."""
        self._file.close()

    def _flush(self, rows: pa.Table) -> None:
        self._file.write_table(rows.combine_chunks(), row_group_size=self.ROWS)


@contextmanager
def writing(table: Table, path: str | Path) -> Iterator[Writer]:
    """Write a table part by part; the file appears whole at the end, or not at all if the body raises."""
    with atomic(path) as partial, closing(Writer(table, partial)) as writer:
        yield writer
        writer.finish()


def read(table: Table, path: str | Path, keep: Mapping[str, Iterable[Any]] | None = None) -> pd.DataFrame:
    """Read a Parquet file of the schema of ``table``; lists come back as Python lists, nulls as ``None`` or NaN.

    Args:
        table: the schema.
        path: of the file.
        keep: only rows whose column is one of the values; memory is then that of these. None: all rows.

    Raises:
        RecordError: as `read_arrow`.
    """
    if keep is None:
        return _frame(table, read_arrow(table, path))
    wanted = {name: pa.array(list(values), table.schema.field(name).type) for name, values in keep.items()}
    batches = [_kept(batch, wanted) for batch in _batches(table, path, Writer.ROWS)]
    return _frame(table, pa.Table.from_batches(batches, table.schema))


def parts(table: Table, path: str | Path, together: str, rows: int = 200_000) -> Iterator[pd.DataFrame]:
    """Read a table part by part, so that memory is that of a part.

    Args:
        table: the schema.
        path: of the file.
        together: rows that follow each other with one value of this column come in one part.
        rows: of a part, about.

    Raises:
        RecordError: as `read_arrow`.
    """
    held = table.schema.empty_table()
    for batch in _batches(table, path, rows):
        held = pa.concat_tables([held, pa.Table.from_batches([batch])])
        # The last value may go on in the next batch.
        last = held.column(together)[-1]
        whole = len(held) - _run_at_end(held.column(together), last)
        if whole:
            yield _frame(table, held.slice(0, whole))
        held = held.slice(whole).combine_chunks()
    if len(held):
        yield _frame(table, held)


def _run_at_end(column: pa.ChunkedArray, value: pa.Scalar) -> int:
    """How many of the last values are ``value``."""
    others = pc.indices_nonzero(pc.not_equal(column, value))
    return len(column) - (others[-1].as_py() + 1 if len(others) else 0)


def _kept(batch: pa.RecordBatch, wanted: Mapping[str, pa.Array]) -> pa.RecordBatch:
    for name, values in wanted.items():
        batch = batch.filter(pc.is_in(batch.column(name), value_set=values))
    return batch


def _batches(table: Table, path: str | Path, rows: int) -> Iterator[pa.RecordBatch]:
    """The rows of a file, so many at a time, each page held to its checksum."""
    path = _present(table, path)
    with _readable(path), pq.ParquetFile(path, page_checksum_verification=True) as file:
        _check_schema(table, path, file.schema_arrow)
        yield from file.iter_batches(rows)


def _frame(table: Table, arrow: pa.Table) -> pd.DataFrame:
    frame = arrow.to_pandas()
    for field in table.schema:
        if pa.types.is_list(field.type):
            frame[field.name] = pd.Series(arrow.column(field.name).to_pylist(), index=frame.index, dtype=object)
    return frame


def read_arrow(table: Table, path: str | Path) -> pa.Table:
    """The same as an Arrow table.

    Raises:
        RecordError: no such file, a file that cannot be read, or one of another schema.
    """
    path = _present(table, path)
    with _readable(path):
        arrow = pq.read_table(path, page_checksum_verification=True)
        _check_schema(table, path, arrow.schema)
    return arrow


def _present(table: Table, path: str | Path) -> Path:
    path = Path(path)
    if not path.is_file():
        raise RecordError(f"{path}: no such {table.name} table; run the notebook that writes it first")
    return path


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn what a broken file raises into one error; a footer that has changed raises any of these."""
    try:
        yield
    except RecordError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        raise RecordError(f"{path}: not a readable Parquet file ({error}); delete it and write it again") from None


def _check_schema(table: Table, path: Path, found: pa.Schema) -> None:
    if not found.equals(table.schema):
        raise RecordError(f"{path}: not a {table.name} table: {_schema_difference(found, table.schema)}")


def _schema_difference(found: pa.Schema, expected: pa.Schema) -> str:
    for field in expected:
        if field.name not in found.names:
            return f"column {field.name!r} is missing"
        if not found.field(field.name).equals(field):
            return f"column {field.name!r} is {found.field(field.name)}, expected {field}"
    return f"unexpected columns {[name for name in found.names if name not in expected.names]}"
