"""Several fine-tuned models of one base made one, without training: what each has learned, as a difference of weights.

TIES and DARE are PEFT's functions, given whole differences: an adapter counts as the matrix that it adds, so that ranks
need not agree and nothing is merged factor by factor. TSV-M (arXiv 2412.00081) is written out.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from peft.utils import merge_utils

from honesty_utils.engines import loading
from honesty_utils.engines.settings import Model
from honesty_utils.training.job import TrainingError

NOTHING = 1e-6
"""Share of the largest singular value at which one counts as none."""
ALIKE = 0.9995
"""Cosine from which on two tensors have no angle worth turning through."""


def task_arithmetic(
    base: torch.Tensor, tuned: Sequence[torch.Tensor], weights: Sequence[float], density: float
) -> torch.Tensor:
    """The base and each model's difference from it, times its weight (Ilharco et al., arXiv 2212.04089)."""
    total = base.clone()
    for one, weight in zip(tuned, weights, strict=True):
        total += weight * (one - base)
    return total


def linear(base: torch.Tensor, tuned: Sequence[torch.Tensor], weights: Sequence[float], density: float) -> torch.Tensor:
    """The weighted mean of the models; weights are divided by their sum."""
    total = torch.zeros_like(base)
    for one, weight in zip(tuned, weights, strict=True):
        total += weight / sum(weights) * one
    return total


def ties(base: torch.Tensor, tuned: Sequence[torch.Tensor], weights: Sequence[float], density: float) -> torch.Tensor:
    """Of each difference the largest ``density``, where most of it agrees on a sign (arXiv 2306.01708)."""
    shares = torch.tensor(weights, device=base.device)
    return base + merge_utils.ties([one - base for one in tuned], shares, density)


def dare(base: torch.Tensor, tuned: Sequence[torch.Tensor], weights: Sequence[float], density: float) -> torch.Tensor:
    """Of each difference a random ``density``, made larger by as much (arXiv 2311.03099)."""
    return base + merge_utils.dare_linear(
        [one - base for one in tuned], torch.tensor(weights, device=base.device), density
    )


def slerp(base: torch.Tensor, tuned: Sequence[torch.Tensor], weights: Sequence[float], density: float) -> torch.Tensor:
    """From the first model to the second along the arc between them, as far as the second's share of the weights."""
    first, second = tuned
    share = weights[1] / sum(weights)
    cosine = torch.nn.functional.cosine_similarity(first.flatten(), second.flatten(), 0).clamp(-1, 1)
    if abs(cosine) > ALIKE or share in (0.0, 1.0):
        return (1 - share) * first + share * second
    angle = torch.acos(cosine)
    return (torch.sin((1 - share) * angle) * first + torch.sin(share * angle) * second) / torch.sin(angle)


