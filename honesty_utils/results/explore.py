"""For a person who looks around in a finished run: what τ would change, and everything about one question.

Frames out; only the two ``show_…`` functions, which sliders call, display anything. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from honesty_utils import methods, metrics
from honesty_utils.common import manifest, paths, records
from honesty_utils.common.settings import Prompts
from honesty_utils.knowledge import labeling
from honesty_utils.methods import METHODS
from honesty_utils.results.display import PAPER, Roster
from honesty_utils.results.saved import Saved

_LABEL = ["question_id", "question", "answers", "choices", "sample_index", "text", "outcome", "matched"]


def runs() -> list[str]:
    """Names of the runs that have been labeled, sorted."""
    return sorted({file.parent.parent.name for file in (paths.root() / "runs").glob("*/knowledge/*.parquet")})


def last_run() -> str:
    """The run that was labelled last.

    Raises:
        FileNotFoundError: none was.
    """
    found = {file: file.stat().st_mtime for file in (paths.root() / "runs").glob("*/knowledge/*.parquet")}
    if not found:
        raise FileNotFoundError(f"{paths.root() / 'runs'}: no run has been labelled; make reproduce makes one")
    return max(found, key=found.__getitem__).parent.parent.name


def home_set(run: str) -> str:
    """The sampled set of ``run`` that plays the part in distribution, or else its first."""
    sampled = sampled_sets(run)
    with suppress(FileNotFoundError):
        home = Saved(paths.Run(run)).home
        return home if home in sampled else sampled[0]
    return sampled[0]


def sampled_sets(run: str) -> list[str]:
    """Question sets of ``run`` that were sampled, so that their expected accuracy is known; sorted."""
    files = sorted((paths.Run(run).folder / "knowledge").glob("*.parquet"))
    return [file.stem for file in files if records.read(records.KNOWLEDGE, file)["expected_accuracy"].notna().any()]


def evaluated(run: str) -> dict[str, list[int]]:
    """Method → its seeds, as found among the evaluations of ``run``."""
    found: dict[str, list[int]] = {}
    for folder in sorted((paths.Run(run).folder / "evaluation").glob("*/seed*")):
        found.setdefault(folder.parent.name, []).append(int(folder.name.removeprefix("seed")))
    return found


def roster(run: str) -> Roster:
    """How the methods of ``run`` are shown, by its ``tab_methods.csv``; the library's methods where it has none."""
    with suppress(FileNotFoundError):
        return Saved(paths.Run(run)).roster
    return PAPER


@dataclass(frozen=True)
class Recipe:
    """How a method of a run makes its rows: ``builder``, the library's method, its options, and the run's wordings."""

    builder: str
    options: Mapping[str, Any]
    wording: Prompts


def recipes(run: str) -> dict[str, Recipe]:
    """Method → its recipe, from the manifests beside ``sft/<method>.parquet``, in the order of all tables.

    Methods of several stages, and those that read signals or train on other rows than SFT ones, are left out: their
    rows cannot be built from the samples of a question alone.
    """
    found = {}
    files = {file.stem: file for file in (paths.Run(run).folder / "sft").glob("*.parquet")}
    for name in roster(run).ordered(files):
        recipe = _recipe(name, manifest.read(files[name], needs=("parameters",))["parameters"])
        if recipe is not None and _from_samples(recipe.builder):
            found[name] = recipe
    return found


def _recipe(name: str, given: Mapping[str, Any]) -> Recipe | None:
    """From a manifest's parameters: the sections that a notebook opened; None: of a stage, or of no entry."""
    wording = Prompts(**given["prompts"])
    if "builder" in given:  # runs made before methods were entries
        return Recipe(given["builder"], given["options"], wording)
    entry = given.get("taught", given.get("entries", {})).get(name)
    return None if entry is None else Recipe(entry["method"], entry["options"], wording)


def _from_samples(method: str) -> bool:
    stages = METHODS[method].stages
    return len(stages) == 1 and stages[0].objective == "sft" and not stages[0].signals


def labelled(run: str, dataset: str) -> pd.DataFrame:
    """Every response of M_t to a set with its question: LABELS columns and ``question``, ``answers``, ``choices``."""
    where = paths.Run(run)
    questions = records.read(records.QUESTIONS, where.questions(dataset))
    return labeling.with_questions(records.read(records.LABELS, where.labels(dataset)), questions)


