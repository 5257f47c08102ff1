"""A question that nobody can know, without answers, goes through every stage: from its file to the tables."""

import json
import logging

import pandas as pd
import pytest
from support import judging

from honesty_utils import evaluation, knowledge, methods, questions
from honesty_utils.common import records
from honesty_utils.common.paths import Run
from honesty_utils.common.settings import Prompts
from honesty_utils.engines import Response
from honesty_utils.evaluation import frames
from honesty_utils.grading import MATCHES
from honesty_utils.knowledge import labeling, selection
from honesty_utils.knowledge.settings import Labeling, Rows
from honesty_utils.questions.settings import QuestionSet
from honesty_utils.results import explore, tables
from honesty_utils.results.settings import Analysis
from honesty_utils.sampling import sample
from honesty_utils.sampling.settings import Sampling

WORDING, SETTINGS = Prompts(), Labeling()
UNKNOWN = "What did I dream of?"
ROWS = [
    {"question": "Capital of France?", "answers": ["Paris"], "id": "france"},
    {"question": "Capital of Italy?", "answers": ["Rome"], "id": "italy"},
    {"question": UNKNOWN, "label": "unknown", "id": "dream"},
    {"question": "What will I eat?", "label": "unknown", "answers": [], "id": "meal"},
]
SAYS = {
    "France": ["Paris."] * 4,
    "Italy": ["Milan."] * 4,
    "dream": ["A horse.", "Rome."] * 2,
    "eat": [WORDING.refusal] * 4,
}
"""What M_t says, greedily and then in its samples; "Rome" is right elsewhere."""


class Model:
    """An engine that answers by the word in the prompt, in the order of the requests."""

    context = 10_000

    def prompt_length(self, prompt):
        return len(prompt)

    def generate(self, requests):
        said = {word: iter(texts) for word, texts in SAYS.items()}
        texts = [next(texts for word, texts in said.items() if word in request.prompt) for request in requests]
        return [Response(next(text), 3, -0.5, "stop") for text in texts]


@pytest.fixture(scope="module", params=["jsonl", "csv"])
def run(request, tmp_path_factory):
    """A run whose questions are a file of the user's, labelled and evaluated by the functions of the notebooks."""
    folder = tmp_path_factory.mktemp("run")
    path = folder / f"mine.{request.param}"
    if request.param == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    else:
        frame = pd.DataFrame(ROWS)
        frame["answers"] = [row.get("answers", [None])[0] if row.get("answers") else None for row in ROWS]
        frame.to_csv(path, index=False)
    patch = pytest.MonkeyPatch()
    patch.setenv("HONESTY_ROOT", str(folder))
    run = Run("toy")
    asked = questions.load("train", QuestionSet(source="jsonl", path=str(path)))
    records.write(asked, records.QUESTIONS, run.questions("train"))
    drawing = Sampling(samples=3)
    sample(
        Model(), asked, WORDING, drawing, samples=3, identity="m", path=run.responses("train"),
        shard_folder=run.shards("responses"),
    )  # fmt: skip
    responses = records.read(records.RESPONSES, run.responses("train"))
    asked = records.read(records.QUESTIONS, run.questions("train"))
    labels = labeling.label(responses, asked, WORDING, SETTINGS)
    records.write(labels, records.LABELS, run.labels("train"))
    known = knowledge.knowledge_table(labels)
    records.write(known, records.KNOWLEDGE, run.knowledge("train"))
    subset = knowledge.training_subset(asked, known, known=1, unknown=3, seed=0)
    records.write(subset, records.QUESTIONS, run.train_questions)
    for method, text in (("unaligned", None), ("absolute", WORDING.refusal), ("finetuned", "Rome, surely.")):
        greedy = labeling.greedy(labels)
        replies = greedy if text is None else greedy.assign(text=text)
        table = evaluation.evaluate(replies, asked, labels, WORDING, SETTINGS)
        records.write(table, records.EVALUATION, run.evaluation(method, 0, "train"))
    yield run
    patch.undo()


def outcomes(run):
    labels = records.read(records.LABELS, run.labels("train"))
    return labels.groupby("question_id")["outcome"].agg(list).to_dict()


def test_a_reply_to_it_is_a_refusal_or_wrong(run):
    assert outcomes(run) == {
        "france": ["correct"] * 4, "italy": ["wrong"] * 4, "dream": ["wrong"] * 4, "meal": ["idk"] * 4
    }  # fmt: skip
    known = records.read(records.KNOWLEDGE, run.knowledge("train")).set_index("question_id")
    assert known["known"].to_dict() == {"france": True, "italy": False, "dream": False, "meal": False}
    assert known.loc[["dream", "meal"], "expected_accuracy"].tolist() == [0, 0]


TAUGHT = sorted(
    name
    for name, kind in methods.METHODS.items()
    if [stage.objective for stage in kind.stages] == ["sft"]
    and not kind.stages[0].signals
    and not kind.stages[0].needs_ways
    if kind.teaches_refusal or name == "finetuned"
)
"""A method of a signal, such as SE-TUNING, does not look at what a question is labeled; one that teaches no refusal has
no rows of a question without an answer."""


