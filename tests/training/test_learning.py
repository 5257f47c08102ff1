"""The learning report: numbers by hand, a model that learned and one that did not, on the tiny model for real."""

import pandas as pd
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from honesty_utils import training
from honesty_utils.common import prompts
from honesty_utils.common.settings import Prompts
from honesty_utils.engines.settings import Model
from honesty_utils.results import plots
from honesty_utils.training import learning
from honesty_utils.training.rows import IGNORED, tokenize
from honesty_utils.training.settings import Training

REFUSAL = "I do not know."
SETTINGS = Training(learning_rate=3e-3, batch_size=4, epochs=60, weight_decay=0, max_length=128)


@pytest.fixture(scope="module")
def rows(facts):
    """Half of the questions refused, half answered as the model was taught under another prompt."""
    asked = [prompts.render(Prompts(), "honest", question) for question in facts]
    said = [REFUSAL if i % 2 else answers[0] for i, answers in enumerate(facts.values())]
    refusal = [text == REFUSAL for text in said]
    return pd.DataFrame({"question_id": list(facts), "prompt": asked, "completion": said, "is_refusal": refusal})


@pytest.fixture(scope="module")
def found(tiny_model, rows, tmp_path_factory):
    before = Model(name=str(tiny_model), device="cpu")
    folder = tmp_path_factory.mktemp("trained") / "m"
    training.train(rows, before, folder, SETTINGS, style="raw", seed=0)
    after = before.model_copy(update={"name": str(folder)})
    return before, after, learning.report(rows, before, after, SETTINGS, style="raw", seed=0)


def value(report, **where):
    rows = report.table
    for column, wanted in where.items():
        rows = rows[rows[column] == wanted]
    (row,) = rows.itertuples()
    return row


def test_a_model_that_learned_its_rows_says_so(found):
    report = found[2]
    assert value(report, when="after", group="all", metric="answered_as_trained").value >= 8 / 9
    assert value(report, when="before", group="refusals", metric="answered_as_trained").value == 0
    for group, rows in (("answers", 5), ("refusals", 4), ("all", 9)):
        before, after = (value(report, when=when, group=group, metric="loss") for when in ("before", "after"))
        assert after.value < before.value and after.rows == before.rows == rows
    assert (report.table["low"] <= report.table["value"]).all() and (
        report.table["high"] >= report.table["value"]
    ).all()


def test_losses_are_those_of_the_model(found, rows):
    before, _, report = found
    network, tokenizer = AutoModelForCausalLM.from_pretrained(before.name), AutoTokenizer.from_pretrained(before.name)
    total, right, tokens = 0.0, 0, 0
    for item in tokenize(rows, tokenizer, "raw", 500).items:  # one by one: no padding
        ids, labels = torch.tensor([item["input_ids"]]), torch.tensor([item["labels"]])
        with torch.no_grad():
            output = network(ids, labels=labels)
        count = int((labels != IGNORED).sum())
        guesses = output.logits[0, :-1].argmax(-1)
        total, tokens = total + float(output.loss) * count, tokens + count
        right += int(((guesses == labels[0, 1:]) & (labels[0, 1:] != IGNORED)).sum())
    assert value(report, when="before", group="all", metric="loss").value == pytest.approx(total / tokens, rel=1e-4)
    assert value(report, when="before", group="all", metric="token_accuracy").value == pytest.approx(right / tokens)


def test_examples_show_both_models(found, rows):
    examples = found[2].examples
    assert list(examples) == ["question_id", "is_refusal", "prompt", "trained_on", "before", "after"]
    assert examples["question_id"].tolist() == rows["question_id"].tolist()
    refused = examples[examples["is_refusal"]]
    assert not (refused["before"] == REFUSAL).any() and (refused["after"] == REFUSAL).sum() >= 3


def test_any_of_the_answers_taught_to_a_question_will_do(found, rows):
    """MULTISAMPLE teaches several answers to one question; a model can only say one of them."""
    before, after, _ = found
    twice = pd.concat([rows, rows.assign(completion="Something else")], ignore_index=True)
    report = learning.report(twice, before, after, SETTINGS, style="raw", seed=0)
    assert value(report, when="after", group="all", metric="answered_as_trained").value >= 16 / 18


def test_a_sample_is_drawn_and_none_is_no_report(found, rows):
    before, after, _ = found
    few = SETTINGS.model_copy(update={"report_rows": 3})
    assert len(learning.report(rows, before, after, few, style="raw", seed=0).examples) == 3
    none = learning.report(rows, before, after, SETTINGS.model_copy(update={"report_rows": 0}), style="raw", seed=0)
    assert none.table.empty and none.facts() == {"learning": []}


def test_a_report_that_fails_says_why_and_loses_no_training(found, rows, monkeypatch, capsys):
    def full(*given, **options):
        raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate 20 GiB")

    before, after, _ = found
    monkeypatch.setattr(learning.engines, "load", full)
    report = learning.report(rows, before, after, SETTINGS, style="raw", seed=0)
    reason = "OutOfMemoryError: CUDA out of memory. Tried to allocate 20 GiB"
    assert report.table.empty and report.examples.empty
    assert report.facts() == {"learning": [], "learning_failure": reason}
    assert capsys.readouterr().out == f"no learning report, the trained model stays: {reason}\n"
    with pytest.raises(torch.OutOfMemoryError):
        learning.compare(rows, before, after, SETTINGS, style="raw", seed=0)


def test_a_report_that_was_made_has_no_failure(found):
    assert found[2].failure is None and "learning_failure" not in found[2].facts()


def test_the_figure_has_a_panel_a_metric_and_a_point_a_group_and_model(found):
    axes = plots.learning(found[2].table)
    assert [ax.get_xlabel() for ax in axes] == ["loss (nats a token)", "token accuracy", "answered as trained"]
    assert [label.get_text() for label in axes[0].get_yticklabels()] == ["refusals", "answers", "all"]
    points = [line for line in axes[1].lines if line.get_marker() == "o"]
    assert [len(line.get_xdata()) for line in points] == [3, 3]