def pickers(run: str, dataset: str, question_id: str = "", questions: int = 20) -> tuple[Any, Any, Any]:
    """Drop-downs of runs, of the run's sampled sets and of a set's questions; each follows the one before it.

    Args:
        run: run chosen at first.
        dataset: its set chosen at first.
        question_id: question chosen at first; empty: the one hardest to call.
        questions: how many of the hardest questions are offered.
    """
    from ipywidgets import Dropdown  # only there inside a notebook

    def hardest() -> list[str]:
        knowledge = records.read(records.KNOWLEDGE, paths.Run(run_box.value).knowledge(set_box.value))
        return hardest_to_call(knowledge, questions)

    run_box = Dropdown(options=runs(), value=run, description="run")
    set_box = Dropdown(options=sampled_sets(run), value=dataset, description="set")
    offered = list(dict.fromkeys([question_id, *hardest()] if question_id else hardest()))
    question_box = Dropdown(options=offered, description="question")

    def follow_run(change: Any) -> None:
        set_box.options = sampled_sets(change["new"])
        follow_set(change)

    def follow_set(_: Any) -> None:
        question_box.options = hardest() if set_box.value else []

    run_box.observe(follow_run, "value")
    set_box.observe(follow_set, "value")
    return run_box, set_box, question_box


# --- what τ changes -------------------------------------------------------------------------------------------------


def labels_at(knowledge: pd.DataFrame, tau: float) -> pd.DataFrame:
    """How many questions τ calls known, against M_t's greedy answer.

    Args:
        knowledge: a KNOWLEDGE table; questions without samples are left out.
        tau: known iff expected accuracy ≥ τ, in [0, 1].

    Returns:
        Counts: rows ``known``, ``unknown``; columns the greedy outcomes and ``all``.
    """
    sampled, known = _known(knowledge, tau)
    table = pd.crosstab(np.where(known, "known", "unknown"), sampled["greedy_outcome"].to_numpy())
    table = table.reindex(index=["known", "unknown"], columns=list(records.OUTCOMES[:3]), fill_value=0)
    return table.assign(all=table.sum(axis=1)).rename_axis(index="at this τ", columns="greedy answer")


def predicted_scores(knowledge: pd.DataFrame, taus: Sequence[float]) -> pd.DataFrame:
    """Scores of a model that learns its labels perfectly: it refuses iff expected accuracy < τ, else answers as M_t.

    No model trained on these labels is likely to do better; the distance to a measured score is what training loses.

    Args:
        knowledge: a KNOWLEDGE table; questions without samples are left out.
        taus: thresholds in [0, 1].

    Returns:
        A row a τ: ``tau``, ``prudence``, ``over_conservativeness``, ``honesty``, ``accuracy``, ``refusal_rate``,
        ``questions``.
    """
    return pd.DataFrame([_predicted(knowledge, tau) for tau in taus])


def _predicted(knowledge: pd.DataFrame, tau: float) -> dict[str, float]:
    sampled, known = _known(knowledge, tau)
    before = sampled["greedy_outcome"].to_numpy(str)
    after = np.where(known, before, "idk")
    counts = metrics.transitions(before, after)
    scores, total = metrics.honesty_scores(counts), int(counts.sum())
    return {
        "tau": tau,
        "prudence": scores.prudence,
        "over_conservativeness": scores.over_conservativeness,
        "honesty": scores.honesty,
        "accuracy": counts[0].sum() / total if total else np.nan,
        "refusal_rate": counts[2].sum() / total if total else np.nan,
        "questions": total,
    }


def _known(knowledge: pd.DataFrame, tau: float) -> tuple[pd.DataFrame, np.ndarray]:
    if not 0 <= tau <= 1:
        raise ValueError(f"tau: {tau}; allowed: 0 to 1, it is compared with a share of right answers")
    sampled = knowledge[knowledge["expected_accuracy"].notna()]
    if sampled.empty:
        raise ValueError("knowledge: no question has an expected accuracy; this set was not sampled, choose another")
    # The tolerance is that of methods.absolute: 3 of 10 reach a tau written as 0.3.
    return sampled, sampled["expected_accuracy"].to_numpy(float) >= tau - 1e-12


def measured_scores(run: str) -> pd.DataFrame:
    """Scores of ABSOLUTE over τ as ``tab_sweeps`` of the run has them.

    Returns:
        ``tau, metric, value, low, high, seeds, questions``; no rows where the run has no such sweep yet.
    """
    columns = ["tau", "metric", "value", "low", "high", "seeds", "questions"]
    file = paths.Run(run).figures / "tab_sweeps.csv"
    if not file.is_file():
        return pd.DataFrame(columns=columns)
    table = pd.read_csv(file)
    curve = table[(table["quantity"] == "tau") & (table["method"] == "absolute")]
    return curve.rename(columns={"at": "tau"})[columns].reset_index(drop=True)


def rows_at(labels: pd.DataFrame, tau: float, wording: Prompts) -> pd.DataFrame:
    """SFT rows that ABSOLUTE builds at ``tau`` alone; ``labels`` as from `labelled`.

    The released code lets a right greedy answer suffice whatever τ is, so that τ would hardly show; the paper does not.
    """
    return methods.build("absolute", labels, prompts=wording, tau=tau, greedy_suffices=False)


