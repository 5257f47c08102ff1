"""The size of a model from its config alone: no weights are read, no memory is taken."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from honesty_utils.common.paths import Run
from honesty_utils.engines import ModelError, loading
from honesty_utils.training.settings import Training
from honesty_utils.workflow.params import Params


class EstimateError(ValueError):
    """What a run takes cannot be told: no config of its model, or no size of a question set."""


@dataclass(frozen=True)
class Shape:
    """What time and memory depend on.

    Attributes:
        parameters: all of them, tied ones once; of a mixture of experts, all experts.
        layers: transformer blocks.
        hidden: width of the residual stream.
        intermediate: width inside the feed-forward part.
        heads: attention heads.
        key_value: width of keys and of values in one layer, heads times their size.
        vocabulary: rows of the output layer.
        embedding: parameters of embedding and output layer, tied ones once.
        config: the ``transformers`` config that this was read from.
    """

    parameters: int
    layers: int
    hidden: int
    intermediate: int
    heads: int
    key_value: int
    vocabulary: int
    embedding: int
    config: Any = field(repr=False, compare=False)


def load(params: Params, config: str | Path | None = None) -> Shape:
    """Shape of the model of a run.

    Args:
        params: names the model, or describes a world's.
        config: a model's ``config.json``, or the folder that holds one, in place of what ``params`` names.

    Raises:
        EstimateError: no config to be found; names the remedy.
    """
    if config is not None:
        if not Path(config).exists():
            raise EstimateError(f"--config {config}: not there; give a model's config.json, or a folder that holds one")
        return of_config(_read(str(config), None, "give a model's config.json, as save_pretrained writes it"))
    if params.model.name is not None:
        return of_config(_named(params.model.name, params.model.revision))
    base_model = Run(params.run).base_model
    if base_model.is_dir():
        return of_config(_named(str(base_model), None))
    if params.world is None:
        raise EstimateError("model.name: none, and no world that would make a model; name one")
    from honesty_utils.world import pretraining

    return of_config(pretraining.shape(params.world.pretraining, params.world.pretraining.vocab_size))


def _named(name: str, revision: str | None) -> Any:
    remedy = f"give the config of {name!r} with --config path/config.json, or a local folder as model.name"
    try:
        folder = loading.model_folder(name)
    except ModelError as error:
        raise EstimateError(str(error)) from None
    if folder is not None and not (folder / "config.json").is_file():
        raise EstimateError(f"model.name: {name!r} is an adapter, without the config of its base model; {remedy}")
    return _read(name, revision, remedy)


def _read(name: str, revision: str | None, remedy: str) -> Any:
    from transformers import AutoConfig

    options = {} if revision is None else {"revision": revision}
    try:
        return AutoConfig.from_pretrained(name, **options)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise EstimateError(f"model config of {name!r}: {reason} {remedy}") from None


def of_config(config: Any) -> Shape:
    """Shape of the causal language model that ``config`` describes, which is built without memory to be counted.

    Raises:
        EstimateError: ``transformers`` knows no such model.
    """
    text = config.get_text_config()
    try:
        heads = text.num_attention_heads
        size = getattr(text, "head_dim", None) or text.hidden_size // heads
        network = _empty_model(config)
        ends = {id(end.weight): end.weight for end in (network.get_input_embeddings(), network.get_output_embeddings())}
        return Shape(
            parameters=sum(parameter.numel() for parameter in network.parameters()),
            layers=text.num_hidden_layers,
            hidden=text.hidden_size,
            intermediate=getattr(text, "intermediate_size", None) or 4 * text.hidden_size,
            heads=heads,
            key_value=size * (getattr(text, "num_key_value_heads", None) or heads),
            vocabulary=text.vocab_size,
            embedding=sum(weight.numel() for weight in ends.values()),
            config=config,
        )
    except (ValueError, AttributeError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise EstimateError(f"{type(config).__name__}: describes no causal language model ({reason})") from None


def adapter_parameters(shape: Shape, training: Training) -> int:
    """Trainable parameters of the LoRA adapter that ``training`` puts on the model, counted by PEFT itself."""
    return _adapter(shape, training.lora_rank, training.lora_target_modules)


@cache  # of the methods of a run nearly all have the same
def _adapter(shape: Shape, rank: int, targets: str | tuple[str, ...]) -> int:
    from peft import LoraConfig, get_peft_model

    chosen = targets if isinstance(targets, str) else list(targets)
    lora = LoraConfig(r=rank, target_modules=chosen, task_type="CAUSAL_LM")
    model = get_peft_model(_empty_model(shape.config), lora, low_cpu_mem_usage=True)
    return int(model.get_nb_trainable_parameters()[0])


def _empty_model(config: Any) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config)
