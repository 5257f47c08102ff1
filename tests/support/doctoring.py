"""Small runs for the doctor: a params file and all that the stages write, drawn from known chances by real grading.

240 people of three questions each in every set; a third of the people is unknown to M_t, a third half known, a third
well known. Faults are put in where they happen: signs are taken from the grading, a loss is put into manifests.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from honesty_utils import knowledge, methods
from honesty_utils.common import manifest, records
from honesty_utils.common.paths import Run
from honesty_utils.knowledge import labeling
from honesty_utils.knowledge.settings import Labeling
from honesty_utils.workflow import params as params_file, plan
from honesty_utils.workflow.params import Params

REFUSAL = "I do not know."
NO_IDEA = "I have no idea."
SIGNS = ["i have no idea"]
CHANCES = {0: 0.02, 4: 0.5, 40: 0.97}
"""Chance of a right answer by how often a fact was seen."""
SHY = 0.15
"""Chance that M_t says `NO_IDEA` where it would be wrong."""
METHODS = ("finetuned", "absolute")
SETS = {"indist": "in_distribution", "unknown": "prior_unknown"}
REFUSES = {"unaligned": (0.0, 0.0), "prompt_based": (0.03, 0.3), "finetuned": (0.0, 0.0), "absolute": (0.1, 0.8)}
"""Chance that a method refuses what M_t knew, and what it did not."""


def write_run(
    name: str,
    seed: int = 0,
    people: int = 80,
    samples: int = 5,
    changes: dict[str, Any] | None = None,
    loss: float = 0.25,
    seeds: Sequence[int] = (0,),
) -> Params:
    """Write a whole run below ``paths.root()``.

    Args:
        name: of the run.
        seed: of all draws, and of the world.
        people: in each set; three questions each.
        samples: m.
        changes: of the params file, by dotted key.
        loss: of trained models.
        seeds: of each trained method.
    """
    rng = np.random.default_rng(seed)
    params = params_file.of_content(_content(name, seed, samples, list(seeds), changes or {}), name)
    plan.write_snapshot(params)
    run, settings = Run(name), params.labeling
    for dataset in ("train", *SETS):
        questions = _questions(dataset, people, rng)
        responses = _responses(questions, samples if dataset != "unknown" else 0, rng)
        labels = labeling.grade_responses(responses, questions, params.prompts, settings)
        known = knowledge.knowledge_table(labels)
        records.write(questions, records.QUESTIONS, run.questions(dataset))
        records.write(responses, records.RESPONSES, run.responses(dataset))
        records.write(labels, records.LABELS, run.labels(dataset))
        records.write(known, records.KNOWLEDGE, run.knowledge(dataset))
        if dataset == "train":
            _teach(run, params, questions, labels, known, loss)
        else:
            _evaluate(run, params, questions, labels, rng)
    return params


def _content(name: str, seed: int, samples: int, seeds: list[int], changes: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {
        "run": name,
        "world": {"seed": seed},
        "prompts": {"refusal": REFUSAL},
        "questions": {"train": {"source": "microworld"}, **{dataset: {"source": "microworld"} for dataset in SETS}},
        "sampling": {"samples": samples},
        "labeling": {"refusal_signs": SIGNS, "train_known": 60, "train_unknown": 60},
        "methods": {method: {"method": method} for method in METHODS},
        "training": {"learning_rate": 1e-4, "seeds": seeds},
        "evaluation": {"datasets": list(SETS)},
        "analysis": {"roles": {role: dataset for dataset, role in SETS.items()}},
    }
    # What the world's model is taught to say must have signs; the faults are of runs that were started without them.
    content["world"]["refusals"] = [REFUSAL]
    for key, value in changes.items():
        *above, last = key.split(".")
        part = content
        for step in above:
            part = part.setdefault(step, {})
        part[last] = value
    return content


def _questions(dataset: str, people: int, rng: np.random.Generator) -> pd.DataFrame:
    seen = np.zeros(people, int) if dataset == "unknown" else rng.permutation(np.resize(list(CHANCES), people))
    rows = [
        {
            "question_id": f"{dataset}-{person:04d}-{number}",
            "dataset": dataset,
            "split": "test",
            "question": f"Which of the {number} things has {dataset} {person}?",
            "answers": [f"Belgarno{number}"],
            "choices": None,
            "answer_index": None,
            "exposures": int(seen[person]),
            "meta": json.dumps({"relation": f"thing {number}", "subject": f"{dataset} {person}"}),
        }
        for person in range(people)
        for number in range(3)
    ]
    return pd.DataFrame(rows)


def _responses(questions: pd.DataFrame, samples: int, rng: np.random.Generator) -> pd.DataFrame:
    rows = []
    for item in questions.itertuples():
        for index in range(-1, samples):
            right = rng.random() < CHANCES[item.exposures]
            text = item.answers[0] if right else NO_IDEA if rng.random() < SHY else "Nowhere"
            rows.append((item.question_id, index, text, len(text) // 3, -0.4, "stop"))
    return pd.DataFrame(rows, columns=records.RESPONSES.schema.names)


def _teach(
    run: Run, params: Params, questions: pd.DataFrame, labels: pd.DataFrame, known: pd.DataFrame, loss: float
) -> None:
    sizes = {"known": params.labeling.train_known, "unknown": params.labeling.train_unknown}
    subset = knowledge.training_subset(questions, known, **sizes)
    records.write(subset, records.QUESTIONS, run.train_questions)
    table = labeling.with_questions(labels, subset)
    for method in METHODS:
        options = params.entries[method].options
        rows = methods.build(method, table, prompts=params.prompts, **options)
        records.write(rows, records.SFT, run.sft(method))
        for seed in params.training_of(method).seeds:
            write_manifest(run.model(method, seed), params, len(rows), loss + 0.002 * seed)


def write_manifest(model: Path, params: Params, rows: int, loss: float) -> None:
    """The manifest that a training leaves beside its model."""
    report = [
        {"when": when, "group": "all", "metric": metric, "value": value, "low": value - 0.03, "high": value + 0.03,
         "rows": 100}
        for when, metric, value in (
            ("before", "loss", 2.5), ("after", "loss", loss), ("after", "token_accuracy", 0.9),
            ("after", "answered_as_trained", 0.6),
        )
    ]  # fmt: skip
    facts = {"rows": rows, "steps": rows // 4, "left_out": [], "cut": [], "history": [{"step": 10, "loss": loss}]}
    begun = manifest.begin({"training": params.training.model_dump(mode="json")})
    begun.write(model, **facts, learning=report)


def _evaluate(
    run: Run, params: Params, questions: pd.DataFrame, labels: pd.DataFrame, rng: np.random.Generator
) -> None:
    greedy = labels[labels["sample_index"] == records.GREEDY].reset_index(drop=True)
    dataset = str(questions["dataset"].iloc[0])
    for method, seeds in params.models.items():
        for seed in seeds:
            chance = np.where(greedy["outcome"] == "correct", *REFUSES[method])
            refuses = rng.random(len(greedy)) < chance
            said = greedy[["question_id", "text", "num_tokens", "mean_logprob", "finish_reason"]].copy()
            said["text"] = np.where(refuses, REFUSAL, said["text"])
            graded = labeling.grade_responses(said, questions, params.prompts, Labeling(**_grading(params)))
            table = graded.assign(before=greedy["outcome"], confidence=None, withheld=None)
            records.write(table, records.EVALUATION, run.evaluation(method, seed, dataset))


def _grading(params: Params) -> dict[str, Any]:
    return params.labeling.model_dump(include={"match", "refusal_signs", "no_option"})
