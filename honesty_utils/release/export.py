"""A trained model, ready to be given away: adapter, whole model and SFT rows, each with its card.

``honesty export params/microworld.yaml absolute --seed 0`` writes ``runs/<run>/export/absolute-seed0/`` and prints
the commands that would upload it. Nothing is uploaded here.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from honesty_utils.common import manifest, records
from honesty_utils.common.errors import HonestyError
from honesty_utils.common.paths import Run
from honesty_utils.common.settings import Prompts
from honesty_utils.engines import gguf, loading
from honesty_utils.engines.settings import Model
from honesty_utils.release import cards
from honesty_utils.results import explore


class ExportError(HonestyError, ValueError):
    """A model that cannot be given away as it is: something is missing, or its licence is not known."""


@dataclass(frozen=True)
class Aligned:
    """A trained model of a run: which one, and what the cards say of how it was made.

    Attributes:
        run: name of the run.
        method: name of the method in its params file.
        seed: of the training.
        model: M_t, its base.
        prompts: wordings of the run.
        sources: where each question set comes from.
        options: of the method.
        invented: M_t is a microworld of invented facts, which is under this project's licence.
    """

    run: str
    method: str
    seed: int
    model: Model
    prompts: Prompts
    sources: Mapping[str, str]
    options: Mapping[str, Any]
    invented: bool = False


@dataclass(frozen=True)
class Exported:
    """Folders that were written; ``adapter`` is none after full fine-tuning."""

    model: Path
    adapter: Path | None
    dataset: Path


def export(aligned: Aligned, to: Path, licence: str | None = None) -> Exported:
    """Write model, adapter and dataset folders with their cards below ``to``, which appears whole or not at all.

    Args:
        aligned: the model.
        to: folder to write; one that is there is replaced.
        licence: of the base model, an identifier of the hub; none: that which the base's own card names.

    Raises:
        ExportError: no such model or table of scores, or a base whose licence is not known.
    """
    facts = gather(aligned, licence)
    partial = to.with_name(f".{to.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        _write(aligned, facts, partial)
        shutil.rmtree(to, ignore_errors=True)
        partial.rename(to)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Exported(to / "model", to / "adapter" if facts.adapter else None, to / "dataset")


def gather(aligned: Aligned, licence: str | None) -> cards.Facts:
    """What the cards say, from the run's manifests and tables.

    Raises:
        ExportError: see `export`.
    """
    run, method, seed = Run(aligned.run), aligned.method, aligned.seed
    model, scores = run.model(method, seed), run.figures / "tab_main.csv"
    for path, notebook in ((model, "40_training"), (run.sft(method), "the method's notebook"), (scores, "60_scores")):
        if not path.exists():
            raise ExportError(f"{path}: not there; run {notebook} for run {aligned.run!r} first")
    table = pd.read_csv(scores)
    record = manifest.read(model, needs=("parameters",))
    if int(record["parameters"]["seed"]) != seed or record["parameters"]["method"] != method:
        raise ExportError(f"{manifest.path_of(model)}: is of another model; train {method} seed {seed} again")
    return cards.Facts(
        run=aligned.run,
        method=method,
        seed=seed,
        base=aligned.model.name or f"the microworld model of run {aligned.run}",
        base_id=_base_id(aligned.model),
        licence=licence or licence_of(aligned),
        adapter=(model / "adapter_config.json").is_file(),
        manifest=record,
        rows=records.read(records.SFT, run.sft(method)),
        scores=table[table["method"] == method],
        prompt=aligned.prompts.honest,
        refusal=aligned.prompts.refusal,
        style=aligned.prompts.style,
        sources=dict(aligned.sources),
        options=dict(aligned.options),
        roster=explore.roster(aligned.run),
    )


def _base_id(model: Model) -> str | None:
    """The base's name on the hub: what a packaged model was made of, none for a folder."""
    name = model.name
    if name in gguf.PACKAGED:
        return gguf.PACKAGED[name].hub
    return None if name is None or gguf.is_gguf(name) or Path(name).is_dir() else name


def licence_of(aligned: Aligned) -> str:
    """Licence of the base: what its own card names; a microworld of invented facts is under this project's.

    Raises:
        ExportError: it names none.
    """
    if aligned.invented:
        return "mit"
    if aligned.model.name in gguf.PACKAGED:
        return gguf.PACKAGED[aligned.model.name].licence
    card = Path(aligned.model.name or "") / "README.md"
    if aligned.model.name and card.is_file():
        _, _, rest = card.read_text(encoding="utf-8").partition("---\n")
        header = yaml.safe_load(rest.partition("\n---")[0])
        if isinstance(header, dict) and header.get("license"):
            return str(header["license"])
    raise ExportError(
        f"{aligned.model.name or aligned.run}: the licence of the base model is not known here, and it binds what is "
        "made of it; look it up on the model's page and give --license, such as --license llama2"
    )


def _write(aligned: Aligned, facts: cards.Facts, to: Path) -> None:
    trained = Run(aligned.run).model(aligned.method, aligned.seed)
    for folder in ("model", "dataset", *(("adapter",) if facts.adapter else ())):
        (to / folder).mkdir(parents=True)
    if facts.adapter:
        shutil.copytree(trained, to / "adapter", dirs_exist_ok=True)
        (to / "adapter" / "README.md").write_text(cards.model_card(facts, adapter=True), encoding="utf-8")
        merge(aligned.model, trained, to / "model")
    else:
        shutil.copytree(trained, to / "model", dirs_exist_ok=True)
    (to / "model" / "README.md").write_text(cards.model_card(facts, adapter=False), encoding="utf-8")
    records.write(facts.rows, records.SFT, to / "dataset" / "train.parquet")
    (to / "dataset" / "README.md").write_text(cards.dataset_card(facts), encoding="utf-8")


def merge(base: Model, adapter: Path, to: Path) -> None:
    """Save the base with ``adapter`` in its weights as an ordinary model folder, in the base's number type."""
    chosen = base.model_copy(update={"name": str(adapter)})
    network, tokenizer = loading.load_model(chosen)
    network.save_pretrained(to)
    tokenizer.save_pretrained(to)


def upload_commands(exported: Exported, name: str) -> list[str]:
    """What a person would type to upload, ``USER`` being an account of the hub."""
    folders = {"": exported.model, "-lora": exported.adapter}
    commands = [f"hf upload USER/{name}{suffix} {folder}" for suffix, folder in folders.items() if folder]
    return [*commands, f"hf upload USER/{name}-sft {exported.dataset} --repo-type dataset"]
