"""Engine on ``transformers``: batched generation with a seed a request, the default for small models and CPUs.

The decode loop is its own because ``generate`` draws from one random stream a batch: a response would change with its
neighbors. Here the draw of step ``t`` of a request is the t-th number of that request's own splitmix64 stream (Steele,
Lea and Flood, OOPSLA 2014), turned into a token by inverting the cumulative distribution. Owning the loop also lets
it read a prompt once for all of its samples and drop rows as they finish.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import Cache

from honesty_utils.common import memory
from honesty_utils.common.prompts import Prompt, Style, completion_ids, prompt_ids
from honesty_utils.engines import cache as caches
from honesty_utils.engines.loading import ModelError, load_model
from honesty_utils.engines.protocol import Request, Response, States, choose
from honesty_utils.engines.settings import Model
from honesty_utils.engines.tokens import check_room, checked_ids, common_prefix, end_tokens


@dataclass(frozen=True)
class _Row:
    """One sequence to generate: ids of its prompt, and how many tokens it may have."""

    ids: tuple[int, ...]
    limit: int
    temperature: float
    seed: int


@dataclass(frozen=True)
class _Batch:
    """Tokens (rows, steps; -1 behind the end), their number and the sum of their log-probabilities (rows,)."""

    tokens: torch.Tensor
    lengths: torch.Tensor
    logprobs: torch.Tensor


class TransformersEngine:
    """Engine over one loaded model."""

    def __init__(self, model: Model, style: Style, max_new_tokens: int, batch_size: int) -> None:
        """Load the model.

        Args:
            model: folder or hub name, number type and device.
            style: how prompts become token ids, see ``prompts.prompt_ids``.
            max_new_tokens: at most this many tokens a response.
            batch_size: sequences generated at the same time.

        Raises:
            ModelError: the model cannot be loaded, or reads fewer tokens than an answer may have.
        """
        with _memory_errors(model.name, "take more memory, a smaller model or model.dtype: bfloat16"):
            self.model, self.tokenizer = load_model(model)
        self.name, self.style = model.name, style
        self.max_new_tokens, self.batch_size = max_new_tokens, batch_size
        self.context: int | None = getattr(self.model.config.get_text_config(), "max_position_embeddings", None)
        check_room(self.name, self.context, max_new_tokens)
        ends = end_tokens(self.tokenizer, self.model.generation_config)
        self.ends = torch.tensor(ends, dtype=torch.long, device=self.model.device)
        # A row's place in its batch can turn the last bit of a sum. The miniature's committed numbers are of rows that
        # keep their order; its heads have keys of their own.
        self.fills_gaps = caches.can_group(self.model.config)
        if self.model.device.type == "cpu" and self.fills_gaps:
            self.model.set_attn_implementation(caches.GROUPED)

    def generate(self, requests: Sequence[Request]) -> list[Response]:
        """Answer every request, in order; equal requests (all greedy ones of a prompt) are generated once.

        Raises:
            ModelError: a prompt fills the model's context, a batch the memory, or a request names an adapter.
        """
        if any(request.adapter is not None for request in requests):
            raise ModelError("engine 'transformers' answers with one model; load an adapter as a model of its own")
        if any(request.options for request in requests):
            return self._with_choices(requests)
        ids = {prompt: self._prompt_ids(prompt) for prompt in {request.prompt for request in requests}}
        wanted = [self._row(request, ids[request.prompt]) for request in requests]
        # Sorting puts prompts of like length together (little padding) and the samples of one prompt side by side.
        rows = sorted(set(wanted), key=lambda row: (len(row.ids), row.ids, row.temperature, row.seed))
        done: dict[_Row, Response] = {}
        for start in range(0, len(rows), self.batch_size):
            batch = rows[start : start + self.batch_size]
            remedy = f"lower batch_size, which is {self.batch_size}: no response changes with it"
            with _memory_errors(self.name, remedy):
                decoded = self._decode(batch)
            done.update(zip(batch, self._responses(decoded), strict=True))
        memory.give_back()
        return [done[row] for row in wanted]

    def _with_choices(self, requests: Sequence[Request]) -> list[Response]:
        """Answers of requests of which some choose among options."""
        told = iter(choose(self, [request for request in requests if request.options]))
        said = iter(self.generate([request for request in requests if not request.options]))
        return [next(told) if request.options else next(said) for request in requests]

    def logprobs(self, pairs: Sequence[tuple[Prompt, str]]) -> list[list[float]]:
        """Log-probabilities of the tokens of answers, see `protocol.ScoringEngine`; equal pairs are read once.

        Raises:
            ModelError: prompt and answer fill the model's context, a batch the memory.
        """
        rows = {pair: self._ids_of(*pair) for pair in dict.fromkeys(pairs)}
        # Answers to one prompt side by side.
        order = sorted(set(rows.values()), key=lambda row: (len(row[0]), row[0], len(row[1]), row[1]))
        done: dict[tuple[tuple[int, ...], tuple[int, ...]], list[float]] = {}
        vocabulary = int(self.model.config.get_text_config().vocab_size)
        start = 0
        while start < len(order):
            longest = max(len(after) for _, after in order[start : start + self.batch_size]) + 1
            size = min(self.batch_size, max(1, _LOGITS // (vocabulary * longest)))
            batch = order[start : start + size]
            remedy = f"lower batch_size, which is {self.batch_size}: no answer changes with it"
            with _memory_errors(self.name, remedy):
                done.update(zip(batch, self._answer_logprobs(batch), strict=True))
            start += size
        return [done[rows[pair]] for pair in pairs]

    def _ids_of(self, prompt: Prompt, answer: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        before, after = self._prompt_ids(prompt), tuple(completion_ids(self.tokenizer, prompt, answer, self.style))
        if self.context is not None and len(before) + len(after) > self.context:
            raise ModelError(
                f"{self.name}: a prompt and an answer to be scored have {len(before) + len(after)} tokens and the "
                f"model reads {self.context}: {answer[:80]!r}; shorten them or take a model with a longer context"
            )
        return before, after

    @torch.inference_mode()
    def _answer_logprobs(self, rows: Sequence[tuple[tuple[int, ...], tuple[int, ...]]]) -> list[list[float]]:
        if 2 * len({before for before, _ in rows}) <= len(rows):
            return self._with_prompts_once(rows)
        ids, mask = self._padded([before + after for before, after in rows])
        kept = max(len(after) for _, after in rows) + 1
        output = self.model(
            ids, attention_mask=mask, position_ids=_positions(mask), use_cache=False, logits_to_keep=kept
        )
        found = []
        for row, (_, after) in enumerate(rows):
            # What is said at a place is about the token after it.
            told = output.logits[row, -len(after) - 1 : -1].float().log_softmax(-1)
            wanted = torch.tensor(after, device=told.device)
            found.append(told.gather(1, wanted[:, None])[:, 0].tolist())
        return found

    def _with_prompts_once(self, rows: Sequence[tuple[tuple[int, ...], tuple[int, ...]]]) -> list[list[float]]:
        """Log-probabilities of several answers to each prompt, which is read once for all of them."""
        longest = max(len(after) for _, after in rows)
        first, cache, mask = self._read_prompts([_Row(before, 0, 0.0, 0) for before, _ in rows], longest)
        told = [first.log_softmax(-1)[:, None]]
        if longest > 1:
            # Padded on the right: no token of an answer comes behind what is padded. The last one foretells nothing.
            ids = torch.zeros(len(rows), longest - 1, dtype=torch.long)
            read = torch.zeros_like(ids)
            for row, (_, after) in enumerate(rows):
                ids[row, : len(after) - 1] = torch.tensor(after[:-1], dtype=torch.long)
                read[row, : len(after) - 1] = 1
            mask = torch.cat([mask, read.to(mask.device)], dim=1)
            output = self.model(
                ids.to(mask.device),
                attention_mask=mask,
                position_ids=_positions(mask)[:, -(longest - 1) :],
                past_key_values=cache,
                use_cache=True,
            )
            told.append(output.logits.float().log_softmax(-1))
        whole = torch.cat(told, dim=1)
        found = []
        for row, (_, after) in enumerate(rows):
            wanted = torch.tensor(after, device=whole.device)
            found.append(whole[row, : len(after)].gather(1, wanted[:, None])[:, 0].tolist())
        return found

    def states(self, prompts: Sequence[str], layer: int, answers: Sequence[str] | None = None) -> States:
        """Hidden states of the last tokens, see `protocol.HiddenEngine`; what is equal is read once.

        Raises:
            ModelError: a layer that the model lacks; a prompt fills the model's context, a batch the memory.
        """
        layers = int(self.model.config.get_text_config().num_hidden_layers)
        if not -layers - 1 <= layer <= layers:
            raise ModelError(
                f"{self.name}: layer {layer}; it has {layers}: give 0 (embeddings) to {layers}, or -1 (the last) to "
                f"{-layers - 1}"
            )
        if answers is None:
            wanted = [self._prompt_ids(prompt) for prompt in prompts]
        else:
            # Whatever follows an answer, such as the end of a turn, is behind it.
            read = [self._ids_of(*pair) for pair in zip(prompts, answers, strict=True)]
            ends = set(self.ends.tolist())
            wanted = [before + _until(after, ends) for before, after in read]
        # Prompts of like length together: little padding.
        order = sorted(set(wanted), key=lambda ids: (len(ids), ids))
        done: dict[tuple[int, ...], States] = {}
        for start in range(0, len(order), self.batch_size):
            batch = order[start : start + self.batch_size]
            remedy = f"lower batch_size, which is {self.batch_size}: no state changes with it"
            with _memory_errors(self.name, remedy):
                done.update(zip(batch, self._last_states(batch, layer), strict=True))
        width = int(self.model.config.get_text_config().hidden_size)
        return np.stack([done[ids] for ids in wanted]) if wanted else np.empty((0, width), np.float32)

    @torch.inference_mode()
    def _last_states(self, prompts: Sequence[tuple[int, ...]], layer: int) -> States:
        ids, mask = self._padded(prompts)
        output = self.model(
            ids,
            attention_mask=mask,
            position_ids=_positions(mask),
            use_cache=False,
            output_hidden_states=True,
            logits_to_keep=1,
        )
        found: States = output.hidden_states[layer][:, -1].float().cpu().numpy()
        return found

    def prompt_length(self, prompt: Prompt) -> int:
        """Tokens of a prompt as the model reads it, the template's own included."""
        return len(prompt_ids(self.tokenizer, prompt, self.style))

    def _prompt_ids(self, prompt: Prompt) -> tuple[int, ...]:
        return checked_ids(self.tokenizer, prompt, self.style, self.context, self.name)

    def _row(self, request: Request, ids: tuple[int, ...]) -> _Row:
        limit = self.max_new_tokens if self.context is None else min(self.max_new_tokens, self.context - len(ids))
        greedy = request.temperature == 0
        return _Row(ids, limit, request.temperature, 0 if greedy else request.seed)

    @torch.inference_mode()
    def _decode(self, rows: Sequence[_Row]) -> _Batch:
        device, exact = self.model.device, precision(self.model.device)
        limit = torch.tensor([row.limit for row in rows], device=device)
        steps = int(limit.max())
        temperature = torch.tensor([row.temperature for row in rows], device=device)
        # Below 1 in the shorter type, too, or a token without any probability could be drawn.
        numbers = np.minimum(uniforms([row.seed for row in rows], steps), 1 - torch.finfo(exact).eps / 2)
        uniform = torch.from_numpy(numbers.astype(str(exact).removeprefix("torch."))).to(device)
        batch = _Batch(
            tokens=torch.full((len(rows), steps), -1, device=device),
            lengths=torch.zeros(len(rows), dtype=torch.long, device=device),
            logprobs=torch.zeros(len(rows), dtype=exact, device=device),
        )
        alive = torch.arange(len(rows), device=device)
        logits, cache, mask = self._read_prompts(rows, steps)
        for step in range(steps):
            token, logprob = pick(logits, temperature[alive], uniform[alive, step])
            batch.tokens[alive, step] = token
            batch.lengths[alive] += 1
            batch.logprobs[alive] += logprob
            going = ~torch.isin(token, self.ends) & (step + 1 < limit[alive])
            if not going.any():
                break
            if not going.all():
                kept = without_gaps(going) if self.fills_gaps else going.nonzero()[:, 0]
                alive, token, mask = alive[kept], token[kept], mask[kept]
                cache.batch_select_indices(kept)
            mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
            logits = self._forward(token[:, None], mask, cache)
        return batch

    def _read_prompts(self, rows: Sequence[_Row], steps: int) -> tuple[torch.Tensor, Cache, torch.Tensor]:
        """Next-token logits (rows, vocabulary), cache and attention mask (rows, longest prompt) after the prompts.

        What all prompts begin with, such as a system's and a template's words, is read once.
        """
        prompts = list(dict.fromkeys(row.ids for row in rows))
        ids, mask = self._padded(prompts)
        cache = caches.room_for(self.model.config, ids.shape[1] + steps)
        common = common_prefix(prompts)
        if common >= WORTH_SHARING and len(prompts) > 1:
            ids, mask = self._padded([prompt[common:] for prompt in prompts])
            start = torch.tensor([prompts[0][:common]], device=self.model.device)
            self._forward(start, torch.ones_like(start), cache)
            cache.batch_select_indices(torch.zeros(len(prompts), dtype=torch.long, device=self.model.device))
            mask = torch.cat([mask.new_ones(len(prompts), common), mask], dim=1)
        logits = self._forward(ids, mask, cache)
        place = {prompt: i for i, prompt in enumerate(prompts)}
        owner = torch.tensor([place[row.ids] for row in rows], device=self.model.device)
        cache.batch_select_indices(owner)
        return logits[owner], cache, mask[owner]

    def _padded(self, prompts: Sequence[tuple[int, ...]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Token ids and attention mask, both (prompts, longest prompt): padded on the left, all end in one place."""
        longest = max(map(len, prompts))
        ids = torch.zeros(len(prompts), longest, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for i, prompt in enumerate(prompts):
            ids[i, longest - len(prompt) :] = torch.tensor(prompt)
            mask[i, longest - len(prompt) :] = 1
        return ids.to(self.model.device), mask.to(self.model.device)

    def _forward(self, ids: torch.Tensor, mask: torch.Tensor, cache: Cache) -> torch.Tensor:
        position = _positions(mask)[:, -ids.shape[1] :]
        output = self.model(
            ids, attention_mask=mask, position_ids=position, past_key_values=cache, use_cache=True, logits_to_keep=1
        )
        logits: torch.Tensor = output.logits[:, -1].float()
        return logits

    def _responses(self, batch: _Batch) -> Iterator[Response]:
        ends = set(self.ends.tolist())
        lengths = batch.lengths.tolist()
        ids = [row[:length] for row, length in zip(batch.tokens.tolist(), lengths, strict=True)]
        stopped = [row[-1] in ends for row in ids]
        spoken = [row[:-1] if stop else row for row, stop in zip(ids, stopped, strict=True)]
        texts = self.tokenizer.batch_decode(spoken, skip_special_tokens=True)
        means = (batch.logprobs / batch.lengths).tolist()
        for text, length, mean, stop in zip(texts, lengths, means, stopped, strict=True):
            yield Response(text.strip(), length, mean, "stop" if stop else "length")


_LOGITS = 2**26
"""Logits of answers that are scored at a time: a quarter of a gigabyte."""
WORTH_SHARING = 24
"""Tokens that prompts begin with alike, from which on it pays to read them in a call of their own."""


def _until(ids: tuple[int, ...], ends: set[int]) -> tuple[int, ...]:
    """The ids before the first that ends an answer."""
    stop = next((place for place, token in enumerate(ids) if token in ends), len(ids))
    return ids[:stop]


def _positions(mask: torch.Tensor) -> torch.Tensor:
    """Place of each token in its own text, (rows, tokens): padding before it does not count."""
    return (mask.cumsum(1) - 1).clamp(min=0)


def without_gaps(going: torch.Tensor) -> torch.Tensor:
    """Which rows go on, the last ones in the places of those that do not: few rows of a cache then have to move.

    Args:
        going: (rows,), whether a row goes on.

    Returns:
        Old places of the rows that go on, in their new order.
    """
    count = int(going.sum())
    kept = torch.arange(count, device=going.device)
    kept[~going[:count]] = count + going[count:].nonzero()[:, 0]
    return kept


@contextmanager
def _memory_errors(name: str | None, remedy: str) -> Iterator[None]:
    """Turn the many ways in which memory runs out into one error that names the remedy."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        text = str(error).strip().partition("\n")[0]
        # Torch raises a plain RuntimeError on a CPU, and where CUDA itself reports it; OutOfMemoryError is one, too.
        signs = ("out of memory", "allocate memory", "bad_alloc", "ALLOC_FAILED")
        if not isinstance(error, MemoryError | torch.OutOfMemoryError) and not any(sign in text for sign in signs):
            raise
        raise ModelError(f"{name}: out of memory: {remedy} ({text or type(error).__name__})") from error


def precision(device: torch.device) -> torch.dtype:
    """Number type of what is summed up: float64, which Apple's GPUs do not have."""
    return torch.float32 if device.type == "mps" else torch.float64


def uniforms(seeds: Sequence[int], steps: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Uniform numbers in [0, 1), shape (seeds, steps): the first ``steps`` of each seed's splitmix64 stream."""
    start = np.array([seed % 2**64 for seed in seeds], dtype=np.uint64)[:, None]
    z = start + np.arange(1, steps + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) * 2.0**-53


_AT_ONCE = 2**21
"""Logits that the sampler looks at together on a CPU: what it makes of them then stays in the processor's cache."""


def pick(logits: torch.Tensor, temperature: torch.Tensor, uniform: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The next token of each row: the likeliest where temperature is 0, else the one whose share holds ``uniform``.

    Args:
        logits: (rows, vocabulary).
        temperature: (rows,), each at least 0.
        uniform: (rows,), each in [0, 1); the cumulative distribution is of its number type.

    Returns:
        Token ids, and their log-probabilities at temperature 1, both (rows,).
    """
    parts = min(len(logits), -(-logits.numel() // _AT_ONCE)) if logits.device.type == "cpu" else 1
    if parts <= 1:
        return _pick(logits, temperature, uniform)
    split = (tensor.tensor_split(parts) for tensor in (logits, temperature, uniform))
    tokens, logprobs = zip(*(_pick(*part) for part in zip(*split, strict=True)), strict=True)
    return torch.cat(tokens), torch.cat(logprobs)


def _pick(logits: torch.Tensor, temperature: torch.Tensor, uniform: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    # The vocabulary is as wide as a small model's layers together, so each pass over it counts.
    greedy = temperature == 0
    token = logits.argmax(1)
    largest = logits.gather(1, token[:, None])
    shares = (logits - largest).exp_()
    normalizer = shares.sum(1).log_().add_(largest[:, 0])
    if not greedy.all():
        if not (greedy | (temperature == 1)).all():
            shares = (logits / temperature.masked_fill(greedy, 1.0)[:, None]).softmax(1)
        token = torch.where(greedy, token, _invert(shares, uniform))
    return token, logits.gather(1, token[:, None])[:, 0] - normalizer


_BLOCK = 256
"""Tokens that are summed first: the cumulative distribution is then needed of one block only, not of the vocabulary."""


def _invert(shares: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
    """Token whose share holds ``uniform`` of the sum; shares (rows, vocabulary) are added up in its number type."""
    vocabulary = shares.shape[1]
    blocks = torch.nn.functional.pad(shares, (0, -vocabulary % _BLOCK)).unflatten(1, (-1, _BLOCK))
    ends = blocks.sum(2, dtype=uniform.dtype).cumsum(1)
    target = uniform[:, None] * ends[:, -1:]
    block = torch.searchsorted(ends, target, right=True).clamp(max=ends.shape[1] - 1)
    before = torch.nn.functional.pad(ends, (1, 0)).gather(1, block)
    row = torch.arange(len(shares), device=shares.device)
    within = blocks[row, block[:, 0]].cumsum(1, dtype=uniform.dtype)
    place = torch.searchsorted(within, target - before, right=True)
    # Rounding can leave the target at a block's very end: the last token there that has a share.
    last = (within < within[:, -1:]).sum(1, keepdim=True)
    drawn = block * _BLOCK + torch.minimum(place, last)
    return drawn[:, 0].clamp(max=vocabulary - 1)
