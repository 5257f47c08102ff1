"""``honesty estimate params/x.yaml``: what a run takes, or what it took beside what was estimated.

The table is printed and written to ``runs/<run>/estimate.csv``. What was estimated before a run, with a probe perhaps,
stands until the params change or another estimate is asked for by an option; what was measured is read each time.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from honesty_utils.common import files, manifest
from honesty_utils.common.paths import Run
from honesty_utils.common.settings import ConfigError
from honesty_utils.engines import ModelError
from honesty_utils.questions import QuestionError
from honesty_utils.training import TrainingError
from honesty_utils.workflow import params as params_file
from honesty_utils.workflow.estimate import COLUMNS, EstimateError, cost, estimate, load, measured
from honesty_utils.workflow.estimate.cost import Assumptions
from honesty_utils.workflow.params import Params
from honesty_utils.workflow.worlds import of_world


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; exit status 2 for what the user can put right."""
    parser = argparse.ArgumentParser(prog="honesty estimate", description=__doc__.splitlines()[0])
    parser.add_argument("params")
    parser.add_argument("--data", help="local folder with copies of the question sets")
    others = [
        parser.add_argument("--config", help="config.json of the model, where the model itself is not at hand"),
        parser.add_argument("--probe", action="store_true", help="load the model; measure speed and length of answers"),
        parser.add_argument("--device", choices=sorted(cost.DEVICES), help="GPU to estimate for; none: this machine"),
        parser.add_argument(
            "--utilization", type=float, default=0.4, help="share of the device's speed that is reached"
        ),
        parser.add_argument("--answer-tokens", type=float, help="tokens of a mean answer"),
    ]
    options = parser.parse_args(arguments)
    if not 0 < options.utilization <= 1:
        parser.error(f"--utilization {options.utilization:g}: a share above 0 and of at most 1 is needed")
    if options.answer_tokens is not None and not 0 < options.answer_tokens < math.inf:
        parser.error(f"--answer-tokens {options.answer_tokens:g}: a number above 0 is needed")
    asked = any(getattr(options, other.dest) != other.default for other in others)
    try:
        params = params_file.load(options.params, options.data)
        worlds = len(params.worlds.seeds) if params.worlds else 1
        if params.worlds:
            params = of_world(params, params.worlds.seeds[0])  # all of them take the same
        path = Run(params.run).folder / "estimate.csv"
        content, told = {"params": params.model_dump(mode="json")}, manifest.path_of(path)
        before = json.loads(told.read_text(encoding="utf-8")) if path.is_file() and told.is_file() else {}
        if before.get("params") == content["params"] and not asked:
            table, said = pd.read_csv(path)[list(COLUMNS)], before["assumptions"]
        else:
            table, said = _made(params, options)
        table = measured.beside(table, params)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    except (EstimateError, ModelError, QuestionError, TrainingError) as error:
        print(f"{options.params}: {error}", file=sys.stderr)
        return 2
    with files.atomic(path) as partial:
        table.to_csv(partial, index=False)
    with files.atomic(told) as partial:
        partial.write_text(json.dumps({**content, "assumptions": said}, indent=1) + "\n", encoding="utf-8")
    print("\n".join([*said, "", _shown(table), "", _total(table), *_of_worlds(table, worlds), f"Table: {path}"]))
    return 0


def _made(params: Params, options: argparse.Namespace) -> tuple[pd.DataFrame, list[str]]:
    """An estimate, and what is to be said of it."""
    shape, device = load(params, options.config), cost.DEVICES.get(options.device) or _this_machine()
    # A world has a small vocabulary and many names.
    assumed = Assumptions(device, options.utilization, characters_per_token=3.0 if params.world else 4.0)
    said = [f"model of {shape.parameters:,} parameters"]
    if options.probe:
        assumed, sentence = measured.probe(params, assumed)
        said.append(sentence)
    assumed = replace(assumed, answer_tokens=options.answer_tokens or assumed.answer_tokens)
    table = estimate(params, shape, assumed)
    large = [
        f"{row.stage} of {row.item} does not fit: {row.memory_gib:,.0f} GiB on each of {row.devices} devices of "
        f"{device.memory / 2**30:,.0f} GiB"
        for row in table.itertuples()
        if row.memory_gib * 2**30 > device.memory
    ]
    return table, [*said, *assumed.sentences(), *large]


def _this_machine() -> cost.Device:
    import torch

    if not torch.cuda.is_available():
        return cost.processor()
    name = torch.cuda.get_device_name()
    known = [device for key, device in cost.DEVICES.items() if key.upper() in name.upper().replace(" ", "")]
    if not known:
        raise EstimateError(f"device {name!r} is not known here; name one that is like it with --device")
    return known[-1]


def _shown(table: pd.DataFrame) -> str:
    """The table as text; what was measured only where something was."""
    table = table.dropna(axis="columns", how="all")
    whole = ("questions", "responses", "prompt_tokens", "answer_tokens", "measured_answer_tokens")
    numbers = {name: "{:,.0f}".format for name in whole}
    numbers |= {name: "{:.2f}".format for name in table if name.startswith("ratio_")}
    return table.to_string(index=False, formatters=numbers, float_format="{:.3g}".format, na_rep="–")


def _of_worlds(table: pd.DataFrame, worlds: int) -> list[str]:
    """What several worlds take together; the table is of one of them."""
    if worlds == 1:
        return []
    hours, disk = worlds * table["device_hours"].sum(), worlds * table["disk_gib"].sum()
    return [f"This is one world; all {worlds} take {hours:,.3g} device-hours and {disk:,.3g} GiB of disk"]


def _total(table: pd.DataFrame) -> str:
    hours, memory, disk = table["device_hours"].sum(), table["memory_gib"].max(), table["disk_gib"].sum()
    line = f"Estimated in all: {hours:,.3g} device-hours, {memory:,.3g} GiB a device at most, {disk:,.3g} GiB of disk"
    done = table.dropna(subset=["measured_device_hours"])
    if done.empty:
        return line
    spent, expected = done["measured_device_hours"].sum(), done["device_hours"].sum()
    return (
        f"{line}\nMeasured in {len(done)} of {len(table)} rows: {spent:,.3g} device-hours, "
        f"{spent / expected:.2f} times what was estimated for them"
    )
