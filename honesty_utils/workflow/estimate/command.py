"""``honesty estimate params/x.yaml``: what a run takes, or what it took beside what was estimated.

The table is printed and written to ``runs/<run>/estimate.csv``. What was estimated before a run, with a probe perhaps,
stands until the params change or another estimate is asked for by an option; what was measured is read each time.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from honesty_utils.common import files, manifest
from honesty_utils.common.paths import Run
from honesty_utils.common.settings import ConfigError
from honesty_utils.engines import ModelError
from honesty_utils.questions import QuestionError
from honesty_utils.training import TrainingError
from honesty_utils.workflow import params as params_file
from honesty_utils.workflow.estimate import COLUMNS, EstimateError, cost, estimate, load, truth
from honesty_utils.workflow.estimate.cost import Assumptions
from honesty_utils.workflow.params import Params

CHOICES = ("config", "probe", "device", "utilisation", "answer_tokens")
"""Options that ask for another estimate than the one that stands."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; exit status 2 for what the user can put right."""
    options = _parser().parse_args(arguments)
    try:
        params = params_file.load(options.params, options.data)
        table, said = _standing(params, options) or _made(params, options)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    except (EstimateError, ModelError, QuestionError, TrainingError) as error:
        print(f"{options.params}: {error}", file=sys.stderr)
        return 2
    table = truth.beside(table, params)
    _write(table, said, params)
    print("\n".join([*said, "", shown(table), "", total(table), f"Table: {path_of(params)}"]))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="honesty estimate", description=__doc__.splitlines()[0])
    parser.add_argument("params")
    parser.add_argument("--data", help="local folder with copies of the question sets")
    parser.add_argument("--config", help="config.json of the model, where the model itself is not at hand")
    parser.add_argument("--probe", action="store_true", help="load the model and measure speed and length of answers")
    parser.add_argument("--device", choices=sorted(cost.DEVICES), help="GPU to estimate for; none: this machine")
    parser.add_argument("--utilisation", type=_share, help="share of the device's speed that is reached, 0.4")
    parser.add_argument("--answer-tokens", type=_positive, help="tokens of a mean answer")
    return parser


def _positive(text: str) -> float:
    value = float(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text}: more than 0 is needed")
    return value


def _share(text: str) -> float:
    value = _positive(text)
    if value > 1:
        raise argparse.ArgumentTypeError(f"{text}: a share is at most 1")
    return value


def path_of(params: Params) -> Path:
    """Where the estimate of a run is kept."""
    return Run(params.run).folder / "estimate.csv"


def _standing(params: Params, options: argparse.Namespace) -> tuple[pd.DataFrame, list[str]] | None:
    """The estimate that was made before, if it is of these params and no other is asked for."""
    path = path_of(params)
    if any(getattr(options, name) for name in CHOICES) or not (path.is_file() and manifest.path_of(path).is_file()):
        return None
    content = json.loads(manifest.path_of(path).read_text(encoding="utf-8"))
    if content["params"] != params.model_dump(mode="json"):
        return None
    return pd.read_csv(path)[list(COLUMNS)], content["assumptions"]


def _made(params: Params, options: argparse.Namespace) -> tuple[pd.DataFrame, list[str]]:
    shape = load(params, options.config)
    assumed = Assumptions(
        device=cost.DEVICES[options.device] if options.device else _this_machine(),
        characters_per_token=3.0 if params.world else 4.0,  # a small vocabulary, many names
    )
    if options.utilisation:
        assumed = replace(assumed, utilisation=options.utilisation)
    said = [f"model of {shape.parameters:,} parameters"]
    if options.probe:
        from honesty_utils.workflow.estimate.probe import probe

        measured = probe(params)
        assumed, said = measured.applied(assumed), [*said, str(measured)]
    if options.answer_tokens:
        assumed = replace(assumed, answer_tokens=options.answer_tokens)
    table = estimate(params, shape, assumed)
    return table, [*said, *assumed.sentences(), *too_large(table, assumed.device)]


def too_large(table: pd.DataFrame, device: cost.Device) -> list[str]:
    """A sentence on each row whose memory no such device has."""
    rows = table[table["memory_gib"] * 2**30 > device.memory]
    return [
        f"{row.stage} of {row.item} does not fit: {row.memory_gib:,.0f} GiB on each of {row.devices} devices of "
        f"{device.memory / 2**30:,.0f} GiB"
        for row in rows.itertuples()
    ]


def _this_machine() -> cost.Device:
    import torch

    if not torch.cuda.is_available():
        return cost.processor()
    name = torch.cuda.get_device_name()
    known = [device for key, device in cost.DEVICES.items() if key.upper() in name.upper().replace(" ", "")]
    if not known:
        raise EstimateError(f"device {name!r} is not known here; name one that is like it with --device")
    return known[-1]


def _write(table: pd.DataFrame, said: list[str], params: Params) -> None:
    path = path_of(params)
    with files.atomic(path) as partial:
        table.to_csv(partial, index=False)
    with files.atomic(manifest.path_of(path)) as partial:
        content = {"params": params.model_dump(mode="json"), "assumptions": said}
        partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def shown(table: pd.DataFrame) -> str:
    """The table as text; what was measured only where something was."""
    table = table.dropna(axis="columns", how="all")
    ratios = [name for name in table if name.startswith("ratio_")]
    numbers = {name: "{:,.0f}".format for name in ("questions", "responses", "prompt_tokens", "answer_tokens")}
    numbers |= {"measured_answer_tokens": "{:,.0f}".format, **{name: "{:.2f}".format for name in ratios}}
    return table.to_string(index=False, formatters=numbers, float_format="{:.3g}".format, na_rep="–")


def total(table: pd.DataFrame) -> str:
    """One line over all rows."""
    hours, memory, disk = table["device_hours"].sum(), table["memory_gib"].max(), table["disk_gib"].sum()
    line = f"Estimated in all: {hours:,.3g} device-hours, {memory:,.3g} GiB a device at most, {disk:,.3g} GiB of disk"
    done = table.dropna(subset=["measured_device_hours"])
    if done.empty:
        return line
    spent = done["measured_device_hours"].sum()
    return (
        f"{line}\nMeasured in {len(done)} of {len(table)} rows: {spent:,.3g} device-hours, "
        f"{spent / done['device_hours'].sum():.2f} times what was estimated for them"
    )
