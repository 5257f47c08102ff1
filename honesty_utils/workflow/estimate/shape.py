"""The size of a model from its config alone: no weights are read, no memory is taken."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from honesty_utils.common.errors import HonestyError
from honesty_utils.engines import gguf, loading
from honesty_utils.workflow.opened import base_model
from honesty_utils.workflow.params import Params


class EstimateError(HonestyError, ValueError):
    """What a run takes cannot be told: no config of its model, or no size of a question set."""


@dataclass(frozen=True)
class Shape:
    """What time and memory depend on."""

    parameters: int  # all of them, tied ones once; of a mixture of experts, all experts
    layers: int
    hidden: int  # width of the residual stream
    intermediate: int  # width inside the feed-forward part
    heads: int  # of attention
    key_value: int  # width of keys and of values in one layer, heads times their size
    vocabulary: int  # rows of the output layer
    embedding: int  # parameters of embedding and output layer, tied ones once
    config: Any = field(repr=False, compare=False)  # of transformers, from which this was read


def load(params: Params, config: str | Path | None = None) -> Shape:
    """Shape of the model of a run; ``config`` is a ``config.json`` or its folder, in place of what ``params`` names.

    Raises:
        EstimateError: no config to be found; names the remedy.
        ModelError: a folder that is none of a model.
    """
    from transformers import AutoConfig

    model = base_model(params)
    name, revision = str(config or model.name), None if config else model.revision
    if config and not Path(config).exists():
        raise EstimateError(f"--config {config}: not there; give a model's config.json, or a folder that holds one")
    if not config and params.world and params.model.name is None and not Path(name).is_dir():
        from honesty_utils.world import pretraining

        return of_config(pretraining.shape(params.world.pretraining, params.world.pretraining.vocab_size))
    options: dict[str, Any] = {"revision": revision} if revision else {}
    if not config and gguf.is_gguf(params.model.name) and not Path(name).is_dir():
        file = gguf.find(str(params.model.name))
        name, options = str(file.parent), {"gguf_file": file.name}
    elif not config:
        loading.model_folder(name)
    try:
        found = AutoConfig.from_pretrained(name, **options, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().partition("\n")[0]
        remedy = "give the model's config, as save_pretrained writes it, with --config path/config.json"
        raise EstimateError(f"model config of {name!r}: {reason} {remedy}") from None
    return of_config(found)


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


@cache  # of the methods of a run nearly all have the same
def adapter_parameters(shape: Shape, rank: int, targets: str | tuple[str, ...]) -> int:
    """Trainable parameters of a LoRA adapter on the model, counted by PEFT itself."""
    from peft import LoraConfig, get_peft_model

    chosen = targets if isinstance(targets, str) else list(targets)
    lora = LoraConfig(r=rank, target_modules=chosen, task_type="CAUSAL_LM")
    model = get_peft_model(_empty_model(shape.config), lora, low_cpu_mem_usage=True)
    return int(model.get_nb_trainable_parameters()[0])


def _empty_model(config: Any) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config, trust_remote_code=False)
