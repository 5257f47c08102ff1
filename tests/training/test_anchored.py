"""Anchored groups and easy questions first: the true way in each group, advantages and gradient by hand, the order."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from honesty_utils.common import prompts
from honesty_utils.common.settings import Prompts
from honesty_utils.engines.settings import Model
from honesty_utils.knowledge.settings import Labeling
from honesty_utils.questions.deduction import reply
from honesty_utils.training import building, reinforced, rewards, ways
from honesty_utils.training.job import Job, TrainingError
from honesty_utils.training.objectives import OBJECTIVES, check_options
from honesty_utils.training.settings import Training

WORDING, GRADING = Prompts(refusal="I do not know.", honest="{question}"), Labeling(match="number")
SETTINGS = Training(learning_rate=3e-4, batch_size=10, epochs=2, weight_decay=0, max_length=128, save_minutes=None)
GIVEN = {"group": 5, "max_new_tokens": 48, "beta": 0.0, "reward": "solved", "anchor": True}


@pytest.fixture
def model(tiny_model):
    return Model(name=str(tiny_model), device="cpu")


@pytest.fixture
def rows():
    """Three problems that the tiny model has never read, and their twins."""
    found = []
    for place, price in enumerate((13, 14, 15)):
        for solvable in (True, False):
            question = f"The tea costs {price if solvable else 'as pie'}. And what? {place}"
            way = [f"So the tea costs {price}."] if solvable else ["Nothing says what the pie costs."]
            meta = {"twin": f"t{place}", "depth": 1 + place, "way": way}
            answers = [str(price)] if solvable else []
            found.append(
                (f"q{place}{solvable}", prompts.render(WORDING, "honest", question), 0.0, "train", question, answers,
                 None, None, json.dumps(meta if solvable else meta | {"label": "unknown"}), "number")
            )  # fmt: skip
    columns = ["question_id", "prompt", "known", "dataset", "question", "answers", "choices", "answer_index", "meta"]
    return pd.DataFrame(found, columns=[*columns, "match"])


def job(rows, model, folder, options=None, **changes):
    given = check_options("grpo", {**GIVEN, **(options or {})}).model_dump()
    given |= {"wording": WORDING.model_dump(mode="json"), "grading": GRADING.model_dump(mode="json")}
    return Job(rows, model, folder / "m", SETTINGS.model_copy(update=changes), "raw", 1, folder, "grpo", given)


def made(rows, model, folder, options=None, **changes):
    asked = job(rows, model, folder, options, **changes)
    tokenizer = building.tokenizer(model)
    encoded = reinforced.encode(asked, tokenizer, 192)
    return reinforced.trainer(asked, tokenizer, encoded, "cpu", 1, asked.settings.batch_size), tokenizer


def train(rows, model, output, options=None, **changes):
    chosen, settings = check_options("grpo", {**GIVEN, **(options or {})}), SETTINGS.model_copy(update=changes)
    return OBJECTIVES["grpo"].train(
        rows, model, output, settings, chosen, style="raw", seed=1, wording=WORDING, grading=GRADING, longest=48
    )


def sampled(trainer):
    batch = next(iter(trainer.get_train_dataloader()))
    trainer.model.train()
    return batch, trainer._generate_and_score_completions(batch)


def test_the_first_answer_of_each_group_is_the_true_way(model, rows, tmp_path):
    trainer, tokenizer = made(rows, model, tmp_path)
    batch, found = sampled(trainer)
    by_id = rows.set_index("question_id")
    for start in (0, 5):
        row = by_id.loc[batch[start]["question_id"]]
        answer = row["answers"][0] if row["answers"] else None
        text = reply(json.loads(row["meta"])["way"], answer, WORDING.refusal)
        ids = found["completion_ids"][start][found["completion_mask"][start].bool()].tolist()
        assert ids == prompts.completion_ids(tokenizer, row["prompt"], text, "raw")
        others = found["completion_ids"][start + 1 : start + 5]
        assert all(one.tolist()[: len(ids)] != ids for one in others), "only one is"


def test_four_zeros_and_the_true_one_by_hand(model, rows, tmp_path):
    """0, 0, 0, 0, 1: mean .2, sum of squares .8; spread of a sample sqrt(.8 / 4) = .4472, of a population .4."""
    trainer, _ = made(rows, model, tmp_path)
    _, found = sampled(trainer)  # the tiny model solves none of them
    sample, population = np.sqrt(0.8 / 4), np.sqrt(0.8 / 5)
    assert (0.8 / population, -0.2 / population) == (pytest.approx(2), pytest.approx(-0.5))
    expected = [0.8 / (sample + 1e-4), *[-0.2 / (sample + 1e-4)] * 4]
    assert expected == pytest.approx([1.789, *[-0.447] * 4], abs=1e-3)
    assert found["advantages"].tolist() == pytest.approx([*expected, *expected], abs=1e-5)
    bare, _ = made(rows, model, tmp_path, {"anchor": False})
    assert sampled(bare)[1]["advantages"].tolist() == [0.0] * 10, "without it nothing is learned from these groups"


def test_the_gradient_of_an_anchored_step_by_hand(model, rows, tmp_path):
    """Minus the mean of advantage times mean log-probability: of the true way like of what was sampled."""
    trainer, _ = made(rows, model, tmp_path)
    _, found = sampled(trainer)
    trainer.current_gradient_accumulation_steps = 1
    trainer.model.zero_grad()
    trainer.compute_loss(trainer.model, found).backward()
    _, weight = next(iter(trainer.model.named_parameters()))
    theirs = weight.grad.clone()
    trainer.model.zero_grad()
    total = 0.0
    for at in range(10):
        before = found["prompt_ids"][at][found["prompt_mask"][at].bool()]
        after = found["completion_ids"][at][found["completion_mask"][at].bool()]
        logits = trainer.model(torch.cat([before, after])[None]).logits[0, len(before) - 1 : -1].float()
        advantage = (1.789 if at % 5 == 0 else -0.447) if at >= 0 else 0
        total = total - advantage * logits.log_softmax(-1).gather(1, after[:, None]).mean() / 10
    total.backward()
    assert torch.allclose(theirs, weight.grad, atol=2e-3 * float(theirs.abs().max())) and float(theirs.abs().max()) > 0


def test_what_is_told_of_answers_is_told_of_sampled_ones(model, rows, tmp_path):
    history = train(rows, model, tmp_path / "m").history
    assert (history["right"] == 0).all() and (history["reward"] >= 0.2 - 1e-6).all()


def likelihood(folder, rows, tokenizer):
    """Mean log-probability of a token of the true ways."""
    network = building.network(Model(name=str(folder), device="cpu"), SETTINGS, "cpu").eval()
    told = []
    for row in rows.itertuples():
        before = prompts.prompt_ids(tokenizer, row.prompt, "raw")
        text = reply(json.loads(row.meta)["way"], row.answers[0] if row.answers else None, WORDING.refusal)
        after = torch.tensor(prompts.completion_ids(tokenizer, row.prompt, text, "raw"))
        with torch.no_grad():
            logits = network(torch.cat([torch.tensor(before), after])[None]).logits[0, len(before) - 1 : -1]
        told.append(float(logits.log_softmax(-1).gather(1, after[:, None]).mean()))
    return np.mean(told)


def test_true_ways_that_are_never_sampled_become_likelier_and_without_them_nothing_moves(model, rows, tmp_path):
    tokenizer = building.tokenizer(model)
    before = likelihood(model.name, rows, tokenizer)
    train(rows, model, tmp_path / "m", epochs=6, learning_rate=1e-3)
    assert likelihood(tmp_path / "m", rows, tokenizer) > before + 1
    bare = train(rows, model, tmp_path / "bare", {"anchor": False}, epochs=2, learning_rate=1e-3).history
    assert (bare["reward"] == 0).all() and (bare["tied"] == 1).all()
    assert likelihood(tmp_path / "bare", rows, tokenizer) == pytest.approx(before, abs=1e-6)


@pytest.mark.parametrize(("count", "process", "expected"), [(6, 0, [0, 4]), (6, 1, [2]), (4, 2, [0])])
def test_groups_go_over_the_borders_of_processes(monkeypatch, count, process, expected):
    class State:
        process_index = process

    monkeypatch.setattr(reinforced.accelerate, "PartialState", State)
    assert [place for place, true in enumerate(reinforced.anchored(count, 4)) if true] == expected


def test_easy_questions_come_first_over_all_epochs():
    depths = [2, 1, 1, 2]
    order = reinforced.GroupOrder(4, group=1, together=1, times=1, seed=3, depths=depths, epochs=3)
    epochs = []
    for epoch in range(3):
        order.set_epoch(epoch)
        epochs.append(list(order))
    told = [depths[place] for places in epochs for place in places]
    assert told == [1] * 6 + [2] * 6 and [len(places) for places in epochs] == [4, 4, 4]
    seen = [place for places in epochs for place in places]
    assert all(seen.count(place) == 3 for place in range(4)), "each as often as without an order"
    assert reinforced.GroupOrder(4, 1, 1, 1, 3, depths, 3).depths == depths and list(order) == list(order)


def test_a_solved_problem_and_a_refused_twin_pay_one():
    said = rewards.Verdicts(
        np.array(["correct", "wrong", "idk", "idk", "wrong", "unscored"]), np.full(6, np.nan), np.full(6, np.nan),
        np.array([False, False, False, True, True, True]),
    )  # fmt: skip
    assert rewards.solved(said)[:5].tolist() == [1, 0, 0, 1, 0] and np.isnan(rewards.solved(said)[5])


def test_the_grader_knows_what_cannot_be_answered(rows):
    grader = reinforced.Grader(rows, WORDING, GRADING)
    ids = ["q0True", "q0True", "q0False", "q0False"]
    texts = ["So the tea costs 13. Answer: 13.", WORDING.refusal, "Answer: 13.", WORDING.refusal]
    assert rewards.solved(grader.verdicts(ids, texts)).tolist() == [1, 0, 0, 1]


@pytest.mark.parametrize(
    ("options", "change", "message"),
    [
        ({"max_new_tokens": 3}, {}, "6 of 6 true ways are longer, such as that of question .*; raise it"),
        ({}, {"meta": '{"label": "unknown"}'}, "objective.anchor: true, and 6 of 6 questions have no way"),
        ({"anchor": False, "easy_first": True}, {"meta": '{"label": "unknown"}'}, "6 of 6 questions have no depth"),
        ({"anchor": False}, {"meta": "{}"}, "none of these questions is labeled unknown"),
        ({"group": 3}, {}, "no whole number of groups of 3"),
        ({"engine": "vllm"}, {}, "anchor puts a text into the group that vLLM has not sampled"),
        ({"wrong": 2.0}, {}, "reward 'solved' pays 1 or 0; leave wrong and refused out"),
    ],
)
def test_what_does_not_fit_is_said_before_a_step(model, rows, tmp_path, options, change, message):
    with pytest.raises(TrainingError, match=message):
        train(rows.assign(**change), model, tmp_path / "m", options)
    assert not (tmp_path / "m").exists()


def test_ways_are_found_in_meta_alone():
    ways.check(pd.DataFrame({"question_id": ["a"], "meta": ['{"way": ["So."]}']}), "it")
    for meta in (None, "{}", '{"way": []}', '{"way": "So."}', '{"other": "way"}'):
        with pytest.raises(TrainingError, match="1 of 1 questions have no way"):
            ways.check(pd.DataFrame({"question_id": ["a"], "meta": [meta]}), "it")
