"""Reads a question set, checks every row, leaves out repeats and draws its limit."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from honesty_utils.common import records
from honesty_utils.common.paths import Run
from honesty_utils.questions import passages
from honesty_utils.questions.checking import (
    Counts,
    check_answered,
    check_ids,
    check_row,
    check_size,
    check_twins,
    sameness_key,
    with_ids,
    without_repeats,
)
from honesty_utils.questions.reading import FORMATS, Item, QuestionError, Source, logger, needed_file
from honesty_utils.questions.refused import REFUSED
from honesty_utils.questions.registry import FILES, FOLDERS, MADE, SOURCES
from honesty_utils.questions.settings import CHOOSE, LIKELIHOOD, OBJECTS, REFUSALS, QuestionSet


@dataclass(frozen=True)
class Loaded:
    """A question set and what became of the rows of its source.

    Attributes:
        table: a QUESTIONS table in the order of the source.
        counts: rows read, dropped and taken, beside the documented size.
    """

    table: pd.DataFrame
    counts: Counts

    def facts(self) -> dict[str, Any]:
        """The counts by name, for a manifest."""
        return asdict(self.counts)


def load(name: str, spec: QuestionSet, data: str | Path | None = None) -> pd.DataFrame:
    """QUESTIONS table of one set; arguments and errors as for `load_counted`."""
    return load_counted(name, spec, data).table


def load_counted(name: str, spec: QuestionSet, data: str | Path | None = None) -> Loaded:
    """Read, check and limit one question set; its size is held to the documented one.

    Args:
        name: name of the set in the run; the ``dataset`` of its rows.
        spec: source, path, split, limit and seed.
        data: local folder with copies of the hub's sets (``<data>/trivia_qa/rc.nocontext/…``), read in place of the
            hub; files that ``spec.path`` names may lie in it too.

    Raises:
        QuestionError: names set, file and row, value and remedy.
    """
    try:
        if spec.source in REFUSED:
            raise QuestionError(f"source: {spec.source!r} is not offered: {REFUSED[spec.source]}")
        if spec.source not in SOURCES:
            raise QuestionError(f"source: {spec.source!r} is not known; allowed: {sorted(SOURCES)}")
        return _load(name, spec, SOURCES[spec.source], Path(data) if data else None)
    except (QuestionError, records.RecordError) as error:
        raise QuestionError(f"questions.{name}: {error}") from error


def located(run: Run, name: str, spec: QuestionSet) -> QuestionSet:
    """``spec`` with the place of a set that the run makes, which is in its own folder, filled in."""
    places = {"microworld": run.world_questions(spec.closed or name), "prior_known": run.prior_known}
    if spec.source not in places or spec.path is not None:
        return spec
    return spec.model_copy(update={"path": str(places[spec.source])})


def files(sets: Iterable[QuestionSet], data: str | Path | None = None) -> list[Path]:
    """The files of the user that sets are read from: a workflow runs anew what read one that has changed."""
    named = [spec for spec in sets if spec.path is not None]
    return [path for spec in named for path in _files(spec, Path(data) if data else None)]


def _files(spec: QuestionSet, data: Path | None) -> list[Path]:
    """The file that a set names, or those of the folder that it is read from."""
    places = [Path(str(spec.path)), *([data / str(spec.path)] if data else [])]
    folder = next((place for place in places if place.is_dir()), None)
    if folder is not None and (spec.source not in FILES or spec.source in FOLDERS):
        return sorted(path for path in folder.rglob("*") if path.suffix in (*FORMATS, ".json"))
    return [needed_file(spec, data)]


def share_questions(one: QuestionSet, other: QuestionSet, data: str | Path | None = None) -> bool:
    """Whether two sets draw from the same questions, by what their sections say; no file is read.

    Parts keep sets apart only where they are cut from one order: of the same split, ``longest`` and ``seed``.
    """
    if any(spec.source in MADE and spec.path is None for spec in (one, other)):
        return False  # a run makes each of them for itself
    if _place(one, data) != _place(other, data):
        return False
    splits = [_splits(spec) for spec in (one, other)]
    if all(splits) and not splits[0] & splits[1]:
        return False
    same_order = splits[0] == splits[1] and (one.seed, one.longest) == (other.seed, other.longest)
    return not same_order or max(one.part[0], other.part[0]) < min(one.part[1], other.part[1])


def _place(spec: QuestionSet, data: str | Path | None) -> str | Path:
    """Where the questions of a set are: its file, else the name on the hub."""
    if spec.path is None:
        return spec.source
    candidates = [Path(spec.path), *([Path(data) / spec.path] if data else [])]
    return next((path.resolve() for path in candidates if path.exists()), spec.path)


def _splits(spec: QuestionSet) -> set[str]:
    """The splits that a set is read from; none where it is all of its file."""
    split = spec.split or SOURCES[spec.source].split
    return set() if spec.split is None and split == Source.split else set(split.split("+"))


def _load(name: str, spec: QuestionSet, source: Source, data: Path | None) -> Loaded:
    found = _of_split(list(source.read(spec, data)), spec)
    documented = check_size(name, len(found), spec, source)
    check_twins(found)
    published = bool(source.sizes)
    answered = _answered(found, published)
    distinct = without_repeats(answered, (spec.repeats or source.repeats) == "drop", published)
    check_ids(distinct)
    short = [item for item in distinct if spec.longest is None or _length(item) <= spec.longest]
    chosen = passages.given(_limited(name, _part(with_ids(short), spec), spec), spec)
    counts = Counts(
        read=len(found),
        documented=documented,
        ungradable=len(found) - len(answered),
        repeats=len(answered) - len(distinct),
        too_long=len(distinct) - len(short),
        taken=len(chosen),
    )
    _report(name, spec, counts, _contradicted(answered, distinct))
    read = OBJECTS if (spec.refusals or source.refusals) == OBJECTS else None
    noted = [_with_choice(item, spec) for item in chosen]
    return Loaded(_frame(name, noted if read is None else [_noted(item, REFUSALS, read) for item in noted]), counts)


def _with_choice(item: Item, spec: QuestionSet) -> Item:
    """The item with how it is answered in its ``meta``, where that is not by letter."""
    if spec.choose != LIKELIHOOD:
        return item
    if item.choices is None:
        raise QuestionError(f"{item.where}: choose: likelihood, but the question has no choices; leave choose out")
    return _noted(item, CHOOSE, LIKELIHOOD)


def _noted(item: Item, key: str, value: str) -> Item:
    return replace(item, meta={**item.meta, key: value})


def _answered(items: Sequence[Item], published: bool) -> list[Item]:
    """The checked items; one that cannot be graded is left out of a published set and an error elsewhere."""
    kept = []
    for item in items:
        checked = check_row(item)
        if not published:
            check_answered(item, checked)
        if checked.answers or not checked.has_answers:
            kept.append(checked)
    return kept


def _of_split(items: list[Item], spec: QuestionSet) -> list[Item]:
    if not items:
        raise QuestionError(f"no rows in {spec.path or spec.source}; a set has at least one question")
    if spec.split is None:
        return items
    found = [item for item in items if item.split in spec.split.split("+")]
    if not found:
        raise QuestionError(f"split: {spec.split!r} has no rows; found {sorted({item.split for item in items})}")
    return found


def _length(item: Item) -> int:
    return len(item.question) + sum(map(len, item.choices or ()))


def _part(items: list[Item], spec: QuestionSet) -> list[Item]:
    """The items between two shares of a shuffled order: parts that do not overlap share no question."""
    if spec.part == (0.0, 1.0):
        return items
    # By question and not by row, so that a repeat that is kept stays with the first.
    places = {key: place for place, key in enumerate(dict.fromkeys(map(sameness_key, items)))}
    order = random.Random(spec.seed).sample(range(len(places)), len(places))
    start, end = (round(share * len(places)) for share in spec.part)
    chosen = set(order[start:end])
    return [item for item in items if places[sameness_key(item)] in chosen]


def _limited(name: str, items: list[Item], spec: QuestionSet) -> list[Item]:
    if not items:
        raise QuestionError(f"part {list(spec.part)}, longest {spec.longest}: no question is left; allow more")
    if spec.limit is None:
        return items
    if spec.limit > len(items):
        logger.warning("questions.%s: limit %d, but the set has %d; all are taken", name, spec.limit, len(items))
        return items
    twins = _twins(items)
    if not twins:
        chosen = random.Random(spec.seed).sample(range(len(items)), spec.limit)
        return [items[i] for i in sorted(chosen)]
    places = list[int]()
    for unit in random.Random(spec.seed).sample(twins, len(twins)):
        places += unit if len(places) + len(unit) <= spec.limit else []
    return [items[i] for i in sorted(places)]


def _twins(items: Sequence[Item]) -> list[list[int]]:
    """Places of the items, twins together, so that a limit draws both or none; empty where there are none."""
    units: dict[tuple[str, Any], list[int]] = {}
    for place, item in enumerate(items):
        twin = item.meta.get("twin")
        units.setdefault(("place", place) if twin is None else ("twin", str(twin)), []).append(place)
    return list(units.values()) if len(units) < len(items) else []


def _contradicted(items: Sequence[Item], kept: Sequence[Item]) -> int:
    """Repeats that are dropped although their answers are not those of the question that is kept."""
    answers = {sameness_key(item): set(item.answers) for item in kept}
    stay = {item.where for item in kept}
    return sum(set(item.answers) != answers[sameness_key(item)] for item in items if item.where not in stay)


def _report(name: str, spec: QuestionSet, counts: Counts, contradicted: int) -> None:
    others = f", {contradicted} of them with other answers," if contradicted else ""
    reasons = {
        "have only answers that normalize to nothing": counts.ungradable,
        f"are repeats{others}": counts.repeats,
        f"are over {spec.longest} characters": counts.too_long,
    }
    for reason, dropped in reasons.items():
        if dropped:
            logger.warning("questions.%s: %d of %d %s and are dropped", name, dropped, counts.read, reason)


def _frame(name: str, items: Sequence[Item]) -> pd.DataFrame:
    columns = {
        "question_id": [item.question_id for item in items],
        "dataset": [name] * len(items),
        "split": [item.split for item in items],
        "question": [item.question for item in items],
        "answers": [list(item.answers) for item in items],
        "choices": [None if item.choices is None else list(item.choices) for item in items],
        "answer_index": [item.answer_index for item in items],
        "exposures": [item.exposures for item in items],
        "meta": [json.dumps(dict(item.meta), ensure_ascii=False, default=str) for item in items],
    }
    frame = pd.DataFrame({column: pd.Series(values, dtype=object) for column, values in columns.items()})
    records.conform(frame, records.QUESTIONS, f"questions.{name}")
    return frame
