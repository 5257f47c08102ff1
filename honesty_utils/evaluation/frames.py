"""All evaluations of a run as one long frame, which tables and figures are made from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from honesty_utils.common import records
from honesty_utils.common.paths import Run
from honesty_utils.knowledge.quadrants import holds, quadrant
from honesty_utils.metrics import scores
from honesty_utils.metrics.intervals import Clusters, States
from honesty_utils.questions.settings import ALONE, EXPOSURES, KIND, Design, passages_of

COLUMNS = (
    "method", "seed", "dataset", "question_id", "before", "outcome", "matched", "confidence", "text", "mean_logprob",
    "question", "group", "half", "exposures", "fame", "expected_accuracy", "cluster", "stratum", "should_refuse",
    "twin",
)  # fmt: skip
"""Columns of the frame. ``exposures``, ``fame`` and ``expected_accuracy`` (of M_t) are NaN where a question has none;
``group`` is the kind of question (relation, subject, kind of task), empty where a set has one kind only; ``half``
says whether texts described whom a question of a microworld is about, empty where there is no saying. ``cluster``
names the questions that are resampled together, ``stratum`` what clusters are resampled within. ``should_refuse``:
nobody can answer the question; ``twin`` names a pair of which one can be answered, none where there is none."""

_OF_QUESTION = (
    "question", "group", "half", "exposures", "fame", "cluster", "stratum", "should_refuse", "twin",
)  # fmt: skip

GROUP_KEYS = ("group", "relation", "subject", "topic")
"""Keys of a question's ``meta`` that may name its kind, the first that is there counts."""


def load(
    run: Run, methods: Mapping[str, Sequence[int]], datasets: Sequence[str], designs: Mapping[str, Design]
) -> pd.DataFrame:
    """Evaluations of ``methods`` on ``datasets``, a row an answer, with what is known of its question.

    Args:
        run: where the files are.
        methods: seeds of each method.
        datasets: names of the question sets.
        designs: of each set, what clusters its questions; a set without one has a cluster a question.

    Returns:
        The columns ``COLUMNS``. Rows are those of the questions in ``knowledge/<set>``: a prior-known set keeps fewer
        than were asked.

    Raises:
        RecordError: a file is missing or not of its schema, no question has the cluster that its set names, or methods
            differ in the questions they answered or in what M_t is said to have answered, so that they cannot be
            compared.
    """
    parts = []
    for dataset in datasets:
        facts = _questions(run, dataset, designs.get(dataset, Design()))
        first: tuple[str, pd.DataFrame] | None = None
        for method, seeds in methods.items():
            for seed in seeds:
                path = run.evaluation(method, seed, dataset)
                answers = records.read(records.EVALUATION, path)
                rows = facts.merge(answers, on="question_id", validate="one_to_one")
                first = first or (str(path), rows)
                _same_questions(rows, str(path), *first)
                parts.append(rows.assign(method=method, seed=seed, dataset=dataset))
    if not parts:
        raise records.RecordError("no evaluations to load: name at least one method with a seed and one dataset")
    return pd.concat(parts, ignore_index=True)[list(COLUMNS)]


def load_judged(run: Run, methods: Mapping[str, Sequence[int]], dataset: str, design: Design) -> pd.DataFrame:
    """What the judge says of the answers of ``methods`` to a set of requests.

    Returns:
        The columns of a JUDGED table with ``method``, ``seed``, ``dataset``, ``cluster`` and ``stratum``.

    Raises:
        RecordError: a file is missing or not of its schema, or methods differ in the requests that they answered.
    """
    models = [(method, seed) for method, seeds in methods.items() for seed in seeds]
    parts = [records.read(records.JUDGED, run.judged(*model, dataset)) for model in models]
    for model, part in zip(models, parts, strict=True):
        _same_requests(part, str(run.judged(*model, dataset)), parts[0])
    tables = [
        part.assign(method=method, seed=seed, dataset=dataset)
        for (method, seed), part in zip(models, parts, strict=True)
    ]
    return with_clusters(pd.concat(tables, ignore_index=True), run.questions(dataset), dataset, design)