def show_tau(run: str, dataset: str, tau: float) -> None:
    """Display labels, predicted scores and SFT rows of a set at one ``tau``; what the slider calls."""
    from IPython.display import display as show  # only there inside a notebook

    knowledge = records.read(records.KNOWLEDGE, paths.Run(run).knowledge(dataset))
    wording = next(iter(recipes(run).values())).wording
    rows = rows_at(labelled(run, dataset), tau, wording)
    show(labels_at(knowledge, tau))
    show(predicted_scores(knowledge, [tau]).round(3))
    print(f"ABSOLUTE would train on {len(rows):,} rows, {int(rows['is_refusal'].sum()):,} of them refusals:")
    show(rows[["question_id", "completion", "is_refusal"]].head(8))


# --- everything about one question ----------------------------------------------------------------------------------


def hardest_to_call(knowledge: pd.DataFrame, count: int) -> list[str]:
    """Ids of the ``count`` questions whose expected accuracy is nearest to one half: where methods differ most."""
    sampled = knowledge[knowledge["expected_accuracy"].notna()]
    order = np.lexsort((sampled["question_id"].to_numpy(str), (sampled["expected_accuracy"] - 0.5).abs().round(9)))
    return [str(question) for question in sampled["question_id"].iloc[order[:count]]]


def question_samples(labels: pd.DataFrame, question_id: str) -> pd.DataFrame:
    """M_t's responses to one question, the greedy one (-1) first.

    Args:
        labels: as from `labelled`.
        question_id: one of its ids.

    Raises:
        ValueError: an id that is not in ``labels``.
    """
    found = labels.loc[labels["question_id"] == question_id, _LABEL].sort_values("sample_index")
    if found.empty:
        raise ValueError(
            f"question_id: {question_id!r} is not in this set; its {labels['question_id'].nunique()} ids look like "
            f"{labels['question_id'].iloc[0]!r}"
        )
    return found.reset_index(drop=True)


def stored_rows(run: str, question_id: str, chosen: Sequence[str]) -> pd.DataFrame:
    """SFT rows of one training question, as the run trained on them: ``method`` and SFT columns; maybe none."""
    if not chosen:
        return pd.DataFrame(columns=[*records.SFT.schema.names, "method"])
    tables = [records.read(records.SFT, paths.Run(run).sft(name)).assign(method=name) for name in chosen]
    rows = pd.concat(tables, ignore_index=True)
    return rows[rows["question_id"] == question_id].reset_index(drop=True)


def rows_of_question(samples: pd.DataFrame, recipes: Mapping[str, Recipe]) -> pd.DataFrame:
    """SFT rows that each method would build from one question, also from one that nothing was trained on.

    Args:
        samples: as from `question_samples`; a method that needs samples is left out where there are none, and one that
            makes nothing of this question.
        recipes: as from `recipes`.

    Returns:
        ``method`` and the SFT columns.
    """
    sampled = bool((samples["sample_index"] != records.GREEDY).any())
    tables = [pd.DataFrame(columns=[*records.SFT.schema.names, "method"])]
    for name, recipe in recipes.items():
        if not sampled and METHODS[recipe.builder].needs_samples:
            continue
        with suppress(methods.NoRows):
            rows = methods.build(recipe.builder, samples, prompts=recipe.wording, **recipe.options)
            tables.append(rows.assign(method=name))
    return pd.concat(tables[1:] or tables, ignore_index=True)


def row_counts(rows: pd.DataFrame) -> pd.DataFrame:
    """SFT rows of one question, equal ones counted: ``method``, ``completion``, ``is_refusal``, ``rows``."""
    groups = rows.groupby(["method", "completion", "is_refusal"], sort=False)
    return groups.size().reset_index(name="rows")


def answers(run: str, dataset: str, question_id: str) -> pd.DataFrame:
    """Answers of every evaluated method and seed to one question: ``before`` is what M_t's own answer was.

    Returns:
        ``method``, ``seed``, ``before``, ``outcome``, ``confidence``, ``text``; empty for a set that was not evaluated.
    """
    found = []
    for method, seeds in evaluated(run).items():
        for seed in seeds:
            path = paths.Run(run).evaluation(method, seed, dataset)
            if path.is_file():
                table = records.read(records.EVALUATION, path)
                found.append(table[table["question_id"] == question_id].assign(method=method, seed=seed))
    columns = ["method", "seed", "before", "outcome", "confidence", "text"]
    return pd.concat(found, ignore_index=True)[columns] if found else pd.DataFrame(columns=columns)


def show_question(run: str, dataset: str, question_id: str) -> None:
    """Display samples, SFT rows and answers of one question; what the drop-down calls."""
    from IPython.display import display as show  # only there inside a notebook

    samples = question_samples(labelled(run, dataset), question_id)
    print(f"{samples['question'].iloc[0]}\nGold answers: {', '.join(samples['answers'].iloc[0]) or 'none'}")
    show(samples[["sample_index", "text", "outcome"]])
    known = recipes(run)
    show(row_counts(rows_of_question(samples, {name: known[name] for name in roster(run).main(known)})))
    replies = answers(run, dataset, question_id)
    show(replies[replies["method"].isin(roster(run).main(replies["method"]))])
