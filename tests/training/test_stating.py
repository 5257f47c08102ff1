"""Learning to state how sure one is: the loss by hand, the token ids, and a model that becomes calibrated."""

import numpy as np
import pandas as pd
import pytest
import torch

from honesty_utils import engines
from honesty_utils.common import prompts
from honesty_utils.common.settings import Prompts
from honesty_utils.engines.settings import Generation, Model
from honesty_utils.knowledge import signals
from honesty_utils.knowledge.signals import digit
from honesty_utils.training import building, stating
from honesty_utils.training.job import Job, TrainingError
from honesty_utils.training.objectives import OBJECTIVES, check_options
from honesty_utils.training.order import RowOrder
from honesty_utils.training.rows import IGNORED
from honesty_utils.training.settings import Training

SETTINGS = Training(learning_rate=3e-3, batch_size=4, epochs=2, weight_decay=0, max_length=128, save_minutes=None)
LORA = {"mode": "lora", "lora_rank": 4, "lora_alpha": 8}


@pytest.fixture
def model(tiny_model):
    return Model(name=str(tiny_model), device="cpu")


@pytest.fixture(scope="module")
def exchanges(facts):
    """Questions with an answer each; what is asked of every second one is right."""
    asked = [prompts.render(Prompts(), "plain", question) for question in facts]
    said = [answers[0] for answers in facts.values()]
    return pd.DataFrame({"question_id": list(facts), "prompt": asked, "text": said})


@pytest.fixture(scope="module")
def rows(exchanges):
    whole = [digit.asked(*pair) for pair in zip(exchanges["prompt"], exchanges["text"], strict=True)]
    target = [float(place % 2 == 0) for place in range(len(whole))]
    return pd.DataFrame({"question_id": exchanges["question_id"], "prompt": whole, "target": target})


def job(rows, model, folder, **changes):
    settings = SETTINGS.model_copy(update=changes)
    return Job(rows, model, folder / "m", settings, "raw", 1, folder, "brier")


def train(rows, model, output, **changes):
    settings = SETTINGS.model_copy(update=changes)
    return OBJECTIVES["brier"].train(rows, model, output, settings, check_options("brier", {}), style="raw", seed=1)


def told(model, exchanges):
    """The signal, as evaluation asks it."""
    engine = engines.load(model, Generation(max_new_tokens=4), "raw")
    answers = exchanges.assign(num_tokens=2, mean_logprob=-1.0)
    found = signals.measure(["digit"], answers, engine=engine, prompts=exchanges["prompt"].tolist())
    return found["value"].to_numpy()


def test_the_loss_by_hand():
    # Half of the weight on 0 and half on 9, and all of it on 3; what should be said is 1, and a third.
    logits = torch.full((2, 10), -torch.inf)
    logits[0, [0, 9]] = 0.0
    logits[1, 3] = 5.0
    found = stating.brier(logits, torch.tensor([1.0, 1 / 3]))
    assert found.tolist() == pytest.approx([0.5, 0.0], abs=1e-7)
    even = stating.brier(torch.zeros(1, 10), torch.tensor([0.5]))
    assert even.item() == pytest.approx(np.mean((0.5 - np.arange(10) / 9) ** 2))


def test_it_is_least_where_the_digit_is_the_expected_share():
    """A proper score: of questions that are right seven times of nine the digit 7 loses the least."""
    points = torch.eye(10).log()
    losses = 7 / 9 * stating.brier(points, torch.ones(10)) + 2 / 9 * stating.brier(points, torch.zeros(10))
    assert int(losses.argmin()) == 7


def test_the_first_batch_is_what_an_engine_asks_and_its_loss_is_that_by_hand(model, rows, tmp_path):
    asked = job(rows, model, tmp_path)
    tokenizer = building.tokenizer(model)
    made = stating.trainer(asked, tokenizer, stating.encode(asked, tokenizer, 192), "cpu", 1, 4)
    batch = next(iter(made.get_train_dataloader()))
    places = list(RowOrder([1] * len(rows), 4, seed=1))[:4]
    total = 0.0
    for at, row in enumerate(rows.iloc[places].itertuples()):
        before = prompts.prompt_ids(tokenizer, row.prompt, "raw")
        replies = [prompts.completion_ids(tokenizer, row.prompt, name, "raw") for name in digit.DIGITS]
        nearest = replies[9 if row.target else 0]
        assert batch["input_ids"][at][batch["attention_mask"][at].bool()].tolist() == before + nearest[:-1]
        assert batch["labels"][at][batch["labels"][at] != IGNORED].tolist() == [nearest[-2]]
        with torch.no_grad():
            told = made.model.eval()(torch.tensor([before + nearest[:-2]])).logits[0, -1].float()
        shares = told[[reply[-2] for reply in replies]].softmax(0).numpy()
        total += float(shares @ (row.target - np.arange(10) / 9) ** 2)
    assert made.compute_loss(made.model, batch).item() == pytest.approx(total / 4, abs=1e-5)
    assert made.compute_loss(made.model, batch, num_items_in_batch=8).item() == pytest.approx(total / 8, abs=1e-5)


