"""The microworld's model from nothing: a byte-level BPE tokenizer and a small Llama, saved as a normal model folder.

A loop of our own, where fine-tuning uses TRL: thousands of tiny steps, of which a trainer's overhead would be most of
the time. The same seed gives the same weights, on any number of cores: the number of threads is a setting, for with
another number sums round otherwise, and thousands of steps make another model of that.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from honesty_utils.common import files
from honesty_utils.common.progress import Progress
from honesty_utils.common.settings import ConfigError
from honesty_utils.world.corpus import PROBLEM, Document
from honesty_utils.world.settings import Pretraining

END, PAD = "<eos>", "<pad>"
IGNORED = -100


@dataclass(frozen=True)
class Example:
    """Token ids of a document, and the place from which on they are learned."""

    ids: tuple[int, ...]
    learned_from: int


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> PreTrainedTokenizerFast:
    """Byte-level BPE on the corpus; an end token, a padding token, no begin token."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=[PAD, END], initial_alphabet=sorted(alphabet), show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=PAD,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


def encode(documents: Sequence[Document], tokenizer: PreTrainedTokenizerFast) -> list[Example]:
    """Token ids with an end token; a text that is not learned whole is learned from the completion on."""
    before = tokenizer([document.prompt for document in documents], add_special_tokens=False)["input_ids"]
    after = tokenizer([document.completion for document in documents], add_special_tokens=False)["input_ids"]
    return [
        Example((*prompt, *completion, tokenizer.eos_token_id), 0 if document.learned_whole else len(prompt))
        for document, prompt, completion in zip(documents, before, after, strict=True)
    ]


def train_base_model(
    documents: Sequence[Document], tokenizer: PreTrainedTokenizerFast, settings: Pretraining
) -> tuple[LlamaForCausalLM, pd.DataFrame]:
    """One pass over the base texts, then the instruction stage with as many replayed base texts as the settings say.

    Returns:
        The model, and its loss: a row a step with ``stage``, ``step``, ``loss``.
    """
    with _threads(settings.threads):
        return _train(documents, tokenizer, settings)


@contextmanager
def _threads(number: int) -> Iterator[None]:
    """So many threads for torch, also where OMP_NUM_THREADS or the machine's cores say otherwise."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _train(
    documents: Sequence[Document], tokenizer: PreTrainedTokenizerFast, settings: Pretraining
) -> tuple[LlamaForCausalLM, pd.DataFrame]:
    torch.manual_seed(settings.seed)
    torch.use_deterministic_algorithms(True)
    model = new_model(tokenizer, settings).train()
    rng = random.Random(settings.seed)
    examples = encode(documents, tokenizer)
    _check_room(documents, examples, settings.context)
    base = [example for example, text in zip(examples, documents, strict=True) if text.stage == "base"]
    instruction = [example for example, text in zip(examples, documents, strict=True) if text.stage == "instruction"]
    stages = {
        "base": (_batches(base, settings.batch_size, rng), settings.learning_rate),
        "instruction": (_instruction_batches(instruction, base, settings, rng), settings.instruction_learning_rate),
    }
    history = [
        {"stage": stage, "step": step, "loss": loss}
        for stage, (batches, rate) in stages.items()
        for step, loss in enumerate(
            _run_stage(model, batches, tokenizer.pad_token_id, settings, rate, f"{stage} texts")
        )
    ]
    return model.eval(), pd.DataFrame(history, columns=["stage", "step", "loss"])


def _check_room(documents: Sequence[Document], examples: Sequence[Example], context: int) -> None:
    """Hold problems to what the model reads: one that is cut has no answer.

    Raises:
        ConfigError: problems that are longer; counts them.
    """
    lengths = [len(one.ids) for one, text in zip(examples, documents, strict=True) if text.kind == PROBLEM]
    long = [length for length in lengths if length > context]
    if long:
        raise ConfigError(
            f"world.deduction: {len(long)} of {len(lengths)} problems are longer with their way than "
            f"world.pretraining.context = {context} tokens, the longest has {max(long)}; raise it, or lower depths or "
            "distractors"
        )


def new_model(tokenizer: PreTrainedTokenizerFast, settings: Pretraining) -> LlamaForCausalLM:
    """A model that has learned nothing; its weights are torch's next random numbers."""
    return LlamaForCausalLM(shape(settings, len(tokenizer), tokenizer.eos_token_id, tokenizer.pad_token_id))


