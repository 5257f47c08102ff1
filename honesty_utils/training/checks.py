"""What can go wrong is found before any step: device, model, adapter, trackers, room on the disk."""

from __future__ import annotations

import importlib.util
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from accelerate import init_empty_weights
from transformers.integrations import INTEGRATION_TO_CALLBACK, get_available_reporting_integrations

from honesty_utils.engines import loading
from honesty_utils.engines.settings import Model
from honesty_utils.training import layouts
from honesty_utils.training.job import Job, TrainingError
from honesty_utils.training.settings import Training

SLACK = 32 * 2**20
"""Bytes for tokenizer, configuration and logs."""


@dataclass(frozen=True)
class Size:
    """Numbers of weights: all of them, and those that are trained."""

    weights: int
    trained: int


def device(model: Model) -> str:
    """``cuda``, ``mps`` or ``cpu``: where ``model`` is trained.

    Raises:
        TrainingError: a device that is not there.
    """
    kind = model.device.partition(":")[0]
    if kind == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there[kind]:
        raise TrainingError(f"model.device: {model.device!r} is not there; found: {[k for k, v in there.items() if v]}")
    return kind


def check_settings(settings: Training, model: Model, kind: str) -> None:
    """Hold settings to the device ``kind``.

    Raises:
        TrainingError: 4-bit weights without CUDA or without bitsandbytes, or cut into pieces; float16 on a CPU; an
            unknown tracker, or one that is not installed.
    """
    chosen = layouts.layout(settings)
    if settings.mode == "qlora" and chosen is not None and chosen.kind in layouts.CUTTING:
        raise TrainingError(
            f"training.mode: qlora, but {chosen.file.name} ({chosen.kind}) cuts weights into pieces and those of 4 "
            "bits stay whole: set launch: ddp, or mode: lora"
        )
    if settings.mode == "qlora" and kind != "cuda":
        raise TrainingError(
            f"training.mode: qlora keeps the base in 4-bit weights, which needs a CUDA device; this training is on "
            f"{kind}: set mode: lora"
        )
    if settings.mode == "qlora" and importlib.util.find_spec("bitsandbytes") is None:
        raise TrainingError('training.mode: qlora needs bitsandbytes; pip install "honesty-utils[qlora]"')
    if model.dtype == "float16" and kind == "cpu":
        raise TrainingError("model.dtype: float16 cannot be trained on a CPU; set float32 or bfloat16")
    available = get_available_reporting_integrations()
    for name in settings.report_to:
        if name not in INTEGRATION_TO_CALLBACK:
            raise TrainingError(f"training.report_to: {name!r}; known: {sorted(INTEGRATION_TO_CALLBACK)}")
        if name not in available:
            raise TrainingError(f"training.report_to: {name!r} is not installed; installed: {available or 'none'}")


def rows_a_device(settings: Training, processes: int) -> int:
    """``batch_size`` is over all devices, so that a params file means the same on any machine.

    Raises:
        TrainingError: it cannot be shared out evenly.
    """
    if settings.batch_size % processes:
        raise TrainingError(
            f"training.batch_size: {settings.batch_size} rows cannot be shared out evenly to {processes} processes; "
            f"set a multiple of {processes}"
        )
    return settings.batch_size // processes


def check_devices(chosen: layouts.Layout, kind: str) -> None:
    """Hold a layout to the machine; on a CPU a core is a device.

    Raises:
        TrainingError: says how many devices are there; also where weights are to be cut into pieces on a CPU, which
            accelerate leaves undone without a word (``AcceleratorState`` of 1.15 knows FSDP on accelerators only).
    """
    if kind == "cpu" and not chosen.kind.startswith("MULTI_"):
        raise TrainingError(f"training.launch: {chosen.file.name} ({chosen.kind}) needs GPUs; on a CPU set launch: ddp")

    there = torch.cuda.device_count() if kind == "cuda" else (os.cpu_count() or 1) if kind == "cpu" else 1
    if chosen.processes > there:
        raise TrainingError(
            f"training.launch: {chosen.file.name} is for {chosen.processes} devices and {there} are there ({kind}); "
            "set training.processes or another layout"
        )


def check_machine(settings: Training, model: Model) -> str:
    """Hold settings to this machine, before there are rows and without a look at the model.

    Returns:
        The `device` that it would be trained on.

    Raises:
        TrainingError: as `check_settings`; fewer devices than the layout has, or a batch that cannot be shared out.
    """
    kind = device(model)
    chosen = layouts.layout(settings)
    if chosen is not None:
        check_devices(chosen, kind)
        rows_a_device(settings, chosen.processes)
    check_settings(settings, model, kind)
    return kind


def skeleton(model: Model) -> Any:
    """The model without its weights, of an adapter its base: what its modules are called and how large they are."""
    base = loading.base_of(model)
    folder = loading.model_folder(base.name)
    revision = {} if folder is not None or base.revision is None else {"revision": base.revision}
    config = transformers.AutoConfig.from_pretrained(base.name, **revision, trust_remote_code=False)
    with init_empty_weights():
        network = transformers.AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    network.tie_weights()  # or weights that stand in two places would be counted twice
    return network


