"""Cards of an exported model and of the rows that it was trained on: Markdown with the hub's header."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import yaml

from honesty_utils.results import display
from honesty_utils.results.display import PAPER, Roster

SHOWN = ("prudence", "over_conservativeness", "honesty", "accuracy", "refusal_rate")
"""Metrics of a card, columns of its table."""


@dataclass(frozen=True)
class Facts:
    """What the cards of one model say.

    Attributes:
        base: name of M_t for a reader; ``base_id`` is its name on the hub, if it is there.
        licence: of M_t; what is made of it is under the same.
        adapter: whether an adapter was trained.
        manifest: what stands beside the model.
        rows: SFT rows of the method.
        scores: the method's rows of ``tab_main``.
        prompt: the honest prompt, ``{question}`` and ``{refusal}`` in it.
        sources: question set → where its questions come from.
        options: of the method.
        roster: the methods of the run.
    """

    run: str
    method: str
    seed: int
    base: str
    base_id: str | None
    licence: str
    adapter: bool
    manifest: Mapping[str, Any]
    rows: pd.DataFrame
    scores: pd.DataFrame
    prompt: str
    refusal: str
    style: str
    sources: Mapping[str, str]
    options: Mapping[str, Any]
    roster: Roster = PAPER

    @property
    def label(self) -> str:
        """Display name of the method."""
        return self.roster.label(self.method)


def model_card(facts: Facts, adapter: bool) -> str:
    """Card of the whole model or, with ``adapter``, of the adapter alone."""
    header: dict[str, Any] = {
        "license": facts.licence,
        "library_name": "peft" if adapter else "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["alignment-for-honesty", facts.method],
    }
    if facts.base_id:
        header["base_model"] = facts.base_id
        header["base_model_relation"] = "adapter" if adapter else "finetune"
    kind = "LoRA adapter" if adapter else "model"
    parts = [
        f"# {facts.run}: {facts.label}, seed {facts.seed}",
        f"A {kind} that answers what it knows and refuses what it does not: {facts.base}, fine-tuned by the method "
        f"{facts.label} of [Alignment for Honesty](https://arxiv.org/abs/2312.07000).",
        "## Base and licence",
        f"Base: {facts.base}. Its licence, `{facts.licence}`, binds this {kind} too.",
        "## Asking it",
        "It was trained and is evaluated under this prompt "
        + ("as the user's turn of the chat template:" if facts.style == "chat" else "as raw text:"),
        _fenced(facts.prompt.replace("{refusal}", facts.refusal)),
        "## Scores",
        _scores(facts),
        "## Data",
        _counts(facts),
        "## Training",
        _training(facts),
        "## Intended use and limits",
        "For research on honesty and calibration: whether a model can tell what it knows. Questions that are short and "
        "have short answers were trained on and measured; long answers, other languages and retrieval were not. A "
        "refusal means that the model was taught to refuse such questions, not that nobody knows; an answer can be "
        "wrong. Not for decisions that need a right answer.",
        "## Where it comes from",
        _provenance(facts),
    ]
    return _with_header(header, parts)


def dataset_card(facts: Facts) -> str:
    """Card of the SFT rows."""
    header = {
        "license": "other",
        "license_name": "that-of-the-questions-and-of-the-base-model",
        "task_categories": ["question-answering"],
        "tags": ["alignment-for-honesty", facts.method],
        "configs": [{"config_name": "default", "data_files": "train.parquet"}],
    }
    parts = [
        f"# {facts.run}: rows of {facts.label}",
        f"What {facts.base} was fine-tuned on by the method {facts.label} of "
        "[Alignment for Honesty](https://arxiv.org/abs/2312.07000): questions under the honest prompt, answered where "
        "the model's own samples say that it knows, refused where they do not.",
        _counts(facts),
        "| column | |\n|---|---|\n| `question_id` | hash of set and question |\n| `prompt` | what is given |\n"
        "| `completion` | what is learned |\n| `is_refusal` | whether that is a refusal |\n"
        "| `confidence` | the confidence that it states, if it states one |",
        f"Questions: {facts.sources['train']}. Answers are of {facts.base} (`{facts.licence}`). Both licences apply.",
        "## Where it comes from",
        _provenance(facts),
    ]
    return _with_header(header, parts)


def _scores(facts: Facts) -> str:
    table = facts.scores.dropna(subset="value")
    if table.empty:
        return f"`tab_main.csv` has no score of {facts.method}."
    lines = ["| set | " + " | ".join(display.METRICS[metric] for metric in SHOWN) + " | questions |"]
    lines.append("|---" * (len(SHOWN) + 2) + "|")
    for dataset, rows in table.groupby("dataset", sort=False):
        cells = [_score(rows[rows["metric"] == metric]) for metric in SHOWN]
        lines.append(f"| {dataset} | " + " | ".join(cells) + f" | {int(rows['questions'].iloc[0])} |")
    seeds = int(table["seeds"].max())
    of = f"mean of {seeds} training seeds, this model being one of them" if seeds > 1 else "this model"
    note = (
        f"Percent with 95 % intervals; {of}. Prudence: of what the base did not know, the share refused. "
        "Over-conservativeness: of what it knew, the share refused. Honesty: the mean of prudence and the rest."
    )
    return "\n".join(lines) + f"\n\n{note}"


def _score(row: pd.DataFrame) -> str:
    if row.empty:
        return "–"
    value, low, high = (100 * float(row[name].iloc[0]) for name in ("value", "low", "high"))
    return f"{value:.1f} [{low:.1f}, {high:.1f}]"


def _counts(facts: Facts) -> str:
    rows = facts.rows
    refused = int(rows["is_refusal"].sum())
    return (
        f"{len(rows):,} rows on {rows['question_id'].nunique():,} questions: {len(rows) - refused:,} answers and "
        f"{refused:,} refusals (“{facts.refusal}”)."
    )


def _training(facts: Facts) -> str:
    given = facts.manifest["parameters"]["training"]
    kept = {name: value for name, value in given.items() if value is not None and value != []}
    lines = [f"{facts.manifest['rows']:,} rows, {facts.manifest['steps']:,} steps on {facts.manifest['device']}.", ""]
    lines += ["| parameter | value |", "|---|---|", *(f"| {name} | {value} |" for name, value in kept.items())]
    lines += [f"| {facts.method}.{name} | {value} |" for name, value in facts.options.items()]
    return "\n".join(lines)


def _provenance(facts: Facts) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in facts.manifest["packages"].items())
    return f"Run `{facts.run}`, seed {facts.seed}, revision `{facts.manifest['revision']}`; {packages}."


def _fenced(text: str) -> str:
    return f"```text\n{text}\n```"


def _with_header(header: dict[str, Any], parts: list[str]) -> str:
    return f"---\n{yaml.safe_dump(header, sort_keys=False)}---\n\n" + "\n\n".join(parts) + "\n"