def tsv_m(base: torch.Tensor, tuned: Sequence[torch.Tensor], weights: Sequence[float], density: float) -> torch.Tensor:
    """Each difference's first singular vectors, its share of the rank, made orthogonal to those of the others.

    Of what is no matrix the mean of the weighted differences is added.
    """
    differences = [weight * (one - base) for one, weight in zip(tuned, weights, strict=True)]
    if base.dim() != 2:
        return base + sum(differences, torch.zeros_like(base)) / len(differences)
    rank = max(1, min(base.shape) // len(differences))
    kept = []
    for one in differences:
        u, s, v = torch.linalg.svd(one, full_matrices=False)
        # Directions in which nothing was changed, as of an adapter of low rank, would only turn those of the others.
        number = min(rank, int((s > NOTHING * s.max()).sum())) if s.max() > 0 else 0
        kept.append((u[:, :number], s[:number], v[:number]))
    values = torch.cat([s for _, s, _ in kept])
    if not len(values):
        return base.clone()
    left = _orthogonal(torch.cat([u for u, _, _ in kept], 1))
    right = _orthogonal(torch.cat([v.T for _, _, v in kept], 1))
    return base + left @ torch.diag(values) @ right.T


def _orthogonal(columns: torch.Tensor) -> torch.Tensor:
    """The nearest matrix with orthonormal columns."""
    u, _, v = torch.linalg.svd(columns, full_matrices=False)
    return u @ v


WAYS: dict[str, Callable[[torch.Tensor, Sequence[torch.Tensor], Sequence[float], float], torch.Tensor]] = {
    "task_arithmetic": task_arithmetic,
    "linear": linear,
    "ties": ties,
    "dare": dare,
    "slerp": slerp,
    "tsv_m": tsv_m,
}
"""Each takes a tensor of the base, that of every model, their weights and a density, and gives the merged one."""


def merge(
    base: Model, models: Sequence[Model], weights: Sequence[float], way: str, density: float, seed: int
) -> tuple[Any, Any]:
    """The merged network and the base's tokenizer.

    All weights are merged in float32, one tensor at a time, and kept in the base's number type.

    Args:
        base: that all models were trained from.
        models: folders of whole models or of adapters.
        weights: of each.
        way: a key of `WAYS`.
        density: share that `ties` and `dare` keep.
        seed: of what `dare` draws.

    Raises:
        TrainingError: models that are not of one base, `slerp` of another number than two.
        ModelError: a model that cannot be loaded.
    """
    _check(base, models, weights, way)
    # In bfloat16 an adapter that is put on its base would be lost in rounding before its difference is taken.
    network, tokenizer = loading.load_model(_exact(base))
    tuned = [dict(loading.load_model(_exact(one))[0].named_parameters()) for one in models]
    with torch.no_grad():
        for name, weight in network.named_parameters():
            others = []
            for model, parameters in zip(models, tuned, strict=True):
                if name not in parameters or parameters[name].shape != weight.shape:
                    raise TrainingError(f"{model.name}: has no {name} of shape {tuple(weight.shape)}, as its base has")
                others.append(parameters[name].to(weight.device, torch.float32))
            torch.manual_seed(zlib.crc32(f"{seed} {name}".encode()))
            weight.copy_(WAYS[way](weight.float(), others, list(weights), density))
    return network.to(getattr(torch, base.dtype)), tokenizer


def _exact(model: Model) -> Model:
    return model.model_copy(update={"dtype": "float32"})


def _check(base: Model, models: Sequence[Model], weights: Sequence[float], way: str) -> None:
    if way == "slerp" and len(models) != 2:
        raise TrainingError(f"objective way: slerp is between two models, and {len(models)} are given; name two")
    if len(weights) != len(models):
        raise TrainingError(f"{len(weights)} weights for {len(models)} models; give each model one")
    if way in ("linear", "slerp") and not sum(weights):
        raise TrainingError(f"weights {list(weights)} have the sum 0, by which {way} divides; change one")
    for model in models:
        folder = Path(str(model.name))
        if folder.is_dir() and loading.is_adapter(folder) and loading.base_of(model).name != loading.base_of(base).name:
            other = loading.base_of(model).name
            raise TrainingError(f"{model.name}: is an adapter of {other}, not of {base.name}; merge models of one base")


def differences(base: Model, models: Sequence[Model]) -> list[dict[str, Any]]:
    """How far models lie from their base and in which directions: a row a layer, for a look before merging.

    Returns:
        ``name`` of the tensor, ``norm`` of each model's difference, and the ``cosine`` between the first two.
    """
    begin, *tuned = (loading.load_model(_exact(one))[0].requires_grad_(False) for one in (base, *models))
    tuned = [dict(one.named_parameters()) for one in tuned]
    rows = []
    for name, weight in begin.named_parameters():
        gone = [(one[name].float() - weight.float()).flatten() for one in tuned]
        cosine = torch.nn.functional.cosine_similarity(gone[0], gone[1], 0) if len(gone) > 1 else torch.tensor(1.0)
        rows.append({"name": name, "norm": [float(one.norm()) for one in gone], "cosine": float(cosine)})
    return rows
