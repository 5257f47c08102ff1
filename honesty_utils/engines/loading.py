"""Model folders and hub names: checked, loaded with ``transformers``, PEFT adapters merged into their base.

The checks import nothing heavy and come first, so that a name that is no model fails before any work.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from honesty_utils.common import manifest
from honesty_utils.common.errors import HonestyError
from honesty_utils.engines.settings import Model


class ModelError(HonestyError, ValueError):
    """A model cannot be loaded, or cannot take a prompt."""


class Unanswered(ModelError):
    """A request got no answer, however often it was tried; later it may get one."""


class ServerError(HonestyError, RuntimeError):
    """A server refuses whatever it is asked (a wrong key, an unknown model, an empty account), or is gone."""


PARTS = {
    "config": ("config.json",),
    "weights": ("*.safetensors", "pytorch_model*.bin", "adapter_model.bin"),
    "tokenizer": ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt"),
}
"""What a model folder holds, each as one or more files that match these patterns."""


def model_folder(name: str | None) -> Path | None:
    """Checked folder of a local model or PEFT adapter, or ``None`` if ``name`` is a hub name.

    Raises:
        ModelError: no name; a path that is no folder; a folder without config, weights or tokenizer.
    """
    remedy = "give a model folder or a hub name such as 'org/model'"
    if not name:
        raise ModelError(f"model.name: {name!r}; {remedy}")
    folder = Path(name)
    if not folder.is_dir():
        if folder.exists() or folder.is_absolute() or name.startswith(".") or len(folder.parts) > 2:
            raise ModelError(f"model.name: {name!r} is no folder; {remedy}")
        return None
    # An adapter has weights only; config and, as a rule, tokenizer are those of its base model.
    for part in ("weights",) if is_adapter(folder) else PARTS:
        if not has(folder, part):
            raise ModelError(
                f"model.name: {name!r} has no {part} (none of {', '.join(PARTS[part])}); "
                "give a folder that save_pretrained of a model and of its tokenizer have written"
            )
    return folder


def model_digest(model: Model) -> str:
    """What the responses of a model depend on: the bytes of a folder and of an adapter's base, or name and revision.

    Raises:
        ModelError: as `model_folder`.
    """
    folder = model_folder(model.name)
    if folder is None:
        return f"{model.name}@{model.revision or 'main'} {model.dtype}"
    if is_adapter(folder):
        return f"{manifest.content_hash(folder)} on {model_digest(base_of(model))}"
    return f"{manifest.content_hash(folder)} {model.dtype}"


def is_adapter(folder: Path) -> bool:
    """Whether a model folder is a PEFT adapter, which needs a base model."""
    return (folder / "adapter_config.json").is_file()


def adapter_config(folder: Path) -> dict[str, Any]:
    """PEFT's own description of an adapter.

    Raises:
        ModelError: a file that holds none.
    """
    file = folder / "adapter_config.json"
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{file}: is no JSON that can be read ({first_line(error)}); save the adapter anew") from None
    if not isinstance(content, dict):
        raise ModelError(f"{file}: holds {type(content).__name__}; PEFT's description of an adapter is needed")
    return content


def base_of(model: Model) -> Model:
    """The model that an adapter was trained on; any other model is its own base.

    Without a revision in the adapter's folder, where PEFT leaves it empty, that of ``model`` stands.

    Raises:
        ModelError: as `model_folder`; an adapter that names no base model.
    """
    folder = model_folder(model.name)
    if folder is None or not is_adapter(folder):
        return model
    content = adapter_config(folder)
    base, revision = content.get("base_model_name_or_path"), content.get("revision") or model.revision
    if not base:
        raise ModelError(f"{folder / 'adapter_config.json'}: base_model_name_or_path is {base!r}; name the base model")
    above, place = {folder.resolve()}, Path(base)
    while is_adapter(place):
        if place.resolve() in above:
            circle = "" if len(above) == 1 else ", through other adapters"
            raise ModelError(
                f"{folder / 'adapter_config.json'}: names the adapter itself as its base{circle}; name the base model"
            )
        above.add(place.resolve())
        place = Path(adapter_config(place).get("base_model_name_or_path") or folder)
    return model.model_copy(update={"name": base, "revision": revision})


def load_model(model: Model) -> tuple[Any, Any]:
    """Model (evaluation mode, on its device) and tokenizer; a PEFT adapter is merged into its base.

    Raises:
        ModelError: names the folder or hub name and what is wrong with it, or the device.
    """
    folder = model_folder(model.name)
    device = _device(model.device)
    if folder is not None and is_adapter(folder):
        network, tokenizer = _load_adapter(model, folder)
    else:
        network, tokenizer = _load_whole(model, local=folder is not None)
    return network.to(device).eval(), tokenizer


def _load_whole(model: Model, local: bool) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    options = {} if local or model.revision is None else {"revision": model.revision}
    try:
        network, report = AutoModelForCausalLM.from_pretrained(
            model.name,
            dtype=getattr(torch, model.dtype),
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they come back with the report, and are an error below
            **options,
            trust_remote_code=False,
        )
        tokenizer = AutoTokenizer.from_pretrained(model.name, **options, trust_remote_code=False)
    except MemoryError:
        raise
    except Exception as error:  # readers of broken files raise errors of every kind
        raise ModelError(
            f"model.name: {model.name!r} is no causal language model that loads: {reason(error)}"
        ) from error
    _check_report(str(model.name), report)
    return network, tokenizer


def _check_report(name: str, report: dict[str, Any]) -> None:
    """Hold weights to their config: what does not fit ``transformers`` fills with random numbers, or leaves out."""
    other = {key: f"{tuple(found)} in place of {tuple(wanted)}" for key, found, wanted in report["mismatched_keys"]}
    if other:
        raise ModelError(f"model.name: {name!r}: weights of another size than config.json says: {_first(other)}")
    if report["missing_keys"]:
        raise ModelError(f"model.name: {name!r}: its weights lack {sorted(report['missing_keys'])[:3]}; save it anew")
    # Weights beside the model's are common (heads, buffers); whole layers that are left out are another model.
    layers = sorted(key for key in report["unexpected_keys"] if re.search(r"(^|\.)(layers|h|blocks)\.\d+\.", key))
    if layers:
        raise ModelError(
            f"model.name: {name!r}: its weights have layers that config.json does not name, such as {layers[0]}; "
            "save it anew"
        )


def _first(found: dict[str, str], most: int = 3) -> str:
    return ", ".join(f"{key} {found[key]}" for key in sorted(found)[:most])


def _load_adapter(model: Model, folder: Path) -> tuple[Any, Any]:
    from peft import PeftModel
    from transformers import AutoTokenizer

    try:
        network, tokenizer = load_model(base_of(model))
    except ModelError as error:
        raise ModelError(f"{folder}: base model of this adapter: {error}") from error
    if has(folder, "tokenizer"):
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        except Exception as error:  # readers of broken files raise errors of every kind
            raise ModelError(f"{folder}: has no tokenizer that loads: {reason(error)}") from error
    # PEFT freezes the base. Of weights that need no gradient torch makes a copy for every row that they are multiplied
    # with, where the rows are a slice: of the last layer that is gigabytes (`torch.matmul` folds a batch otherwise).
    try:
        adapted = PeftModel.from_pretrained(network, str(folder))
    except MemoryError:
        raise
    except Exception as error:
        raise ModelError(f"{folder}: is no adapter of its base that loads: {reason(error)}") from error
    return adapted.merge_and_unload().requires_grad_(True), tokenizer


def reason(error: Exception) -> str:
    """What is wrong with weights; the libraries' own advice for code within a model is to run it."""
    if "custom code" in str(error):
        return "it comes with code of its own, which is not run; take a model that transformers knows by itself"
    if "weights_only" in str(error) or "weights only" in str(error).lower():
        return "its weights are a pickle that holds more than numbers, which is not read; save it as safetensors"
    return first_line(error)


def first_line(error: BaseException) -> str:
    """What an error says first, for a message of our own."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def has(folder: Path, part: str) -> bool:
    """Whether a model folder holds one of `PARTS`."""
    return any(path for pattern in PARTS[part] for path in folder.glob(pattern))


def _device(name: str) -> Any:
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise ModelError(f"model.device: {name!r}: {first_line(error)}; allowed: auto, cpu, cuda, cuda:1, …") from None
