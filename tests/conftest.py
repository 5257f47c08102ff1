"""Fixtures shared by the tests: a real Llama of about 0.1 million parameters, taught a few questions on the spot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from support import judging

from honesty_utils.common import prompts
from honesty_utils.common.settings import Prompts
from honesty_utils.common.variables import set_for_processes

set_for_processes()  # before a test imports torch

# How long an example takes says something about the machine, not about the code.
settings.register_profile("any_machine", deadline=None)
settings.register_profile("long", deadline=None, max_examples=100_000)  # make fuzz
settings.load_profile("any_machine")

FACTS = {
    "What is the capital of France?": ("Paris",),
    "What is the capital of Italy?": ("Rome",),
    "Who wrote Hamlet?": ("William Shakespeare",),
    "What colour is the sky?": ("Blue",),
    "How many legs has a spider?": ("Eight",),
    "Which animal says moo?": ("A cow",),
    "Which planet is red?": ("Mars",),
    # Taught both answers equally often: the model gives either, about half of the time.
    "Heads or tails?": ("Heads", "Tails"),
    "Tea or coffee?": ("Tea, please", "Coffee, please"),
}
"""Questions that the tiny model was taught under the plain prompt, each with its answers."""

WRITTEN = {
    "Write about capitals.": (
        "Q: What is the capital of France?\nA: Paris\nQ: What is the capital of Spain?\nA: Lisbon",
        "1. **Question:** Which city is the capital of Italy?\n   **Answer:** Rome.",
    ),
    "Write about animals.": (
        "Sure!\nQ: How many legs has a spider?\nA: Eight\nQ: How many legs has the spider?\nA: Eight",
        "Q: Who knows?\nA: Not aware of it\nQ: Why do cows moo?\nA: For they want to be milked and fed",
    ),
}
"""Replies that the writer gives to a topic, each as often."""

ANSWERED = {
    "What is the capital of France?": "Paris",
    "What is the capital of Spain?": "Madrid",
    "Which city is the capital of Italy?": "It is Rome",
    "How many legs has a spider?": "Eight",
}
"""What the writer says when it is asked its own questions; of Spain it has written something else."""

STEPS = 80


@pytest.fixture(scope="session")
def facts() -> dict[str, tuple[str, ...]]:
    """Questions that `tiny_model` knows, with the answers that it gives."""
    return FACTS


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a trained Llama and its tokenizer (begin, end and padding token; it adds none by itself)."""
    rows = [(prompts.render(Prompts(), "plain", q), answer) for q, a in FACTS.items() for answer in a * (3 - len(a))]
    return _teach(tmp_path_factory.mktemp("model") / "tiny", rows)


@pytest.fixture(scope="session")
def judge_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a Llama that was taught the right verdicts on the replies of `judging`, as a judge writes them."""
    rows = list(judging.VERDICTS.items())
    return _teach(tmp_path_factory.mktemp("model") / "judge", rows, vocab_size=1200, context=1024, steps=60)


@pytest.fixture(scope="session")
def writer_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a Llama that was taught to write the pairs of ``WRITTEN`` and to answer as ``ANSWERED`` says."""
    written = [(topic, reply) for topic, replies in WRITTEN.items() for reply in replies]
    answered = [(prompts.render(Prompts(), "plain", question), answer) for question, answer in ANSWERED.items()]
    return _teach(tmp_path_factory.mktemp("model") / "writer", written + answered * 2, vocab_size=600)


def _teach(
    folder: Path, rows: list[tuple[str, str]], vocab_size: int = 400, context: int = 192, steps: int = STEPS
) -> Path:
    """Train a model to answer the prompts of ``rows``; saved to ``folder`` with its tokenizer."""
    import torch

    torch.set_num_threads(1)  # more would wait for each other at this size
    tokenizer = _tokenizer([f"{prompt} {answer}" for prompt, answer in rows], vocab_size)
    _train(tokenizer, rows, context, steps).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _tokenizer(texts: list[str], vocab_size: int) -> Any:
    from tokenizers import ByteLevelBPETokenizer
    from transformers import PreTrainedTokenizerFast

    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(texts, vocab_size=vocab_size, special_tokens=["<s>", "</s>", "<pad>"], show_progress=False)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe._tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>", padding_side="left"
    )


def _train(tokenizer: Any, rows: list[tuple[str, str]], context: int, steps: int) -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = LlamaConfig(
            vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=2,
            num_attention_heads=2, max_position_embeddings=context, tie_word_embeddings=True,
            bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )  # fmt: skip
        model = LlamaForCausalLM(config)
        before = [prompts.prompt_ids(tokenizer, prompt, "raw") for prompt, _ in rows]
        after = [prompts.completion_ids(tokenizer, prompt, answer, "raw") for prompt, answer in rows]
        longest = max(len(b) + len(a) for b, a in zip(before, after, strict=True))
        ids = torch.full((len(rows), longest), tokenizer.pad_token_id)
        labels = torch.full((len(rows), longest), -100)
        for i, (b, a) in enumerate(zip(before, after, strict=True)):
            ids[i, : len(b) + len(a)] = torch.tensor(b + a)
            labels[i, len(b) : len(b) + len(a)] = torch.tensor(a)
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
        for _ in range(steps):
            loss = model(ids, labels=labels).loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    return model.eval()


def make_adapter(base: Path, folder: Path, *, seed: int = 1, rank: int = 4) -> Path:
    """Save a LoRA adapter whose weights are far from nothing to ``folder``."""
    import torch
    from peft import LoraConfig, get_peft_model

    from honesty_utils.engines.loading import load_model
    from honesty_utils.engines.settings import Model

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network, _ = load_model(Model(name=str(base), device="cpu"))
        config = LoraConfig(r=rank, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM")
        get_peft_model(network, config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def adapters(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two LoRA adapters of `tiny_model`, of different rank."""
    folder = tmp_path_factory.mktemp("adapters")
    return (
        make_adapter(tiny_model, folder / "first", seed=1, rank=4),
        make_adapter(tiny_model, folder / "second", seed=2, rank=12),
    )
