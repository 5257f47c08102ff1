"""Check a params file and the local files it names before any work: ``python -m honesty_utils.preflight FILE``."""

from __future__ import annotations

import argparse
import sys

from honesty_utils import engines, judge, questions
from honesty_utils.config import ConfigError, Judge, Params, load
from honesty_utils.training import launch


def preflight(params: Params) -> None:
    """Read what lies on this machine before any work: question files, what the engines need, layouts of devices.

    Engines need their package, a model folder that is one, the key of their server. Sets that come from the hub are
    left for the notebook that loads them.

    Raises:
        ValueError: names the set, file, line or folder, and the remedy.
    """
    for stage in (params.sampling, params.evaluation):
        engines.check(params.model if params.model.name is not None else None, stage)
    if params.judge is not None:
        _judge(params.judge)
    taught = params.world.source or {} if params.world else {}
    for name, spec in {**params.questions, **taught}.items():
        if spec.source not in questions.MADE and (spec.path or params.data or spec.source in questions.FILES):
            questions.load(name, spec, params.data)
    for method in params.trained:
        launch.layout(params.training_of(method))


def _judge(section: Judge) -> None:
    try:
        engines.check(section.model, section)
        if section.labelled is not None:
            judge.read_labelled(section.labelled)
    except ValueError as error:
        raise ConfigError(f"judge: {error}") from error


def main(arguments: list[str] | None = None) -> int:
    """Command line: check a params file and say what the run will do."""
    parser = argparse.ArgumentParser(prog="python -m honesty_utils.preflight", description="Check a params file.")
    parser.add_argument("params")
    parser.add_argument("--data", help="local folder with copies of the question sets")
    options = parser.parse_args(arguments)
    try:
        params = load(options.params, options.data)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        preflight(params)
    except ValueError as error:
        print(f"{options.params}: {error}", file=sys.stderr)
        return 2
    models = sum(len(params.training_of(name).seeds) for name in params.trained)
    print(
        f"{options.params}: run {params.run!r}, {len(params.trained)} methods, {models} models to train, "
        f"{len(params.evaluation.datasets)} evaluation sets"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