def shape(settings: Pretraining, vocab_size: int, end: int | None = None, pad: int | None = None) -> LlamaConfig:
    """What the model looks like; ``vocab_size`` is that of its tokenizer, which may have found less than it may."""
    return LlamaConfig(
        vocab_size=vocab_size,
        hidden_size=settings.hidden_size,
        intermediate_size=settings.intermediate_size,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        num_key_value_heads=settings.heads,
        max_position_embeddings=settings.context,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=end,
        pad_token_id=pad,
        # Large for so small a model: with the usual .02 the first thousand steps teach it nothing.
        initializer_range=settings.initializer_range,
        attn_implementation="eager",
    )


def _instruction_batches(
    instruction: list[Example], base: list[Example], settings: Pretraining, rng: random.Random
) -> list[list[Example]]:
    mixed: list[Example] = []
    for _ in range(settings.instruction_epochs):
        replayed = rng.sample(base, min(len(base), round(settings.instruction_replay * len(instruction))))
        epoch = instruction + replayed
        rng.shuffle(epoch)
        mixed += epoch
    return _batches(mixed, settings.batch_size, rng)


def _batches(examples: Sequence[Example], size: int, rng: random.Random) -> list[list[Example]]:
    """Batches of similar length, to pad little: sorted within windows of 16 batches, which are then shuffled."""
    batches: list[list[Example]] = []
    for start in range(0, len(examples), 16 * size):
        window = sorted(examples[start : start + 16 * size], key=lambda example: len(example.ids))
        part = [window[i : i + size] for i in range(0, len(window), size)]
        rng.shuffle(part)
        batches += part
    return batches


def _run_stage(
    model: LlamaForCausalLM,
    batches: Sequence[Sequence[Example]],
    pad: int,
    settings: Pretraining,
    rate: float,
    name: str,
) -> list[float]:
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=settings.weight_decay, fused=True
    )
    losses, progress = [], Progress(name, len(batches), "steps")
    for step, batch in enumerate(batches):
        progress.at(step)
        for group in optimizer.param_groups:
            group["lr"] = rate * _rate_share(step, len(batches), settings.warmup_ratio)
        loss = _loss(model, *_collate(batch, pad))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
    return losses


def _rate_share(step: int, steps: int, warmup_ratio: float) -> float:
    """Linear warm-up, then linear decay to zero."""
    warmup = max(1, math.ceil(warmup_ratio * steps))
    return (step + 1) / warmup if step < warmup else (steps - step) / max(1, steps - warmup)


def _collate(batch: Sequence[Example], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and labels, padded on the right; attention is causal, so padding needs no mask."""
    width = max(len(example.ids) for example in batch)
    ids = torch.full((len(batch), width), pad)
    labels = torch.full((len(batch), width), IGNORED)
    for row, example in enumerate(batch):
        values = torch.tensor(example.ids)
        ids[row, : len(values)] = values
        labels[row, example.learned_from : len(values)] = values[example.learned_from :]
    return ids, labels


def _loss(model: LlamaForCausalLM, ids: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy; the output layer is computed only where a token is learned."""
    hidden = model.model(input_ids=ids[:, :-1], use_cache=False).last_hidden_state
    targets = labels[:, 1:]
    learned = targets != IGNORED
    return torch.nn.functional.cross_entropy(model.lm_head(hidden[learned]), targets[learned])


def save(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: str | Path) -> Path:
    """Write a model folder that ``AutoModelForCausalLM`` and ``AutoTokenizer`` load; it appears whole or not at all."""
    with files.atomic_folder(folder) as partial:
        model.save_pretrained(partial)
        tokenizer.save_pretrained(partial)
    return Path(folder)
