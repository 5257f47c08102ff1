"""Fine-tuning for real, on the tiny model: what is masked, what is learned, the same weights twice, bad rows."""

import pandas as pd
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from honesty_utils import engines, prompts, training
from honesty_utils.config import Generation, Model, Prompts, Training

REFUSAL = "I do not know."
SETTINGS = Training(learning_rate=3e-3, batch_size=4, epochs=60, weight_decay=0, max_length=128)


@pytest.fixture(scope="module")
def rows(facts):
    """Refuse what the tiny model was taught: the opposite of what it says, so that learning shows."""
    asked = [prompts.render(Prompts(), "honest", question) for question in facts]
    return pd.DataFrame({"question_id": list(facts), "prompt": asked, "completion": REFUSAL})


def answers(folder, questions):
    generation = Generation(max_new_tokens=24, batch_size=8)
    engine = engines.load(Model(name=str(folder), device="cpu"), generation, "raw")
    return [response.text for response in engine.generate([engines.Request(prompt) for prompt in questions["prompt"]])]


def weights(folder):
    return AutoModelForCausalLM.from_pretrained(folder).state_dict()


def test_the_prompt_is_masked_and_the_end_token_learned(tiny_model, rows):
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    item = training.tokenize(rows.head(1), tokenizer, "raw", 128)[0]
    prompt = prompts.prompt_ids(tokenizer, rows["prompt"][0], "raw")
    learned = [label for label in item["labels"] if label != training.IGNORED]
    assert item["input_ids"] == prompt + learned and item["labels"][: len(prompt)] == [training.IGNORED] * len(prompt)
    assert learned[-1] == tokenizer.eos_token_id and REFUSAL in tokenizer.decode(learned)


@pytest.mark.parametrize("mode", ["full", "lora"])
def test_a_model_learns_what_it_is_given_and_the_same_twice(tiny_model, rows, tmp_path, mode):
    # An adapter has fewer weights to say the same with: it takes more steps, at a higher rate.
    more = {"full": {}, "lora": {"learning_rate": 1e-2, "epochs": 120, "lora_rank": 16, "lora_alpha": 32}}
    settings = SETTINGS.model_copy(update={"mode": mode, **more[mode]})
    model = Model(name=str(tiny_model), device="cpu")
    assert not [text for text in answers(tiny_model, rows) if text.startswith("I do not")]
    results = [
        training.train(rows, model, tmp_path / name, settings, style="raw", seed=1) for name in ("first", "second")
    ]
    learned = [text.startswith("I do not") for text in answers(tmp_path / "first", rows)]
    assert sum(learned) >= len(rows) - 1
    assert results[0].history["loss"].tolist() == results[1].history["loss"].tolist()
    assert results[0].history["loss"].iloc[-1] < results[0].history["loss"].iloc[0]
    assert (tmp_path / "first" / "adapter_config.json").exists() == (mode == "lora")
    if mode == "full":
        first, second = weights(tmp_path / "first"), weights(tmp_path / "second")
        assert all(torch.equal(first[name], second[name]) for name in first)


def test_the_seed_changes_the_order_and_so_the_weights(tiny_model, rows, tmp_path):
    settings = SETTINGS.model_copy(update={"epochs": 1})
    model = Model(name=str(tiny_model), device="cpu")
    losses = [training.train(rows, model, tmp_path / str(seed), settings, style="raw", seed=seed) for seed in (1, 2)]
    first, second = weights(tmp_path / "1"), weights(tmp_path / "2")
    assert losses[0].steps == losses[1].steps == 3  # nine rows in batches of four
    assert not all(torch.equal(first[name], second[name]) for name in first)


def test_max_rows_takes_a_seeded_part(tiny_model, rows, tmp_path):
    settings = SETTINGS.model_copy(update={"epochs": 1, "max_rows": 4})
    result = training.train(
        rows, Model(name=str(tiny_model), device="cpu"), tmp_path / "m", settings, style="raw", seed=0
    )
    assert result.rows == 4 and result.steps == 1


def test_rows_that_are_too_long_are_counted_and_nothing_is_written(tiny_model, rows, tmp_path):
    settings = SETTINGS.model_copy(update={"max_length": 10})
    model = Model(name=str(tiny_model), device="cpu")
    with pytest.raises(
        training.TrainingError, match=rf"{len(rows)} of {len(rows)} rows are longer than .* = 10 tokens"
    ):
        training.train(rows, model, tmp_path / "m", settings, style="raw", seed=0)
    assert not list(tmp_path.iterdir())


def test_no_rows(tiny_model, rows, tmp_path):
    with pytest.raises(training.TrainingError, match=r"no rows to train on; look at sft/<method>\.parquet"):
        training.train(
            rows.head(0), Model(name=str(tiny_model), device="cpu"), tmp_path / "m", SETTINGS, style="raw", seed=0
        )


def test_warm_up_is_a_share_of_all_steps():
    # 100 rows in batches of 8 are 13 steps an epoch, 26 in all; 5 % of them are 1.3, so 2.
    assert training._warmup_steps(100, Training(batch_size=8, epochs=2, warmup_ratio=0.05)) == 2