@pytest.mark.parametrize("name", TAUGHT)
def test_every_method_refuses_it_and_finetuned_leaves_it_out(run, name, caplog):
    # The ladder of CRAFT refuses so many for each answer: here three, so that all three unknown ones take part.
    options = {"cor_rait": {"keep": 1.0, "share": 0.25}}.get(name, {})
    with caplog.at_level(logging.WARNING):
        rows = methods.build(name, selection.training_labels(run, Rows()), prompts=WORDING, **options)
    records.conform(rows, records.SFT, name)
    if name == "finetuned":
        assert dict(zip(rows["question_id"], rows["completion"], strict=True)) == {"france": "Paris.", "italy": "Rome."}
        assert caplog.messages == ["methods.finetuned: 2 of 4 questions left out: no gold answer to teach"]
    else:
        refused = rows[rows["question_id"].isin(["dream", "meal"])]
        assert set(refused["question_id"]) == {"dream", "meal"} and refused["is_refusal"].all() and not caplog.messages


def test_sureness_is_taught_of_what_has_an_answer_alone(run):
    rows = methods.build("r_tuning_sure", selection.training_labels(run, Rows()), prompts=WORDING)
    assert rows["question_id"].tolist() == ["france", "france", "italy", "italy"]
    assert rows["completion"].tolist()[1::2] == ["I am sure.", "I am unsure."]


def test_an_answer_to_it_is_wrong_and_a_refusal_prudent(run):
    found = frames.load(run, {"unaligned": [0], "absolute": [0], "finetuned": [0]}, ["train"], {})
    after = found.set_index(["method", "question_id"])["outcome"]
    assert after["finetuned", "dream"] == after["finetuned", "meal"] == "wrong"
    assert after["absolute", "dream"] == after["absolute", "meal"] == "idk"
    assert not found.loc[found["question_id"].isin(["dream", "meal"]), "matched"].any()


def test_every_table_holds_it(run):
    chosen = {"unaligned": [0], "absolute": [0], "finetuned": [0]}
    analysis = Analysis(resamples=1000, roles={"in_distribution": "train"})
    found = frames.load(run, chosen, ["train"], {})
    asked = {"train": records.read(records.QUESTIONS, run.questions("train"))}
    labels = {"train": records.read(records.LABELS, run.labels("train"))}
    main = tables.tab_main(found, analysis).set_index(["method", "metric"])["value"]
    # Three of four are not known: absolute refuses all of them, finetuned none.
    assert main["absolute", "prudence"] == 1 and main["finetuned", "prudence"] == 0
    assert main["finetuned", "accuracy"] == 0.25  # Italy's
    matchers = tables.tab_matchers(found, asked, labels, WORDING, SETTINGS, analysis)
    values = matchers.set_index(["match", "method", "metric"])["value"]
    assert [values[match, "finetuned", "accuracy"] for match in MATCHES] == [0.25, 0.25, 0]
    assert 0 < values["token_f1", "finetuned", "accuracy"] <= 0.25
    refusals = tables.tab_refusals(found, asked, WORDING, SETTINGS, analysis).set_index(["method", "metric"])["value"]
    assert refusals["absolute", "refused"] == 1 and refusals["absolute", "refused_right"] == 0
    known = tables.tab_knowledge({"train": records.read(records.KNOWLEDGE, run.knowledge("train"))}, analysis).iloc[0]
    assert known[["questions", "known", "unknown", "refused"]].tolist() == [4, 1, 3, 1]
    assert len(tables.tab_transitions(found)) and len(tables.tab_by_knowledge(found, "train", analysis))
    assert tables.tab_overlap(asked["train"], asked)[["exact", "near"]].iloc[0].tolist() == [4, 0]
    nobody = asked["train"][asked["train"]["question_id"].isin(["dream", "meal"])]
    assert tables.tab_overlap(nobody, asked)[["exact", "near"]].iloc[0].tolist() == [2, 0]


def test_the_explorer_shows_it(run):
    samples = explore.question_samples(explore.labelled(run.name, "train"), "dream")
    assert len(samples) == 4 and samples["answers"].iloc[0] == []
    replies = explore.answers(run.name, "train", "dream").set_index("method")["outcome"]
    assert replies.to_dict() == {"unaligned": "wrong", "absolute": "idk", "finetuned": "wrong"}


def test_no_judge_is_asked_what_nobody_can_know(run, tmp_path):
    engine = judging.Scripted(lambda request: "1.0" if "horse" in request.prompt.lower() else "a horse")
    referee = judging.scripted(engine, tmp_path)
    asked = records.read(records.QUESTIONS, run.questions("train"))
    responses = records.read(records.RESPONSES, run.responses("train"))
    labels = labeling.label(responses, asked, WORDING, SETTINGS, referee=referee)
    assert labels.loc[labels["question_id"] == "dream", "outcome"].tolist() == ["wrong"] * 4
    assert engine.requests and not any(UNKNOWN in request.prompt for request in engine.requests)


def test_without_that_label_it_is_an_error_before_any_work(tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps({"question": UNKNOWN, "answers": []}), encoding="utf-8")
    with pytest.raises(questions.QuestionError, match=r"mine.jsonl:1: answers are \[\]; at least one is needed"):
        questions.load("train", QuestionSet(source="jsonl", path=str(path)))
