"""The order of rows: the same on any number of devices, and known for each epoch, so that training can resume."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from transformers.trainer_pt_utils import get_length_grouped_indices

WINDOW = 16
"""Groups within which rows are sorted: the more, the less padding and the less chance."""


class RowOrder(torch.utils.data.Sampler[int]):
    """Places of rows, drawn anew for each epoch from ``seed + epoch``.

    Transformers' own sampler by length draws from the global random numbers, which are elsewhere after a resume: rows
    would be seen twice and others never.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        batch: int,
        seed: int,
        *,
        devices: int = 1,
        group: int | None = None,
        fill: bool = True,
    ) -> None:
        """Set up the order.

        Args:
            lengths: tokens of each row.
            batch: rows at a time, on all devices.
            seed: of the first epoch.
            group: put rows of like length into groups of so many, those of one step; none: at random.
            devices: with more than one, the last batch is filled up with the place behind the last row, where the
                data has a row without anything to learn. Accelerate would fill it with rows seen before.
            fill: false, with several devices: leave out the rows that fill no batch, other ones in each epoch.
        """
        self.lengths, self.seed, self.group = list(lengths), seed, group
        self.fillers = -len(self.lengths) % batch if devices > 1 and fill else 0
        self.left_out = len(self.lengths) % batch if devices > 1 and not fill else 0
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called before every epoch, by accelerate."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths) + self.fillers - self.left_out

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed + self.epoch)
        if self.group is not None:
            order = self._grouped(self.group, generator)
        else:
            order = torch.randperm(len(self.lengths), generator=generator).tolist()
        return iter(order[: len(order) - self.left_out] + [len(self.lengths)] * self.fillers)

    def _grouped(self, size: int, generator: torch.Generator) -> list[int]:
        """Groups of like length in random order: from long to short, what is learned last would be the short ones."""
        order = get_length_grouped_indices(self.lengths, size, WINDOW, generator)
        whole = len(order) // size
        shuffled = torch.randperm(whole, generator=generator).tolist()
        return [place for i in shuffled for place in order[i * size : (i + 1) * size]] + order[whole * size :]
