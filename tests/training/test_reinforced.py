"""Training by rewards: token ids, advantages and gradient by hand, groups, resuming, and a model that learns."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from honesty_utils import engines
from honesty_utils.common import prompts, records
from honesty_utils.common.settings import Prompts
from honesty_utils.engines.settings import Generation, Model
from honesty_utils.knowledge.settings import Labeling
from honesty_utils.results import plots
from honesty_utils.training import asking, building, checkpoint, family, reinforced, rewards
from honesty_utils.training.job import Job, TrainingError
from honesty_utils.training.objectives import OBJECTIVES, check_options
from honesty_utils.training.settings import Training

WORDING, GRADING = Prompts(), Labeling(match="exact")
SETTINGS = Training(learning_rate=3e-4, batch_size=16, epochs=2, weight_decay=0, max_length=128, save_minutes=None)
LORA = {"mode": "lora", "lora_rank": 4, "lora_alpha": 8}
GIVEN = {"group": 8, "max_new_tokens": 16, "beta": 0.0}


@pytest.fixture
def model(tiny_model):
    return Model(name=str(tiny_model), device="cpu")


@pytest.fixture(scope="module")
def rows(facts):
    """Questions to which the tiny model gives either of two answers; the second is right."""
    two = {question: answers for question, answers in facts.items() if len(answers) == 2}
    return pd.DataFrame(
        {
            "question_id": [f"q{place}" for place in range(len(two))],
            "prompt": [prompts.render(WORDING, "plain", question) for question in two],
            "known": 0.5, "dataset": "train", "question": list(two), "answers": [[one] for _, one in two.values()],
            "choices": None, "answer_index": None, "meta": "{}", "match": "exact",
        }
    )  # fmt: skip


def job(rows, model, folder, options=None, **changes):
    given = check_options("grpo", {**GIVEN, **(options or {})}).model_dump()
    given |= {"wording": WORDING.model_dump(mode="json"), "grading": GRADING.model_dump(mode="json")}
    return Job(rows, model, folder / "m", SETTINGS.model_copy(update=changes), "raw", 1, folder, "grpo", given)


def train(rows, model, output, options=None, **changes):
    chosen = check_options("grpo", {**GIVEN, **(options or {})})
    settings = SETTINGS.model_copy(update=changes)
    return OBJECTIVES["grpo"].train(
        rows, model, output, settings, chosen, style="raw", seed=1, wording=WORDING, grading=GRADING, longest=16
    )


def made(rows, model, folder, options=None, **changes):
    asked = job(rows, model, folder, options, **changes)
    tokenizer = building.tokenizer(model)
    return reinforced.trainer(asked, tokenizer, reinforced.encode(asked, tokenizer, 192), "cpu", 1, 16), tokenizer


def share_right(folder, rows):
    """Of greedy answers."""
    engine = engines.load(Model(name=str(folder), device="cpu"), Generation(max_new_tokens=16), "raw")
    said = engine.generate([engines.Request(prompt) for prompt in rows["prompt"]])
    return np.mean([one.text.strip() == answers[0] for one, answers in zip(said, rows["answers"], strict=True)])


def stored(folder):
    (path,) = folder.glob("*.safetensors")
    return load_file(path)


def test_questions_come_in_groups_other_ones_in_each_epoch():
    order = reinforced.GroupOrder(questions=7, group=3, together=2, times=2, seed=5)
    first = list(order)
    assert len(first) == len(order) == 7 // 2 * 2 * 3 * 2
    blocks = [first[start : start + 6] for start in range(0, len(first), 6)]
    assert all(block == [block[0]] * 3 + [block[3]] * 3 for block in blocks)
    assert blocks[0] == blocks[1] and len({place for block in blocks for place in block}) == 6
    order.set_epoch(1)
    assert list(order) != first and list(order) == list(order)


def test_answers_are_asked_for_as_engines_do_and_paid_against_their_group(model, rows, tmp_path):
    trainer, tokenizer = made(rows, model, tmp_path)
    batch = next(iter(trainer.get_train_dataloader()))
    assert [one["question_id"] for one in batch] == [batch[0]["question_id"]] * 8 + [batch[8]["question_id"]] * 8
    trainer.model.train()
    found = trainer._generate_and_score_completions(batch)
    by_id = rows.set_index("question_id")
    paid = []
    for at, one in enumerate(batch):
        asked = found["prompt_ids"][at][found["prompt_mask"][at].bool()].tolist()
        assert asked == prompts.prompt_ids(tokenizer, by_id.loc[one["question_id"], "prompt"], "raw")
        reply = found["completion_ids"][at][found["completion_mask"][at].bool()].tolist()
        text = tokenizer.decode(reply, skip_special_tokens=True).strip()
        paid.append(1.0 if text == by_id.loc[one["question_id"], "answers"][0] else -1.0)
        assert reply[-1] == tokenizer.eos_token_id or len(reply) == 16
    for start in (0, 8):
        group = np.array(paid[start : start + 8])
        expected = (group - group.mean()) / (group.std(ddof=1) + 1e-4)
        assert found["advantages"][start : start + 8].tolist() == pytest.approx(expected.tolist(), abs=1e-5)


def test_the_gradient_of_the_first_step_by_hand(model, rows, tmp_path):
    """Minus the mean over answers of the advantage times the mean log-probability of a token."""
    trainer, _ = made(rows, model, tmp_path, {"beta": 0.1})
    batch = next(iter(trainer.get_train_dataloader()))
    trainer.model.train()
    found = trainer._generate_and_score_completions(batch)
    trainer.current_gradient_accumulation_steps = 1
    trainer.model.zero_grad()
    trainer.compute_loss(trainer.model, found).backward()
    name, weight = next(iter(trainer.model.named_parameters()))
    theirs = weight.grad.clone()
    trainer.model.zero_grad()
    total = 0.0
    for at in range(16):
        before = found["prompt_ids"][at][found["prompt_mask"][at].bool()]
        after = found["completion_ids"][at][found["completion_mask"][at].bool()]
        logits = trainer.model(torch.cat([before, after])[None]).logits[0, len(before) - 1 : -1].float()
        told = logits.log_softmax(-1).gather(1, after[:, None]).mean()
        total = total - found["advantages"][at] * told / 16  # it is its own reference: KL and its gradient are 0
    total.backward()
    assert torch.allclose(theirs, weight.grad, atol=1e-5) and float(theirs.abs().max()) > 1e-4, name


def test_what_could_not_be_scored_leaves_its_group(model, rows, tmp_path, monkeypatch):
    def unread(self, questions, texts):
        outcome = np.array(["correct", "unscored", *["wrong"] * 6] * (len(texts) // 8))
        return rewards.Verdicts(outcome, np.full(len(texts), np.nan), np.full(len(texts), 0.5))

    monkeypatch.setattr(reinforced.Grader, "verdicts", unread)
    trainer, _ = made(rows, model, tmp_path)
    trainer.model.train()
    found = trainer._generate_and_score_completions(next(iter(trainer.get_train_dataloader())))
    scored = np.array([1.0, *[-1.0] * 6])
    expected = (scored - scored.mean()) / (scored.std(ddof=1) + 1e-4)
    assert found["advantages"][1] == 0.0
    assert found["advantages"][[0, *range(2, 8)]].tolist() == pytest.approx(expected.tolist(), abs=1e-5)


@pytest.mark.parametrize("changes", [{}, {**LORA, "learning_rate": 1e-2}], ids=["full", "lora"])
def test_a_model_comes_to_say_what_is_rewarded(model, rows, tmp_path, changes):
    result = train(rows, model, tmp_path / "m", {"beta": 0.001}, **{"epochs": 60, **changes})
    history = result.history
    assert history["right"].tail(10).mean() > max(0.7, history["right"].head(10).mean())
    assert share_right(tmp_path / "m", rows) > 0.9
    assert history["reward"].iloc[-1] == pytest.approx(2 * history["right"].iloc[-1] - 1, abs=0.02)
    assert (history["refused"] == 0).all() and history["kl"].iloc[-1] > 0 and history["tied"].between(0, 1).all()


@pytest.mark.parametrize("changes", [{}, LORA], ids=["full", "lora"])
def test_a_training_that_was_killed_ends_with_the_same_weights(model, rows, tmp_path, monkeypatch, changes):
    changes = {"save_steps": 2, "epochs": 8, **changes}
    train(rows, model, tmp_path / "whole", {"beta": 0.01}, **changes)

    class Killed(Exception):
        pass

    def on_step_begin(self, args, state, control, **others):
        if state.global_step == 5:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint.Checkpoints, "on_step_begin", on_step_begin)
        with pytest.raises(Killed):
            train(rows, model, tmp_path / "resumed", {"beta": 0.01}, **changes)
    result = train(rows, model, tmp_path / "resumed", {"beta": 0.01}, **changes)
    whole, resumed = stored(tmp_path / "whole"), stored(tmp_path / "resumed")
    assert result.resumed_at == 4 and all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_job_is_what_it_was_when_read_again(model, rows, tmp_path):
    asked = job(rows, model, tmp_path)
    read = Job.load(asked.save())
    assert read.options == json.loads(json.dumps(asked.options)) and len(read.rows) == len(rows)
    grader = reinforced.Grader(read.rows, WORDING, GRADING)
    answers = [one[0] for one in rows["answers"]]
    assert set(grader.verdicts(rows["question_id"].tolist(), answers).outcome) == {"correct"}


@pytest.mark.parametrize(
    ("options", "changes", "message"),
    [
        ({}, {"batch_size": 12}, "12 answers a step are no whole number of groups of 8"),
        ({"wrong": -1.0, "refused": 1.0}, {}, "is the same for every answer"),
        ({}, {"batches": "packed"}, "training.batches: 'packed' is for rows"),
        ({}, {"max_length": 20}, "prompts with the longest answer are longer than training.max_length = 20 tokens"),
        ({}, {"batch_size": 64, "gradient_accumulation": 4}, "and there are .*; lower it"),
    ],
)
def test_what_cannot_be_trained_is_said_before(model, rows, tmp_path, options, changes, message):
    with pytest.raises(TrainingError, match=message):
        train(rows, model, tmp_path / "m", options, **changes)
    assert not (tmp_path / "m").exists()


def test_no_questions(model, rows, tmp_path):
    with pytest.raises(TrainingError, match="no questions to train on"):
        train(rows.iloc[:0], model, tmp_path / "m")


def test_models_are_asked_from_the_least_to_the_best_known(model, rows):
    rows = rows.assign(known=np.linspace(0, 1, len(rows)))
    grading = family.Grading(WORDING, GRADING, {"train": "exact"}, 16)
    said = asking.said(rows, {"before": model, "after": model}, grading, "raw", 3)
    assert said.groupby("model").size().to_dict() == {"after": 2, "before": 2}
    assert said["known"].tolist() == [0, 1, 0, 1]
    assert set(said["outcome"]) <= {"correct", "wrong"}


def test_questions_and_matchers_stand_beside_the_prompts(tmp_path, rows, model, monkeypatch):
    monkeypatch.setenv("HONESTY_ROOT", str(tmp_path))
    run = family.Run("toy")
    asked = rows[["question_id", "prompt", "known"]]
    records.write(asked, records.ROLLOUTS, run.sft("rewarded"))
    questions = rows.drop(columns=["prompt", "known", "match"]).assign(split="train", exposures=None)
    records.write(questions, records.QUESTIONS, run.train_questions)
    options = check_options("grpo", {})
    one = family.Planned("rewarded", 0, None, run.sft("rewarded"), model, SETTINGS, "grpo", options, run)
    found = family.with_questions(one, family.Grading(WORDING, GRADING, {"train": None}, 16))
    assert found["match"].tolist() == ["exact"] * len(rows)
    assert [list(answers) for answers in found["answers"]] == rows["answers"].tolist()


def test_only_what_is_stated_before_an_answer_is_learned(model, rows, tmp_path):
    tokenizer = building.tokenizer(model)
    phrase = WORDING.confidence_num[1].replace("{percent}", "80").replace("{answer}", "Mars")
    ids = prompts.completion_ids(tokenizer, rows["prompt"][0], phrase, "raw")
    number = reinforced.stated_tokens(tokenizer, ids, WORDING)
    assert 0 < number < len(ids) and "Mars" not in tokenizer.decode(ids[:number])
    assert tokenizer.decode(ids[number:], skip_special_tokens=True).strip().startswith("Mars")
    bare = prompts.completion_ids(tokenizer, rows["prompt"][0], "Mars", "raw")
    assert reinforced.stated_tokens(tokenizer, bare, WORDING) == len(bare)
    trainer, _ = made(rows, model, tmp_path, {"learn": "stated"})
    trainer.model.train()
    found = trainer._generate_and_score_completions(next(iter(trainer.get_train_dataloader())))
    assert torch.equal(found["tool_mask"] * found["completion_mask"], found["completion_mask"])  # it states nothing


def test_the_reference_is_the_model_that_training_starts_from(model, rows, tmp_path):
    """Also where that is an adapter, of which TRL would load the base."""
    train(rows, model, tmp_path / "warm", epochs=8, **{**LORA, "learning_rate": 1e-2})
    start = Model(name=str(tmp_path / "warm"), device="cpu")
    trainer, _ = made(rows, start, tmp_path, {"beta": 0.1})
    theirs = dict(trainer.ref_model.named_parameters())
    assert all(torch.equal(one, theirs[name]) for name, one in trainer.model.named_parameters())
    base = dict(building.network(model, SETTINGS, "cpu").named_parameters())
    assert any(not torch.equal(one, base[name]) for name, one in theirs.items())


def test_a_checkpoint_under_other_right_answers_is_not_gone_on_from(model, rows, tmp_path):
    tokenizer = building.tokenizer(model)
    keys = set()
    for answers in (rows["answers"].tolist(), [["other"]] * len(rows)):
        one = job(rows.assign(answers=answers), model, tmp_path)
        keys.add(checkpoint.key(one, reinforced.encode(one, tokenizer, 192), 1, "cpu"))
    assert len(keys) == 2


@pytest.mark.parametrize(
    ("options", "changes", "message"),
    [
        ({"group": 3}, {}, "no whole number of groups of 3"),
        ({}, {"batches": "packed"}, "set random"),
        ({"max_new_tokens": 128}, {}, "max_length: 128 tokens for prompt and answer"),
        ({"refused": 1.0, "wrong": -1.0}, {}, "nothing can be learned"),
        ({"reward": "brier", "wrong": 2.0}, {}, "goes by what an answer states; leave wrong and refused out"),
    ],
)
def test_what_does_not_fit_is_said_before_any_work(options, changes, message):
    with pytest.raises(ValueError, match=message):
        OBJECTIVES["grpo"].check(SETTINGS.model_copy(update=changes), check_options("grpo", {**GIVEN, **options}))


def test_questions_that_nothing_can_grade(model, rows, tmp_path):
    with pytest.raises(TrainingError, match="only a judge can read"):
        train(rows.assign(meta='{"read_by": "judge"}'), model, tmp_path / "m")
    with pytest.raises(TrainingError, match="knowledge looks at M_t's samples"):
        train(rows.assign(known=np.nan), model, tmp_path / "m", {"reward": "knowledge"})


def test_a_look_that_fails_loses_no_training(model, rows, capsys):
    grading = family.Grading(WORDING, GRADING, {"train": "exact"}, 16)
    found = asking.report(rows, {"before": Model(name="/nowhere/m")}, grading, "raw", 2)
    assert found.empty and list(found) == asking.COLUMNS
    assert "nothing was asked, the trained model stays: ModelError" in capsys.readouterr().out


def test_a_look_at_nothing_is_an_empty_picture():
    axes = plots.answered_by_knowledge(pd.DataFrame(columns=asking.COLUMNS), 0.5)
    assert not axes.containers and axes.get_xlabel()