@pytest.mark.parametrize(
    "changes", [{"epochs": 30}, {**LORA, "epochs": 100, "learning_rate": 1e-2}], ids=["full", "lora"]
)
def test_a_model_learns_what_it_should_say_and_the_same_twice(model, exchanges, rows, tmp_path, changes):
    before = told(model, exchanges)
    for name in ("one", "two"):
        result = train(rows, model, tmp_path / name, **changes)
    after = told(Model(name=str(tmp_path / "one"), device="cpu"), exchanges)
    right = rows["target"].to_numpy(bool)
    assert abs(before[right].mean() - before[~right].mean()) < 0.05
    assert after[right].mean() > after[~right].mean() + 0.2
    assert result.completion_tokens == len(rows) and list(result.history) == ["step", "epoch", "loss", "learning_rate"]
    (one,), (two,) = ((tmp_path / name).glob("*.safetensors") for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_the_signal_is_the_mean_of_ten_digits(model, exchanges):
    engine = engines.load(model, Generation(max_new_tokens=4), "raw")
    texts = [digit.asked(*pair) for pair in zip(exchanges["prompt"], exchanges["text"], strict=True)]
    for text, value in zip(texts[:3], told(model, exchanges)[:3], strict=True):
        likely = np.exp([sum(engine.logprobs([(text, name)])[0][:-1]) for name in digit.DIGITS])
        assert value == pytest.approx(likely @ np.arange(10) / 9 / likely.sum(), abs=1e-5)
    assert np.isnan(told(model, exchanges.assign(text=" "))).all()


def test_rows_that_fill_a_batch_up_learn_nothing(model, rows, tmp_path):
    asked = job(rows, model, tmp_path)
    tokenizer = building.tokenizer(model)
    made = stating.trainer(asked, tokenizer, stating.encode(asked, tokenizer, 192), "cpu", 2, 2)
    items = [made.train_dataset[place] for place in (0, len(made.train_dataset) - 1)]
    batch = stating.Batches(tokenizer.pad_token_id)(items)
    alone = stating.Batches(tokenizer.pad_token_id)(items[:1])
    assert set(items[1]["labels"]) == {IGNORED}
    both, one = (made.compute_loss(made.model.eval(), given).item() for given in (batch, alone))
    assert both == pytest.approx(one, abs=1e-6)


@pytest.mark.parametrize(
    ("changes", "edit", "message"),
    [
        ({"batches": "packed"}, {}, "training.batches: 'packed' is not for digits"),
        ({}, {"target": 1.5}, "target 1.5; a share from 0 to 1"),
        ({}, {"target": float("nan")}, "target nan; a share from 0 to 1"),
        ({"max_length": 8}, {}, "raise it, or set training.too_long to drop"),
        ({"max_length": 8, "too_long": "drop"}, {}, "none is left"),
    ],
)
def test_what_cannot_be_trained_is_said_before(model, rows, tmp_path, changes, edit, message):
    with pytest.raises(TrainingError, match=message.replace(".", r"\.")):
        train(rows.assign(**edit), model, tmp_path / "m", **changes)
    assert not (tmp_path / "m").exists()


def test_no_rows_to_state(model, rows, tmp_path):
    with pytest.raises(TrainingError, match="no rows to train on"):
        train(rows.iloc[:0], model, tmp_path / "m")


def test_a_tokenizer_that_writes_two_digits_alike(model, rows):
    tokenizer = building.tokenizer(model)

    class Alike:
        """Writes every digit as 7."""

        def __getattr__(self, name):
            return getattr(tokenizer, name)

        def __call__(self, text, **options):
            return tokenizer(text[:-1] + "7" if text[-1:].isdigit() else text, **options)

    with pytest.raises(TrainingError, match="does not write the digits 0 to 9 as one token each"):
        stating._written(Alike(), rows["prompt"].iloc[0], "raw")