def context(network: Any) -> int | None:
    """Tokens that a model reads at most; none: it does not say."""
    found: int | None = getattr(network.config.get_text_config(), "max_position_embeddings", None)
    return found


def size(network: Any, settings: Training) -> Size:
    """Count weights.

    Raises:
        TrainingError: ``lora_target_modules`` that the model lacks, or its output layer; lists those it has.
    """
    weights = sum(parameter.numel() for parameter in network.parameters())
    if settings.mode == "full":
        if settings.layers is not None:
            last_layers(network, settings.layers)
        return Size(weights, weights)
    linear = adapted(network, settings.lora_target_modules, settings.layers)
    sides = sum(module.in_features + module.out_features for module in linear.values())
    return Size(weights, settings.lora_rank * sides)


def last_layers(network: Any, count: int) -> list[Any]:
    """The last ``count`` layers of a model.

    Raises:
        TrainingError: the model has fewer, or keeps them where they are not looked for.
    """
    layers = getattr(network.get_decoder(), "layers", None)
    if layers is None:
        raise TrainingError(f"training.layers: {count}; this model has no list of layers: leave it out")
    if count > len(layers):
        raise TrainingError(f"training.layers: {count}; this model has {len(layers)}")
    return list(layers[len(layers) - count :])


def adapted(network: Any, wanted: tuple[str, ...] | str, last: int | None = None) -> dict[str, Any]:
    """Linear layers that get an adapter, by path; ``all-linear`` is all but the output layer.

    Args:
        network: the model, perhaps without weights.
        wanted: names of linear layers.
        last: only those in so many of the model's last layers; none: in all.

    Raises:
        TrainingError: a name that no such layer has (lists those there are); as `last_layers`.
    """
    head = network.get_output_embeddings()
    linear = {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, torch.nn.Linear) and module is not head
    }
    if last is not None:
        inside = {id(module) for layer in last_layers(network, last) for module in layer.modules()}
        linear = {name: module for name, module in linear.items() if id(module) in inside}
    if isinstance(wanted, str):
        return linear
    known = sorted({name.rpartition(".")[2] for name in linear})
    unknown = [name for name in wanted if not any(_names(path, name) for path in linear)]
    if unknown:
        raise TrainingError(
            f"training.lora_target_modules: {', '.join(unknown)}: no such linear layer; this model has {known}"
        )
    return {path: module for path, module in linear.items() if any(_names(path, name) for name in wanted)}


def check_adapter(model: Model, settings: Training, network: Any) -> None:
    """Hold the settings to the adapter that training goes on from, if there is one: it keeps its size and place.

    Raises:
        TrainingError: another rank, scale or choice of layers; says which.
    """
    folder = loading.model_folder(model.name)
    if settings.mode == "full" or folder is None or not loading.is_adapter(folder):
        return
    content = loading.adapter_config(folder)
    for setting, name in (("lora_rank", "r"), ("lora_alpha", "lora_alpha")):
        if content[name] != getattr(settings, setting):
            raise TrainingError(
                f"training.{setting}: {getattr(settings, setting)}; the adapter that training goes on from ({folder}) "
                f"has {content[name]}: set that, or train all weights (mode: full)"
            )
    stored = content["target_modules"]
    layers = adapted(network, stored if isinstance(stored, str) else tuple(stored))
    if set(layers) != set(adapted(network, settings.lora_target_modules, settings.layers)):
        raise TrainingError(
            f"training.lora_target_modules: {settings.lora_target_modules!r}; the adapter that training goes on from "
            f"({folder}) is on {sorted({path.rpartition('.')[2] for path in layers})}: set these"
        )


def _names(path: str, name: str) -> bool:
    return path == name or path.endswith(f".{name}")


def disk_needed(counted: Size, settings: Training) -> int:
    """Bytes on the disk: the finished model, and two checkpoints (the old one goes when the new one is whole)."""
    final = 4 * counted.trained  # saved as it was trained, in float32; only then cast to the model's number type
    if settings.save_steps is None and settings.save_minutes is None:
        return final + SLACK
    # Weights and AdamW's two moments; all that is trained is kept in float32.
    return final + 2 * 12 * counted.trained + SLACK


def check_disk(folder: Path, needed: int) -> None:
    """Hold the free space where ``folder`` is, or will be, to ``needed`` bytes.

    Raises:
        TrainingError: says what is needed and what is free.
    """
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise TrainingError(
            f"{folder}: {needed / 2**30:.1f} GiB are needed for checkpoints and the finished model and "
            f"{free / 2**30:.1f} GiB are free: make room, or set training.save_steps and save_minutes to null and keep "
            "no checkpoint"
        )


def check(job: Job, kind: str) -> Any:
    """All of the above, for one job on the device ``kind``.

    Returns:
        The model's `skeleton`.
    """
    check_settings(job.settings, job.model, kind)
    network = skeleton(job.model)
    check_adapter(job.model, job.settings, network)
    counted = size(network, job.settings)
    for folder in (job.work, job.output.parent):
        check_disk(folder, disk_needed(counted, job.settings))
    return network