def load_knowledge(run: Run, dataset: str, design: Design, model: str | None = None) -> pd.DataFrame:
    """KNOWLEDGE of a set with ``cluster`` and ``stratum``, for intervals over its questions.

    Args:
        run: where the files are.
        dataset: name of the question set.
        design: what clusters its questions.
        model: whose knowledge; none: M_t's.

    Raises:
        RecordError: as for :func:`load`.
    """
    path = run.knowledge(dataset) if model is None else run.knowledge(dataset, model)
    return with_clusters(records.read(records.KNOWLEDGE, path), run.questions(dataset), dataset, design)


def load_quadrants(run: Run, dataset: str, closed: str) -> pd.DataFrame:
    """What is known of the questions of a set with passages: their quadrant, and the kind of their passages.

    Args:
        run: where the files are.
        dataset: the set.
        closed: its closed-book twin, whose labels tell what M_t knows without passages.

    Returns:
        ``question_id``, ``quadrant`` (none where M_t's answer without passages could not be scored) and ``kind`` (of
        made passages, else empty), in the order of the questions.

    Raises:
        RecordError: a file is missing, or a question that its twin does not have.
    """
    asked = records.read(records.QUESTIONS, run.questions(dataset))
    known = records.read(records.KNOWLEDGE, run.knowledge(closed)).set_index("question_id")
    missing = asked.loc[~asked["question_id"].isin(known.index), "question_id"]
    if len(missing):
        raise records.RecordError(
            f"{run.questions(dataset)}: {len(missing)} questions are not in the closed-book twin {closed!r}, such as "
            f"{missing.iloc[0]!r}; give both the same questions and sample again"
        )
    told = known.loc[asked["question_id"]]
    answered = told["known"].where(told["greedy_outcome"] != "unscored", None)
    quadrants = [
        quadrant(one, holds(passages_of(meta), answers))
        for one, meta, answers in zip(answered, asked["meta"], asked["answers"], strict=True)
    ]
    kinds = [json.loads(meta).get(KIND, "") if meta else "" for meta in asked["meta"]]
    return pd.DataFrame({"question_id": asked["question_id"], "quadrant": quadrants, "kind": kinds})


def with_clusters(table: pd.DataFrame, questions: Path, dataset: str, design: Design) -> pd.DataFrame:
    """``table`` (a row or several a question) with ``cluster`` and ``stratum`` of its questions.

    Args:
        table: with ``question_id``.
        questions: file of the QUESTIONS table.
        dataset: name of the set, for errors.
        design: what clusters its questions; a question without the key is a cluster of its own.

    Raises:
        RecordError: the params file names a cluster that no question has.
    """
    asked = records.read(records.QUESTIONS, questions)
    units = _units(asked, dataset, design).set_index(asked["question_id"])
    found = units.reindex(table["question_id"])
    return table.assign(cluster=found["cluster"].to_numpy(), stratum=found["stratum"].to_numpy())


def clusters(table: pd.DataFrame) -> Clusters:
    """Clusters of the questions of one set, in the order of their ids: that of :func:`states`.

    Args:
        table: with ``question_id``, ``cluster`` and ``stratum``, a row or several a question; without the last two,
            every question is a cluster of its own.
    """
    if "cluster" not in table:
        return Clusters.single(table["question_id"].nunique())
    if table["stratum"].nunique() == 1 and (table["cluster"] == table["question_id"]).all():
        return Clusters.single(table["question_id"].nunique())  # what follows makes the same, by sorting long names
    once = table.drop_duplicates("question_id").sort_values("question_id")
    return Clusters.of(once["cluster"].to_numpy(dtype=str), once["stratum"].to_numpy(dtype=str))


def _same_requests(part: pd.DataFrame, path: str, first: pd.DataFrame) -> None:
    other = set(part["question_id"]) ^ set(first["question_id"])
    if other:
        raise records.RecordError(
            f"{path}: {len(other)} requests are not those of the other methods, such as {min(other)!r}; judge again"
        )


