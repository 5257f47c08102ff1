"""Several devices: ``accelerate launch`` as a process of its own, never inside a kernel; its log is the notebook's."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from honesty_utils import paths
from honesty_utils.config import Training
from honesty_utils.training.job import Job, TrainingError, TrainingResult

CUTTING = ("FSDP", "DEEPSPEED")
"""Kinds of layouts that cut weights into pieces."""
LAST_LINES = 30
"""Of the log, in the error of a launch that failed."""


@dataclass(frozen=True)
class Layout:
    """How processes are laid out over devices.

    Attributes:
        file: for accelerate.
        kind: its ``distributed_type``.
        processes: one a device.
        offloaded: weights and optimiser wait in the memory of the host.
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


def run(job: Job, chosen: Layout) -> TrainingResult:
    """Launch ``job``, print its log as it comes, and wait.

    Raises:
        TrainingError: fewer devices than processes, a batch that cannot be shared out, or a launch that failed; then
            with the error of the process that failed or, if it left none, the last lines of the log.
    """
    from honesty_utils.training import checks

    kind = checks.check_machine(job.settings, job.model)
    checks.check(job, kind)
    for stale in (job.error, job.result):
        stale.unlink(missing_ok=True)
    status, last = _stream(_command(job.save(), chosen), kind)
    if status or not job.result.is_file():
        told = job.error.read_text(encoding="utf-8") if job.error.is_file() else "\n".join(last)
        raise TrainingError(f"accelerate launch ({chosen.file.name}) failed with status {status}:\n{told}")
    return TrainingResult.load(job.result)


def check_devices(chosen: Layout, kind: str) -> None:
    """Hold a layout to the machine; on a CPU a core is a device.

    Raises:
        TrainingError: says how many devices are there; also where weights are to be cut into pieces on a CPU, which
            accelerate leaves undone without a word (``AcceleratorState`` of 1.15 knows FSDP on accelerators only).
    """
    import torch

    if kind == "cpu" and not chosen.kind.startswith("MULTI_"):
        raise TrainingError(f"training.launch: {chosen.file.name} ({chosen.kind}) needs GPUs; on a CPU set launch: ddp")

    there = torch.cuda.device_count() if kind == "cuda" else (os.cpu_count() or 1) if kind == "cpu" else 1
    if chosen.processes > there:
        raise TrainingError(
            f"training.launch: {chosen.file.name} is for {chosen.processes} devices and {there} are there ({kind}); "
            "set training.processes or another layout"
        )


def _command(path: Path, chosen: Layout) -> list[str]:
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(chosen.file)]
    # Port 0: a free one. The usual port would be taken by another training on the same machine.
    sizes = ["--num_processes", str(chosen.processes), "--main_process_port", "0"]
    return [*launcher, *sizes, "-m", "honesty_utils.training", str(path)]


def _stream(command: list[str], kind: str) -> tuple[int, list[str]]:
    """Run ``command`` and print what it prints; it ends when this process does."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    if kind == "cpu":
        environment["ACCELERATE_USE_CPU"] = "true"
    last: deque[str] = deque(maxlen=LAST_LINES)
    # A session of its own, so that all of its processes can be ended together.
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        preexec_fn=_end_with_parent,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        for line in process.stdout:
            last.append(line.rstrip("\n"))
            print(last[-1], flush=True)
        return process.wait(), list(last)
    except BaseException:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        raise


def _end_with_parent() -> None:
    """On Linux, ask for SIGTERM when the parent dies: a killed notebook must not leave a training behind."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # 1: PR_SET_PDEATHSIG
