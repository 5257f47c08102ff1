"""A trained model, ready to be given away: adapter, whole model and SFT rows, each with its card.

``python -m honesty_utils.export params/microworld.yaml absolute --seed 0`` writes ``runs/<run>/export/absolute-seed0/``
and prints the commands that would upload it. Nothing is uploaded here.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml

from honesty_utils import cards, config, manifest, records
from honesty_utils.config import Params
from honesty_utils.engines.loading import ModelError
from honesty_utils.paths import Run


class ExportError(ValueError):
    """A model that cannot be given away as it is: something is missing, or its licence is not known."""


@dataclass(frozen=True)
class Exported:
    """Folders that were written; ``adapter`` is none after full fine-tuning."""

    model: Path
    adapter: Path | None
    dataset: Path


def export(params: Params, method: str, seed: int, to: Path, licence: str | None = None) -> Exported:
    """Write model, adapter and dataset folders with their cards below ``to``, which appears whole or not at all.

    Args:
        params: of the run.
        method: a trained method of it.
        seed: of the model.
        to: folder to write; one that is there is replaced.
        licence: of the base model, an identifier of the hub; none: that which the base's own card names.

    Raises:
        ExportError: no such method, model or table of scores, or a base whose licence is not known.
    """
    facts = gather(params, method, seed, licence)
    partial = to.with_name(f".{to.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        _write(params, Run(params.run).model(method, seed), facts, partial)
        shutil.rmtree(to, ignore_errors=True)
        partial.rename(to)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Exported(to / "model", to / "adapter" if facts.adapter else None, to / "dataset")


def gather(params: Params, method: str, seed: int, licence: str | None) -> cards.Facts:
    """What the cards say, from the run's manifests and tables.

    Raises:
        ExportError: see `export`.
    """
    run = Run(params.run)
    if method not in params.trained:
        raise ExportError(f"{method!r} is no trained method of {params.run}; known: {sorted(params.trained)}")
    model, scores = run.model(method, seed), run.figures / "tab_main.csv"
    for path, notebook in ((model, "40_training"), (run.sft(method), "the method's notebook"), (scores, "60_tables")):
        if not path.exists():
            raise ExportError(f"{path}: not there; run {notebook} for run {params.run!r} first")
    table = pd.read_csv(scores)
    made = manifest.read(model)
    if int(made["parameters"]["seed"]) != seed or made["parameters"]["method"] != method:
        raise ExportError(f"{manifest.path_of(model)}: is of another model; train {method} seed {seed} again")
    return cards.Facts(
        run=params.run,
        method=method,
        seed=seed,
        base=params.model.name or f"the microworld model of run {params.run}",
        base_id=None if params.model.name is None or Path(params.model.name).is_dir() else params.model.name,
        licence=licence or licence_of(params),
        adapter=(model / "adapter_config.json").is_file(),
        made=made,
        rows=records.read(records.SFT, run.sft(method)),
        scores=table[table["method"] == method],
        prompt=params.prompts.honest,
        refusal=params.prompts.refusal,
        style=params.prompts.style,
        sources={name: spec.source for name, spec in params.questions.items()},
        options=dict(params.trained[method].options),
    )


def licence_of(params: Params) -> str:
    """Licence of the base: what its own card names; a microworld of invented facts is under this project's.

    Raises:
        ExportError: it names none.
    """
    if params.world is not None and params.world.source is None:
        return "mit"
    card = Path(params.model.name or "") / "README.md"
    if params.model.name and card.is_file():
        _, _, rest = card.read_text(encoding="utf-8").partition("---\n")
        header = yaml.safe_load(rest.partition("\n---")[0])
        if isinstance(header, dict) and header.get("license"):
            return str(header["license"])
    raise ExportError(
        f"{params.model.name or params.run}: the licence of the base model is not known here, and it binds what is "
        "made of it; look it up on the model's page and give --license, such as --license llama2"
    )


def _write(params: Params, trained: Path, facts: cards.Facts, to: Path) -> None:
    for folder in ("model", "dataset", *(("adapter",) if facts.adapter else ())):
        (to / folder).mkdir(parents=True)
    if facts.adapter:
        shutil.copytree(trained, to / "adapter", dirs_exist_ok=True)
        (to / "adapter" / "README.md").write_text(cards.model_card(facts, adapter=True), encoding="utf-8")
        merge(params, trained, to / "model")
    else:
        shutil.copytree(trained, to / "model", dirs_exist_ok=True)
    (to / "model" / "README.md").write_text(cards.model_card(facts, adapter=False), encoding="utf-8")
    records.write(facts.rows, records.SFT, to / "dataset" / "train.parquet")
    (to / "dataset" / "README.md").write_text(cards.dataset_card(facts), encoding="utf-8")


def merge(params: Params, adapter: Path, to: Path) -> None:
    """Save the base with ``adapter`` in its weights as an ordinary model folder, in the number type of the params."""
    from honesty_utils.engines import loading

    chosen = params.model.model_copy(update={"name": str(adapter)})
    network, tokenizer = loading.load_model(chosen)
    network.save_pretrained(to)
    tokenizer.save_pretrained(to)


def upload_commands(exported: Exported, name: str) -> list[str]:
    """What a person would type to upload, ``USER`` being an account of the hub."""
    folders = {"": exported.model, "-lora": exported.adapter}
    commands = [f"hf upload USER/{name}{suffix} {folder}" for suffix, folder in folders.items() if folder]
    return [*commands, f"hf upload USER/{name}-sft {exported.dataset} --repo-type dataset"]


def main(arguments: list[str] | None = None) -> int:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m honesty_utils.export", description="Write a model with its card.")
    parser.add_argument("params", help="params file of the run")
    parser.add_argument("method", help="a trained method")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--to", type=Path, help="folder to write; default runs/<run>/export/<method>-seed<k>")
    parser.add_argument("--license", help="of the base model, where its own card does not say")
    options = parser.parse_args(arguments)
    try:
        params = config.load(options.params)
        name = f"{options.method}-seed{options.seed}"
        to = options.to or Run(params.run).folder / "export" / name
        exported = export(params, options.method, options.seed, to, options.license)
    except (config.ConfigError, ExportError, ModelError, records.RecordError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"written: {to}\nread the cards, then upload by hand if you want to:")
    print("\n".join(f"  {command}" for command in upload_commands(exported, f"{params.run}-{options.method}")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
