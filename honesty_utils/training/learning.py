"""Did the model learn its rows? M_t and the trained model on the same sample of them, refusals and answers apart.

Loss and token accuracy are teacher-forced, over completion tokens. *Answered as trained* asks the question greedily, as
an evaluation does, and compares the whole answer: it falls behind token accuracy where a first token goes astray.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from honesty_utils import engines
from honesty_utils.common.prompts import Style
from honesty_utils.engines.settings import Generation, Model
from honesty_utils.metrics.intervals import generator
from honesty_utils.training.rows import IGNORED, tokenize
from honesty_utils.training.settings import Training

GROUPS = {"answers": False, "refusals": True}
METRICS = {
    "loss": ("loss", "tokens"),
    "token_accuracy": ("correct", "tokens"),
    "answered_as_trained": ("as_trained", "rows"),
}
"""Each a ratio of two sums over rows."""
RESAMPLES = 2000
COLUMNS = ["when", "group", "metric", "value", "low", "high", "rows"]


@dataclass(frozen=True)
class Learning:
    """What the report found.

    Attributes:
        table: a row a model (before, after), group of rows and metric, with 95 % intervals over rows.
        examples: a row a sampled training row: ``question_id``, ``is_refusal``, ``prompt``, ``trained_on``, and what
            each model says: ``before``, ``after``.
        failure: why there is no report though rows were asked for; none: there is one.
    """

    table: pd.DataFrame
    examples: pd.DataFrame
    failure: str | None = None

    def facts(self) -> dict[str, Any]:
        """For a manifest: the table, a row a list entry, and why there is none."""
        table = {"learning": self.table.astype(object).where(self.table.notna(), None).to_dict("records")}
        return table if self.failure is None else {**table, "learning_failure": self.failure}


NONE = Learning(pd.DataFrame(columns=COLUMNS), pd.DataFrame(columns=["prompt"]))


def report(rows: pd.DataFrame, before: Model, after: Model, settings: Training, *, style: Style, seed: int) -> Learning:
    """`compare`, or a report that says why it failed: hours of training must not be lost for a table about them.

    A notebook that fails takes its model with it, for Snakemake deletes what a failed job has written.
    """
    try:
        return compare(rows, before, after, settings, style=style, seed=seed)
    except Exception as error:  # whatever it is, out of memory as a rule: the model is trained
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        print(f"no learning report, the trained model stays: {reason}")
        return replace(NONE, failure=reason)


def compare(
    rows: pd.DataFrame, before: Model, after: Model, settings: Training, *, style: Style, seed: int
) -> Learning:
    """Compare two models on ``settings.report_rows`` of ``rows``; with 0 of them, an empty report.

    Args:
        rows: a SFT table, the one that ``after`` was trained on.
        before: M_t.
        after: the trained model or adapter.
        settings: the training section.
        style: ``raw`` or ``chat``, as in training.
        seed: of the sample.

    Raises:
        ModelError: a model that cannot be loaded, or memory that does not suffice.
    """
    sample = rows.sample(min(settings.report_rows, len(rows)), random_state=seed).sort_index()
    if sample.empty:
        return NONE
    targets = rows.groupby("prompt")["completion"].agg(lambda texts: {text.strip() for text in texts})
    items = _items(sample, after, style)
    scores, said = {}, {}
    for name, model in (("before", before), ("after", after)):
        scores[name], said[name] = _read(model, sample, items, settings, style)
        right = [text in targets[prompt] for text, prompt in zip(said[name], sample["prompt"], strict=True)]
        scores[name] = scores[name].assign(as_trained=right, rows=1)
    groups = {"all": np.ones(len(sample), bool)} | {
        name: (sample["is_refusal"] == value).to_numpy() for name, value in GROUPS.items()
    }
    table = [
        (name, group, metric, *_ratio(scores[name][member], metric, seed, group), int(member.sum()))
        for name in scores
        for group, member in groups.items()
        for metric in METRICS
        if member.any()
    ]
    examples = sample[["question_id", "is_refusal", "prompt"]].assign(trained_on=sample["completion"], **said)
    return Learning(pd.DataFrame(table, columns=COLUMNS), examples.reset_index(drop=True))


def _items(rows: pd.DataFrame, model: Model, style: Style) -> list[dict[str, list[int]]]:
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(model.name, revision=model.revision, trust_remote_code=False)
    return tokenize(rows, tokenizer, style, sys.maxsize).items


def _read(
    model: Model, rows: pd.DataFrame, items: list[dict[str, list[int]]], settings: Training, style: Style
) -> tuple[pd.DataFrame, list[str]]:
    """Scores of each row's completion tokens, and the greedy answer to each row's prompt."""
    taught = max(sum(label != IGNORED for label in item["labels"]) for item in items)
    # As long as the longest answer that was taught, and a little more: one that goes on too long is not that answer.
    generation = Generation(max_new_tokens=taught + 4, batch_size=settings.batch_size)
    engine: Any = engines.load(model, generation, style)
    batches = [items[start : start + settings.batch_size] for start in range(0, len(items), settings.batch_size)]
    scores = pd.DataFrame([score for batch in batches for score in _token_scores(engine.model, batch)])
    answers = engine.generate([engines.Request(prompt=prompt, temperature=0.0, seed=0) for prompt in rows["prompt"]])
    return scores, [answer.text.strip() for answer in answers]


def _token_scores(network: Any, items: Sequence[dict[str, list[int]]]) -> Iterator[dict[str, float]]:
    """Sum of losses, right tokens and number of tokens of each row's completion."""
    import torch

    width = max(len(item["input_ids"]) for item in items)
    ids = torch.zeros(len(items), width, dtype=torch.long)
    labels = torch.full((len(items), width), IGNORED)
    mask = torch.zeros(len(items), width, dtype=torch.long)
    for i, item in enumerate(items):
        length = len(item["input_ids"])
        ids[i, :length], mask[i, :length] = torch.tensor(item["input_ids"]), 1
        labels[i, :length] = torch.tensor(item["labels"])
    with torch.inference_mode():
        logits = network(ids.to(network.device), attention_mask=mask.to(network.device)).logits[:, :-1]
    wanted = labels[:, 1:].to(logits.device)
    for row, targets in zip(logits, wanted, strict=True):
        learned = targets != IGNORED
        loss = torch.nn.functional.cross_entropy(row[learned].float(), targets[learned], reduction="sum")
        right = (row[learned].argmax(-1) == targets[learned]).sum()
        yield {"loss": float(loss), "correct": float(right), "tokens": float(learned.sum())}


def _ratio(scores: pd.DataFrame, metric: str, seed: int, group: str) -> tuple[float, float, float]:
    """A metric with the ends of its interval: a bootstrap over rows."""
    top, bottom = (scores[name].to_numpy(float) for name in METRICS[metric])
    counts = generator(seed, "learning", group).multinomial(len(top), np.full(len(top), 1 / len(top)), RESAMPLES)
    low, high = np.quantile((counts @ top) / (counts @ bottom), [0.025, 0.975])
    return float(top.sum() / bottom.sum()), float(low), float(high)