def _questions(run: Run, dataset: str, design: Design) -> pd.DataFrame:
    """Text, exposures, expected accuracy and clusters of the questions of a set, in the order of their ids."""
    questions = records.read(records.QUESTIONS, run.questions(dataset))
    metas = questions["meta"]
    fame = _fame(metas, dataset, design)
    questions = questions.assign(group=metas.map(_group), half=metas.map(_half), fame=fame)
    contents = [json.loads(meta) if meta else {} for meta in metas]
    questions = questions.assign(
        should_refuse=[content.get("label") == "unknown" for content in contents],
        twin=pd.Series([content.get("twin") for content in contents], questions.index, dtype=object),
        **_units(questions, dataset, design),
    )
    questions = questions[["question_id", *_OF_QUESTION]]
    knowledge = records.read(records.KNOWLEDGE, run.knowledge(dataset))[["question_id", "expected_accuracy"]]
    facts = questions.merge(knowledge, on="question_id", validate="one_to_one").sort_values("question_id")
    return facts.astype({"exposures": "float64", "fame": "float64", "expected_accuracy": "float64"})


def _fame(metas: pd.Series[str], dataset: str, design: Design) -> list[float]:
    """How famous what each question is about is; NaN where nothing says it."""
    values = [json.loads(meta).get(design.fame) if meta and design.fame else None for meta in metas]
    for value in values:
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise records.RecordError(
                f"questions.{dataset}.fame: {design.fame!r} is {value!r} in the meta of a question; a number is "
                "needed: name another key"
            )
    return [np.nan if value is None else float(value) for value in values]


def _group(meta: str | None) -> str:
    content = json.loads(meta) if meta else {}
    return next((str(content[key]) for key in GROUP_KEYS if content.get(key)), "")


def _half(meta: str | None) -> str:
    content = json.loads(meta) if meta else {}
    if "described" not in content:
        return ""
    return "described" if content["described"] else "not described"


def _units(questions: pd.DataFrame, dataset: str, design: Design) -> pd.DataFrame:
    """``cluster`` and ``stratum`` of every question, as texts."""
    metas = [json.loads(meta) if meta else {} for meta in questions["meta"]]
    cluster = [meta.get(design.cluster) for meta in metas]
    known = [value is not None and value != "" for value in cluster]
    if design.named and design.cluster != ALONE and not any(known):
        keys = sorted({key for meta in metas for key in meta})
        raise records.RecordError(
            f"questions.{dataset}.cluster: no question has {design.cluster!r} in its meta; there are {keys}; name "
            f"one of these, or {ALONE!r} for a cluster a question"
        )
    names = [
        str(value) if own else key for value, own, key in zip(cluster, known, questions["question_id"], strict=True)
    ]
    values = questions["exposures"] if design.strata == EXPOSURES else [meta.get(design.strata) for meta in metas]
    strata = ["" if pd.isna(value) else str(value) for value in values]
    return pd.DataFrame({"cluster": names, "stratum": strata}, index=questions.index)


def _same_questions(rows: pd.DataFrame, path: str, first_path: str, first: pd.DataFrame) -> None:
    other = set(rows["question_id"]) ^ set(first["question_id"])
    if other:
        raise records.RecordError(
            f"{path}: does not have the same questions as {first_path}; {len(other)} are in one of them only, "
            f"such as {min(other)!r}; evaluate both again"
        )
    differs = rows["before"].to_numpy() != first["before"].to_numpy()
    if differs.any():
        row = rows.iloc[int(differs.argmax())]
        raise records.RecordError(
            f"{path}: column 'before' of question {row['question_id']!r} is {row['before']!r}, not as in {first_path}; "
            "they were made with different labels of M_t: evaluate both again"
        )


def states(evaluations: pd.DataFrame) -> dict[str, States]:
    """Answer states of every method on one set: shape (questions, seeds), questions in the order of their ids.

    Args:
        evaluations: rows of one dataset, columns as :func:`load` returns them.

    Raises:
        ValueError: a method answered a question under one seed only, or not the questions of the other methods.
    """
    coded = evaluations[["method", "seed", "question_id"]].copy()
    coded["state"] = scores.states(evaluations["before"], evaluations["outcome"], evaluations["matched"].to_numpy())
    wide = coded.pivot(index="question_id", columns=["method", "seed"], values="state").sort_index(axis=1)
    gaps = wide.isna()
    if gaps.to_numpy().any():
        row, column = np.argwhere(gaps.to_numpy())[0]
        method, seed = wide.columns.to_list()[column]
        raise ValueError(f"method {method!r}, seed {seed}: no answer to {wide.index[row]!r}, which others answered")
    return {str(name): wide[name].to_numpy().astype("int64") for name in wide.columns.unique(0)}
