"""How a training is laid out over devices: a file for accelerate, in ``params/launch/`` or the user's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from honesty_utils.common import paths
from honesty_utils.training.job import TrainingError
from honesty_utils.training.settings import Training

CUTTING = ("FSDP", "DEEPSPEED")
"""Kinds of layouts that cut weights into pieces."""


@dataclass(frozen=True)
class Layout:
    """How processes are laid out over devices.

    Attributes:
        file: for accelerate.
        kind: its ``distributed_type``.
        processes: one a device.
        offloaded: weights and optimizer wait in the memory of the host.
    """

    file: Path
    kind: str
    processes: int
    offloaded: bool = False

    @property
    def pieces(self) -> int:
        """Into how many the weights are cut: every device has one; 1: every device has them all."""
        return self.processes if self.kind in CUTTING else 1


def layout(settings: Training) -> Layout | None:
    """The layout that ``training.launch`` names; ``None`` if one process is enough and this one will do.

    Raises:
        TrainingError: no such layout (lists those there are), or a file that is none.
    """
    if settings.launch is None:
        if settings.processes not in (None, 1):
            raise TrainingError(f"training.processes: {settings.processes}, but training.launch names no layout")
        return None
    folder = paths.root() / "params" / "launch"
    file = Path(settings.launch) if settings.launch.endswith(".yaml") else folder / f"{settings.launch}.yaml"
    if not file.is_file():
        known = sorted(path.stem for path in folder.glob("*.yaml"))
        raise TrainingError(f"training.launch: {settings.launch!r} is neither one of {known} nor a .yaml file")
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    if not isinstance(content, dict) or "distributed_type" not in content:
        raise TrainingError(f"{file}: no layout for accelerate: it has no distributed_type")
    processes = settings.processes or int(content.get("num_processes", 1))
    found = Layout(file, content["distributed_type"], processes, _offloaded(content))
    return None if found.processes == 1 and found.kind == "NO" else found


def _offloaded(content: dict[str, Any]) -> bool:
    fsdp, deepspeed = content.get("fsdp_config") or {}, content.get("deepspeed_config") or {}
    return bool(fsdp.get("fsdp_offload_params")) or deepspeed.get("offload_optimizer_device", "none") != "none"


def devices(settings: Training) -> int:
    """How many devices a training takes: what Snakemake reserves."""
    found = layout(settings)
    return 1 if found is None else found.processes
