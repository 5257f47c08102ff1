"""``honesty export PARAMS METHOD``: a trained model of a run, written with its cards."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from honesty_utils.common import records
from honesty_utils.common.paths import Run
from honesty_utils.common.settings import ConfigError
from honesty_utils.engines.loading import ModelError
from honesty_utils.methods import METHODS
from honesty_utils.release.export import Aligned, ExportError, export, upload_commands
from honesty_utils.workflow.params import Params, load


def aligned(params: Params, method: str, seed: int) -> Aligned:
    """The model of one method and seed, with what the cards say of it.

    Raises:
        ExportError: no such method, or one whose refusals no model folder holds.
    """
    if method not in params.trained:
        raise ExportError(f"{method!r} is no trained method of {params.run}; known: {sorted(params.trained)}")
    kind = METHODS[params.trained[method].method]
    if kind.answer.signals:
        raise ExportError(
            f"{method!r} withholds answers by a rule on a signal, which is no part of a model: its folder would answer "
            "everything; export a method whose model refuses by itself"
        )
    if kind.stages[-1].objective != "sft" or kind.answer.words is not None:
        raise ExportError(
            f"{method!r} is no fine-tuning on rows that answers under the run's own prompt; cards and a dataset can be "
            "written of such alone: upload the folder of its model by hand"
        )
    return Aligned(
        run=params.run,
        method=method,
        seed=seed,
        model=params.model,
        prompts=params.prompts,
        sources={name: spec.source for name, spec in params.questions.items()},
        options=dict(params.trained[method].options),
        invented=params.world is not None and params.world.source is None,
    )


def main(arguments: list[str] | None = None) -> int:
    """Command line: params file, method, seed."""
    parser = argparse.ArgumentParser(prog="honesty export", description="Write a model with its card.")
    parser.add_argument("params", help="params file of the run")
    parser.add_argument("method", help="a trained method")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--to", type=Path, help="folder to write; default runs/<run>/export/<method>-seed<k>")
    parser.add_argument("--license", help="of the base model, where its own card does not say")
    options = parser.parse_args(arguments)
    try:
        params = load(options.params)
        to = options.to or Run(params.run).folder / "export" / f"{options.method}-seed{options.seed}"
        exported = export(aligned(params, options.method, options.seed), to, options.license)
    except (ConfigError, ExportError, ModelError, records.RecordError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"written: {to}\nread the cards, then upload by hand if you want to:")
    print("\n".join(f"  {command}" for command in upload_commands(exported, f"{params.run}-{options.method}")))
    return 0
